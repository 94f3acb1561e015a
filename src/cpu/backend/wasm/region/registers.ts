import type { Block } from '../../../ir/block.ts';
import { type OpInfo, type OpKind, opTable } from '../../../ir/opcodes.ts';
import type { Type } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import { State } from '../../../memory/layout.ts';
import type { Region } from './discover.ts';
import { isFlags } from './flag-fields.ts';

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
  /** What a block's operations do to them, by block and operation: bits of Does, and above them the register read or written. */
  readonly does: readonly Int32Array[];
  /** Condition-code fields that `cc` operations write, the first as many as the operation tells in place of a register. */
  readonly fields: readonly number[];
}

/** What the passes over registers ask of an operation. */
export const Does = {
  READ: 1,
  WRITE: 2,
  /** It writes condition codes. */
  FLAGS: 4,
  /** It may leave the region (its exit stores what is dirty). */
  LEAVE: 8,
  /** A helper is called, which stores and loads every register. */
  HELPER: 16,
  /** It may look at any register in memory. */
  LOOK: 32,
  /** A conditional part begins or ends. */
  BEGIN: 64,
  END: 128,
  /** It reads the bounds of a run. */
  BOUNDS: 256,
  /** A native is called. */
  NATIVE: 512,
} as const;
export const REGISTER_SHIFT = 10;

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

const DOES: { readonly [kind in OpKind]?: number } = {
  get: Does.READ,
  set: Does.WRITE,
  cc: Does.FLAGS,
  load: Does.LEAVE,
  store: Does.LEAVE,
  atomic: Does.LEAVE,
  guard: Does.LEAVE,
  helper: Does.LEAVE | Does.HELPER | Does.LOOK,
  native: Does.LEAVE | Does.LOOK | Does.NATIVE,
  peek: Does.LOOK,
  poke: Does.LOOK,
};
/** By number of the operation. */
const does = Int32Array.from(opTable, ({ kind, name }) =>
  kind === 'when' ? (name === 'when.begin' ? Does.BEGIN : Does.END) : (DOES[kind] ?? 0),
);
/** What an operation does to registers, as bits of Does. */
export const doesOf = ({ code }: OpInfo): number => does[code] as number;

/**
 * After this terminal registers in memory may have changed: every dirty one is stored before it, and what
 * is live behind it is loaded again.
 */
export const clobbers = (block: Block): boolean => {
  const { kind } = block.terminal;
  return kind === 'call' || kind === 'callIndirect' || kind === 'syscall';
};

/**
 * Whether the flags are of no use behind a block: it calls or returns, and procedure calls do not keep them. What an
 * indirect call goes to nobody can ask before, and the rest of a function reads them.
 */
export const dropsFlags = (block: Block): boolean => {
  const { terminal: t } = block;
  if (t.guard) return false;
  return (t.kind === 'call' && !t.isRest) || (t.kind === 'jumpIndirect' && t.isReturn && !t.keepsFlags);
};

/**
 * Blocks in the order in which what flows forward settles soonest: those that control does not reach (it may only seem so)
 * come last.
 */
export const flowOrder = ({ blocks, cfg }: Region): readonly number[] => {
  if (cfg.rpo.length === blocks.length) return cfg.rpo;
  const rest = blocks.keys().filter((b) => (cfg.number[b] as number) < 0);
  return [...cfg.rpo, ...rest];
};

/** The set without the condition-code fields. */
export const withoutFlags = (set: RegSet, registers: readonly RegionRegister[]): RegSet => {
  const kept = set.slice();
  for (const r of registers) if (isFlags(r.offset)) remove(kept, r.index);
  return kept;
};

/** Bounds of the run that an operation's address is checked against: [lo, len], or null. */
export type BoundsOf = (v: Value) => readonly [number, number] | null;

export const registersOf = (
  region: Region,
  boundsOf: BoundsOf,
  scalars: ReadonlyMap<number, unknown>,
): RegionRegisters => {
  const byOffset = new Map<number, RegionRegister>();
  const registers: RegionRegister[] = [];
  const note = (offset: number, type: Type): RegionRegister => {
    const known = byOffset.get(offset);
    if (known) return known;
    const r = { offset, type, index: registers.length, scalar: scalars.has(offset), written: false };
    byOffset.set(offset, r);
    registers.push(r);
    return r;
  };
  const write = (offset: number, type: Type): number => {
    const r = note(offset, type);
    r.written = true;
    return r.index;
  };
  const lists = region.blocks.map(({ ops }) => {
    const list = new Int32Array(ops.length);
    for (let i = 0; i < ops.length; i++) {
      const v = ops[i] as Value;
      let what = doesOf(v.info);
      if ((what & Does.READ) !== 0) what |= note(v.imm, v.type).index << REGISTER_SHIFT;
      else if ((what & Does.LEAVE) !== 0) {
        const bounds = boundsOf(v);
        // as wide as the guest's addresses
        for (const bound of bounds ?? []) note(bound, (v.a as Value).type);
        if (bounds) what |= Does.BOUNDS;
      } else if ((what & Does.WRITE) !== 0) what |= write(v.imm, (v.a as Value).type) << REGISTER_SHIFT;
      else if ((what & Does.FLAGS) !== 0) {
        const written = writes(v);
        for (const w of written) write(w.offset, w.type);
        what |= written.length << REGISTER_SHIFT;
      }
      list[i] = what;
    }
    return list;
  });
  const fields = ccFields.map(({ offset }) => byOffset.get(offset)?.index ?? -1);
  return { registers, byOffset, does: lists, fields };
};
