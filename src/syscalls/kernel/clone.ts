import { State } from '../../cpu/memory/layout.ts';
import { EAGAIN, EFAULT, EINVAL, EPERM } from '../errno.ts';
import { writeI64 } from '../struct.ts';
import type { GuestCpu } from './cpu.ts';
import { readThreadArea } from './descriptors.ts';
import { RLIMIT_NPROC } from './limits.ts';
import { PidFile } from './pidfd.ts';
import { CLONE_SIGHAND, CLONE_VM, Process } from './process.ts';
import { NSIG } from './signals.ts';
import type { Task } from './task.ts';
import { type Pending, waitFor } from './wait.ts';

const CLONE_FS = 0x200;
const CLONE_PIDFD = 0x1000;
const CLONE_VFORK = 0x4000;
const CLONE_PARENT = 0x8000;
const CLONE_THREAD = 0x1_0000;
const CLONE_NEWNS = 0x2_0000;
const CLONE_SETTLS = 0x8_0000;
const CLONE_PARENT_SETTID = 0x10_0000;
const CLONE_CHILD_CLEARTID = 0x20_0000;
const CLONE_CHILD_SETTID = 0x100_0000;
/** Namespaces: NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME. */
const NAMESPACES = 0x7e00_0080 | CLONE_NEWNS;
const CLONE_CLEAR_SIGHAND = 0x1_0000_0000;

/** Arguments of clone and clone3 in one form. */
export interface CloneRequest {
  /** CLONE_ flags without the exit signal; CLONE_CLEAR_SIGHAND is bit 32. */
  readonly flags: number;
  readonly exitSignal: number;
  /** Stack pointer of the child; 0: the parent's. */
  readonly sp: number;
  readonly parentTid: number;
  /** Where CLONE_PIDFD stores the descriptor: of clone, where the thread id would go. */
  readonly pidfd: number;
  readonly childTid: number;
  readonly tls: number;
}

/** The namespaces and combinations that Linux refuses (man 2 clone, ERRORS). */
function check(task: Task, flags: number, exitSignal: number): number {
  const has = (bits: number): boolean => (flags & bits) !== 0;
  if (has(CLONE_SIGHAND) && !has(CLONE_VM)) return -EINVAL;
  if (has(CLONE_THREAD) && !has(CLONE_SIGHAND)) return -EINVAL;
  if (has(CLONE_FS) && has(CLONE_NEWNS)) return -EINVAL;
  if (has(CLONE_PIDFD) && has(CLONE_THREAD)) return -EINVAL;
  if (exitSignal < 0 || exitSignal > NSIG) return -EINVAL;
  if (has(NAMESPACES)) return -EPERM;
  const [most] = task.process.limits[RLIMIT_NPROC] ?? [Number.POSITIVE_INFINITY];
  return task.process.kernel.tasks.size >= most ? -EAGAIN : 0;
}

/** clone(2): a process or a thread that goes on where the caller does. Returns its id to the caller. */
export function cloneTask(task: Task, request: CloneRequest): number | Pending {
  const { exitSignal, sp, parentTid, childTid, tls } = request;
  const flags = (request.flags % 0x1_0000_0000) | 0;
  const failed = check(task, flags, exitSignal);
  if (failed !== 0) return failed;
  const { process, space } = task;
  if ((flags & CLONE_PARENT_SETTID) !== 0 && !space.writable(parentTid, 4)) return -EFAULT;

  if ((flags & CLONE_PIDFD) !== 0 && !space.writable(request.pidfd, 4)) return -EFAULT;

  const wantsDescriptor = (flags & CLONE_SETTLS) !== 0 && task.abi.tlsDescriptor === true;
  const area = wantsDescriptor ? readThreadArea(task, tls, false) : null;
  if (typeof area === 'number') return area;
  const isThread = (flags & CLONE_THREAD) !== 0;
  const cpu = (flags & CLONE_VM) !== 0 ? task.cpu.clone() : task.cpu.fork();
  if (cpu === null) return -EAGAIN;
  const child = isThread ? process.createTask(cpu) : createChild(task, cpu, flags, request);
  child.comm = task.comm;
  child.blocked = task.blocked;
  child.affinity = task.affinity;
  child.policy = task.policy;
  // A child on a stack of its own has no alternate one; vfork's borrows the parent's.
  if ((flags & (CLONE_VM | CLONE_VFORK)) !== CLONE_VM) child.altStack = { ...task.altStack };

  const { registers } = process.abi;
  const { host } = cpu.space;
  writeI64(host, cpu.state + State.REGS + 8 * registers.result, 0);
  if (sp !== 0) writeI64(host, cpu.state + State.REGS + 8 * registers.stack, sp);
  if (area !== null) cpu.setThreadArea(area.at, area.descriptor);
  else if ((flags & CLONE_SETTLS) !== 0) cpu.setTls(BigInt(tls));
  if ((flags & CLONE_PARENT_SETTID) !== 0) space.view.setInt32(parentTid, child.tid, true);
  if ((flags & CLONE_PIDFD) !== 0) {
    space.view.setInt32(request.pidfd, process.files.install(new PidFile(child.process, 0), true), true);
  }
  if ((flags & CLONE_CHILD_SETTID) !== 0 && cpu.space.writable(childTid, 4)) {
    cpu.space.view.setInt32(childTid, child.tid, true);
  }
  if ((flags & CLONE_CHILD_CLEARTID) !== 0) child.clearChildTid = childTid;
  process.kernel.scheduler.enqueue(child);
  if ((flags & CLONE_VFORK) === 0 || isThread) return child.tid;
  const { process: offspring, tid } = child;
  return waitFor(task, () => (offspring.borrowsMemory ? -EAGAIN : tid), { on: [offspring.vforkQueue], killable: true });
}

function createChild(task: Task, cpu: GuestCpu, flags: number, request: CloneRequest): Task {
  const { process } = task;
  const child = new Process(process.kernel, process.abi, cpu.space, process.program, process, flags);
  child.exitSignal = request.exitSignal;
  if ((flags & CLONE_PARENT) !== 0) {
    process.children.delete(child);
    child.parent = process.parent;
    process.parent?.children.add(child);
    child.exitSignal = process.exitSignal;
  }
  if (request.flags >= CLONE_CLEAR_SIGHAND) child.clearHandlers();
  return child.createTask(cpu);
}
