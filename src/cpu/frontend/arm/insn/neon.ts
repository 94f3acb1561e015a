import type { Row } from '../../row.ts';
import type { Translator } from '../translator.ts';
import { differentLengths } from './neon-different.ts';
import { miscellaneous } from './neon-misc.ts';
import { a32Lines, lend, operands, t32Lines, value } from './neon-row.ts';
import { sameLines } from './neon-same.ts';
import { shifts } from './neon-shift.ts';
import { a32x, type F, t32 } from './row.ts';

const all = [...sameLines, ...differentLengths, ...shifts, ...miscellaneous];

/** VSDOT, VUDOT (FEAT_DotProd): four products of bytes into each word; by element, all with the same four. */
const dots = (['s', 'u'] as const).flatMap((letter, u): [string, string, (t: Translator, f: F) => void][] => [
  [
    `v${letter}dot.${letter}8 <Vd>, <Vn>, <Vm>`,
    `1100 0 d:1 10 vn:4 vd:4 1101 n:1 q:1 m:1 ${u} vm:4`,
    (t, f) => {
      const list = operands(t, f, ['d', 'n', 'm'], f.q as number);
      if (list) lend(t, `${letter}dot <Vd>.<T>, <Vn>.<Tb>, <Vm>.<Tb>`, list, { q: f.q as number });
    },
  ],
  [
    `v${letter}dot.${letter}8 <Vd>, <Vn>, <Dm>[<index>]`,
    `1110 0 d:1 10 vn:4 vd:4 1101 n:1 q:1 m:1 ${u} vm:4`,
    (t, f) => {
      const list = operands(t, f, ['d', 'n'], f.q as number);
      if (!list) return;
      const word = t.sBits(2 * (f.vm as number) + (f.m as number));
      const all = [...list, value(t.b.i32x4.splat(word))];
      lend(t, `${letter}dot <Vd>.<T>, <Vn>.<Tb>, <Vm>.<Tb>`, all, { q: f.q as number });
    },
  ],
]);

/** F4.1.11 Advanced SIMD data processing: none takes a condition in A32. */
export const a32xNeon: readonly Row<Translator>[] = [
  ...a32Lines(all),
  ...dots.map(([syntax, pattern, lift]) => a32x(syntax, pattern, lift)),
];
export const t32Neon: readonly Row<Translator>[] = [
  ...t32Lines(all),
  ...dots.map(([syntax, pattern, lift]) => t32(syntax, `1111 ${pattern}`, lift)),
];
