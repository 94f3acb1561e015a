import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
} from '../errno.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLWRBAND, POLLWRNORM } from '../vfs/types.ts';
import {
  bindHandle,
  fromUv,
  hostBindings,
  localOf,
  senderOf,
  type UdpHandle,
  UV_IPV6ONLY,
  UV_UDP_REUSEADDR,
  UV_UDP_REUSEPORT,
} from './host-handles.ts';
import {
  anyHost,
  BROADCAST,
  type Endpoint,
  hostText,
  isAny,
  isLocal,
  isMulticast,
  isV6,
  writeEndpoint,
} from './inet-address.ts';
import {
  InetDestination,
  InetSocket,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_TTL,
  SO_BROADCAST,
} from './inet-socket.ts';
import { controlOf, headerOf, type PacketControl, type PacketHeader } from './ip-control.ts';
import type { Network, Ports } from './network.ts';
import {
  AF_INET,
  AF_INET6,
  type Credentials,
  type Destination,
  MSG_PEEK,
  type Passed,
  POLLRDHUP,
  type Received,
  SOCK_DGRAM,
} from './socket.ts';
import type { Task } from './task.ts';

const IPPROTO_UDP = 17;
/** /proc/sys/net/core/wmem_default and rmem_default; what each datagram counts besides its bytes. */
const BUFFERS = [212992, 212992] as const;
const OVERHEAD = 768;
const MOST_BYTES = 65507;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  /** Null: the host does not tell. */
  readonly header: PacketHeader | null;
  readonly arrival: number | null;
}

/** A UDP socket (man 7 udp). Datagrams between guests stay inside our kernel, others go through a handle of the host. */
export class UdpSocket extends InetSocket {
  private readonly inbox: Datagram[] = [];
  private waiting = 0;
  private handle: UdpHandle | null = null;
  private release: (() => void) | null = null;
  /** The handle is connected too: the host tells what could not be delivered. */
  private outside = false;
  private noReads = false;
  private noWrites = false;

  constructor(network: Network, domain: number, flags: number, protocol: number = IPPROTO_UDP) {
    super(network, domain, SOCK_DGRAM, protocol, flags, BUFFERS);
  }
  protected override get ports(): Ports<UdpSocket> {
    return this.network.udp as Ports<UdpSocket>;
  }
  protected override get stream(): boolean {
    return false;
  }
  override get listening(): boolean {
    return false;
  }
  override get hasPeer(): boolean {
    return this.peer !== null;
  }
  override unread(): number {
    return this.inbox[0]?.bytes.length ?? 0;
  }
  override listen(): number {
    return -EOPNOTSUPP;
  }
  override accept(): number {
    return -EOPNOTSUPP;
  }
  override connected(): number {
    return 0;
  }

  protected override reserve(local: Endpoint): Endpoint | number {
    const { UDP } = hostBindings();
    const handle = new UDP();
    handle.unref();
    let flags = this.domain === AF_INET6 && !this.dual ? UV_IPV6ONLY : 0;
    if (this.reuseAddress) flags |= UV_UDP_REUSEADDR;
    if (this.reusePort) flags |= UV_UDP_REUSEPORT;
    const error = bindHandle(handle, this.domain, local, flags);
    if (error !== 0) {
      handle.close();
      return error;
    }
    handle.onmessage = (count, _handle, bytes, from) => {
      if (this.handle !== handle) return;
      if (count < 0) this.refused(-fromUv(count));
      else
        this.arrived({ bytes: bytes ?? new Uint8Array(0), from: senderOf(from), header: null, arrival: this.arrival });
    };
    handle.recvStart();
    this.handle = handle;
    this.release = this.network.hold();
    for (const [option, value] of this.options) this.passOn(handle, option, value);
    return localOf(handle);
  }

  /** Sending needs a port. */
  private ensurePort(): number {
    return this.bound ? 0 : this.take({ host: anyHost(this.domain), port: 0, scope: 0 }, false);
  }

  override connect(_task: Task, to: Destination): number {
    if (!(to instanceof InetDestination)) return -EINVAL;
    const error = this.reach(to.endpoint) || this.ensurePort();
    if (error !== 0) return error;
    this.disconnectHost();
    this.peer = to.endpoint;
    if (isAny(this.local.host) && isLocal(to.endpoint.host)) this.source = this.sourceFor(to.endpoint);
    const refused = this.receivers(to.endpoint).length > 0 ? 0 : this.connectHost();
    if (refused !== 0) {
      this.peer = null;
      return refused;
    }
    this.changed.wake();
    return 0;
  }

  override disconnect(): number {
    this.disconnectHost();
    this.peer = null;
    this.source = null;
    return 0;
  }
  /** Have the host's socket connected too, whose address and errors are ours then. */
  private connectHost(): number {
    const { handle, peer } = this;
    if (handle === null || peer === null || this.outside) return 0;
    const host = hostText(peer.host, this.domain);
    const six = this.domain === AF_INET6;
    const refused = fromUv(six ? handle.connect6(host, peer.port) : handle.connect(host, peer.port));
    if (refused !== 0) return refused;
    this.outside = true;
    this.source = localOf(handle).host;
    return 0;
  }
  private disconnectHost(): void {
    if (this.outside) this.handle?.disconnect();
    this.outside = false;
  }
  /** The local address that being connected gives. */
  private source: string | null = null;
  override localAddress(): Uint8Array {
    return writeEndpoint(this.source === null ? this.local : { ...this.local, host: this.source }, this.domain);
  }

  /** Whether an address can be sent to at all: 0 or -errno. */
  protected reach({ host }: Endpoint): number {
    if (this.domain === AF_INET && isV6(host)) return -EAFNOSUPPORT;
    if (this.domain === AF_INET6 && !isV6(host) && !this.dual) return -ENETUNREACH;
    if (host === BROADCAST && (this.options.get(SO_BROADCAST) ?? 0) === 0) return -EACCES;
    return this.network.host || isLocal(host) ? 0 : -ENETUNREACH;
  }

  override send(
    bytes: Uint8Array,
    _passed: Passed | null,
    to: Destination | null,
    _sender?: Credentials,
    control: PacketControl = {},
  ): number {
    if (this.noWrites) return -EPIPE;
    // Linux gives it a port before it looks at the address.
    const noPort = this.ensurePort();
    if (noPort !== 0) return noPort;
    const target = to instanceof InetDestination ? to.endpoint : this.peer;
    if (target === null) return -EDESTADDRREQ;
    if (bytes.length > MOST_BYTES) return -EMSGSIZE;
    if (target.port === 0) return -EINVAL;
    if (this.error !== 0) return -this.takeError();
    const error = this.reach(target);
    if (error !== 0) return error;
    const header = headerOf(this, target.host, isMulticast(target.host), control);
    const guests = this.receivers(target);
    if (guests.length > 0) {
      const from = { ...this.local, host: this.source ?? this.sourceFor(target) };
      // As on Linux one socket gets it; what it has no room for is lost.
      guests[0]?.arrived({ bytes: bytes.slice(), from, header, arrival: guests[0].arrival });
      return bytes.length;
    }
    if (this.handle !== null) {
      const refused = to === null ? this.connectHost() : 0;
      if (refused !== 0) return refused;
      // libuv knows no hop limit of one datagram, but of all that follow
      if (control.hops !== undefined) this.handle.setTTL(header.hops);
      const sent = this.sendOutside(this.handle, bytes, to === null ? null : target);
      if (control.hops !== undefined) this.handle.setTTL(headerOf(this, target.host, false, {}).hops);
      return sent;
    }
    if (this.peer !== null) this.refused(ECONNREFUSED);
    return bytes.length;
  }

  private sendOutside(handle: UdpHandle, bytes: Uint8Array, to: Endpoint | null): number {
    const request = new (hostBindings().SendWrap)();
    request.oncomplete = () => {};
    const list = [bytes.slice()];
    Object.assign(request, { list });
    if (to !== null && this.outside) {
      // A connected handle takes no address: this one goes out unconnected.
      this.disconnectHost();
    }
    let result: number;
    if (to === null) result = handle.send(request, list, 1, true);
    else {
      const host = hostText(to.host, this.domain);
      result =
        this.domain === AF_INET6
          ? handle.send6(request, list, 1, to.port, host, true)
          : handle.send(request, list, 1, to.port, host, true);
    }
    return result < 0 ? fromUv(result) : bytes.length;
  }

  /** Guests that an address of this machine means; connected ones only for their peer. */
  private receivers(to: Endpoint): UdpSocket[] {
    if (isMulticast(to.host) || !isLocal(to.host)) return [];
    const all = this.ports.receivers(to);
    const from = { ...this.local, host: this.source ?? this.sourceFor(to) };
    const mine = all.filter(({ peer }) => peer !== null && peer.port === from.port && peer.host === from.host);
    return mine.length > 0 ? mine : all.filter(({ peer }) => peer === null);
  }

  private arrived(datagram: Datagram): void {
    const size = datagram.bytes.length + OVERHEAD;
    if (this.noReads || this.waiting + size > this.receiveBuffer * 2) return;
    this.waiting += size;
    this.inbox.push(datagram);
    this.changed.wake(POLLIN);
  }
  private refused(error: number): void {
    this.error = error;
    this.changed.wake();
  }

  override receive(into: Uint8Array, how: number): Received | number {
    const first = this.inbox[0];
    if (first === undefined) {
      if (this.error !== 0) return -this.takeError();
      return this.noReads ? { count: 0, whole: 0, from: null, passed: null } : -EAGAIN;
    }
    const { bytes, from, header, arrival } = first;
    const count = Math.min(into.length, bytes.length);
    into.set(bytes.subarray(0, count));
    if ((how & MSG_PEEK) === 0) {
      this.inbox.shift();
      this.waiting -= bytes.length + OVERHEAD;
    }
    const control = header === null ? [] : controlOf(this, this.network, header);
    return { count, whole: bytes.length, from: writeEndpoint(from, this.domain), passed: null, arrival, control };
  }

  override shutdown(how: number): number {
    if (how < 0 || how > 2) return -EINVAL;
    if (this.peer === null) return -ENOTCONN;
    if (how !== 1) this.noReads = true;
    if (how !== 0) this.noWrites = true;
    this.changed.wake();
    return 0;
  }

  override get outMeans(): number {
    return POLLWRNORM | POLLWRBAND;
  }
  override poll(): number {
    const failed = this.error !== 0 ? POLLERR : 0;
    const filled = this.noReads || this.inbox.length > 0 ? POLLIN : 0;
    const half = this.noReads ? POLLRDHUP : 0;
    return POLLOUT | failed | filled | half | (this.noReads && this.noWrites ? POLLHUP : 0);
  }

  override optionSet(level: number, name: number, value: number): number {
    return this.handle === null ? 0 : this.passOn(this.handle, (level << 16) | name, value);
  }
  private passOn(handle: UdpHandle, option: number, value: number): number {
    if (option === SO_BROADCAST) return fromUv(handle.setBroadcast(value));
    if (option === IP_TTL) return fromUv(handle.setTTL(value));
    if (option === IP_MULTICAST_TTL) return fromUv(handle.setMulticastTTL(value));
    if (option === IP_MULTICAST_LOOP) return fromUv(handle.setMulticastLoopback(value));
    return 0;
  }

  /** IP_ADD_MEMBERSHIP and its like. */
  member(group: string, face: string | undefined, join: boolean): number {
    const error = this.ensurePort();
    if (error !== 0) return error;
    const { handle } = this;
    if (handle === null) return -EADDRNOTAVAIL;
    return fromUv(join ? handle.addMembership(group, face) : handle.dropMembership(group, face));
  }

  override close(): number {
    this.release?.();
    this.handle?.close();
    this.handle = null;
    this.disown();
    this.changed.wake();
    return 0;
  }
}
