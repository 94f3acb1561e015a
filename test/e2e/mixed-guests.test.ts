import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { AMD64, ARM64, ARMHF, GUESTS, hasSysroot, I386 } from './sysroot.ts';

const cli = fileURLToPath(new URL('../../bin/tsqemu-user.js', import.meta.url));
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-mixed-'));
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const libraries = path.join(AMD64.sysroot, 'usr/lib/x86_64-linux-gnu');
/** Programs of four architectures; that for amd64 is dynamic, in a tree that is not the emulator's -L. */
const env = {
  I386: path.join(I386.sysroot, 'bin/busybox'),
  ARMHF: path.join(ARMHF.sysroot, 'bin/busybox'),
  LOADER: path.join(libraries, 'ld-linux-x86-64.so.2'),
  LIBRARIES: libraries,
  PYTHON: path.join(AMD64.sysroot, 'usr/bin/python3.11'),
  PYTHONHOME: path.join(AMD64.sysroot, 'usr'),
};

/** Each starts the next one and goes on behind it: pipes, environment, status and signals go from guest to guest. */
const scripts = {
  'arm64.sh': `
    echo "$(uname -m) starts"
    echo lower | "$I386" sh ./i386.sh
    status=$?
    echo "$(uname -m) has $status from i386"
    "$ARMHF" sleep 100 &
    "$I386" kill $!
    wait $!
    echo "a child of armhf, killed by one of i386: $?"`,
  'i386.sh': `
    echo "$(uname -m) starts"
    tr a-z A-Z | "$ARMHF" sh ./armhf.sh
    status=$?
    echo "i386 has $status from armhf"
    exit $((status + 1))`,
  'armhf.sh': `
    echo "armhf starts"
    "$LOADER" --library-path "$LIBRARIES" "$PYTHON" ./amd64.py | { read line; echo "armhf reads: $line"; }
    "$LOADER" --library-path "$LIBRARIES" "$PYTHON" -c 'import sys; sys.exit(40)'`,
  'amd64.py': `
import os, struct, subprocess, sys
done = subprocess.run([os.environ['I386'], 'expr', '6', '*', '7'], capture_output=True, text=True)
stopped = subprocess.run([os.environ['ARMHF'], 'sh', '-c', 'kill -9 $$'])
print(os.uname().machine, struct.calcsize('P'), sys.stdin.read().strip(), done.stdout.strip(), stopped.returncode)`,
};

/** The second run has what the first one kept: code of each guest's own. */
test.skipIf(!GUESTS.every(hasSysroot)).each(['first', 'second'])(
  'guests of four architectures in one tree of processes: %s run',
  { timeout: 120_000 },
  () => {
    for (const [name, text] of Object.entries(scripts)) fs.writeFileSync(path.join(dir, name), text);
    const args = [cli, '-L', ARM64.sysroot, path.join(ARM64.sysroot, 'bin/bash'), 'arm64.sh'];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, {
      cwd: dir,
      encoding: 'utf8',
      env: { ...process.env, ...env, XDG_CACHE_HOME: path.join(dir, 'cache') },
    });
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      'aarch64 starts',
      'i686 starts',
      'armhf starts',
      'armhf reads: x86_64 8 LOWER 42 -9',
      'i386 has 40 from armhf',
      'aarch64 has 41 from i386',
      'a child of armhf, killed by one of i386: 143',
      '',
    ]);
    expect(status).toBe(0);
  },
);
