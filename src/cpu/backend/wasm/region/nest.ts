import type { Block } from '../../../ir/block.ts';

interface Graph {
  readonly blocks: readonly Block[];
  readonly succs: readonly (readonly number[])[];
}

/** The root, and the blocks from which control may come to `latch` without passing it. */
const bodyOf = (latch: number, preds: readonly (readonly number[])[]): ReadonlySet<number> => {
  const body = new Set([0, latch]);
  const work = latch === 0 ? [] : [latch];
  for (let b = work.pop(); b !== undefined; b = work.pop()) {
    for (const from of preds[b] as readonly number[]) {
      if (body.has(from)) continue;
      body.add(from);
      work.push(from);
    }
  }
  return body;
};

/**
 * A region that begins at the header of an inner loop has the loop around it too, by edges that go back to the same block:
 * one loop for V8, which keeps the registers of both in it. The outer one gets a header of its own, an empty block in front;
 * the root's code is the last block then. As it is where no loop is certain to lie in another, as the ways through one loop
 * that ends in several places.
 */
export const nested = ({ blocks, succs }: Graph): Graph => {
  const graph = { blocks, succs };
  const preds = blocks.map((): number[] => []);
  for (const [b, next] of succs.entries()) for (const s of next) preds[s]?.push(b);
  const latches = [...new Set(preds[0])];
  if (latches.length < 2) return graph;
  const bodies = new Map(latches.map((latch) => [latch, bodyOf(latch, preds)]));
  const [inner] = [...bodies.values()].sort((x, y) => x.size - y.size) as [ReadonlySet<number>];
  const outside = latches.filter((latch) => !inner.has(latch));
  const inside = latches.filter((latch) => inner.has(latch));
  const around = (latch: number): boolean => inside.every((other) => bodies.get(latch)?.has(other));
  if (outside.length === 0 || !outside.every(around)) return graph;
  const root = blocks[0] as Block;
  const last = blocks.length;
  const header: Block = {
    pc: root.pc,
    end: root.pc,
    ops: [],
    reads: [],
    terminal: { kind: 'jump', target: root.pc },
    count: 0,
    flagsIn: -1,
    readsFlags: false,
    setsFlags: false,
    flagsOut: -1,
  };
  const edges = succs.map((next, b) => (inside.includes(b) ? next.map((s) => (s === 0 ? last : s)) : next));
  return {
    blocks: [header, ...blocks.slice(1), root],
    succs: [[last], ...edges.slice(1), edges[0] as readonly number[]],
  };
};
