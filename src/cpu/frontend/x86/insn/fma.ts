import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { hostFuses } from '../../host-fuses.ts';
import { exactFused, halfToSingle, singleToHalf } from '../helpers/exact-fma.ts';
import { VECTOR_OPERAND } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { type FastShape, Lanes, mayRound } from './exact-fast.ts';
import { type Exact, exactly, type Float, replaceScalar, scalar, setScalar } from './floats.ts';
import { noVvvv, setVex128, setYmm, type V128, ymmHighRm, zero } from './vector.ts';

/** What the low four bits of the opcode say: operation of odd and even lanes, and whether it is of the lowest lane alone. */
const KINDS: readonly (readonly [digit: number, name: string, even: string, odd: string, scalar: boolean])[] = [
  [0x6, 'addsub', 'msub', 'madd', false],
  [0x7, 'subadd', 'madd', 'msub', false],
  [0x8, 'add', 'madd', 'madd', false],
  [0x9, 'add', 'madd', 'madd', true],
  [0xa, 'sub', 'msub', 'msub', false],
  [0xb, 'sub', 'msub', 'msub', true],
  [0xc, 'nadd', 'nmadd', 'nmadd', false],
  [0xd, 'nadd', 'nmadd', 'nmadd', true],
  [0xe, 'nsub', 'nmsub', 'nmsub', false],
  [0xf, 'nsub', 'nmsub', 'nmsub', true],
];
/** Which operands are multiplied and which is added: 1 is the destination, 2 VEX.vvvv, 3 the ModRM operand. */
const ORDERS = [['132', 0x90], ['213', 0xa0], ['231', 0xb0]] as const; // biome-ignore format: a table
type Order = (typeof ORDERS)[number][0];

const arrange = <V>(order: Order, one: V, two: V, three: V): [V, V, V] =>
  order === '132' ? [one, three, two] : order === '213' ? [two, one, three] : [two, three, one];

const fused = (t: Translator, double: boolean, even: string, odd: string, [a, b, c]: [V128, V128, V128]): V128 => {
  const p = double ? 'f64x2' : 'f32x4';
  const one = (name: string): V128 => t.b.emit(`${p}.x86_${name}` as OpName, a, b, c) as V128;
  if (even === odd) return one(even);
  const size = double ? 8 : 4;
  return t.b.shuffle(one(even), one(odd), Array.from({ length: 16 }, (_, i) => (Math.floor(i / size) % 2 === 0 ? i : i + 16))); // biome-ignore format: one line
};

/** In the exact mode the host's result is right where nothing but inexact is raised, which has been before (see exact-fast.ts). */
const unlessRaised = (
  t: Translator,
  exact: Exact,
  double: boolean,
  shape: FastShape,
  halves: readonly (readonly [r: V128, sources: readonly V128[]])[],
): void => {
  const { b, d } = t;
  const x = new Lanes(t, double, false);
  const bad = halves.map(([r, sources]) =>
    [...sources.map((v) => x.isDenormal(v)), x.isWild(r), x.isTiny(r)].reduce((all, v) => x.or(all, v)),
  );
  const slow = b.i32.or(x.any(bad.reduce((all, v) => x.or(all, v))), b.i32.eqz(mayRound(t)));
  const [low, high] = halves.map(([r]) => r) as [V128, V128 | undefined];
  const lane = double ? 'f64x2' : 'f32x4';
  const one = shape === 'scalar' ? b.extract(`${lane}.extract_lane` as OpName, low, 0) : null;
  const result = one ? replaceScalar(t, double, d.reg, one as unknown as Float) : low;
  b.beginWhen(slow);
  exactly(t, exact, double, shape);
  b.endWhen();
  t.setXmm(d.reg, b.emit('v128.select', t.xmm(d.reg), result, slow) as V128);
  t.setYmmHigh(d.reg, high ? (b.emit('v128.select', t.ymmHigh(d.reg), high, slow) as V128) : zero(t));
};

const KIND_BITS: Readonly<Record<string, number>> = { madd: 0, msub: 1, nmadd: 2, nmsub: 3 };

const rowsOf = (
  order: Order,
  base: number,
  [digit, kind, even, odd, single]: (typeof KINDS)[number],
  double: boolean,
): X86Row[] => {
  const negated = kind.startsWith('n');
  const name = `vf${negated ? 'nm' : 'm'}${negated ? kind.slice(1) : kind}${order}${single ? 's' : 'p'}${double ? 'd' : 's'}`;
  const code = (base | digit).toString(16).toUpperCase();
  const w = double ? 'W1' : 'W0';
  const imm =
    (KIND_BITS[even] as number) | ((KIND_BITS[odd] as number) << 2) | (ORDERS.findIndex(([o]) => o === order) << 4);
  const exact = { helper: exactFused, imm: () => imm };
  if (single) {
    const type = double ? 'f64' : 'f32';
    const p = double ? 'f64x2' : 'f32x4';
    return [
      insn(`VEX.LIG.66.0F38.${w} ${code} /r`, `${name} xmm, xmm, xmm/m${double ? 64 : 32}`, (t) => {
        if (!hostFuses()) return exactly(t, exact, double, 'scalar');
        const spread = (v: Value): V128 => t.b.emit(`${p}.splat` as OpName, v) as V128;
        const three = t.scalarRm(type) as Value;
        const sources = arrange(
          order,
          spread(scalar(t, double, t.d.reg)),
          spread(scalar(t, double, t.d.vvvv)),
          spread(three),
        );
        const r = fused(t, double, even, even, sources);
        if (t.exact) return unlessRaised(t, exact, double, 'scalar', [[r, sources]]);
        setScalar(t, double, t.d.reg, t.b.extract(`${p}.extract_lane` as OpName, r, 0) as unknown as Float);
      }),
    ];
  }
  return [
    insn(`VEX.128.66.0F38.${w} ${code} /r`, `${name} xmm, xmm, xmm/m128`, (t) => {
      if (!hostFuses()) return exactly(t, exact, double, 128);
      const sources = arrange(order, t.xmm(t.d.reg), t.xmm(t.d.vvvv), t.xmmRm());
      const r = fused(t, double, even, odd, sources);
      if (t.exact) return unlessRaised(t, exact, double, 128, [[r, sources]]);
      setVex128(t, t.d.reg, r);
    }),
    insn(`VEX.256.66.0F38.${w} ${code} /r`, `${name} ymm, ymm, ymm/m256`, (t) => {
      if (!hostFuses()) return exactly(t, exact, double, 256);
      const low = arrange(order, t.xmm(t.d.reg), t.xmm(t.d.vvvv), t.xmmRm());
      const high = arrange(order, t.ymmHigh(t.d.reg), t.ymmHigh(t.d.vvvv), ymmHighRm(t));
      const [r, upper] = [fused(t, double, even, odd, low), fused(t, double, even, odd, high)];
      if (t.exact)
        return unlessRaised(t, exact, double, 256, [
          [r, low],
          [upper, high],
        ]);
      setYmm(t, t.d.reg, r, upper);
    }),
  ];
};

/** VCVTPS2PH: the result is in VECTOR_OPERAND, for a register or for memory. */
const toHalf = (t: Translator, lanes: 128 | 256): void => {
  t.helper(singleToHalf, t.d.reg | (lanes === 256 ? 16 : 0) | ((t.d.imm & 7) << 5));
  const v = t.b.get('v128', VECTOR_OPERAND);
  if (t.d.mod === 3) return setVex128(t, t.d.rm, v);
  if (lanes === 256) t.store('v128.store', t.ea(), v);
  else t.store('i64.store', t.ea(), t.b.extract('i64x2.extract_lane', v, 0));
};

/** SDM vol. 1, 14.4 and 14.5: half precision, fused multiplication and addition */
// biome-ignore format: one instruction per line
export const fmaRows: readonly X86Row[] = [
  ...ORDERS.flatMap(([order, base]) => KINDS.flatMap((kind) => [...rowsOf(order, base, kind, false), ...rowsOf(order, base, kind, true)])),
  insn('VEX.128.66.0F38.W0 13 /r', 'vcvtph2ps xmm, xmm/m64', noVvvv((t) => exactly(t, { helper: halfToSingle }, false, 128, 8))),
  insn('VEX.256.66.0F38.W0 13 /r', 'vcvtph2ps ymm, xmm/m128', noVvvv((t) => exactly(t, { helper: halfToSingle }, false, 256, 16))),
  insn('VEX.128.66.0F3A.W0 1D /r ib', 'vcvtps2ph xmm/m64, xmm, imm8', noVvvv((t) => toHalf(t, 128))),
  insn('VEX.256.66.0F3A.W0 1D /r ib', 'vcvtps2ph xmm/m128, ymm, imm8', noVvvv((t) => toHalf(t, 256))),
];
