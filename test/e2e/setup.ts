import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundleIfStale } from '../../scripts/build.ts';
import { GUESTS, hasSysroot } from './sysroot.ts';

/** Before all tests: bundle the command line unless it is up to date, and fetch the guests' programs once. */
export async function setup(): Promise<void> {
  await bundleIfStale();
  const script = fileURLToPath(new URL('../../scripts/prepare-sysroot.sh', import.meta.url));
  for (const guest of GUESTS) {
    if (hasSysroot(guest)) continue;
    const { status } = spawnSync(script, [guest.arch, guest.sysroot], { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status === 0) continue;
    console.error(`Debian ${guest.arch} programs are not available here: tests that need them are skipped.`);
  }
}
