import os from 'node:os';
import path from 'node:path';

const { TSQEMU_TEST_CACHE, XDG_CACHE_HOME } = process.env;

/** Tree of Debian arm64 packages that scripts/prepare-sysroot.sh makes. */
export const SYSROOT: string = path.join(
  TSQEMU_TEST_CACHE ?? path.join(XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'tsqemu-user-test'),
  'arm64',
);
