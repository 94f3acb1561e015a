/** Elementary functions in fixed point: a bigint `n` with `p` fraction bits stands for n × 2^-p. All truncate. */

/** Constants by their precision. */
const remember = (f: (p: number) => bigint): ((p: number) => bigint) => {
  const known = new Map<number, bigint>();
  return (p) => {
    let value = known.get(p);
    if (value === undefined) {
      if (known.size > 64) known.clear();
      value = f(p);
      known.set(p, value);
    }
    return value;
  };
};

const GUARD = 16;

/** atan(1/n) and atanh(1/n). */
const inverse = (n: bigint, p: number, alternate: boolean): bigint => {
  let power = (1n << BigInt(p)) / n;
  let sum = 0n;
  for (let k = 1n, sign = 1n; power !== 0n; k += 2n) {
    sum += (sign * power) / k;
    power /= n * n;
    if (alternate) sign = -sign;
  }
  return sum;
};

/** π, by Machin's formula. */
export const pi: (p: number) => bigint = remember((p) => {
  const q = p + GUARD;
  return (16n * inverse(5n, q, true) - 4n * inverse(239n, q, true)) >> BigInt(GUARD);
});

/** ln 2 = 2 atanh(1/3). */
export const ln2: (p: number) => bigint = remember((p) => (2n * inverse(3n, p + GUARD, false)) >> BigInt(GUARD));

/** e^x − 1, |x| < 1. */
export function expm1(x: bigint, p: number): bigint {
  const shift = BigInt(p);
  let term = x;
  let sum = 0n;
  for (let k = 2n; term !== 0n && term !== -1n; k += 1n) {
    sum += term;
    term = ((term * x) >> shift) / k;
  }
  return sum;
}

/** atanh x, |x| < 1/5; atan x with `alternate`. */
export function atanh(x: bigint, p: number, alternate: boolean): bigint {
  const shift = BigInt(p);
  const square = (x * x) >> shift;
  let power = x;
  let sum = 0n;
  for (let k = 1n, sign = 1n; power !== 0n && power !== -1n; k += 2n) {
    sum += (sign * power) / k;
    power = (power * square) >> shift;
    if (alternate) sign = -sign;
  }
  return sum;
}

/** sin x and cos x, |x| < 1. */
export function sinCos(x: bigint, p: number): { sin: bigint; cos: bigint } {
  const shift = BigInt(p);
  const square = (x * x) >> shift;
  const series = (first: bigint, from: bigint): bigint => {
    let term = first;
    let sum = 0n;
    for (let k = from; term !== 0n && term !== -1n; k += 2n) {
      sum += term;
      term = -((term * square) >> shift) / (k * (k + 1n));
    }
    return sum;
  };
  return { sin: series(x, 2n), cos: series(1n << shift, 1n) };
}

const STEPS = 16n;
const stepAngles = new Map<string, bigint>();

/** atan x for 0 ≤ x ≤ 1: the nearest sixteenth's from a table, the series for the rest. */
export function atan(x: bigint, p: number): bigint {
  const one = 1n << BigInt(p);
  const k = (x * STEPS + (one >> 1n)) >> BigInt(p);
  if (k === 0n) return atanh(x, p, true);
  const c = (k << BigInt(p)) / STEPS;
  const key = `${k},${p}`;
  let angle = stepAngles.get(key);
  if (angle === undefined) {
    // atan(k/16) from atan((k − 1)/16), a step nearer to what is known
    const back = ((k - 1n) << BigInt(p)) / STEPS;
    angle =
      (k === 1n ? 0n : atan(back, p)) + atanh(((c - back) << BigInt(p)) / (one + ((c * back) >> BigInt(p))), p, true);
    if (stepAngles.size > 256) stepAngles.clear();
    stepAngles.set(key, angle);
  }
  return angle + atanh(((x - c) << BigInt(p)) / (one + ((x * c) >> BigInt(p))), p, true);
}
