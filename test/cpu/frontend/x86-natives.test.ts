import { describe, expect, test } from 'vitest';
import { Random } from '../../../scripts/fuzz-random.ts';
import { randomExt } from '../../../scripts/fuzz-x87-ops.ts';
import { ARITHMETIC, CF, Flags, OVER, PF, readArithmetic, ZF } from '../../../src/cpu/frontend/x86/flags.ts';
import * as fpu from '../../../src/cpu/frontend/x86/helpers/x87.ts';
import { eflagsOf, FLAGS_OPERAND } from '../../../src/cpu/frontend/x86/natives/flags.ts';
import * as native from '../../../src/cpu/frontend/x86/natives/x87.ts';
import { nativeNumber } from '../../../src/cpu/frontend/x86/natives.ts';
import { Sys, x87Offset } from '../../../src/cpu/frontend/x86/registers.ts';
import type { Native } from '../../../src/cpu/ir/native.ts';
import { State } from '../../../src/cpu/memory/layout.ts';
import { A, B, x87States } from '../../support/x87-states.ts';

const { run, view, u8, frontEnd, context, bytesOf } = x87States('i64');

/** Infinities, quiet and signalling NaNs. */
const SPECIAL_F64 = [0x7ff0n, 0xfff0n, 0x7ff8n, 0xfffcn, 0x7ff4n].map((top) => (top << 48n) | (top & 7n));
const SPECIAL_F32 = [0x7f80_0000, 0xff80_0000, 0x7fc0_0001, 0xffe0_1234, 0x7fa0_0000];

const randomState = (random: Random): void => {
  u8.fill(0, A, A + 0x2000);
  const at = (offset: number): number => A + offset;
  view.setUint32(
    at(Sys.FCW),
    0x7f | (random.pick([0, 2, 3, 3]) << 8) | (random.oneIn(2) ? random.below(4) << 10 : 0),
    true,
  );
  view.setUint32(at(Sys.FSW), (random.below(8) << 11) | (random.u32() & 0x473f & ~(random.oneIn(2) ? 0x3f : 0)), true);
  view.setUint32(at(Sys.FTW), random.oneIn(4) ? random.below(256) : random.oneIn(2) ? 0xff : 0, true);
  for (let n = 0; n < 8; n++) {
    const x = randomExt(random, 'any');
    view.setInt32(at(x87Offset(n)), x.lo, true);
    view.setInt32(at(x87Offset(n)) + 4, x.hi, true);
    view.setUint32(at(x87Offset(n)) + 8, x.se, true);
  }
  const operand = random.pick([
    () => view.setFloat64(at(Sys.NUMBER), (random.below(2001) - 1000) / random.pick([1, 3, 8]), true),
    () => view.setFloat32(at(Sys.NUMBER), (random.below(2001) - 1000) / random.pick([1, 3, 8]), true),
    () => view.setBigInt64(at(Sys.NUMBER), BigInt(random.below(5) - 2), true),
    () => view.setBigUint64(at(Sys.NUMBER), random.integer(), true),
    () => view.setBigUint64(at(Sys.NUMBER), random.pick(SPECIAL_F64), true),
    () => view.setUint32(at(Sys.NUMBER), random.pick(SPECIAL_F32), true),
  ]);
  operand();
};

const { From, packX87 } = fpu;
const SOURCES = { st: From.STACK, f32: From.F32, f64: From.F64, i16: From.I16, i32: From.I32, i64: From.I64 };
type Entry = readonly [name: string, native: Native, helper: number, fields: Parameters<typeof packX87>[0]];
const family = (name: string, of: Readonly<Record<string, Native>>, helper: number, op = 0): Entry[] =>
  Object.entries(of).map(([source, n]) => [`${name} ${source}`, n, helper, { op, from: SOURCES[source as 'st'] }]);
const all: readonly Entry[] = [
  ...family('add', native.add, fpu.x87Arithmetic),
  ...family('sub', native.add, fpu.x87Arithmetic, 4),
  ...family('subr', native.add, fpu.x87Arithmetic, 5),
  ...family('mul', native.mul, fpu.x87Arithmetic, 1),
  ...family('div', native.div, fpu.x87Arithmetic, 6),
  ...family('divr', native.divr, fpu.x87Arithmetic, 7),
  ...family('com', native.com, fpu.x87Compare),
  ...family('ld', native.load, fpu.x87Load),
  ...family('st', native.store, fpu.x87Store),
  ['isttp i32', native.store.i32, fpu.x87Store, { op: 1, from: From.I32 }],
  ['ld m80', native.load80, fpu.x87Load, { from: From.F80 }],
  ['ld st(i)', native.dup, fpu.x87Load, {}],
  ...native.constants.map((n, i): Entry => [`ld constant ${i}`, n, fpu.x87Constant, { i }]),
  ['xam', native.xam, fpu.fxam, {}],
  ['scale', native.scale, fpu.fscale, {}],
  ['stp m80', native.store80, fpu.x87Store, { from: From.F80 }],
  ['st st(i)', native.copy, fpu.x87Copy, {}],
  ['xch', native.xch, fpu.fxch, {}],
  ['cmov', native.cmov, fpu.fcmov, {}],
  ['comi', native.comi, fpu.x87CompareFlags, {}],
  ['ucomi', native.comi, fpu.x87CompareFlags, { op: 1 }],
  ['ucom st', native.com.st, fpu.x87Compare, { op: 1 }],
  ['tst', native.tst, fpu.ftst, {}],
  ['chs', native.chs, fpu.x87Sign, {}],
  ['abs', native.abs, fpu.x87Sign, { op: 1 }],
  ['sqrt', native.sqrt, fpu.fsqrt, {}],
  ['rndint', native.rndint, fpu.frndint, {}],
];
/** Those whose encoding has st(i), a destination and pops. */
const STACK = /^(add|sub|subr|mul|div|divr|u?com) st$|^(ld st|st st|xch|cmov|u?comi)/;

describe('what a native does is what its helper does', () => {
  test.each(all)('f%s', (name, fast, helper, fields) => {
    const random = new Random(87);
    let done = 0;
    for (let i = 0; i < 1000; i++) {
      randomState(random);
      const arithmetic = /^[asmd]\w+r? st$/.test(name);
      const more = STACK.test(name)
        ? {
            i: random.below(8),
            toI: arithmetic && random.oneIn(2),
            pops: /^(ld|xch|cmov)/.test(name) ? 0 : random.below(arithmetic ? 2 : 3),
          }
        : {};
      const aux = packX87({ ...fields, ...more });
      u8.copyWithin(B, A, A + 0x2000);
      const before = bytesOf(A);
      const left = run(A, nativeNumber(fast), aux);
      if (left !== 0) {
        expect(bytesOf(A)).toBe(before);
        continue;
      }
      done++;
      expect(frontEnd.helper(helper)?.(context, B, aux)).toBe(0);
      // what a store leaves above its format is of no use
      const width = fields.from === From.F32 || fields.from === From.I32 ? 4 : fields.from === From.I16 ? 2 : 8;
      if (helper === fpu.x87Store && fields.from !== From.F80) for (const s of [A, B]) u8.fill(0, s + Sys.NUMBER + width, s + Sys.NUMBER + 16); // biome-ignore format: one line
      const [ours, theirs] = [bytesOf(A), bytesOf(B)];
      if (ours !== theirs)
        expect(`${aux.toString(16)} ${before} -> ${ours}`).toBe(`${aux.toString(16)} ${before} -> ${theirs}`);
    }
    expect(done).toBeGreaterThan(30);
  });
});

test('infinities and quiet NaNs are moved and compared without a helper', () => {
  const numbers = [0x7ff0n, 0xfff0n, 0x7ff8n].map((top) => top << 48n);
  for (const [i, bits] of numbers.entries()) {
    u8.fill(0, A, A + 0x2000);
    view.setUint32(A + Sys.FCW, 0x37f, true);
    view.setBigUint64(A + Sys.NUMBER, bits, true);
    const aux = packX87({ from: From.F64 });
    expect(run(A, nativeNumber(native.load.f64), aux)).toBe(0);
    expect(run(A, nativeNumber(native.xam), 0)).toBe(0);
    view.setBigUint64(A + Sys.NUMBER, 0n, true);
    expect(run(A, nativeNumber(native.store.f64), aux)).toBe(0);
    expect(view.getBigUint64(A + Sys.NUMBER, true)).toBe(bits);
    const isNan = i === 2;
    // FCOM tells of a NaN, FUCOM does not
    expect(run(A, nativeNumber(native.com.f64), aux)).toBe(isNan ? 1 : 0);
    expect(run(A, nativeNumber(native.comi), packX87({ op: 1 }))).toBe(0);
    expect(view.getUint32(A + Sys.NUMBER, true)).toBe(isNan ? ZF | PF | CF : ZF);
  }
});

test('eflagsOf makes of lazy flags what readArithmetic does', () => {
  const random = new Random(5);
  for (let i = 0; i < 5000; i++) {
    const base = random.pick([
      Flags.ADD,
      Flags.SUB,
      Flags.LOGIC,
      Flags.RESULT,
      Flags.MUL,
      Flags.SHL,
      Flags.SHR,
      Flags.SAR,
      Flags.ADC,
      Flags.SBB,
    ]);
    const size = random.below(4);
    const kind = random.oneIn(10) ? 0 : (base + size) | (random.oneIn(4) ? OVER : 0);
    const shift = base >= Flags.SHL && base <= Flags.SAR ? BigInt(1 + random.below(size === 3 ? 63 : 31)) : null;
    const [a, b, c, d] = [random.integer(), shift ?? random.integer(), random.u32(), random.below(2)];
    for (const [kindAt, aAt, bAt, cAt, dAt] of [
      [State.CC_OP, State.CC_A, State.CC_B, State.CC_C, State.CC_D],
      [FLAGS_OPERAND.KIND, FLAGS_OPERAND.A, FLAGS_OPERAND.B, FLAGS_OPERAND.C, FLAGS_OPERAND.D],
    ] as const) {
      view.setUint32(A + kindAt, kind, true);
      view.setBigUint64(A + aAt, a, true);
      view.setBigUint64(A + bAt, b, true);
      view.setUint32(A + cAt, c, true);
      view.setUint32(A + dAt, d, true);
    }
    expect(run(A, nativeNumber(eflagsOf), 0)).toBe(0);
    const made = view.getUint32(A + FLAGS_OPERAND.RESULT, true) & ARITHMETIC;
    expect(made, `kind ${kind} ${a} ${b}`).toBe(readArithmetic(view, A));
  }
});
