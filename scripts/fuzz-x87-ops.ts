/** Operations of the x87 for scripts/fuzz-x87.ts: the instruction, and what src/cpu/softfloat/x87 makes of its operands. */
import * as arithmetic from '../src/cpu/softfloat/x87/arithmetic.ts';
import * as convert from '../src/cpu/softfloat/x87/convert.ts';
import { Ext, Rc, type X87Env } from '../src/cpu/softfloat/x87/ext.ts';
import * as remainder from '../src/cpu/softfloat/x87/remainder.ts';
import * as transcendental from '../src/cpu/softfloat/x87/transcendental.ts';
import type { Random } from './fuzz-random.ts';
import { type CaseX86, emptyCaseX86, FX, type OutcomeX86, SCRATCH, viewOf } from './fuzz-record-x86.ts';

/** What an operation sees and leaves: st(0), st(1), ten bytes of memory; the condition codes it returns. */
export interface X87State {
  a: Ext;
  b: Ext;
  memory: Uint8Array;
}

export interface X87Op {
  readonly name: string;
  readonly bytes: readonly number[];
  /** What st(0) and memory hold: any number, or one near the operation's domain. */
  readonly input: 'any' | 'f32' | 'f64' | 'int' | 'bcd' | 'unit' | 'angle';
  /** How the stack pointer moves. */
  readonly push?: number;
  /** Result within so many units in the last place; C1 is then not compared. */
  readonly ulp?: number;
  /** Operands for which the result is undefined. */
  readonly undefined?: (s: X87State) => boolean;
  /** Returns C0, C2, C3 (and C1 where it has a meaning of its own). */
  run(env: X87Env, s: X87State): number | undefined;
}

const two =
  (f: (r: Ext, a: Ext, b: Ext, env: X87Env) => unknown) =>
  (env: X87Env, s: X87State): undefined => {
    f(s.a, s.a, s.b, env);
  };
const one =
  (f: (r: Ext, a: Ext, env: X87Env) => unknown) =>
  (env: X87Env, s: X87State): undefined => {
    f(s.a, s.a, env);
  };
/** A store of `size` bytes from convert.stored. */
const store =
  (size: number, f: (a: Ext, env: X87Env) => void) =>
  (env: X87Env, s: X87State): undefined => {
    f(s.a, env);
    const view = viewOf(s.memory);
    if (size === 2) view.setInt16(0, convert.stored.lo, true);
    else view.setInt32(0, convert.stored.lo, true);
    if (size === 8) view.setInt32(4, convert.stored.hi, true);
  };
/** A load; what was st(0) is st(1) behind it. */
const load =
  (f: (r: Ext, view: DataView, env: X87Env) => unknown) =>
  (env: X87Env, s: X87State): undefined => {
    s.b.copy(s.a);
    f(s.a, viewOf(s.memory), env);
  };
const toInt =
  (bits: number, rounding?: number) =>
  (a: Ext, env: X87Env): void =>
    convert.toInt(a, bits, rounding ?? env.rounding, env);

/** The result replaces st(1), and st(0) is popped: it stays where it was, which is st(7) then. */
const popped =
  (f: (r: Ext, a: Ext, b: Ext, env: X87Env) => unknown) =>
  (env: X87Env, s: X87State): undefined => {
    f(s.b, s.a, s.b, env);
  };
const C2 = 0x400;
const circular =
  (f: (s: X87State, env: X87Env) => void) =>
  (env: X87Env, s: X87State): number | undefined => {
    if (transcendental.tooLarge(s.a)) return C2;
    f(s, env);
    return undefined;
  };
const tangent = (s: X87State, env: X87Env): void => {
  transcendental.tangent(s.b, s.a, env);
  if (s.b.se === 0x7fff || s.b.se === 0xffff) s.a.copy(s.b);
  else s.a.set(0x3fff, -0x8000_0000, 0);
};

// biome-ignore format: one operation per line
export const X87_OPS: readonly X87Op[] = [
  { name: 'fadd', bytes: [0xd8, 0xc1], input: 'any', run: two((r, a, b, e) => arithmetic.add(r, a, b, 0, e)) },
  { name: 'fsub', bytes: [0xd8, 0xe1], input: 'any', run: two((r, a, b, e) => arithmetic.add(r, a, b, 0x8000, e)) },
  { name: 'fsubr', bytes: [0xd8, 0xe9], input: 'any', run: two((r, a, b, e) => arithmetic.add(r, b, a, 0x8000, e)) },
  { name: 'fmul', bytes: [0xd8, 0xc9], input: 'any', run: two(arithmetic.mul) },
  { name: 'fdiv', bytes: [0xd8, 0xf1], input: 'any', run: two(arithmetic.div) },
  { name: 'fdivr', bytes: [0xd8, 0xf9], input: 'any', run: two((r, a, b, e) => arithmetic.div(r, b, a, e)) },
  { name: 'fsqrt', bytes: [0xd9, 0xfa], input: 'any', run: one(arithmetic.sqrt) },
  { name: 'fcom', bytes: [0xd8, 0xd1], input: 'any', run: (e, s) => arithmetic.compare(s.a, s.b, false, e) },
  { name: 'fucom', bytes: [0xdd, 0xe1], input: 'any', run: (e, s) => arithmetic.compare(s.a, s.b, true, e) },
  { name: 'frndint', bytes: [0xd9, 0xfc], input: 'int', run: one(convert.roundToInt) },
  { name: 'fprem', bytes: [0xd9, 0xf8], input: 'any', run: (e, s) => remainder.remainder(s.a, s.a, s.b, false, e) ?? 0 },
  { name: 'fprem1', bytes: [0xd9, 0xf5], input: 'any', run: (e, s) => remainder.remainder(s.a, s.a, s.b, true, e) ?? 0 },
  { name: 'fscale', bytes: [0xd9, 0xfd], input: 'any', run: two(remainder.scale) },
  { name: 'fxtract', bytes: [0xd9, 0xf4], input: 'any', push: 1, run: (e, s) => { remainder.extract(s.b, s.a, new Ext().copy(s.a), e); return undefined; } },
  { name: 'fld m32', bytes: [0xd9, 0x00], input: 'f32', push: 1, run: load((r, v, e) => convert.fromF32(r, v.getInt32(0, true), e)) },
  { name: 'fld m64', bytes: [0xdd, 0x00], input: 'f64', push: 1, run: load((r, v, e) => convert.fromF64(r, v.getInt32(4, true), v.getInt32(0, true), e)) },
  { name: 'fild m64', bytes: [0xdf, 0x28], input: 'int', push: 1, run: load((r, v) => convert.fromInt(r, v.getInt32(4, true), v.getInt32(0, true))) },
  { name: 'fbld', bytes: [0xdf, 0x20], input: 'bcd', push: 1, run: load((r, v) => convert.fromBcd(r, new Uint8Array(v.buffer, 0, 10))) },
  { name: 'fst m32', bytes: [0xd9, 0x10], input: 'f32', run: store(4, convert.toF32) },
  { name: 'fst m64', bytes: [0xdd, 0x10], input: 'f64', run: store(8, convert.toF64) },
  { name: 'fist m16', bytes: [0xdf, 0x10], input: 'int', run: store(2, toInt(16)) },
  { name: 'fist m32', bytes: [0xdb, 0x10], input: 'int', run: store(4, toInt(32)) },
  { name: 'fistp m64', bytes: [0xdf, 0x38], input: 'int', push: -1, run: store(8, toInt(64)) },
  { name: 'fisttp m16', bytes: [0xdf, 0x08], input: 'int', push: -1, run: store(2, toInt(16, Rc.ZERO)) },
  { name: 'fisttp m32', bytes: [0xdb, 0x08], input: 'int', push: -1, run: store(4, toInt(32, Rc.ZERO)) },
  { name: 'fisttp m64', bytes: [0xdd, 0x08], input: 'int', push: -1, run: store(8, toInt(64, Rc.ZERO)) },
  { name: 'fbstp', bytes: [0xdf, 0x30], input: 'int', push: -1, run: (e, s) => { s.memory.set(convert.toBcd(s.a, e)); return undefined; } },
  { name: 'f2xm1', bytes: [0xd9, 0xf0], input: 'unit', ulp: 1, run: one(transcendental.f2xm1) },
  { name: 'fyl2x', bytes: [0xd9, 0xf1], input: 'any', push: -1, ulp: 1, run: popped(transcendental.fyl2x) },
  { name: 'fyl2xp1', bytes: [0xd9, 0xf9], input: 'unit', push: -1, ulp: 1, undefined: ({ a }) => (a.se & 0x7fff) >= 0x3ffd && (a.se & 0x7fff) < 0x7fff, run: popped(transcendental.fyl2xp1) },
  { name: 'fpatan', bytes: [0xd9, 0xf3], input: 'any', push: -1, ulp: 1, run: popped(transcendental.fpatan) },
  { name: 'fsin', bytes: [0xd9, 0xfe], input: 'angle', ulp: 1, run: circular((s, e) => transcendental.sineCosine(s.a, null, s.a, e)) },
  { name: 'fcos', bytes: [0xd9, 0xff], input: 'angle', ulp: 1, run: circular((s, e) => transcendental.sineCosine(null, s.a, s.a, e)) },
  { name: 'fsincos', bytes: [0xd9, 0xfb], input: 'angle', push: 1, ulp: 1, run: circular((s, e) => transcendental.sineCosine(s.b, s.a, new Ext().copy(s.a), e)) },
  { name: 'fptan', bytes: [0xd9, 0xf2], input: 'angle', push: 1, ulp: 1, run: circular((s, e) => tangent(s, e)) },
];

/** A random number of the x87: specials, denormals, unsupported encodings, near one, any. */
export function randomExt(random: Random, input: X87Op['input']): Ext {
  const r = new Ext();
  const sign = random.oneIn(2) ? 0x8000 : 0;
  const sparse = (): [number, number] => {
    switch (random.below(5)) {
      case 0:
        return [-0x8000_0000, 0];
      case 1:
        return [-1, -1 - random.below(4)];
      case 2:
        return [
          -0x8000_0000 | (random.oneIn(2) ? 1 << random.below(31) : 0),
          random.oneIn(2) ? 1 << random.below(32) : 0,
        ];
      case 3: // a double's or a single's
        return random.oneIn(2)
          ? [random.u32() | -0x8000_0000, random.u32() & ~0x7ff]
          : [(random.u32() & ~0xff) | -0x8000_0000, 0];
      default:
        return [random.u32() | -0x8000_0000, random.u32()];
    }
  };
  const [hi, lo] = sparse();
  const near = (bias: number, spread: number): Ext =>
    r.set(sign | ((bias + random.below(2 * spread) - spread) & 0x7fff), hi, lo);
  if (!random.oneIn(6)) {
    if (input === 'unit') return r.set(sign | (0x3fff - 1 - random.below(random.oneIn(4) ? 80 : 6)), hi, lo);
    if (input === 'angle') return near(0x3fff, random.oneIn(4) ? 63 : 8);
    if (input === 'int') return near(0x3fff + 32, 36);
    if (input === 'f32') return near(random.pick([0x3fff, 0x3fff - 127, 0x3fff + 127, 0x3fff - 149]), 6);
    if (input === 'f64') return near(random.pick([0x3fff, 0x3fff - 1023, 0x3fff + 1023, 0x3fff - 1074]), 6);
  }
  switch (random.below(10)) {
    case 0:
      return r.set(sign, 0, 0);
    case 1:
      return r.set(sign | 0x7fff, -0x8000_0000, 0);
    case 2: // NaNs, pseudo-NaNs
      return r.set(
        sign | 0x7fff,
        (hi & 0x7fff_ffff) | (random.oneIn(6) ? 0 : -0x8000_0000),
        random.oneIn(2) ? lo : random.u32(),
      );
    case 3: // denormals, pseudo-denormals
      return r.set(
        sign,
        random.oneIn(4) ? hi : (hi & 0x7fff_ffff) >>> random.below(32),
        random.oneIn(3) ? random.below(4) : lo,
      );
    case 4: // limits
      return random.oneIn(2)
        ? r.set(sign | (1 + random.below(70)), hi, lo)
        : r.set(sign | (0x7ffe - random.below(70)), hi, lo);
    case 5: // unnormals
      return random.oneIn(4) ? r.set(sign | (random.u32() & 0x7fff), hi & 0x7fff_ffff, lo) : near(0x3fff, 3);
    case 6:
      return r.set(sign | (random.u32() & 0x7fff), hi, lo);
    default:
      return near(0x3fff, random.pick([2, 20, 70]));
  }
}

const cwOf = (random: Random): number =>
  0x7f | (random.pick([0, 2, 3, 3]) << 8) | ((random.oneIn(2) ? 0 : random.below(4)) << 10);

/** A case that runs one operation on random operands. */
export function x87Case(op: X87Op, random: Random): CaseX86 {
  const c = emptyCaseX86(op.bytes);
  c.gpr[0] = BigInt(SCRATCH);
  const view = viewOf(c.xsave);
  view.setUint16(FX.cw, cwOf(random), true);
  view.setUint8(FX.tag, 3);
  const a = randomExt(random, op.input);
  const b = random.oneIn(6) ? new Ext().copy(a) : randomExt(random, random.oneIn(2) ? op.input : 'any');
  if (random.oneIn(12)) b.se ^= 0x8000;
  if (random.oneIn(12)) b.lo ^= 1;
  writeExt(view, FX.st as number, a);
  writeExt(view, (FX.st as number) + 16, b);
  const memory = viewOf(c.memory);
  memory.setBigUint64(0, op.input === 'int' ? random.integer() : random.float(op.input === 'f32' ? 32 : 64), true);
  if (op.input === 'bcd') {
    for (let i = 0; i < 9; i++) memory.setUint8(i, random.below(10) * 16 + random.below(10));
    memory.setUint8(9, random.oneIn(2) ? 0x80 : 0);
  }
  return c;
}

export function writeExt(view: DataView, at: number, a: Ext): void {
  view.setInt32(at, a.lo, true);
  view.setInt32(at + 4, a.hi, true);
  view.setUint16(at + 8, a.se, true);
}

export const readExt = (view: DataView, at: number): Ext =>
  new Ext().set(view.getUint16(at + 8, true), view.getInt32(at + 4, true), view.getInt32(at, true));

/** st(0), st(1), status word without TOP, memory: as text, to compare and to record. */
export function describe(s: X87State, sw: number): string {
  const ext = (e: Ext): string => `${hex(e.se, 4)}:${hex(e.hi >>> 0, 8)}${hex(e.lo >>> 0, 8)}`;
  return `${ext(s.a)} ${ext(s.b)} ${hex(sw, 4)} ${Buffer.from(s.memory).toString('hex')}`;
}
const hex = (n: number, width: number): string => n.toString(16).padStart(width, '0');

/** What a case starts from. */
export function inputOf(c: CaseX86): { cw: number; s: X87State } {
  const view = viewOf(c.xsave);
  const s = {
    a: readExt(view, FX.st as number),
    b: readExt(view, (FX.st as number) + 16),
    memory: c.memory.slice(0, 10),
  };
  return { cw: view.getUint16(FX.cw, true), s };
}

/** What the processor made of it; behind a pop, st(0) is the last register. */
export function answerOf(op: X87Op, o: OutcomeX86): { s: X87State; sw: number } {
  const view = viewOf(o.xsave);
  const at = (n: number): Ext => readExt(view, (FX.st as number) + 16 * ((n + 8 - (op.push === -1 ? 1 : 0)) % 8));
  const sw = view.getUint16(FX.sw, true) & ~0x3800;
  return { s: { a: at(0), b: at(1), memory: o.memory.slice(0, 10) }, sw };
}

/** The inverse of {@link describe}. */
export function parse(text: string): { s: X87State; sw: number } {
  const [a, b, sw, memory] = text.split(' ') as [string, string, string, string];
  const ext = (t: string): Ext => {
    const n = (from: number, to: number): number => Number.parseInt(t.slice(from, to), 16);
    return new Ext().set(n(0, 4), n(5, 13), n(13, 21));
  };
  return {
    s: { a: ext(a), b: ext(b), memory: new Uint8Array(Buffer.from(memory, 'hex')) },
    sw: Number.parseInt(sw, 16),
  };
}
