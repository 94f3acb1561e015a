import type { Block } from '../../../ir/block.ts';
import type { Value } from '../../../ir/value.ts';
import { State } from '../../../memory/layout.ts';
import { loopOf } from './cfg.ts';
import type { Region } from './discover.ts';
import { isFlags } from './flag-fields.ts';
import { add, dropsFlags, mayLeave, type RegionRegisters, type RegSet, remove, union, writes } from './registers.ts';

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
  const { registers, byOffset } = known;
  const none = new Uint32Array(Math.max(1, (registers.length + 31) >> 5));
  const all = none.slice().fill(0xffffffff);
  const flags = none.slice();
  /** Those that nobody may leave out. */
  const always = none.slice();
  for (const { offset, index } of registers) {
    if (isFlags(offset)) add(flags, index);
    else if (policy.precise || !isGeneral(offset) || policy.frame.includes(offset)) add(always, index);
  }

  /** Goes through a block backwards from what is needed behind it; `at` is told of the beginning of each instruction. */
  const backwards = (block: Block, needed: RegSet, written: RegSet, at?: (pc: number) => void): void => {
    const { reads } = block;
    let left = reads.length;
    /** Those of instructions from pc on, which may have no operations at all. */
    const readFrom = (pc: number): void => {
      for (; left > 0 && (reads[left - 2] as number) >= pc; left -= 2) {
        const register = byOffset.get(reads[left - 1] as number);
        if (register) add(needed, register.index);
      }
    };
    let conditional = false;
    for (let i = block.ops.length - 1; i >= 0; i--) {
      const v = block.ops[i] as Value;
      const { kind, name } = v.info;
      readFrom(v.pc + 1);
      if (kind === 'when') conditional = name === 'when.end';
      for (const { offset } of writes(v)) {
        const { index } = byOffset.get(offset) as { index: number };
        // what is written under a condition may keep its value
        if (conditional) continue;
        remove(needed, index);
        add(written, index);
      }
      if (kind === 'helper' || kind === 'native' || kind === 'peek' || kind === 'poke') needed.fill(0xffffffff);
      else if (kind === 'get') add(needed, (byOffset.get(v.imm) as { index: number }).index);
      if (block.ops[i - 1]?.pc === v.pc) continue;
      readFrom(v.pc);
      at?.(v.pc);
    }
    readFrom(0);
  };
  const effects = blocks.map((block): Effect => {
    const effect = { reads: none.slice(), writes: none.slice() };
    backwards(block, effect.reads, effect.writes);
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
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = blocks.length - 1; b >= 0; b--) {
      if (goesOn(blocks[b] as Block))
        for (const s of succs[b] as readonly number[]) union(out[b] as RegSet, atEntry[s] as RegSet);
      const effect = effects[b] as Effect;
      const before = atEntry[b] as RegSet;
      if (union(before, effect.reads)) changed = true;
      const through = (out[b] as RegSet).map((bits, w) => bits & ~(effect.writes[w] as number));
      if (union(before, through)) changed = true;
    }
  }
  const byOperation = new Map<Value, RegSet>();
  for (const b of blocksInLoops(region)) {
    const block = blocks[b] as Block;
    const begins = new Map<number, RegSet>();
    const needed = (out[b] as RegSet).slice();
    backwards(block, needed, none.slice(), (pc) => {
      const there = needed.slice();
      union(there, always);
      begins.set(pc, there);
    });
    let setsFlags = false;
    for (const v of block.ops) {
      if (mayLeave(v)) {
        const there = begins.get(v.pc) as RegSet;
        // perhaps those of an instruction before this one
        if (setsFlags) union(there, flags);
        byOperation.set(v, there);
      }
      setsFlags ||= writes(v).some(({ offset }) => isFlags(offset));
    }
  }
  return { atEntry, before: (v) => byOperation.get(v) ?? null };
};

/** General and vector registers, which instructions name. Others (as ITSTATE of ARM) the cold tier reads of itself. */
const isGeneral = (offset: number): boolean => offset >= State.REGS && offset < State.SYSREGS;

/** What is live there comes from the block behind; calls give registers new values, others leave. */
const goesOn = ({ terminal: t }: Block): boolean =>
  !t.guard && (t.kind === 'jump' || t.kind === 'branch' || t.kind === 'choice');

const blocksInLoops = ({ blocks, cfg }: Region): Set<number> =>
  new Set(blocks.flatMap((_, b) => (cfg.isLoop[b] ? [...loopOf(b, cfg)] : [])));
