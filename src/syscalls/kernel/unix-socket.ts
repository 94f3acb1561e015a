import {
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EFAULT,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  EPROTOTYPE,
} from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import {
  type IoctlArg,
  O_NONBLOCK,
  O_RDWR,
  type OpenFile,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  S_IFSOCK,
  type Stat,
  type Statfs,
} from '../vfs/types.ts';
import { WaitQueue } from './wait-queue.ts';

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_SEQPACKET = 5;
const SOCKFS_MAGIC = 0x534f434b;
const FIONREAD = 0x541b;
const POLLRDHUP = 0x2000;
/** /proc/sys/net/core/wmem_default, and what a datagram socket that is not our peer may have waiting. */
const BUFFER = 212992;
const MAX_DATAGRAMS = 11;

/** struct ucred: who is at the other end. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Descriptions on their way (SCM_RIGHTS): each holds a reference; `drop` gives one up. */
export interface Passed {
  readonly files: readonly OpenFile[];
  drop(file: OpenFile): void;
}

interface Message {
  bytes: Uint8Array;
  readonly from: string;
  passed: Passed | null;
}

/** What recvmsg gets: bytes copied, the message's whole length, and what came with it. */
export interface Received {
  readonly count: number;
  readonly whole: number;
  readonly from: string;
  readonly passed: Passed | null;
}

let nextInode = 5000;

/** A socket of AF_UNIX (man 7 unix) inside our kernel. Names are the byte strings of sun_path; '' is unnamed. */
export class UnixSocket extends BaseFile {
  override readonly mayBlock: boolean = true;
  readonly type: number;
  name = '';
  /** SO_ERROR: an errno to be told once. */
  error = 0;
  sendBuffer: number = BUFFER;
  receiveBuffer: number = BUFFER;
  credentials: Credentials;
  peerCredentials: Credentials | null = null;
  /** Takes the name back when the socket goes. */
  onClose: () => void = () => {};
  private readonly inode: number = nextInode++;
  private readonly changed: WaitQueue = new WaitQueue();
  private readonly messages: Message[] = [];
  private waiting = 0;
  private partner: UnixSocket | null = null;
  private connected = false;
  private closed = false;
  private noReads = false;
  private noWrites = false;
  private backlog: UnixSocket[] | null = null;
  private backlogLimit = 0;

  constructor(type: number, flags: number, credentials: Credentials) {
    super('', O_RDWR | flags);
    this.type = type;
    this.credentials = credentials;
  }
  override get waitQueue(): WaitQueue {
    return this.changed;
  }
  stat(): Stat {
    return syntheticStat({ mode: S_IFSOCK | 0o777, ino: this.inode, dev: 8 });
  }
  statfs(): Statfs {
    return syntheticStatfs(SOCKFS_MAGIC);
  }
  get listening(): boolean {
    return this.backlog !== null;
  }
  /** The other end, while there is one. */
  get peer(): UnixSocket | null {
    return this.connected ? this.partner : null;
  }

  /** socketpair(2), and what connect and accept come to. */
  pair(other: UnixSocket): void {
    for (const [a, b] of [
      [this, other],
      [other, this],
    ] as const) {
      a.partner = b;
      a.connected = true;
      a.peerCredentials = b.credentials;
    }
  }

  /** listen(2). */
  listen(limit: number): number {
    if (this.type === SOCK_DGRAM) return -EOPNOTSUPP;
    if (this.name === '' || this.connected) return -EINVAL;
    this.backlog ??= [];
    this.backlogLimit = limit;
    this.changed.wake(POLLOUT);
    return 0;
  }

  /** connect(2) to a bound socket; -EAGAIN while its backlog is full. */
  connect(to: UnixSocket): number {
    if (to.type !== this.type) return -EPROTOTYPE;
    if (this.type === SOCK_DGRAM) {
      this.partner = to;
      this.connected = true;
      this.changed.wake();
      return 0;
    }
    if (this.listening) return -EINVAL;
    if (this.connected) return -EISCONN;
    if (to.backlog === null || to.noReads) return -ECONNREFUSED;
    if (to.backlog.length > to.backlogLimit) return -EAGAIN;
    const end = new UnixSocket(this.type, 0, to.credentials);
    end.name = to.name;
    this.pair(end);
    to.backlog.push(end);
    to.changed.wake(POLLIN);
    this.changed.wake();
    return 0;
  }

  /** A datagram socket has no fixed peer any more (AF_UNSPEC). */
  disconnect(): void {
    this.partner = null;
    this.connected = false;
  }

  /** accept(2): the next connection, or -errno. */
  accept(): UnixSocket | number {
    if (this.type === SOCK_DGRAM) return -EOPNOTSUPP;
    if (this.backlog === null) return -EINVAL;
    const end = this.backlog.shift();
    if (end === undefined) return this.noReads ? -EINVAL : -EAGAIN;
    this.changed.wake(POLLOUT);
    return end;
  }

  /** send(2) and the like; `to` for a datagram with an address of its own. */
  send(bytes: Uint8Array, passed: Passed | null = null, to: UnixSocket | null = null): number {
    if (this.error !== 0) return -this.takeError();
    const peer = to ?? this.peer;
    if (peer === null) return this.noWrites || (this.type !== SOCK_DGRAM && this.partner !== null) ? -EPIPE : -ENOTCONN;
    if (this.noWrites) return -EPIPE;
    if (peer.closed) return this.type === SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
    if (peer.noReads) return -EPIPE;
    if (this.type !== SOCK_STREAM && bytes.length > this.sendBuffer - 32) return -EMSGSIZE;
    if (this.type === SOCK_STREAM && bytes.length === 0) return 0;
    const room = peer.room(this);
    if (room <= 0 || (this.type !== SOCK_STREAM && peer.waiting > 0 && room < bytes.length)) return -EAGAIN;
    const count = this.type === SOCK_STREAM ? Math.min(room, bytes.length) : bytes.length;
    peer.messages.push({ bytes: bytes.slice(0, count), from: this.name, passed });
    peer.waiting += count;
    peer.changed.wake(POLLIN);
    return count;
  }

  /** recv(2) and the like. */
  receive(into: Uint8Array, peek: boolean): Received | number {
    if (this.listening || (this.type === SOCK_STREAM && this.partner === null)) return -EINVAL;
    const first = this.messages[0];
    if (first === undefined) {
      if (this.error !== 0) return -this.takeError();
      if (this.type === SOCK_SEQPACKET && this.partner === null) return -ENOTCONN;
      const over = this.noReads || (this.type !== SOCK_DGRAM && (this.partner?.closed || this.partner?.noWrites));
      return over ? { count: 0, whole: 0, from: '', passed: null } : -EAGAIN;
    }
    if (this.type !== SOCK_STREAM) {
      const count = Math.min(into.length, first.bytes.length);
      into.set(first.bytes.subarray(0, count));
      if (!peek) this.taken(first.bytes.length, 1);
      return { count, whole: first.bytes.length, from: first.from, passed: first.passed };
    }
    let count = 0;
    let whole = 0;
    let passed: Passed | null = null;
    for (const message of this.messages) {
      if (count === into.length || passed !== null || (message.passed !== null && count > 0)) break;
      const n = Math.min(into.length - count, message.bytes.length);
      into.set(message.bytes.subarray(0, n), count);
      count += n;
      passed = message.passed;
      if (peek) continue;
      message.passed = null;
      message.bytes = message.bytes.subarray(n);
      if (message.bytes.length === 0) whole++;
    }
    if (!peek) this.taken(count, whole);
    return { count, whole: count, from: first.from, passed };
  }

  override read(into: Uint8Array): number {
    if (into.length === 0 && this.type === SOCK_STREAM) return 0;
    const got = this.receive(into, false);
    if (typeof got === 'number') return got;
    dropAll(got.passed);
    return got.count;
  }
  override write(from: Uint8Array): number {
    return this.send(from);
  }

  /** shutdown(2). */
  shutdown(how: number): number {
    if (how < 0 || how > 2) return -EINVAL;
    if (!this.connected && !this.listening) return -ENOTCONN;
    const reads = how !== 1;
    const writes = how !== 0;
    this.noReads ||= reads;
    this.noWrites ||= writes;
    this.changed.wake();
    const { peer } = this;
    if (peer !== null && this.type !== SOCK_DGRAM) {
      peer.noReads ||= writes;
      peer.noWrites ||= reads;
      peer.changed.wake();
    }
    return 0;
  }

  /** SO_ERROR: tell the error, and forget it. */
  takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }

  override poll(): number {
    const failed = this.error !== 0 ? POLLERR : 0;
    if (this.backlog !== null) return this.backlog.length > 0 ? POLLIN : 0;
    const { peer } = this;
    const writable = peer === null || peer.closed || peer.room(this) > 0 ? POLLOUT : 0;
    const filled = this.messages.length > 0 ? POLLIN : 0;
    const half = this.noReads ? POLLIN | POLLRDHUP : 0;
    const over = this.noReads && this.noWrites ? POLLHUP : 0;
    if (this.type === SOCK_DGRAM) return failed | writable | filled | half | over;
    if (peer === null) return failed | writable | POLLHUP;
    return failed | writable | filled | half | over | (peer.closed ? POLLIN | POLLRDHUP | POLLHUP : 0);
  }

  override ioctl(request: number, arg: IoctlArg): number {
    if (request !== FIONREAD) return super.ioctl(request, arg);
    const view = arg.out(4);
    if (view === null) return -EFAULT;
    view.setInt32(0, this.type === SOCK_STREAM ? this.waiting : (this.messages[0]?.bytes.length ?? 0), true);
    return 0;
  }

  override close(): number {
    const { peer } = this;
    this.closed = true;
    this.onClose();
    for (const end of this.backlog ?? []) {
      if (end.peer !== null) end.peer.error = ECONNRESET;
      end.close();
    }
    if (peer !== null && this.type !== SOCK_DGRAM && this.messages.length > 0) peer.error = ECONNRESET;
    for (const { passed } of this.messages) dropAll(passed);
    this.messages.length = 0;
    peer?.changed.wake();
    this.changed.wake();
    return 0;
  }

  /** Whether transfers answer at once. */
  get nonBlocking(): boolean {
    return (this.flags & O_NONBLOCK) !== 0;
  }

  private room(sender: UnixSocket): number {
    if (this.type === SOCK_DGRAM && this.partner !== sender && this.messages.length >= MAX_DATAGRAMS) return 0;
    return sender.sendBuffer - this.waiting;
  }

  private taken(bytes: number, messages: number): void {
    this.waiting -= bytes;
    this.messages.splice(0, messages);
    // Whoever waits for room waits at its own end; datagrams may come from anybody.
    this.partner?.changed.wake(POLLOUT);
    this.changed.wake(POLLOUT);
  }
}

/** Descriptions that nobody received. */
export function dropAll(passed: Passed | null): void {
  for (const file of passed?.files ?? []) passed?.drop(file);
}
