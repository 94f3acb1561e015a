import { EINVAL } from '../errno.ts';
import { isV6 } from './inet-address.ts';
import { addressBytes, interfacesOf } from './interfaces.ts';
import type { Network } from './network.ts';
import { AF_INET, type ControlMessage, type Socket } from './socket.ts';
import { SOL_IP, SOL_IPV6 } from './socket-options.ts';

/** Options that ask for control data, and the types of those (man 7 ip, man 7 ipv6, RFC 3542). */
const IP_TOS = 1;
const IP_TTL = 2;
const IP_PKTINFO = 8;
const IP_RECVTTL = 12;
const IP_RECVTOS = 13;
const IP_MULTICAST_TTL = 33;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_RECVTCLASS = 66;
const IPV6_TCLASS = 67;
const DEFAULT_HOPS = 64;

/** What a datagram's header says; only of those that guests send each other, as libuv does not tell. */
export interface PacketHeader {
  readonly hops: number;
  readonly trafficClass: number;
  /** The address it was sent to. */
  readonly to: string;
}

/** What sendmsg's control data say of one datagram. */
export interface PacketControl {
  readonly hops?: number;
  readonly trafficClass?: number;
}

const option = (socket: Socket, level: number, name: number): number => socket.options.get((level << 16) | name) ?? 0;
const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** The header of a datagram that a socket sends. */
export function headerOf(socket: Socket, to: string, multicast: boolean, control: PacketControl): PacketHeader {
  const six = socket.domain !== AF_INET && isV6(to);
  const level = six ? SOL_IPV6 : SOL_IP;
  const [many, one] = six ? [IPV6_MULTICAST_HOPS, IPV6_UNICAST_HOPS] : [IP_MULTICAST_TTL, IP_TTL];
  const set = socket.options.get((level << 16) | (multicast ? many : one)) ?? -1;
  const usual = set >= 0 ? set : multicast ? 1 : DEFAULT_HOPS;
  const wanted = control.hops ?? -1;
  const marked = control.trafficClass ?? -1;
  return {
    hops: wanted >= 0 ? wanted : usual,
    trafficClass: marked >= 0 ? marked : Math.max(0, option(socket, level, six ? IPV6_TCLASS : IP_TOS)),
    to,
  };
}

/** The index of the interface that has an address; 0: none. */
const faceOf = (network: Network, host: string): number =>
  interfacesOf(network).find(({ addresses }) => addresses.some((address) => address.host === host))?.index ??
  (host.startsWith('127.') ? 1 : 0);

/** The control data that a socket's options ask for, in the kernel's order. */
export function controlOf(socket: Socket, network: Network, header: PacketHeader): ControlMessage[] {
  const { hops, trafficClass, to } = header;
  const out: ControlMessage[] = [];
  if (socket.domain === AF_INET) {
    if (option(socket, SOL_IP, IP_PKTINFO)) {
      const address = addressBytes(to);
      const bytes = Uint8Array.of(...int(faceOf(network, to)), ...address, ...address);
      out.push({ level: SOL_IP, type: IP_PKTINFO, bytes });
    }
    if (option(socket, SOL_IP, IP_RECVTTL)) out.push({ level: SOL_IP, type: IP_TTL, bytes: int(hops) });
    if (option(socket, SOL_IP, IP_RECVTOS)) {
      out.push({ level: SOL_IP, type: IP_TOS, bytes: Uint8Array.of(trafficClass) });
    }
    return out;
  }
  if (option(socket, SOL_IPV6, IPV6_RECVPKTINFO)) {
    const address = isV6(to) ? addressBytes(to) : Uint8Array.of(...new Uint8Array(10), 255, 255, ...addressBytes(to));
    out.push({ level: SOL_IPV6, type: IPV6_PKTINFO, bytes: Uint8Array.of(...address, ...int(faceOf(network, to))) });
  }
  if (option(socket, SOL_IPV6, IPV6_RECVHOPLIMIT)) out.push({ level: SOL_IPV6, type: IPV6_HOPLIMIT, bytes: int(hops) });
  if (option(socket, SOL_IPV6, IPV6_RECVTCLASS)) {
    out.push({ level: SOL_IPV6, type: IPV6_TCLASS, bytes: int(trafficClass) });
  }
  return out;
}

/** What one piece of sendmsg's control data asks of a socket; -EINVAL for what it does not know. */
export function readPacketControl(socket: Socket, { level, type, bytes }: ControlMessage): PacketControl | number {
  const four = socket.domain === AF_INET;
  if (level !== (four ? SOL_IP : SOL_IPV6)) return {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const value = bytes.length === 4 ? view.getInt32(0, true) : Number.NaN;
  if (four) {
    if (type === IP_PKTINFO) return bytes.length === 12 ? {} : -EINVAL;
    if (type === IP_TTL) return value >= 1 && value <= 255 ? { hops: value } : -EINVAL;
    if (type !== IP_TOS) return -EINVAL;
    const mark = bytes.length === 1 ? (bytes[0] ?? 0) : value;
    return mark >= 0 && mark <= 255 ? { trafficClass: mark } : -EINVAL;
  }
  if (type === IPV6_PKTINFO) return bytes.length >= 20 ? {} : -EINVAL;
  if (type !== IPV6_HOPLIMIT && type !== IPV6_TCLASS) return -EINVAL;
  if (!(value >= -1 && value <= 255)) return -EINVAL;
  return type === IPV6_HOPLIMIT ? { hops: value } : { trafficClass: value };
}
