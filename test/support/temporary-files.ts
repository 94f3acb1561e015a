import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Directories of runs that did not end by themselves: the process whose number is in the name is gone. */
const isLeft = (tmp: string, name: string): boolean => {
  const pid = Number(/^tsqemu-run-(\d+)-/.exec(name)?.[1] ?? 0);
  if (pid === 0 || fs.statSync(path.join(tmp, name), { throwIfNoEntry: false })?.uid !== process.getuid?.())
    return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
};

/**
 * Before all tests: one directory for all temporary files, of guests too, which goes with the run however its tests end.
 * That of a run that was killed goes with the next one.
 */
export function setup(): () => void {
  const tmp = os.tmpdir();
  const { TMPDIR } = process.env;
  for (const name of fs.readdirSync(tmp)) {
    if (isLeft(tmp, name)) fs.rmSync(path.join(tmp, name), { recursive: true, force: true });
  }
  const dir = fs.mkdtempSync(path.join(tmp, `tsqemu-run-${process.pid}-`));
  // as /tmp: guests that give up root have files there
  fs.chmodSync(dir, 0o1777);
  process.env.TMPDIR = dir;
  return () => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    fs.rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  };
}
