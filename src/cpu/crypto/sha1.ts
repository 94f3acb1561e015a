/** SHA-1 steps of the Arm Cryptographic Extension (Arm ARM C7.2 SHA1*; FIPS 180-4). Operands are byte offsets of 16 bytes in `view`. */

const rotl = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
const word = (view: DataView, at: number, i: number): number => view.getInt32(at + i * 4, true);

type Mixer = (b: number, c: number, d: number) => number;
const choose: Mixer = (b, c, d) => ((c ^ d) & b) ^ d;
const parity: Mixer = (b, c, d) => b ^ c ^ d;
const majority: Mixer = (b, c, d) => (b & c) | ((b | c) & d);

function fourRounds(view: DataView, d: number, n: number, m: number, mixer: Mixer): void {
  let [a, b, c, e3] = [word(view, d, 0), word(view, d, 1), word(view, d, 2), word(view, d, 3)];
  let e = word(view, n, 0);
  for (let i = 0; i < 4; i++) {
    const next = (e + rotl(a, 5) + mixer(b, c, e3) + word(view, m, i)) | 0;
    e = e3;
    e3 = c;
    c = rotl(b, 30);
    b = a;
    a = next;
  }
  view.setInt32(d, a, true);
  view.setInt32(d + 4, b, true);
  view.setInt32(d + 8, c, true);
  view.setInt32(d + 12, e3, true);
}

/** SHA1C: four rounds with the choose function on d (a, b, c, d), n (e), m (schedule plus constant). */
export const sha1c = (view: DataView, d: number, n: number, m: number): void => fourRounds(view, d, n, m, choose);

/** SHA1P: four rounds with parity. */
export const sha1p = (view: DataView, d: number, n: number, m: number): void => fourRounds(view, d, n, m, parity);

/** SHA1M: four rounds with majority. */
export const sha1m = (view: DataView, d: number, n: number, m: number): void => fourRounds(view, d, n, m, majority);

/** SHA1H: fixed rotate of the low word; the rest of d becomes zero. */
export function sha1h(view: DataView, d: number, n: number): void {
  const result = rotl(word(view, n, 0), 30);
  view.setInt32(d, result, true);
  for (let i = 1; i < 4; i++) view.setInt32(d + i * 4, 0, true);
}

/** SHA1SU0: first half of the schedule update. */
export function sha1su0(view: DataView, d: number, n: number, m: number): void {
  const w = [2, 3].map((i) => word(view, d, i)).concat([0, 1].map((i) => word(view, n, i)));
  for (let i = 0; i < 4; i++) {
    view.setInt32(d + i * 4, (w[i] as number) ^ word(view, d, i) ^ word(view, m, i), true);
  }
}

/** SHA1SU1: second half. */
export function sha1su1(view: DataView, d: number, n: number): void {
  const t = [0, 1, 2, 3].map((i) => word(view, d, i) ^ (i < 3 ? word(view, n, i + 1) : 0));
  const first = rotl(t[0] as number, 1);
  for (let i = 0; i < 4; i++) view.setInt32(d + i * 4, i === 0 ? first : rotl(t[i] as number, 1), true);
  view.setInt32(d + 12, rotl(t[3] as number, 1) ^ rotl(first, 1), true);
}
