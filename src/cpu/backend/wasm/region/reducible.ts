import type { Block } from '../../../ir/block.ts';
import { analyse, type Cfg, irreducibleEdges } from './cfg.ts';
import { type CrossedGraph, crossed } from './crossings.ts';

/** Most operations in blocks that are there twice. */
const MOST_OPS = 400;

const NONE: ReadonlySet<number> = new Set();

interface Graph extends CrossedGraph {
  readonly cfg: Cfg;
}

/**
 * The graph with every loop entered at one block: with copies of the blocks that loops are entered at other than by their
 * headers, or with crossings in front of such loops where copies would have to be many. An edge that is left irreducible
 * leaves the region. `fixed` is a block that cannot be copied; `copy` makes another one of a block's code, or null; those that
 * `may` denies are left as they are.
 */
export const reducible = (
  blocks: readonly Block[],
  succs: readonly (readonly number[])[],
  fixed: number,
  copy: (block: Block) => Block | null,
  may: (block: Block) => boolean = () => true,
): Graph => {
  const isReducible = ({ blocks, succs }: CrossedGraph): boolean => {
    const entering = irreducibleEdges(succs);
    for (let i = 1; i < entering.length; i += 2) if (may(blocks[entering[i] as number] as Block)) return false;
    return true;
  };
  let graph = copied(blocks, succs, fixed, copy, may);
  if (!isReducible(graph)) {
    const other = crossed({ blocks, succs }, fixed, may);
    if (isReducible(other)) graph = other;
  }
  return { ...graph, cfg: analyse(graph.succs) };
};

/** By copies (Janssen and Corporaal, "Making graphs reducible with controlled node splitting", TOPLAS 1997). */
const copied = (
  blocks: readonly Block[],
  succs: readonly (readonly number[])[],
  fixed: number,
  copy: (block: Block) => Block | null,
  may: (block: Block) => boolean,
): CrossedGraph => {
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
      if (b === fixed || block.ops.length >= size || !may(block)) continue;
      target = b;
      size = block.ops.length;
    }
    const made = target < 0 ? null : copy(all[target] as Block);
    if (!made) return { blocks: all, succs: edges, crossings: NONE };
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
