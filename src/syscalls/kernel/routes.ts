import fs from 'node:fs';
import type { Network } from './network.ts';

/** A route of the main table. Addresses are bytes: 4 or 16. */
export interface Route {
  readonly interface: string;
  readonly destination: Uint8Array;
  readonly prefix: number;
  /** Null: whoever is there is reached directly. */
  readonly gateway: Uint8Array | null;
  readonly metric: number;
}

/** Flags in /proc/net/route and ipv6_route (linux/route.h, ipv6_route.h). */
const RTF_UP = 1;
const RTF_GATEWAY = 2;
const RTF_REJECT = 0x200;
const RTF_LOCAL = 0x8000_0000;

/** The host's routes as far as it tells of them; none without its network. */
export function routesOf(network: Network): readonly Route[] {
  return network.host ? [...routesOfFour(read('/proc/net/route')), ...routesOfSix(read('/proc/net/ipv6_route'))] : [];
}

const read = (file: string): string => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    // not Linux, or a host without that protocol
    return '';
  }
};

const words = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/\s+/));

const bytes = (hex = ''): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const bits = (mask: Uint8Array): number =>
  mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);

/** Interface, destination, gateway, flags, references, uses, metric, mask …; addresses are numbers of the host's order. */
export function routesOfFour(text: string): Route[] {
  return words(text)
    .slice(1)
    .flatMap(([name = '', destination, gateway, flags, , , metric, mask]) => {
      const flag = Number.parseInt(flags ?? '', 16);
      if ((flag & RTF_UP) === 0 || (flag & RTF_REJECT) !== 0) return [];
      return {
        interface: name,
        destination: bytes(destination).reverse(),
        prefix: bits(bytes(mask)),
        gateway: (flag & RTF_GATEWAY) !== 0 ? bytes(gateway).reverse() : null,
        metric: Number(metric),
      };
    });
}

/** Destination, its prefix, source, its prefix, gateway, metric, references, uses, flags, interface. */
export function routesOfSix(text: string): Route[] {
  return words(text).flatMap(([destination, prefix, , , gateway, metric, , , flags, name = '']) => {
    const flag = Number.parseInt(flags ?? '', 16);
    // addresses of this machine and multicast are of the table of local ones
    const local = (flag & (RTF_LOCAL | RTF_REJECT)) !== 0 || destination?.startsWith('ff') === true;
    if ((flag & RTF_UP) === 0 || local) return [];
    return {
      interface: name,
      destination: bytes(destination),
      prefix: Number.parseInt(prefix ?? '', 16),
      gateway: (flag & RTF_GATEWAY) !== 0 ? bytes(gateway) : null,
      metric: Number.parseInt(metric ?? '', 16),
    };
  });
}
