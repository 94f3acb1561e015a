/** Instruction sequences of 32-bit ARM that random words do not make: jumps inside the case, loops, calls, CP15. */
import type { Random } from './fuzz-random.ts';

/** Makes one random instruction that names none of the registers given. */
export type Body32 = (avoid: readonly number[]) => number;

const [COUNTER, LR] = [12, 14];
const ALWAYS = 14;

/** Encodings of one instruction set; distances are in bytes from the instruction itself. */
interface Assembler {
  /** Bytes of an instruction; T32's of 16 bits lie in the word's upper half. */
  size(word: number): number;
  branch(cond: number, distance: number): number;
  call(distance: number): number;
  /** rd ← an address in front. */
  address(rd: number, distance: number): number[];
  callRegister(rm: number): number;
  readonly countDown: number;
  readonly push: number;
  readonly pop: number;
  readonly back: number;
  start(count: number): number;
  coprocessor(load: 0 | 1, rt: number, op2: number): number;
}

const cp15 = (load: 0 | 1, rt: number, op2: number): number =>
  (0xee0d0f10 | (load << 20) | (rt << 12) | (op2 << 5)) >>> 0;

const a32: Assembler = {
  size: () => 4,
  branch: (cond, distance) => ((cond << 28) | 0x0a000000 | (((distance - 8) >> 2) & 0xffffff)) >>> 0,
  call: (distance) => (0xeb000000 | (((distance - 8) >> 2) & 0xffffff)) >>> 0,
  address: (rd, distance) => [(0xe28f0000 | (rd << 12) | (distance - 8)) >>> 0],
  callRegister: (rm) => (0xe12fff30 | rm) >>> 0,
  countDown: 0xe25cc001,
  push: 0xe92d4008,
  pop: 0xe8bd8008,
  back: 0xe12fff1e,
  start: (count) => (0xe3a0c000 | count) >>> 0,
  coprocessor: cp15,
};

const half = (h: number): number => (h << 16) >>> 0;

const t32: Assembler = {
  size: (word) => (word >>> 27 >= 0b11101 ? 4 : 2),
  branch: (cond, distance) => {
    const units = (distance - 4) >> 1;
    return half(cond === ALWAYS ? 0xe000 | (units & 0x7ff) : 0xd000 | (cond << 8) | (units & 0xff));
  },
  call: (distance) => (0xf000f800 | ((distance - 4) >> 1)) >>> 0,
  // mov rd, pc; addw rd, rd, #…, from behind the first of them
  address: (rd, distance) => [half(0x4678 | rd), (0xf2000001 | (rd << 16) | (rd << 8) | (distance - 4)) >>> 0],
  callRegister: (rm) => half(0x4780 | (rm << 3)),
  countDown: 0xf1bc0c01,
  push: half(0xb508),
  pop: half(0xbd08),
  back: half(0x4770),
  start: (count) => (0xf04f0c00 | count) >>> 0,
  coprocessor: cp15,
};

interface Maker {
  readonly asm: Assembler;
  readonly random: Random;
  readonly body: Body32;
}

const bytes = (asm: Assembler, words: readonly number[]): number => words.reduce((sum, w) => sum + asm.size(w), 0);
const some = ({ random, body }: Maker, most: number, avoid: readonly number[] = []): number[] =>
  Array.from({ length: 1 + random.below(most) }, () => body(avoid));

/** A jump over a few words under a condition. */
const skip = (m: Maker): number[] => {
  const { asm, random } = m;
  const over = some(m, 3);
  const size = asm.size(asm.branch(0, 4));
  return [m.body([]), asm.branch(random.oneIn(6) ? ALWAYS : random.below(14), size + bytes(asm, over)), ...over];
};

/** A loop of up to four instructions, one of which may be jumped over. */
const loop = (m: Maker): number[] => {
  const { asm, random } = m;
  const inside = random.oneIn(2) ? some(m, 3, [COUNTER]) : [];
  const last = m.body([COUNTER]);
  const jump = asm.branch(random.below(14), asm.size(asm.branch(0, 4)) + asm.size(last));
  const turn = [...inside, jump, last, asm.countDown];
  return [asm.start(1 + random.below(40)), ...turn, asm.branch(1, -bytes(asm, turn))];
};

/** A call, the flags being those of the callee behind it, and those before the call in the callee. */
const call = (m: Maker): number[] => {
  const { asm, random } = m;
  const keep = [LR, 13, 3];
  const behind = some(m, 2);
  const frame = random.oneIn(2);
  const inside = some(m, 3, keep);
  const read = random.oneIn(2) ? [asm.branch(random.below(14), asm.size(asm.branch(0, 4)) + asm.size(inside[0] as number))] : []; // biome-ignore format: one line
  const callee = [...(frame ? [asm.push] : []), ...read, ...inside, frame ? asm.pop : asm.back];
  const over = asm.branch(ALWAYS, asm.size(asm.branch(ALWAYS, 4)) + bytes(asm, callee));
  const rd = 3;
  const indirect = random.oneIn(3);
  const length = indirect ? asm.size(asm.callRegister(rd)) : asm.size(asm.call(8));
  const from = indirect ? bytes(asm, asm.address(rd, 8)) : 0;
  const distance = from + length + bytes(asm, behind) + asm.size(over);
  const jump = indirect ? [...asm.address(rd, distance), asm.callRegister(rd)] : [asm.call(distance)];
  return [m.body([]), ...jump, ...behind, over, ...callee];
};

/** Thread registers of CP15: TPIDRURW is written and read, TPIDRURO read. */
const coprocessor = ({ asm, random, body }: Maker): number[] => {
  const rt = (): number => random.pick([0, 1, 2, 3, 11]);
  return [asm.coprocessor(0, rt(), 2), body([]), asm.coprocessor(1, rt(), random.pick([2, 2, 3]))];
};

const makers: readonly ((m: Maker) => number[])[] = [skip, skip, loop, call, call, coprocessor];

/** One random sequence. */
export const randomSequence32 = (set: 'a32' | 't32', random: Random, body: Body32): number[] =>
  random.pick(makers)({ asm: set === 'a32' ? a32 : t32, random, body });
