import type { Block } from '../../../ir/block.ts';
import { Value } from '../../../ir/value.ts';
import type { Cfg } from './cfg.ts';
import { isFlags } from './flag-fields.ts';
import { clobbers, writes } from './registers.ts';

/** What a field of the condition codes holds: a constant, or the same as a register (state offset). */
export type Source = Constant | number;
type Constant = Pick<Value, 'type' | 'imm' | 'hi' | 'lanes'>;

/** By state offset of the field. */
export type Copies = ReadonlyMap<number, Source>;

const NONE: Copies = new Map();

const same = (x: Source, y: Source | undefined): boolean => {
  if (x === y) return true;
  if (typeof x === 'number' || typeof y !== 'object') return false;
  return x.type === y.type && x.imm === y.imm && x.hi === y.hi;
};

/** What a block does to copies. */
interface Effect {
  /** Fields it gives new values, with their sources; null: they have none. */
  readonly made: ReadonlyMap<number, Source | null>;
  /** Registers it writes. */
  readonly written: ReadonlySet<number>;
}

/** Null: nothing is known behind it. */
const effectOf = (block: Block): Effect | null => {
  if (clobbers(block)) return null;
  const last = new Map<number, Value | Constant | null>();
  const read = new Map<number, Value>();
  for (const v of block.ops) {
    const { kind } = v.info;
    if (kind === 'helper' || kind === 'native' || kind === 'when') return null;
    if (kind === 'set') last.set(v.imm, v.a);
    else if (kind === 'cc') {
      const values = [{ type: 'i32', imm: v.imm, hi: 0, lanes: null } as const, v.a, v.b, v.c];
      for (const [i, { offset }] of writes(v).entries()) last.set(offset, values[i] ?? null);
    } else if (kind === 'get' && !last.has(v.imm)) read.set(v.imm, v);
  }
  /** Registers that hold a value at the block's end. */
  const homes = new Map<Value, number>();
  for (const [offset, v] of read) if (!last.has(offset) && !isFlags(offset)) homes.set(v, offset);
  for (const [offset, v] of last) if (v instanceof Value && !isFlags(offset)) homes.set(v, offset);
  const made = new Map<number, Source | null>();
  for (const [offset, v] of last) {
    if (isFlags(offset)) made.set(offset, v instanceof Value && !v.isConst ? (homes.get(v) ?? null) : v);
  }
  return { made, written: new Set(last.keys()) };
};

const behind = (at: Copies, effect: Effect | null): Copies => {
  if (effect === null) return NONE;
  const { made, written } = effect;
  const out = new Map([...at].filter(([field, source]) => !made.has(field) && !(typeof source === 'number' && written.has(source)))); // biome-ignore format: one line
  for (const [field, source] of made) if (source !== null) out.set(field, source);
  return out;
};

/**
 * Fields of the condition codes that each block finds in a register too, or constant, on all ways to it: those of a
 * comparison that ended a block before. Loops need not carry them.
 */
export const flagCopies = (
  blocks: readonly Block[],
  succs: readonly (readonly number[])[],
  { rpo }: Cfg,
): readonly Copies[] => {
  const ins: (Copies | null)[] = blocks.map(() => null);
  const effects = blocks.map(effectOf);
  // the CPU state tells where a region is entered
  ins[0] = NONE;
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of rpo) {
      const out = behind(ins[b] ?? NONE, effects[b] as Effect | null);
      for (const s of succs[b] as readonly number[]) {
        const before = ins[s] ?? null;
        const after = before === null ? out : new Map([...before].filter(([field, x]) => same(x, out.get(field))));
        if (before !== null && after.size === before.size) continue;
        ins[s] = after;
        changed = true;
      }
    }
  }
  return ins.map((copies) => copies ?? NONE);
};
