import { EBADF, EFAULT, ENOTTY } from '../errno.ts';
import { BaseFile } from '../vfs/base-file.ts';
import { syntheticStat, syntheticStatfs } from '../vfs/memory-file.ts';
import { type IoctlArg, O_NONBLOCK, O_RDWR, type OpenFile, S_IFSOCK, type Stat, type Statfs } from '../vfs/types.ts';
import { realtimeMs } from './clock.ts';
import type { PacketControl } from './ip-control.ts';
import type { Task } from './task.ts';
import { WaitQueue } from './wait-queue.ts';

export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const MSG_OOB = 1;
export const MSG_PEEK = 2;
export const MSG_TRUNC = 0x20;
/** `level << 16 | name` of the option. */
export const SO_PASSCRED = 0x10010;
export const POLLRDHUP = 0x2000;
const SOCKFS_MAGIC = 0x534f434b;
const FIONREAD = 0x541b;
/** TIOCOUTQ has this number too. */
const SIOCOUTQ = 0x5411;
const SIOCATMARK = 0x8905;

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

/** Descriptions that nobody received. */
export function dropAll(passed: Passed | null): void {
  for (const file of passed?.files ?? []) passed?.drop(file);
}

/** A struct sockaddr as its bytes, sa_family first: each family knows its own. */
export type SocketAddress = Uint8Array;

/** sa_family of an address of at least two bytes. */
export const familyOf = (address: SocketAddress): number => (address[0] ?? 0) | ((address[1] ?? 0) << 8);

/** Where something is sent or connected to, found by `Socket.destination`. */
export interface Destination {
  /** Woken when there may be room there; null when the sender's own queue tells. */
  readonly waitQueue: WaitQueue | null;
}

/** A piece of control data (man 3 cmsg). */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** What recvmsg gets: bytes copied, the message's whole length, and what came with it. */
export interface Received {
  readonly count: number;
  readonly whole: number;
  /** The sender's address; null: none is told (streams of AF_INET). */
  readonly from: SocketAddress | null;
  readonly passed: Passed | null;
  /** Who sent it (SCM_CREDENTIALS); null outside AF_UNIX. */
  readonly sender?: Credentials | null;
  /** When it came, in milliseconds since the epoch; null: nobody noted it. Undefined: such a time is not told. */
  readonly arrival?: number | null;
  /** What is told of the packet. */
  readonly control?: readonly ControlMessage[];
}

/** What is told of a socket to who lists all (man 7 sock_diag). */
export interface Diagnosis {
  /** TCP_*; datagram sockets are TCP_ESTABLISHED with a peer, else TCP_CLOSE. */
  readonly state: number;
  /** Bytes to be received; of a listening socket connections to be accepted. */
  readonly received: number;
  /** Most connections that wait for a listening socket, else 0. */
  readonly limit: number;
}
export const [TCP_ESTABLISHED, TCP_SYN_SENT, TCP_FIN_WAIT2, TCP_CLOSE, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN] = [
  1, 2, 5, 7, 8, 9, 10,
] as const;

let nextInode = 5000;

/** A socket (man 7 socket) of any family. Results are values or negative errnos, -EAGAIN where a caller may wait. */
export abstract class Socket extends BaseFile {
  override readonly mayBlock: boolean = true;
  readonly domain: number;
  readonly type: number;
  readonly protocol: number;
  /** SO_ERROR: an errno to be told once. */
  error = 0;
  /** Options that are an int, by `level << 16 | name`; what is missing has its default. */
  readonly options: Map<number, number> = new Map();
  sendBuffer: number;
  receiveBuffer: number;
  /** SO_RCVTIMEO, SO_SNDTIMEO in milliseconds. */
  receiveTimeout: number = Number.POSITIVE_INFINITY;
  sendTimeout: number = Number.POSITIVE_INFINITY;
  /** SO_LINGER in seconds; -1: off. */
  linger = -1;
  peerCredentials: Credentials | null = null;
  protected readonly changed: WaitQueue = new WaitQueue();
  readonly inode: number = nextInode++;

  constructor(domain: number, type: number, protocol: number, flags: number, buffers: readonly [number, number]) {
    super('', O_RDWR | flags);
    this.domain = domain;
    this.type = type;
    this.protocol = protocol;
    [this.sendBuffer, this.receiveBuffer] = buffers;
  }

  /** bind(2). */
  abstract bind(task: Task, address: SocketAddress): number;
  /** listen(2). */
  abstract listen(task: Task, limit: number): number;
  /** What an address means to connect and send; -errno when it means nothing. */
  abstract destination(task: Task, address: SocketAddress): Destination | number;
  /** connect(2); -EAGAIN: try again when the destination changes; -EINPROGRESS: `connected` will tell. */
  abstract connect(task: Task, to: Destination): number;
  /** How the connection that was begun comes on: -EAGAIN while it does not stand. */
  abstract connected(): number;
  /** connect(2) to AF_UNSPEC. */
  abstract disconnect(): number;
  /** accept(2): the next connection. */
  abstract accept(): Socket | number;
  /** send(2) and the like; a stream takes what fits. `sender` is told to AF_UNIX peers that ask, `control` is of the internet. */
  abstract send(
    bytes: Uint8Array,
    passed: Passed | null,
    to: Destination | null,
    sender?: Credentials,
    control?: PacketControl,
  ): number;
  /** recv(2) and the like; of `how` MSG_PEEK and, for streams, MSG_TRUNC count. */
  abstract receive(into: Uint8Array, how: number): Received | number;
  /** shutdown(2). */
  abstract shutdown(how: number): number;
  abstract get listening(): boolean;
  /** Whether there is a peer that send needs no address for. */
  abstract get hasPeer(): boolean;
  abstract localAddress(): SocketAddress;
  /** Null without a peer. */
  abstract peerAddress(): SocketAddress | null;
  /** Bytes that a read would find (FIONREAD), or -errno. */
  abstract unread(): number;
  /** Bytes sent that the other end has not got (SIOCOUTQ), or -errno. */
  unsent(): number {
    return 0;
  }
  /** Whether the next byte is the urgent one (SIOCATMARK), or -errno. */
  atMark(): number {
    return -ENOTTY;
  }
  /** SO_PEEK_OFF: where MSG_PEEK begins, and goes on; -1: at the front always. */
  peekOffset = -1;
  /** Bytes were looked at, or (`taken`) received. */
  protected peeked(count: number, taken: boolean): void {
    if (this.peekOffset < 0) return;
    this.peekOffset = taken ? Math.max(0, this.peekOffset - count) : this.peekOffset + count;
  }
  /** SO_TIMESTAMP and its like: the option that was set last, 0 for none. */
  stampOption = 0;
  /** When a datagram came, if that is to be told. */
  protected get arrival(): number | null {
    return this.stampOption === 0 ? null : realtimeMs();
  }

  /** An option with an effect was set: families pass it on. Answers 0 or -errno. */
  optionSet(_level: number, _name: number, _value: number): number {
    return 0;
  }
  get diagnosis(): Diagnosis {
    return { state: this.hasPeer ? TCP_ESTABLISHED : TCP_CLOSE, received: Math.max(0, this.unread()), limit: 0 };
  }
  /** Whether it has a port of the internet already. */
  get hasPort(): boolean {
    return false;
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
  /** Whether calls answer at once. */
  get nonBlocking(): boolean {
    return (this.flags & O_NONBLOCK) !== 0;
  }
  /** Tell the error, and forget it. */
  takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }
  override read(into: Uint8Array): number {
    if (!this.readable) return -EBADF;
    if (into.length === 0) return 0;
    const got = this.receive(into, 0);
    if (typeof got === 'number') return got;
    dropAll(got.passed);
    return got.count;
  }
  override write(from: Uint8Array): number {
    return this.send(from, null, null);
  }
  override ioctl(request: number, arg: IoctlArg): number {
    const asked: Readonly<Record<number, () => number>> = {
      [FIONREAD]: () => this.unread(),
      [SIOCOUTQ]: () => this.unsent(),
      [SIOCATMARK]: () => this.atMark(),
    };
    const count = asked[request]?.() ?? super.ioctl(request, arg);
    if (count < 0) return count;
    const view = arg.out(4);
    if (view === null) return -EFAULT;
    view.setInt32(0, count, true);
    return 0;
  }
}
