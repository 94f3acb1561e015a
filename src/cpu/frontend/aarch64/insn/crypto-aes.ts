/** AES round steps (Arm ARM C7.2 AESE, AESD, AESMC, AESIMC). */
import { mixColumns, shiftRows, substitute, unmixColumns } from '../../aes.ts';
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { family } from './simd-row.ts';

type Fields = 'rn' | 'rd';

const round = (t: Translator, rn: number, rd: number, inverted: boolean): void =>
  t.setV(rd, substitute(t.b, shiftRows(t.b, t.b.v128.xor(t.v(rd), t.v(rn)), inverted), inverted));

// biome-ignore format: one instruction per line
export const cryptoAes: readonly Row<Translator>[] = [
  family<Fields>('aese <Vd>.16B, <Vn>.16B', '01001110 00 10100 00100 10 rn:5 rd:5', (t, { rn, rd }) => round(t, rn, rd, false)),
  family<Fields>('aesd <Vd>.16B, <Vn>.16B', '01001110 00 10100 00101 10 rn:5 rd:5', (t, { rn, rd }) => round(t, rn, rd, true)),
  family<Fields>('aesmc <Vd>.16B, <Vn>.16B', '01001110 00 10100 00110 10 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, mixColumns(t.b, t.v(rn)))),
  family<Fields>('aesimc <Vd>.16B, <Vn>.16B', '01001110 00 10100 00111 10 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, unmixColumns(t.b, t.v(rn)))),
];
