import { EADDRINUSE, EAGAIN, ECONNREFUSED, EINVAL, EMSGSIZE, ENOBUFS, EOPNOTSUPP, EPERM } from '../errno.ts';
import { POLLIN, POLLOUT } from '../vfs/types.ts';
import { interfacesOf } from './interfaces.ts';
import type { Network } from './network.ts';
import { routeAnswers } from './route-messages.ts';
import { routesOf } from './routes.ts';
import {
  AF_NETLINK,
  type Destination,
  familyOf,
  MSG_PEEK,
  type Passed,
  type Received,
  Socket,
  type SocketAddress,
} from './socket.ts';
import type { Task } from './task.ts';

export const NETLINK_ROUTE = 0;
const BUFFERS = [212992, 212992] as const;
/** struct sockaddr_nl: family, padding, port, groups. */
const ADDRESS = 12;

/** Whom a message is for: the kernel is port 0. */
class NetlinkDestination implements Destination {
  readonly waitQueue = null;
  readonly port: number;
  constructor(port: number) {
    this.port = port;
  }
}

function sockaddr(port: number, groups = 0): SocketAddress {
  const bytes = new Uint8Array(ADDRESS);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(4, port, true);
  view.setUint32(8, groups, true);
  return bytes;
}

/** A netlink socket (man 7 netlink): what the kernel is asked of its interfaces, and answers. */
export class NetlinkSocket extends Socket {
  private readonly network: Network;
  private readonly inbox: Uint8Array[] = [];
  private port = 0;
  private groups = 0;
  private peer = 0;

  constructor(network: Network, type: number, flags: number) {
    super(AF_NETLINK, type, NETLINK_ROUTE, flags, BUFFERS);
    this.network = network;
  }
  private read32(address: SocketAddress, at: number): number {
    return new DataView(address.buffer, address.byteOffset).getUint32(at, true);
  }
  private take(task: Task, wanted: number): number {
    const { netlinkPorts } = this.network;
    let port = wanted === 0 ? task.process.pid : wanted;
    // a second socket of a process gets a number of no process
    for (let i = 0; netlinkPorts.has(port); i++) {
      if (wanted !== 0) return -EADDRINUSE;
      port = (0xffff_f000 - i) >>> 0;
    }
    netlinkPorts.add(port);
    this.port = port;
    return 0;
  }

  override bind(task: Task, address: SocketAddress): number {
    if (address.length < ADDRESS || familyOf(address) !== AF_NETLINK) return -EINVAL;
    const port = this.read32(address, 4);
    if (this.port !== 0 && port !== this.port && port !== 0) return -EINVAL;
    this.groups = this.read32(address, 8);
    return this.port === 0 ? this.take(task, port) : 0;
  }
  override destination(task: Task, address: SocketAddress): Destination | number {
    if (address.length < ADDRESS || familyOf(address) !== AF_NETLINK) return -EINVAL;
    if (this.port === 0) this.take(task, 0);
    if (this.read32(address, 8) !== 0 && task.process.uids[1] !== 0) return -EPERM;
    return new NetlinkDestination(this.read32(address, 4));
  }
  override connect(_task: Task, to: Destination): number {
    this.peer = (to as NetlinkDestination).port;
    return 0;
  }
  override connected(): number {
    return 0;
  }
  override disconnect(): number {
    this.peer = 0;
    return 0;
  }
  override listen(): number {
    return -EOPNOTSUPP;
  }
  override accept(): number {
    return -EOPNOTSUPP;
  }
  override get listening(): boolean {
    return false;
  }
  override get hasPeer(): boolean {
    return true;
  }

  override send(bytes: Uint8Array, _passed: Passed | null, to: Destination | null): number {
    const port = to instanceof NetlinkDestination ? to.port : this.peer;
    // only the kernel listens
    if (port !== 0) return -ECONNREFUSED;
    if (bytes.length > this.sendBuffer - 32) return -EMSGSIZE;
    const told = { faces: interfacesOf(this.network), routes: routesOf(this.network) };
    for (const answer of routeAnswers(this.port, bytes, told)) this.deliver(answer);
    return bytes.length;
  }
  /** A message of the kernel's. */
  deliver(message: Uint8Array): void {
    if (this.unreadBytes + message.length <= this.receiveBuffer) this.inbox.push(message);
    else this.error = ENOBUFS;
    this.changed.wake(POLLIN);
  }
  override receive(into: Uint8Array, how: number): Received | number {
    if (this.error !== 0) return -this.takeError();
    const first = this.inbox[0];
    if (first === undefined) return -EAGAIN;
    const count = Math.min(into.length, first.length);
    into.set(first.subarray(0, count));
    if ((how & MSG_PEEK) === 0) this.inbox.shift();
    return { count, whole: first.length, from: sockaddr(0), passed: null };
  }
  override shutdown(): number {
    return -EOPNOTSUPP;
  }
  private get unreadBytes(): number {
    return this.inbox.reduce((sum, { length }) => sum + length, 0);
  }
  override unread(): number {
    return this.inbox[0]?.length ?? 0;
  }
  override localAddress(): SocketAddress {
    return sockaddr(this.port, this.groups);
  }
  override peerAddress(): SocketAddress {
    return sockaddr(this.peer);
  }
  override poll(): number {
    return POLLOUT | (this.inbox.length > 0 || this.error !== 0 ? POLLIN : 0);
  }
  override close(): number {
    this.network.netlinkPorts.delete(this.port);
    return 0;
  }
}
