import { fromNodeError } from '../errno.ts';
import { type Endpoint, hostText, parseHost } from './inet-address.ts';
import { AF_INET, AF_INET6 } from './socket.ts';

/**
 * Node's own handles of libuv, beneath node:net and node:dgram: those cannot bind, listen or connect without going
 * through the event loop and hide which error it was. Addresses are text; results are libuv's errors or 0.
 */
interface Handle {
  close(): void;
  unref(): void;
  getsockname(out: Partial<NodeAddress>): number;
}
interface NodeAddress {
  address: string;
  port: number;
}
interface Request {
  oncomplete: ((status: number) => void) | undefined;
}
export interface TcpHandle extends Handle {
  onread: ((bytes: ArrayBuffer | undefined) => void) | undefined;
  onconnection: ((status: number, client: TcpHandle | undefined) => void) | undefined;
  bind(host: string, port: number, flags: number): number;
  bind6(host: string, port: number, flags: number): number;
  listen(backlog: number): number;
  connect(request: Request, host: string, port: number): number;
  connect6(request: Request, host: string, port: number): number;
  getpeername(out: Partial<NodeAddress>): number;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: Request, bytes: Uint8Array): number;
  shutdown(request: Request): number;
  reset(closed: () => void): number;
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, seconds: number): number;
}
export interface UdpHandle extends Handle {
  onmessage: ((count: number, handle: UdpHandle, bytes: Uint8Array, from: NodeAddress) => void) | undefined;
  bind(host: string, port: number, flags: number): number;
  bind6(host: string, port: number, flags: number): number;
  connect(host: string, port: number): number;
  connect6(host: string, port: number): number;
  disconnect(): number;
  /** Bytes sent plus one, 0 when it will be sent later, or an error. */
  send(request: Request, list: Uint8Array[], count: number, port: number, host: string, told: boolean): number;
  send(request: Request, list: Uint8Array[], count: number, told: boolean): number;
  send6(request: Request, list: Uint8Array[], count: number, port: number, host: string, told: boolean): number;
  recvStart(): number;
  setBroadcast(on: number): number;
  setTTL(hops: number): number;
  setMulticastTTL(hops: number): number;
  setMulticastLoopback(on: number): number;
  addMembership(group: string, face?: string): number;
  dropMembership(group: string, face?: string): number;
}

interface Bindings {
  readonly TCP: new (kind: number) => TcpHandle;
  readonly UDP: new () => UdpHandle;
  readonly TCPConnectWrap: new () => Request;
  readonly SendWrap: new () => Request;
  readonly WriteWrap: new () => Request;
  readonly ShutdownWrap: new () => Request;
  /** What a call-back does not get as arguments: words at these places. */
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kArrayBufferOffset: number;
  readonly kLastWriteWasAsync: number;
}

let bindings: Bindings | null = null;

/** The handles' classes; loaded when the first socket needs one. */
export function hostBindings(): Bindings {
  const { binding } = process as unknown as { binding(name: string): object };
  bindings ??= Object.assign({}, ...['tcp_wrap', 'udp_wrap', 'stream_wrap'].map((name) => binding(name))) as Bindings;
  return bindings;
}

export const TCP_SOCKET = 0;
export const TCP_SERVER = 1;
export const UV_IPV6ONLY = 1;
export const UV_TCP_REUSEPORT = 2;
export const UV_UDP_REUSEADDR = 4;
export const UV_UDP_REUSEPORT = 64;
const UV_EOF = -4095;

export const isEndOfFile = (status: number): boolean => status === UV_EOF;

/** A result of libuv as 0 or a negative errno of Linux, whatever the host's numbers are. */
export function fromUv(status: number): number {
  if (status >= 0) return 0;
  return fromNodeError({ code: process.getBuiltinModule('node:util').getSystemErrorName(status) });
}

/** bind of either kind of handle, by domain. */
export function bindHandle(handle: TcpHandle | UdpHandle, domain: number, local: Endpoint, flags: number): number {
  const host = hostText(local.host, domain);
  const result = domain === AF_INET ? handle.bind(host, local.port, flags) : handle.bind6(host, local.port, flags);
  // libuv keeps "address in use" for later; asking for the name tells.
  return fromUv(result) || fromUv(handle.getsockname({}));
}

const endpointOf = ({ address = '0.0.0.0', port = 0 }: Partial<NodeAddress>): Endpoint => ({
  host: parseHost(address),
  port,
  scope: 0,
});

/** The address a handle has. */
export function localOf(handle: TcpHandle | UdpHandle): Endpoint {
  const out: Partial<NodeAddress> = {};
  handle.getsockname(out);
  return endpointOf(out);
}

/** Whom a handle is connected to. */
export function peerOf(handle: TcpHandle): Endpoint {
  const out: Partial<NodeAddress> = {};
  handle.getpeername(out);
  return endpointOf(out);
}

/** Where a datagram came from. */
export const senderOf = (from: NodeAddress): Endpoint => endpointOf(from);

/** connect of a TCP handle; `done` gets 0 or -errno unless the answer is an error already. */
export function connectHandle(handle: TcpHandle, domain: number, to: Endpoint, done: (error: number) => void): number {
  const request = new (hostBindings().TCPConnectWrap)();
  request.oncomplete = (status) => done(fromUv(status));
  const host = hostText(to.host, domain);
  return fromUv(domain === AF_INET6 ? handle.connect6(request, host, to.port) : handle.connect(request, host, to.port));
}
