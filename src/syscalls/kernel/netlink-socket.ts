import { EADDRINUSE, EAGAIN, ECONNREFUSED, EINVAL, EMSGSIZE, ENOBUFS, EOPNOTSUPP, EPERM } from '../errno.ts';
import { POLLIN, POLLOUT } from '../vfs/types.ts';
import { interfacesOf } from './interfaces.ts';
import type { Kernel } from './kernel.ts';
import { neighboursOf } from './neighbours.ts';
import { answers } from './netlink-messages.ts';
import type { Network } from './network.ts';
import { routeAnswer } from './route-messages.ts';
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
import { diagAnswer, type OwnedSocket } from './socket-diag.ts';
import type { Task } from './task.ts';

export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
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

  private readonly kernel: Kernel;
  private readonly uid: number;

  constructor(task: Task, type: number, protocol: number, flags: number) {
    super(AF_NETLINK, type, protocol, flags, BUFFERS);
    this.kernel = task.process.kernel;
    this.network = this.kernel.network;
    this.uid = task.process.uids[1];
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
    for (const answer of this.protocol === NETLINK_ROUTE ? this.routeAnswers(bytes) : this.diagAnswers(bytes)) {
      this.deliver(answer);
    }
    return bytes.length;
  }
  private routeAnswers(bytes: Uint8Array): Uint8Array[] {
    const { network, uid } = this;
    const told = { faces: interfacesOf(network), routes: routesOf(network), neighbours: neighboursOf(network), uid };
    return answers(bytes, (request) => routeAnswer(this.port, request, told));
  }
  private diagAnswers(bytes: Uint8Array): Uint8Array[] {
    const all = new Map<Socket, OwnedSocket>();
    for (const { files, uids } of this.kernel.processes.values()) {
      for (const fd of files.list()) {
        const socket = files.get(fd);
        if (socket instanceof Socket && !all.has(socket)) all.set(socket, { socket, uid: uids[1] });
      }
    }
    return answers(bytes, (request) => diagAnswer(this.port, request, [...all.values()]));
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
