/** Random test cases from rows of an instruction table: words from the patterns, registers and memory to suit. */
import { extractField, type Field, type Pattern, parsePattern } from '../src/cpu/frontend/pattern.ts';
import type { Random } from './fuzz-random.ts';
import { type Case, emptyCase, MAX_WORDS, SCRATCH, SCRATCH_SIZE } from './fuzz-record.ts';
import { type Body, randomSequence } from './fuzz-sequences.ts';

/** What the generator needs of a row. */
export interface FuzzRow {
  readonly syntax: string;
  readonly text: string;
}

/**
 * Roles of general registers in a case: these hold addresses inside the scratch page, those small offsets; the others
 * anything. Destinations are mostly kept away from the first.
 */
const POINTERS: readonly number[] = [8, 9, 10, 11, 12, 13, 14, 15];
const OFFSETS: readonly number[] = [16, 17, 18, 19];

/** A row ready to make words. */
export class RowGenerator {
  readonly row: FuzzRow;
  readonly name: string;
  readonly pattern: Pattern;
  readonly memory: boolean;
  readonly writeback: boolean;
  readonly branch: boolean;

  readonly #allocated: (word: number) => boolean;

  /** `allocated` tells the words the row does not turn down; others are kept rare, for they end a case. */
  constructor(row: FuzzRow, allocated: (word: number) => boolean = () => true) {
    this.row = row;
    this.#allocated = allocated;
    this.name = row.syntax.split(' ')[0] as string;
    this.pattern = parsePattern(row.text);
    this.memory = row.syntax.includes('[');
    this.writeback = /\]!|\], *[#<X]/.test(row.syntax);
    this.branch = /^(b|bl|b\.|cbn?z|tbn?z|b\.<cond>)$/.test(this.name);
  }

  /** One instruction word; `left` instructions follow it in the case. */
  word(random: Random, left: number): number {
    for (let attempt = 0; ; attempt++) {
      let word = this.pattern.value;
      // bits the pattern ignores
      for (const field of this.pattern.fields) word |= this.#place(field, this.#choose(field, random, left));
      word >>>= 0;
      if (attempt > 50) return word;
      if (!this.#unpredictable(word) && (this.#allocated(word) || random.oneIn(60))) return word;
    }
  }

  #place(field: Field, value: number): number {
    let word = 0;
    let rest = value;
    for (const { shift, width } of [...field.parts].reverse()) {
      word |= (rest & (width === 32 ? -1 : (1 << width) - 1)) << shift;
      rest >>>= width;
    }
    return word;
  }

  #choose(field: Field, random: Random, left: number): number {
    const any = random.u32();
    const isRegister = /^r[a-z]?\d?$/.test(field.name) && field.width === 5;
    if (this.branch && field.name.startsWith('imm')) return 1 + random.below(left + 1);
    if (this.memory) {
      if (field.name === 'rn') return random.oneIn(40) ? any : random.oneIn(10) ? 31 : random.pick(POINTERS);
      if (field.name === 'rm') return random.oneIn(40) ? any : random.pick(OFFSETS);
      if (field.name.startsWith('imm')) {
        if (random.oneIn(4)) return any;
        const small = random.below(12);
        return field.signed || field.width === 9 || field.width === 7 ? small - 6 : small;
      }
    }
    if (isRegister && /^r[dt]/.test(field.name) && POINTERS.includes(any & 31) && !random.oneIn(8)) return any & 7;
    // Equal sources and destinations, and register 31, come up more often than one in 32.
    if (isRegister && random.oneIn(8)) return random.pick([0, 1, 2, 31]);
    return any;
  }

  /** Combinations the manual calls constrained unpredictable: an implementation may do as it likes. */
  #unpredictable(word: number): boolean {
    if (!this.memory) return false;
    const get = (name: string): number | null => {
      const field = this.pattern.fields.find((f) => f.name === name);
      return field ? extractField(field, word) : null;
    };
    const [rn, rt, rt2, rs] = [get('rn'), get('rt'), get('rt2'), get('rs')];
    if (rs !== null && (rs === rn || rs === rt || rs === rt2)) return true;
    if (rt2 !== null && rt === rt2) return true;
    const vector = /<[FV]t/.test(this.row.syntax);
    return this.writeback && !vector && rn !== 31 && rn !== null && (rn === rt || rn === rt2);
  }
}

/** Fill registers and memory of a case. Vectors are floating-point numbers of one width or random bits. */
export function fillCase(c: Case, random: Random): void {
  for (let i = 0; i < 31; i++) c.x[i] = random.integer();
  for (const i of POINTERS) {
    const edge = random.oneIn(12);
    const at = edge ? random.pick([0, SCRATCH_SIZE - 8, SCRATCH_SIZE - 16]) : 0x400 + random.below(0x800);
    c.x[i] = BigInt(SCRATCH + (random.oneIn(6) ? at : at & ~15)) | (random.oneIn(20) ? 0xa5n << 56n : 0n);
  }
  for (const i of OFFSETS) {
    const offset = random.below(128) - 64;
    // Offsets also serve as 32-bit ones to be extended: garbage above now and then.
    c.x[i] = BigInt.asUintN(64, BigInt(offset)) ^ (random.oneIn(6) ? random.u64() << 32n : 0n);
  }
  c.nzcv = BigInt(random.below(16)) << 28n;
  for (let reg = 0; reg < 32; reg++) {
    const kind = random.below(6);
    for (let half = 0; half < 2; half++) c.v[reg * 2 + half] = vectorHalf(random, kind);
  }
  const words = new BigUint64Array(c.memory.buffer, c.memory.byteOffset, SCRATCH_SIZE / 8);
  for (let i = 0; i < words.length; i++)
    words[i] = i & 7 ? (words[i - 1] as bigint) * 0x9e3779b97f4a7c15n + 1n : random.integer();
}

function vectorHalf(random: Random, kind: number): bigint {
  if (kind === 0) return random.float(64);
  if (kind <= 2) return (random.float(32) << 32n) | random.float(32);
  if (kind === 3) {
    let bits = 0n;
    for (let i = 0; i < 4; i++) bits = (bits << 16n) | random.float(16);
    return bits;
  }
  if (kind === 4) {
    let bits = 0n;
    for (let i = 0; i < 8; i++) bits = (bits << 8n) | BigInt(random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]));
    return bits;
  }
  return random.oneIn(2) ? random.u64() : random.integer();
}

/** FPCR bits that EL0 may set and that matter: AHP, DN, FZ, RMode, FZ16. */
export function randomFpcr(random: Random): number {
  if (random.oneIn(3)) return 0;
  return (
    (random.oneIn(4) ? 1 << 26 : 0) |
    (random.oneIn(4) ? 1 << 25 : 0) |
    (random.oneIn(3) ? 1 << 24 : 0) |
    (random.below(4) << 22) |
    (random.oneIn(3) ? 1 << 19 : 0)
  );
}

/** A case of up to `length` instructions drawn from the rows. `exact`: FPCR and FPSR take other values than zero. */
export function randomCase(generators: readonly RowGenerator[], random: Random, length: number, exact: boolean): Case {
  const c = emptyCase([]);
  fillCase(c, random);
  if (exact) {
    c.fpcr = BigInt(randomFpcr(random));
    c.fpsr = random.oneIn(2) ? 0n : BigInt(random.u32() & 0x0800_009f);
  }
  const n = 1 + random.below(length);
  for (let i = 0; i < n; i++) c.words.push(random.pick(generators).word(random, n - 1 - i));
  return c;
}

/** BL names its register nowhere. */
const mentions = (word: number, register: number): boolean =>
  (register === 30 && word >>> 26 === 0b100101) || [0, 5, 10, 16].some((shift) => ((word >>> shift) & 31) === register);

/** A case with one sequence of scripts/fuzz-sequences.ts among random instructions. */
export function sequenceCase(
  generators: readonly RowGenerator[],
  random: Random,
  length: number,
  exact: boolean,
): Case {
  const c = randomCase(generators, random, 1, exact);
  c.words.length = 0;
  const body: Body = (avoid, left) => {
    for (;;) {
      const word = random.pick(generators).word(random, left);
      if (!avoid.some((register) => mentions(word, register))) return word;
    }
  };
  const sequence = randomSequence(random, body, exact);
  const around = Math.min(random.below(length), MAX_WORDS - sequence.length);
  const before = random.below(around + 1);
  for (let i = 0; i < before; i++) c.words.push(body([], 0));
  c.words.push(...sequence);
  for (let i = before; i < around; i++) c.words.push(body([], around - 1 - i));
  return c;
}
