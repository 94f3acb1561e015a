import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { KNOWN_FAILURES } from './known-failures.ts';
import { GUEST_ENV, type Outcome, outcome } from './outcome.ts';
import { programsOf } from './programs/all.ts';
import { type GuestArch, hasSysroot, TRANSLATIONS } from './sysroot.ts';

const cli = fileURLToPath(new URL('../../bin/tsqemu-user.js', import.meta.url));
/** Guests' HOME is no folder to write to, which would not keep root from it; they do not see where translations are kept. */
const emulator = [process.execPath, cli, '-U', 'TSQEMU_CACHE'];
const env = { ...GUEST_ENV, TSQEMU_CACHE: TRANSLATIONS };

interface Recorded {
  readonly oracle: string;
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

/** The tests of one guest's programs. */
export function comparePrograms(guest: GuestArch): void {
  const programs = programsOf(guest);
  const recorded = JSON.parse(fs.readFileSync(guest.recorded, 'utf8')) as Recorded;
  const failures = KNOWN_FAILURES[guest.arch] ?? {};

  describe(`Debian ${guest.arch} programs do what they do under ${recorded.oracle}`, () => {
    for (const program of programs) {
      test.skipIf(!hasSysroot(guest))(
        program.name,
        async () => {
          const expected = recorded.outcomes[program.name];
          expect(expected, 'not recorded: run npm run oracle').toBeDefined();
          const actual = await outcome(emulator, guest.sysroot, program, env);
          const reason = failures[program.name];
          if (reason === undefined) expect(actual).toEqual(expected);
          else expect(actual, `passes now, though listed as: ${reason}`).not.toEqual(expected);
        },
        90_000,
      );
    }
  });

  test(`the list of known failures of ${guest.arch} names programs that exist`, () => {
    const names = new Set(programs.map((p) => p.name));
    expect(names.size).toBe(programs.length);
    expect(Object.keys(failures).filter((name) => !names.has(name))).toEqual([]);
  });
}
