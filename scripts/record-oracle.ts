/**
 * Record what qemu-aarch64 makes of the programs in test/e2e: node scripts/record-oracle.ts [NAME-PART [ARCH]].
 * Programs that start others are run natively, on a host with the same Debian release: qemu would start the
 * host's programs, or none.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { type Outcome, outcome } from '../test/e2e/outcome.ts';
import { programsOf } from '../test/e2e/programs/all.ts';
import { GUESTS, hasSysroot } from '../test/e2e/sysroot.ts';

const part = process.argv[2] ?? '';
const release = fs.readFileSync('/etc/debian_version', 'utf8').trim();
for (const guest of GUESTS.filter(({ arch }) => arch === (process.argv[3] ?? arch))) {
  if (!hasSysroot(guest)) {
    console.log(`${guest.arch}: no packages here (scripts/prepare-sysroot.sh ${guest.arch})`);
    continue;
  }
  const { qemu, sysroot, recorded: file } = guest;
  const programs = programsOf(guest);
  const oracle = execFileSync(qemu, ['-version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  const packages = fs.readFileSync(`${sysroot}/.tsqemu-sysroot`, 'utf8').split(' ').slice(0, 3).join(' ');
  const old = fs.existsSync(file)
    ? (JSON.parse(fs.readFileSync(file, 'utf8')).outcomes as Record<string, Outcome>)
    : {};
  const outcomes: Record<string, Outcome> = {};
  for (const program of programs) {
    const known = old[program.name];
    if (known !== undefined && !program.name.includes(part)) outcomes[program.name] = known;
    else outcomes[program.name] = await outcome(program.native ? null : [qemu], sysroot, program);
  }
  const native = {
    oracle: `Debian ${release}, ${process.arch}`,
    programs: programs.filter((p) => p.native).map((p) => p.name),
  };
  fs.writeFileSync(file, `${JSON.stringify({ oracle, packages, native, outcomes }, null, 1)}\n`);
  console.log(`${guest.arch}: ${Object.keys(outcomes).length} programs recorded with ${oracle}`);
}
