/**
 * Instruction sequences that random words would hardly ever make: jumps that land inside the case, loops, calls,
 * exclusive pairs, system registers, cache maintenance, and code that writes itself.
 */
import type { Random } from './fuzz-random.ts';

/** Makes one random instruction that avoids the registers given; `left` instructions may be jumped over. */
export type Body = (avoid: readonly number[], left: number) => number;

interface Maker {
  readonly random: Random;
  readonly body: Body;
  /** FPCR and FPSR may be written. */
  readonly exact: boolean;
}

const NOP = 0xd503201f;
const LINK = 30;
const COUNTER = 28;
const PAGE_POINTERS = [8, 9, 10, 11, 12, 13, 14, 15] as const;

const adr = (rd: number, bytes: number): number => (0x10000000 | ((bytes & 3) << 29) | ((bytes >> 2) << 5) | rd) >>> 0;
const b = (words: number): number => (0x14000000 | (words & 0x3ffffff)) >>> 0;
const bl = (words: number): number => (0x94000000 | (words & 0x3ffffff)) >>> 0;
const movz = (rd: number, value: number, shift = 0): number =>
  (0xd2800000 | ((shift / 16) << 21) | (value << 5) | rd) >>> 0;
const movk = (rd: number, value: number, shift: number): number =>
  (0xf2800000 | ((shift / 16) << 21) | (value << 5) | rd) >>> 0;
const subImmediate = (rd: number, rn: number, value: number): number =>
  (0xd1000000 | (value << 10) | (rn << 5) | rd) >>> 0;
const cbnz = (rt: number, words: number): number => (0xb5000000 | ((words & 0x7ffff) << 5) | rt) >>> 0;
const branchTo = (opc: 0 | 1 | 2, rn: number): number => (0xd61f0000 | (opc << 21) | (rn << 5)) >>> 0;
type SystemRegister = readonly [op0: number, op1: number, crn: number, crm: number, op2: number];
const system = (l: 0 | 1, [op0, op1, crn, crm, op2]: SystemRegister, rt: number): number =>
  (0xd5000000 | (l << 21) | (op0 << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5) | rt) >>> 0;
const temporary = (random: Random): number => 20 + random.below(7);
const pointer = (random: Random): number => random.pick(PAGE_POINTERS);

/** ADR and BR, BLR or RET over a few words. */
function indirect({ random, body }: Maker): number[] {
  const rn = temporary(random);
  const skipped = random.below(3);
  const jumped = Array.from({ length: skipped }, (_, i) => body([], skipped - 1 - i));
  return [adr(rn, 8 + 4 * skipped), branchTo(random.pick([0, 1, 2] as const), rn), ...jumped];
}

/** A loop of one to three instructions, run up to 40 times. */
function loop({ random, body }: Maker): number[] {
  const length = 1 + random.below(3);
  const inside = Array.from({ length }, (_, i) => body([COUNTER, COUNTER - 1], length - 1 - i));
  return [
    movz(COUNTER, 1 + random.below(40)),
    ...inside,
    subImmediate(COUNTER, COUNTER, 1),
    cbnz(COUNTER, -length - 1),
  ];
}

/** BL to a function behind a branch, which returns. */
function call({ body }: Maker): number[] {
  const keep = [LINK, LINK - 1];
  return [bl(3), body([], 0), b(3), body(keep, 0), branchTo(2, LINK)];
}

/** LDXR … STXR of one size, mostly at one address; sometimes the monitor is cleared between them. */
function exclusive({ random, body }: Maker): number[] {
  const size = random.below(4);
  const pair = size > 1 && random.oneIn(3) ? 1 : 0;
  const rn = pointer(random);
  const [rs, rt, rt2] = [20, 21, 22];
  const word = (l: 0 | 1, n: number, status: number): number =>
    ((size << 30) | 0x08000000 | (l << 22) | (pair << 21) | (status << 16) | (random.below(2) << 15) | ((pair ? rt2 : 31) << 10) | (n << 5) | rt) >>> 0; // biome-ignore format: one line
  const between = random.oneIn(4) ? [0xd5033f5f] : random.oneIn(2) ? [body([rn, rn - 1, rs, rt, rt2], 0)] : [];
  return [word(1, rn, 31), ...between, word(0, random.oneIn(8) ? pointer(random) : rn, rs)];
}

const NZCV: SystemRegister = [3, 3, 4, 2, 0];
const FPCR: SystemRegister = [3, 3, 4, 4, 0];
const FPSR: SystemRegister = [3, 3, 4, 4, 1];
const TPIDR: SystemRegister = [3, 3, 13, 0, 2];
const DCZID: SystemRegister = [3, 3, 0, 0, 7];
const CTR: SystemRegister = [3, 3, 0, 0, 1];

/** Bits that FPCR and FPSR have on a processor without AArch32; the oracle's also has those of AArch32. */
const FPCR_BITS = 0x07c8_0000;
const FPSR_BITS = 0x0800_009f;

/** MSR and MRS around other instructions. */
function registers({ random, body, exact }: Maker): number[] {
  const written = random.pick(exact ? [NZCV, FPCR, FPSR, TPIDR] : [NZCV, TPIDR]);
  const read = random.oneIn(3) ? random.pick([NZCV, FPCR, DCZID, CTR]) : written;
  const bits = written === FPCR ? FPCR_BITS : written === FPSR ? FPSR_BITS : -1;
  const value = random.u32() & bits;
  const rt = temporary(random);
  return [
    ...(bits === -1 && random.oneIn(2) ? [] : [movz(rt, value & 0xffff), movk(rt, value >>> 16, 16)]),
    system(0, written, rt),
    body([], 0),
    system(1, read, temporary(random)),
  ];
}

/** DC ZVA and cache maintenance by address. */
function caches({ random }: Maker): number[] {
  return [system(0, [1, 3, 7, random.pick([4, 10, 11, 14, 5]), 1], pointer(random))];
}

/** Write an instruction ahead of itself and run it, by the book (Arm ARM B2.4.4). */
function selfModifying({ random, body }: Maker): number[] {
  const [at, value] = [20, 21];
  const word = body([], 0);
  return [
    adr(at, 4 * 8 + (random.oneIn(2) ? 0 : 4)),
    movz(value, word & 0xffff),
    movk(value, word >>> 16, 16),
    (0xb9000000 | (at << 5) | value) >>> 0,
    system(0, [1, 3, 7, 11, 1], at), // dc cvau
    0xd5033b9f, // dsb ish
    system(0, [1, 3, 7, 5, 1], at), // ic ivau
    0xd5033fdf, // isb
    NOP,
    NOP,
  ];
}

const makers: readonly ((m: Maker) => number[])[] = [
  indirect,
  loop,
  loop,
  call,
  exclusive,
  registers,
  caches,
  selfModifying,
];

/** One random sequence. */
export function randomSequence(random: Random, body: Body, exact: boolean): number[] {
  return random.pick(makers)({ random, body, exact });
}
