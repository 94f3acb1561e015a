import type { Block } from '../../../ir/block.ts';
import type { BlockSource } from './discover.ts';
import { flagKinds, isCall, successorPcs } from './flow.ts';
import type { RegionLifter } from './lifter.ts';
import { likelyAmong } from './likely.ts';

/** Largest function put in place of a call, and what all those of a region may come to. */
const MOST = { blocks: 8, ops: 80 };
const MOST_IN_ALL = { blocks: 100, ops: 800 };
/** Calls in functions that are in place of calls have functions in their place as well, so deep. */
const MOST_DEEP = 3;
/** Functions that an indirect call goes to, for which it compares its target. */
const MOST_TARGETS = 4;

interface Graph {
  readonly blocks: readonly Block[];
  readonly succs: readonly (readonly number[])[];
}

/** A function's blocks: pc and flags kind of each, the entry first. */
export interface Shape {
  readonly blocks: readonly (readonly [pc: number, kind: number])[];
  readonly ops: number;
}

type Source = Pick<BlockSource, 'hasRun' | 'isFunction' | 'isUsual' | 'jumpTargets'>;

const isReturn = ({ terminal: t }: Block): boolean => t.kind === 'jumpIndirect' && t.isReturn;

/**
 * Whether the block ends by a jump to other functions, as in a procedure linkage table, whose entries jump to what is in a
 * certain place of memory.
 */
const isTailCall = (block: Block, source: Source): boolean => {
  const { terminal: t } = block;
  if (t.kind !== 'jumpIndirect' || t.isReturn) return false;
  if (t.target.info.kind === 'load' && t.target.a?.isConst) return true;
  const targets = source.jumpTargets(block);
  return targets.length > 0 && targets.every((pc) => source.isFunction(pc));
};

/** Whether the rest of a function that begins at pc is called where the function is in place of a call. */
const isRest = (pc: number, entry: number, source: Source): boolean =>
  pc !== entry && (source.isFunction(pc) || !source.hasRun(pc));

/**
 * The blocks of a function that may be put in place of its calls: a small one without loops, as far as it ran. Null: not one
 * of these.
 */
const shapeOf = (entry: number, source: Source, lifter: RegionLifter): Shape | null => {
  if (!source.hasRun(entry)) return null;
  const lifted = new Map<number, Block>();
  const work = [entry];
  let ops = 0;
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    if (lifted.has(pc) || isRest(pc, entry, source)) continue;
    const block = lifter.look(pc, -1);
    if (!block) return null;
    const { terminal: t } = block;
    const next = successorPcs(block, []);
    const goesOn = t.kind === 'jump' || t.kind === 'branch' || isCall(block);
    if (!(goesOn || isReturn(block) || isTailCall(block, source)) || next.some((to) => to <= pc)) return null;
    ops += block.ops.length;
    lifted.set(pc, block);
    if (lifted.size > MOST.blocks || ops > MOST.ops) return null;
    work.push(...next);
  }
  const order = [...lifted.keys()];
  const kinds = flagKinds(order, lifted, new Set(), [entry]);
  return { blocks: order.map((pc) => [pc, lifted.get(pc)?.readsFlags ? (kinds.get(pc) ?? -1) : -1]), ops };
};

/** What stands for the rest of a function: a call of it. */
const restAt = (pc: number, ret: number): Block => ({
  ...NOTHING,
  pc,
  end: pc,
  terminal: { kind: 'call', target: pc, ret, isRest: true },
});

const NOTHING = { ops: [], reads: [], count: 0, flagsIn: -1, readsFlags: false, setsFlags: false, flagsOut: -1 };

/** A block as it ends in place of a call that returns to `ret`. */
const inPlace = (block: Block, ret: number): Block => {
  const { terminal: t } = block;
  if (t.kind !== 'jumpIndirect') return block;
  const { target, guard } = t;
  return { ...block, terminal: t.isReturn ? { ...t, expected: ret } : { kind: 'callIndirect', target, ret, guard } };
};

/** The block once more, with values of its own, ending as it does here. */
export const liftedAs = (block: Block, lifter: Pick<RegionLifter, 'lift'>): Block | null => {
  if (block.ops.length === 0) return block;
  const fresh = lifter.lift(block.pc, block.flagsIn);
  if (!fresh) return null;
  const { terminal: t } = block;
  const own = fresh.terminal;
  if (t.kind === 'jump' && own.kind === 'call') return { ...fresh, terminal: { ...t, guard: own.guard } };
  if (t.kind === 'choice' && (own.kind === 'callIndirect' || own.kind === 'jumpIndirect'))
    return { ...fresh, terminal: { ...t, target: own.target as typeof t.target } };
  if (t.kind === 'jumpIndirect' && t.expected !== undefined) return inPlace(fresh, t.expected);
  if (t.kind === 'callIndirect') return inPlace(fresh, t.ret);
  return fresh;
};

/** Puts functions in place of calls, until there is no room. */
class Inliner {
  readonly blocks: Block[];
  readonly succs: (readonly number[])[];
  private readonly source: Source;
  private readonly lifter: RegionLifter;
  /** Functions around each block that is not the region's own, by index. */
  private readonly around = new Map<number, readonly number[]>();
  private readonly most: { readonly blocks: number };
  private ops = 0;

  constructor({ blocks, succs }: Graph, source: Source, lifter: RegionLifter) {
    this.lifter = lifter;
    this.blocks = [...blocks];
    this.succs = [...succs];
    this.source = source;
    this.most = { blocks: blocks.length + MOST_IN_ALL.blocks };
  }

  /** What those that are put in place call comes behind everything else. */
  run(): void {
    for (let b = 0; b < this.blocks.length; b++) this.call(b);
  }

  private call(b: number): void {
    const block = this.blocks[b] as Block;
    const { terminal: t } = block;
    if (t.kind === 'call' && !t.isRest) {
      const back = this.behind(b, t.ret);
      const entry = back < 0 ? -1 : this.put(b, t.target, t.ret, back);
      if (entry < 0) return;
      const next = t.guard ? this.behind(b, t.guard.next) : -1;
      this.blocks[b] = { ...block, terminal: { kind: 'jump', target: t.target, guard: t.guard } };
      this.succs[b] = next < 0 ? [entry] : [entry, next];
    } else if (t.kind === 'callIndirect' && t.target !== null && !t.guard) {
      const back = this.behind(b, t.ret);
      const known = back < 0 ? [] : this.source.jumpTargets(block);
      if (known.length > MOST_TARGETS) return;
      const entries = known.map((pc) => this.put(b, pc, t.ret, back));
      const among = known.filter((_, i) => (entries[i] as number) >= 0);
      if (among.length === 0) return;
      const rest = known.filter((pc) => !among.includes(pc));
      const likely = likelyAmong(rest, this.source);
      const other = this.add(
        {
          ...NOTHING,
          pc: -1,
          end: -1,
          terminal: { kind: 'callIndirect', target: null, ret: t.ret, ...(likely && { likely }) },
        },
        [back],
      );
      this.blocks[b] = { ...block, terminal: { kind: 'choice', target: t.target, among } };
      this.succs[b] = [...entries.filter((i) => i !== undefined && i >= 0), other];
    }
  }

  /** The block behind a call, or -1. */
  private behind(b: number, ret: number): number {
    return (this.succs[b] as readonly number[]).find((s) => this.blocks[s]?.pc === ret) ?? -1;
  }

  private add(block: Block, succs: readonly number[]): number {
    this.succs.push(succs);
    return this.blocks.push(block) - 1;
  }

  /** Adds the function at `entry` for the call in block b, that goes on at block `back`; returns its first block, or -1. */
  private put(b: number, entry: number, ret: number, back: number): number {
    const around = this.around.get(b) ?? [];
    if (around.length >= MOST_DEEP || around.includes(entry)) return -1;
    const { lifter } = this;
    const { shapes } = lifter.batch;
    if (!shapes.has(entry)) shapes.set(entry, shapeOf(entry, this.source, lifter));
    const shape = shapes.get(entry);
    const first = this.blocks.length;
    if (!shape || this.ops + shape.ops > MOST_IN_ALL.ops || first + shape.blocks.length > this.most.blocks) return -1;
    const own = shape.blocks.map(([pc, kind]) => lifter.lift(pc, kind));
    if (!own.every((made) => made !== null)) return -1;
    this.ops += shape.ops;
    const index = new Map(own.map(({ pc }, i) => [pc, first + i]));
    for (const made of own) this.around.set(this.add(inPlace(made, ret), []), [...around, entry]);
    for (const [i, made] of own.entries()) {
      const next = successorPcs(made, []).map((pc) => {
        const at = index.get(pc) ?? this.add(restAt(pc, ret), [back]);
        index.set(pc, at);
        return at;
      });
      this.succs[first + i] = made.terminal.kind === 'jumpIndirect' ? [back, ...next] : next;
    }
    return first;
  }
}

/**
 * The graph with small functions in place of the calls to them: registers stay in locals, and what is known of pages stays
 * known. A return that does not come back leaves the region as all do; where a function goes that it never went to, or on to
 * another one, is called, to go on behind the call that the function is in place of.
 */
export const inlined = (graph: Graph, source: Source, lifter: RegionLifter): Graph => {
  const inliner = new Inliner(graph, source, lifter);
  inliner.run();
  return inliner;
};
