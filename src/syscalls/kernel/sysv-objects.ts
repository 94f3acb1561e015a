import type { MapSource } from '../../cpu/memory/types.ts';
import { E2BIG, EAGAIN, EFBIG, EIDRM, ENOMSG, ERANGE } from '../errno.ts';
import { createMemoryFile } from './memfd.ts';
import type { Process } from './process.ts';
import { IPC_NOWAIT, IpcObject, IpcTable, nowSeconds } from './sysv.ts';
import { WaitQueue } from './wait-queue.ts';

/** A segment of shared memory (man 2 shmget): a file without a name, mapped MAP_SHARED. */
export class Segment extends IpcObject {
  readonly size: number;
  readonly source: MapSource;
  readonly creator: number;
  lastPid = 0;
  attached = 0;
  attachTime = 0;
  detachTime = 0;
  /** IPC_RMID: it goes when nobody is attached any more. */
  doomed = false;

  constructor(process: Process, key: number, mode: number, size: number) {
    super(process, key, mode);
    this.size = size;
    this.creator = process.pid;
    const file = createMemoryFile(`SYSV${(key >>> 0).toString(16).padStart(8, '0')}`);
    file.truncate(Math.ceil(size / 4096) * 4096);
    const source = file.mapSource() as MapSource;
    this.source = {
      name: `/SYSV${(key >>> 0).toString(16).padStart(8, '0')} (deleted)`,
      dev: source.dev,
      ino: source.ino,
      read: (into, offset) => source.read(into, offset),
      write: (from, offset) => source.write(from, offset),
      size: () => source.size(),
      ref: () => {
        this.attached++;
      },
      unref: () => {
        this.attached--;
        this.detachTime = nowSeconds();
        if (this.attached === 0 && this.doomed) process.kernel.sysv.segments.remove(this);
      },
    };
  }
}

/** One operation of semop(2). */
export interface SemOp {
  readonly num: number;
  readonly op: number;
  readonly flags: number;
}
export const SEM_UNDO = 0x1000;
export const SEMVMX = 32767;

interface Semaphore {
  value: number;
  pid: number;
}

/** A set of semaphores (man 2 semget). */
export class SemaphoreSet extends IpcObject {
  readonly sems: Semaphore[];
  operated = 0;
  readonly changed: WaitQueue = new WaitQueue();
  /** Operations that wait, for GETNCNT and GETZCNT. */
  readonly waiting: Set<SemOp> = new Set();
  /** What SEM_UNDO gives back when a process ends. */
  readonly undo: Map<Process, number[]> = new Map();

  constructor(process: Process, key: number, mode: number, count: number) {
    super(process, key, mode);
    this.sems = Array.from({ length: count }, () => ({ value: 0, pid: 0 }));
  }

  /** All of the operations or none: 0, -errno, or the one that has to wait. */
  operate(process: Process, ops: readonly SemOp[]): number | SemOp {
    if (this.removed) return -EIDRM;
    const values = this.sems.map(({ value }) => value);
    for (const op of ops) {
      const value = values[op.num] ?? 0;
      if (op.op === 0 ? value !== 0 : value + op.op < 0) return (op.flags & IPC_NOWAIT) !== 0 ? -EAGAIN : op;
      if (value + op.op > SEMVMX) return -ERANGE;
      values[op.num] = value + op.op;
    }
    for (const { num, op, flags } of ops) {
      const sem = this.sems[num] as Semaphore;
      sem.pid = process.pid;
      if ((flags & SEM_UNDO) === 0 || op === 0) continue;
      const undo = this.undo.get(process) ?? [];
      undo[num] = (undo[num] ?? 0) - op;
      this.undo.set(process, undo);
    }
    for (const [i, value] of values.entries()) (this.sems[i] as Semaphore).value = value;
    this.operated = nowSeconds();
    this.changed.wake();
    return 0;
  }

  /** SETVAL, SETALL: what was to be undone of it is forgotten. */
  set(process: Process, num: number, value: number): void {
    Object.assign(this.sems[num] as Semaphore, { value, pid: process.pid });
    for (const undo of this.undo.values()) undo[num] = 0;
    this.ctime = nowSeconds();
    this.changed.wake();
  }

  /** A process ends. */
  leave(process: Process): void {
    const undo = this.undo.get(process);
    if (undo === undefined) return;
    this.undo.delete(process);
    for (const [num, adjust] of undo.entries()) {
      const sem = this.sems[num];
      if (sem === undefined || !adjust) continue;
      sem.value = Math.max(0, Math.min(SEMVMX, sem.value + adjust));
      sem.pid = process.pid;
    }
    this.changed.wake();
  }
}

interface QueuedMessage {
  readonly type: number;
  readonly bytes: Uint8Array;
}
export const MSG_NOERROR = 0o10000;
export const MSG_EXCEPT = 0o20000;
export const MSG_COPY = 0o40000;

/** A message queue (man 2 msgget). */
export class MessageQueue extends IpcObject {
  readonly messages: QueuedMessage[] = [];
  bytes = 0;
  limit = 16384;
  sendTime = 0;
  receiveTime = 0;
  sender = 0;
  receiver = 0;
  readonly changed: WaitQueue = new WaitQueue();

  /** msgsnd(2): 0, -EAGAIN without room. */
  send(process: Process, type: number, bytes: Uint8Array): number {
    if (this.removed) return -EIDRM;
    if (this.bytes + bytes.length > this.limit || this.messages.length >= this.limit) return -EAGAIN;
    this.messages.push({ type, bytes });
    this.bytes += bytes.length;
    this.sendTime = nowSeconds();
    this.sender = process.pid;
    this.changed.wake();
    return 0;
  }

  /** msgrcv(2): a message, -ENOMSG when none fits, -E2BIG for one that is too long. */
  receive(process: Process, type: number, room: number, flags: number): QueuedMessage | number {
    if (this.removed) return -EIDRM;
    const index = this.pick(type, flags);
    const message = this.messages[index];
    if (message === undefined) return -ENOMSG;
    if ((flags & MSG_COPY) !== 0) return message;
    if (message.bytes.length > room && (flags & MSG_NOERROR) === 0) return -E2BIG;
    this.messages.splice(index, 1);
    this.bytes -= message.bytes.length;
    this.receiveTime = nowSeconds();
    this.receiver = process.pid;
    this.changed.wake();
    return message;
  }

  private pick(type: number, flags: number): number {
    if ((flags & MSG_COPY) !== 0) return type;
    if (type === 0) return 0;
    if (type > 0) return this.messages.findIndex((m) => (m.type === type) === ((flags & MSG_EXCEPT) === 0));
    const lowest = Math.min(...this.messages.map((m) => m.type));
    return lowest <= -type ? this.messages.findIndex((m) => m.type === lowest) : -1;
  }
}

/** System V IPC of a machine (man 7 sysvipc). */
export class SysvIpc {
  readonly segments: IpcTable<Segment> = new IpcTable();
  readonly semaphores: IpcTable<SemaphoreSet> = new IpcTable();
  readonly queues: IpcTable<MessageQueue> = new IpcTable();

  /** A process ends: SEM_UNDO. */
  leave(process: Process): void {
    for (const set of this.semaphores.list()) set.leave(process);
  }
}

/** An operation on a semaphore that does not exist. */
export const NO_SUCH_SEMAPHORE: number = -EFBIG;
