import type { Block } from '../../../ir/block.ts';
import { type Cfg, leadingTo, predecessors } from './cfg.ts';
import { flagKinds, isCall, NO_INSTRUCTION, successorPcs } from './flow.ts';
import { inlined, liftedAs } from './inline.ts';
import { type Batch, RegionLifter } from './lifter.ts';
import { likelyAmong } from './likely.ts';
import { nested } from './nest.ts';
import { reducible } from './reducible.ts';

/** Most blocks and operations in one region function; TurboFan's time grows faster than its input. */
const MOST = { blocks: 100, ops: 4000 };
/** The same of an interpreter's loop: what is missing in it is entered and left for each operation. */
const MOST_OPEN = { blocks: 150, ops: 3500 };

/** What the region builder asks of the code cache. */
export interface BlockSource {
  /** IR of the block at pc for a flags kind (-1: not known), or null when it cannot be fetched. */
  lift(pc: number, flagsIn: number): Block | null;
  /** Whether the cold tier has run the block: what never ran is left out. */
  hasRun(pc: number): boolean;
  /** Whether the block, one that is jumped to indirectly, is executed often beside others. */
  isUsual(pc: number): boolean;
  /** Whether pc is the entry of a function (a call went there): jumps to it are tail calls. */
  isFunction(pc: number): boolean;
  /** Whether calls that were to return elsewhere often return to pc: the one of setjmp, or a handler of exceptions. */
  isArrival(pc: number): boolean;
  /** Code of this range is in use: a change of it must be told. */
  noteCode(start: number, end: number): void;
  /** Where the indirect jump or call at the end of this block was seen to go. */
  jumpTargets(block: Block): readonly number[];
  /** Whether the indirect jump at `site` was seen to go to pc. */
  wentTo(site: number, pc: number): boolean;
}

/** The blocks of an interpreter's loop belong to one region: it tells which, and where its indirect jumps are known to go. */
export interface OpenRegions {
  /** Root of the region that has the indirect jump at the end of this block, that at `root` before others; or undefined. */
  ownerOf(block: Block, root: number): number | undefined;
  /** Entries of the region rooted at pc as it was. */
  entriesOf(pc: number): Iterable<number>;
}

const NO_REGIONS: OpenRegions = { ownerOf: () => undefined, entriesOf: () => [] };

/** A guest function (or the part of it that ran) as a control-flow graph; blocks by index, entry 0. */
export interface Region {
  readonly root: number;
  readonly blocks: readonly Block[];
  /** Successors inside the region, in the terminal's order; where else a block goes are exits. */
  readonly succs: readonly (readonly number[])[];
  readonly cfg: Cfg;
  /**
   * Index of a block that is none: where all indirect jumps of the region meet and part again to their
   * targets, or -1. An interpreter with a jump at the end of every operation would be irreducible without.
   */
  readonly dispatch: number;
  /** Indices of other blocks that are none: see CrossedGraph. */
  readonly crossings: ReadonlySet<number>;
  /**
   * Pcs besides the root where it may be entered, State.PC telling where: those of an interpreter's operations. Then
   * block 0 is the dispatch block, which goes to the root too.
   */
  readonly entries: readonly number[];
  /** Whether its calls go on at the root where they return there instead of behind themselves. */
  readonly isArrival: boolean;
  /** Not all there is found room. */
  readonly isFull: boolean;
  /** Where the rest begins that found no room, if that is one place, as in long code without branches; or -1. */
  readonly goesOnAt: number;
}

const isIndirect = (b: Block): boolean => b.terminal.kind === 'jumpIndirect' && !b.terminal.isReturn;

/**
 * Collect the blocks reachable from `root` without calls, settle the flags kinds that flow between
 * them, and lift each block for the kind it gets. Null when the root cannot be fetched.
 */
export const discover = (
  root: number,
  source: BlockSource,
  open: OpenRegions = NO_REGIONS,
  batch?: Batch,
): Region | null => {
  const lifter = new RegionLifter(source, batch);
  const lifted = new Map<number, Block>();
  const order: number[] = [];
  const work = [root];
  /** Operations of an interpreter that are rare: they come when the others have found room. */
  const later: number[] = [];
  let ops = 0;
  /** Targets of the region's indirect jumps: each is taken to go wherever one of them was seen to go. */
  const targets = new Set<number>();
  const isOwn = (block: Block): boolean => isIndirect(block) && (open.ownerOf(block, root) ?? root) === root;
  // they ran, if not in this process
  const before = new Set(open.entriesOf(root));
  const collect = (most: { readonly blocks: number; readonly ops: number }): void => {
    while (work.length + later.length > 0 && order.length < most.blocks && ops < most.ops) {
      const pc = (work.shift() ?? later.shift()) as number;
      if (lifted.has(pc)) continue;
      if (pc !== root && ((!source.hasRun(pc) && !before.has(pc)) || source.isFunction(pc))) continue;
      const block = lifter.look(pc, -1);
      if (!block) continue;
      lifted.set(pc, block);
      order.push(pc);
      ops += block.ops.length;
      const own = isOwn(block) ? [...before, ...source.jumpTargets(block)] : [];
      for (const target of own) targets.add(target);
      for (const next of successorPcs(block, own)) {
        const isRare = targets.has(next) && !before.has(next) && !source.isUsual(next);
        (isRare ? later : work).push(next);
      }
    }
  };
  collect(MOST);
  if (order.length === 0) return null;
  const isOpen = before.size > 0 || leadsBack(order, lifted, targets, isOwn);
  if (isOpen) collect(MOST_OPEN);
  // its loop is that of the dispatch block
  if (!source.isFunction(root) && !isOpen) keepLoop(order, lifted, targets);
  const known = new Set(order);
  const jumps = order.some((pc) => isOwn(lifted.get(pc) as Block));
  const meet = jumps ? [...targets].filter((pc) => known.has(pc)) : [];
  const entries = isOpen ? meet.filter((pc) => pc !== root) : [];
  const kinds = flagKinds(order, lifted, targets, [root, ...entries]);
  const own = order.map((pc) => {
    const block = lifted.get(pc) as Block;
    const kind = kinds.get(pc) ?? -1;
    return block.readsFlags && kind >= 0 ? (lifter.lift(pc, kind) ?? block) : lifter.give(block);
  });
  const dispatch = meet.length === 0 ? -1 : entries.length > 0 ? 0 : own.length;
  const blocks = dispatch < 0 ? own : own.toSpliced(dispatch, 0, NO_INSTRUCTION);
  const index = new Map(blocks.map((block, i) => [block.pc, i]));
  index.delete(NO_INSTRUCTION.pc);
  const inside = (pcs: Iterable<number>): number[] =>
    [...pcs].map((pc) => index.get(pc)).filter((i) => i !== undefined);
  const isArrival = entries.length === 0 && source.isArrival(root);
  const succs = blocks.map((b, i) => {
    if (i === dispatch) return inside(entries.length > 0 ? [root, ...entries] : meet);
    const next = inside(successorPcs(b, []));
    if (isArrival && isCall(b) && !next.includes(0)) next.push(0);
    return [...(dispatch >= 0 && isOwn(b) ? [dispatch] : []), ...next];
  });
  const whole = dispatch >= 0 || isArrival ? { blocks, succs } : nested(inlined({ blocks, succs }, source, lifter));
  // a loop through a root that has to ask for its flags would ask at every turn: it is left to a region rooted elsewhere
  const asks = (blocks[0] as Block).readsFlags && (blocks[0] as Block).flagsIn < 0;
  const around = new Set(asks ? leadingToRoot(succs).map((b) => (blocks[b] as Block).pc) : []);
  const copy = (block: Block): Block | null => liftedAs(block, lifter);
  const graph = reducible(whole.blocks, whole.succs, dispatch, copy, ({ pc }) => !around.has(pc));
  // of a loop in long code nothing else was kept: the rest begins where it is left
  const rest = [...work, ...later];
  const ends = order.length < lifted.size ? order.flatMap((pc) => successorPcs(lifted.get(pc) as Block, [])) : rest;
  const left = new Set(ends.filter((pc) => !known.has(pc) && source.hasRun(pc) && !source.isFunction(pc)));
  const goesOnAt = !isOpen && rest.length > 0 && left.size === 1 ? ([...left][0] as number) : -1;
  const aware = graph.blocks.map((block) => withLikely(block, source));
  return { root, ...graph, blocks: aware, dispatch, entries, isArrival, isFull: rest.length > 0, goesOnAt };
};

/** The block with the functions that the indirect call at its end often goes to. */
const withLikely = (block: Block, source: BlockSource): Block => {
  const { terminal: t } = block;
  if (t.kind !== 'callIndirect' || t.target === null) return block;
  const likely = likelyAmong(source.jumpTargets(block), source);
  return likely ? { ...block, terminal: { ...t, likely } } : block;
};

/** The blocks from which control may come to the root. */
const leadingToRoot = (succs: readonly (readonly number[])[]): readonly number[] => {
  const preds = predecessors(succs);
  return [...leadingTo([...(preds[0] as readonly number[])], preds)];
};

/** Whether one of the targets of the region's indirect jumps leads to such a jump again, as in an interpreter's loop. */
const leadsBack = (
  order: readonly number[],
  lifted: ReadonlyMap<number, Block>,
  targets: ReadonlySet<number>,
  isOwn: (block: Block) => boolean,
): boolean => {
  const preds = sources(order, lifted, []);
  const work = order.filter((pc) => isOwn(lifted.get(pc) as Block));
  const seen = new Set(work);
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    if (targets.has(pc)) return true;
    for (const from of preds.get(pc) ?? []) {
      if (seen.has(from)) continue;
      seen.add(from);
      work.push(from);
    }
  }
  return false;
};

/** Where control comes from, by pc. */
const sources = (
  order: readonly number[],
  lifted: ReadonlyMap<number, Block>,
  targets: Iterable<number>,
): Map<number, number[]> => {
  const preds = new Map<number, number[]>();
  for (const pc of order) {
    for (const next of successorPcs(lifted.get(pc) as Block, targets)) {
      const known = preds.get(next);
      if (known) known.push(pc);
      else preds.set(next, [pc]);
    }
  }
  return preds;
};

/**
 * A region rooted inside a function is there for a loop: drop the blocks that do not lead back to the root,
 * which the function's own region has. Without a way back everything stays.
 */
const keepLoop = (order: number[], lifted: ReadonlyMap<number, Block>, targets: ReadonlySet<number>): void => {
  const root = order[0] as number;
  const preds = sources(order, lifted, targets);
  const loop = new Set<number>();
  const work = [...(preds.get(root) ?? [])];
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    if (loop.has(pc)) continue;
    loop.add(pc);
    if (pc !== root) work.push(...(preds.get(pc) ?? []));
  }
  if (loop.size === 0) return;
  loop.add(root);
  order.splice(0, order.length, ...order.filter((pc) => loop.has(pc)));
};
