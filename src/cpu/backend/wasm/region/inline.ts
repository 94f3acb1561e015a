import type { Block } from '../../../ir/block.ts';
import type { BlockSource } from './discover.ts';
import { flagKinds, successorPcs } from './flow.ts';

/** Largest function put in place of a call, and what all those of a region may come to. */
const MOST = { blocks: 8, ops: 80 };
const MOST_IN_ALL = { blocks: 120, ops: 600 };

interface Graph {
  readonly blocks: readonly Block[];
  readonly succs: readonly (readonly number[])[];
}

/** A function's blocks: pc and flags kind of each, the entry first. */
interface Shape {
  readonly blocks: readonly (readonly [pc: number, kind: number])[];
  readonly ops: number;
}

type Lifting = Pick<BlockSource, 'lift' | 'hasRun' | 'isFunction'>;

/**
 * The blocks of a function that may be put in place of its calls: a small one without loops, that comes back by returns and
 * goes on nowhere else but to where it never was. Null: not one of these.
 */
const shapeOf = (entry: number, source: Lifting): Shape | null => {
  if (!source.hasRun(entry)) return null;
  const lifted = new Map<number, Block>();
  const work = [entry];
  let ops = 0;
  let returns = false;
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    if (lifted.has(pc)) continue;
    if (pc !== entry && source.isFunction(pc)) return null;
    if (!source.hasRun(pc)) continue;
    const block = source.lift(pc, -1);
    if (!block) return null;
    const { terminal: t } = block;
    const next = successorPcs(block, []);
    const goesOn = t.kind === 'jump' || t.kind === 'branch' || t.kind === 'call' || t.kind === 'callIndirect';
    const comesBack = t.kind === 'jumpIndirect' && t.isReturn;
    if (t.guard || !(goesOn || comesBack) || next.some((to) => to <= pc)) return null;
    returns ||= comesBack;
    ops += block.ops.length;
    lifted.set(pc, block);
    if (lifted.size > MOST.blocks || ops > MOST.ops) return null;
    work.push(...next);
  }
  if (!returns) return null;
  const order = [...lifted.keys()];
  const kinds = flagKinds(order, lifted, new Set(), [entry]);
  return { blocks: order.map((pc) => [pc, lifted.get(pc)?.readsFlags ? (kinds.get(pc) ?? -1) : -1]), ops };
};

/** The block once more, with values of its own, ending as it does here. */
export const liftedAs = (block: Block, source: Lifting): Block | null => {
  const fresh = source.lift(block.pc, block.flagsIn);
  if (!fresh) return null;
  const { terminal: t } = block;
  const own = fresh.terminal;
  if (t.kind === 'jump' && own.kind === 'call') return { ...fresh, terminal: t };
  if (t.kind !== 'jumpIndirect' || own.kind !== 'jumpIndirect' || t.expected === undefined) return fresh;
  return { ...fresh, terminal: { ...own, expected: t.expected } };
};

/**
 * The graph with small functions in place of the calls to them: registers stay in locals, and what is known of pages stays
 * known. A return that does not come back leaves the region as all do; where a function goes that it never went to, its
 * return finds nobody who waits for it, and the dispatcher goes on behind the call.
 */
export const inlined = ({ blocks, succs }: Graph, source: Lifting): Graph => {
  const shapes = new Map<number, Shape | null>();
  const all = [...blocks];
  const edges = [...succs];
  let ops = blocks.reduce((sum, block) => sum + block.ops.length, 0);
  for (const [b, block] of blocks.entries()) {
    const { terminal: t } = block;
    if (t.kind !== 'call' || t.guard) continue;
    const back = (succs[b] as readonly number[]).find((s) => (blocks[s] as Block).pc === t.ret);
    if (back === undefined) continue;
    const shape = shapes.has(t.target) ? shapes.get(t.target) : shapeOf(t.target, source);
    shapes.set(t.target, shape ?? null);
    if (!shape || ops + shape.ops > MOST_IN_ALL.ops || all.length + shape.blocks.length > MOST_IN_ALL.blocks) continue;
    const own = shape.blocks.map(([pc, kind]) => source.lift(pc, kind));
    if (!own.every((made) => made !== null)) continue;
    const index = new Map(own.map(({ pc }, i) => [pc, all.length + i]));
    for (const made of own) {
      const { terminal } = made;
      const returns = terminal.kind === 'jumpIndirect';
      all.push(returns ? { ...made, terminal: { ...terminal, expected: t.ret } } : made);
      const next = successorPcs(made, []).map((pc) => index.get(pc));
      edges.push(returns ? [back] : next.filter((i) => i !== undefined));
    }
    all[b] = { ...block, terminal: { kind: 'jump', target: t.target } };
    edges[b] = [index.get(t.target) as number];
    ops += shape.ops;
  }
  return { blocks: all, succs: edges };
};
