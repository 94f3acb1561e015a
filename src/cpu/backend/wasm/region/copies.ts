import type { Block } from '../../../ir/block.ts';
import { Value } from '../../../ir/value.ts';
import type { Cfg } from './cfg.ts';
import { isFlags } from './flag-fields.ts';
import { clobbers, Does, doesOf, writes } from './registers.ts';

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

/** What of the first holds by the second too. */
const common = (x: Copies, y: Copies): Copies => {
  if (x.size === 0 || x === y) return x;
  return y.size === 0 ? NONE : new Map([...x].filter(([field, source]) => same(source, y.get(field))));
};

/** What a block does to copies. */
class Effect {
  /** Fields it gives new values, with their sources; null: they have none. */
  readonly made: ReadonlyMap<number, Source | null>;
  /** Those that have some. */
  readonly known: Copies;
  private readonly ops: readonly Value[];
  private registers: ReadonlySet<number> | null = null;

  constructor(ops: readonly Value[], made: ReadonlyMap<number, Source | null>) {
    this.ops = ops;
    this.made = made;
    this.known = made.size === 0 ? NONE : new Map([...made].filter((e): e is [number, Source] => e[1] !== null));
  }

  /** Registers it writes. */
  get written(): ReadonlySet<number> {
    this.registers ??= new Set(this.ops.filter(({ info }) => info.kind === 'set').map(({ imm }) => imm));
    return this.registers;
  }
}

const NOTHING_MADE: ReadonlyMap<number, Source | null> = new Map();

/** Null: nothing is known behind it. */
const effectOf = (block: Block): Effect | null => {
  if (clobbers(block)) return null;
  const { ops } = block;
  let some = false;
  for (let i = 0; i < ops.length; i++) {
    const { info, imm } = ops[i] as Value;
    const what = doesOf(info);
    if ((what & (Does.HELPER | Does.NATIVE | Does.BEGIN | Does.END)) !== 0) return null;
    some ||= (what & Does.FLAGS) !== 0 || ((what & Does.WRITE) !== 0 && isFlags(imm));
  }
  return new Effect(ops, some ? madeBy(ops) : NOTHING_MADE);
};

const madeBy = (ops: readonly Value[]): ReadonlyMap<number, Source | null> => {
  const last = new Map<number, Value | Constant | null>();
  for (const v of ops) {
    const { kind } = v.info;
    if (kind === 'set') last.set(v.imm, v.a);
    else if (kind === 'cc') {
      const values = [{ type: 'i32', imm: v.imm, hi: 0, lanes: null } as const, v.a, v.b, v.c];
      for (const [i, { offset }] of writes(v).entries()) last.set(offset, values[i] ?? null);
    }
  }
  const made = new Map<number, Source | null>();
  for (const [offset, v] of last) {
    if (isFlags(offset)) made.set(offset, v instanceof Value && !v.isConst ? homeOf(v, last, ops) : v);
  }
  return made;
};

/** The register that holds a value at the end of a block, given what each was set to last; null: none. */
const homeOf = (v: Value, last: ReadonlyMap<number, Value | Constant | null>, ops: readonly Value[]): number | null => {
  let home: number | null = null;
  for (const [offset, other] of last) if (other === v && !isFlags(offset)) home = offset;
  if (home !== null || v.info.kind !== 'get' || last.has(v.imm) || isFlags(v.imm)) return home;
  return ops.findLast(({ info, imm }) => info.kind === 'get' && imm === v.imm) === v ? v.imm : null;
};

const behind = (at: Copies, effect: Effect | null): Copies => {
  if (effect === null) return NONE;
  const { made, known } = effect;
  if (at.size === 0) return known;
  const { written } = effect;
  const out = new Map([...at].filter(([field, source]) => !made.has(field) && !(typeof source === 'number' && written.has(source)))); // biome-ignore format: one line
  for (const [field, source] of known) out.set(field, source);
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
  // blocks whose ways in have changed since they were looked at
  const stale = new Uint8Array(blocks.length).fill(1);
  for (let changed = true; changed; ) {
    changed = false;
    for (const b of rpo) {
      if (stale[b] === 0) continue;
      stale[b] = 0;
      const out = behind(ins[b] ?? NONE, effects[b] as Effect | null);
      for (const s of succs[b] as readonly number[]) {
        const before = ins[s] ?? null;
        const after = before === null ? out : common(before, out);
        if (before !== null && after.size === before.size) continue;
        ins[s] = after;
        stale[s] = 1;
        changed = true;
      }
    }
  }
  return ins.map((copies) => copies ?? NONE);
};
