import type { Value } from '../../ir/value.ts';
import { helpers as a64Helpers } from '../aarch64/helpers.ts';
import { rows as a64Rows } from '../aarch64/table.ts';
import { Translator as A64Translator } from '../aarch64/translator.ts';
import type { Row } from '../row.ts';
import { helpers } from './helpers.ts';
import { qOffset, Sys } from './registers.ts';
import type { Translator } from './translator.ts';

type I32 = Value<'i32'>;
type I64 = Value<'i64'>;
type F32 = Value<'f32'>;
type F64 = Value<'f64'>;
type V128 = Value<'v128'>;

/**
 * Vector and floating-point instructions mean the same in AArch32 and AArch64; only registers differ. So their rows
 * here name the AArch64 row and lend it operands: register numbers from 16 on, which are no registers of ours, stand for
 * a quarter, half or whole of q0–q15, or for a value.
 */
export type Operand =
  | { readonly kind: 'q' | 'd' | 's' | 'h'; readonly reg: number }
  | { readonly kind: 'value'; v: V128 };

export const Q = (reg: number): Operand => ({ kind: 'q', reg });
export const D = (reg: number): Operand => ({ kind: 'd', reg });
export const S = (reg: number): Operand => ({ kind: 's', reg });
export const H = (reg: number): Operand => ({ kind: 'h', reg });

/** First number lent; the n-th operand is register FIRST + n to the AArch64 row. */
export const FIRST = 16;
/** FPCR of Advanced SIMD (Arm ARM E1.3.1, StandardFPSCRValue): flush to zero, default NaN. */
const STANDARD = (1 << 25) | (1 << 24);
/** Of FPSCR's own there: alternative half precision, and flushing of halves. */
const HALF_MODES = (1 << 26) | (1 << 19);

const LOW_HALF = [16, 17, 18, 19, 20, 21, 22, 23, 8, 9, 10, 11, 12, 13, 14, 15];
const HIGH_HALF = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const DOWN = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];

const low64 = (bytes: readonly number[]): bigint => new DataView(Uint8Array.from(bytes).buffer).getBigInt64(0, true);

/** The translator that an AArch64 row sees. */
export class A64View extends A64Translator {
  private readonly arm: Translator;
  private operands: readonly Operand[] = [];
  private standard = false;

  constructor(arm: Translator) {
    super(arm.b);
    this.arm = arm;
  }

  /** Lift a row; the fields name operands by FIRST + n. `standard`: as Advanced SIMD, whatever FPSCR says. */
  run(
    row: Row<A64Translator>,
    fields: Readonly<Record<string, number>>,
    operands: readonly Operand[],
    standard = false,
  ): void {
    this.operands = operands;
    this.standard = standard;
    this.exact = this.arm.exact;
    row.lift?.(this, fields);
  }

  private operand(n: number): Operand {
    const o = this.operands[n - FIRST];
    if (!o) throw new Error(`no operand ${n}`);
    return o;
  }

  override v(n: number): V128 {
    return this.read(this.operand(n));
  }
  /** An operand's value, in the low half of the vector where it is no quad. */
  read(o: Operand): V128 {
    const { arm } = this;
    switch (o.kind) {
      case 'value':
        return o.v;
      case 'q':
        return arm.q(o.reg);
      case 'd': {
        const q = arm.q(o.reg >> 1);
        return (o.reg & 1) === 0 ? q : arm.b.shuffle(q, q, DOWN);
      }
      case 's':
        return arm.b.replace('i32x4.replace_lane', this.zero(), 0, arm.sBits(o.reg));
      case 'h':
        return arm.b.replace('i32x4.replace_lane', this.zero(), 0, arm.b.i32.and(arm.sBits(o.reg), arm.imm(0xffff)));
    }
  }
  override setV(n: number, v: V128): void {
    this.write(this.operand(n), v);
  }
  write(o: Operand, v: V128): void {
    const { arm } = this;
    switch (o.kind) {
      case 'value':
        o.v = v;
        return;
      case 'q':
        return arm.setQ(o.reg, v);
      case 'd':
        if (v.lanes && v.isConst) return arm.setDBits(o.reg, arm.b.const64(low64(v.lanes)));
        return arm.setQ(o.reg >> 1, arm.b.shuffle(arm.q(o.reg >> 1), v, (o.reg & 1) === 0 ? LOW_HALF : HIGH_HALF));
      case 's':
      case 'h':
        return arm.setSBits(o.reg, arm.b.extract('i32x4.extract_lane', v, 0));
    }
  }
  override setVq(n: number, _q: number, v: V128): void {
    this.setV(n, v);
  }
  override d(n: number): F64 {
    const o = this.operand(n);
    return o.kind === 'd' ? this.arm.d(o.reg) : super.d(n);
  }
  override s(n: number): F32 {
    const o = this.operand(n);
    return o.kind === 's' ? this.arm.s(o.reg) : super.s(n);
  }
  override setD(n: number, v: F64): void {
    const o = this.operand(n);
    if (o.kind === 'd') this.arm.setD(o.reg, v);
    else super.setD(n, v);
  }
  override setS(n: number, v: F32): void {
    const o = this.operand(n);
    if (o.kind === 's') this.arm.setS(o.reg, v);
    else super.setS(n, v);
  }
  override dBits(n: number): I64 {
    const o = this.operand(n);
    return o.kind === 'd' ? this.arm.dBits(o.reg) : super.dBits(n);
  }
  override sBits(n: number): I32 {
    const o = this.operand(n);
    return o.kind === 's' ? this.arm.sBits(o.reg) : super.sBits(n);
  }
  override setDBits(n: number, v: I64): void {
    const o = this.operand(n);
    if (o.kind === 'd') this.arm.setDBits(o.reg, v);
    else if (o.kind === 's' || o.kind === 'h') this.arm.setSBits(o.reg, this.arm.b.i32.wrap_i64(v));
    else super.setDBits(n, v);
  }
  override setSBits(n: number, v: I32): void {
    const o = this.operand(n);
    if (o.kind === 's' || o.kind === 'h') this.arm.setSBits(o.reg, v);
    else super.setSBits(n, v);
  }

  override undefined(): void {
    this.arm.undefined();
  }

  /** AArch64's helpers find registers by number in the CPU state: lend them those behind ours. */
  override helper(id: number, aux = 0): void {
    const { arm } = this;
    arm.open();
    const before = this.operands.map((_, i) => this.v(FIRST + i));
    for (const [i, v] of before.entries()) arm.b.set(qOffset(FIRST + i), v);
    const fpcr = this.standard ? arm.b.get('i32', Sys.FPCR) : null;
    if (fpcr) {
      const own = arm.b.i32.and(fpcr, arm.imm(HALF_MODES));
      arm.b.set(Sys.FPCR, arm.b.i32.or(own, arm.imm(STANDARD)));
    }
    arm.helper(helpers.length + id, aux);
    if (fpcr) arm.b.set(Sys.FPCR, fpcr);
    // the destination is the first operand; the others come back as they were
    this.setV(FIRST, arm.b.get('v128', qOffset(FIRST)));
  }
}

/** Rows by syntax; those of half precision are written as the others and come after them. */
const byName = new Map<string, Row<A64Translator>[]>();
for (const row of a64Rows) {
  const known = byName.get(row.syntax);
  if (known) known.push(row);
  else byName.set(row.syntax, [row]);
}

/** The AArch64 row that is written so; `half`: its form for half precision. */
export const a64Row = (syntax: string, half = false): Row<A64Translator> => {
  const rows = byName.get(syntax);
  const row = half ? rows?.at(-1) : rows?.[0];
  if (!row) throw new Error(`AArch64 has no '${syntax}'`);
  return row;
};

export { a64Helpers };
