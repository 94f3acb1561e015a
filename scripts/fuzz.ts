/**
 * Differential fuzzer: random instruction sequences from a guest's table, run by the emulator and by qemu-user
 * through the same guest program (test/fixtures/fuzz), and compared: registers, flags, FPSR, memory, signals.
 *
 * usage: node scripts/fuzz.ts [--guest aarch64|a32|t32|x86_64|i386] [--cases N] [--length N] [--seed N] [--fast] [--rows PART] [--usual] [--big] [--segments] [--emulator 'COMMAND'] [--oracle 'COMMAND'] [--shown N]
 *   --fast: FPCR and FPSR stay zero, so that the emulator stays in its fast floating-point mode
 *   --usual: of 32-bit ARM the words that programs usually have, which blocks are put together from in WebAssembly
 *   --big: of 32-bit ARM all cases have big-endian data, between SETEND BE and SETEND LE
 *   --segments: of i386 all cases have data and stack in segments that do not begin at 0, for ours alone
 *   --emulator: how to run a guest program (default: node bin/tsqemu-user.js)
 * One case in three holds a sequence of scripts/fuzz-sequences.ts. scripts/fuzz-emulator.ts is an emulator of one tier.
 *   --oracle: of x86, what to compare with in place of the host's processor (or qemu-user where that is another one), as
 *     the other tier where the host runs no 32-bit programs
 * Exit status 1: there were differences that test/fuzz/known-differences.ts does not explain.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Decoder } from '../src/cpu/frontend/decoder.ts';
import { extractFields } from '../src/cpu/frontend/pattern.ts';
import { patternOf } from '../src/cpu/frontend/row.ts';
import { Builder } from '../src/cpu/ir/builder.ts';
import { Exit } from '../src/cpu/memory/layout.ts';
import { unexplained } from '../test/fuzz/known-differences.ts';
import { compareOutcomes, type Difference, describeInputs } from './fuzz-compare.ts';
import { RowGenerator, randomCase, sequenceCase } from './fuzz-generate.ts';
import { Random } from './fuzz-random.ts';
import {
  type Case,
  type Emulator,
  emptyCase,
  HARNESS,
  HARNESS_ARM,
  type Outcome,
  packCases,
  QEMU,
  QEMU_ARM,
  RECORD_SIZE,
  readOutcome,
  runPacked,
} from './fuzz-record.ts';

const { values } = parseArgs({
  options: {
    guest: { type: 'string', default: 'aarch64' },
    cases: { type: 'string', default: '10000' },
    length: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
    fast: { type: 'boolean', default: false },
    rows: { type: 'string', default: '' },
    emulator: { type: 'string', default: `${process.execPath} bin/tsqemu-user.js` },
    oracle: { type: 'string', default: '' },
    shown: { type: 'string', default: '5' },
    usual: { type: 'boolean', default: false },
    big: { type: 'boolean', default: false },
    segments: { type: 'boolean', default: false },
  },
});

/** What the fuzzer must know of a guest. */
interface FuzzGuest {
  readonly oracle: Emulator;
  readonly harness: string;
  /** objdump and its arguments for raw words. */
  readonly objdump: readonly [string, ...string[]];
  readonly rows: number;
  readonly nop: Case;
  syntaxOf(word: number): string;
  cases(random: Random, length: number, exact: boolean): Case;
  unexplained(differences: Difference[], c: Case, exact: boolean, a: Outcome, b: Outcome): Difference[];
}

const CHUNK = 2048;
const exact = !values.fast;

/** Rows that cannot run inside a case: system calls, jumps out of it, what differs from run to run. */
const EXCLUDED = /^(svc|hvc|smc|brk|hlt|br|blr|ret\w*|bra\w*|blra\w*|eret\w*|wfi|wfe|mrs|msr|dc|ic|sys\w*|dcps\d)\b/;

async function aarch64(): Promise<FuzzGuest> {
  const [{ rows }, { Translator }] = await Promise.all([
    import('../src/cpu/frontend/aarch64/table.ts'),
    import('../src/cpu/frontend/aarch64/translator.ts'),
  ]);
  const decoder = new Decoder(rows);
  const lifter = new Translator(new Builder());
  /** Whether the table gives a word a meaning. */
  const isAllocated = (word: number): boolean => {
    const row = decoder.decode(word);
    if (!row?.lift) return false;
    lifter.b.reset();
    lifter.begin(-1);
    row.lift(lifter, extractFields(patternOf(row), word));
    return !(lifter.terminal?.kind === 'exit' && lifter.terminal.reason === Exit.UNDEFINED);
  };
  const generators = rows
    .filter((row) => row.lift !== null && !EXCLUDED.test(row.syntax) && row.syntax.includes(values.rows))
    .map((row) => new RowGenerator(row, isAllocated));
  const syntaxOf = (word: number): string => decoder.decode(word)?.syntax ?? '?';
  return {
    oracle: QEMU,
    harness: HARNESS,
    objdump: ['aarch64-linux-gnu-objdump', '-D', '-b', 'binary', '-m', 'aarch64', '-z'],
    rows: generators.length,
    nop: emptyCase([0xd503201f]),
    syntaxOf,
    cases: (random, length, isExact) =>
      (random.oneIn(3) ? sequenceCase : randomCase)(generators, random, length, isExact),
    unexplained: (differences, c, isExact, a, b) =>
      c.words.reduce(
        (left, word) => unexplained(left, syntaxOf(word).split(' ')[0] as string, word, isExact, a, b),
        differences,
      ),
  };
}

async function arm(set: 'a32' | 't32'): Promise<FuzzGuest> {
  const [arm32, { UsualWords }, { unexplainedArm }] = await Promise.all([
    import('./fuzz-arm.ts'),
    import('./fuzz-arm-usual.ts'),
    import('../test/fuzz/known-differences-arm.ts'),
  ]);
  const { bigEndian, decode, randomCase32, sequenceCase32 } = arm32;
  const generators = arm32.generatorsOf(set, values.rows, exact);
  const usual = values.usual ? new UsualWords(set, values.rows) : null;
  const words = usual ? (random: Random) => usual.words(random) : arm32.randomWords(set, generators);
  const nop = emptyCase([set === 'a32' ? 0xe1a00000 : 0xbf000000]);
  const syntaxOf = (word: number): string => decode(set, word)?.syntax ?? '?';
  return {
    oracle: QEMU_ARM,
    harness: HARNESS_ARM,
    objdump: ['arm-linux-gnueabihf-objdump', '-D', '-b', 'binary', '-m', 'arm', '-z', ...(set === 't32' ? ['-M', 'force-thumb'] : [])], // biome-ignore format: one line
    rows: generators.length,
    nop: set === 't32' ? { ...nop, thumb: true } : nop,
    syntaxOf,
    cases: (random, length, isExact) => {
      const c =
        usual === null && random.oneIn(3)
          ? sequenceCase32(set, generators, random, length, isExact)
          : randomCase32(set, words, random, length, isExact);
      return values.big ? bigEndian(set, c) : c;
    },
    unexplained: (differences, c, isExact, a, b) =>
      c.words.reduce((left, word) => unexplainedArm(left, syntaxOf(word), isExact, a, b), differences),
  };
}

if (values.guest === 'x86_64' || values.guest === 'i386') {
  const { fuzzX86 } = await import('./fuzz-x86-run.ts');
  process.exit(fuzzX86(values) ? 0 : 1);
}
const guest = await (values.guest === 'aarch64' ? aarch64() : arm(values.guest as 'a32' | 't32'));
const ours: Emulator = [...values.emulator.split(' '), guest.harness] as unknown as Emulator;

/** Goes before the others so that the emulator is in its exact floating-point mode from the start. */
const warmUp: Case = { ...guest.nop, fpsr: 1n };

/** Outcomes of as many cases as the emulator answered; the first one missing is the one it died of. */
function outcomes(emulator: Emulator, cases: readonly Case[]): { list: Outcome[]; death: string | null } {
  const packed = packCases(exact ? [warmUp, ...cases] : cases);
  let result = runPacked(emulator, packed);
  if (result.status !== 0) result = runPacked(emulator, packed, true);
  const count = Math.floor(result.bytes.length / RECORD_SIZE);
  const view = new DataView(result.bytes.buffer, result.bytes.byteOffset, result.bytes.length);
  const list = Array.from({ length: count }, (_, i) => readOutcome(view, i * RECORD_SIZE));
  if (exact) list.shift();
  const died = result.status !== 0 || list.length < cases.length;
  return { list, death: died ? `${result.signal ?? `status ${result.status}`}: ${result.stderr.trim()}` : null };
}

const nameOf = (word: number): string => guest.syntaxOf(word).split(' ')[0] as string;

/** Differences of one case that nothing explains; a known one of any instruction in the case counts. */
const differencesOf = (c: Case, a: Outcome, b: Outcome): Difference[] =>
  guest.unexplained(compareOutcomes(a, b, { fpsr: exact, address: true }), c, exact, a, b);

/** Run one case on both sides. A string says that ours died. */
function single(c: Case): Difference[] | string {
  const theirs = outcomes(guest.oracle, [c]);
  const mine = outcomes(ours, [c]);
  const [a, b] = [theirs.list[0], mine.list[0]];
  if (!a) throw new Error(`the oracle died: ${theirs.death}`);
  if (!b) return mine.death ?? 'no answer';
  return differencesOf(c, a, b);
}

const fails = (c: Case): boolean => single(c).length > 0;

/** Drop instructions while the case still fails. */
function minimise(c: Case): Case {
  let best = c;
  if (!fails(best)) return best;
  for (let i = best.words.length - 1; i >= 0 && best.words.length > 1; i--) {
    const shorter = { ...best, words: best.words.filter((_, n) => n !== i) };
    if (fails(shorter)) best = shorter;
  }
  return best;
}

/** The words as they lie in memory. */
function codeBytes(words: readonly number[]): Uint8Array {
  if (values.guest !== 't32') return new Uint8Array(Uint32Array.from(words).buffer);
  const halves = words.flatMap((w) => (w >>> 27 >= 0b11101 ? [w >>> 16, w & 0xffff] : [w >>> 16]));
  return new Uint8Array(Uint16Array.from(halves).buffer);
}

/** objdump's text of the words, or their hex where there is no objdump. */
function disassemble(words: readonly number[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-'));
  try {
    const file = join(directory, 'words');
    writeFileSync(file, codeBytes(words));
    const [command, ...args] = guest.objdump;
    const done = spawnSync(command, [...args, file], { encoding: 'utf8' });
    const lines = done.status === 0 ? done.stdout.split('\n').filter((line) => /^ +[0-9a-f]+:/.test(line)) : [];
    return lines.length === words.length
      ? lines.map((line) => line.trim())
      : words.map((w) => w.toString(16).padStart(8, '0'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `among`: how the case differed among others, which may be what it takes. */
function report(c: Case, among: readonly Difference[] = []): void {
  const small = minimise(c);
  const alone = single(small);
  const found = alone.length > 0 ? alone : among;
  if (alone.length === 0) console.log('only among other cases:');
  console.log(disassemble(small.words).join('\n'));
  if (values.guest === 'aarch64') {
    for (const word of small.words) console.log(`  ${guest.syntaxOf(word)}: ${describeInputs(small, word)}`);
  } else {
    for (const word of small.words) console.log(`  ${guest.syntaxOf(word)}`);
    console.log(`  ${describeInputs(small, -1)}`);
  }
  if (typeof found === 'string') console.log(`  emulator ended: ${found.slice(0, 2000)}`);
  else for (const d of found.slice(0, 12)) console.log(`  ${d.where}: qemu ${d.theirs}, ours ${d.ours}`);
}

function main(): void {
  const random = new Random(Number(values.seed));
  const total = Number(values.cases);
  let instructions = 0;
  let bad = 0;
  const mnemonics = new Map<string, number>();
  for (let done = 0; done < total; done += CHUNK) {
    const cases = Array.from({ length: Math.min(CHUNK, total - done) }, () =>
      guest.cases(random, Number(values.length), exact),
    );
    const theirs = outcomes(guest.oracle, cases);
    if (theirs.death) {
      const last = cases[theirs.list.length];
      throw new Error(`the oracle died: ${theirs.death} of ${last?.words.map(guest.syntaxOf).join('; ')}`);
    }
    let from = 0;
    while (from < cases.length) {
      const mine = outcomes(ours, cases.slice(from));
      for (const [i, b] of mine.list.entries()) {
        const c = cases[from + i] as Case;
        instructions += c.words.length;
        const differences = differencesOf(c, theirs.list[from + i] as Outcome, b);
        if (differences.length === 0) continue;
        bad++;
        const key = c.words.map(nameOf).join(' ');
        mnemonics.set(key, (mnemonics.get(key) ?? 0) + 1);
        if (bad <= Number(values.shown)) report(c, differences);
      }
      from += mine.list.length;
      if (!mine.death) break;
      bad++;
      console.log(`emulator died (${mine.death.slice(0, 500)}) of:`);
      report(cases[from] as Case);
      from++;
      if (bad > Number(values.shown)) process.exit(1);
    }
    console.error(`${done + cases.length} cases, ${instructions} instructions, ${bad} differences`);
  }
  console.log(`${total} cases, ${instructions} instructions of ${guest.rows} rows, ${bad} differences`);
  process.exitCode = bad === 0 ? 0 : 1;
}

if (import.meta.main) main();
