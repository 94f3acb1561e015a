import { opTable } from '../../ir/opcodes.ts';
import type { Value } from '../../ir/value.ts';
import { emitArmNaN, type Scratch } from './arm-nan.ts';
import { emitAes } from './ciphers.ts';
import { type Code, valtype } from './encoder.ts';
import { wasmOpcode } from './opcodes.ts';
import { emitX86NaN } from './x86-nan.ts';

/**
 * Emit a pure operation whose operands are on the wasm stack. Shared by regions and the cold tier, so
 * that both tiers compute the same. `scratch` yields locals for the expansions that need them; `clmul` is the function that
 * makes carry-less products.
 */
export const emitPure = (code: Code, v: Value, scratch: Scratch, clmul: number): void => {
  const { name } = v.info;
  const plain = plainOpcode[v.info.code] as number;
  if (plain >= 0) return code.raw(plain);
  if (name === 'i8x16.shuffle') return code.shuffle(v.lanes ?? []);
  if (emitArmNaN(code, name, scratch) || emitX86NaN(code, name, scratch) || emitAes(code, name, scratch)) return;
  if (name === 'i64x2.clmul') return code.call(clmul);
  if (name.includes('_lane')) return code.lane(name, v.imm);
  if (name.endsWith('.select')) {
    if (v.type === 'v128') return code.typedSelect(valtype.v128);
    return code.select();
  }
  if (name === 'i64.mulh_u') return mulhUnsigned(code, scratch);
  if (name === 'i64.mulh_s') return mulhSigned(code, scratch);
  code.op(name);
};

/** By number of an operation: the opcode, where that is all; or -1. */
const plainOpcode = Int32Array.from(opTable, ({ name, kind }) =>
  kind === 'pure' && !/shuffle|_lane|\.select$/.test(name) ? (wasmOpcode[name] ?? -1) : -1,
);

/** High half of a 64 × 64 product from four 32 × 32 ones. */
const mulhUnsigned = (code: Code, scratch: (n: number) => number): void => {
  const a = scratch(0);
  const b = scratch(1);
  const mid = scratch(2);
  const low32 = (local: number): void => {
    code.get(local);
    code.i64(-1, 0);
    code.op('i64.and');
  };
  const high32 = (local: number): void => {
    code.get(local);
    code.i64(32);
    code.op('i64.shr_u');
  };
  code.set(b);
  code.set(a);
  // mid = aH*bL + (aL*bL >> 32), which cannot overflow
  high32(a);
  low32(b);
  code.op('i64.mul');
  low32(a);
  low32(b);
  code.op('i64.mul');
  code.i64(32);
  code.op('i64.shr_u');
  code.op('i64.add');
  code.set(mid);
  // aH*bH + (mid >> 32) + ((aL*bH + low32(mid)) >> 32)
  high32(a);
  high32(b);
  code.op('i64.mul');
  high32(mid);
  code.op('i64.add');
  low32(a);
  high32(b);
  code.op('i64.mul');
  low32(mid);
  code.op('i64.add');
  code.i64(32);
  code.op('i64.shr_u');
  code.op('i64.add');
};

/** mulh_s(a, b) = mulh_u(a, b) − (a < 0 ? b : 0) − (b < 0 ? a : 0) */
const mulhSigned = (code: Code, scratch: (n: number) => number): void => {
  mulhUnsigned(code, scratch);
  const a = scratch(0);
  const b = scratch(1);
  for (const [x, y] of [
    [a, b],
    [b, a],
  ] as const) {
    code.get(x);
    code.i64(63);
    code.op('i64.shr_s');
    code.get(y);
    code.op('i64.and');
    code.op('i64.sub');
  }
};
