import type { Block } from '../../../ir/block.ts';
import { analyse, type Cfg, edgeKey } from './cfg.ts';

/** Most operations in blocks that are there twice. */
const MOST_OPS = 400;

interface Graph {
  readonly blocks: readonly Block[];
  readonly succs: readonly (readonly number[])[];
  readonly cfg: Cfg;
}

/**
 * The graph with copies of the blocks that loops are entered at other than by their headers (Janssen and Corporaal, "Making
 * graphs reducible with controlled node splitting", TOPLAS 1997): an edge that is left irreducible leaves the region.
 * `fixed` is a block that cannot be copied; `copy` makes another one of a block's code, or null; those that `mayCopy` denies
 * are left as they are.
 */
export const reducible = (
  blocks: readonly Block[],
  succs: readonly (readonly number[])[],
  fixed: number,
  copy: (block: Block) => Block | null,
  mayCopy: (block: Block) => boolean = () => true,
): Graph => {
  const all = [...blocks];
  const edges = [...succs];
  for (let left = MOST_OPS; ; ) {
    const cfg = analyse(edges);
    const size = (b: number): number => (all[b] as Block).ops.length;
    const enters = (from: number, to: number): boolean => cfg.irreducible.has(edgeKey(from, to));
    const targets = new Set(cfg.rpo.flatMap((b) => (edges[b] as number[]).filter((s) => enters(b, s) && s !== fixed)));
    const smallest = [...targets].sort((x, y) => size(x) - size(y));
    const target = smallest.find((b) => size(b) <= left && mayCopy(all[b] as Block));
    const made = target === undefined ? null : copy(all[target] as Block);
    if (target === undefined || !made) return { blocks: all, succs: edges, cfg };
    left -= made.ops.length + 1;
    const twin = all.push(made) - 1;
    edges.push(edges[target] as readonly number[]);
    for (const b of cfg.rpo) {
      if (enters(b, target)) edges[b] = (edges[b] as readonly number[]).map((s) => (s === target ? twin : s));
    }
  }
};
