import type { OpName } from '../../../ir/opcodes.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { type I64, low64, mm, mmRm, setMm, setVex128, setYmm, type V128, vex, zero } from './vector.ts';

type Way = 'shl' | 'shr_u' | 'shr_s';
const LANES = { 16: 'i16x8', 32: 'i32x4', 64: 'i64x2' } as const;
type Width = keyof typeof LANES;

const shift = (t: Translator, width: Width, way: Way, v: V128, n: number): V128 => {
  const name = `${LANES[width]}.${way}` as OpName;
  if (n >= width) return way === 'shr_s' ? (t.b.emit(name, v, t.imm(width - 1)) as V128) : zero(t);
  return t.b.emit(name, v, t.imm(n)) as V128;
};
/** By a count of 64 bits: one that is too large leaves nothing but signs. */
const shiftBy = (t: Translator, width: Width, way: Way, v: V128, count: I64): V128 => {
  const { i32, i64 } = t.b;
  const name = `${LANES[width]}.${way}` as OpName;
  const large = i64.gt_u(count, t.b.const64(width - 1));
  const n = i32.wrap_i64(count);
  if (way === 'shr_s') return t.b.emit(name, v, i32.select(t.imm(width - 1), n, large)) as V128;
  return t.b.emit('v128.select', zero(t), t.b.emit(name, v, n), large) as V128;
};

/** The count: the low quadword of the ModRM operand. */
const countRm = (t: Translator): I64 => low64(t, t.xmmRm());

/** PSLLW …: by a register and by an immediate; `byImmediate` is the opcode of the group and its ModRM.reg. */
const shifts = (opcode: string, byImmediate: string, name: string, width: Width, way: Way): X86Row[] => {
  const imm = (t: Translator, v: V128): V128 => shift(t, width, way, v, t.d.imm & 0xff);
  const encoding = `66 0F ${byImmediate} ib reg`;
  return [
    insn(`NP 0F ${opcode} /r`, `${name} mm, mm/m64`, (t) => {
      const count = low64(t, mmRm(t));
      setMm(t, t.d.reg, low64(t, shiftBy(t, width, way, mm(t, t.d.reg), count)));
    }),
    insn(`66 0F ${opcode} /r`, `${name} xmm, xmm/m128`, (t) => {
      const count = countRm(t);
      t.setXmm(t.d.reg, shiftBy(t, width, way, t.xmm(t.d.reg), count));
    }),
    vex(`66 0F ${opcode} /r`, '128', `v${name} xmm, xmm, xmm/m128`, (t) => {
      const count = countRm(t);
      setVex128(t, t.d.reg, shiftBy(t, width, way, t.xmm(t.d.vvvv), count));
    }),
    vex(`66 0F ${opcode} /r`, '256', `v${name} ymm, ymm, xmm/m128`, (t) => {
      const count = countRm(t);
      const half = (v: V128): V128 => shiftBy(t, width, way, v, count);
      setYmm(t, t.d.reg, half(t.xmm(t.d.vvvv)), half(t.ymmHigh(t.d.vvvv)));
    }),
    insn(`NP 0F ${byImmediate} ib reg`, `${name} mm, imm8`, (t) => setMm(t, t.d.rm, low64(t, imm(t, mm(t, t.d.rm))))),
    insn(encoding, `${name} xmm, imm8`, (t) => t.setXmm(t.d.rm, imm(t, t.xmm(t.d.rm)))),
    vex(encoding, '128', `v${name} xmm, xmm, imm8`, (t) => setVex128(t, t.d.vvvv, imm(t, t.xmm(t.d.rm)))),
    vex(encoding, '256', `v${name} ymm, ymm, imm8`, (t) =>
      setYmm(t, t.d.vvvv, imm(t, t.xmm(t.d.rm)), imm(t, t.ymmHigh(t.d.rm))),
    ),
  ];
};

/** PSLLDQ, PSRLDQ: 16 bytes by bytes. */
const bytes = (reg: number, name: string, left: boolean): X86Row[] => {
  const encoding = `66 0F 73 /${reg} ib reg`;
  const move = (t: Translator, v: V128): V128 => {
    const n = Math.min(t.d.imm & 0xff, 16);
    const lanes = Array.from({ length: 16 }, (_, i) => (left ? 16 + i - n : i + n));
    return left ? t.b.shuffle(zero(t), v, lanes) : t.b.shuffle(v, zero(t), lanes);
  };
  return [
    insn(encoding, `${name} xmm, imm8`, (t) => t.setXmm(t.d.rm, move(t, t.xmm(t.d.rm)))),
    vex(encoding, '128', `v${name} xmm, xmm, imm8`, (t) => setVex128(t, t.d.vvvv, move(t, t.xmm(t.d.rm)))),
    vex(encoding, '256', `v${name} ymm, ymm, imm8`, (t) =>
      setYmm(t, t.d.vvvv, move(t, t.xmm(t.d.rm)), move(t, t.ymmHigh(t.d.rm))),
    ),
  ];
};

/** SDM vol. 1, 9.4.6 and 11.4.2: shifts of lanes */
export const vectorShiftRows: readonly X86Row[] = [
  ...shifts('F1', '71 /6', 'psllw', 16, 'shl'),
  ...shifts('F2', '72 /6', 'pslld', 32, 'shl'),
  ...shifts('F3', '73 /6', 'psllq', 64, 'shl'),
  ...shifts('D1', '71 /2', 'psrlw', 16, 'shr_u'),
  ...shifts('D2', '72 /2', 'psrld', 32, 'shr_u'),
  ...shifts('D3', '73 /2', 'psrlq', 64, 'shr_u'),
  ...shifts('E1', '71 /4', 'psraw', 16, 'shr_s'),
  ...shifts('E2', '72 /4', 'psrad', 32, 'shr_s'),
  ...bytes(7, 'pslldq', true),
  ...bytes(3, 'psrldq', false),
];
