/**
 * Control-flow analysis for structured emission (Ramsey, "Beyond Relooper", ICFP 2022): reverse
 * postorder, dominators (Cooper, Harvey, Kennedy), loop headers and merge points.
 */
export interface Cfg {
  /** Block indices in reverse postorder. */
  readonly rpo: readonly number[];
  /** Position of a block in `rpo`. */
  readonly number: readonly number[];
  /** Where control comes from, by block, in reverse postorder; blocks that it does not reach are no predecessors. */
  readonly preds: readonly (readonly number[])[];
  /** Children in the dominator tree, by block. */
  readonly children: readonly (readonly number[])[];
  readonly isLoop: readonly boolean[];
  readonly isMerge: readonly boolean[];
  /** Edges `from → to` that enter a loop other than by its header; they leave the region instead. */
  readonly irreducible: ReadonlySet<number>;
}

/** Most blocks of a graph. */
const MOST = 1 << 16;
export const edgeKey = (from: number, to: number): number => from * MOST + to;

/**
 * Order and dominators of one graph after the other. Those of a region are analysed anew for each block that is copied, so
 * the arrays are used again, and hold positions in reverse postorder where they can.
 */
class Order {
  /** Blocks that control reaches. */
  count = 0;
  rpo: Int32Array = new Int32Array(0);
  /** Position of each block, or -1. */
  number: Int32Array = new Int32Array(0);
  /** Position of each position's immediate dominator. */
  idom: Int32Array = new Int32Array(0);
  /** The way from the root to the block at hand, and how many successors of each have been looked at. */
  private path: Int32Array = new Int32Array(0);
  private looked: Int32Array = new Int32Array(0);
  /** Positions that control comes from, those of position i from firstPred[i] on. */
  private firstPred: Int32Array = new Int32Array(0);
  private preds: Int32Array = new Int32Array(0);

  of(succs: readonly (readonly number[])[]): this {
    const n = succs.length;
    if (n > this.number.length) {
      const room = 2 * n;
      this.rpo = new Int32Array(room);
      this.number = new Int32Array(room);
      this.idom = new Int32Array(room);
      this.path = new Int32Array(room);
      this.looked = new Int32Array(room);
      this.firstPred = new Int32Array(room + 1);
    }
    this.sort(succs);
    this.collectPreds(succs);
    this.findDominators();
    return this;
  }

  private sort(succs: readonly (readonly number[])[]): void {
    const { rpo, number, path, looked } = this;
    const n = succs.length;
    const SEEN = -2;
    number.fill(-1, 0, n);
    let depth = 0;
    let free = n;
    path[0] = 0;
    looked[0] = 0;
    number[0] = SEEN;
    while (depth >= 0) {
      const b = path[depth] as number;
      const next = succs[b] as readonly number[];
      const i = looked[depth] as number;
      if (i === next.length) {
        rpo[--free] = b;
        depth--;
        continue;
      }
      looked[depth] = i + 1;
      const s = next[i] as number;
      if (number[s] !== -1) continue;
      number[s] = SEEN;
      path[++depth] = s;
      looked[depth] = 0;
    }
    rpo.copyWithin(0, free, n);
    this.count = n - free;
    for (let i = 0; i < this.count; i++) number[rpo[i] as number] = i;
  }

  private collectPreds(succs: readonly (readonly number[])[]): void {
    const { rpo, number, count, firstPred } = this;
    firstPred.fill(0, 0, count + 1);
    let edges = 0;
    for (let i = 0; i < count; i++) {
      const next = succs[rpo[i] as number] as readonly number[];
      edges += next.length;
      for (let k = 0; k < next.length; k++) {
        const to = number[next[k] as number] as number;
        firstPred[to] = (firstPred[to] as number) + 1;
      }
    }
    if (edges > this.preds.length) this.preds = new Int32Array(2 * edges);
    const { preds } = this;
    // first their ends, then, as they are filled from behind, their beginnings
    for (let i = 1; i <= count; i++) firstPred[i] = (firstPred[i] as number) + (firstPred[i - 1] as number);
    for (let i = 0; i < count; i++) {
      const next = succs[rpo[i] as number] as readonly number[];
      for (let k = 0; k < next.length; k++) {
        const to = number[next[k] as number] as number;
        const at = (firstPred[to] as number) - 1;
        firstPred[to] = at;
        preds[at] = i;
      }
    }
  }

  private findDominators(): void {
    const { idom, count, firstPred, preds } = this;
    idom.fill(-1, 0, count);
    idom[0] = 0;
    for (let changed = true; changed; ) {
      changed = false;
      for (let i = 1; i < count; i++) {
        const end = firstPred[i + 1] as number;
        let dom = -1;
        for (let k = firstPred[i] as number; k < end; k++) {
          let p = preds[k] as number;
          if (idom[p] === -1) continue;
          if (dom === -1) dom = p;
          while (dom !== p) {
            while (dom > p) dom = idom[dom] as number;
            while (p > dom) p = idom[p] as number;
          }
        }
        if (idom[i] !== dom) {
          idom[i] = dom;
          changed = true;
        }
      }
    }
  }

  /** Of positions. */
  dominates(a: number, b: number): boolean {
    const { idom } = this;
    let x = b;
    while (x > a) x = idom[x] as number;
    return x === a;
  }
}

const order = new Order();

/** Edges that enter a loop other than by its header: from, to, from, to … in reverse postorder of where they come from. */
export const irreducibleEdges = (succs: readonly (readonly number[])[]): number[] => {
  const { rpo, number, count } = order.of(succs);
  const found: number[] = [];
  for (let i = 0; i < count; i++) {
    const b = rpo[i] as number;
    for (const s of succs[b] as readonly number[]) {
      const to = number[s] as number;
      if (to <= i && !order.dominates(to, i)) found.push(b, s);
    }
  }
  return found;
};

/** Where control comes from, by block, out of the blocks of `order`. */
export const predecessors = (
  succs: readonly (readonly number[])[],
  order: Iterable<number> = succs.keys(),
): readonly (readonly number[])[] => {
  const preds = succs.map((): number[] => []);
  for (const b of order) for (const s of succs[b] as readonly number[]) (preds[s] as number[]).push(b);
  return preds;
};

/** `body`, and the blocks from which control may come to one of `work` without passing it, those of `work` with them. */
export const leadingTo = (
  work: number[],
  preds: readonly (readonly number[])[],
  body: Set<number> = new Set(),
): Set<number> => {
  for (let b = work.pop(); b !== undefined; b = work.pop()) {
    if (body.has(b)) continue;
    body.add(b);
    work.push(...(preds[b] as readonly number[]));
  }
  return body;
};

/** Blocks of the natural loop of a header. */
export const loopOf = (header: number, { number, preds }: Cfg): Set<number> => {
  const at = number[header] as number;
  const latches = (preds[header] as readonly number[]).filter((b) => (number[b] as number) >= at);
  return leadingTo(latches, preds, new Set([header]));
};

export const analyse = (succs: readonly (readonly number[])[]): Cfg => {
  const n = succs.length;
  const { count, idom } = order.of(succs);
  const rpo = Array.from(order.rpo.subarray(0, count));
  const number = Array.from(order.number.subarray(0, n));
  const isLoop = new Array<boolean>(n).fill(false);
  const forward = new Array<number>(n).fill(0);
  const irreducible = new Set<number>();
  for (const [i, b] of rpo.entries()) {
    for (const s of succs[b] as readonly number[]) {
      const to = number[s] as number;
      if (to > i) forward[s] = (forward[s] as number) + 1;
      else if (order.dominates(to, i)) isLoop[s] = true;
      else irreducible.add(edgeKey(b, s));
    }
  }
  const children: number[][] = Array.from({ length: n }, () => []);
  for (let i = 1; i < count; i++) (children[rpo[idom[i] as number] as number] as number[]).push(rpo[i] as number);
  const preds = predecessors(succs, rpo);
  return { rpo, number, preds, children, isLoop, isMerge: forward.map((f) => f > 1), irreducible };
};
