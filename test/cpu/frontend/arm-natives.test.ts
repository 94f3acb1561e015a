/** The natives that make NZCV of lazy flags, beside what the rest of the emulator reads from the CPU state. */
import { expect, test } from 'vitest';
import { Flags, readNzcv } from '../../../src/cpu/frontend/arm/flags.ts';
import { FLAGS_OPERAND, NZCV_OF_ANY, SETTLE_FLAGS } from '../../../src/cpu/frontend/arm/natives.ts';
import { CPU_STATES, State } from '../../../src/cpu/memory/layout.ts';
import { nativesAlone } from '../../support/natives.ts';

const { run, view } = nativesAlone({ addressType: 'i32', natives: 'arm' });
const state = CPU_STATES;
const WORDS = [0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, 0xffff_ffff];
const FLOATS = [Number.NaN, Number.NEGATIVE_INFINITY, -1, -0, 0, 5e-324, 1, Number.POSITIVE_INFINITY];
const WORD_FIELDS = [
  [FLAGS_OPERAND.A, State.CC_A],
  [FLAGS_OPERAND.B, State.CC_B],
  [FLAGS_OPERAND.R, State.CC_R],
  [FLAGS_OPERAND.NZ, State.CC_C],
  [FLAGS_OPERAND.C, State.CC_D],
] as const;
const FLOAT_FIELDS = [
  [FLAGS_OPERAND.FA, State.CC_FA],
  [FLAGS_OPERAND.FB, State.CC_FB],
] as const;

const put = (places: readonly [number, number], value: number): void => {
  for (const offset of places) view.setUint32(state + offset, value, true);
};

/** NZCV by both natives and by readNzcv, with every combination of what is newer than the base. */
const check = (base: number): void => {
  for (const over of [0, Flags.NZ, Flags.C, Flags.NZ | Flags.C]) {
    put([FLAGS_OPERAND.KIND, State.CC_OP], base | over);
    const a = view.getUint32(state + State.CC_A, true);
    const expected = readNzcv(view, state);
    expect(run(state, NZCV_OF_ANY, 0)).toBe(0);
    expect(view.getUint32(state + FLAGS_OPERAND.RESULT, true)).toBe(expected);
    expect(run(state, SETTLE_FLAGS, 0)).toBe(0);
    expect(view.getUint32(state + State.CC_OP, true)).toBe(Flags.NZCV);
    expect(view.getUint32(state + State.CC_A, true)).toBe(expected);
    view.setUint32(state + State.CC_A, a, true);
  }
};

test.each([
  ['bits', Flags.NZCV],
  ['a sum', Flags.ADD],
  ['a difference', Flags.SUB],
  ['a sum with carry', Flags.ADC],
  ['an unknown base', Flags.UNKNOWN],
])('NZCV of %s', (_, base) => {
  for (const [i, x] of WORDS.entries()) {
    for (const [k, y] of WORDS.entries()) {
      // of a sum with carry the result is one of both that there may be
      const carry = (i + k) & 1;
      const values = [x, y, (x + y + carry) >>> 0, WORDS[(i + 2 * k) % WORDS.length] as number, y];
      for (const [n, places] of WORD_FIELDS.entries()) put(places, values[n] as number);
      check(base);
    }
  }
});

test('NZCV of a comparison of numbers', () => {
  for (const x of FLOATS) {
    for (const y of FLOATS) {
      for (const [n, places] of FLOAT_FIELDS.entries()) {
        for (const offset of places) view.setFloat64(state + offset, n === 0 ? x : y, true);
      }
      check(Flags.FCMP);
    }
  }
});
