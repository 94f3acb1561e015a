/** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: 66 bits, of which the rounding takes 64 (SDM vol. 1, 8.3.8). */
export const CONSTANTS: readonly (readonly [se: number, hi: number, lo: number, more: 0 | 1 | 2 | 3])[] = [
  [0x3fff, 0x8000_0000, 0, 0],
  [0x4000, 0xd49a_784b, 0xcd1b_8afe, 1],
  [0x3fff, 0xb8aa_3b29, 0x5c17_f0bb, 3],
  [0x4000, 0xc90f_daa2, 0x2168_c234, 3],
  [0x3ffd, 0x9a20_9a84, 0xfbcf_f798, 3],
  [0x3ffe, 0xb172_17f7, 0xd1cf_79ab, 3],
  [0, 0, 0, 0],
];
