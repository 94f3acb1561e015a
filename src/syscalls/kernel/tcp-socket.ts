import {
  EADDRNOTAVAIL,
  EAGAIN,
  EALREADY,
  ECONNREFUSED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENETUNREACH,
  ENOTCONN,
  EPIPE,
} from '../errno.ts';
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from '../vfs/types.ts';
import { ByteQueue } from './byte-queue.ts';
import {
  bindHandle,
  connectHandle,
  fromUv,
  hostBindings,
  localOf,
  peerOf,
  TCP_SERVER,
  TCP_SOCKET,
  type TcpHandle,
  UV_IPV6ONLY,
  UV_TCP_REUSEPORT,
} from './host-handles.ts';
import { HostLink, type Link, type LinkOwner } from './host-tcp.ts';
import { anyHost, type Endpoint, isLocal } from './inet-address.ts';
import { InetDestination, InetSocket, SO_KEEPALIVE, TCP_KEEPIDLE, TCP_NODELAY } from './inet-socket.ts';
import { BUFFERS, LocalLink } from './local-tcp.ts';
import type { Network, Ports } from './network.ts';
import {
  AF_INET6,
  type Destination,
  type Diagnosis,
  MSG_PEEK,
  MSG_TRUNC,
  type Passed,
  POLLRDHUP,
  type Received,
  SOCK_STREAM,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_LISTEN,
  TCP_SYN_SENT,
} from './socket.ts';
import type { Task } from './task.ts';

const IPPROTO_TCP = 6;
const KEEPALIVE_SECONDS = 7200;

type State = 'idle' | 'listening' | 'connecting' | 'connected' | 'broken';

/** A TCP socket (man 7 tcp). Guests reach each other inside our kernel, everybody else by handles of the host. */
export class TcpSocket extends InetSocket implements LinkOwner {
  private state: State = 'idle';
  private readonly inbox: ByteQueue = new ByteQueue();
  private link: Link | null = null;
  /** The host's bound, listening or connecting socket; a connected one is its link's. */
  private handle: TcpHandle | null = null;
  private release: (() => void) | null = null;
  private backlog: TcpSocket[] = [];
  private backlogLimit = 0;
  /** Connections of guests that found the backlog full. */
  private waiting: TcpSocket[] = [];
  /** connect has not been told yet that the connection stands. */
  private untold = false;
  private eof = false;
  private noReads = false;
  private noWrites = false;
  /** shutdown(2) before there was a connection. */
  private shutIdle = false;
  gone = false;

  constructor(network: Network, domain: number, flags: number) {
    super(network, domain, SOCK_STREAM, IPPROTO_TCP, flags, BUFFERS);
  }

  protected override get ports(): Ports<TcpSocket> {
    return this.network.tcp as Ports<TcpSocket>;
  }
  protected override get stream(): boolean {
    return true;
  }
  override get listening(): boolean {
    return this.state === 'listening';
  }
  override get hasPeer(): boolean {
    return this.state === 'connected';
  }
  override get diagnosis(): Diagnosis {
    const { state, eof, noWrites } = this;
    if (state === 'listening') {
      return { state: TCP_LISTEN, received: this.backlog.length, limit: this.backlogLimit };
    }
    if (state === 'connecting') return { state: TCP_SYN_SENT, received: 0, limit: 0 };
    if (state !== 'connected') return { state: TCP_CLOSE, received: this.inbox.length, limit: 0 };
    const over = eof ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
    const half = eof ? TCP_LAST_ACK : TCP_FIN_WAIT2;
    // the end counts as a byte
    return { state: noWrites ? half : over, received: this.inbox.length + (eof ? 1 : 0), limit: 0 };
  }
  override unread(): number {
    return this.state === 'listening' ? -EINVAL : this.inbox.length;
  }
  override peerAddress(): Uint8Array | null {
    return this.state === 'connected' ? super.peerAddress() : null;
  }

  protected override reserve(local: Endpoint): Endpoint | number {
    const { TCP } = hostBindings();
    const handle = new TCP(TCP_SERVER);
    handle.unref();
    const only = this.domain === AF_INET6 && !this.dual ? UV_IPV6ONLY : 0;
    const error = bindHandle(handle, this.domain, local, only | (this.reusePort ? UV_TCP_REUSEPORT : 0));
    if (error !== 0) {
      handle.close();
      return error;
    }
    this.handle = handle;
    return localOf(handle);
  }

  override listen(_task: Task, limit: number): number {
    if (this.state !== 'idle' && this.state !== 'listening') return -EINVAL;
    this.backlogLimit = limit;
    if (this.state === 'listening') return 0;
    if (!this.bound) {
      const error = this.take({ host: anyHost(this.domain), port: 0, scope: 0 }, false);
      if (error !== 0) return error;
    }
    const { local, dual, reuseAddress, reusePort } = this;
    this.ports.delete(this);
    const refused = this.ports.check({ local, dual, reuseAddress, reusePort, listening: true }, true);
    this.ports.add(this);
    if (refused !== 0) return refused;
    const error = this.listenOnHost(limit);
    if (error !== 0) return error;
    this.state = 'listening';
    this.changed.wake();
    return 0;
  }

  private listenOnHost(limit: number): number {
    const { handle } = this;
    if (handle === null) return 0;
    handle.onconnection = (status, client) => {
      if (status < 0 || client === undefined) return;
      const end = new TcpSocket(this.network, this.domain, 0);
      end.inherit(this);
      end.local = localOf(client);
      end.peer = peerOf(client);
      end.establish(new HostLink(this.network, client, end));
      end.untold = false;
      this.backlog.push(end);
      this.changed.wake(POLLIN);
    };
    const error = fromUv(handle.listen(Math.max(1, limit)));
    if (error === 0) this.release = this.network.hold();
    return error;
  }

  /** What an accepted socket has of the one that listens. */
  private inherit(from: TcpSocket): void {
    for (const [option, value] of from.options) this.options.set(option, value);
    this.sendBuffer = from.sendBuffer;
    this.receiveBuffer = from.receiveBuffer;
    this.linger = from.linger;
  }

  override connect(_task: Task, to: Destination): number {
    if (!(to instanceof InetDestination)) return -EINVAL;
    if (this.state === 'listening') return -EISCONN;
    if (this.state === 'connecting') return -EALREADY;
    if (this.state === 'connected') {
      if (!this.untold) return -EISCONN;
      this.untold = false;
      return 0;
    }
    if (this.state === 'broken') {
      const error = this.connected();
      if (error !== 0) return error;
    }
    const { endpoint } = to;
    const listener = this.ports.receivers(endpoint).find(({ listening }) => listening);
    if (listener !== undefined && isLocal(endpoint.host)) return this.connectInside(endpoint, listener);
    if (this.network.host) return this.connectOutside(endpoint);
    if (!isLocal(endpoint.host)) return -ENETUNREACH;
    this.broken(ECONNREFUSED);
    return -EINPROGRESS;
  }

  private connectInside(to: Endpoint, listener: TcpSocket): number {
    if (!this.bound) {
      const port = this.ports.free();
      if (port === 0) return -EADDRNOTAVAIL;
      this.own({ host: this.sourceFor(to), port, scope: 0 });
    } else this.local = { ...this.local, host: this.sourceFor(to) };
    this.peer = to;
    if (listener.backlog.length > listener.backlogLimit) {
      this.state = 'connecting';
      listener.waiting.push(this);
    } else listener.admit(this);
    return -EINPROGRESS;
  }

  /** A guest's connection comes into the backlog. */
  private admit(from: TcpSocket): void {
    const end = new TcpSocket(this.network, this.domain, 0);
    end.inherit(this);
    end.local = from.peer ?? this.local;
    end.peer = from.local;
    from.establish(new LocalLink(from, end));
    end.establish(new LocalLink(end, from));
    end.untold = false;
    this.backlog.push(end);
    this.changed.wake(POLLIN);
  }

  private connectOutside(to: Endpoint): number {
    const handle = this.handle ?? new (hostBindings().TCP)(TCP_SOCKET);
    handle.unref();
    const release = this.network.hold();
    const done = (error: number): void => {
      release();
      if (this.gone || this.state !== 'connecting') return;
      if (error !== 0) {
        this.closeHandle();
        this.broken(-error);
        return;
      }
      this.handle = null;
      this.local = localOf(handle);
      this.establish(new HostLink(this.network, handle, this));
      for (const option of [TCP_NODELAY, SO_KEEPALIVE]) {
        const value = this.options.get(option);
        if (value !== undefined) this.passOn(handle, option, value);
      }
    };
    const error = connectHandle(handle, this.domain, to, done);
    if (error !== 0) {
      release();
      handle.close();
      this.handle = null;
      return error;
    }
    this.handle = handle;
    this.local = localOf(handle);
    this.peer = to;
    this.state = 'connecting';
    return -EINPROGRESS;
  }

  private establish(link: Link): void {
    this.link = link;
    this.state = 'connected';
    this.untold = true;
    this.noReads = this.noWrites = this.eof = false;
    this.changed.wake();
  }

  override connected(): number {
    if (this.state === 'connecting') return -EAGAIN;
    if (this.state === 'connected') {
      this.untold = false;
      return 0;
    }
    const error = this.takeError();
    // A connection that failed may be tried again.
    if (this.state === 'broken' && this.untold) this.state = 'idle';
    return -error;
  }

  override disconnect(): number {
    if (this.state === 'listening') this.stopListening();
    this.link?.close(true);
    this.link = null;
    this.closeHandle();
    this.inbox.clear();
    this.disown();
    this.peer = null;
    this.error = 0;
    this.state = 'idle';
    this.noReads = this.noWrites = this.eof = false;
    this.changed.wake();
    return 0;
  }

  override accept(): TcpSocket | number {
    if (this.state !== 'listening') return -EINVAL;
    const end = this.backlog.shift();
    if (end === undefined) return -EAGAIN;
    const next = this.waiting.shift();
    if (next !== undefined) this.admit(next);
    return end;
  }

  override send(bytes: Uint8Array, _passed: Passed | null, _to: Destination | null): number {
    if (this.state === 'connecting') return -EAGAIN;
    if (this.error !== 0) return -this.takeError();
    if (this.link === null || this.noWrites) return -EPIPE;
    if (bytes.length === 0) return 0;
    const count = this.link.send(bytes);
    if (count < 0 && count !== -EAGAIN) {
      this.broken(-count);
      return -this.takeError();
    }
    return count;
  }

  override receive(into: Uint8Array, how: number): Received | number {
    const done = (count: number): Received => ({ count, whole: count, from: null, passed: null });
    if (this.inbox.length > 0) {
      const peek = (how & MSG_PEEK) !== 0;
      const count = this.inbox.take((how & MSG_TRUNC) !== 0 ? null : into, into.length, peek);
      if (!peek) this.link?.drained();
      return done(count);
    }
    if (this.state === 'idle' && this.shutIdle) return done(0);
    if (this.state === 'idle' || this.state === 'listening') return -ENOTCONN;
    if (this.eof) return done(0);
    if (this.error !== 0) return -this.takeError();
    return this.noReads ? done(0) : -EAGAIN;
  }

  override unsent(): number {
    return this.listening ? -EINVAL : (this.link?.unsent ?? 0);
  }
  override atMark(): number {
    return 0;
  }

  override shutdown(how: number): number {
    if (how < 0 || how > 2) return -EINVAL;
    if (this.state === 'listening') {
      if (how !== 1) this.disconnect();
      return 0;
    }
    // the error is told, and reading is over all the same (net/ipv4/af_inet.c, inet_shutdown)
    if (this.state === 'idle' && how !== 1) this.shutIdle = true;
    if (this.state !== 'connected') return -ENOTCONN;
    if (how !== 1) this.noReads = true;
    if (how !== 0 && !this.noWrites) {
      this.noWrites = true;
      this.link?.finish();
    }
    this.changed.wake();
    return 0;
  }

  override poll(): number {
    const failed = this.error !== 0 ? POLLERR : 0;
    if (this.state === 'listening') return this.backlog.length > 0 ? POLLIN : 0;
    if (this.state === 'connecting') return failed;
    if (this.state === 'idle') return failed | POLLOUT | POLLHUP | (this.shutIdle ? POLLIN | POLLRDHUP : 0);
    const over = this.noReads || this.eof;
    const filled = over || this.inbox.length > 0 ? POLLIN : 0;
    const room = this.noWrites || (this.link?.room ?? true) ? POLLOUT : 0;
    const ended = over && (this.noWrites || this.state === 'broken') ? POLLHUP : 0;
    return failed | filled | room | (over ? POLLRDHUP : 0) | ended;
  }

  override optionSet(level: number, name: number, value: number): number {
    if (this.handle !== null) this.passOn(this.handle, (level << 16) | name, value);
    return 0;
  }

  private passOn(handle: TcpHandle, option: number, value: number): void {
    if (option === TCP_NODELAY) handle.setNoDelay(value !== 0);
    if (option === SO_KEEPALIVE) {
      handle.setKeepAlive(value !== 0, this.options.get(TCP_KEEPIDLE) ?? KEEPALIVE_SECONDS);
    }
  }

  get inboxFull(): boolean {
    return this.inbox.length >= this.receiveBuffer;
  }
  arrived(bytes: Uint8Array): void {
    this.inbox.push(bytes);
    this.changed.wake(POLLIN);
  }
  ended(): void {
    if (this.state !== 'connected') return;
    this.eof = true;
    this.changed.wake();
  }
  broken(error: number): void {
    if (this.gone || this.state === 'broken') return;
    this.untold = this.state !== 'connected';
    // Whoever was told of the end already learns of the reset as a broken pipe.
    this.error = this.eof && error === ECONNRESET ? EPIPE : error;
    this.state = 'broken';
    this.noReads = this.noWrites = true;
    this.link?.close(false);
    this.link = null;
    this.changed.wake();
  }
  roomAgain(): void {
    this.changed.wake(POLLOUT);
  }

  override close(): number {
    this.gone = true;
    if (this.state === 'listening') this.stopListening();
    this.link?.close(this.inbox.length > 0 || this.linger === 0);
    this.link = null;
    this.closeHandle();
    this.disown();
    this.changed.wake();
    return 0;
  }

  private stopListening(): void {
    for (const end of this.backlog) {
      end.linger = 0;
      end.close();
    }
    for (const guest of this.waiting) guest.broken(ECONNREFUSED);
    this.backlog = [];
    this.waiting = [];
  }

  private closeHandle(): void {
    this.release?.();
    this.release = null;
    this.handle?.close();
    this.handle = null;
  }
}
