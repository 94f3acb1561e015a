/** scripts/fuzz.ts for x86-64 and i386: the oracle is the host's processor, or qemu-user where that is another one. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { undefinedFlags, unexplainedX86 } from '../test/fuzz/known-differences-x86.ts';
import type { Difference } from './fuzz-compare.ts';
import { Random } from './fuzz-random.ts';
import { type Emulator, runPacked } from './fuzz-record.ts';
import { type CaseX86, FX, HARNESS_I386, HARNESS_SEGMENTS, HARNESS_X86_64, joinInstructions, type OutcomeX86, packCasesX86, RECORD_SIZE_X86, readOutcomeX86, viewOf } from './fuzz-record-x86.ts'; // biome-ignore format: one line
import { compareX86, randomCaseX86, rowsX86, syntaxesOf, warmUpX86 } from './fuzz-x86.ts';

interface Options {
  readonly guest: string;
  readonly cases: string;
  readonly length: string;
  readonly seed: string;
  readonly fast: boolean;
  readonly rows: string;
  readonly emulator: string;
  readonly oracle: string;
  readonly shown: string;
  readonly segments: boolean;
}

const CHUNK = 1024;

/** The processor that answers: the host's own, or qemu's. */
export const oracleX86 = (is64: boolean): Emulator => {
  const harness = is64 ? HARNESS_X86_64 : HARNESS_I386;
  return process.arch === 'x64' ? [harness] : [is64 ? 'qemu-x86_64' : 'qemu-i386', '-cpu', 'max', harness];
};

/** Run the fuzzer; true: there were no differences. */
export function fuzzX86(options: Options): boolean {
  const is64 = options.guest === 'x86_64';
  const exact = !options.fast;
  const list = rowsX86(is64, exact, options.rows, options.segments);
  const random = new Random(Number(options.seed));
  const command = (words: string): Emulator => [...words.split(' '), is64 ? HARNESS_X86_64 : HARNESS_I386] as unknown as Emulator; // biome-ignore format: one line
  const oracle = options.oracle === '' ? oracleX86(is64) : command(options.oracle);
  const ours = options.segments ? ([...options.emulator.split(' '), HARNESS_SEGMENTS] as unknown as Emulator) : command(options.emulator); // biome-ignore format: one line

  const outcomes = (emulator: Emulator, cases: readonly CaseX86[]): { list: OutcomeX86[]; death: string | null } => {
    const all = exact ? [warmUpX86(), ...cases] : cases;
    let result = runPacked(emulator, packCasesX86(all));
    if (result.status !== 0) result = runPacked(emulator, packCasesX86(all), true);
    const count = Math.floor(result.bytes.length / RECORD_SIZE_X86);
    const got = Array.from({ length: count }, (_, i) =>
      readOutcomeX86(result.bytes, i * RECORD_SIZE_X86, all[i] as CaseX86),
    );
    if (exact) got.shift();
    return {
      list: got,
      death: got.length < cases.length ? `${result.signal ?? result.status}: ${result.stderr.trim()}` : null,
    };
  };
  const differences = (c: CaseX86, a: OutcomeX86, b: OutcomeX86): Difference[] => {
    const syntaxes = syntaxesOf(c, is64);
    return unexplainedX86(compareX86(a, b, exact, undefinedFlags(syntaxes.at(-1) ?? '')), syntaxes, a, b);
  };
  const single = (c: CaseX86): Difference[] | string => {
    const [a, b] = [outcomes(oracle, [c]).list[0], outcomes(ours, [c])];
    return b.list[0] ? differences(c, a as OutcomeX86, b.list[0]) : (b.death ?? 'no answer');
  };
  const report = (c: CaseX86): void => {
    let small = c;
    for (let i = small.starts.length - 1; i >= 0 && small.starts.length > 1; i--) {
      // what hides undefined flags stays
      if (syntaxesOf(small, is64)[i + 1] === 'cmp r/m, r') continue;
      const shorter = { ...small, ...joinInstructions(instructionsOf(small).filter((_, n) => n !== i)) };
      if (single(shorter).length > 0) small = shorter;
    }
    console.log(disassemble(small.bytes, is64));
    const view = viewOf(small.xsave);
    console.log(
      `  mxcsr=${hex(view.getUint32(FX.mxcsr as number, true))} eflags=${hex(small.eflags)} ${[...small.gpr].map((v, n) => `r${n}=${hex(v)}`).join(' ')}`,
    );
    for (let n = 0; n < (is64 ? 16 : 8); n++) {
      const at = (FX.xmm as number) + 16 * n;
      console.log(`  xmm${n}=${hex((view.getBigUint64(at + 8, true) << 64n) | view.getBigUint64(at, true))}`);
    }
    const found = single(small);
    if (typeof found === 'string') console.log(`  emulator ended: ${found.slice(0, 2000)}`);
    else for (const d of found.slice(0, 12)) console.log(`  ${d.where}: host ${d.theirs}, ours ${d.ours}`);
  };

  let bad = 0;
  let instructions = 0;
  const total = Number(options.cases);
  for (let done = 0; done < total; done += CHUNK) {
    const cases = Array.from({ length: Math.min(CHUNK, total - done) }, () =>
      randomCaseX86(list, random, Number(options.length), is64, exact),
    );
    instructions += cases.reduce((sum, c) => sum + c.starts.length, 0);
    const theirs = outcomes(oracle, cases);
    if (theirs.death) throw new Error(`the oracle died: ${theirs.death}`);
    for (let from = 0; from < cases.length; ) {
      const mine = outcomes(ours, cases.slice(from));
      for (const [i, b] of mine.list.entries()) {
        const c = cases[from + i] as CaseX86;
        if (differences(c, theirs.list[from + i] as OutcomeX86, b).length === 0) continue;
        if (++bad <= Number(options.shown)) report(c);
      }
      from += mine.list.length;
      if (!mine.death) break;
      console.log(
        `emulator died (${mine.death.slice(0, 500)}) of ${syntaxesOf(cases[from] as CaseX86, is64).join('; ')}`,
      );
      bad++;
      from++;
    }
  }
  console.log(`${total} cases, ${instructions} instructions of ${list.length} rows, ${bad} differences`);
  return bad === 0;
}

const hex = (n: bigint | number): string => `0x${n.toString(16)}`;

const instructionsOf = (c: CaseX86): number[][] =>
  c.starts.map((start, i) => [...c.bytes.slice(start, c.starts[i + 1] ?? c.bytes.length)]);

/** objdump's text, or the bytes where there is no objdump. */
function disassemble(bytes: Uint8Array, is64: boolean): string {
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-'));
  try {
    const file = join(directory, 'code');
    writeFileSync(file, bytes);
    const done = spawnSync('objdump', ['-D', '-b', 'binary', '-m', is64 ? 'i386:x86-64' : 'i386', file], {
      encoding: 'utf8',
    });
    return done.status === 0
      ? done.stdout.split('\n').slice(7).join('\n').trimEnd()
      : Buffer.from(bytes).toString('hex');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
