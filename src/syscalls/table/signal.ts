import { State } from '../../cpu/memory/layout.ts';
import { altStackFlags, writeSigInfo } from '../abi/signal-frame.ts';
import { INT, PTR, R_INT, SIGNAL, SIZE } from '../args.ts';
import { type ArgType, LEAVE, type Syscall, syscall } from '../define.ts';
import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ERESTARTNOHAND, ERESTARTSYS, ESRCH } from '../errno.ts';
import { type FlagTable, formatFlags } from '../flags.ts';
import { monotonicMs } from '../kernel/clock.ts';
import type { Process } from '../kernel/process.ts';
import {
  NSIG,
  SA_RESTORER,
  SA_SIGINFO,
  SI_TKILL,
  SI_USER,
  SIG_DFL,
  SIG_IGN,
  SIGBUS,
  SIGCONT,
  SIGKILL,
  SIGSEGV,
  SIGSTOP,
  type SigAction,
  type SigInfo,
  sigmask,
  signalName,
  UNBLOCKABLE,
} from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import { bits64, i32, readU64, struct, ulong, wordBits } from '../struct.ts';
import { IN_TIMESPEC, readTimespec } from './timespec.ts';

const SIGSET_SIZE = 8;

/** A signal set as strace shows it: `[INT TERM]`, or `~[…]` when that is shorter. */
export function formatSigset(mask: bigint): string {
  const names = (bits: bigint): string => {
    const list: string[] = [];
    for (let signal = 1; signal <= NSIG; signal++) {
      if ((bits & sigmask(signal)) !== 0n) list.push(signalName(signal).replace(/^SIG/, ''));
    }
    return `[${list.join(' ')}]`;
  };
  let count = 0;
  for (let bits = mask; bits !== 0n; bits >>= 1n) count += Number(bits & 1n);
  return count > NSIG / 2 ? `~${names(BigInt.asUintN(64, ~mask))}` : names(mask);
}

/** A signal set in guest memory; null = EFAULT. */
export function readSet(task: Task, address: number): bigint | null {
  return task.space.readable(address, 8) ? task.space.view.getBigUint64(address, true) : null;
}

function writeSet(task: Task, address: number, mask: bigint): number {
  if (!task.space.writable(address, 8)) return -EFAULT;
  task.space.view.setBigUint64(address, mask, true);
  return 0;
}

function showSet(task: Task, address: number): string {
  if (address === 0) return 'NULL';
  const mask = readSet(task, address);
  return mask === null ? `0x${address.toString(16)}` : formatSigset(mask);
}

/** A signal set that the call reads. */
export const IN_SET: ArgType<number> = {
  doc: 'const sigset_t *',
  read: (c) => c.ulong(),
  format: (v, c) => showSet(c.task, v),
};
const OUT_SET: ArgType<number> = {
  doc: 'sigset_t *',
  read: (c) => c.ulong(),
  format: (v, c) => (c.result === undefined || c.result < 0 ? PTR.format(v, c) : showSet(c.task, v)),
};

/** struct sigaction of the kernel: handler, flags, restorer, mask (order of asm-generic and x86). */
const SIGACTION = struct('sigaction', { handler: ulong, flags: ulong, restorer: ulong, mask: bits64 });
const SA_FLAGS: FlagTable = [
  ['SA_RESTORER', 0x04000000],
  ['SA_ONSTACK', 0x08000000],
  ['SA_RESTART', 0x10000000],
  ['SA_NODEFER', 0x40000000],
  ['SA_RESETHAND', 0x80000000],
  ['SA_SIGINFO', 4],
  ['SA_NOCLDWAIT', 2],
  ['SA_NOCLDSTOP', 1],
];

function showAction(task: Task, address: number): string {
  if (address === 0) return 'NULL';
  const v = task.get(SIGACTION, address);
  if (v === null) return `0x${address.toString(16)}`;
  const handler = v.handler === SIG_DFL ? 'SIG_DFL' : v.handler === SIG_IGN ? 'SIG_IGN' : `0x${v.handler.toString(16)}`;
  const restorer = (v.flags & SA_RESTORER) !== 0 ? `, sa_restorer=0x${v.restorer.toString(16)}` : '';
  return `{sa_handler=${handler}, sa_mask=${formatSigset(v.mask)}, sa_flags=${formatFlags(v.flags, SA_FLAGS)}${restorer}}`;
}

/** struct old_sigaction of 32-bit ABIs: a mask of one word, before the flags. */
const OLD_SIGACTION = struct('old_sigaction', { handler: ulong, mask: wordBits, flags: ulong, restorer: ulong });

/** Whether a handler is given the registers of faults of memory. */
const looksAtFaults = (signum: number, { handler, flags }: SigAction): boolean =>
  (signum === SIGSEGV || signum === SIGBUS) && handler !== SIG_DFL && handler !== SIG_IGN && (flags & SA_SIGINFO) !== 0;

function exchangeAction(
  task: Task,
  { signum, act, oldact }: { signum: number; act: number; oldact: number },
  layout: typeof SIGACTION,
): number {
  if (signum < 1 || signum > NSIG) return -EINVAL;
  if (act !== 0 && (signum === SIGKILL || signum === SIGSTOP)) return -EINVAL;
  const old = task.process.action(signum);
  const wanted = act === 0 ? null : task.get(layout, act);
  if (act !== 0 && wanted === null) return -EFAULT;
  if (oldact !== 0) {
    const failed = task.put(layout, oldact, old);
    if (failed !== 0) return failed;
  }
  if (wanted !== null && looksAtFaults(signum, wanted)) task.cpu.keepFaultsPrecise();
  if (wanted !== null) task.process.setAction(signum, { ...wanted, mask: wanted.mask & ~UNBLOCKABLE });
  return 0;
}

const ACT: ArgType<number> = {
  doc: 'const struct sigaction *',
  read: (c) => c.ulong(),
  format: (v, c) => showAction(c.task, v),
};
const OLDACT: ArgType<number> = {
  doc: 'struct sigaction *',
  read: (c) => c.ulong(),
  format: (v, c) => (c.result === 0 ? showAction(c.task, v) : PTR.format(v, c)),
};

export const rt_sigaction: Syscall = syscall(
  'rt_sigaction',
  { signum: SIGNAL, act: ACT, oldact: OLDACT, sigsetsize: SIZE },
  R_INT,
  (task, args) => (args.sigsetsize === SIGSET_SIZE ? exchangeAction(task, args, SIGACTION) : -EINVAL),
);

export const oldSigaction: Syscall = syscall(
  'old sigaction',
  { signum: SIGNAL, act: PTR, oldact: PTR },
  R_INT,
  (task, args) => exchangeAction(task, args, OLD_SIGACTION as unknown as typeof SIGACTION),
);

const HOW: FlagTable = [
  ['SIG_BLOCK', 0],
  ['SIG_UNBLOCK', 1],
  ['SIG_SETMASK', 2],
];

export const rt_sigprocmask: Syscall = syscall(
  'rt_sigprocmask',
  {
    how: { ...INT, format: (v: number) => HOW.find(([, n]) => n === v)?.[0] ?? `0x${v.toString(16)} /* SIG_??? */` },
    set: IN_SET,
    oldset: OUT_SET,
    sigsetsize: SIZE,
  },
  R_INT,
  (task, { how, set, oldset, sigsetsize }) => {
    if (sigsetsize !== SIGSET_SIZE) return -EINVAL;
    const old = task.blocked;
    if (set !== 0) {
      const mask = readSet(task, set);
      if (mask === null) return -EFAULT;
      if (how === 0) task.setBlocked(old | mask);
      else if (how === 1) task.setBlocked(old & ~mask);
      else if (how === 2) task.setBlocked(mask);
      else return -EINVAL;
    }
    return oldset === 0 ? 0 : writeSet(task, oldset, old);
  },
);

export const rt_sigpending: Syscall = syscall('rt_sigpending', { set: OUT_SET, sigsetsize: SIZE }, R_INT, (task, a) =>
  a.sigsetsize > SIGSET_SIZE
    ? -EINVAL
    : writeSet(task, a.set, (task.pending.set | task.process.pending.set) & task.blocked),
);

export const rt_sigsuspend: Syscall = syscall(
  'rt_sigsuspend',
  { mask: IN_SET, sigsetsize: SIZE },
  R_INT,
  (task, args) => {
    if (args.sigsetsize !== SIGSET_SIZE) return -EINVAL;
    const mask = readSet(task, args.mask);
    if (mask === null) return -EFAULT;
    return suspendWith(task, mask);
  },
);

/** Wait for a signal under another mask, which the handler's frame then restores. */
export function suspendWith(task: Task, mask: bigint): number | Pending {
  task.savedMask = task.blocked;
  task.setBlocked(mask);
  const noHandler = (result: number): number => (result === -ERESTARTSYS ? -ERESTARTNOHAND : result);
  const result = waitFor(task, () => -EAGAIN);
  return typeof result === 'number' ? noHandler(result) : result.after(noHandler);
}

export const pause: Syscall = syscall('pause', {}, R_INT, (task) => suspendWith(task, task.blocked));

export const rt_sigtimedwait: Syscall = syscall(
  'rt_sigtimedwait',
  { set: IN_SET, info: PTR, timeout: IN_TIMESPEC, sigsetsize: SIZE },
  R_INT,
  (task, { set, info, timeout, sigsetsize }) => {
    if (sigsetsize !== SIGSET_SIZE) return -EINVAL;
    const mask = readSet(task, set);
    if (mask === null) return -EFAULT;
    let deadline = Number.POSITIVE_INFINITY;
    if (timeout !== 0) {
      const t = readTimespec(task, timeout);
      if (t === null) return -EFAULT;
      if (t.sec < 0 || t.nsec < 0 || t.nsec >= 1e9) return -EINVAL;
      deadline = monotonicMs() + t.sec * 1000 + t.nsec / 1e6;
    }
    const wanted = mask & ~UNBLOCKABLE;
    const attempt = (): number => {
      task.process.timers.check();
      const found = task.pending.take(~wanted) ?? task.process.pending.take(~wanted);
      if (found === null) return -EAGAIN;
      if (info !== 0) {
        if (!task.space.writable(info, 128)) return -EFAULT;
        writeSigInfo(task.space.view, info, found, task.abi.wordSize);
      }
      return found.signo;
    };
    const interrupted = (result: number): number => (result === -ERESTARTSYS ? -EINTR : result);
    const result = waitFor(task, attempt, { deadline });
    return typeof result === 'number' ? interrupted(result) : result.after(interrupted);
  },
);

export const rt_sigreturn: Syscall = syscall('rt_sigreturn', {}, R_INT, (task) => {
  if (!task.process.abi.frame.pop(task)) {
    task.fault(
      SIGSEGV,
      0x80,
      task.space.host.getBigUint64(task.cpu.state + State.REGS + 8 * task.abi.registers.stack, true),
    );
  }
  return LEAVE;
});

/** struct sigaltstack (man 2 sigaltstack). */
const STACK_T = struct('stack_t', { ss_sp: ulong, ss_flags: i32, ss_size: ulong });
const SS_DISABLE = 2;
const SS_AUTODISARM = 0x80000000 | 0;
const MINSIGSTKSZ = 5120;

export const sigaltstack: Syscall = syscall('sigaltstack', { ss: PTR, old_ss: PTR }, R_INT, (task, { ss, old_ss }) => {
  const sp = readU64(task.space.host, task.cpu.state + State.REGS + 8 * task.abi.registers.stack);
  const current = task.altStack;
  const state = altStackFlags(task, sp);
  const old = { ss_sp: current.sp, ss_flags: state | (current.flags & SS_AUTODISARM), ss_size: current.size };
  if (ss !== 0) {
    const wanted = task.get(STACK_T, ss);
    if (wanted === null) return -EFAULT;
    if (state === 1) return -EPERM;
    const mode = wanted.ss_flags & ~SS_AUTODISARM;
    if (mode !== 0 && mode !== 1 && mode !== SS_DISABLE) return -EINVAL;
    if (mode === SS_DISABLE) {
      task.altStack = { sp: 0, size: 0, flags: SS_DISABLE };
    } else {
      if (wanted.ss_size < MINSIGSTKSZ) return -ENOMEM;
      task.altStack = { sp: wanted.ss_sp, size: wanted.ss_size, flags: wanted.ss_flags & SS_AUTODISARM };
    }
  }
  return old_ss === 0 ? 0 : task.put(STACK_T, old_ss, old);
});

/** Whether the caller may signal a process (man 2 kill). */
export function permitted(task: Task, target: Process, signal: number): boolean {
  const [ruid, euid] = task.process.uids;
  if (euid === 0) return true;
  const [real, , saved] = target.uids;
  if (ruid === real || ruid === saved || euid === real || euid === saved) return true;
  return signal === SIGCONT && target.sid === task.process.sid;
}

/** Signal those of the processes that the caller may signal; -ESRCH without any. */
export function sendTo(task: Task, targets: readonly Process[], info: SigInfo): number {
  if (targets.length === 0) return -ESRCH;
  const allowed = targets.filter((target) => permitted(task, target, info.signo));
  if (allowed.length === 0) return -EPERM;
  if (info.signo !== 0) for (const target of allowed) target.raise(info);
  return 0;
}

/** Never a host pid: only guest processes. */
export const kill: Syscall = syscall(
  'kill',
  { pid: INT, sig: SIGNAL },
  R_INT,
  (task, { pid, sig }) => {
    if (sig < 0 || sig > NSIG) return -EINVAL;
    const { process } = task;
    const { kernel } = process;
    const info: SigInfo = { signo: sig, code: SI_USER, pid: process.pid, uid: process.uids[0] };
    if (pid > 0) {
      const target = kernel.tasks.get(pid)?.process ?? kernel.processes.get(pid);
      return sendTo(task, target === undefined ? [] : [target], info);
    }
    const all = [...kernel.processes.values()];
    if (pid === -1)
      return sendTo(
        task,
        all.filter((p) => p !== process && p.pid !== 1 && p.exited === null),
        info,
      );
    const pgid = pid === 0 ? process.pgid : -pid;
    return sendTo(
      task,
      all.filter((p) => p.pgid === pgid),
      info,
    );
  },
  { support: 'partial', note: 'Only guest processes exist: host pids are ESRCH.' },
);

/** A signal for one thread; tgid 0: of any process. */
function sendToThread(task: Task, tgid: number, tid: number, info: SigInfo): number {
  const target = task.process.kernel.tasks.get(tid);
  if (target === undefined || (tgid !== 0 && target.process.pid !== tgid)) return -ESRCH;
  if (!permitted(task, target.process, info.signo)) return -EPERM;
  if (info.signo !== 0) target.process.raise(info, target);
  return 0;
}

function threadInfo(task: Task, signo: number): SigInfo {
  return { signo, code: SI_TKILL, pid: task.process.pid, uid: task.process.uids[0] };
}

export const tkill: Syscall = syscall('tkill', { tid: INT, sig: SIGNAL }, R_INT, (task, { tid, sig }) => {
  if (tid <= 0 || sig < 0 || sig > NSIG) return -EINVAL;
  return sendToThread(task, 0, tid, threadInfo(task, sig));
});
export const tgkill: Syscall = syscall(
  'tgkill',
  { tgid: INT, tid: INT, sig: SIGNAL },
  R_INT,
  (task, { tgid, tid, sig }) => {
    if (tgid <= 0 || tid <= 0 || sig < 0 || sig > NSIG) return -EINVAL;
    return sendToThread(task, tgid, tid, threadInfo(task, sig));
  },
);

/** siginfo_t as rt_sigqueueinfo gets it; null = EFAULT. */
export function readInfo(task: Task, signo: number, address: number): SigInfo | null {
  if (!task.space.readable(address, 128)) return null;
  const { view } = task.space;
  const wide = task.abi.wordSize === 8;
  const at = address + (wide ? 16 : 12);
  return {
    signo,
    code: view.getInt32(address + 8, true),
    pid: view.getInt32(at, true),
    uid: view.getUint32(at + 4, true),
    value: wide ? view.getBigUint64(at + 8, true) : BigInt(view.getUint32(at + 8, true)),
  };
}

/** Only the kernel may say that a signal came from it or from kill (man 2 rt_sigqueueinfo). */
export const forged = (info: SigInfo, own: boolean): boolean => (info.code >= 0 || info.code === SI_TKILL) && !own;

export const rt_sigqueueinfo: Syscall = syscall(
  'rt_sigqueueinfo',
  { tgid: INT, sig: SIGNAL, uinfo: PTR },
  R_INT,
  (task, { tgid, sig, uinfo }) => {
    const info = readInfo(task, sig, uinfo);
    if (info === null) return -EFAULT;
    if (sig < 0 || sig > NSIG) return -EINVAL;
    const { kernel } = task.process;
    const target = kernel.tasks.get(tgid)?.process ?? kernel.processes.get(tgid);
    if (forged(info, target === task.process)) return -EPERM;
    return sendTo(task, target === undefined ? [] : [target], info);
  },
);
export const rt_tgsigqueueinfo: Syscall = syscall(
  'rt_tgsigqueueinfo',
  { tgid: INT, tid: INT, sig: SIGNAL, uinfo: PTR },
  R_INT,
  (task, { tgid, tid, sig, uinfo }) => {
    const info = readInfo(task, sig, uinfo);
    if (info === null) return -EFAULT;
    if (tgid <= 0 || tid <= 0 || sig < 0 || sig > NSIG) return -EINVAL;
    if (forged(info, tid === task.tid)) return -EPERM;
    return sendToThread(task, tgid, tid, info);
  },
);

export const calls: readonly Syscall[] = [
  rt_sigaction,
  oldSigaction,
  rt_sigprocmask,
  rt_sigpending,
  rt_sigsuspend,
  pause,
  rt_sigtimedwait,
  rt_sigreturn,
  sigaltstack,
  kill,
  tkill,
  tgkill,
  rt_sigqueueinfo,
  rt_tgsigqueueinfo,
];
