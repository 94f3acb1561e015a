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
  readonly irreducible: ReadonlySet<string>;
}

export const edgeKey = (from: number, to: number): string => `${from}>${to}`;

const reversePostorder = (succs: readonly (readonly number[])[]): number[] => {
  const seen = new Uint8Array(succs.length);
  const post: number[] = [];
  const stack: [number, number][] = [[0, 0]];
  seen[0] = 1;
  while (stack.length > 0) {
    const top = stack.at(-1) as [number, number];
    const next = (succs[top[0]] as readonly number[])[top[1]++];
    if (next === undefined) {
      post.push(top[0]);
      stack.pop();
    } else if (!seen[next]) {
      seen[next] = 1;
      stack.push([next, 0]);
    }
  }
  return post.reverse();
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
  const rpo = reversePostorder(succs);
  const number = new Array<number>(n).fill(-1);
  for (const [i, b] of rpo.entries()) number[b] = i;
  const preds = predecessors(succs, rpo);

  const idom = new Array<number>(n).fill(-1);
  idom[0] = 0;
  const intersect = (x: number, y: number): number => {
    let a = x;
    let b = y;
    while (a !== b) {
      while ((number[a] as number) > (number[b] as number)) a = idom[a] as number;
      while ((number[b] as number) > (number[a] as number)) b = idom[b] as number;
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of rpo.slice(1)) {
      let dom = -1;
      for (const p of preds[b] as readonly number[]) {
        if (idom[p] === -1) continue;
        dom = dom === -1 ? p : intersect(p, dom);
      }
      if (idom[b] !== dom) {
        idom[b] = dom;
        changed = true;
      }
    }
  }

  const dominates = (a: number, b: number): boolean => {
    let x = b;
    while ((number[x] as number) > (number[a] as number)) x = idom[x] as number;
    return x === a;
  };
  const isLoop = new Array<boolean>(n).fill(false);
  const forward = new Array<number>(n).fill(0);
  const irreducible = new Set<string>();
  for (const b of rpo) {
    for (const s of succs[b] as readonly number[]) {
      if ((number[s] as number) > (number[b] as number)) forward[s] = (forward[s] as number) + 1;
      else if (dominates(s, b)) isLoop[s] = true;
      else irreducible.add(edgeKey(b, s));
    }
  }
  const children: number[][] = Array.from({ length: n }, () => []);
  for (const b of rpo.slice(1)) (children[idom[b] as number] as number[]).push(b);
  return { rpo, number, preds, children, isLoop, isMerge: forward.map((f) => f > 1), irreducible };
};
