import { E2BIG, EACCES, EAGAIN, ELOOP, ETXTBSY } from '../errno.ts';
import { O_ACCMODE, type OpenFile, S_IFLNK, S_IFMT, S_IFREG } from '../vfs/types.ts';
import { endTask, releaseMemory } from './exit.ts';
import { leaveFutexes } from './futex.ts';
import type { LoadedImage } from './kernel.ts';
import { RLIMIT_STACK } from './limits.ts';
import { AT_FDCWD } from './process.ts';
import { SIGCHLD } from './signals.ts';
import type { Task } from './task.ts';
import { type Pending, waitFor } from './wait.ts';

/** What execve was given; the path is absolute or relative to the working directory. */
export interface ExecArguments {
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
}

/** execve(2) in place: on success the task runs the new program, and 0 is the answer. */
export function execTask(task: Task, request: ExecArguments): number | Pending {
  const { process } = task;
  const { kernel } = process;
  const { path, argv, env } = request;
  if (kernel.loadProgram === null) return -EACCES;
  const [stack = 0] = process.limits[RLIMIT_STACK] ?? [];
  const bytes = [...argv, ...env].reduce((sum, text) => sum + text.length + 1 + process.abi.wordSize, 0);
  // As Linux: a quarter of the stack, 128 KiB at least (and 6 MiB at most with an unlimited stack).
  if (bytes > Math.max(Math.min(stack / 4, 6 << 20), 0x2_0000)) return -E2BIG;
  const busy = checkBusy(task, path);
  if (busy !== 0) return busy;
  const { uids, gids, cwd, guard } = process;
  const ids = { uid: uids[0], euid: uids[1], gid: gids[0], egid: gids[1] };
  const loaded = kernel.loadProgram({ path, argv, env, cwd, ids, stack, guard });
  if (!(loaded instanceof Promise)) return become(task, loaded, env);
  let image: LoadedImage | number | null = null;
  const release = kernel.scheduler.hold();
  void loaded.then((value) => {
    image = value;
    release();
    task.wake();
  });
  return waitFor(task, () => (image === null ? -EAGAIN : become(task, image, env)), { killable: true });
}

/** A file that somebody has open for writing cannot be run (man 2 execve, ETXTBSY). */
function checkBusy(task: Task, path: string): number {
  const { kernel } = task.process;
  const at = task.process.resolve(AT_FDCWD, path, true);
  if (typeof at === 'number') return at;
  const stat = at.fs.stat(at.path, true);
  if (typeof stat === 'number') return stat;
  if ((stat.mode & S_IFMT) === S_IFLNK) return -ELOOP;
  const seen = new Set<OpenFile>();
  for (const { files } of kernel.processes.values()) {
    for (const fd of files.list()) {
      const file = files.get(fd);
      if (file === null || (file.flags & O_ACCMODE) === 0 || file.mayBlock || seen.has(file)) continue;
      seen.add(file);
      const other = file.stat();
      if (typeof other === 'number' || (other.mode & S_IFMT) !== S_IFREG) continue;
      if (other.dev === stat.dev && other.ino === stat.ino) return -ETXTBSY;
    }
  }
  return 0;
}

/** From here on there is no way back: the old program is gone. */
function become(task: Task, image: LoadedImage | number, env: readonly string[]): number {
  if (typeof image === 'number') return image;
  const { process } = task;
  const { kernel } = process;
  for (const other of [...process.tasks]) if (other !== task) endTask(other);
  leaveFutexes(task);
  task.cpu.discard();
  if (task.tid !== process.pid) {
    kernel.tasks.delete(task.tid);
    task.tid = process.pid;
    kernel.tasks.set(task.tid, task);
  }
  if (process.files.shared) {
    const own = process.files.copy();
    process.files.leave();
    process.files = own;
  }
  const { abi, cpu, exe, argv, auxv, trampoline, comm } = image;
  process.replace(abi, cpu.space, { exe, argv, env, auxv, trampoline, cwd: process.cwd }, exe);
  process.files.closeOnExec();
  process.timers.clear(true);
  process.exitSignal = SIGCHLD;
  process.comm = comm;
  task.comm = comm;
  task.altStack = { sp: 0, size: 0, flags: 2 };
  task.clearChildTid = 0;
  task.robustList = { head: 0, length: 0 };
  task.bind(cpu);
  releaseMemory(process);
  return 0;
}
