import type { Block } from '../../../ir/block.ts';
import { leadingTo, predecessors } from './cfg.ts';
import { NO_INSTRUCTION } from './flow.ts';

interface Graph {
  readonly blocks: readonly Block[];
  readonly succs: readonly (readonly number[])[];
}

export interface CrossedGraph extends Graph {
  /** Blocks that are none: where all ways into a loop with several entries meet, pcLocal telling which entry is meant. */
  readonly crossings: ReadonlySet<number>;
}

/** Sets of blocks of `inside` that lead to each other within it. */
const cycles = (
  inside: ReadonlySet<number>,
  succs: readonly (readonly number[])[],
  preds: readonly (readonly number[])[],
): Set<number>[] => {
  const within = (edges: readonly (readonly number[])[]): readonly (readonly number[])[] =>
    edges.map((next, b) => (inside.has(b) ? next.filter((s) => inside.has(s)) : []));
  const [forward, back] = [within(succs), within(preds)];
  const seen = new Set<number>();
  const found: Set<number>[] = [];
  for (const b of inside) {
    if (seen.has(b)) continue;
    const cycle = leadingTo([b], back).intersection(leadingTo([b], forward));
    for (const other of cycle) seen.add(other);
    if (cycle.size > 1) found.push(cycle);
  }
  return found;
};

/**
 * The graph with a block in front of each loop with several entries, through which all ways to these go (as LLVM's
 * WebAssemblyFixIrreducibleControlFlow has it): a comparison or two at each turn, where an irreducible edge leaves the region
 * and copies of the blocks are too large. `fixed` is a block that cannot be meant by its pc, and neither can be two with the
 * same; loops with entries that `may` denies are left as they are.
 */
export const crossed = (graph: Graph, fixed: number, may: (block: Block) => boolean): CrossedGraph => {
  const blocks = [...graph.blocks];
  const succs = [...graph.succs];
  const crossings = new Set<number>();
  const add = (block: Block, next: readonly number[]): number => {
    succs.push(next);
    return blocks.push(block) - 1;
  };
  /** The crossing in front of a loop. */
  const cross = (entries: readonly number[]): number => {
    const crossing = add(NO_INSTRUCTION, entries);
    crossings.add(crossing);
    for (let b = 0; b < crossing; b++) {
      const next = succs[b] as readonly number[];
      if (!next.some((s) => entries.includes(s))) continue;
      // a dispatch block goes to those that have the pcs
      const over = (s: number): number => {
        const { pc } = blocks[s] as Block;
        return b === fixed
          ? add({ ...NO_INSTRUCTION, pc, end: pc, terminal: { kind: 'jump', target: pc } }, [crossing])
          : crossing;
      };
      succs[b] = next.map((s) => (entries.includes(s) ? over(s) : s));
    }
    return crossing;
  };
  const work: ReadonlySet<number>[] = [leadingTo([0], succs)];
  for (let inside = work.pop(); inside; inside = work.pop()) {
    const preds = predecessors(succs);
    for (const cycle of cycles(inside, succs, preds)) {
      const entries = [...cycle].filter((b) => b === 0 || preds[b]?.some((p) => !cycle.has(p)));
      let [header] = entries as [number];
      if (entries.length > 1) {
        const pcs = new Set(entries.map((b) => (blocks[b] as Block).pc));
        const can = (b: number): boolean =>
          b !== 0 && b !== fixed && (blocks[b] as Block).pc >= 0 && may(blocks[b] as Block);
        if (pcs.size < entries.length || !entries.every(can)) continue;
        header = cross(entries);
      }
      const rest = new Set(cycle);
      rest.delete(header);
      work.push(rest);
    }
  }
  return { blocks, succs, crossings };
};
