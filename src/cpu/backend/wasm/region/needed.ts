import type { Block } from '../../../ir/block.ts';
import type { Value } from '../../../ir/value.ts';
import { State } from '../../../memory/layout.ts';
import { loopOf } from './cfg.ts';
import type { Region } from './discover.ts';
import { isFlags } from './flag-fields.ts';
import {
  add,
  Does,
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
 * of loops all are stored, and flags behind what a block sets itself.
 */
export interface Needed {
  /** At a loop's header, by block. */
  readonly atEntry: readonly RegSet[];
  /** In front of the instruction that an operation of a block is part of, as an exit there begins it once more; null: all. */
  before(v: Value): RegSet | null;
}

export interface NeedPolicy {
  readonly flagsCross: boolean;
  /** Whether faults must find all registers but the flags as they are: somebody handles them. */
  readonly precise: boolean;
  /** State offsets of registers by which frames are unwound: they are stored always. */
  readonly frame: readonly number[];
}

/** What a block reads first and writes first, as sets of registers. */
interface Effect {
  readonly reads: RegSet;
  readonly writes: RegSet;
}

/** Calls and returns need no flags unless `flagsCross`; what is behind the region's edge needs all. */
export const neededRegisters = (region: Region, known: RegionRegisters, policy: NeedPolicy): Needed => {
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
        const register = byOffset.get(reads[left - 1] as number);
        if (register) add(needed, register.index);
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
    if (block.pc === -1 || t.guard) return all.slice();
    const inside = (pc: number): boolean => (succs[b] as readonly number[]).some((s) => blocks[s]?.pc === pc);
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
  const byOperation = new Map<Value, RegSet>();
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
    for (let i = 0; i < list.length; i++) {
      const what = list[i] as number;
      if ((what & Does.LEAVE) !== 0) {
        const v = ops[i] as Value;
        const there = begins.get(v.pc) as RegSet;
        // perhaps those of an instruction before this one
        if (setsFlags) union(there, flags);
        byOperation.set(v, there);
      } else if ((what & Does.FLAGS) !== 0) setsFlags = true;
      else if ((what & Does.WRITE) !== 0) setsFlags ||= has(flags, what >> REGISTER_SHIFT);
    }
  }
  return { atEntry, before: (v) => (byOperation.size === 0 ? null : (byOperation.get(v) ?? null)) };
};

const overwrite = (needed: RegSet, written: RegSet, register: number): void => {
  remove(needed, register);
  add(written, register);
};

/** General and vector registers, which instructions name. Others (as ITSTATE of ARM) the cold tier reads of itself. */
const isGeneral = (offset: number): boolean => offset >= State.REGS && offset < State.SYSREGS;

/** What is live there comes from the block behind; calls give registers new values, others leave. */
const goesOn = ({ terminal: t }: Block): boolean =>
  !t.guard && (t.kind === 'jump' || t.kind === 'branch' || t.kind === 'choice');

const blocksInLoops = ({ blocks, cfg }: Region): Set<number> =>
  new Set(blocks.flatMap((_, b) => (cfg.isLoop[b] ? [...loopOf(b, cfg)] : [])));
