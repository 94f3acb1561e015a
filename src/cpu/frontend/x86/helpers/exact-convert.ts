/** SSE's conversions, COMISS and horizontal operations in the exact mode. */
import { fixedToFp, fpConvert, fpToFixed } from '../../../softfloat/convert.ts';
import { Round } from '../../../softfloat/env.ts';
import { F32, F64 } from '../../../softfloat/format.ts';
import type { HelperContext } from '../../helper.ts';
import { CF, PF, writeArithmetic, ZF } from '../flags.ts';
import { defineHelper, writeR } from '../helpers.ts';
import { Sys, VECTOR_OPERAND } from '../registers.ts';
import { beginExact, DE, type ExactContext, finish, getLane, IE, setLane, unpackExact, vectorAt } from './exact.ts'; // biome-ignore format: one line
import { addLane, isNaN_, isSignalling, multiplyLane, orderOf, subtractLane } from './exact-float.ts';

/** COMISS, COMISD; UCOMISS, UCOMISD with an immediate of 0. */
export const exactComis: number = defineHelper((c, state, aux) => {
  const p = unpackExact(aux);
  const e = beginExact(c, state, p.double, p.imm);
  const lane = (n: number): bigint => getLane(c.view, vectorAt(state, n, false), p.double);
  const order = orderOf(lane(p.d), lane(p.b), e, p.imm === 1);
  return finish(c, state, e.take(), () =>
    writeArithmetic(c.view, state, order === 8 ? ZF | PF | CF : order === 2 ? ZF : order === 1 ? CF : 0),
  );
});

/** A float to a signed integer; what does not fit is the integer indefinite, with the invalid exception. */
const toInteger = (e: ExactContext, a: bigint, width: number, truncate: boolean): bigint => {
  const indefinite = 1n << BigInt(width - 1);
  const f = e.format;
  // denormals raise no exception of their own here
  const x = e.daz && (a & f.infinity) === 0n ? a & f.signBit : a;
  if (isNaN_(f, x)) {
    e.raise(IE);
    return indefinite;
  }
  const before = e.env.flags;
  const r = fpToFixed(f, x, 0, width, false, truncate ? Round.ZERO : e.env.rounding, e.env);
  // the library saturates: its invalid tells
  if ((e.env.flags & 1) === 0) return r;
  e.env.flags = before;
  e.raise(IE);
  return indefinite;
};

const convertFloat = (e: ExactContext, a: bigint, toDouble: boolean): bigint => {
  const [from, to] = toDouble ? [F32, F64] : [F64, F32];
  if (isNaN_(from, a)) {
    if (isSignalling(from, a)) e.raise(IE);
    const payload = a & from.fractionMask;
    const sign = (a & from.signBit) !== 0n ? to.signBit : 0n;
    return sign | to.infinity | to.quietBit | (toDouble ? payload << 29n : payload >> 29n);
  }
  if ((a & from.infinity) === 0n && (a & from.fractionMask) !== 0n) {
    if (e.daz) return (a & from.signBit) !== 0n ? to.signBit : 0n;
    e.raise(DE);
  }
  return fpConvert(from, to, a, e.env);
};

/** What the immediate of {@link exactConvert} says. */
export const Conversion = { DQ_PS: 0, PS_DQ: 1, PS_DQ_TRUNCATE: 2, PD_DQ: 3, PD_DQ_TRUNCATE: 4, PS_PD: 5, PD_PS: 6 } as const; // biome-ignore format: one line

/**
 * Packed conversions: the shape is that of the larger side. Sides of unequal size have as many lanes as the doubles; what
 * a register has above them is cleared.
 */
export const exactConvert: number = defineHelper((c, state, aux) => {
  const { view, u8 } = c;
  const p = unpackExact(aux);
  const kind = p.imm;
  const e = beginExact(c, state, kind === Conversion.PD_DQ || kind === Conversion.PD_DQ_TRUNCATE || kind === Conversion.PD_PS, 0); // biome-ignore format: one line
  const wideIn = e.format === F64;
  const wideOut = kind === Conversion.PS_PD;
  const total = p.shape * 16;
  const count = total / (wideIn || wideOut ? 8 : 4);
  const results: bigint[] = [];
  for (let i = 0; i < count; i++) {
    const at = i * (wideIn ? 8 : 4);
    const v = getLane(view, vectorAt(state, p.b, at >= 16) + (at & 15), wideIn);
    if (kind === Conversion.DQ_PS) results.push(fixedToFp(F32, v, 0, 32, false, e.env));
    else if (kind === Conversion.PS_PD || kind === Conversion.PD_PS) results.push(convertFloat(e, v, wideOut));
    else results.push(toInteger(e, v, 32, kind === Conversion.PS_DQ_TRUNCATE || kind === Conversion.PD_DQ_TRUNCATE));
  }
  return finish(c, state, e.take(), () => {
    u8.fill(0, vectorAt(state, p.d, false), vectorAt(state, p.d, false) + 16);
    if (p.vex) u8.fill(0, vectorAt(state, p.d, true), vectorAt(state, p.d, true) + 16);
    results.forEach((v, i) => {
      const at = i * (wideOut ? 8 : 4);
      setLane(view, vectorAt(state, p.d, at >= 16) + (at & 15), wideOut, v);
    });
  });
});

/** The lowest lane of dst; its other lanes come from `a` in VEX forms. */
const writeScalar = (c: HelperContext, state: number, aux: number, double: boolean, v: bigint): void => {
  const p = unpackExact(aux);
  const at = vectorAt(state, p.d, false);
  if (p.vex) {
    c.u8.copyWithin(at, vectorAt(state, p.a, false), vectorAt(state, p.a, false) + 16);
    c.u8.fill(0, vectorAt(state, p.d, true), vectorAt(state, p.d, true) + 16);
  }
  setLane(c.view, at, double, v);
};

/** CVTSS2SD, CVTSD2SS: `double` is the source's. */
export const exactConvertScalar: number = defineHelper((c, state, aux) => {
  const p = unpackExact(aux);
  const e = beginExact(c, state, p.double, 0);
  const v = convertFloat(e, getLane(c.view, vectorAt(state, p.b, false), p.double), !p.double);
  return finish(c, state, e.take(), () => writeScalar(c, state, aux, !p.double, v));
});

/** CVTSI2SS, CVTSI2SD: the integer lies in Sys.OPERAND, 64 bits of it with an immediate of 1. */
export const exactFromInteger: number = defineHelper((c, state, aux) => {
  const p = unpackExact(aux);
  const e = beginExact(c, state, p.double, 0);
  const v = fixedToFp(e.format, c.view.getBigUint64(state + Sys.OPERAND, true), 0, p.imm === 1 ? 64 : 32, false, e.env);
  return finish(c, state, e.take(), () => writeScalar(c, state, aux, p.double, v));
});

/** CVTSS2SI, CVTTSD2SI …: into a general register; immediate: bit 0 = 64 bits, bit 1 = truncate. */
export const exactToInteger: number = defineHelper((c, state, aux) => {
  const p = unpackExact(aux);
  const e = beginExact(c, state, p.double, 0);
  const v = toInteger(
    e,
    getLane(c.view, vectorAt(state, p.b, false), p.double),
    p.imm & 1 ? 64 : 32,
    (p.imm & 2) !== 0,
  );
  return finish(c, state, e.take(), () => writeR(c, state, p.d, v));
});

/** ADDSUBPS …: even lanes are subtracted. The lanes come in order, so that they count themselves. */
export const exactAddSub: number = defineHelper((c, state, aux) => lanePairs(c, state, aux, 'alternate'));
/** HADDPS, HSUBPS …: neighbours of the first operand, then those of the second, within 16 bytes. */
export const exactHadd: number = defineHelper((c, state, aux) => lanePairs(c, state, aux, 'add'));
export const exactHsub: number = defineHelper((c, state, aux) => lanePairs(c, state, aux, 'subtract'));

const lanePairs = (c: HelperContext, state: number, aux: number, how: 'alternate' | 'add' | 'subtract'): number => {
  const { view } = c;
  const p = unpackExact(aux);
  const e = beginExact(c, state, p.double, 0);
  const width = p.double ? 8 : 4;
  const count = 16 / width;
  const results: bigint[] = [];
  for (let half = 0; half < p.shape; half++) {
    const [a, b] = [p.a, p.b].map((n) => vectorAt(state, n, half === 1)) as [number, number];
    const lane = (at: number, i: number): bigint => getLane(view, at + i * width, p.double);
    for (let i = 0; i < count; i++) {
      const from = i < count / 2 ? a : b;
      const pair = 2 * (i % (count / 2));
      if (how === 'alternate') results.push((i & 1 ? addLane : subtractLane)(lane(a, i), lane(b, i), e, 0n));
      else results.push((how === 'add' ? addLane : subtractLane)(lane(from, pair), lane(from, pair + 1), e, 0n));
    }
  }
  return finish(c, state, e.take(), () => writeLanes(c, state, aux, results));
};

/** Lanes of 16 or 32 bytes; what a VEX form has above 16 is cleared. */
const writeLanes = (c: HelperContext, state: number, aux: number, results: readonly bigint[]): void => {
  const p = unpackExact(aux);
  results.forEach((v, i) => {
    const at = i * (p.double ? 8 : 4);
    setLane(c.view, vectorAt(state, p.d, at >= 16) + (at & 15), p.double, v);
  });
  if (p.vex && p.shape === 1) c.u8.fill(0, vectorAt(state, p.d, true), vectorAt(state, p.d, true) + 16);
};

/** DPPS, DPPD: products and sums rounded one after the other. */
export const exactDot: number = defineHelper((c, state, aux) => {
  const { view } = c;
  const p = unpackExact(aux);
  const e = beginExact(c, state, p.double, 0);
  const width = p.double ? 8 : 4;
  const count = 16 / width;
  const lane = (n: number, i: number): bigint =>
    getLane(view, vectorAt(state, n, i >= count) + (i % count) * width, p.double);
  const pairs = (v: readonly bigint[]): bigint[] =>
    Array.from({ length: v.length / 2 }, (_, i) => addLane(v[2 * i] as bigint, v[2 * i + 1] as bigint, e, 0n));
  let sums = Array.from({ length: p.shape * count }, (_, i) =>
    (p.imm >> (4 + (i % count))) & 1 ? multiplyLane(lane(p.a, i), lane(p.b, i), e, 0n) : 0n,
  );
  // a step with an exception that is not masked is the last one
  while (sums.length > p.shape) {
    if (finish(c, state, e.take(), () => {}) !== 0) return 1;
    sums = pairs(sums);
  }
  return finish(c, state, e.take(), () => {
    const results = sums.flatMap((sum) => Array.from({ length: count }, (_, i) => ((p.imm >> i) & 1 ? sum : 0n)));
    writeLanes(c, state, aux, results);
  });
});

/** Conversions with MMX registers, from VECTOR_OPERAND to VECTOR_OPERAND. */
export const MmxConversion = { PI_PS: 0, PI_PD: 1, PS_PI: 2, PS_PI_TRUNCATE: 3, PD_PI: 4, PD_PI_TRUNCATE: 5 } as const;

export const exactMmx: number = defineHelper((c, state, kind) => {
  const { view } = c;
  const wideIn = kind >= MmxConversion.PD_PI;
  const e = beginExact(c, state, wideIn || kind === MmxConversion.PI_PD, 0);
  const at = state + VECTOR_OPERAND;
  const results = [0, 1].map((i) => {
    const v = getLane(view, at + i * (wideIn ? 8 : 4), wideIn);
    if (kind <= MmxConversion.PI_PD) return fixedToFp(e.format, v, 0, 32, false, e.env);
    return toInteger(e, v, 32, kind === MmxConversion.PS_PI_TRUNCATE || kind === MmxConversion.PD_PI_TRUNCATE);
  });
  const wideOut = kind === MmxConversion.PI_PD;
  return finish(c, state, e.take(), () =>
    results.forEach((v, i) => {
      setLane(view, at + i * (wideOut ? 8 : 4), wideOut, v);
    }),
  );
});
