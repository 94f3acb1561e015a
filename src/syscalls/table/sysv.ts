import { HEX, INT, PTR, R_INT, R_PTR, R_SIZE, SIZE, UINT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { E2BIG, EACCES, EAGAIN, EFAULT, EINTR, EINVAL, ENOMSG, ERANGE, ERESTARTSYS } from '../errno.ts';
import { monotonicMs } from '../kernel/clock.ts';
import { IPC_NOWAIT, IPC_PRIVATE, type IpcObject, type IpcTable, nowSeconds } from '../kernel/sysv.ts';
import {
  MessageQueue,
  MSG_COPY,
  NO_SUCH_SEMAPHORE,
  SEMVMX,
  Segment,
  SemaphoreSet,
  type SemOp,
} from '../kernel/sysv-objects.ts';
import type { Task } from '../kernel/task.ts';
import { type Pending, waitFor } from '../kernel/wait.ts';
import type { Struct, StructValue } from '../struct.ts';
import * as S from './sysv-structs.ts';
import { IN_TIMESPEC, readTimespec } from './timespec.ts';

const IPC_RMID = 0;
const IPC_SET = 1;
const IPC_STAT = 2;
const IPC_INFO = 3;
/** Marks the layout in use; the only one here. */
const IPC_64 = 0x100;
/** The *_STAT, *_INFO and *_STAT_ANY commands of each kind. */
const SHM = { stat: 13, info: 14, any: 15 };
const SEM = { stat: 18, info: 19, any: 20 };
const MSG = { stat: 11, info: 12, any: 13 };
const SHM_RDONLY = 0o10000;
const SHM_RND = 0o20000;
const SHM_REMAP = 0o40000;
const SHM_EXEC = 0o100000;
const SHM_DEST = 0o1000;
const PAGE = 4096;
const MAX_SEGMENT = 2 ** 31;
const MAX_SEMAPHORES = 32000;
const MAX_OPERATIONS = 500;
const MAX_MESSAGE = 8192;
const MAX_QUEUE = 16384;
const LIMIT_OF_OBJECTS = 32000;

/** What the three calls *ctl do alike; null: another command. */
function control<T extends IpcObject, F>(
  task: Task,
  kind: {
    readonly table: IpcTable<T>;
    readonly codes: { readonly stat: number; readonly info: number; readonly any: number };
    readonly type: Struct<F>;
    readonly describe: (object: T) => StructValue<F>;
    readonly info: (used: boolean, at: number) => number;
    readonly remove: (object: T) => void;
    readonly change: (object: T, value: StructValue<F>) => number;
  },
  id: number,
  command: number,
  at: number,
): number | null {
  const { table, codes, type } = kind;
  const { process } = task;
  if (command === IPC_INFO || command === codes.info) return kind.info(command === codes.info, at) || table.last;
  const byPlace = command === codes.stat || command === codes.any;
  const object = byPlace ? table.at(id) : table.find(id);
  if (typeof object === 'number') return object;
  if (byPlace || command === IPC_STAT) {
    const denied = command === codes.any ? 0 : object.access(process, 4);
    if (denied !== 0) return denied;
    return task.put(type, at, kind.describe(object)) || (byPlace ? object.id : 0);
  }
  if (command === IPC_RMID) {
    const denied = object.owns(process);
    if (denied === 0) kind.remove(object);
    return denied;
  }
  if (command !== IPC_SET) return null;
  const value = task.get(type, at);
  if (value === null) return -EFAULT;
  const denied = object.owns(process) || kind.change(object, value);
  if (denied === 0) object.ctime = nowSeconds();
  return denied;
}

function setPerm(object: IpcObject, { uid, gid, mode }: { uid: number; gid: number; mode: number }): number {
  object.uid = uid;
  object.gid = gid;
  object.mode = mode & 0o777;
  return 0;
}

export const shmget: Syscall = syscall('shmget', { key: INT, size: SIZE, shmflg: INT }, R_INT, (task, a) =>
  task.process.kernel.sysv.segments.get(
    task.process,
    a.key,
    a.shmflg,
    (found) => (a.size > found.size ? -EINVAL : 0),
    () => (a.size === 0 || a.size > MAX_SEGMENT ? -EINVAL : new Segment(task.process, a.key, a.shmflg, a.size)),
  ),
);

export const shmat: Syscall = syscall('shmat', { shmid: INT, shmaddr: PTR, shmflg: INT }, R_PTR, (task, a) => {
  const { process, space } = task;
  const segment = process.kernel.sysv.segments.find(a.shmid);
  if (typeof segment === 'number') return segment;
  const readOnly = (a.shmflg & SHM_RDONLY) !== 0;
  const denied = segment.access(process, readOnly ? 4 : 6);
  if (denied !== 0) return denied;
  const rounded = (a.shmflg & SHM_RND) !== 0 ? a.shmaddr - (a.shmaddr % PAGE) : a.shmaddr;
  if (rounded % PAGE !== 0 || ((a.shmflg & SHM_REMAP) !== 0 && rounded === 0)) return -EINVAL;
  const at = space.map({
    addr: rounded,
    length: segment.size,
    prot: (readOnly ? 1 : 3) | ((a.shmflg & SHM_EXEC) !== 0 ? 4 : 0),
    fixed: rounded !== 0 && (a.shmflg & SHM_REMAP) !== 0,
    noReplace: rounded !== 0 && (a.shmflg & SHM_REMAP) === 0,
    growsDown: false,
    shared: true,
    mayWrite: !readOnly,
    source: segment.source,
    offset: 0,
  });
  if (at < 0) return at === -17 ? -EINVAL : at;
  process.kernel.sharedFiles.note(segment.source.dev, segment.source.ino);
  segment.lastPid = process.pid;
  segment.attachTime = nowSeconds();
  return at;
});

export const shmdt: Syscall = syscall('shmdt', { shmaddr: PTR }, R_INT, (task, { shmaddr }) => {
  const { process, space } = task;
  const { segments } = process.kernel.sysv;
  const mine = (ino: number | undefined): Segment | undefined =>
    segments.list().find(({ source }) => source.ino === ino && ino !== undefined);
  const first = space.mappings().find(({ start, offset }) => start === shmaddr && offset === 0);
  const segment = first?.source ? mine(first.source.ino) : undefined;
  if (segment === undefined) return -EINVAL;
  for (const part of space.mappings()) {
    if (part.source === segment.source && part.start - part.offset === shmaddr) {
      space.unmap(part.start, part.end - part.start);
    }
  }
  segment.lastPid = process.pid;
  return 0;
});

export const shmctl: Syscall = syscall('shmctl', { shmid: INT, cmd: INT, buf: PTR }, R_INT, (task, a) => {
  const { segments } = task.process.kernel.sysv;
  const info = (used: boolean, at: number): number => {
    const pages = segments.list().reduce((sum, { size }) => sum + Math.ceil(size / PAGE), 0);
    const _ = { _unused1: 0, _unused2: 0, _unused3: 0, _unused4: 0 };
    const top = task.abi.wordSize === 8 ? 2 ** 62 : 2 ** 32 - 1;
    return used
      ? task.put(S.SHM_INFO, at, {
          used_ids: segments.list().length,
          shm_tot: pages,
          shm_rss: pages,
          shm_swp: 0,
          swap_attempts: 0,
          swap_successes: 0,
        })
      : task.put(S.SHMINFO, at, { shmmax: top, shmmin: 1, shmmni: 4096, shmseg: 4096, shmall: top, ..._ });
  };
  const result = control(
    task,
    {
      table: segments,
      codes: SHM,
      type: S.SHMID_DS,
      info,
      describe: (s) => ({
        shm_perm: S.permOf(s, s.mode | (s.doomed ? SHM_DEST : 0)),
        shm_segsz: s.size,
        shm_atime: s.attachTime,
        shm_dtime: s.detachTime,
        shm_ctime: s.ctime,
        shm_cpid: s.creator,
        shm_lpid: s.lastPid,
        shm_nattch: s.attached,
        _unused4: 0,
        _unused5: 0,
      }),
      remove: (s) => {
        s.doomed = true;
        s.key = IPC_PRIVATE;
        if (s.attached === 0) segments.remove(s);
      },
      change: (s, { shm_perm }) => setPerm(s, shm_perm),
    },
    a.shmid,
    a.cmd & ~IPC_64,
    a.buf,
  );
  // SHM_LOCK, SHM_UNLOCK: nothing is swapped out here.
  if (result === null) return [11, 12].includes(a.cmd & ~IPC_64) ? 0 : -EINVAL;
  return result;
});

export const semget: Syscall = syscall('semget', { key: INT, nsems: INT, semflg: INT }, R_INT, (task, a) => {
  if (a.nsems < 0 || a.nsems > MAX_SEMAPHORES) return -EINVAL;
  return task.process.kernel.sysv.semaphores.get(
    task.process,
    a.key,
    a.semflg,
    (found) => (a.nsems > found.sems.length ? -EINVAL : 0),
    () => (a.nsems === 0 ? -EINVAL : new SemaphoreSet(task.process, a.key, a.semflg, a.nsems)),
  );
});

function operations(task: Task, semid: number, at: number, count: number, deadline: number): number | Pending {
  if (count === 0) return -EINVAL;
  if (count > MAX_OPERATIONS) return -E2BIG;
  const { process, space } = task;
  if (semid < 0) return -EINVAL;
  if (!space.readable(at, 6 * count)) return -EFAULT;
  const ops = Array.from({ length: count }, (_, i): SemOp => {
    const { sem_num, sem_op, sem_flg } = S.SEMBUF.read(space.view, at + 6 * i, task.abi);
    return { num: sem_num, op: (sem_op << 16) >> 16, flags: sem_flg };
  });
  const set = process.kernel.sysv.semaphores.find(semid);
  if (typeof set === 'number') return set;
  if (ops.some(({ num }) => num >= set.sems.length)) return NO_SUCH_SEMAPHORE;
  const denied = set.access(process, ops.some(({ op }) => op !== 0) ? 2 : 4);
  if (denied !== 0) return denied;
  let blocked: SemOp | null = null;
  /** IPC_NOWAIT, and it would have to. */
  let noWait = false;
  const attempt = (): number => {
    if (blocked !== null) set.waiting.delete(blocked);
    blocked = null;
    const result = set.operate(process, ops);
    // An -EAGAIN of its own must not be taken for a wait.
    noWait = result === -EAGAIN;
    if (typeof result === 'number') return noWait ? 0 : result;
    blocked = result;
    set.waiting.add(result);
    return -EAGAIN;
  };
  const end = (result: number): number => {
    if (blocked !== null) set.waiting.delete(blocked);
    if (noWait) return -EAGAIN;
    // Never begun again after a signal (man 7 signal).
    return result === -ERESTARTSYS ? -EINTR : result;
  };
  const waited = waitFor(task, attempt, { on: [set.changed], deadline });
  return typeof waited === 'number' ? end(waited) : waited.after(end);
}

export const semop: Syscall = syscall('semop', { semid: INT, sops: PTR, nsops: SIZE }, R_INT, (task, a) =>
  operations(task, a.semid, a.sops, a.nsops, Number.POSITIVE_INFINITY),
);
export const semtimedop: Syscall = syscall(
  'semtimedop',
  { semid: INT, sops: PTR, nsops: UINT, timeout: IN_TIMESPEC },
  R_INT,
  (task, a) => {
    if (a.timeout === 0) return operations(task, a.semid, a.sops, a.nsops, Number.POSITIVE_INFINITY);
    const limit = readTimespec(task, a.timeout);
    if (limit === null) return -EFAULT;
    if (limit.sec < 0 || limit.nsec < 0 || limit.nsec >= 1e9) return -EINVAL;
    return operations(task, a.semid, a.sops, a.nsops, monotonicMs() + limit.sec * 1000 + limit.nsec / 1e6);
  },
);

const GETPID = 11;
const GETVAL = 12;
const GETALL = 13;
const GETNCNT = 14;
const GETZCNT = 15;
const SETVAL = 16;
const SETALL = 17;

function semaphoreValues(task: Task, set: SemaphoreSet, num: number, command: number, arg: number): number {
  const { process, space } = task;
  const all = command === GETALL || command === SETALL;
  const denied = set.access(process, command === SETVAL || command === SETALL ? 2 : 4);
  if (denied !== 0) return denied;
  if (!all && (num < 0 || num >= set.sems.length)) return -EINVAL;
  const sem = set.sems[num];
  const waiting = [...set.waiting].filter((op) => op.num === num);
  switch (command) {
    case GETPID:
      return sem?.pid ?? 0;
    case GETVAL:
      return sem?.value ?? 0;
    case GETNCNT:
      return waiting.filter(({ op }) => op < 0).length;
    case GETZCNT:
      return waiting.filter(({ op }) => op === 0).length;
    case SETVAL:
      if ((arg | 0) < 0 || (arg | 0) > SEMVMX) return -ERANGE;
      set.set(process, num, arg | 0);
      return 0;
    case GETALL:
      if (!space.writable(arg, 2 * set.sems.length)) return -EFAULT;
      for (const [i, { value }] of set.sems.entries()) space.view.setUint16(arg + 2 * i, value, true);
      return 0;
    case SETALL: {
      if (!space.readable(arg, 2 * set.sems.length)) return -EFAULT;
      const values = set.sems.map((_, i) => space.view.getUint16(arg + 2 * i, true));
      if (values.some((value) => value > SEMVMX)) return -ERANGE;
      for (const [i, value] of values.entries()) set.set(process, i, value);
      return 0;
    }
    default:
      return -EINVAL;
  }
}

export const semctl: Syscall = syscall('semctl', { semid: INT, semnum: INT, cmd: INT, arg: HEX }, R_INT, (task, a) => {
  const { semaphores } = task.process.kernel.sysv;
  const command = a.cmd & ~IPC_64;
  const limits = (used: boolean, at: number): number => {
    const total = semaphores.list().reduce((sum, { sems }) => sum + sems.length, 0);
    return task.put(S.SEMINFO, at, {
      semmap: 1024000000,
      semmni: LIMIT_OF_OBJECTS,
      semmns: 1024000000,
      semmnu: 1024000000,
      semmsl: MAX_SEMAPHORES,
      semopm: MAX_OPERATIONS,
      semume: MAX_OPERATIONS,
      semusz: used ? semaphores.list().length : 20,
      semvmx: SEMVMX,
      semaem: used ? total : SEMVMX,
    });
  };
  if (command >= GETPID && command <= SETALL) {
    const set = semaphores.find(a.semid);
    return typeof set === 'number' ? set : semaphoreValues(task, set, a.semnum, command, a.arg);
  }
  const result = control(
    task,
    {
      table: semaphores,
      codes: SEM,
      type: task.abi.name === 'x86_64' ? S.SEMID_DS_X86_64 : S.SEMID_DS,
      info: limits,
      describe: (s) => ({
        sem_perm: S.permOf(s),
        sem_otime: s.operated,
        _unused1: 0,
        _unused2: 0,
        sem_ctime: s.ctime,
        sem_nsems: s.sems.length,
        _unused3: 0,
        _unused4: 0,
      }),
      remove: (s) => {
        semaphores.remove(s);
        s.changed.wake();
      },
      change: (s, { sem_perm }) => setPerm(s, sem_perm),
    },
    a.semid,
    command,
    a.arg,
  );
  return result ?? -EINVAL;
});

export const msgget: Syscall = syscall('msgget', { key: INT, msgflg: INT }, R_INT, (task, a) =>
  task.process.kernel.sysv.queues.get(
    task.process,
    a.key,
    a.msgflg,
    () => 0,
    () => new MessageQueue(task.process, a.key, a.msgflg),
  ),
);

export const msgsnd: Syscall = syscall(
  'msgsnd',
  { msqid: INT, msgp: PTR, msgsz: SIZE, msgflg: INT },
  R_INT,
  (task, { msqid, msgp, msgsz, msgflg }) => {
    const { process, space } = task;
    const word = task.abi.wordSize;
    if (msgsz > MAX_MESSAGE || msqid < 0) return -EINVAL;
    if (!space.readable(msgp, word + msgsz)) return -EFAULT;
    const { mtype } = S.MSGBUF.read(space.view, msgp, task.abi);
    if (mtype < 1) return -EINVAL;
    const queue = process.kernel.sysv.queues.find(msqid);
    if (typeof queue === 'number') return queue;
    const denied = queue.access(process, 2);
    if (denied !== 0) return denied;
    const bytes = space.readRange(msgp + word, msgsz)?.slice() ?? new Uint8Array(0);
    const attempt = (): number => queue.send(process, mtype, bytes);
    const interrupted = (n: number): number => (n === -ERESTARTSYS ? -EINTR : n);
    const result = attempt();
    if (result !== -EAGAIN || (msgflg & IPC_NOWAIT) !== 0) return result;
    const waited = waitFor(task, attempt, { on: [queue.changed] });
    return typeof waited === 'number' ? interrupted(waited) : waited.after(interrupted);
  },
);

export const msgrcv: Syscall = syscall(
  'msgrcv',
  { msqid: INT, msgp: PTR, msgsz: SIZE, msgtyp: { ...INT, read: (c) => c.long() }, msgflg: INT },
  R_SIZE,
  (task, { msqid, msgp, msgsz, msgtyp, msgflg }) => {
    const { process, space } = task;
    const word = task.abi.wordSize;
    if (msqid < 0 || msgsz > 2 ** 31) return -EINVAL;
    if ((msgflg & MSG_COPY) !== 0 && (msgflg & IPC_NOWAIT) === 0) return -EINVAL;
    const queue = process.kernel.sysv.queues.find(msqid);
    if (typeof queue === 'number') return queue;
    const denied = queue.access(process, 4);
    if (denied !== 0) return denied;
    const attempt = (): number => {
      const message = queue.receive(process, msgtyp, msgsz, msgflg);
      if (typeof message === 'number') return message === -ENOMSG && (msgflg & IPC_NOWAIT) === 0 ? -EAGAIN : message;
      const count = Math.min(message.bytes.length, msgsz);
      const into = space.writeRange(msgp, word + count);
      if (into === null) return -EFAULT;
      S.MSGBUF.write(space.view, msgp, { mtype: message.type }, task.abi);
      into.set(message.bytes.subarray(0, count), word);
      return count;
    };
    const interrupted = (n: number): number => (n === -ERESTARTSYS ? -EINTR : n);
    const waited = waitFor(task, attempt, { on: [queue.changed] });
    return typeof waited === 'number' ? interrupted(waited) : waited.after(interrupted);
  },
);

export const msgctl: Syscall = syscall('msgctl', { msqid: INT, cmd: INT, buf: PTR }, R_INT, (task, a) => {
  const { queues } = task.process.kernel.sysv;
  const limits = (used: boolean, at: number): number =>
    task.put(S.MSGINFO, at, {
      msgpool: used ? queues.list().length : 512000,
      msgmap: used ? queues.list().reduce((sum, { messages }) => sum + messages.length, 0) : MAX_QUEUE,
      msgmax: MAX_MESSAGE,
      msgmnb: MAX_QUEUE,
      msgmni: LIMIT_OF_OBJECTS,
      msgssz: 16,
      msgtql: used ? queues.list().reduce((sum, { bytes }) => sum + bytes, 0) : MAX_QUEUE,
      msgseg: 0xffff,
    });
  const result = control(
    task,
    {
      table: queues,
      codes: MSG,
      type: S.MSQID_DS,
      info: limits,
      describe: (q) => ({
        msg_perm: S.permOf(q),
        msg_stime: q.sendTime,
        msg_rtime: q.receiveTime,
        msg_ctime: q.ctime,
        msg_cbytes: q.bytes,
        msg_qnum: q.messages.length,
        msg_qbytes: q.limit,
        msg_lspid: q.sender,
        msg_lrpid: q.receiver,
        _unused4: 0,
        _unused5: 0,
      }),
      remove: (q) => {
        queues.remove(q);
        q.changed.wake();
      },
      change: (q, { msg_perm, msg_qbytes }) => {
        if (msg_qbytes > MAX_QUEUE && task.process.uids[1] !== 0) return -EACCES;
        q.limit = msg_qbytes;
        q.changed.wake();
        return setPerm(q, msg_perm);
      },
    },
    a.msqid,
    a.cmd & ~IPC_64,
    a.buf,
  );
  return result ?? -EINVAL;
});

export const calls: readonly Syscall[] = [
  shmget,
  shmat,
  shmdt,
  shmctl,
  semget,
  semop,
  semtimedop,
  semctl,
  msgget,
  msgsnd,
  msgrcv,
  msgctl,
];
