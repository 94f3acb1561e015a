import type { Block } from '../../../ir/block.ts';
import { leadingTo, predecessors } from './cfg.ts';

interface Graph {
  readonly blocks: readonly Block[];
  readonly succs: readonly (readonly number[])[];
}

/**
 * A region that begins at the header of an inner loop has the loop around it too, by edges that go back to the same block:
 * one loop for V8, which keeps the registers of both in it. The outer one gets a header of its own, an empty block in front;
 * the root's code is the last block then. As it is where no loop is certain to lie in another, as the ways through one loop
 * that ends in several places.
 */
export const nested = ({ blocks, succs }: Graph): Graph => {
  const graph = { blocks, succs };
  const preds = predecessors(succs);
  const latches = [...new Set(preds[0])];
  if (latches.length < 2) return graph;
  // without passing the root
  const bodies = new Map(latches.map((latch) => [latch, leadingTo([latch], preds, new Set([0]))]));
  const [inner] = [...bodies.values()].sort((x, y) => x.size - y.size) as [Set<number>];
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
