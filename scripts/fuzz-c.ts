/**
 * Differential fuzzer of whole programs: random C (scripts/fuzz-c-generate.ts), compiled for a guest and for the host, has to
 * print the same. Where the instruction fuzzer (scripts/fuzz.ts) sees single blocks, this one sees loops, calls and what a
 * compiler makes of them. Needs gcc for the host and the guests.
 *
 *     node scripts/fuzz-c.ts [--guest NAME] [--seed N] [--cases N] [--tier hot|cold|auto] [--keep FOLDER]
 *
 * Without --guest it takes all in turn. A program that differs is left in FOLDER.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCase, TARGETS } from './fuzz-c-run.ts';

const { values: options } = parseArgs({
  options: {
    guest: { type: 'string' },
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '20' },
    tier: { type: 'string', default: 'hot' },
    keep: { type: 'string', default: path.join(os.tmpdir(), 'tsqemu-fuzz-c') },
  },
});
if (options.guest !== undefined && !Object.hasOwn(TARGETS, options.guest)) {
  throw new Error(`--guest is one of ${Object.keys(TARGETS).join(', ')}`);
}
const guests = options.guest === undefined ? Object.keys(TARGETS) : [options.guest];
const [seed, cases] = [Number(options.seed), Number(options.cases)];
if (!Number.isInteger(seed) || !Number.isInteger(cases) || cases < 1) throw new Error('--seed and --cases are numbers');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-fuzz-c-'));
let differing = 0;
try {
  for (let at = seed; at < seed + cases; at++) {
    for (const { guest, flags, line, end } of runCase(dir, at, guests, options.tier)) {
      differing++;
      const kept = path.join(options.keep, `${at}-${guest}`);
      fs.mkdirSync(kept, { recursive: true });
      for (const name of ['program.c', 'native', guest]) fs.copyFileSync(path.join(dir, name), path.join(kept, name));
      process.stdout.write(
        `seed ${at}, ${guest} ${flags.join(' ')}: line ${line} differs, at the end: ${end}\n${kept}\n`,
      );
    }
  }
} finally {
  fs.rmSync(dir, { recursive: true, force: true });
}
process.stdout.write(`${cases} programs for ${guests.join(', ')}: ${differing} differences\n`);
process.exitCode = differing === 0 ? 0 : 1;
