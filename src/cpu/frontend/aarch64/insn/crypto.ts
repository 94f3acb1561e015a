/** Cryptographic instructions: AES, SHA-1, SHA-256, PMULL of doublewords (Arm ARM C4.1.96.21–24). */

import * as aes from '../../../crypto/aes.ts';
import { pmull64 } from '../../../crypto/polynomial.ts';
import { State } from '../../../memory/layout.ts';
import type { Row } from '../../row.ts';
import { defineHelper } from '../helpers.ts';
import type { Translator } from '../translator.ts';
import { cryptoHash } from './crypto-hash.ts';
import { family } from './simd-row.ts';

type Step = (view: DataView, d: number, n: number, m: number) => void;
type Fields = 'q' | 'rm' | 'rn' | 'rd';

/** A helper over whole registers; aux = rd | rn << 5 | rm << 10. */
const define = (step: Step): number =>
  defineHelper((c, state, aux) => {
    const at = (n: number): number => state + State.VREGS + 16 * (n & 31);
    step(c.view, at(aux), at(aux >>> 5), at(aux >>> 10));
    return 0;
  });

const row = (syntax: string, pattern: string, step: Step): Row<Translator> => {
  const helper = define(step);
  return family<Fields>(syntax, pattern, (t, { rm = 0, rn, rd }) => t.helper(helper, rd | (rn << 5) | (rm << 10)));
};

const low = define((view, d, n, m) => pmull64(view, d, n, m));
const high = define((view, d, n, m) => pmull64(view, d, n + 8, m + 8));

// biome-ignore format: one instruction per line
export const crypto: readonly Row<Translator>[] = [
  ...cryptoHash,
  // AESE and AESD read the destination and one source
  row('aese <Vd>.16B, <Vn>.16B', '01001110 00 10100 00100 10 rn:5 rd:5', (v, d, n) => aes.aese(v, d, d, n)),
  row('aesd <Vd>.16B, <Vn>.16B', '01001110 00 10100 00101 10 rn:5 rd:5', (v, d, n) => aes.aesd(v, d, d, n)),
  row('aesmc <Vd>.16B, <Vn>.16B', '01001110 00 10100 00110 10 rn:5 rd:5', aes.aesmc),
  row('aesimc <Vd>.16B, <Vn>.16B', '01001110 00 10100 00111 10 rn:5 rd:5', aes.aesimc),
  family<Fields>('pmull<2> <Vd>.1Q, <Vn>.<Tb>, <Vm>.<Tb>', '0 q:1 0 01110 11 1 rm:5 111000 rn:5 rd:5', (t, { q, rm, rn, rd }) => t.helper(q ? high : low, rd | (rn << 5) | (rm << 10))),
];
