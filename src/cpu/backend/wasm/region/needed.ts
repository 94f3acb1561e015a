import type { Block } from '../../../ir/block.ts';
import type { Value } from '../../../ir/value.ts';
import { State } from '../../../memory/layout.ts';
import { loopOf } from './cfg.ts';
import type { Copies } from './copies.ts';
import type { Region } from './discover.ts';
import { isFlags } from './flag-fields.ts';
import { successorAt } from './flow.ts';
import {
  add,
  Does,
  doesOf,
  dropsFlags,
  flowOrder,
  has,
  REGISTER_SHIFT,
  type RegionRegisters,
  type RegSet,
  remove,
  union,
} from './registers.ts';

/**
 * What exits of a region's loops store: registers that are written anew before anybody can read them are left as they are
 * in memory, where a loop would have to bring them along for its exits alone, which costs it spills at each turn. Whoever
 * goes on there does not notice; a signal handler that looks at such registers in its frame does (see `precise`). Outside
 * of loops all are stored, and flags behind what a block sets itself. Of the flags' fields only those that their kind has are
 * needed anywhere.
 */
export interface Needed {
  /** At a loop's header, by block. */
  readonly atEntry: readonly RegSet[];
  /** In front of the instruction that an operation of a block is part of, as an exit there begins it once more; null: all. */
  before(v: Value): RegSet | null;
  /** At the end of a block; null: all. */
  readonly behind: readonly (RegSet | null)[];
}

export interface NeedPolicy {
  readonly flagsCross: boolean;
  /** Whether faults must find all registers but the flags as they are: somebody handles them. */
  readonly precise: boolean;
  /** State offsets of registers by which frames are unwound: they are stored always. */
  readonly frame: readonly number[];
  /** See Facts. */
  readonly flagFields: (kind: number) => readonly number[];
}

/** What a block reads first and writes first, as sets of registers. */
interface Effect {
  readonly reads: RegSet;
  readonly writes: RegSet;
}

/** Calls and returns need no flags unless `flagsCross`; what is behind the region's edge needs all. */
export const neededRegisters = (
  region: Region,
  known: RegionRegisters,
  policy: NeedPolicy,
  copies: readonly Copies[],
): Needed => {
  const { blocks, succs } = region;
  const { registers, byOffset, does, fields } = known;
  const none = new Uint32Array(Math.max(1, (registers.length + 31) >> 5));
  const all = none.slice().fill(0xffffffff);
  const flags = none.slice();
  /** Those that nobody may leave out. */
  const always = none.slice();
  for (const { offset, index } of registers) {
    if (isFlags(offset)) add(flags, index);
    else if (policy.precise || !isGeneral(offset) || policy.frame.includes(offset)) add(always, index);
  }

  /**
   * Goes through a block backwards from what is needed behind it; `at` is told of the beginning of each instruction that may
   * leave.
   */
  const backwards = (b: number, needed: RegSet, written: RegSet, at?: (pc: number) => void): void => {
    const { ops, reads } = blocks[b] as Block;
    const list = does[b] as Int32Array;
    let left = reads.length;
    /** Those of instructions from pc on, which may have no operations at all. */
    const readFrom = (pc: number): void => {
      for (; left > 0 && (reads[left - 2] as number) >= pc; left -= 2) {
        const offset = reads[left - 1] as number;
        // of a vector register that is taken apart (see lanes.ts) all parts may be what was read
        for (let part = offset; part < (isVector(offset) ? offset + 16 : offset + 1); part += 4) {
          const register = byOffset.get(part);
          if (register) add(needed, register.index);
        }
      }
    };
    let conditional = false;
    let leaves = false;
    let next = ops.at(-1);
    for (let i = ops.length - 1; i >= 0; i--) {
      const { pc } = next as Value;
      const what = list[i] as number;
      if (left > 0) readFrom(pc + 1);
      if ((what & (Does.BEGIN | Does.END)) !== 0) conditional = (what & Does.END) !== 0;
      else if ((what & Does.READ) !== 0) add(needed, what >> REGISTER_SHIFT);
      else if ((what & Does.LOOK) !== 0) needed.fill(0xffffffff);
      // what is written under a condition may keep its value
      else if ((what & (Does.WRITE | Does.FLAGS)) !== 0 && !conditional) {
        if ((what & Does.WRITE) !== 0) overwrite(needed, written, what >> REGISTER_SHIFT);
        else for (let n = what >> REGISTER_SHIFT; n > 0; n--) overwrite(needed, written, fields[n - 1] as number);
      }
      leaves ||= (what & Does.LEAVE) !== 0;
      next = ops[i - 1];
      if (next?.pc === pc) continue;
      if (left > 0) readFrom(pc);
      if (leaves) at?.(pc);
      leaves = false;
    }
    readFrom(0);
  };
  const effects = blocks.map((_, b): Effect => {
    const effect = { reads: none.slice(), writes: none.slice() };
    backwards(b, effect.reads, effect.writes);
    return effect;
  });

  const outside = (block: Block, b: number): RegSet => {
    const { terminal: t } = block;
    if (region.crossings.has(b)) return always.slice();
    if (block.pc === -1 || t.guard) return all.slice();
    const inside = (pc: number): boolean => successorAt(region, b, pc) !== undefined;
    if (t.kind === 'choice' || (t.kind === 'jump' && inside(t.target))) return always.slice();
    if (t.kind === 'branch' && inside(t.taken) && inside(t.next)) return always.slice();
    const out = all.slice();
    if (!policy.flagsCross && dropsFlags(block))
      for (const [w, bits] of flags.entries()) out[w] = (out[w] as number) & ~bits;
    return out;
  };
  const out = blocks.map(outside);
  const atEntry = blocks.map(() => always.slice());
  const order = flowOrder(region);
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = order.length - 1; i >= 0; i--) {
      const b = order[i] as number;
      const behind = out[b] as RegSet;
      if (goesOn(blocks[b] as Block))
        for (const s of succs[b] as readonly number[]) union(behind, atEntry[s] as RegSet);
      const { reads, writes } = effects[b] as Effect;
      const before = atEntry[b] as RegSet;
      for (let w = 0; w < before.length; w++) {
        const bits = before[w] as number;
        const more = (bits | (reads[w] as number) | ((behind[w] as number) & ~(writes[w] as number))) >>> 0;
        if (more === bits) continue;
        before[w] = more;
        changed = true;
      }
    }
  }
  const idle = idleFields(known, policy);
  const kinds = blocks.map((block, b) => kindsIn(block, copies[b] as Copies));
  const byOperation = new Map<Value, RegSet>();
  for (const { before } of kinds) {
    for (const [v, kind] of before) if (idle(kind) !== null) byOperation.set(v, without(all, idle(kind)));
  }
  for (const b of blocksInLoops(region)) {
    const { ops } = blocks[b] as Block;
    const list = does[b] as Int32Array;
    const begins = new Map<number, RegSet>();
    const needed = (out[b] as RegSet).slice();
    backwards(b, needed, none.slice(), (pc) => {
      const there = needed.slice();
      union(there, always);
      begins.set(pc, there);
    });
    let setsFlags = false;
    const { before } = kinds[b] as Kinds;
    for (let i = 0; i < list.length; i++) {
      const what = list[i] as number;
      if ((what & Does.LEAVE) !== 0) {
        const v = ops[i] as Value;
        const there = begins.get(v.pc) as RegSet;
        // perhaps those of an instruction before this one
        if (setsFlags) union(there, flags);
        byOperation.set(v, without(there, idle(before.get(v) as number)));
      } else if ((what & Does.FLAGS) !== 0) setsFlags = true;
      else if ((what & Does.WRITE) !== 0) setsFlags ||= has(flags, what >> REGISTER_SHIFT);
    }
  }
  return {
    atEntry: atEntry.map((set, b) => without(set, idle((kinds[b] as Kinds).atEntry))),
    before: (v) => (byOperation.size === 0 ? null : (byOperation.get(v) ?? null)),
    behind: kinds.map(({ atEnd }) => idle(atEnd) && without(all, idle(atEnd))),
  };
};

const UNKNOWN = -1;

/** Kinds of the condition codes in a block, where they are known. */
interface Kinds {
  readonly atEntry: number;
  readonly before: ReadonlyMap<Value, number>;
  readonly atEnd: number;
}

const kindsIn = ({ ops }: Block, copies: Copies): Kinds => {
  const source = copies.get(State.CC_OP);
  const atEntry = typeof source === 'object' ? source.imm : UNKNOWN;
  const before = new Map<Value, number>();
  let kind = atEntry;
  let conditional: number | null = null;
  for (let i = 0; i < ops.length; i++) {
    const v = ops[i] as Value;
    const what = doesOf(v.info);
    if (what === 0) continue;
    if ((what & Does.LEAVE) !== 0) {
      before.set(v, kind);
      if ((what & (Does.HELPER | Does.NATIVE)) !== 0) kind = UNKNOWN;
    } else if ((what & Does.BEGIN) !== 0) conditional = kind;
    else if ((what & Does.END) !== 0) {
      if (kind !== conditional) kind = UNKNOWN;
      conditional = null;
    } else if ((what & Does.FLAGS) !== 0) kind = v.imm;
    else if ((what & Does.WRITE) !== 0 && v.imm === State.CC_OP) kind = v.a?.isConst ? v.a.imm : UNKNOWN;
  }
  return { atEntry, before, atEnd: kind };
};

/** By kind of the condition codes, their fields that it has no use for; null: no kind, or none. */
const idleFields = ({ registers }: RegionRegisters, { flagFields }: NeedPolicy): ((kind: number) => RegSet | null) => {
  const fields = registers.filter(({ offset }) => offset !== State.CC_OP && isFlags(offset));
  const found = new Map<number, RegSet | null>();
  return (kind) => {
    if (kind === UNKNOWN || fields.length === 0) return null;
    let set = found.get(kind);
    if (set !== undefined) return set;
    const used = flagFields(kind);
    const idle = fields.filter(({ offset }) => !used.includes(offset));
    set = idle.length === 0 ? null : new Uint32Array((registers.length + 31) >> 5);
    if (set !== null) for (const { index } of idle) add(set, index);
    found.set(kind, set);
    return set;
  };
};

const without = (set: RegSet, others: RegSet | null): RegSet =>
  others === null ? set : set.map((bits, w) => bits & ~(others[w] as number));

const overwrite = (needed: RegSet, written: RegSet, register: number): void => {
  remove(needed, register);
  add(written, register);
};

/** General and vector registers, which instructions name. Others (as ITSTATE of ARM) the cold tier reads of itself. */
const isGeneral = (offset: number): boolean => offset >= State.REGS && offset < State.SYSREGS;

const isVector = (offset: number): boolean => offset >= State.VREGS && offset < State.SYSREGS;

/** What is live there comes from the block behind; calls give registers new values, others leave. */
const goesOn = ({ terminal: t }: Block): boolean =>
  !t.guard && (t.kind === 'jump' || t.kind === 'branch' || t.kind === 'choice');

const blocksInLoops = ({ blocks, cfg }: Region): Set<number> =>
  new Set(blocks.flatMap((_, b) => (cfg.isLoop[b] ? [...loopOf(b, cfg)] : [])));
