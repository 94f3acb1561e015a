import fs from 'node:fs';
import { EACCES, EEXIST, EOPNOTSUPP, fromNodeError } from '../errno.ts';
import { hostPath, hostStat } from './host-stat.ts';
import type { BytePath } from './types.ts';

/** Node has no mknod: mkfifo(1) makes it. */
export function makeFifo(path: BytePath, mode: number): number {
  if (typeof hostStat(path, false) !== 'number') return -EEXIST;
  const parent = hostStat(path.slice(0, path.lastIndexOf('/')) || '/', true);
  if (typeof parent === 'number') return parent;
  const name = hostPath(path);
  if (typeof name !== 'string') return -EOPNOTSUPP;
  const args = ['-m', mode.toString(8), '--', name];
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { status, error } = spawnSync('mkfifo', args, { stdio: 'ignore' });
  if (error !== undefined) return -EOPNOTSUPP;
  return status === 0 ? 0 : -EACCES;
}

/** What of libuv's pipes is used here: bind makes the node. */
interface PipeBinding {
  readonly Pipe: new (kind: number) => { bind(path: string): number; close(): void };
}
const SERVER = 1;
let count = 0;

/**
 * A node of type socket. Only bind(2) makes one on the host, and libuv takes its name away when it closes: so the
 * name that stays is a link to it. Nobody listens there; whoever of the host connects is refused.
 */
export function makeSocket(path: BytePath, mode: number): number {
  const at = path.lastIndexOf('/');
  let directory: number | null = null;
  const { Pipe } = (process as unknown as { binding(name: string): PipeBinding }).binding('pipe_wrap');
  const pipe = new Pipe(SERVER);
  try {
    directory = fs.openSync(hostPath(path.slice(0, at) || '/'), fs.constants.O_DIRECTORY);
    // A short name whatever the folder's is: sun_path has 108 bytes.
    const made = `/proc/self/fd/${directory}/.tsqemu-${process.pid}-${count++}`;
    if (pipe.bind(made) !== 0) return -EACCES;
    fs.chmodSync(made, mode);
    fs.linkSync(made, hostPath(path));
    return 0;
  } catch (error) {
    return fromNodeError(error);
  } finally {
    pipe.close();
    if (directory !== null) fs.closeSync(directory);
  }
}
