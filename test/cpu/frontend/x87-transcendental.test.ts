import { describe, expect, test } from 'vitest';
import { Random } from '../../../scripts/fuzz-random.ts';
import { randomExt } from '../../../scripts/fuzz-x87-ops.ts';
import { fwait } from '../../../src/cpu/frontend/x86/helpers/fpu.ts';
import * as fpu from '../../../src/cpu/frontend/x86/helpers/x87.ts';
import { fldcw } from '../../../src/cpu/frontend/x86/helpers/x87-state.ts';
import { circular } from '../../../src/cpu/frontend/x86/natives/x87-circular.ts';
import { ldcw, prem, wait, xtract } from '../../../src/cpu/frontend/x86/natives/x87-parts.ts';
import { f2xm1, fpatan, fyl2x, fyl2xp1 } from '../../../src/cpu/frontend/x86/natives/x87-transcendental.ts';
import { nativeNumber } from '../../../src/cpu/frontend/x86/natives.ts';
import { Sys, x87Offset } from '../../../src/cpu/frontend/x86/registers.ts';
import type { Native } from '../../../src/cpu/ir/native.ts';
import { A, B, x87States } from '../../support/x87-states.ts';

const { run, view, u8, frontEnd, context, bytesOf } = x87States('i32');

const ONE = 1n << 63n;
const u64 = (random: Random): bigint => (BigInt(random.u32()) << 32n) | BigInt(random.u32());
/** Short ones, those just above and below a power of two, steps of the tables, and any. */
const significand = (random: Random): bigint =>
  random.pick([
    () => ONE,
    () => ONE | (u64(random) >> BigInt(1 + random.below(62))),
    () => (1n << 64n) - 1n - (u64(random) >> BigInt(1 + random.below(63))),
    () => ONE | (BigInt(random.below(256)) << 55n),
    () => ONE | u64(random),
    () => ONE | u64(random),
  ])();

type Range = readonly [from: number, to: number];
const between = (random: Random, [from, to]: Range): number => from + random.below(to - from + 1);
/** A state whose st(0) and st(1) have such exponents and may be negative where `signs` says so (bits 0 and 1). */
const ordinary = (random: Random, exponents: readonly [Range, Range], signs: number): void => {
  u8.fill(0, A, A + 0x2000);
  const precision = random.pick([0, 2, 3, 3]);
  view.setUint32(A + Sys.FCW, 0x7f | (precision << 8) | (random.below(4) << 10), true);
  const top = random.below(8);
  view.setUint32(A + Sys.FSW, (top << 11) | (random.u32() & 0x473f), true);
  view.setUint32(A + Sys.FTW, 0xff ^ (1 << ((top + 7) & 7)), true);
  for (const [i, range] of exponents.entries()) {
    const at = A + x87Offset((top + i) & 7);
    const sign = (signs >> i) & 1 && random.oneIn(2) ? 0x8000 : 0;
    view.setBigUint64(at, significand(random), true);
    view.setUint32(at + 8, sign | (0x3fff + between(random, range)), true);
  }
};
/** Any operands, tags and masks. */
const extraordinary = (random: Random): void => {
  u8.fill(0, A, A + 0x2000);
  view.setUint32(A + Sys.FCW, (random.u32() & 0xf3f) | (random.oneIn(2) ? 0x3f : 0) | 0x40, true);
  view.setUint32(A + Sys.FSW, (random.below(8) << 11) | (random.u32() & 0x4700), true);
  view.setUint32(A + Sys.FTW, random.oneIn(4) ? random.below(256) : 0x55 << random.below(2), true);
  view.setUint32(A + Sys.NUMBER, random.u32() & 0xffff, true);
  for (let n = 0; n < 8; n++) {
    const x = randomExt(random, 'any');
    view.setInt32(A + x87Offset(n), x.lo, true);
    view.setInt32(A + x87Offset(n) + 4, x.hi, true);
    view.setUint32(A + x87Offset(n) + 8, x.se, true);
  }
  // both full, and room above them
  if (random.oneIn(2)) {
    const top = (view.getUint32(A + Sys.FSW, true) >> 11) & 7;
    view.setUint32(A + Sys.FTW, 0xff ^ (1 << ((top + 7) & 7)), true);
  }
};

/** Whether the native does it: then as its helper does, else changing nothing. */
const does = (fast: Native, helper: number, aux: number): boolean => {
  u8.copyWithin(B, A, A + 0x2000);
  const before = bytesOf(A);
  if (run(A, nativeNumber(fast), aux) !== 0) {
    expect(bytesOf(A)).toBe(before);
    return false;
  }
  expect(frontEnd.helper(helper)?.(context, B, aux)).toBe(0);
  const [ours, theirs] = [bytesOf(A), bytesOf(B)];
  if (ours !== theirs) expect(`${before} -> ${ours}`).toBe(`${before} -> ${theirs}`);
  return true;
};

const ALL: Range = [-16382, 16383];
type Entry = readonly [string, Native, number, number, readonly [Range, Range], signs: number];
/** Where st(0) is put by hand. */
const INTEGERS: readonly [Range, Range] = [ALL, [5, 5]];
// biome-ignore format: one instruction per line
const entries: readonly Entry[] = [
  ['f2xm1', f2xm1, fpu.f2xm1, fpu.packX87({}), [[-60, -1], ALL], 3],
  ['f2xm1 of what is not small', f2xm1, fpu.f2xm1, fpu.packX87({}), [[-8, -1], ALL], 3],
  ['fyl2x', fyl2x, fpu.fyl2x, fpu.packX87({ pops: 1 }), [ALL, [-16000, 16000]], 2],
  ['fyl2x near one', fyl2x, fpu.fyl2x, fpu.packX87({ pops: 1 }), [[-1, 1], [-5, 5]], 2],
  ['fyl2xp1', fyl2xp1, fpu.fyl2xp1, fpu.packX87({ pops: 1 }), [[-60, -2], [-5, 5]], 3],
  ['fyl2xp1 of what is not small', fyl2xp1, fpu.fyl2xp1, fpu.packX87({ pops: 1 }), [[-7, -2], [-5, 5]], 3],
  ['fpatan', fpatan, fpu.fpatan, fpu.packX87({ pops: 1 }), [[-3, 3], [-3, 3]], 3],
  ['fpatan of what is far apart', fpatan, fpu.fpatan, fpu.packX87({ pops: 1 }), [[-20, 20], [-20, 20]], 3],
  ['fsin', circular, fpu.circular, fpu.packX87({ op: 0 }), [[-20, 30], ALL], 3],
  ['fcos', circular, fpu.circular, fpu.packX87({ op: 1 }), [[-20, 30], ALL], 3],
  ['fsincos', circular, fpu.circular, fpu.packX87({ op: 2 }), [[-5, 5], ALL], 3],
  ['fptan', circular, fpu.circular, fpu.packX87({ op: 3 }), [[-20, 30], ALL], 3],
  ['fprem', prem, fpu.fprem, fpu.packX87({}), [[-16000, 16000], [-16000, 16000]], 3],
  ['fprem of what is near', prem, fpu.fprem, fpu.packX87({}), [[-32, 32], [-32, 32]], 3],
  ['fprem1', prem, fpu.fprem, fpu.packX87({ op: 1 }), [[-2, 32], [-32, -4]], 3],
  ['fxtract', xtract, fpu.fxtract, fpu.packX87({}), [ALL, ALL], 3],
];

describe('to the last bit and flag what the helper does', () => {
  test.each(entries)('%s', (_, fast, helper, aux, exponents, signs) => {
    const random = new Random(7);
    let done = 0;
    for (let i = 0; i < 1500; i++) {
      ordinary(random, exponents, signs);
      if (does(fast, helper, aux)) done++;
    }
    // nearly all are the native's
    expect(done).toBeGreaterThan(1250);
    for (let i = 0; i < 500; i++) {
      extraordinary(random);
      does(fast, helper, aux);
    }
  });

  test('where the arguments are equal, integers, or steps of a table', () => {
    for (let k = 1; k <= 64; k++) {
      const zeros = Math.clz32(k);
      const m = BigInt((k << zeros) >>> 0) << 32n;
      for (const [fast, helper, aux, scale, second] of [
        [f2xm1, fpu.f2xm1, 0, -6, null],
        [fyl2x, fpu.fyl2x, fpu.packX87({ pops: 1 }), 0, null],
        [fpatan, fpu.fpatan, fpu.packX87({ pops: 1 }), 0, ONE | (1n << 62n)],
        [fpatan, fpu.fpatan, fpu.packX87({ pops: 1 }), 0, m],
        [circular, fpu.circular, fpu.packX87({ op: 2 }), -6, null],
        [prem, fpu.fprem, 0, 0, m],
      ] as const) {
        ordinary(new Random(k), INTEGERS, 0);
        view.setUint32(A + Sys.FSW, 0, true);
        view.setUint32(A + Sys.FTW, 0x7f, true);
        view.setBigUint64(A + x87Offset(0), m, true);
        view.setUint32(A + x87Offset(0) + 8, 0x3fff + 31 - zeros + scale, true);
        if (second !== null) view.setBigUint64(A + x87Offset(1), second, true);
        does(fast, helper, aux);
      }
    }
  });
});

test('control words and waiting', () => {
  const random = new Random(3);
  let done = 0;
  for (let i = 0; i < 500; i++) {
    extraordinary(random);
    const flags = random.oneIn(2) ? random.below(64) : 0;
    view.setUint32(A + Sys.FSW, (random.below(8) << 11) | flags, true);
    if (does(ldcw, fldcw, 0)) done++;
    if (does(wait, fwait, 0)) done++;
    view.setUint32(A + Sys.FSW, 0x8080 | flags, true);
    expect(does(wait, fwait, 0)).toBe(false);
    expect(does(ldcw, fldcw, 0)).toBe(false);
  }
  expect(done).toBeGreaterThan(700);
});
