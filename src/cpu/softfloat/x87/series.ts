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

/** 1 ÷ ln 2. */
export const reciprocalLn2: (p: number) => bigint = remember((p) => (1n << BigInt(2 * p + GUARD)) / ln2(p + GUARD));

/** e^x − 1, |x| < 1. */
function expm1(x: bigint, p: number): bigint {
  const shift = BigInt(p);
  let term = x;
  let sum = 0n;
  for (let k = 2n; term !== 0n && term !== -1n; k += 1n) {
    sum += term;
    term = ((term * x) >> shift) / k;
  }
  return sum;
}

/** Numbers by what they are of and their precision. */
const table = (f: (k: bigint, p: number) => bigint): ((k: bigint, p: number) => bigint) => {
  const byPrecision = new Map<number, Map<bigint, bigint>>();
  return (k, p) => {
    let known = byPrecision.get(p);
    if (known === undefined) {
      if (byPrecision.size > 64) byPrecision.clear();
      byPrecision.set(p, (known = new Map()));
    }
    let value = known.get(k);
    if (value === undefined) known.set(k, (value = f(k, p)));
    return value;
  };
};

/** Coefficients by their precision. */
const coefficients = (f: (k: bigint) => bigint): ((p: number) => readonly bigint[]) => {
  const known = new Map<number, readonly bigint[]>();
  return (p) => {
    let all = known.get(p);
    if (all === undefined) {
      if (known.size > 64) known.clear();
      known.set(p, (all = Array.from({ length: 20 }, (_, k) => (1n << BigInt(p)) / f(BigInt(k)))));
    }
    return all;
  };
};
/** The first `n` terms of a power series. */
const polynomial = (x: bigint, of: readonly bigint[], n: number, shift: bigint): bigint => {
  let sum = of[n - 1] as bigint;
  for (let k = n - 2; k >= 0; k--) sum = ((sum * x) >> shift) + (of[k] as bigint);
  return sum;
};
/** Terms until they are below 2^-128 of the first. */
const termsFor = (bits: number): number => Math.ceil(128 / bits) + 1;

const factorial = (k: bigint): bigint => (k < 2n ? 1n : k * factorial(k - 1n));
/** 1/(k + 1)! and 1/(2k + 1). */
const ofExp = coefficients((k) => factorial(k + 1n));
const ofAtanh = coefficients((k) => 2n * k + 1n);

/** Steps of a unit that tables have. */
const FINE = 8n;
/** 2^(k/256) − 1. */
const powers = table((k, p) => {
  const q = p + GUARD;
  return expm1((k * ln2(q)) >> FINE, q) >> BigInt(GUARD);
});
/** 2^x − 1, |x| < 1: the nearest step's from the table, the series for the rest. */
export function exp2m1(x: bigint, p: number): bigint {
  const shift = BigInt(p);
  const down = shift - FINE;
  const k = (x + (1n << (down - 1n))) >> down;
  const t = ((x - (k << down)) * ln2(p)) >> shift;
  const rest = (t * polynomial(t, ofExp(p), termsFor(9), shift)) >> shift;
  if (k === 0n) return rest;
  const step = powers(k, p);
  return step + rest + ((step * rest) >> shift);
}

/** ln(k/256). */
const logarithms = table((k, p) => {
  const q = BigInt(p + GUARD);
  const unit = 1n << FINE;
  return (2n * atanh(((k - unit) << q) / (k + unit), p + GUARD, false)) >> BigInt(GUARD);
});
/** ln x, 3/4 ≤ x ≤ 3/2: the nearest step's from the table, the series for the quotient. */
export function ln(x: bigint, p: number): bigint {
  const shift = BigInt(p);
  const down = shift - FINE;
  const k = (x + (1n << (down - 1n))) >> down;
  const step = k << down;
  const z = ((x - step) << shift) / (x + step);
  const rest = (z * polynomial((z * z) >> shift, ofAtanh(p), termsFor(20), shift)) >> (shift - 1n);
  return k === 1n << FINE ? rest : logarithms(k, p) + rest;
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
