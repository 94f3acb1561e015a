import os from 'node:os';
import { EAFNOSUPPORT, EINVAL } from '../errno.ts';
import { AF_INET, AF_INET6, AF_UNSPEC, familyOf, type SocketAddress } from './socket.ts';

/**
 * An address and port of the internet. `host` is text that is equal for equal addresses: dotted decimal, or all
 * eight groups of an IPv6 address; IPv4 in IPv6 (::ffff:…) is the IPv4 address.
 */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** sin6_scope_id */
  readonly scope: number;
}

export const ANY4 = '0.0.0.0';
export const ANY6 = '0:0:0:0:0:0:0:0';
export const LOOPBACK4 = '127.0.0.1';
export const LOOPBACK6 = '0:0:0:0:0:0:0:1';
/** struct sockaddr_in; sockaddr_in6 with and without its scope (man 7 ip, man 7 ipv6). */
const SIZE4 = 16;
const SIZE6 = 28;
const SIZE6_OLD = 24;

export const isV6 = (host: string): boolean => host.includes(':');
export const isAny = (host: string): boolean => host === ANY4 || host === ANY6;
export const isLoopback = (host: string): boolean => host.startsWith('127.') || host === LOOPBACK6;
/** 224.0.0.0/4, ff00::/8 */
export const isMulticast = (host: string): boolean =>
  isV6(host) ? /^ff..:/.test(host) : Number.parseInt(host, 10) >= 224 && Number.parseInt(host, 10) < 240;
export const BROADCAST = '255.255.255.255';

/** Whether an address is this machine's. */
export function isLocal(host: string): boolean {
  if (isLoopback(host) || isAny(host)) return true;
  for (const list of Object.values(os.networkInterfaces())) {
    for (const { address } of list ?? []) if (parseHost(address) === host) return true;
  }
  return false;
}

/** Text of an address in any of its spellings as an Endpoint's `host`. */
export function parseHost(text: string): string {
  if (!text.includes(':')) return text;
  const [plain = ''] = text.split('%', 1);
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const [, head = '', a, b, c, d] = dotted ?? [];
  const pair = (high: string | undefined, low: string | undefined): string =>
    (Number(high) * 256 + Number(low)).toString(16);
  const whole = dotted === null ? plain : `${head}${pair(a, b)}:${pair(c, d)}`;
  const [left = '', right] = whole.split('::');
  const groups = (part: string | undefined): number[] =>
    part === undefined || part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [front, back] = [groups(left), groups(right)];
  const all = [...front, ...new Array(8 - front.length - back.length).fill(0), ...back];
  return hostOf(Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff])));
}

/** The text of 4 or 16 bytes. */
function hostOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const mapped = bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.subarray(12).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(':');
}

/** What a struct sockaddr says to a socket of a domain; -errno when it is of another family or too short. */
export function readEndpoint(address: SocketAddress, domain: number, unspecified = false): Endpoint | number {
  if (address.length < (domain === AF_INET ? SIZE4 : SIZE6_OLD)) {
    // Too short for IPv6, but long enough to be of another family.
    return domain === AF_INET6 && address.length >= 2 && familyOf(address) !== AF_INET6 ? -EAFNOSUPPORT : -EINVAL;
  }
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  const family = familyOf(address);
  const port = view.getUint16(2);
  if (domain === AF_INET) {
    const host = hostOf(address.subarray(4, 8));
    // bind takes AF_UNSPEC with the address 0 for AF_INET (man 7 ip does not say).
    if (family !== AF_INET && !(unspecified && family === AF_UNSPEC && host === ANY4)) return -EAFNOSUPPORT;
    return { host, port, scope: 0 };
  }
  if (family !== AF_INET6) return -EAFNOSUPPORT;
  const scope = address.length >= SIZE6 ? view.getUint32(24, true) : 0;
  return { host: hostOf(address.subarray(8, 24)), port, scope };
}

/** An endpoint as the struct sockaddr of a domain. */
export function writeEndpoint({ host, port, scope }: Endpoint, domain: number): SocketAddress {
  const bytes = new Uint8Array(domain === AF_INET ? SIZE4 : SIZE6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, domain, true);
  view.setUint16(2, port);
  const four = isV6(host) ? [] : host.split('.').map(Number);
  if (domain === AF_INET) bytes.set(four, 4);
  else if (isV6(host)) {
    for (const [i, group] of host.split(':').entries()) view.setUint16(8 + 2 * i, Number.parseInt(group, 16));
    view.setUint32(24, scope, true);
  } else if (host !== ANY4) {
    view.setUint16(18, 0xffff);
    bytes.set(four, 20);
  }
  return bytes;
}

/** The address that means "any" of a domain. */
export const anyHost = (domain: number): string => (domain === AF_INET ? ANY4 : ANY6);

/** What Node's handles of a domain take: IPv4 in an IPv6 socket is spelled in IPv6. */
export const hostText = (host: string, domain: number): string =>
  domain === AF_INET6 && !isV6(host) ? `::ffff:${host}` : host;
