import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleIfStale } from '../../scripts/build.ts';
import { SYSROOT } from './sysroot.ts';

/** Before all tests: bundle the command line unless it is up to date, and fetch the guests' programs once. */
export async function setup(): Promise<void> {
  await bundleIfStale();
  if (fs.existsSync(SYSROOT)) return;
  const script = fileURLToPath(new URL('../../scripts/prepare-sysroot.sh', import.meta.url));
  const { status } = spawnSync(script, ['arm64', SYSROOT], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) console.error('Debian arm64 programs are not available here: tests that need them are skipped.');
}
