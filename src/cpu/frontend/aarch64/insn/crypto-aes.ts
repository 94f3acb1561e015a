/** AES round steps (Arm ARM C7.2 AESE, AESD, AESMC, AESIMC). */
import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { family, type V128 } from './simd-row.ts';

type Fields = 'rn' | 'rd';

const whitened = (t: Translator, rn: number, rd: number): V128 => t.b.v128.xor(t.v(rd), t.v(rn));

/** AESMC: behind an AESE of the same block both are one round. */
const mix = (t: Translator, v: V128): V128 =>
  v.info.name === 'i8x16.aes_enc_last' ? t.b.i8x16.aes_enc(v.a as V128) : t.b.i8x16.aes_mix(v);
/** MixColumns' inverse is linear, so it is the same for AESIMC behind an AESD. */
const unmix = (t: Translator, v: V128): V128 =>
  v.info.name === 'i8x16.aes_dec_last' ? t.b.i8x16.aes_dec(v.a as V128) : t.b.i8x16.aes_unmix(v);

// biome-ignore format: one instruction per line
export const cryptoAes: readonly Row<Translator>[] = [
  family<Fields>('aese <Vd>.16B, <Vn>.16B', '01001110 00 10100 00100 10 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, t.b.i8x16.aes_enc_last(whitened(t, rn, rd)))),
  family<Fields>('aesd <Vd>.16B, <Vn>.16B', '01001110 00 10100 00101 10 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, t.b.i8x16.aes_dec_last(whitened(t, rn, rd)))),
  family<Fields>('aesmc <Vd>.16B, <Vn>.16B', '01001110 00 10100 00110 10 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, mix(t, t.v(rn)))),
  family<Fields>('aesimc <Vd>.16B, <Vn>.16B', '01001110 00 10100 00111 10 rn:5 rd:5', (t, { rn, rd }) => t.setV(rd, unmix(t, t.v(rn)))),
];
