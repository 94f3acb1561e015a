/** Seeded random numbers for the fuzzers, biased towards the values where instructions go wrong. */

/** xoshiro128** (Blackman and Vigna), seeded through splitmix32. */
export class Random {
  readonly #s = new Uint32Array(4);

  constructor(seed: number) {
    let z = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e3779b9) >>> 0;
      let t = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
      this.#s[i] = t ^ (t >>> 15);
    }
  }

  /** 32 random bits. */
  u32(): number {
    const s = this.#s;
    const [s0, s1, s2, s3] = [s[0] as number, s[1] as number, s[2] as number, s[3] as number];
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const x2 = s2 ^ s0;
    const x3 = s3 ^ s1;
    s[1] = s1 ^ x2;
    s[0] = s0 ^ x3;
    s[2] = x2 ^ (s1 << 9);
    s[3] = (x3 << 11) | (x3 >>> 21);
    return result;
  }

  /** 0 ≤ result < n. */
  below(n: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * n);
  }

  /** True once in n. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** A 64-bit integer: small, near a power of two, all ones in places, or anything. */
  integer(): bigint {
    switch (this.below(6)) {
      case 0:
        return BigInt.asUintN(64, BigInt(this.below(64) - 32));
      case 1:
        return BigInt.asUintN(64, (1n << BigInt(this.below(64))) + BigInt(this.below(5) - 2));
      case 2:
        return BigInt(this.u32());
      case 3:
        return BigInt.asUintN(64, this.u64() << BigInt(this.below(64)));
      case 4:
        return this.u64() >> BigInt(this.below(64));
      default:
        return this.u64();
    }
  }

  /** Bits of a floating-point number with the given field widths: specials, limits, halves, close to one, or anything. */
  float(bits: 16 | 32 | 64): bigint {
    const fraction = bits === 16 ? 10 : bits === 32 ? 23 : 52;
    const top = BigInt(2 ** (bits - 1 - fraction) - 1);
    const shift = BigInt(fraction);
    const fractionMask = (1n << shift) - 1n;
    const bias = top >> 1n;
    const sign = this.oneIn(2) ? 1n << BigInt(bits - 1) : 0n;
    const sparse = (): bigint => {
      const part = this.below(4);
      if (part === 0) return 0n;
      if (part === 1) return fractionMask - BigInt(this.below(3));
      if (part === 2) return (1n << BigInt(this.below(fraction))) & fractionMask;
      return this.u64() & fractionMask;
    };
    switch (this.below(8)) {
      case 0: // zero, the smallest numbers
        return sign | BigInt(this.below(4));
      case 1: // infinity, NaNs
        return sign | (top << shift) | (this.oneIn(2) ? 0n : sparse());
      case 2: // subnormal, smallest normal
        return sign | (BigInt(this.below(3)) << shift) | sparse();
      case 3: // largest
        return sign | ((top - 1n - BigInt(this.below(3))) << shift) | sparse();
      case 4: // integers of moderate size and their halves
        return sign | ((bias + BigInt(this.below(fraction + 14) - 3)) << shift) | sparse();
      case 5: // close to one
        return sign | ((bias + BigInt(this.below(7) - 3)) << shift) | sparse();
      default:
        return this.u64() & ((1n << BigInt(bits)) - 1n);
    }
  }
}
