/** Advanced SIMD across lanes, and scalar ADDP (Arm ARM C4.1.96.4, C4.1.96.10). */
import type { OpName } from '../../../ir/opcodes.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { extend, family, LANES, lanes, permute, type V128 } from './simd-row.ts';

type Fields = 'q' | 'size' | 'rn' | 'rd';

const pattern = (u: number, opcode: string): string => `0 q:1 ${u} 01110 size:2 11000 ${opcode} 10 rn:5 rd:5`;

/** Fold the first `count` lanes into lane 0, halving. */
function fold(t: Translator, size: number, count: number, v: V128, f: (a: V128, b: V128) => V128): V128 {
  let r = v;
  const all = 16 >> size;
  for (let half = count >> 1; half >= 1; half >>= 1) {
    r = f(
      r,
      permute(
        t,
        size,
        r,
        r,
        Array.from({ length: all }, (_, i) => (i + half) % all),
      ),
    );
  }
  return r;
}

/** Lane 0 alone, the rest zero. */
function setLane0(t: Translator, rd: number, size: number, v: V128): void {
  if (size === 3) return t.setV(rd, t.low64(v));
  const lane = t.b.emit(`${LANES[size]}.extract_lane${size < 2 ? '_u' : ''}` as OpName, v, null, null, 0) as ReturnType<
    Translator['w']
  >;
  t.setSBits(rd, lane);
}

/** 4S, 8H, 16B, 4H, 8B. */
const unallocated = (q: number, size: number): boolean => size === 3 || (size === 2 && q === 0);

const reduction = (name: string, u: number, opcode: string, op: string): Row<Translator> =>
  family<Fields>(`${name} <V>d, <Vn>.<T>`, pattern(u, opcode), (t, { q, size, rn, rd }) => {
    if (unallocated(q, size)) return t.undefined();
    setLane0(
      t,
      rd,
      size,
      fold(t, size, (q ? 16 : 8) >> size, t.v(rn), (a, b) => lanes(t, size, op, a, b)),
    );
  });

/** SADDLV, UADDLV: the sum in lanes twice as wide. */
const longSum = (name: string, u: number): Row<Translator> =>
  family<Fields>(`${name} <V>d, <Vn>.<T>`, pattern(u, '00011'), (t, { q, size, rn, rd }) => {
    if (unallocated(q, size)) return t.undefined();
    const n = t.v(rn);
    const add = (a: V128, b: V128): V128 => lanes(t, size + 1, 'add', a, b);
    const low = extend(t, size, n, u, 0);
    setLane0(t, rd, size + 1, fold(t, size + 1, 8 >> size, q ? add(low, extend(t, size, n, u, 1)) : low, add));
  });

export const simdAcross: readonly Row<Translator>[] = [
  longSum('saddlv', 0),
  longSum('uaddlv', 1),
  reduction('smaxv', 0, '01010', 'max_s'),
  reduction('umaxv', 1, '01010', 'max_u'),
  reduction('sminv', 0, '11010', 'min_s'),
  reduction('uminv', 1, '11010', 'min_u'),
  reduction('addv', 0, '11011', 'add'),
  family<'rn' | 'rd'>('addp <V>d, <Vn>.2D', '01 0 11110 11 11000 11011 10 rn:5 rd:5', (t, { rn, rd }) =>
    t.setV(rd, t.low64(lanes(t, 3, 'add', t.v(rn), permute(t, 3, t.v(rn), t.v(rn), [1, 0])))),
  ),
];
