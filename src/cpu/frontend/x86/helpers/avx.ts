/** Masked moves and gathers of AVX and AVX2 (SDM vol. 2, VMASKMOV, VPMASKMOV, VPGATHERDD …). */
import { defineHelper } from '../helpers.ts';
import { Sys } from '../registers.ts';
import { baseOf, isAllowed } from '../segments.ts';
import { vectorAt } from './exact.ts';
import { refuseAccess } from './system.ts';

export interface Lanes {
  readonly d: number;
  /** The mask's register. */
  readonly m: number;
  readonly size: 4 | 8;
  readonly wide: boolean;
  /** Addresses have 64 bits. */
  readonly is64: boolean;
  readonly index?: number;
  readonly indexSize?: 4 | 8;
  /** log2 of what indices are multiplied by. */
  readonly scale?: number;
  /** The operand's segment where some are not flat, or -1. */
  readonly segment: number;
}
/** The second argument of these helpers; the address is in Sys.OPERAND. */
export const packLanes = (p: Lanes): number =>
  p.d | (p.m << 4) | ((p.size === 8 ? 1 : 0) << 8) | ((p.wide ? 1 : 0) << 9) | ((p.index ?? 0) << 10) | ((p.indexSize === 8 ? 1 : 0) << 14) | ((p.scale ?? 0) << 15) | ((p.is64 ? 1 : 0) << 17) | ((p.segment + 1) << 18); // biome-ignore format: one field after the other

const unpack = (aux: number): Required<Lanes> => ({
  d: aux & 15,
  m: (aux >>> 4) & 15,
  size: (aux >>> 8) & 1 ? 8 : 4,
  wide: ((aux >>> 9) & 1) === 1,
  index: (aux >>> 10) & 15,
  indexSize: (aux >>> 14) & 1 ? 8 : 4,
  scale: (aux >>> 15) & 3,
  is64: ((aux >>> 17) & 1) === 1,
  segment: ((aux >>> 18) & 7) - 1,
});

/** Wasm offset of byte `at` of a register of 32 bytes. */
const byteOf = (state: number, n: number, at: number): number => vectorAt(state, n, at >= 16) + (at & 15);

const isChosen = (view: DataView, state: number, p: Lanes, i: number): boolean =>
  view.getInt8(byteOf(state, p.m, i * p.size) + p.size - 1) < 0;

export const maskedLoad: number = defineHelper((c, state, aux) => {
  const { view, u8 } = c;
  const p = unpack(aux);
  const total = p.wide ? 32 : 16;
  const bytes = new Uint8Array(32);
  const start = view.getBigUint64(state + Sys.OPERAND, true);
  for (let i = 0; i < total / p.size; i++) {
    if (!isChosen(view, state, p, i)) continue;
    const at = c.access(state, start + BigInt(i * p.size), p.size, false);
    if (at < 0) return 1;
    bytes.set(u8.subarray(at, at + p.size), i * p.size);
  }
  u8.set(bytes.subarray(0, 16), vectorAt(state, p.d, false));
  u8.set(bytes.subarray(16), vectorAt(state, p.d, true));
  return 0;
});

export const maskedStore: number = defineHelper((c, state, aux) => {
  const { view, u8 } = c;
  const p = unpack(aux);
  const start = view.getBigUint64(state + Sys.OPERAND, true);
  for (let i = 0; i < (p.wide ? 32 : 16) / p.size; i++) {
    if (!isChosen(view, state, p, i)) continue;
    const at = c.access(state, start + BigInt(i * p.size), p.size, true);
    if (at < 0) return 1;
    const from = byteOf(state, p.d, i * p.size);
    u8.copyWithin(at, from, from + p.size);
  }
  return 0;
});

/** Lanes before one that faults are done, and cleared in the mask: the instruction goes on from there. */
export const gather: number = defineHelper((c, state, aux) => {
  const { view, u8 } = c;
  const p = unpack(aux);
  const total = p.wide ? 32 : 16;
  const count = Math.min(total / p.size, total / p.indexSize);
  const start = view.getBigUint64(state + Sys.OPERAND, true);
  for (let i = 0; i < count; i++) {
    const mask = byteOf(state, p.m, i * p.size);
    if (isChosen(view, state, p, i)) {
      const from = byteOf(state, p.index, i * p.indexSize);
      const index = p.indexSize === 8 ? view.getBigInt64(from, true) : BigInt(view.getInt32(from, true));
      const address = BigInt.asUintN(p.is64 ? 64 : 32, start + (index << BigInt(p.scale)));
      if (p.segment >= 0) {
        const offset = (Number(address) - baseOf(view, state, p.segment)) >>> 0;
        if (!isAllowed(view, state, p.segment, offset, p.size, false)) return refuseAccess(view, state, p.segment);
      }
      const at = c.access(state, address, p.size, false);
      if (at < 0) return 1;
      u8.copyWithin(byteOf(state, p.d, i * p.size), at, at + p.size);
    }
    u8.fill(0, mask, mask + p.size);
  }
  // what lies above the lanes is cleared in both
  for (const n of [p.d, p.m]) {
    for (let at = count * p.size; at < 32; at += 4) view.setUint32(byteOf(state, n, at), 0, true);
  }
  return 0;
});
