import {
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  EPROTOTYPE,
} from '../errno.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLWRBAND, POLLWRNORM } from '../vfs/types.ts';
import {
  AF_UNIX,
  type Credentials,
  type Destination,
  type Diagnosis,
  dropAll,
  familyOf,
  MSG_PEEK,
  type Passed,
  POLLRDHUP,
  type Received,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  Socket,
  type SocketAddress,
  TCP_LISTEN,
} from './socket.ts';
import type { Task } from './task.ts';
import { bindName, findSocket } from './unix-names.ts';

/** /proc/sys/net/core/wmem_default, and what a datagram socket that is not our peer may have waiting. */
const BUFFER = 212992;
const MAX_DATAGRAMS = 11;
const PATH_AT = 2;
const ADDRESS_MAX = 110;

interface Message {
  bytes: Uint8Array;
  readonly from: string;
  passed: Passed | null;
  readonly sender: Credentials | null;
  /** Who has it in flight. */
  readonly by: UnixSocket;
  readonly arrival: number | null;
}

const sameSender = (a: Credentials | null, b: Credentials | null): boolean =>
  a?.pid === b?.pid && a?.uid === b?.uid && a?.gid === b?.gid;

/** A socket of AF_UNIX (man 7 unix) inside our kernel. Names are the byte strings of sun_path; '' is unnamed. */
export class UnixSocket extends Socket {
  name = '';
  credentials: Credentials;
  /** Takes the name back when the socket goes. */
  onClose: () => void = () => {};
  private readonly messages: Message[] = [];
  private waiting = 0;
  private partner: UnixSocket | null = null;
  private joined = false;
  private closed = false;
  private noReads = false;
  private noWrites = false;
  private backlog: UnixSocket[] | null = null;
  private backlogLimit = 0;

  constructor(type: number, flags: number, credentials: Credentials) {
    super(AF_UNIX, type, 0, flags, [BUFFER, BUFFER]);
    this.credentials = credentials;
  }
  override get listening(): boolean {
    return this.backlog !== null;
  }
  override get hasPeer(): boolean {
    return this.peer !== null;
  }
  /** 0 without a peer. */
  get peerInode(): number {
    return this.peer?.inode ?? 0;
  }
  override get diagnosis(): Diagnosis {
    if (this.backlog === null) return super.diagnosis;
    return { state: TCP_LISTEN, received: this.backlog.length, limit: this.backlogLimit };
  }
  override localAddress(): SocketAddress {
    return unixAddress(this.name);
  }
  override peerAddress(): SocketAddress | null {
    return this.peer === null ? null : unixAddress(this.peer.name);
  }
  override unread(): number {
    if (this.listening) return -EINVAL;
    return this.type === SOCK_DGRAM ? (this.messages[0]?.bytes.length ?? 0) : this.waiting;
  }
  override unsent(): number {
    return this.listening ? -EINVAL : this.inFlight;
  }
  /** There is no urgent data of this family here. */
  override atMark(): number {
    return this.type === SOCK_STREAM ? 0 : -EOPNOTSUPP;
  }
  private inFlight = 0;
  override bind(task: Task, address: SocketAddress): number {
    const name = unixName(address);
    return typeof name === 'number' ? name : bindName(task, this, name);
  }
  override destination(task: Task, address: SocketAddress): UnixSocket | number {
    const name = unixName(address);
    return typeof name === 'number' ? name : findSocket(task, name);
  }
  /** The other end, while there is one. */
  get peer(): UnixSocket | null {
    return this.joined ? this.partner : null;
  }

  /** socketpair(2), and what connect and accept come to. */
  pair(other: UnixSocket): void {
    for (const [a, b] of [
      [this, other],
      [other, this],
    ] as const) {
      a.partner = b;
      a.joined = true;
      a.peerCredentials = b.credentials;
    }
  }

  override listen(task: Task, limit: number): number {
    if (this.type === SOCK_DGRAM) return -EOPNOTSUPP;
    if (this.name === '' || this.joined) return -EINVAL;
    this.credentials = credentialsOf(task);
    this.backlog ??= [];
    this.backlogLimit = limit;
    this.changed.wake(POLLOUT);
    return 0;
  }

  /** To a bound socket; -EAGAIN while its backlog is full. */
  override connect(task: Task, to: Destination): number {
    if (!(to instanceof UnixSocket)) return -EINVAL;
    if (to.type !== this.type) return -EPROTOTYPE;
    this.credentials = credentialsOf(task);
    if (this.type === SOCK_DGRAM) {
      this.partner = to;
      this.joined = true;
      this.changed.wake();
      return 0;
    }
    if (to.backlog === null || to.noReads) return -ECONNREFUSED;
    if (to.backlog.length > to.backlogLimit) return -EAGAIN;
    if (this.listening) return -EINVAL;
    if (this.joined) return -EISCONN;
    const end = new UnixSocket(this.type, 0, to.credentials);
    end.name = to.name;
    this.pair(end);
    to.backlog.push(end);
    to.changed.wake(POLLIN);
    this.changed.wake();
    return 0;
  }

  override connected(): number {
    return 0;
  }

  /** A datagram socket has no fixed peer any more. */
  override disconnect(): number {
    if (this.type !== SOCK_DGRAM) return -EINVAL;
    this.partner = null;
    this.joined = false;
    return 0;
  }

  override accept(): UnixSocket | number {
    if (this.type === SOCK_DGRAM) return -EOPNOTSUPP;
    if (this.backlog === null) return -EINVAL;
    const end = this.backlog.shift();
    if (end === undefined) return this.noReads ? -EINVAL : -EAGAIN;
    this.changed.wake(POLLOUT);
    return end;
  }

  override send(bytes: Uint8Array, passed: Passed | null, to: Destination | null, sender?: Credentials): number {
    if (to !== null && this.type !== SOCK_DGRAM) return this.peer === null ? -EOPNOTSUPP : -EISCONN;
    if (this.error !== 0) return -this.takeError();
    const peer = to instanceof UnixSocket ? to : this.peer;
    if (peer === null) return this.noWrites || (this.type !== SOCK_DGRAM && this.partner !== null) ? -EPIPE : -ENOTCONN;
    if (this.noWrites) return -EPIPE;
    if (peer.closed) return this.type === SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
    if (peer.noReads) return -EPIPE;
    if (this.type !== SOCK_STREAM && bytes.length > this.sendBuffer - 32) return -EMSGSIZE;
    if (this.type === SOCK_STREAM && bytes.length === 0) return 0;
    const room = peer.room(this);
    if (room <= 0 || (this.type !== SOCK_STREAM && peer.waiting > 0 && room < bytes.length)) return -EAGAIN;
    const count = this.type === SOCK_STREAM ? Math.min(room, bytes.length) : bytes.length;
    const { arrival } = peer;
    peer.messages.push({
      bytes: bytes.slice(0, count),
      from: this.name,
      passed,
      sender: sender ?? null,
      by: this,
      arrival,
    });
    peer.waiting += count;
    this.inFlight += count;
    peer.changed.wake(POLLIN);
    return count;
  }

  override receive(into: Uint8Array, how: number): Received | number {
    const peek = (how & MSG_PEEK) !== 0;
    if (this.listening || (this.type === SOCK_STREAM && this.partner === null)) return -EINVAL;
    // where looking begins: behind what SO_PEEK_OFF says, whole messages at first
    let skip = peek ? Math.max(0, this.peekOffset) : 0;
    let at = 0;
    for (; at < this.messages.length; at++) {
      const length = this.messages[at]?.bytes.length ?? 0;
      if (skip < length || (skip === 0 && length === 0)) break;
      skip -= length;
    }
    const first = this.messages[at];
    if (first === undefined) return this.nothing();
    if (this.type !== SOCK_STREAM) {
      const count = Math.min(into.length, first.bytes.length - skip);
      into.set(first.bytes.subarray(skip, skip + count));
      const whole = first.bytes.length - skip;
      if (!peek) this.taken(first.bytes.length, 1, first);
      this.peeked(peek ? count : whole, !peek);
      const { passed, sender, arrival } = first;
      return { count, whole, from: nameOf(first), passed, sender, arrival };
    }
    let count = 0;
    let whole = 0;
    let passed: Passed | null = null;
    for (const message of this.messages.slice(at)) {
      // what brings descriptors is the last of a read
      if (count === into.length || passed !== null) break;
      if (this.passesSender && !sameSender(message.sender, first.sender)) break;
      const bytes = message.bytes.subarray(skip);
      skip = 0;
      const n = Math.min(into.length - count, bytes.length);
      into.set(bytes.subarray(0, n), count);
      count += n;
      passed = message.passed;
      if (peek) continue;
      message.passed = null;
      message.bytes = bytes.subarray(n);
      if (message.bytes.length === 0) whole++;
    }
    if (!peek) this.taken(count, whole, first);
    this.peeked(count, !peek);
    return { count, whole: count, from: nameOf(first), passed, sender: first.sender };
  }

  /** What receiving finds where nothing is to be had. */
  private nothing(): Received | number {
    if (this.error !== 0) return -this.takeError();
    if (this.type === SOCK_SEQPACKET && this.partner === null) return -ENOTCONN;
    const over = this.noReads || (this.type !== SOCK_DGRAM && (this.partner?.closed || this.partner?.noWrites));
    return over ? { count: 0, whole: 0, from: null, passed: null } : -EAGAIN;
  }

  override shutdown(how: number): number {
    if (how < 0 || how > 2) return -EINVAL;
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

  override get outMeans(): number {
    return POLLWRNORM | POLLWRBAND;
  }
  override poll(): number {
    const failed = this.error !== 0 ? POLLERR : 0;
    const half = this.noReads ? POLLIN | POLLRDHUP : 0;
    if (this.backlog !== null) return half | (this.backlog.length > 0 ? POLLIN : 0);
    const { peer } = this;
    const writable = peer === null || peer.closed || peer.room(this) > 0 ? POLLOUT : 0;
    const filled = this.messages.length > 0 ? POLLIN : 0;
    const over = this.noReads && this.noWrites ? POLLHUP : 0;
    if (this.type === SOCK_DGRAM) return failed | writable | filled | half | over;
    if (peer === null) return failed | writable | POLLHUP;
    return failed | writable | filled | half | over | (peer.closed ? POLLIN | POLLRDHUP | POLLHUP : 0);
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
    for (const { passed, by, bytes } of this.messages) {
      dropAll(passed);
      by.inFlight -= bytes.length;
    }
    this.messages.length = 0;
    peer?.changed.wake();
    this.changed.wake();
    return 0;
  }

  /** SO_PASSCRED */
  private get passesSender(): boolean {
    return (this.options.get(SO_PASSCRED) ?? 0) !== 0;
  }

  /** Whether who sends must be noted: one of the ends asked for it. */
  tellsSender(to: Destination | null): boolean {
    const peer = to instanceof UnixSocket ? to : this.peer;
    return this.passesSender || (peer?.passesSender ?? false);
  }

  private room(sender: UnixSocket): number {
    if (this.type === SOCK_DGRAM && this.partner !== sender && this.messages.length >= MAX_DATAGRAMS) return 0;
    return sender.sendBuffer - this.waiting;
  }

  private taken(bytes: number, messages: number, { by }: Message): void {
    this.waiting -= bytes;
    // all of a stream is by its one peer
    by.inFlight -= bytes;
    this.messages.splice(0, messages);
    // Whoever waits for room waits at its own end; datagrams may come from anybody.
    this.partner?.changed.wake(POLLOUT);
    this.changed.wake(POLLOUT);
  }
}

/** Who a task is, as the other end is told. */
export function credentialsOf(task: Task): Credentials {
  return { pid: task.process.pid, uid: task.process.uids[1], gid: task.process.gids[1] };
}

/** Where a message came from; null: a socket without a name. */
const nameOf = ({ from }: Message): SocketAddress | null => (from === '' ? null : unixAddress(from));

/** The name in a struct sockaddr_un ('' when it has none), or -errno. */
export function unixName(address: SocketAddress): string | number {
  if (address.length < PATH_AT || address.length > ADDRESS_MAX) return -EINVAL;
  if (familyOf(address) !== AF_UNIX) return -EINVAL;
  const text = String.fromCharCode(...address.subarray(PATH_AT));
  return text.startsWith('\0') ? text : (text.split('\0', 1)[0] ?? '');
}

/** The address of sockets without a name. */
const NOBODY: SocketAddress = Uint8Array.of(AF_UNIX, 0);

/** A name as a struct sockaddr_un of just the length it needs. */
export function unixAddress(name: string): SocketAddress {
  if (name === '') return NOBODY;
  const path = name.startsWith('\0') ? name : `${name}\0`;
  const bytes = new Uint8Array(PATH_AT + path.length);
  bytes[0] = AF_UNIX;
  for (let i = 0; i < path.length; i++) bytes[PATH_AT + i] = path.charCodeAt(i);
  return bytes;
}
