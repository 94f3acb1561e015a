import type { Block } from '../../../ir/block.ts';
import type { Value } from '../../../ir/value.ts';
import type { Copies } from './copies.ts';
import type { Region } from './discover.ts';
import type { Needed } from './needed.ts';
import {
  add,
  type BoundsOf,
  clobbers,
  Does,
  dropsFlags,
  flowOrder,
  has,
  REGISTER_SHIFT,
  type RegionRegister,
  type RegionRegisters,
  type RegSet,
  union,
  withoutFlags,
} from './registers.ts';

/** Which registers are read, written, dirty and live where. */
export interface RegisterUse extends RegionRegisters {
  /** Registers whose local may differ from memory at the block's entry. */
  readonly dirtyIn: readonly RegSet[];
  /** Registers whose local is needed at the block's entry. */
  readonly liveIn: readonly RegSet[];
  /** Fields of the condition codes whose locals a block sets first of all, and from what. */
  readonly recovered: readonly Copies[];
  /** Block to whose successors registers come in memory, or -1. */
  readonly storedAt: number;
}

/** What of a block counts for blocks around it. */
interface Effect {
  readonly out: RegSet;
  /** Whether what was dirty in front of it is so behind it. */
  readonly passes: boolean;
}

const noteWritten = (set: RegSet, what: number, fields: readonly number[]): void => {
  if ((what & Does.WRITE) !== 0) add(set, what >> REGISTER_SHIFT);
  else for (let n = what >> REGISTER_SHIFT; n > 0; n--) add(set, fields[n - 1] as number);
};

/** Fewest operations of an interpreter for registers to be in memory between them, and blocks for each that calls. */
const MANY_ENTRIES = 8;
const BLOCKS_PER_CALL = 10;
/**
 * Fewest integer registers for the same: AArch64's sqlite, with 29, takes 0.88–1.01 of the time by that, ARM's, with 22, is
 * 5 % slower.
 */
const MANY_REGISTERS = 25;

/**
 * Index of the block between whose predecessors and successors registers are in memory, or -1: where many operations of an
 * interpreter meet, some of which call. In locals, each would bring along those of all others: V8 has to move or spill
 * them at each turn, and each call would store and load all of them. Without calls, or where they are few, locals are faster.
 */
const storedAt = ({ blocks, dispatch, entries }: Region, registers: readonly RegionRegister[]): number => {
  const integers = registers.filter(({ type }) => type === 'i32' || type === 'i64');
  if (entries.length < MANY_ENTRIES || integers.length < MANY_REGISTERS) return -1;
  return blocks.filter(clobbers).length * BLOCKS_PER_CALL >= blocks.length ? dispatch : -1;
};

/** Forward: registers dirty at entry. */
const dirtyAtEntry = (
  region: Region,
  { does, fields }: RegionRegisters,
  words: number,
  stored: number,
): readonly RegSet[] => {
  const { blocks, succs } = region;
  const dirtyIn = blocks.map(() => new Uint32Array(words));
  const effects = blocks.map((block, b): Effect => {
    const out = new Uint32Array(words);
    let passes = !clobbers(block);
    let conditional = false;
    for (const what of does[b] as Int32Array) {
      if ((what & (Does.BEGIN | Does.END)) !== 0) conditional = (what & Does.BEGIN) !== 0;
      else if ((what & Does.HELPER) !== 0 && !conditional) {
        out.fill(0);
        passes = false;
      } else if ((what & (Does.WRITE | Does.FLAGS)) !== 0) noteWritten(out, what, fields);
    }
    return { out, passes };
  });
  const order = flowOrder(region);
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of order) {
      if (clobbers(blocks[b] as Block)) continue; // nothing is dirty behind it
      const { out, passes } = effects[b] as Effect;
      for (const s of succs[b] as readonly number[]) {
        if (s === stored) continue;
        const into = dirtyIn[s] as RegSet;
        if (union(into, out)) changed = true;
        if (passes && union(into, dirtyIn[b] as RegSet)) changed = true;
      }
    }
  }
  return dirtyIn;
};

export const analyseRegisters = (
  region: Region,
  boundsOf: BoundsOf,
  flagsCross: boolean,
  known: RegionRegisters,
  needed: Needed,
  copies: readonly Copies[],
): RegisterUse => {
  const { registers, byOffset, does, fields } = known;
  const { blocks, succs, cfg } = region;
  const words = Math.max(1, (registers.length + 31) >> 5);
  const index = (offset: number): number => (byOffset.get(offset) as RegionRegister).index;
  const stored = storedAt(region, registers);
  const dirtyIn = dirtyAtEntry(region, known, words, stored);

  const recovered = copies.map((own, b) => {
    if (own.size === 0) return own;
    const isDirty = (field: number): boolean => byOffset.has(field) && has(dirtyIn[b] as RegSet, index(field));
    const found = [...own].filter(
      ([field, x]) => isDirty(field) && (typeof x !== 'number' || byOffset.get(x)?.type === byOffset.get(field)?.type),
    );
    return new Map(found);
  });

  // backward: registers needed at entry; an exit needs what is dirty there
  const uses = blocks.map((block, b) => {
    const use = new Uint32Array(words);
    const defined = new Uint32Array(words);
    const dirty = (dirtyIn[b] as RegSet).slice();
    const need = (r: number): void => {
      if (!has(defined, r)) add(use, r);
    };
    const needDirty = (among: RegSet | null): void => {
      for (let w = 0; w < words; w++) {
        const bits = (dirty[w] as number) & ~(defined[w] as number) & (among === null ? -1 : (among[w] as number));
        use[w] = (use[w] as number) | bits;
      }
    };
    for (const [field, source] of recovered[b] as Copies) {
      if (typeof source === 'number') need(index(source));
      add(defined, index(field));
    }
    if (cfg.isLoop[b]) needDirty(needed.atEntry[b] as RegSet);
    const list = does[b] as Int32Array;
    let conditional = false;
    for (let i = 0; i < list.length; i++) {
      const what = list[i] as number;
      if (what === 0) continue;
      if ((what & Does.READ) !== 0) need(what >> REGISTER_SHIFT);
      else if ((what & (Does.BEGIN | Does.END)) !== 0) conditional = (what & Does.BEGIN) !== 0;
      else if ((what & Does.LEAVE) !== 0) {
        const v = block.ops[i] as Value;
        if ((what & Does.BOUNDS) !== 0) for (const bound of boundsOf(v) ?? []) need(index(bound));
        needDirty(needed.before(v));
        if ((what & Does.HELPER) !== 0 && !conditional) {
          dirty.fill(0);
          // behind a helper locals are loaded anew
          defined.fill(0xffffffff);
        }
      } else if ((what & (Does.WRITE | Does.FLAGS)) !== 0) {
        // what is written under a condition may keep its value
        if (!conditional) noteWritten(defined, what, fields);
        else if ((what & Does.WRITE) !== 0) need(what >> REGISTER_SHIFT);
        else for (let n = what >> REGISTER_SHIFT; n > 0; n--) need(fields[n - 1] as number);
        noteWritten(dirty, what, fields);
      }
    }
    // edges that leave the region count too: every block may have one
    if (dropsFlags(block) && !flagsCross) dirty.set(withoutFlags(dirty, registers));
    needDirty(null);
    return { use, kill: clobbers(block) ? defined.fill(0xffffffff) : defined };
  });
  const liveIn = uses.map(({ use }) => use.slice());
  const order = flowOrder(region);
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = order.length - 1; i >= 0; i--) {
      const b = order[i] as number;
      const { kill } = uses[b] as { kill: RegSet };
      const live = liveIn[b] as RegSet;
      if (b === stored) continue;
      for (const s of succs[b] as readonly number[]) {
        if (s === stored) continue;
        const from = liveIn[s] as RegSet;
        for (let w = 0; w < words; w++) {
          const before = live[w] as number;
          const after = (before | ((from[w] as number) & ~(kill[w] as number))) >>> 0;
          if (after === before) continue;
          live[w] = after;
          changed = true;
        }
      }
    }
  }
  return { ...known, dirtyIn, liveIn, recovered, storedAt: stored };
};
