import type { Block } from '../../../ir/block.ts';
import type { OpKind } from '../../../ir/opcodes.ts';
import type { Type } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import { State } from '../../../memory/layout.ts';
import { type Copies, flagCopies } from './copies.ts';
import type { Region } from './discover.ts';
import { isFlags } from './flag-fields.ts';
import type { Needed } from './needed.ts';

/**
 * A guest register (or condition-code field, or bound of a run) that a region keeps in a wasm local.
 */
export interface RegionRegister {
  /** Byte offset in the CPU state, or wasm offset of a bound (those lie above every state offset). */
  readonly offset: number;
  readonly type: Type;
  /** Dense number within the region. */
  readonly index: number;
  /** A vector register that holds a scalar here: the bytes above it are zero, as checked when it is loaded. */
  readonly scalar: boolean;
  /** Whether the region writes it. */
  written: boolean;
}

/** Sets of region registers as bit words. */
export type RegSet = Uint32Array;

/** All that a region keeps in locals. */
export interface RegionRegisters {
  readonly registers: readonly RegionRegister[];
  readonly byOffset: ReadonlyMap<number, RegionRegister>;
}

/** Which registers are read, written, dirty and live where. */
export interface RegisterUse extends RegionRegisters {
  /** Registers whose local may differ from memory at the block's entry. */
  readonly dirtyIn: readonly RegSet[];
  /** Registers whose local is needed at the block's entry. */
  readonly liveIn: readonly RegSet[];
  /** Fields of the condition codes whose locals a block sets first of all, and from what. */
  readonly recovered: readonly Copies[];
}

const ccFields: readonly { offset: number; type: Type }[] = [
  { offset: State.CC_OP, type: 'i32' },
  { offset: State.CC_A, type: 'i64' },
  { offset: State.CC_B, type: 'i64' },
  { offset: State.CC_C, type: 'i32' },
];

/** State fields an operation writes. */
export const writes = (v: Value): readonly { offset: number; type: Type }[] => {
  if (v.info.kind === 'set') return [{ offset: v.imm, type: (v.a as Value).type }];
  if (v.info.kind === 'cc') return v.c ? ccFields : ccFields.slice(0, 3);
  return [];
};

export const has = (set: RegSet, i: number): boolean => (((set[i >> 5] as number) >>> (i & 31)) & 1) === 1;
export const add = (set: RegSet, i: number): void => {
  set[i >> 5] = (set[i >> 5] as number) | (1 << (i & 31));
};
export const remove = (set: RegSet, i: number): void => {
  set[i >> 5] = (set[i >> 5] as number) & ~(1 << (i & 31));
};
export const union = (into: RegSet, from: RegSet): boolean => {
  let changed = false;
  for (let w = 0; w < into.length; w++) {
    const before = into[w] as number;
    const after = (before | (from[w] as number)) >>> 0;
    if (after !== before >>> 0) {
      into[w] = after;
      changed = true;
    }
  }
  return changed;
};

const LEAVING: ReadonlySet<OpKind> = new Set(['load', 'store', 'atomic', 'helper', 'native', 'guard']);
/** Whether the operation may leave the region (its exit stores what is dirty). */
export const mayLeave = (v: Value): boolean => {
  return LEAVING.has(v.info.kind);
};

/**
 * After this terminal registers in memory may have changed: every dirty one is stored before it, and what
 * is live behind it is loaded again.
 */
export const clobbers = (block: Block): boolean => {
  const { kind } = block.terminal;
  return kind === 'call' || kind === 'callIndirect' || kind === 'syscall';
};

/** Whether the block calls a helper, which stores and loads every register, whatever happens. */
const storesAll = (block: Block): boolean => {
  let conditional = false;
  for (const { info } of block.ops) {
    if (info.kind === 'when') conditional = info.name === 'when.begin';
    if (info.kind === 'helper' && !conditional) return true;
  }
  return false;
};

/**
 * Whether the flags are of no use behind a block: it calls or returns, and procedure calls do not keep them. What an
 * indirect call goes to nobody can ask before, and the rest of a function reads them.
 */
export const dropsFlags = (block: Block): boolean => {
  const { terminal: t } = block;
  if (t.guard) return false;
  return (t.kind === 'call' && !t.isRest) || (t.kind === 'jumpIndirect' && t.isReturn);
};

/** The set without the condition-code fields. */
export const withoutFlags = (set: RegSet, registers: readonly RegionRegister[]): RegSet => {
  const kept = set.slice();
  for (const r of registers) if (isFlags(r.offset)) remove(kept, r.index);
  return kept;
};

/** Those of a set that are in another; null: all. */
export const among = (set: RegSet, others: RegSet | null): RegSet =>
  others ? set.map((bits, w) => bits & (others[w] as number)) : set;

/** Bounds of the run that an operation's address is checked against: [lo, len], or null. */
export type BoundsOf = (v: Value) => readonly [number, number] | null;

export const registersOf = (
  region: Region,
  boundsOf: BoundsOf,
  scalars: ReadonlyMap<number, unknown>,
): RegionRegisters => {
  const byOffset = new Map<number, RegionRegister>();
  const registers: RegionRegister[] = [];
  const note = (offset: number, type: Type): void => {
    if (byOffset.has(offset)) return;
    const r = { offset, type, index: registers.length, scalar: scalars.has(offset), written: false };
    byOffset.set(offset, r);
    registers.push(r);
  };
  for (const { ops } of region.blocks) {
    for (const v of ops) {
      if (v.info.kind === 'get') note(v.imm, v.type);
      // as wide as the guest's addresses
      for (const bound of boundsOf(v) ?? []) note(bound, (v.a as Value).type);
      for (const w of writes(v)) {
        note(w.offset, w.type);
        (byOffset.get(w.offset) as RegionRegister).written = true;
      }
    }
  }
  return { registers, byOffset };
};

export const analyseRegisters = (
  region: Region,
  isLoop: readonly boolean[],
  boundsOf: BoundsOf,
  flagsCross: boolean,
  { registers, byOffset }: RegionRegisters,
  needed: Needed,
): RegisterUse => {
  const words = Math.max(1, (registers.length + 31) >> 5);
  const empty = (): RegSet => new Uint32Array(words);
  const n = region.blocks.length;
  const index = (offset: number): number => (byOffset.get(offset) as RegionRegister).index;

  // forward: registers dirty at entry
  const dirtyIn = Array.from({ length: n }, empty);
  const dirtyOut = region.blocks.map((b) => {
    const d = empty();
    let conditional = false;
    for (const v of b.ops) {
      if (v.info.kind === 'when') conditional = v.info.name === 'when.begin';
      if (v.info.kind === 'helper' && !conditional) d.fill(0);
      for (const w of writes(v)) add(d, index(w.offset));
    }
    return d;
  });
  const passes = region.blocks.map((b) => !clobbers(b) && !storesAll(b));
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = 0; b < n; b++) {
      const block = region.blocks[b] as Block;
      if (clobbers(block)) continue; // nothing is dirty behind it
      for (const s of region.succs[b] as readonly number[]) {
        if (union(dirtyIn[s] as RegSet, dirtyOut[b] as RegSet)) changed = true;
        if (passes[b] && union(dirtyIn[s] as RegSet, dirtyIn[b] as RegSet)) changed = true;
      }
    }
  }

  const recovered = flagCopies(region.blocks, region.succs, region.cfg).map((copies, b) => {
    const isDirty = (field: number): boolean => byOffset.has(field) && has(dirtyIn[b] as RegSet, index(field));
    const found = [...copies].filter(
      ([field, x]) => isDirty(field) && (typeof x !== 'number' || byOffset.get(x)?.type === byOffset.get(field)?.type),
    );
    return new Map(found);
  });

  // backward: registers needed at entry; an exit needs what is dirty there
  const liveIn = Array.from({ length: n }, empty);
  const uses = region.blocks.map((b, i) => {
    const use = empty();
    const defined = empty();
    const dirty = (dirtyIn[i] as RegSet).slice();
    const need = (r: number): void => {
      if (!has(defined, r)) add(use, r);
    };
    const needDirty = (set: RegSet | null = null): void => {
      const stored = among(dirty, set);
      for (const r of registers) if (has(stored, r.index)) need(r.index);
    };
    for (const [field, source] of recovered[i] as Copies) {
      if (typeof source === 'number') need(index(source));
      add(defined, index(field));
    }
    if (isLoop[i]) needDirty(needed.atEntry[i]);
    let conditional = false;
    for (const v of b.ops) {
      if (v.info.kind === 'when') conditional = v.info.name === 'when.begin';
      if (v.info.kind === 'get') need(index(v.imm));
      for (const bound of boundsOf(v) ?? []) need(index(bound));
      if (mayLeave(v)) needDirty(needed.before(v));
      if (v.info.kind === 'helper' && !conditional) {
        dirty.fill(0);
        // behind a helper locals are loaded anew
        defined.fill(0xffffffff);
      }
      for (const w of writes(v)) {
        // what is written under a condition may keep its value
        if (conditional) need(index(w.offset));
        else add(defined, index(w.offset));
        add(dirty, index(w.offset));
      }
    }
    // edges that leave the region count too: every block may have one
    if (dropsFlags(b) && !flagsCross) dirty.set(withoutFlags(dirty, registers));
    needDirty();
    const kill = clobbers(b) ? empty().fill(0xffffffff) : defined;
    return { use, kill };
  });
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = n - 1; b >= 0; b--) {
      const { use, kill } = uses[b] as { use: RegSet; kill: RegSet };
      const live = use.slice();
      for (const s of region.succs[b] as readonly number[]) {
        const from = liveIn[s] as RegSet;
        for (let w = 0; w < words; w++) live[w] = (live[w] as number) | ((from[w] as number) & ~(kill[w] as number));
      }
      if (union(liveIn[b] as RegSet, live)) changed = true;
    }
  }
  return { registers, byOffset, dirtyIn, liveIn, recovered };
};
