import { GUEST_BASE, PAGE_SIZE, State } from '../../../memory/layout.ts';
import type { Helper, HelperContext } from '../../helper.ts';
import { AF, CF, OF, parity, SF, writeArithmetic, ZF } from '../flags.ts';
import { defineHelper, readR } from '../helper-table.ts';
import { REPEAT_OPERAND } from '../natives/moves.ts';
import { RAX, RCX, RDI, RSI, Seg, Sys } from '../registers.ts';
import { baseOf, isAllowed } from '../segments.ts';
import { refuseAccess } from './system.ts';

/**
 * Repeated string instructions (SDM vol. 2, REP): as much at a time as lies in one page on either side. Registers are
 * written after each such run, so that a fault finds them as the processor leaves them: the instruction goes on from
 * there. `aux`: log2 of the element's bytes in bits 1:0, of the address size in bits 3:2 (1–3), bit 4: REPNE; the source
 * segment's base is in Sys.OPERAND, or bit 5 (FLAT): there is none, and the registers are left for the row too. Bit 6
 * (SEGMENTED): segments are not flat, the source's is in bits 10:8; each element is looked at by itself.
 */
export const FLAT = 32;
export const SEGMENTED = 64;
export const SOURCE_SHIFT = 8;
interface Operation {
  readonly size: 1 | 2 | 4 | 8;
  /** Address size in bits. */
  readonly bits: number;
  readonly repne: boolean;
  /** 1 or -1. */
  readonly step: number;
  /** The source has no segment's base. */
  readonly flat: boolean;
  /** The source's segment where some are not flat, or -1. */
  readonly segment: number;
}

const operation = (c: HelperContext, state: number, aux: number): Operation => ({
  size: (1 << (aux & 3)) as 1 | 2 | 4 | 8,
  bits: 8 << ((aux >> 2) & 3),
  repne: (aux & 16) !== 0,
  step: c.view.getUint32(state + Sys.DF, true) !== 0 ? -1 : 1,
  flat: (aux & FLAT) !== 0,
  segment: aux & SEGMENTED ? (aux >>> SOURCE_SHIFT) & 7 : -1,
});

const register = (c: HelperContext, state: number, n: number, { bits }: Operation): bigint =>
  BigInt.asUintN(bits, c.view.getBigUint64(state + State.REGS + 8 * n, true));

/** As instructions do: 32 bits clear the upper half, 16 leave it. */
const setRegister = (c: HelperContext, state: number, n: number, value: bigint, { bits }: Operation): void => {
  const at = state + State.REGS + 8 * n;
  const v = BigInt.asUintN(bits, value);
  if (bits === 16) c.view.setUint16(at, Number(v), true);
  else c.view.setBigUint64(at, v, true);
};

/** Elements from the address on, in the direction, that lie in the address's page; at least one. */
const inPage = (address: bigint, { size, step, segment }: Operation): number => {
  if (segment >= 0) return 1;
  const offset = Number(address & BigInt(PAGE_SIZE - 1));
  return Math.max(1, step > 0 ? Math.floor((PAGE_SIZE - offset) / size) : Math.floor(offset / size) + 1);
};
const least = (count: bigint, ...runs: number[]): number => Math.min(...runs, count > 4096n ? 4096 : Number(count));

/** Wasm offset of the lowest byte of `n` elements from the address on, checked; -1 after a fault. */
const span = (c: HelperContext, state: number, address: bigint, n: number, op: Operation, write: boolean): number => {
  const low = op.step > 0 ? address : address - BigInt((n - 1) * op.size);
  return c.access(state, BigInt.asUintN(64, low), n * op.size, write);
};

const source = (c: HelperContext, state: number, offset: bigint, { flat }: Operation): bigint =>
  flat ? offset : BigInt.asUintN(64, offset + c.view.getBigUint64(state + Sys.OPERAND, true));

/** Where an offset in ES lies. */
const destination = (c: HelperContext, state: number, offset: bigint, { segment }: Operation): bigint =>
  segment < 0 ? offset : BigInt.asUintN(32, offset + BigInt(baseOf(c.view, state, Seg.ES)));
/** Whether a segment lets an element be accessed; if not, the exit is set. */
const isIn = (
  c: HelperContext,
  state: number,
  segment: number,
  offset: bigint,
  op: Operation,
  write: boolean,
): boolean =>
  op.segment < 0 ||
  isAllowed(c.view, state, segment, Number(offset), op.size, write) ||
  refuseAccess(c.view, state, segment) === 0;

const advance = (op: Operation, n: number): bigint => BigInt(n * op.size * op.step);

/** A helper that a native stands before: see REPEAT_OPERAND. */
const defineRepeat = (helper: Helper): number =>
  defineHelper((c, state, aux) => {
    const left = helper(c, state, aux);
    if (left === 0 && aux & FLAT) {
      const put = (at: number, n: number): void => c.view.setBigUint64(state + at, readR(c, state, n), true);
      put(REPEAT_OPERAND.COUNT, RCX);
      put(REPEAT_OPERAND.FROM, RSI);
      put(REPEAT_OPERAND.TO, RDI);
    }
    return left;
  });

export const repeatMove: number = defineRepeat((c, state, aux) => {
  const op = operation(c, state, aux);
  const { size, step } = op;
  for (;;) {
    const count = register(c, state, RCX, op);
    if (count === 0n) return 0;
    const [from, to] = [register(c, state, RSI, op), register(c, state, RDI, op)];
    const linear = source(c, state, from, op);
    const target = destination(c, state, to, op);
    if (!isIn(c, state, op.segment, from, op, false) || !isIn(c, state, Seg.ES, to, op, true)) return 1;
    let n = least(count, inPage(linear, op), inPage(target, op));
    let src = span(c, state, linear, n, op, false);
    let dst = src < 0 ? -1 : span(c, state, target, n, op, true);
    if (dst < 0) {
      if (n === 1) return 1;
      // what lies before the fault is done
      n = 1;
      src = span(c, state, linear, n, op, false);
      dst = src < 0 ? -1 : span(c, state, target, n, op, true);
      if (dst < 0) return 1;
    }
    const length = n * size;
    const distance = step > 0 ? dst - src : src - dst;
    if (distance <= 0 || distance >= length) c.u8.copyWithin(dst, src, src + length);
    else moveEach(c, src, dst, n, op);
    setRegister(c, state, RSI, from + advance(op, n), op);
    setRegister(c, state, RDI, to + advance(op, n), op);
    setRegister(c, state, RCX, count - BigInt(n), op);
  }
});

/** Where the ranges overlap, elements that were written are read again. */
const moveEach = ({ u8 }: HelperContext, src: number, dst: number, n: number, { size, step }: Operation): void => {
  for (let i = 0; i < n; i++) {
    const at = (step > 0 ? i : n - 1 - i) * size;
    u8.copyWithin(dst + at, src + at, src + at + size);
  }
};

export const repeatStore: number = defineRepeat((c, state, aux) => {
  const op = operation(c, state, aux);
  const { size } = op;
  for (;;) {
    const count = register(c, state, RCX, op);
    if (count === 0n) return 0;
    const to = register(c, state, RDI, op);
    const target = destination(c, state, to, op);
    if (!isIn(c, state, Seg.ES, to, op, true)) return 1;
    let n = least(count, inPage(target, op));
    let dst = span(c, state, target, n, op, true);
    if (dst < 0) {
      // the fault is that of the first element, which may have the higher address
      if (n === 1) return 1;
      n = 1;
      dst = span(c, state, target, n, op, true);
      if (dst < 0) return 1;
    }
    fill(c, dst, dst + n * size, state + State.REGS + 8 * RAX, size);
    setRegister(c, state, RDI, to + advance(op, n), op);
    setRegister(c, state, RCX, count - BigInt(n), op);
  }
});

/** Elements from [at, end) on become those at `from`; typed arrays fill shared memory byte by byte. */
const fill = ({ view, u8 }: HelperContext, at: number, end: number, from: number, size: number): void => {
  const low = view.getUint32(from, true);
  if (size === 1) {
    for (let i = at; i < end; i++) u8[i] = low;
  } else if (size === 2) {
    for (let i = at; i < end; i += 2) view.setUint16(i, low, true);
  } else {
    const high = size === 8 ? view.getUint32(from + 4, true) : low;
    const last = end - 4;
    for (let i = at; i < last; i += 8) {
      view.setUint32(i, low, true);
      view.setUint32(i + 4, high, true);
    }
    if (size === 4 && (end - at) % 8 !== 0) view.setUint32(last, low, true);
  }
};

const element = ({ view }: HelperContext, at: number, size: number): bigint => {
  if (size === 8) return view.getBigUint64(at, true);
  return BigInt(size === 4 ? view.getUint32(at, true) : size === 2 ? view.getUint16(at, true) : view.getUint8(at));
};

/** EFLAGS of a comparison of two elements. */
export const subtractionFlags = (x: bigint, y: bigint, size: number): number => {
  const bits = 8 * size;
  const r = BigInt.asUintN(bits, x - y);
  const negative = (v: bigint): boolean => BigInt.asIntN(bits, v) < 0n;
  return (
    (x < y ? CF : 0) |
    parity(Number(r & 0xffn)) |
    Number((x ^ y ^ r) & BigInt(AF)) |
    (r === 0n ? ZF : 0) |
    (negative(r) ? SF : 0) |
    (negative((x ^ y) & (x ^ r)) ? OF : 0)
  );
};

/** CMPS and SCAS: up to the first pair that differs (REPE) or agrees (REPNE). `two`: both operands are in memory. */
const compareRuns = (c: HelperContext, state: number, aux: number, two: boolean): number => {
  const op = operation(c, state, aux);
  const { size, step, repne } = op;
  const accumulator = BigInt.asUintN(8 * size, c.view.getBigUint64(state + State.REGS + 8 * RAX, true));
  for (;;) {
    const count = register(c, state, RCX, op);
    if (count === 0n) return 0;
    const [from, to] = [register(c, state, RSI, op), register(c, state, RDI, op)];
    const target = destination(c, state, to, op);
    const linear = two ? source(c, state, from, op) : target;
    if ((two && !isIn(c, state, op.segment, from, op, false)) || !isIn(c, state, Seg.ES, to, op, false)) return 1;
    let n = least(count, inPage(linear, op), inPage(target, op));
    let src = two ? span(c, state, linear, n, op, false) : GUEST_BASE;
    let dst = src < 0 ? -1 : span(c, state, target, n, op, false);
    if (dst < 0) {
      if (n === 1) return 1;
      n = 1;
      src = two ? span(c, state, linear, n, op, false) : GUEST_BASE;
      dst = src < 0 ? -1 : span(c, state, target, n, op, false);
      if (dst < 0) return 1;
    }
    let done = 0;
    let [x, y, stop] = [accumulator, 0n, false];
    while (done < n && !stop) {
      const at = (step > 0 ? done : n - 1 - done) * size;
      if (two) x = element(c, src + at, size);
      y = element(c, dst + at, size);
      stop = (x === y) === repne;
      done++;
    }
    if (two) setRegister(c, state, RSI, from + advance(op, done), op);
    setRegister(c, state, RDI, to + advance(op, done), op);
    setRegister(c, state, RCX, count - BigInt(done), op);
    if (stop || count === BigInt(done)) {
      writeArithmetic(c.view, state, subtractionFlags(x, y, size));
      return 0;
    }
  }
};

export const repeatCompare: number = defineHelper((c, state, aux) => compareRuns(c, state, aux, true));
export const repeatScan: number = defineHelper((c, state, aux) => compareRuns(c, state, aux, false));
