/** x87 instructions (SDM vol. 2). What comes from memory lies in Sys.NUMBER, and so does what goes there. */
import * as arithmetic from '../../../softfloat/x87/arithmetic.ts';
import * as convert from '../../../softfloat/x87/convert.ts';
import { Ext, Flag, Kind, kindOf, type X87Env } from '../../../softfloat/x87/ext.ts';
import * as rest from '../../../softfloat/x87/remainder.ts';
import * as transcendental from '../../../softfloat/x87/transcendental.ts';
import { CF, PF, ZF } from '../flags.ts';
import { Sys } from '../registers.ts';
import { CONSTANTS } from '../x87-constants.ts';
import { C0, C1, C2, C3, defineX87, type Fpu, SF } from './fpu.ts';

/** Where the second operand comes from. */
export const From = { STACK: 0, F32: 1, F64: 2, I32: 3, I16: 4, I64: 5, F80: 6, BCD: 7 } as const;

/** The second argument: operation, source, st(i), whether st(i) is the destination, pops; bytes of the instruction. */
export const packX87 = (p: {
  op?: number;
  from?: number;
  i?: number;
  toI?: boolean;
  pops?: number;
  length?: number;
}): number =>
  ((p.length ?? 0) << 16) |
  (p.i ?? 0) |
  ((p.op ?? 0) << 3) |
  ((p.from ?? 0) << 8) |
  ((p.toI ? 1 : 0) << 11) |
  ((p.pops ?? 0) << 12);

const indefinite = (r: Ext): Ext => r.set(0xffff, -0x4000_0000, 0);

const operandAt = (m: Fpu): number => m.state + Sys.NUMBER;

/** The memory operand as a number; `raw`: a signalling NaN stays one. */
const fetch = (m: Fpu, to: Ext, from: number, raw: boolean): void => {
  const { view } = m;
  const at = operandAt(m);
  switch (from) {
    case From.F32:
      convert.fromF32(to, view.getInt32(at, true), m.env, raw);
      return;
    case From.F64:
      convert.fromF64(to, view.getInt32(at + 4, true), view.getInt32(at, true), m.env, raw);
      return;
    case From.I64:
      convert.fromInt(to, view.getInt32(at + 4, true), view.getInt32(at, true));
      return;
    case From.F80:
      to.set(view.getUint16(at + 8, true), view.getInt32(at + 4, true), view.getInt32(at, true));
      return;
    case From.BCD:
      convert.fromBcd(to, new Uint8Array(view.buffer, view.byteOffset + at, 10));
      return;
    default: {
      const n = from === From.I32 ? view.getInt32(at, true) : view.getInt16(at, true);
      convert.fromInt(to, n >> 31, n);
    }
  }
};

/** The operations of D8 to DE by ModRM.reg: all are of st(0) and the source, whichever is the destination. */
const operate = (op: number, r: Ext, a: Ext, b: Ext, env: X87Env): void => {
  switch (op) {
    case 0:
      arithmetic.add(r, a, b, 0, env);
      return;
    case 1:
      arithmetic.mul(r, a, b, env);
      return;
    case 4:
      arithmetic.add(r, a, b, 0x8000, env);
      return;
    case 5:
      arithmetic.add(r, b, a, 0x8000, env);
      return;
    case 6:
      arithmetic.div(r, a, b, env);
      return;
    default:
      arithmetic.div(r, b, a, env);
  }
};

/** Both operands; false: one of them is empty. */
const operands = (m: Fpu, aux: number): boolean => {
  const from = (aux >>> 8) & 7;
  const i = aux & 7;
  if (from === From.STACK) {
    const first = m.read(m.a, 0);
    return m.read(m.b, i) && first;
  }
  if (!m.read(m.a, 0)) return false;
  fetch(m, m.b, from, true);
  return true;
};

/** FADD, FMUL, FSUB, FSUBR, FDIV, FDIVR in all forms. */
export const x87Arithmetic: number = defineX87((m, aux) => {
  if (operands(m, aux)) operate((aux >>> 3) & 7, m.r, m.a, m.b, m.env);
  else indefinite(m.r);
  // a denormal is not told of beside what goes before it: a NaN, or a division by zero
  const { flags } = m.env;
  if (flags & Flag.DE && (flags & Flag.ZE || kindOf(m.a) >= Kind.QNAN || kindOf(m.b) >= Kind.QNAN))
    m.env.flags &= ~Flag.DE;
  if (!m.proceeds) return;
  m.write((aux >>> 11) & 1 ? aux & 7 : 0, m.r);
  if ((aux >>> 12) & 3) m.pop();
});

const pops = (m: Fpu, aux: number): void => {
  if (!m.proceeds) return;
  for (let n = (aux >>> 12) & 3; n > 0; n--) m.pop();
};

const order = (m: Fpu, aux: number): number => {
  if (!operands(m, aux)) return arithmetic.Order.UNORDERED;
  const r = arithmetic.compare(m.a, m.b, ((aux >>> 3) & 1) === 1, m.env);
  if (r === arithmetic.Order.UNORDERED) m.env.flags &= ~Flag.DE;
  return r;
};

/** FCOM, FUCOM (op 1), FICOM. */
export const x87Compare: number = defineX87((m, aux) => {
  m.setCodes(order(m, aux));
  pops(m, aux);
});

/** FCOMI, FUCOMI (op 1): what goes to EFLAGS is left in Sys.NUMBER. */
export const x87CompareFlags: number = defineX87((m, aux) => {
  const r = order(m, aux);
  const { Order } = arithmetic;
  const flags = r === Order.UNORDERED ? ZF | PF | CF : r === Order.EQUAL ? ZF : r === Order.LESS ? CF : 0;
  m.view.setUint32(operandAt(m), flags, true);
  m.keepC1();
  pops(m, aux);
});

const ZERO: Ext = new Ext();
export const ftst: number = defineX87((m) => {
  m.setCodes(m.read(m.a, 0) ? arithmetic.compare(m.a, ZERO, false, m.env) : arithmetic.Order.UNORDERED);
});

/** Classes of FXAM by {@link Kind}. */
const CLASSES = [C3, C2, C3 | C2, C2 | C0, C0, C0, 0];
export const fxam: number = defineX87((m) => {
  m.peek(m.a, 0);
  const sign = m.a.se & 0x8000 ? C1 : 0;
  m.setCodes(m.isEmpty(0) ? C3 | C0 : (CLASSES[kindOf(m.a)] as number));
  m.env.flags = sign;
});

/** FLD, FILD, FBLD. */
export const x87Load: number = defineX87((m, aux) => {
  const from = (aux >>> 8) & 7;
  if (from === From.STACK) m.read(m.r, aux & 7);
  else fetch(m, m.r, from, false);
  m.push(m.r);
});

export const x87Constant: number = defineX87((m, aux) => {
  const [se, hi, lo, more] = CONSTANTS[aux & 7] as (typeof CONSTANTS)[0];
  const { rounding } = m.env;
  // none of the 64 bits is all ones; to nearest, half a unit and more goes up
  const up = more !== 0 && (rounding === 2 || (rounding === 0 && more >= 2));
  m.push(m.r.set(se, hi, up ? lo + 1 : lo));
});

/** FST, FIST: st(0) into Sys.NUMBER in the format; the row stores it, and pops, unless an unmasked exception forbids it. */
export const x87Store: number = defineX87((m, aux) => {
  convertTo(m, aux);
  if (!m.proceeds) return m.skip(aux >>> 16);
  // too large or too small for a memory format, which has no room for a result with another exponent: nothing is stored
  const outside = m.env.flags & ~m.env.masked & (Flag.OE | Flag.UE);
  if (outside === 0) return;
  m.env.flags &= ~(Flag.PE | Flag.C1);
  m.skip(aux >>> 16);
});
const convertTo = (m: Fpu, aux: number): void => {
  const { view } = m;
  const at = operandAt(m);
  const format = (aux >>> 8) & 7;
  const full = m.read(m.a, 0);
  if (format === From.F80) {
    view.setInt32(at, m.a.lo, true);
    view.setInt32(at + 4, m.a.hi, true);
    view.setUint16(at + 8, m.a.se, true);
    return;
  }
  const { flags } = m.env;
  if (format === From.BCD) {
    const bytes = convert.toBcd(m.a, m.env);
    new Uint8Array(view.buffer, view.byteOffset + at, 10).set(bytes);
  } else {
    const truncate = (aux >>> 3) & 1 ? 3 : m.env.rounding;
    if (format === From.F32) convert.toF32(m.a, m.env);
    else if (format === From.F64) convert.toF64(m.a, m.env);
    else convert.toInt(m.a, format === From.I16 ? 16 : format === From.I32 ? 32 : 64, truncate, m.env);
    view.setInt32(at, convert.stored.lo, true);
    view.setInt32(at + 4, convert.stored.hi, true);
  }
  if (!full) m.env.flags = flags;
};

/** FST st(i), FSTP st(i). */
export const x87Copy: number = defineX87((m, aux) => {
  m.read(m.r, 0);
  if (!m.proceeds) return;
  m.write(aux & 7, m.r);
  pops(m, aux);
});

/** D9 D8: as FSTP st(i), but an empty st(0) is just taken off. */
export const fstp1: number = defineX87((m, aux) => {
  if (m.isEmpty(0)) return m.turn(1);
  m.peek(m.r, 0);
  m.write(aux & 7, m.r);
  m.pop();
});

export const fxch: number = defineX87((m, aux) => {
  const i = aux & 7;
  m.read(m.a, 0);
  m.read(m.b, i);
  if (!m.proceeds) return;
  m.write(0, m.b);
  m.write(i, m.a);
});

/** FCMOVcc: whether, is in Sys.NUMBER. */
export const fcmov: number = defineX87((m, aux) => {
  const full = m.read(m.a, 0);
  const other = m.read(m.b, aux & 7);
  m.keepC1();
  if (!m.proceeds) return;
  if (!full || !other) m.write(0, indefinite(m.r));
  else if (m.view.getUint32(operandAt(m), true) !== 0) m.write(0, m.b);
});

/** FCHS, FABS (op 1). */
export const x87Sign: number = defineX87((m, aux) => {
  if (m.read(m.a, 0)) m.a.se = (aux >>> 3) & 1 ? m.a.se & 0x7fff : m.a.se ^ 0x8000;
  if (m.proceeds) m.write(0, m.a);
});

const unary = (f: (r: Ext, a: Ext, env: X87Env) => unknown): number =>
  defineX87((m) => {
    if (m.read(m.a, 0)) f(m.r, m.a, m.env);
    else indefinite(m.r);
    if (m.proceeds) m.write(0, m.r);
  });
export const fsqrt: number = unary(arithmetic.sqrt);
export const frndint: number = unary(convert.roundToInt);
export const f2xm1: number = unary(transcendental.f2xm1);

/** Of st(0) and st(1); `replaces`: the result goes to st(1), and st(0) is popped. */
const binary = (f: (r: Ext, a: Ext, b: Ext, env: X87Env) => unknown, replaces: boolean): number =>
  defineX87((m) => {
    const first = m.read(m.a, 0);
    if (m.read(m.b, 1) && first) f(m.r, m.a, m.b, m.env);
    else indefinite(m.r);
    if (!m.proceeds) return;
    m.write(replaces ? 1 : 0, m.r);
    if (replaces) m.pop();
  });
export const fscale: number = binary(rest.scale, false);
export const fyl2x: number = binary(transcendental.fyl2x, true);
export const fyl2xp1: number = binary(transcendental.fyl2xp1, true);
export const fpatan: number = binary(transcendental.fpatan, true);

/** FPREM, FPREM1 (op 1). */
export const fprem: number = defineX87((m, aux) => {
  const first = m.read(m.a, 0);
  const full = m.read(m.b, 1) && first;
  const codes = full ? rest.remainder(m.r, m.a, m.b, ((aux >>> 3) & 1) === 1, m.env) : null;
  if (!full) indefinite(m.r);
  if (codes === null) m.sw &= ~C2;
  else {
    m.setCodes(codes & ~C1);
    m.env.flags |= codes & C1;
  }
  if (m.proceeds) m.write(0, m.r);
});

/** Whether there is no room for a second result. */
const overflows = (m: Fpu): boolean => {
  if (m.isEmpty(-1)) return false;
  m.env.flags = Flag.IE | SF | C1;
  return true;
};
/** Replace st(0) by `below` and push `above`. */
const replaceAndPush = (m: Fpu, below: Ext, above: Ext): void => {
  if (!m.proceeds) return;
  m.write(0, below);
  m.push(above);
};

export const fxtract: number = defineX87((m) => {
  if (m.read(m.a, 0) && !overflows(m)) rest.extract(m.r, m.b, m.a, m.env);
  else indefinite(m.r) && indefinite(m.b);
  replaceAndPush(m, m.r, m.b);
});

/** FSIN, FCOS (op 1), FSINCOS (op 2), FPTAN (op 3): C2 tells that the operand is too large. */
export const circular: number = defineX87((m, aux) => {
  const op = (aux >>> 3) & 3;
  if (!m.read(m.a, 0) || (op >= 2 && overflows(m))) {
    m.sw &= ~C2;
    if (op >= 2) return replaceAndPush(m, indefinite(m.r), indefinite(m.b));
    if (m.proceeds) m.write(0, indefinite(m.r));
    return;
  }
  if (transcendental.tooLarge(m.a)) {
    m.sw |= C2;
    return;
  }
  m.sw &= ~C2;
  if (op < 2) {
    transcendental.sineCosine(op === 0 ? m.r : null, op === 1 ? m.r : null, m.a, m.env);
    if (m.proceeds) m.write(0, m.r);
    return;
  }
  if (op === 2) transcendental.sineCosine(m.r, m.b, m.a, m.env);
  else {
    transcendental.tangent(m.r, m.a, m.env);
    if ((m.r.se & 0x7fff) === 0x7fff) m.b.copy(m.r);
    else m.b.set(0x3fff, -0x8000_0000, 0);
  }
  replaceAndPush(m, m.r, m.b);
});

/** FINCSTP, FDECSTP (op 1). */
export const turnStack: number = defineX87((m, aux) => m.turn((aux >>> 3) & 1 ? -1 : 1));
/** FFREE, FFREEP (pops). */
export const ffree: number = defineX87((m, aux) => {
  m.free(aux & 7);
  pops(m, aux);
});
