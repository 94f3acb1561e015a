/**
 * Looks for instructions missing from a guest's table: words that the table turns down but qemu runs. Half of
 * them are random, half are words of rows with one fixed bit changed.
 * usage: node scripts/fuzz-unallocated.ts [--guest aarch64|a32|t32] [--cases N] [--seed N]
 */
import { parseArgs } from 'node:util';
import { rows } from '../src/cpu/frontend/aarch64/table.ts';
import { Translator } from '../src/cpu/frontend/aarch64/translator.ts';
import { Decoder } from '../src/cpu/frontend/decoder.ts';
import { extractFields } from '../src/cpu/frontend/pattern.ts';
import { patternOf } from '../src/cpu/frontend/row.ts';
import { Builder } from '../src/cpu/ir/builder.ts';
import { Exit } from '../src/cpu/memory/layout.ts';
import * as arm from './fuzz-arm.ts';
import { fillCase } from './fuzz-generate.ts';
import { Random } from './fuzz-random.ts';
import {
  type Case,
  type Emulator,
  emptyCase,
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
    cases: { type: 'string', default: '20480' },
    seed: { type: 'string', default: '1' },
  },
});

const CHUNK = 2048;
const SIGILL = 4;
const decoder = new Decoder(rows);
const t = new Translator(new Builder());

/** Branches, exceptions and system instructions: they leave the case or need privileges. */
const isControl = (word: number): boolean => ((word >>> 26) & 0b111) === 0b101;

/**
 * qemu 7.2 does not look at size<0> of the half-precision reductions, takes FMOV (vector) with op = 1 for half precision,
 * and aborts at FABS and FNEG (scalar), FSQRT (scalar) and FRECPX (vector) of half precision.
 */
const isKnown = (word: number): boolean =>
  (word & 0x8f7e_0c00) >>> 0 === 0x0e70_0800 ||
  (word & 0xbff8_fc00) >>> 0 === 0x2f00_fc00 ||
  (word & 0x8f7e_fc00) >>> 0 === 0x0e78_f800;

function isTurnedDown(word: number): boolean {
  const row = decoder.decode(word);
  if (!row?.lift) return true;
  t.b.reset();
  t.begin(-1);
  row.lift(t, extractFields(patternOf(row), word));
  return t.terminal?.kind === 'exit' && t.terminal.reason === Exit.UNDEFINED;
}

function strayA64(random: Random): number {
  const word = random.u32();
  if (random.oneIn(2)) return word;
  const { mask, value } = patternOf(random.pick(rows));
  return ((value | (word & ~mask)) ^ (1 << random.below(32))) >>> 0;
}

/** What the search must know of a guest. */
interface Guest {
  readonly oracle: Emulator;
  stray(random: Random): number;
  wanted(word: number): boolean;
  syntaxOf(word: number): string | undefined;
}

const AARCH64: Guest = {
  oracle: QEMU,
  stray: strayA64,
  wanted: (word) => !isControl(word) && !isKnown(word) && isTurnedDown(word),
  syntaxOf: (word) => decoder.decode(word)?.syntax,
};
const arm32 = (set: arm.Set32): Guest => ({
  oracle: QEMU_ARM,
  stray: (random) => arm.strayWord(set, random),
  wanted: (word) => arm.isUnknown(set, word),
  syntaxOf: (word) => arm.decode(set, word)?.syntax,
});
const guest = values.guest === 'aarch64' ? AARCH64 : arm32(values.guest as arm.Set32);

const random = new Random(Number(values.seed));
let checked = 0;
let missing = 0;
while (checked < Number(values.cases)) {
  const cases: Case[] = [];
  while (cases.length < CHUNK) {
    const word = guest.stray(random);
    if (!guest.wanted(word)) continue;
    const c = emptyCase([word]);
    if (values.guest === 't32') c.thumb = true;
    fillCase(c, random);
    cases.push(c);
  }
  // what the oracle dies of is not undefined either
  const result = runPacked(guest.oracle, packCases(cases), true);
  const view = new DataView(result.bytes.buffer, result.bytes.byteOffset, result.bytes.length);
  const answers = Math.floor(result.bytes.length / RECORD_SIZE);
  for (const [i, c] of cases.entries()) {
    const signal = i < answers ? readOutcome(view, i * RECORD_SIZE).signal : -1;
    if (signal === SIGILL) continue;
    missing++;
    const word = c.words[0] as number;
    console.log(`${word.toString(16).padStart(8, '0')} ${guest.syntaxOf(word) ?? 'no row'}: qemu's signal ${signal}`);
    if (i >= answers) break;
  }
  checked += cases.length;
}
console.log(`${checked} words turned down, ${missing} of them run by the oracle`);
process.exitCode = missing === 0 ? 0 : 1;
