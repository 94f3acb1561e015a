import { EADDRNOTAVAIL, EINVAL } from '../errno.ts';
import { anyHost, type Endpoint, isAny, isLoopback, isV6, readEndpoint, writeEndpoint } from './inet-address.ts';
import type { Network, PortOwner, Ports } from './network.ts';
import { AF_INET6, type Destination, Socket, type SocketAddress } from './socket.ts';
import type { Task } from './task.ts';

/** `level << 16 | name` of options that have an effect here. */
export const SO_REUSEADDR = 0x10002;
export const SO_BROADCAST = 0x10006;
export const SO_KEEPALIVE = 0x10009;
export const SO_REUSEPORT = 0x1000f;
export const TCP_NODELAY = 0x60001;
export const TCP_KEEPIDLE = 0x60004;
export const IP_TTL = 0x2;
export const IP_MULTICAST_TTL = 0x21;
export const IP_MULTICAST_LOOP = 0x22;
export const IPV6_V6ONLY = 0x29001a;

/** Where an internet socket sends or connects to. */
export class InetDestination implements Destination {
  readonly waitQueue = null;
  readonly endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }
}

/** What sockets of AF_INET and AF_INET6 have in common: addresses and ports (man 7 ip, man 7 ipv6). */
export abstract class InetSocket extends Socket implements PortOwner {
  local: Endpoint;
  peer: Endpoint | null = null;
  protected readonly network: Network;
  /** It has a port of its own. */
  protected bound = false;

  constructor(
    network: Network,
    domain: number,
    type: number,
    protocol: number,
    flags: number,
    buffers: readonly [number, number],
  ) {
    super(domain, type, protocol, flags, buffers);
    this.network = network;
    this.local = { host: anyHost(domain), port: 0, scope: 0 };
  }

  override get hasPort(): boolean {
    return this.bound;
  }
  get dual(): boolean {
    return this.domain === AF_INET6 && this.options.get(IPV6_V6ONLY) !== 1;
  }
  get reuseAddress(): boolean {
    return (this.options.get(SO_REUSEADDR) ?? 0) !== 0;
  }
  get reusePort(): boolean {
    return (this.options.get(SO_REUSEPORT) ?? 0) !== 0;
  }

  /** Have the host give the port too: what it gave, or -errno. */
  protected abstract reserve(local: Endpoint): Endpoint | number;
  protected abstract get ports(): Pick<Ports<PortOwner>, 'add' | 'delete' | 'free' | 'check'>;
  protected abstract get stream(): boolean;

  override bind(task: Task, address: SocketAddress): number {
    const wanted = readEndpoint(address, this.domain, true);
    if (typeof wanted === 'number') return wanted;
    if (this.bound) return -EINVAL;
    return this.take(wanted, task.process.uids[1] === 0);
  }

  /** Get an address and port; port 0: any. */
  protected take(wanted: Endpoint, privileged: boolean): number {
    if (this.domain === AF_INET6 && !isV6(wanted.host) && !this.dual) return -EADDRNOTAVAIL;
    const { dual, reuseAddress, reusePort } = this;
    const refused = this.network.checkBind(
      { local: wanted, dual, reuseAddress, reusePort, listening: false },
      this.ports,
      this.stream,
      privileged,
    );
    if (refused !== 0) return refused;
    const given = this.network.host ? this.reserve(wanted) : wanted;
    if (typeof given === 'number') return given;
    const port = given.port === 0 ? this.ports.free() : given.port;
    if (port === 0) return -EADDRNOTAVAIL;
    this.own({ ...wanted, port });
    return 0;
  }

  /** From now on the address is this socket's. */
  protected own(local: Endpoint): void {
    this.local = local;
    this.bound = true;
    this.ports.add(this);
  }

  /** The port is free again. */
  protected disown(): void {
    if (this.bound) this.ports.delete(this);
    this.bound = false;
    this.local = { host: anyHost(this.domain), port: 0, scope: 0 };
  }

  override destination(_task: Task, address: SocketAddress): Destination | number {
    const endpoint = readEndpoint(address, this.domain);
    if (typeof endpoint === 'number') return endpoint;
    if (!isAny(endpoint.host)) return new InetDestination(endpoint);
    // "This host": the loopback answers.
    const host = isV6(endpoint.host) ? '0:0:0:0:0:0:0:1' : '127.0.0.1';
    return new InetDestination({ ...endpoint, host });
  }

  /** The address that a connection to another one inside the machine comes from. */
  protected sourceFor(to: Endpoint): string {
    if (!isAny(this.local.host)) return this.local.host;
    if (!isLoopback(to.host)) return to.host;
    return isV6(to.host) ? to.host : '127.0.0.1';
  }

  override localAddress(): SocketAddress {
    return writeEndpoint(this.local, this.domain);
  }
  override peerAddress(): SocketAddress | null {
    return this.peer === null ? null : writeEndpoint(this.peer, this.domain);
  }
}
