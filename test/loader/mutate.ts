/** A small seeded generator (mulberry32). */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const EDGES = [
  0n,
  1n,
  2n,
  0x7fn,
  0xffn,
  0xfffn,
  0x1000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  1n << 40n,
  1n << 60n,
  (1n << 64n) - 1n,
];

/** Damage the headers of an ELF file as a fuzzer would: bits, bytes, edge values, cuts. */
export function mutate(original: Uint8Array, seed: number): Uint8Array {
  const next = random(seed);
  const below = (n: number): number => Math.floor(next() * n);
  let bytes = Uint8Array.from(original);
  const headers = Math.min(64 + 56 * 10, bytes.length - 8);
  for (let i = below(4) + 1; i > 0; i--) {
    const at = below(4) === 0 ? below(bytes.length - 8) : below(headers);
    const view = new DataView(bytes.buffer);
    const kind = below(6);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (kind === 1) bytes[at] = below(256);
    else if (kind === 2) view.setBigUint64(at & ~7, EDGES[below(EDGES.length)] ?? 0n, true);
    else if (kind === 3) view.setUint32(at & ~3, Number((EDGES[below(EDGES.length)] ?? 0n) & 0xffff_ffffn), true);
    else if (kind === 4) view.setUint16(at & ~1, below(65536), true);
    else if (below(4) === 0 && bytes.length > 128) bytes = bytes.slice(0, 16 + below(bytes.length - 16));
    if (bytes.length < headers + 8) return bytes;
  }
  return bytes;
}
