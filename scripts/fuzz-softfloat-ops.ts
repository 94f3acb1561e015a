/** The floating-point instructions that the soft-float library is compared on, each with its encoding and our answer. */
import * as arithmetic from '../src/cpu/softfloat/arithmetic.ts';
import * as compare from '../src/cpu/softfloat/compare.ts';
import * as convert from '../src/cpu/softfloat/convert.ts';
import { type FpEnv, Round, type RoundingMode } from '../src/cpu/softfloat/env.ts';
import * as estimate from '../src/cpu/softfloat/estimate.ts';
import { F16, F32, F64, type Format } from '../src/cpu/softfloat/format.ts';

/** One instruction: operands in v1, v2, v3 (or x1), the result in v0, x0 or the flags. */
export interface SoftfloatOp {
  readonly name: string;
  readonly word: number;
  /** Format of the operands, or 'int' for x1. */
  readonly input: Format | 'int';
  readonly result: 'v' | 'x' | 'nzcv';
  readonly run: (env: FpEnv, a: bigint, b: bigint, c: bigint) => bigint;
}

const FORMATS: readonly (readonly [suffix: string, format: Format, type: number])[] = [
  ['s', F32, 0],
  ['d', F64, 1],
  ['h', F16, 3],
];

type Two = (format: Format, a: bigint, b: bigint, env: FpEnv) => bigint;
type One = (format: Format, a: bigint, env: FpEnv) => bigint;

const TWO: readonly (readonly [name: string, opcode: number, run: Two])[] = [
  ['fmul', 0, arithmetic.fpMul],
  ['fdiv', 1, arithmetic.fpDiv],
  ['fadd', 2, arithmetic.fpAdd],
  ['fsub', 3, arithmetic.fpSub],
  ['fmax', 4, compare.fpMax],
  ['fmin', 5, compare.fpMin],
  ['fmaxnm', 6, compare.fpMaxNum],
  ['fminnm', 7, compare.fpMinNum],
];

/** Advanced SIMD scalar forms: encoding for S (D has bit 22 set), encoding for H. */
const SIMD_TWO: readonly (readonly [name: string, single: number, half: number, run: Two])[] = [
  ['fmulx', 0x5e22dc20, 0x5e421c20, arithmetic.fpMulX],
  ['frecps', 0x5e22fc20, 0x5e423c20, estimate.fpRecipStep],
  ['frsqrts', 0x5ea2fc20, 0x5ec23c20, estimate.fpRSqrtStep],
  ['fcmeq', 0x5e22e420, 0x5e422420, (f, a, b, env) => mask(f, compare.fpEqual(f, a, b, env))],
  ['fcmge', 0x7e22e420, 0x7e422420, (f, a, b, env) => mask(f, compare.fpGreaterEqual(f, a, b, env))],
  ['fcmgt', 0x7ea2e420, 0x7ec22420, (f, a, b, env) => mask(f, compare.fpGreater(f, a, b, env))],
];

const SIMD_ONE: readonly (readonly [name: string, single: number, half: number, run: One])[] = [
  ['frecpe', 0x5ea1d820, 0x5ef9d820, estimate.fpRecipEstimate],
  ['frsqrte', 0x7ea1d820, 0x7ef9d820, estimate.fpRSqrtEstimate],
  ['frecpx', 0x5ea1f820, 0x5ef9f820, estimate.fpRecpX],
];

const ROUNDINGS: readonly (readonly [letter: string, opcode: number, mode: RoundingMode])[] = [
  ['n', 8, Round.NEAREST],
  ['p', 9, Round.UP],
  ['m', 10, Round.DOWN],
  ['z', 11, Round.ZERO],
  ['a', 12, Round.AWAY],
];

function mask(format: Format, yes: boolean): bigint {
  return yes ? (1n << BigInt(format.bits)) - 1n : 0n;
}

function* arithmeticOps(suffix: string, f: Format, type: number): Generator<SoftfloatOp> {
  const scalar = (0x1e200000 | (type << 22) | (1 << 5)) >>> 0;
  for (const [name, opcode, run] of TWO) {
    const word = scalar | 0x0800 | (opcode << 12) | (2 << 16);
    yield { name: `${name} ${suffix}`, word, input: f, result: 'v', run: (env, a, b) => run(f, a, b, env) };
  }
  for (const [name, single, half, run] of SIMD_TWO) {
    const word = (f === F16 ? half : single | (f === F64 ? 1 << 22 : 0)) >>> 0;
    yield { name: `${name} ${suffix}`, word, input: f, result: 'v', run: (env, a, b) => run(f, a, b, env) };
  }
  for (const [name, single, half, run] of SIMD_ONE) {
    const word = (f === F16 ? half : single | (f === F64 ? 1 << 22 : 0)) >>> 0;
    yield { name: `${name} ${suffix}`, word, input: f, result: 'v', run: (env, a) => run(f, a, env) };
  }
  const sqrt = scalar | 0x4000 | (3 << 15);
  yield { name: `fsqrt ${suffix}`, word: sqrt, input: f, result: 'v', run: (env, a) => arithmetic.fpSqrt(f, a, env) };
  for (const [name, o1, o0] of [
    ['fmadd', 0, 0],
    ['fmsub', 0, 1],
    ['fnmadd', 1, 0],
    ['fnmsub', 1, 1],
  ] as const) {
    // biome-ignore format: rows
    yield {
      name: `${name} ${suffix}`,
      word: (0x1f000000 | (type << 22) | (o1 << 21) | (2 << 16) | (o0 << 15) | (3 << 10) | (1 << 5)) >>> 0,
      input: f,
      result: 'v',
      run: (env, a, b, c) =>
        arithmetic.fpMulAdd(f, o1 ? c ^ f.signBit : c, o1 !== o0 ? a ^ f.signBit : a, b, env),
    };
  }
  for (const signal of [false, true]) {
    const run = (env: FpEnv, a: bigint, b: bigint): bigint => BigInt(compare.fpCompare(f, a, b, signal, env)) << 28n;
    const word = scalar | 0x2000 | (2 << 16) | (signal ? 0x10 : 0);
    yield { name: `${signal ? 'fcmpe' : 'fcmp'} ${suffix}`, word, input: f, result: 'nzcv', run };
  }
}

function* conversionOps(suffix: string, f: Format, type: number): Generator<SoftfloatOp> {
  const scalar = (0x1e200000 | (type << 22) | (1 << 5)) >>> 0;
  for (const [name, target, opcode] of FORMATS) {
    if (target === f) continue;
    const word = scalar | 0x4000 | ((4 + opcode) << 15);
    yield {
      name: `fcvt ${name}, ${suffix}`,
      word,
      input: f,
      result: 'v',
      run: (env, a) => convert.fpConvert(f, target, a, env),
    };
  }
  for (const [letter, opcode, mode] of ROUNDINGS) {
    const word = scalar | 0x4000 | (opcode << 15);
    yield {
      name: `frint${letter} ${suffix}`,
      word,
      input: f,
      result: 'v',
      run: (env, a) => convert.fpRoundInt(f, a, mode, false, env),
    };
  }
  for (const [letter, opcode] of [
    ['x', 14],
    ['i', 15],
  ] as const) {
    const run = (env: FpEnv, a: bigint): bigint => convert.fpRoundInt(f, a, env.rounding, letter === 'x', env);
    yield { name: `frint${letter} ${suffix}`, word: scalar | 0x4000 | (opcode << 15), input: f, result: 'v', run };
  }
  for (const width of [32, 64]) {
    const sf = width === 64 ? 0x80000000 : 0;
    for (const unsigned of [false, true]) {
      const u = unsigned ? 1 : 0;
      const sign = unsigned ? 'u' : 's';
      for (const [letter, opcode, mode] of ROUNDINGS) {
        const field = letter === 'a' ? 4 << 16 : (opcode - 8) << 19;
        const run = (env: FpEnv, a: bigint): bigint => convert.fpToFixed(f, a, 0, width, unsigned, mode, env);
        yield {
          name: `fcvt${letter}${sign}${width} ${suffix}`,
          word: (sf | scalar | field | (u << 16)) >>> 0,
          input: f,
          result: 'x',
          run,
        };
      }
      const from = (env: FpEnv, a: bigint): bigint => convert.fixedToFp(f, a, 0, width, unsigned, env);
      yield {
        name: `${sign}cvtf${width} ${suffix}`,
        word: (sf | scalar | ((2 + u) << 16)) >>> 0,
        input: 'int',
        result: 'v',
        run: from,
      };
      for (const bits of [1, 7, 15, 32].concat(width === 64 ? [52, 64] : [])) {
        const fixed = (sf | (scalar & ~(1 << 21)) | ((64 - bits) << 10)) >>> 0;
        const to = (env: FpEnv, a: bigint): bigint => convert.fpToFixed(f, a, bits, width, unsigned, Round.ZERO, env);
        const back = (env: FpEnv, a: bigint): bigint => convert.fixedToFp(f, a, bits, width, unsigned, env);
        yield {
          name: `fcvtz${sign}${width} ${suffix} #${bits}`,
          word: (fixed | (3 << 19) | (u << 16)) >>> 0,
          input: f,
          result: 'x',
          run: to,
        };
        yield {
          name: `${sign}cvtf${width} ${suffix} #${bits}`,
          word: (fixed | ((2 + u) << 16)) >>> 0,
          input: 'int',
          result: 'v',
          run: back,
        };
      }
    }
  }
}

function makeOps(): SoftfloatOp[] {
  const list: SoftfloatOp[] = [];
  for (const [suffix, format, type] of FORMATS) {
    list.push(...arithmeticOps(suffix, format, type), ...conversionOps(suffix, format, type));
  }
  list.push({
    name: 'fcvtxn s, d',
    word: 0x7e616820,
    input: F64,
    result: 'v',
    run: (env, a) => convert.fpConvert(F64, F32, a, env, Round.ODD),
  });
  for (const [name, word, run] of [
    ['urecpe', 0x0ea1c820, estimate.unsignedRecipEstimate],
    ['ursqrte', 0x2ea1c820, estimate.unsignedRSqrtEstimate],
  ] as const) {
    list.push({
      name,
      word,
      input: F64,
      result: 'v',
      run: (_, a) => BigInt(run(Number(a & 0xffff_ffffn))) | (BigInt(run(Number(a >> 32n))) << 32n),
    });
  }
  return list;
}

/** Every operation of the comparison. */
export const SOFTFLOAT_OPS: readonly SoftfloatOp[] = makeOps();
