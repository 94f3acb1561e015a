import type { Block } from '../../../ir/block.ts';
import { analyse, type Cfg, irreducibleEdges } from './cfg.ts';

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
    const entering = irreducibleEdges(edges);
    // the smallest one, the first of several
    let target = -1;
    let size = left + 1;
    for (let i = 1; i < entering.length; i += 2) {
      const b = entering[i] as number;
      const block = all[b] as Block;
      if (b === fixed || block.ops.length >= size || !mayCopy(block)) continue;
      target = b;
      size = block.ops.length;
    }
    const made = target < 0 ? null : copy(all[target] as Block);
    if (!made) return { blocks: all, succs: edges, cfg: analyse(edges) };
    left -= made.ops.length + 1;
    const twin = all.push(made) - 1;
    edges.push(edges[target] as readonly number[]);
    for (let i = 0; i < entering.length; i += 2) {
      if (entering[i + 1] !== target) continue;
      const from = entering[i] as number;
      edges[from] = (edges[from] as readonly number[]).map((s) => (s === target ? twin : s));
    }
  }
};
