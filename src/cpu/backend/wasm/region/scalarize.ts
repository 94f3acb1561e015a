import type { Block } from '../../../ir/block.ts';
import { terminalValue, terminalValues } from '../../../ir/finish.ts';
import { type OpName, opInfo } from '../../../ir/opcodes.ts';
import { Value } from '../../../ir/value.ts';

/** The scalar a vector register holds in a region: its low 64 or 32 bits; the rest is zero. */
export type ScalarType = 'f64' | 'f32';

/** How an operation looks at lane 0, by the scalar type it goes with. */
const lane0: { readonly [name in OpName]?: ScalarType } = {
  'f64x2.extract_lane': 'f64',
  'i64x2.extract_lane': 'f64',
  'f64x2.replace_lane': 'f64',
  'i64x2.replace_lane': 'f64',
  'f32x4.extract_lane': 'f32',
  'i32x4.extract_lane': 'f32',
  'f32x4.replace_lane': 'f32',
  'i32x4.replace_lane': 'f32',
};

const isExtract = (v: Value): boolean => v.info.name.endsWith('extract_lane') && v.imm === 0;
const isZero = (v: Value | null): boolean => v?.info.name === 'v128.const' && (v.lanes ?? []).every((b) => b === 0);
/** A scalar put into a cleared vector: what scalar instructions write. */
const isScalarWrite = (v: Value): boolean => v.info.name.endsWith('replace_lane') && v.imm === 0 && isZero(v.a);

/**
 * Vector registers that a region uses only as scalars, by state offset. They live in f64 or f32 locals:
 * taking scalars out of vectors and putting them back would cost more than the arithmetic.
 */
export const scalarRegisters = (blocks: readonly Block[]): Map<number, ScalarType> => {
  const found = new Map<number, ScalarType | null>();
  const note = (offset: number, type: ScalarType | null | undefined): void => {
    const known = found.get(offset);
    found.set(offset, known === undefined || known === type ? (type ?? null) : null);
  };
  for (const { ops } of blocks) {
    for (const v of ops) {
      if (v.info.name === 'v128.set') {
        const x = v.a as Value;
        note(v.imm, isScalarWrite(x) ? lane0[x.info.name] : null);
        // a copy of another register's vector is a use of it as a vector
        if (x.info.name === 'v128.get') note(x.imm, null);
        continue;
      }
      for (const x of [v.a, v.b, v.c]) {
        if (x?.info.name === 'v128.get') note(x.imm, isExtract(v) ? lane0[v.info.name] : null);
      }
    }
  }
  return new Map([...found].filter((e): e is [number, ScalarType] => e[1] !== null));
};

const make = (name: OpName, a: Value | null, imm: number, pc: number): Value =>
  new Value(opInfo[name], a, null, null, imm, 0, null, pc);

const reinterpret: { readonly [name in OpName]?: OpName } = {
  'i64x2.extract_lane': 'i64.reinterpret_f64',
  'i32x4.extract_lane': 'i32.reinterpret_f32',
  'i64x2.replace_lane': 'f64.reinterpret_i64',
  'i32x4.replace_lane': 'f32.reinterpret_i32',
};

/** The block with reads and writes of those registers as scalars; operations are rebuilt, uses counted anew. */
export const scalarizeBlock = (block: Block, scalars: ReadonlyMap<number, ScalarType>): Block => {
  if (scalars.size === 0) return block;
  const now = new Map<Value, Value>();
  const read = (v: Value | null): Value | null => (v ? (now.get(v) ?? v) : null);
  const ops: Value[] = [];
  const push = (v: Value): Value => {
    ops.push(v);
    return v;
  };
  for (const v of block.ops) {
    const { name } = v.info;
    const type = name === 'v128.get' || name === 'v128.set' ? scalars.get(v.imm) : undefined;
    if (type && name === 'v128.get') {
      now.set(v, push(make(`${type}.get`, null, v.imm, v.pc)));
    } else if (type) {
      const write = v.a as Value;
      const scalar = read(write.b) as Value;
      const as = reinterpret[write.info.name];
      push(make(`${type}.set`, as ? push(make(as, scalar, 0, v.pc)) : scalar, v.imm, v.pc));
    } else if (isExtract(v) && v.a?.info.name === 'v128.get' && scalars.has(v.a.imm)) {
      const scalar = read(v.a) as Value;
      const as = reinterpret[name];
      now.set(v, as ? push(make(as, scalar, 0, v.pc)) : scalar);
    } else {
      now.set(v, push(new Value(v.info, read(v.a), read(v.b), read(v.c), v.imm, v.hi, v.lanes, v.pc)));
    }
  }
  const terminal = rebuilt(block.terminal, (v) => read(v) as Value);
  return { ...block, ops: dropUnused(ops, terminalValues(terminal)), terminal };
};

/** Scalar writes leave the vectors they were built from behind, unused. */
export const dropUnused = (ops: readonly Value[], last: readonly Value[]): Value[] => {
  for (const v of ops) v.uses = 0;
  for (const v of ops) for (const x of [v.a, v.b, v.c]) if (x) x.uses++;
  for (const x of last) x.uses++;
  const kept: Value[] = [];
  for (const v of ops.toReversed()) {
    const { kind } = v.info;
    if (v.uses === 0 && (kind === 'pure' || kind === 'const' || kind === 'get' || kind === 'guard')) {
      for (const x of [v.a, v.b, v.c]) if (x) x.uses--;
    } else kept.push(v);
  }
  return kept.reverse();
};

/** A terminal with its values as they are now. */
export const rebuilt = (t: Block['terminal'], read: (v: Value) => Value): Block['terminal'] => {
  const last = terminalValue(t);
  const own = last
    ? ((t.kind === 'branch' ? { ...t, cond: read(last) } : { ...t, target: read(last) }) as Block['terminal'])
    : t;
  const { guard } = t;
  return guard ? { ...own, guard: { ...guard, cond: read(guard.cond) as Value<'i32'> } } : own;
};
