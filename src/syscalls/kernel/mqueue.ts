import { EACCES, EAGAIN, EBADF, EBUSY, EEXIST, EINVAL, EMFILE, ENOENT, ENOSPC } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { O_ACCMODE, O_CREAT, O_EXCL, POLLIN, POLLOUT, S_IFREG, type Stat, type Statfs } from '../vfs/types.ts';
import { RLIMIT_MSGQUEUE } from './limits.ts';
import type { Process } from './process.ts';
import { SI_MESGQ } from './signals.ts';
import { WaitQueue } from './wait-queue.ts';

/** /proc/sys/fs/mqueue (man 7 mq_overview), and what the superuser may have instead. */
export const MQ_LIMITS = { queues_max: 256, msg_max: 10, msgsize_max: 8192, msg_default: 10, msgsize_default: 8192 };
const HARD_MSG_MAX = 65536;
const HARD_MSGSIZE_MAX = 1 << 24;
/** MQ_PRIO_MAX */
export const PRIORITIES = 32768;
/** What the kernel counts for each message besides its bytes: struct msg_msg and a node of the tree by priority. */
const MESSAGE_COST = 48 + 48;
const MQUEUE_MAGIC = 0x19800202;

interface Message {
  readonly priority: number;
  readonly bytes: Uint8Array;
}

/** A call that waits for a message, and what it was handed. */
export interface Receiver {
  message: Message | null;
}

/** Who wants to be told of the next message on an empty queue (mq_notify(3)). */
export interface Notification {
  readonly process: Process;
  /** 0: nothing but the place is taken (SIGEV_NONE), or a thread is told. */
  readonly signal: number;
  readonly value: bigint;
  /** Tells the C library's thread (SIGEV_THREAD) that a message came, or that none will be told of. */
  readonly thread: ((came: boolean) => void) | null;
}

let nextInode = 9000;

/** A queue of messages by priority. */
export class PosixQueue {
  readonly capacity: number;
  readonly messageSize: number;
  readonly messages: Message[] = [];
  readonly changed: WaitQueue = new WaitQueue();
  readonly inode: number = nextInode++;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  private wanted: Notification | null = null;
  /** Calls that wait for a message, which is handed to the first of them. */
  private readonly receivers: Set<Receiver> = new Set();

  constructor({ uids, gids }: Process, mode: number, capacity: number, messageSize: number) {
    this.uid = uids[1];
    this.gid = gids[1];
    this.mode = mode;
    this.capacity = capacity;
    this.messageSize = messageSize;
  }

  /** What it counts towards RLIMIT_MSGQUEUE. */
  get cost(): number {
    return this.capacity * (this.messageSize + MESSAGE_COST);
  }

  /** 0, or -EAGAIN without room. */
  send(sender: Process, bytes: Uint8Array, priority: number): number {
    const [receiver] = this.receivers;
    if (receiver !== undefined) {
      this.receivers.delete(receiver);
      receiver.message = { priority, bytes };
      this.changed.wake();
      return 0;
    }
    if (this.messages.length >= this.capacity) return -EAGAIN;
    // behind those of the same priority
    const index = this.messages.findIndex((message) => message.priority < priority);
    this.messages.splice(index < 0 ? this.messages.length : index, 0, { priority, bytes });
    if (this.messages.length === 1) this.notify(sender);
    this.changed.wake();
    return 0;
  }

  /** The oldest of the highest priority; null when there is none: the receiver waits then. */
  receive(receiver: Receiver): Message | null {
    const message = receiver.message ?? this.messages.shift() ?? null;
    if (message === null) this.receivers.add(receiver);
    else this.changed.wake();
    return message;
  }

  /** A call waits no longer. */
  leave(receiver: Receiver): void {
    this.receivers.delete(receiver);
  }

  /** Who is to be told; nobody when that process has ended, or left the queue by execve. */
  get notification(): Notification | null {
    const files = this.wanted?.process.files;
    const open = files?.list().some((fd) => {
      const file = files.get(fd);
      return file instanceof QueueFile && file.queue === this;
    });
    if (open !== true) this.drop();
    return this.wanted;
  }

  /** mq_notify(2): 0 or -EBUSY. */
  register(notification: Notification): number {
    if (this.notification !== null) return -EBUSY;
    this.wanted = notification;
    return 0;
  }

  /** A process wants to be told no longer. */
  forget(process: Process): void {
    if (this.wanted?.process === process) this.drop();
  }

  private drop(): void {
    const { wanted } = this;
    this.wanted = null;
    wanted?.thread?.(false);
  }

  private notify({ pid, uids }: Process): void {
    const { notification } = this;
    if (notification === null) return;
    this.wanted = null;
    const { process, signal, value, thread } = notification;
    thread?.(true);
    if (signal !== 0) process.raise({ signo: signal, code: SI_MESGQ, pid, uid: uids[0], value });
  }
}

/** An open message queue: an mqd_t is a descriptor. */
export class QueueFile extends BaseFile {
  readonly queue: PosixQueue;
  private position = 0;

  constructor(name: string, flags: number, queue: PosixQueue) {
    super(`/${name}`, flags);
    this.queue = queue;
  }
  override get waitQueue(): WaitQueue {
    return this.queue.changed;
  }
  stat(): Stat {
    const { inode, mode, uid, gid } = this.queue;
    return syntheticStat({ mode: S_IFREG | mode, ino: inode, dev: 0x13, uid, gid, size: 80 });
  }
  statfs(): Statfs {
    return syntheticStatfs(MQUEUE_MAGIC);
  }
  /** The state as text (man 7 mq_overview, "Mounting the message queue filesystem"). */
  override read(into: Uint8Array): number {
    const { messages, notification } = this.queue;
    const bytes = messages.reduce((sum, message) => sum + message.bytes.length, 0);
    const pad = (value: number, width: number): string => String(value).padEnd(width);
    const kind = notification === null || notification.signal !== 0 ? 0 : notification.thread === null ? 1 : 2;
    const text = `QSIZE:${pad(bytes, 10)} NOTIFY:${pad(kind, 5)} SIGNO:${pad(notification?.signal ?? 0, 5)} NOTIFY_PID:${pad(notification?.process.pid ?? 0, 6)}\n`;
    const part = Buffer.from(text).subarray(this.position, this.position + into.length);
    into.set(part);
    this.position += part.length;
    return part.length;
  }
  override poll(): number {
    const { messages, capacity } = this.queue;
    return (messages.length > 0 ? POLLIN : 0) | (messages.length < capacity ? POLLOUT : 0);
  }
}

/** What mq_open(3) asks for; null without an attr. */
export type QueueSize = { readonly maxmsg: number; readonly msgsize: number } | null;

/** The POSIX message queues of a machine by name. */
export class PosixQueues {
  private readonly byName: Map<string, PosixQueue> = new Map();

  /** mq_open(2) with a name that the C library has freed of its slash: the file or -errno. */
  open(process: Process, name: string, flags: number, mode: number, size: QueueSize): QueueFile | number {
    if (name === '') return -ENOENT;
    if (name.includes('/') || name === '.' || name === '..') return -EACCES;
    const way = flags & O_ACCMODE;
    const found = this.byName.get(name);
    const kept = flags & ~(O_CREAT | O_EXCL);
    if (found === undefined) {
      if ((flags & O_CREAT) === 0) return -ENOENT;
      const made = this.make(process, mode, size);
      if (typeof made === 'number') return made;
      this.byName.set(name, made);
      return new QueueFile(name, kept, made);
    }
    if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
    if (way === O_ACCMODE) return -EINVAL;
    return permits(found, process, [4, 2, 6][way] ?? 6) ? new QueueFile(name, kept, found) : -EACCES;
  }

  private make(process: Process, mode: number, size: QueueSize): PosixQueue | number {
    const root = process.uids[1] === 0;
    const { msg_max, msg_default, msgsize_max, msgsize_default, queues_max } = MQ_LIMITS;
    if (this.byName.size >= queues_max && !root) return -ENOSPC;
    const { maxmsg, msgsize } = size ?? { maxmsg: msg_default, msgsize: msgsize_default };
    if (maxmsg <= 0 || msgsize <= 0) return -EINVAL;
    if (maxmsg > (root ? HARD_MSG_MAX : msg_max) || msgsize > (root ? HARD_MSGSIZE_MAX : msgsize_max)) return -EINVAL;
    const queue = new PosixQueue(process, mode, maxmsg, msgsize);
    const used = [...this.byName.values()].reduce((sum, { uid, cost }) => sum + (uid === queue.uid ? cost : 0), 0);
    return used + queue.cost > (process.limits[RLIMIT_MSGQUEUE]?.[0] ?? 0) ? -EMFILE : queue;
  }

  /** mq_unlink(2); those who have it open keep it. */
  unlink(process: Process, name: string): number {
    const queue = this.byName.get(name);
    if (queue === undefined) return -ENOENT;
    if (process.uids[1] !== 0 && process.uids[1] !== queue.uid) return -EACCES;
    this.byName.delete(name);
    return 0;
  }
}

/** Whether a process may do what the bits (4 read, 2 write) say. */
function permits({ uid, gid, mode }: PosixQueue, { uids, gids, groups }: Process, wanted: number): boolean {
  if (uids[1] === 0) return true;
  const shift = uids[1] === uid ? 6 : gids[1] === gid || groups.includes(gid) ? 3 : 0;
  return (wanted & ~(mode >> shift)) === 0;
}

/** The queue behind a descriptor that may be used that way (0 read, 1 write): -EBADF else. */
export function queueOf(process: Process, fd: number, way: 0 | 1 | null): QueueFile | number {
  const file = process.files.get(fd);
  if (!(file instanceof QueueFile)) return -EBADF;
  if (way === 0) return file.readable ? file : -EBADF;
  return way === null || file.writable ? file : -EBADF;
}
