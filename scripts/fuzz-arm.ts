/** The fuzzer's cases of 32-bit ARM: random words of the A32 or the T32 table, registers and memory to suit. */

import { a32Rows, a32xRows, t32Rows } from '../src/cpu/frontend/arm/table.ts';
import { Translator } from '../src/cpu/frontend/arm/translator.ts';
import { Decoder } from '../src/cpu/frontend/decoder.ts';
import { extractFields, type Field, type Pattern, parsePattern } from '../src/cpu/frontend/pattern.ts';
import { patternOf, type Row } from '../src/cpu/frontend/row.ts';
import { Builder } from '../src/cpu/ir/builder.ts';
import { Exit } from '../src/cpu/memory/layout.ts';
import { type Body32, randomSequence32 } from './fuzz-arm-sequences.ts';
import { fillCase, randomFpcr } from './fuzz-generate.ts';
import type { Random } from './fuzz-random.ts';
import { type Case, emptyCase, MAX_WORDS, SCRATCH } from './fuzz-record.ts';

export type Set32 = 'a32' | 't32';

/** Roles of registers: these hold addresses inside the scratch page, those small offsets; low ones for T32's sake. */
const POINTERS: readonly number[] = [4, 5, 6, 7, 8, 9];
const OFFSETS: readonly number[] = [2, 3, 10];
const SP = 13;
const PC = 15;
const ALWAYS = 14;

/** Rows that cannot run inside a case: jumps out of it, system calls, what differs from run to run. */
const EXCLUDED =
  /^(svc<c>|bkpt|b<c>|b<c>\.w|b<cond>|b<cond>\.w|bl<c>|blx|blx<c>|bx<c>|bxj<c>|tbb<c>|tbh<c>|cbn?z|mrrc<c>|mcr<c>|mrc<c>|cps|setend|udf<c>|udf|udf\.w|it<mask>|swp\{b\}<c>)(\s|$)/;
const MEMORY = /^(v?(ld|st)|push|pop|swp)/;

const lifter = new Translator(new Builder());

/** A row ready to make words. */
export class Generator {
  readonly row: Row<Translator>;
  readonly set: Set32;
  private readonly pattern: Pattern;
  private readonly memory: boolean;

  constructor(row: Row<Translator>, set: Set32) {
    this.row = row;
    this.set = set;
    this.pattern = parsePattern(row.text);
    this.memory = MEMORY.test(row.syntax);
  }

  word(random: Random): number {
    for (let attempt = 0; ; attempt++) {
      let word = this.pattern.value;
      for (const field of this.pattern.fields) word |= place(field, this.choose(field, random));
      word >>>= 0;
      if (attempt > 60) return word;
      if (!this.isOurs(word)) continue;
      const odd = /^v(ld|st)[1-4]/.test(this.row.syntax) ? false : random.oneIn(60);
      if (isAllocated(this.row, word, this.set) || odd) return word;
    }
  }

  private isOurs(word: number): boolean {
    return decode(this.set, word) === this.row && !this.unpredictable(word);
  }

  /** Whether a word is the row's, and the manual says what it does. */
  accepts(word: number): boolean {
    return this.isOurs(word) && isAllocated(this.row, word, this.set);
  }

  private choose(field: Field, random: Random): number {
    const any = random.u32();
    const { name, width } = field;
    // the x field would make data big-endian
    if (name === 'mask') return any & 12;
    // WFI stops qemu for ever
    if (name === 'hint') return 0;
    if (name === 'cond') return random.oneIn(3) ? any % 14 : ALWAYS;
    if (name === 'list') return width === 16 ? any & 0x5fff & random.u32() : any & random.u32();
    if (this.row.syntax.startsWith('vmrs') && name === 'rt') return PC;
    if (name === 'm' && /^(push|pop)/.test(this.row.syntax)) return 0;
    const register = /^r[a-z]*\d?$/.test(name) && name !== 'rotate' && (width === 4 || width === 3);
    if (!register) {
      if (this.memory && /^imm/.test(name)) return random.oneIn(4) ? any : random.below(12);
      return any;
    }
    const limit = (1 << width) - 1;
    if (this.memory) {
      if (name === 'rn')
        return random.oneIn(50) ? any % 13 : random.pick(width === 3 ? [4, 5, 6, 7] : [...POINTERS, SP]);
      if (name === 'rm' && /^v/.test(this.row.syntax)) return random.pick([15, 13, 2, 3]);
      if (name === 'rm') return random.oneIn(40) ? any % 13 : random.pick(width === 3 ? [2, 3] : OFFSETS);
    }
    // destinations keep away from the addresses, the stack pointer and the pc
    if (/^r[dt]/.test(name) && !random.oneIn(10)) return random.pick([0, 1, 2, 3, 11, 12]) & limit;
    const n = any & limit;
    return n === PC || n === SP ? 11 & limit : n;
  }

  /** What the manual leaves open. */
  private unpredictable(word: number): boolean {
    const f = extractFields(this.pattern, word);
    const { rn, rt, rt2, rd, rm, w, p } = f;
    const name = this.row.syntax.split(/[<{ ]/)[0] as string;
    if (name === 'vmrs') return false;
    // two registers, the second one behind s31
    if (this.row.syntax === 'vmov<c> <pairs>' && f.vm === 15 && f.m === 1) return true;
    if (/^(vtrn|vuzp|vzip)/.test(name) && f.d === f.m && f.vd === f.vm) return true;
    if (this.set === 't32' && /^[su]sat$/.test(name) && f.sh === 1 && f.imm5 === 0) return true;
    if (name === 'vcvt' && f.sx === 0 && (((f.imm4 ?? 0) << 1) | (f.imm0 ?? 0)) > 16) return true;
    if (/^ld(r|a)exd/.test(name) && rt === rt2) return true;
    if (rd === PC || rt === PC || rd === SP) return true;
    if (this.row.syntax.includes('<Rt>') && rt === SP && this.set === 't32') return true;
    if (/^(str|ldr)/.test(name)) {
      const wback = p === 0 || w === 1;
      if (wback && rn !== undefined && (rn === rt || rn === rt2 || rn === PC)) return true;
      if (rm !== undefined && (rm === PC || (wback && rm === rn))) return true;
      if (/^ldrd/.test(name) && (rt === rt2 || rm === rt || (rm !== undefined && rm === (rt ?? 0) + 1))) return true;
      if (/^(ldrd|strd)/.test(name) && this.set === 'a32' && rn !== undefined && wback && rn === (rt ?? 0) + 1)
        return true;
      if (p === 0 && w === 1 && this.set === 'a32' && rn === PC) return true;
    }
    if (/ex/.test(name) && (rd === rn || rd === rt || rd === rt2 || (rd !== undefined && rd === (rt ?? 0) + 1)))
      return true;
    if (/^(stm|ldm|push|pop)/.test(name)) {
      const list = f.list ?? 0;
      if (w === 1 && rn !== undefined && ((list >>> rn) & 1) === 1) return true;
      if (rn !== undefined && /^stm<c> /.test(this.row.syntax) && ((list >>> rn) & 1) === 1) return true;
      if (list === 0) return true;
    }
    if (/^(umull|smull|umlal|smlal|umaal|smlald|smlsld)/.test(name) && f.rdlo === f.rdhi) return true;
    return false;
  }
}

function place(field: Field, value: number): number {
  let word = 0;
  let rest = value;
  for (const { shift, width } of [...field.parts].reverse()) {
    word |= (rest & (width === 32 ? -1 : (1 << width) - 1)) << shift;
    rest >>>= width;
  }
  return word;
}

const decoders = { a32: new Decoder(a32Rows), a32x: new Decoder(a32xRows), t32: new Decoder(t32Rows) };

/** The row of a word; T32's of 16 bits lie in its upper half. */
export function decode(set: Set32, word: number): Row<Translator> | null {
  if (set === 't32') return decoders.t32.decode(word);
  return (word >>> 28 === 15 ? decoders.a32x : decoders.a32).decode(word);
}

/** Whether the table gives the word a meaning. */
function isAllocated(row: Row<Translator>, word: number, set: Set32): boolean {
  if (!row.lift) return false;
  lifter.b.reset();
  lifter.begin(-1, set === 't32', 0);
  lifter.pc = set === 't32' ? 0x1001 : 0x1000;
  lifter.next = lifter.pc + 4;
  row.lift(lifter, extractFields(patternOf(row), word));
  return !(lifter.terminal?.kind === 'exit' && lifter.terminal.reason === Exit.UNDEFINED);
}

/**
 * What no row takes and qemu may run: FPA's coprocessors 1 and 2, which qemu emulates and Linux of today does not, and
 * half precision in coprocessor 9. Words that a row turns down are mostly UNPREDICTABLE, which qemu runs in some way.
 */
export function isUnknown(set: Set32, word: number): boolean {
  if (decode(set, word)) return false;
  const coprocessor = (word >>> 8) & 15;
  const generic = set === 'a32' ? ((word >>> 26) & 3) === 3 : word >>> 29 === 7 && ((word >>> 26) & 3) === 3;
  return !(generic && (coprocessor === 1 || coprocessor === 2 || coprocessor === 9));
}

/** A random word, or one of a row with a fixed bit changed, under no condition; T32's of 16 bits lie in the upper half. */
export function strayWord(set: Set32, random: Random): number {
  let word = random.u32();
  if (random.oneIn(2)) {
    const { mask, value } = patternOf(random.pick(rowsOf(set)));
    word = (value | (word & ~mask)) ^ (1 << random.below(32));
  }
  return (set === 'a32' && word >>> 28 !== PC ? (word & 0x0fff_ffff) | (ALWAYS << 28) : word) >>> 0;
}

export const takesPart = (row: Row<Translator>): boolean =>
  row.lift !== null && !EXCLUDED.test(row.syntax) && !/<label>|\[pc/.test(row.syntax) && !/^(pl|hint)/.test(row.syntax);

const rowsOf = (set: Set32): readonly Row<Translator>[] => (set === 'a32' ? [...a32Rows, ...a32xRows] : t32Rows);

/** Rows that take part, by a part of their syntax. */
export const generatorsOf = (set: Set32, part: string, exact: boolean): readonly Generator[] =>
  rowsOf(set)
    // writing FPSCR ends the fast mode
    .filter((row) => takesPart(row) && row.syntax.includes(part) && (exact || !row.syntax.startsWith('vmsr')))
    .map((row) => new Generator(row, set));

/** The harness lies here, whose other cases a stray store could reach: numbers keep away. */
const isHarness = (n: bigint): boolean => n >= 0x8000n && n < 0x0300_0000n;

function fill(c: Case, random: Random, exact: boolean): void {
  fillCase(c, random);
  for (let i = 0; i < 31; i++) {
    const n = i < 15 && i !== SP ? BigInt.asUintN(32, c.x[i] as bigint) : 0n;
    c.x[i] = isHarness(n) ? n | 0x8000_0000n : n;
  }
  for (const i of POINTERS) {
    const at = random.oneIn(12) ? random.pick([0, 4096 - 8, 4096 - 16]) : 0x400 + random.below(0x800);
    c.x[i] = BigInt(SCRATCH + (random.oneIn(6) ? at : at & ~15));
  }
  for (const i of OFFSETS) c.x[i] = BigInt.asUintN(32, BigInt(random.below(128) - 64));
  c.nzcv = BigInt((random.below(32) << 27) | (random.below(16) << 16)) & 0xffff_ffffn;
  c.fpsr = 0n;
  if (!exact) return;
  c.fpcr = BigInt(randomFpcr(random));
  c.fpsr = random.oneIn(2) ? 0n : BigInt(random.u32() & 0xf800_009f) & 0xffff_ffffn;
}

/** An IT block of one to four of the rows' instructions that may lie in one. */
function itBlock(generators: readonly Generator[], random: Random): number[] {
  const count = 1 + random.below(4);
  const condition = random.below(14);
  let mask = 0;
  for (let i = 1; i < count; i++) mask |= ((condition & 1) ^ (random.oneIn(2) ? 1 : 0)) << (4 - i);
  mask |= 1 << (4 - count);
  const words = [((0xbf00 | (condition << 4) | mask) << 16) >>> 0];
  for (let i = 0; i < count; i++) {
    for (;;) {
      const generator = random.pick(generators);
      // Advanced SIMD and Armv8's instructions take no condition
      if (!/<c>|\{s\}/.test(generator.row.syntax)) continue;
      words.push(generator.word(random));
      break;
    }
  }
  return words;
}

/** What a case is filled with: a word, or an IT block. */
export type Words32 = (random: Random) => number[];

/** A case of up to `length` instructions. `exact`: FPSCR takes other values than zero. */
export function randomCase32(set: Set32, words: Words32, random: Random, length: number, exact: boolean): Case {
  const c = emptyCase([]);
  fill(c, random, exact);
  do {
    const n = 1 + random.below(length);
    c.words.length = 0;
    while (c.words.length < n) {
      const more = words(random);
      // an IT block is whole
      if (c.words.length === 0 || more.length === 1 || c.words.length + more.length <= n) c.words.push(...more);
    }
  } while (mixesExclusives(set, c.words));
  if (set === 't32') c.thumb = true;
  return c;
}

/** Whether a word names a register, in a field or a list. */
export function names(set: Set32, word: number, registers: readonly number[]): boolean {
  const row = decode(set, word);
  if (!row) return false;
  if (/^v?(push|pop)/.test(row.syntax) && registers.includes(SP)) return true;
  return patternOf(row).fields.some(({ name, width }) => {
    const value = extractFields(patternOf(row), word)[name] as number;
    // the pc, behind a list of low registers
    if (name === 'm' && row.syntax.startsWith('pop')) return value === 1 && registers.includes(PC);
    if (name === 'list') return registers.some((r) => ((value >>> r) & 1) !== 0);
    // fields of pairs have the next one too
    return /^r/.test(name) && width >= 3 && registers.some((r) => r === value || r === value + 1);
  });
}

/** A case with a sequence of jumps and calls somewhere. */
export function sequenceCase32(
  set: Set32,
  generators: readonly Generator[],
  random: Random,
  length: number,
  exact: boolean,
): Case {
  const body: Body32 = (avoid) => {
    for (;;) {
      const word = random.pick(generators).word(random);
      if (!names(set, word, avoid)) return word;
    }
  };
  for (;;) {
    const sequence = randomSequence32(set, random, body);
    const before = Array.from({ length: random.below(Math.max(length - sequence.length, 1)) }, () => body([]));
    const c = emptyCase([...before, ...sequence].slice(0, MAX_WORDS));
    if (mixesExclusives(set, c.words) || before.length + sequence.length > MAX_WORDS) continue;
    fill(c, random, exact);
    if (set === 't32') c.thumb = true;
    return c;
  }
}

/** Words of all rows, in T32 IT blocks too. */
export const randomWords =
  (set: Set32, generators: readonly Generator[]): Words32 =>
  (random) =>
    set === 't32' && random.oneIn(16) ? itBlock(generators, random) : [random.pick(generators).word(random)];

/** The manual leaves open what a store-exclusive does behind a load-exclusive of another size. */
function mixesExclusives(set: Set32, words: readonly number[]): boolean {
  const sizes = words.map((word) => /^(?:ldr|lda|str|stl)ex([bhd]?)</.exec(decode(set, word)?.syntax ?? '')?.[1]);
  return new Set(sizes.filter((size) => size !== undefined)).size > 1;
}

const SETEND = { a32: [0xf101_0200, 0xf101_0000], t32: [0xb658_0000, 0xb650_0000] } as const;
/** The case with big-endian data, as far as it has room: a handler of faults finds little-endian ones. */
export const bigEndian = (set: Set32, c: Case): Case => {
  const [begin, end] = SETEND[set];
  return c.words.length + 2 > MAX_WORDS ? c : { ...c, words: [begin, ...c.words, end] };
};
