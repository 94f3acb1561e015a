import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { gather, type Lanes, maskedLoad, maskedStore, packLanes } from '../helpers/avx.ts';
import { Sys } from '../registers.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { type Binary, type I64, noVvvv, setVex128, setYmm, type V128, vexBinary, ymmHighRm, zero } from './vector.ts'; // biome-ignore format: one line

type Lift = (t: Translator) => void;

/** Set 16 bytes, or 32. */
const put = (t: Translator, low: V128, high: V128): void =>
  t.d.vexL === 1 ? setYmm(t, t.d.reg, low, high) : setVex128(t, t.d.reg, low);

/** VBROADCASTSS …: the lowest lane of a register, or as much of memory, in every lane. */
const SPLATS = { 1: ['i8x16', 'i8x16.extract_lane_u'], 2: ['i16x8', 'i16x8.extract_lane_u'], 4: ['i32x4', 'i32x4.extract_lane'], 8: ['i64x2', 'i64x2.extract_lane'] } as const; // biome-ignore format: a table
const broadcast =
  (size: 1 | 2 | 4 | 8): Lift =>
  (t) => {
    const [lanes, extract] = SPLATS[size];
    const v = t.d.mod === 3 ? t.b.extract(extract as OpName, t.xmm(t.d.rm), 0) : t.loadInt(size);
    const all = t.b.emit(`${lanes}.splat` as OpName, v as Value) as V128;
    put(t, all, all);
  };
const broadcastHalf: Lift = (t) => {
  const v = t.xmmRm();
  setYmm(t, t.d.reg, v, v);
};

const halves = (t: Translator, n: number): [V128, V128] => [t.xmm(n), t.ymmHigh(n)];
const insertHalf: Lift = (t) => {
  const [low, high] = halves(t, t.d.vvvv);
  const v = t.xmmRm();
  if (t.d.imm & 1) setYmm(t, t.d.reg, low, v);
  else setYmm(t, t.d.reg, v, high);
};
const extractHalf: Lift = (t) => {
  const v = t.d.imm & 1 ? t.ymmHigh(t.d.reg) : t.xmm(t.d.reg);
  if (t.d.mod === 3) setVex128(t, t.d.rm, v);
  else t.store('v128.store', t.ea(), v);
};
/** VPERM2F128: each half one of the four of both operands, or zero. */
const permuteHalves: Lift = (t) => {
  const second: [V128, V128] = [t.xmmRm(), ymmHighRm(t)];
  const all = [...halves(t, t.d.vvvv), ...second];
  const pick = (n: number): V128 => (n & 8 ? zero(t) : (all[n & 3] as V128));
  setYmm(t, t.d.reg, pick(t.d.imm), pick(t.d.imm >> 4));
};

const splat64 = (t: Translator, n: bigint): V128 => t.b.constV64(n, n);
/** Byte indices of the lanes that the lowest two bits of each 32-bit lane name. */
const indices32 = (t: Translator, control: V128): V128 => {
  const { v128, i32x4 } = t.b;
  const lane = v128.and(control, splat64(t, 0x0000_0003_0000_0003n));
  return i32x4.add(i32x4.mul(lane, splat64(t, 0x0404_0404_0404_0404n)), splat64(t, 0x0302_0100_0302_0100n));
};
const permuteSingles: Binary = (t, a, control) => t.b.i8x16.swizzle(a, indices32(t, control));
const permuteDoubles: Binary = (t, a, control) => {
  const { v128, i64x2, i8x16 } = t.b;
  const bit = v128.and(i64x2.shr_u(control, t.imm(1)), splat64(t, 1n));
  const at = i64x2.add(i64x2.mul(bit, splat64(t, 0x0808_0808_0808_0808n)), splat64(t, 0x0706_0504_0302_0100n));
  return i8x16.swizzle(a, at);
};
/** By the immediate: four pairs of bits, or a bit for each of two (four) lanes. */
const immediateSingles = (t: Translator, v: V128): V128 =>
  t.b.shuffle(v, v, Array.from({ length: 16 }, (_, i) => ((t.d.imm >> (2 * (i >> 2))) & 3) * 4 + (i & 3))); // biome-ignore format: one line
const immediateDoubles =
  (shift: number) =>
  (t: Translator, v: V128): V128 =>
    t.b.shuffle(
      v,
      v,
      Array.from({ length: 16 }, (_, i) => ((t.d.imm >> (shift + (i >> 3))) & 1) * 8 + (i & 7)),
    );
const byImmediate = (code: string, name: string, op: (t: Translator, v: V128) => V128, high = op): X86Row[] => [
  insn(`VEX.128.66.0F3A.W0 ${code} /r ib`, `${name} xmm, xmm/m128, imm8`, noVvvv((t) => setVex128(t, t.d.reg, op(t, t.xmmRm())))),
  insn(`VEX.256.66.0F3A.W0 ${code} /r ib`, `${name} ymm, ymm/m256, imm8`, noVvvv((t) => {
    const low = op(t, t.xmmRm());
    setYmm(t, t.d.reg, low, high(t, ymmHighRm(t)));
  })),
]; // biome-ignore format: one form after the other

/** VPERMD, VPERMPS: eight lanes by the lowest three bits of the first operand's. */
const permuteAcross: Lift = (t) => {
  const { v128, i8x16, i32x4 } = t.b;
  const [low, high] = [t.xmmRm(), ymmHighRm(t)];
  const half = (control: V128): V128 => {
    const at = indices32(t, control);
    const fromHigh = i32x4.shr_s(i32x4.shl(control, t.imm(29)), t.imm(31));
    return v128.bitselect(i8x16.swizzle(high, at), i8x16.swizzle(low, at), fromHigh);
  };
  setYmm(t, t.d.reg, half(t.xmm(t.d.vvvv)), half(t.ymmHigh(t.d.vvvv)));
};
/** VPERMQ, VPERMPD: four quadwords by the immediate. */
const permuteQuads: Lift = (t) => {
  const [low, high] = [t.xmmRm(), ymmHighRm(t)];
  const quads = (imm: number): V128 =>
    t.b.shuffle(
      low,
      high,
      Array.from({ length: 16 }, (_, i) => ((imm >> (2 * (i >> 3))) & 3) * 8 + (i & 7)),
    );
  setYmm(t, t.d.reg, quads(t.d.imm), quads(t.d.imm >> 4));
};
const blendDoubles =
  (shift: number): Binary =>
  (t, a, b) =>
    t.b.shuffle(
      a,
      b,
      Array.from({ length: 16 }, (_, i) => ((t.d.imm >> (shift + (i >> 2))) & 1 ? i + 16 : i)),
    );

/** VPSLLVD …: each lane by its own count; wasm has no such shift. */
const eachShift =
  (way: 'shl' | 'shr_u' | 'shr_s', size: 4 | 8): Binary =>
  (t, a, b) => {
    const [lanes, type, bits] = size === 8 ? (['i64x2', 'i64', 64] as const) : (['i32x4', 'i32', 32] as const);
    const ns = t.ns(size);
    let r = a;
    for (let i = 0; i < 16 / size; i++) {
      const lane = (v: V128): I64 => t.b.extract(`${lanes}.extract_lane` as OpName, v, i) as unknown as I64;
      const [x, n] = [lane(a), lane(b)];
      const inside = ns.lt_u(n, t.k(bits, size));
      const beyond = way === 'shr_s' ? ns.shr_s(x, t.k(bits - 1, size)) : t.k(0, size);
      const shifted = t.b.emit(`${type}.select` as OpName, ns[way](x, n), beyond, inside);
      r = t.b.replace(`${lanes}.replace_lane` as OpName, r, i, shifted);
    }
    return r;
  };

/** Put the address where a helper finds it. */
const addressed = (t: Translator, helper: number, fields: Omit<Lanes, 'wide' | 'is64' | 'segment'>): void => {
  t.b.set(Sys.OPERAND, t.convert(t.ea(), t.word, 8, false));
  t.helper(
    helper,
    packLanes({ ...fields, wide: t.d.vexL === 1, is64: t.d.addressSize === 8, segment: t.segmented ? t.segment : -1 }),
  );
};
/** Have segments asked for each lane that a masked move touches. */
const allowLanes = (t: Translator, size: 4 | 8, write: boolean): void => {
  if (!t.isGuarded) return;
  const [at, lanes] = [t.ea(), 16 / size];
  for (let i = 0; i < (t.d.vexL === 1 ? 2 * lanes : lanes); i++) {
    const half = i < lanes ? t.xmm(t.d.vvvv) : t.ymmHigh(t.d.vvvv);
    const signs = t.b.emit(size === 4 ? 'i32x4.bitmask' : 'i64x2.bitmask', half) as Value<'i32'>;
    t.b.beginWhen(t.b.i32.and(signs, t.imm(1 << (i % lanes))));
    t.allow(at, size, write, i * size);
    t.b.endWhen();
  }
};
/** VMASKMOVPS, VPMASKMOVD …: lanes whose mask is negative; others are not touched. */
const masked = (code: string, storeCode: string, w: string, name: string, size: 4 | 8): X86Row[] =>
  (['128', '256'] as const).flatMap((length) => {
    const r = length === '128' ? 'xmm' : 'ymm';
    return [
      insn(`VEX.${length}.66.0F38.${w} ${code} /r mem`, `${name} ${r}, ${r}, m`, (t) => {
        allowLanes(t, size, false);
        addressed(t, maskedLoad, { d: t.d.reg, m: t.d.vvvv, size });
      }),
      insn(`VEX.${length}.66.0F38.${w} ${storeCode} /r mem`, `${name} m, ${r}, ${r}`, (t) => {
        allowLanes(t, size, true);
        addressed(t, maskedStore, { d: t.d.reg, m: t.d.vvvv, size });
      }),
    ];
  });

/** VPGATHERDD …: an address for each lane from a vector of indices; lanes done are cleared in the mask. */
const gathers = (code: string, w: 'W0' | 'W1', name: string, size: 4 | 8, indexSize: 4 | 8): X86Row[] =>
  (['128', '256'] as const).map((length) =>
    insn(`VEX.${length}.66.0F38.${w} ${code} /r mem`, `${name} ${length === '128' ? 'xmm' : 'ymm'}, vm, mask`, (t) => {
      const { d } = t;
      // only the form with a SIB byte has indices
      if ((d.rm & 7) !== 4) return t.undefined();
      // what would be no index is register 4 (12 is one anyway)
      const index = d.index < 0 ? 4 : d.index;
      if (index === d.reg || index === d.vvvv || d.reg === d.vvvv) return t.undefined();
      d.index = -1;
      addressed(t, gather, { d: d.reg, m: d.vvvv, size, index, indexSize, scale: d.scale });
    }),
  );

const both = (encoding: string, name: string, operand: string, lift: Lift): X86Row[] =>
  (['128', '256'] as const).map((length) =>
    insn(
      `VEX.${length}.66.0F38.W0 ${encoding}`,
      `${name} ${length === '128' ? 'xmm' : 'ymm'}, ${operand}`,
      noVvvv(lift),
    ),
  );
const wide = (map: '0F38' | '0F3A', w: string, code: string, syntax: string, lift: Lift): X86Row =>
  insn(`VEX.256.66.${map}.${w} ${code}`, syntax, lift);

/** SDM vol. 1, 14.1 to 14.11: AVX and AVX2 beside what they have from SSE */
// biome-ignore format: one instruction per line
export const avxRows: readonly X86Row[] = [
  ...both('18 /r', 'vbroadcastss', 'xmm/m32', broadcast(4)),
  wide('0F38', 'W0', '19 /r', 'vbroadcastsd ymm, xmm/m64', noVvvv(broadcast(8))),
  wide('0F38', 'W0', '1A /r mem', 'vbroadcastf128 ymm, m128', noVvvv(broadcastHalf)),
  wide('0F38', 'W0', '5A /r mem', 'vbroadcasti128 ymm, m128', noVvvv(broadcastHalf)),
  ...both('78 /r', 'vpbroadcastb', 'xmm/m8', broadcast(1)),
  ...both('79 /r', 'vpbroadcastw', 'xmm/m16', broadcast(2)),
  ...both('58 /r', 'vpbroadcastd', 'xmm/m32', broadcast(4)),
  ...both('59 /r', 'vpbroadcastq', 'xmm/m64', broadcast(8)),
  wide('0F3A', 'W0', '18 /r ib', 'vinsertf128 ymm, ymm, xmm/m128, imm8', insertHalf),
  wide('0F3A', 'W0', '38 /r ib', 'vinserti128 ymm, ymm, xmm/m128, imm8', insertHalf),
  wide('0F3A', 'W0', '19 /r ib', 'vextractf128 xmm/m128, ymm, imm8', noVvvv(extractHalf)),
  wide('0F3A', 'W0', '39 /r ib', 'vextracti128 xmm/m128, ymm, imm8', noVvvv(extractHalf)),
  wide('0F3A', 'W0', '06 /r ib', 'vperm2f128 ymm, ymm, ymm/m256, imm8', permuteHalves),
  wide('0F3A', 'W0', '46 /r ib', 'vperm2i128 ymm, ymm, ymm/m256, imm8', permuteHalves),
  ...vexBinary('66 0F 38 0C /r', 'permilps', permuteSingles, 'W0'),
  ...vexBinary('66 0F 38 0D /r', 'permilpd', permuteDoubles, 'W0'),
  ...byImmediate('04', 'vpermilps', immediateSingles),
  ...byImmediate('05', 'vpermilpd', immediateDoubles(0), immediateDoubles(2)),
  wide('0F38', 'W0', '36 /r', 'vpermd ymm, ymm, ymm/m256', permuteAcross),
  wide('0F38', 'W0', '16 /r', 'vpermps ymm, ymm, ymm/m256', permuteAcross),
  wide('0F3A', 'W1', '00 /r ib', 'vpermq ymm, ymm/m256, imm8', noVvvv(permuteQuads)),
  wide('0F3A', 'W1', '01 /r ib', 'vpermpd ymm, ymm/m256, imm8', noVvvv(permuteQuads)),
  ...vexBinary('66 0F 3A 02 /r ib', 'pblendd', blendDoubles(0), 'W0', blendDoubles(4)),
  ...vexBinary('66 0F 38 47 /r', 'psllvd', eachShift('shl', 4), 'W0'),
  ...vexBinary('66 0F 38 47 /r', 'psllvq', eachShift('shl', 8), 'W1'),
  ...vexBinary('66 0F 38 45 /r', 'psrlvd', eachShift('shr_u', 4), 'W0'),
  ...vexBinary('66 0F 38 45 /r', 'psrlvq', eachShift('shr_u', 8), 'W1'),
  ...vexBinary('66 0F 38 46 /r', 'psravd', eachShift('shr_s', 4), 'W0'),
  ...masked('2C', '2E', 'W0', 'vmaskmovps', 4),
  ...masked('2D', '2F', 'W0', 'vmaskmovpd', 8),
  ...masked('8C', '8E', 'W0', 'vpmaskmovd', 4),
  ...masked('8C', '8E', 'W1', 'vpmaskmovq', 8),
  ...gathers('90', 'W0', 'vpgatherdd', 4, 4), ...gathers('90', 'W1', 'vpgatherdq', 8, 4),
  ...gathers('91', 'W0', 'vpgatherqd', 4, 8), ...gathers('91', 'W1', 'vpgatherqq', 8, 8),
  ...gathers('92', 'W0', 'vgatherdps', 4, 4), ...gathers('92', 'W1', 'vgatherdpd', 8, 4),
  ...gathers('93', 'W0', 'vgatherqps', 4, 8), ...gathers('93', 'W1', 'vgatherqpd', 8, 8),
];
