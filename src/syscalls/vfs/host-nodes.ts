import fs from 'node:fs';
import { EACCES, EOPNOTSUPP, fromNodeError } from '../errno.ts';
import { hostPath } from './host-stat.ts';
import type { BytePath } from './types.ts';

/** What of libuv's pipes is used here: bind makes the node. */
interface PipeBinding {
  readonly Pipe: new (kind: number) => { bind(path: string): number; close(): void };
}
const SERVER = 1;
let count = 0;

/**
 * Make a node under a name of our own beside the wanted one, and link that to it: then a name of any bytes will
 * do, one that exists stays as it is, and what the maker does to its own name later does no harm. `make` gets a
 * short path that is good in this process and its children, and answers 0 or -errno.
 */
function makeBeside(path: BytePath, mode: number, make: (name: string) => number): number {
  let directory: number | null = null;
  try {
    directory = fs.openSync(hostPath(path.slice(0, path.lastIndexOf('/')) || '/'), fs.constants.O_DIRECTORY);
    const name = `/proc/${process.pid}/fd/${directory}/.tsqemu-${process.pid}-${count++}`;
    const failed = make(name);
    if (failed !== 0) return failed;
    try {
      fs.chmodSync(name, mode);
      fs.linkSync(name, hostPath(path));
    } finally {
      fs.unlinkSync(name);
    }
    return 0;
  } catch (error) {
    return fromNodeError(error);
  } finally {
    if (directory !== null) fs.closeSync(directory);
  }
}

/** Node has no mknod: mkfifo(1) makes it. */
export function makeFifo(path: BytePath, mode: number): number {
  return makeBeside(path, mode, (name) => {
    const { spawnSync } = process.getBuiltinModule('node:child_process');
    const { status, error } = spawnSync('mkfifo', ['--', name], { stdio: 'ignore' });
    if (error !== undefined) return -EOPNOTSUPP;
    return status === 0 ? 0 : -EACCES;
  });
}

/** A node of type socket: bind(2) makes it. Nobody listens there; whoever of the host connects is refused. */
export function makeSocket(path: BytePath, mode: number): number {
  const { Pipe } = (process as unknown as { binding(name: string): PipeBinding }).binding('pipe_wrap');
  const pipe = new Pipe(SERVER);
  try {
    return makeBeside(path, mode, (name) => (pipe.bind(name) === 0 ? 0 : -EACCES));
  } finally {
    pipe.close();
  }
}
