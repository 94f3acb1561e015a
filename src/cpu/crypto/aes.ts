/** AES round steps of the Arm Cryptographic Extension (Arm ARM C7.2 AESE, AESD, AESMC, AESIMC; FIPS 197). */

/** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    if (b & (1 << bit)) product ^= a << bit;
  }
  for (let bit = 14; bit >= 8; bit--) {
    if (product & (1 << bit)) product ^= 0x11b << (bit - 8);
  }
  return product;
}

/** The S-box: inverse in GF(2^8), then the affine map of FIPS 197 5.1.1. */
function makeSbox(): Uint8Array {
  const sbox = new Uint8Array(256);
  for (let x = 0; x < 256; x++) {
    let inverse = 0;
    for (let y = 1; y < 256 && inverse === 0; y++) if (multiply(x, y) === 1) inverse = y;
    let out = 0x63;
    for (let turn = 0; turn < 5; turn++) out ^= ((inverse << turn) | (inverse >>> (8 - turn))) & 0xff;
    sbox[x] = out;
  }
  return sbox;
}

interface Tables {
  readonly sbox: Uint8Array;
  readonly inverse: Uint8Array;
  /** Columns of MixColumns and its inverse: the word that a byte at row 0 adds. */
  readonly mix: Uint32Array;
  readonly unmix: Uint32Array;
}

let tables: Tables | null = null;

/** Built at first use: most guests never come here. */
function getTables(): Tables {
  if (tables) return tables;
  const sbox = makeSbox();
  const inverse = new Uint8Array(256);
  const mix = new Uint32Array(256);
  const unmix = new Uint32Array(256);
  const column = (x: number, rows: readonly number[]): number =>
    rows.reduce((word, factor, row) => word | (multiply(x, factor) << (row * 8)), 0);
  for (let x = 0; x < 256; x++) {
    inverse[sbox[x] as number] = x;
    mix[x] = column(x, [2, 1, 1, 3]);
    unmix[x] = column(x, [14, 9, 13, 11]);
  }
  tables = { sbox, inverse, mix, unmix };
  return tables;
}

const state = new Uint8Array(16);

function round(view: DataView, d: number, n: number, m: number, box: Uint8Array, rowStep: number): void {
  for (let i = 0; i < 16; i++) state[i] = view.getUint8(n + i) ^ view.getUint8(m + i);
  // Byte i is row i & 3 of column i >> 2; each row turns by its own number.
  for (let i = 0; i < 16; i++) view.setUint8(d + i, box[state[(i + rowStep * (i & 3)) & 15] as number] as number);
}

/** AESE: d = SubBytes(ShiftRows(n xor m)), 16 bytes each at byte offsets of `view`. */
export function aese(view: DataView, d: number, n: number, m: number): void {
  round(view, d, n, m, getTables().sbox, 4);
}

/** AESD: d = InvSubBytes(InvShiftRows(n xor m)). */
export function aesd(view: DataView, d: number, n: number, m: number): void {
  round(view, d, n, m, getTables().inverse, -4);
}

function columns(view: DataView, d: number, n: number, table: Uint32Array): void {
  for (let at = 0; at < 16; at += 4) {
    let word = 0;
    for (let row = 0; row < 4; row++) {
      const part = table[view.getUint8(n + at + row)] as number;
      word ^= row === 0 ? part : (part << (row * 8)) | (part >>> (32 - row * 8));
    }
    view.setUint32(d + at, word, true);
  }
}

/** AESMC: d = MixColumns(n). */
export function aesmc(view: DataView, d: number, n: number): void {
  columns(view, d, n, getTables().mix);
}

/** AESIMC: d = InvMixColumns(n). */
export function aesimc(view: DataView, d: number, n: number): void {
  columns(view, d, n, getTables().unmix);
}
