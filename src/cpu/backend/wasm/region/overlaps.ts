import type { Block } from '../../../ir/block.ts';
import { irreducibleEdges } from './cfg.ts';
import { successorPcs } from './flow.ts';
import type { RegionLifter } from './lifter.ts';

/**
 * Blocks go up to a branch, so that one may begin inside another: where a loop is entered in its middle by a jump, code from
 * there on is in two blocks, and the loop has both ways out of them for entries. If that makes the graph irreducible, those
 * blocks are cut where others begin, if it is better so.
 */
export const cutOverlaps = (
  order: readonly number[],
  lifted: Map<number, Block>,
  targets: ReadonlySet<number>,
  lifter: RegionLifter,
): void => {
  const index = new Map(order.map((pc, i) => [pc, i]));
  const entering = (at: (pc: number) => Block): number => {
    const succs = order.map((pc) =>
      successorPcs(at(pc), targets)
        .map((next) => index.get(next))
        .filter((i) => i !== undefined),
    );
    return irreducibleEdges(succs).length;
  };
  const whole = (pc: number): Block => lifted.get(pc) as Block;
  const before = entering(whole);
  if (before === 0) return;
  const cut = new Map<number, { readonly front: Block; readonly end: number }>();
  const sorted = [...order].sort((x, y) => x - y);
  for (const [i, pc] of sorted.entries()) {
    const block = whole(pc);
    // the first block behind its first instruction that ends where it does
    const inner = sorted.slice(i + 1).find((other) => other < block.end && whole(other).end === block.end);
    if (inner === undefined) continue;
    const front = lifter.front(pc, inner);
    if (front && front.count + whole(inner).count === block.count) cut.set(pc, { front, end: inner });
  }
  if (cut.size === 0 || entering((pc) => cut.get(pc)?.front ?? whole(pc)) >= before) return;
  for (const [pc, { front, end }] of cut) {
    lifter.cut(pc, end);
    lifted.set(pc, front);
  }
};
