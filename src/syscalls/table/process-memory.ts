import { INT, PTR, R_SIZE, SIZE } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../errno.ts';
import type { Process } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';
import { type IoVec, readIoVecs } from './transfer.ts';

const PAGE = 4096;

/** Who may look into whose memory: man 2 ptrace, PTRACE_MODE_ATTACH_REALCREDS. */
function mayAttach(by: Process, target: Process): boolean {
  if (by === target || by.uids[1] === 0) return true;
  return target.uids.every((id) => id === by.uids[0]) && target.gids.every((id) => id === by.gids[0]);
}

/** The bytes of a list in pieces that lie in one page. */
function* pages(list: readonly IoVec[]): Generator<IoVec> {
  for (const { base, length } of list) {
    for (let done = 0; done < length; ) {
      const piece = Math.min(length - done, PAGE - ((base + done) % PAGE));
      yield { base: base + done, length: piece };
      done += piece;
    }
  }
}

/** Move bytes between the caller's list and another process's, as far as both go and can be accessed (man 2 process_vm_readv). */
function move(task: Task, other: Process, local: readonly IoVec[], remote: readonly IoVec[], write: boolean): number {
  const own = task.space;
  let moved = 0;
  const theirs = pages(remote);
  let there: IoVec = { base: 0, length: 0 };
  for (const here of pages(local)) {
    for (let done = 0; done < here.length; ) {
      if (there.length === 0) {
        const next = theirs.next();
        if (next.done === true) return moved;
        there = next.value;
      }
      const length = Math.min(here.length - done, there.length);
      const from = write ? own.readRange(here.base + done, length) : other.space.readRange(there.base, length);
      const to = write ? other.space.writeRange(there.base, length) : own.writeRange(here.base + done, length);
      if (from === null || to === null) return moved > 0 ? moved : -EFAULT;
      to.set(from);
      moved += length;
      done += length;
      there = { base: there.base + length, length: there.length - length };
    }
  }
  return moved;
}

const moving = (name: string, write: boolean): Syscall =>
  syscall(
    name,
    { pid: INT, local_iov: PTR, liovcnt: SIZE, remote_iov: PTR, riovcnt: SIZE, flags: SIZE },
    R_SIZE,
    (task, { pid, local_iov, liovcnt, remote_iov, riovcnt, flags }) => {
      if (flags !== 0) return -EINVAL;
      const local = readIoVecs(task, local_iov, liovcnt);
      if (typeof local === 'number') return local;
      const remote = readIoVecs(task, remote_iov, riovcnt);
      if (typeof remote === 'number') return remote;
      const other = task.process.kernel.tasks.get(pid)?.process;
      if (other === undefined || other.exited !== null) return -ESRCH;
      if (!mayAttach(task.process, other)) return -EPERM;
      return move(task, other, local, remote, write);
    },
  );

export const calls: readonly Syscall[] = [moving('process_vm_readv', false), moving('process_vm_writev', true)];
