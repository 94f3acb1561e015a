import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { KNOWN_FAILURES } from './known-failures.ts';
import { type Outcome, outcome } from './outcome.ts';
import { PROGRAMS } from './programs/all.ts';
import { SYSROOT } from './sysroot.ts';

const cli = fileURLToPath(new URL('../../bin/tsqemu-user.js', import.meta.url));
const recorded = JSON.parse(fs.readFileSync(new URL('recorded.json', import.meta.url), 'utf8')) as {
  oracle: string;
  outcomes: Record<string, Outcome>;
};

describe(`Debian arm64 programs do what they do under ${recorded.oracle}`, () => {
  for (const program of PROGRAMS) {
    test.skipIf(!fs.existsSync(SYSROOT))(
      program.name,
      async () => {
        const expected = recorded.outcomes[program.name];
        expect(expected, 'not recorded: run npm run oracle').toBeDefined();
        const actual = await outcome([process.execPath, cli], SYSROOT, program);
        const reason = KNOWN_FAILURES[program.name];
        if (reason === undefined) expect(actual).toEqual(expected);
        else expect(actual, `passes now, though listed as: ${reason}`).not.toEqual(expected);
      },
      90_000,
    );
  }
});

test('the list of known failures names programs that exist', () => {
  const names = new Set(PROGRAMS.map((p) => p.name));
  expect(names.size).toBe(PROGRAMS.length);
  expect(Object.keys(KNOWN_FAILURES).filter((name) => !names.has(name))).toEqual([]);
});
