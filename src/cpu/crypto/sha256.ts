/** SHA-256 steps of the Arm Cryptographic Extension (Arm ARM C7.2 SHA256*; FIPS 180-4). Operands are byte offsets of 16 bytes in `view`. */

const rotr = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
const word = (view: DataView, at: number, i: number): number => view.getInt32(at + i * 4, true);
const words = (view: DataView, at: number): number[] => [0, 1, 2, 3].map((i) => word(view, at, i));

/** Four rounds on abcd and efgh with schedule-plus-constant words k; both halves of the new state. */
function fourRounds(abcd: number[], efgh: number[], k: number[]): void {
  for (const w of k) {
    const [a, b, c, d] = abcd as [number, number, number, number];
    const [e, f, g, h] = efgh as [number, number, number, number];
    const t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (((f ^ g) & e) ^ g) + w;
    const t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | ((a | b) & c));
    abcd.splice(0, 4, (t1 + t2) | 0, a, b, c);
    efgh.splice(0, 4, (d + t1) | 0, e, f, g);
  }
}

function store(view: DataView, d: number, values: readonly number[]): void {
  values.forEach((value, i) => {
    view.setInt32(d + i * 4, value, true);
  });
}

/** SHA256H: d (abcd) after four rounds, with n (efgh) and m. */
export function sha256h(view: DataView, d: number, n: number, m: number): void {
  const abcd = words(view, d);
  fourRounds(abcd, words(view, n), words(view, m));
  store(view, d, abcd);
}

/** SHA256H2: d (efgh) after four rounds, with n (abcd) and m. */
export function sha256h2(view: DataView, d: number, n: number, m: number): void {
  const efgh = words(view, d);
  fourRounds(words(view, n), efgh, words(view, m));
  store(view, d, efgh);
}

/** SHA256SU0: first half of the schedule update. */
export function sha256su0(view: DataView, d: number, n: number): void {
  const w = [...words(view, d), word(view, n, 0)];
  const out = [0, 1, 2, 3].map((i) => {
    const x = w[i + 1] as number;
    return ((w[i] as number) + (rotr(x, 7) ^ rotr(x, 18) ^ (x >>> 3))) | 0;
  });
  store(view, d, out);
}

/** SHA256SU1: second half, from n and m. */
export function sha256su1(view: DataView, d: number, n: number, m: number): void {
  const t = [...words(view, n).slice(1), word(view, m, 0)];
  const recent = words(view, m).slice(2);
  const out: number[] = [];
  for (let i = 0; i < 4; i++) {
    const x = i < 2 ? (recent[i] as number) : (out[i - 2] as number);
    out.push(((rotr(x, 17) ^ rotr(x, 19) ^ (x >>> 10)) + word(view, d, i) + (t[i] as number)) | 0);
  }
  store(view, d, out);
}
