import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { execute } from './outcome.ts';
import { AMD64, hasSysroot, I386 } from './sysroot.ts';

const cli = fileURLToPath(new URL('../../bin/tsqemu-user.js', import.meta.url));
const fixtures = fileURLToPath(new URL('../fixtures/x86', import.meta.url));

/** What a processor prints lies beside the program: test/fixtures/x86/build-floats.sh. */
for (const [name, guest, what] of [
  ['floats-64', AMD64, 'long double, rounding modes, exception flags'],
  ['floats-32', I386, 'long double, rounding modes, exception flags'],
  ['stores-64', AMD64, 'FSTP out of range, by exception masks and rounding modes'],
  ['stores-32', I386, 'FSTP out of range, by exception masks and rounding modes'],
  ['frames-64', AMD64, 'traps and extended state in signal frames'],
  ['frames-32', I386, 'traps and extended state in signal frames'],
  ['edges-64', AMD64, 'strings that fault, code across pages, privileged instructions, segments, far transfers'],
  ['edges-32', I386, 'strings that fault, code across pages, privileged instructions, segments, far transfers'],
  ['segments-64', AMD64, 'modify_ldt, selectors and their error codes'],
  ['segments-32', I386, 'modify_ldt, set_thread_area, selectors and their error codes'],
  ['bases-32', I386, 'segments with bases and limits, null ones, stores through the code segment'],
  ['kernel-64', AMD64, 'vDSO, vsyscall page, int 0x80, states of handlers, single steps'],
  ['kernel-32', I386, 'vDSO, states of handlers, single steps'],
] as const) {
  test.skipIf(!hasSysroot(guest))(`${name}: ${what}`, async () => {
    const expected = fs.readFileSync(path.join(fixtures, `${name}.txt`), 'utf8');
    const { status, stdout } = await execute(
      process.execPath,
      [cli, '-L', guest.sysroot, path.join(fixtures, name)],
      '',
    );
    expect(stdout.toString()).toBe(expected);
    expect(status).toBe(0);
  });
}
