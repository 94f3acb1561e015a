import fs from 'node:fs';
import type { Network } from './network.ts';

/** NUD_*: how far a neighbour's hardware address is known (linux/neighbour.h). */
const NUD_INCOMPLETE = 0x01;
const NUD_STALE = 0x04;
const NUD_PERMANENT = 0x80;
/** Flags in /proc/net/arp (linux/if_arp.h). */
const ATF_COM = 2;
const ATF_PERM = 4;

/** A machine of the same network (man 7 arp). */
export interface Neighbour {
  readonly interface: string;
  readonly address: Uint8Array;
  /** Null while nobody has answered. */
  readonly hardware: Uint8Array | null;
  /** NUD_*; the host does not tell when an address was last confirmed, so what is known is stale. */
  readonly state: number;
}

/** The neighbours of IPv4, which /proc tells of; none without the host's network. */
export function neighboursOf(network: Network): readonly Neighbour[] {
  if (!network.host) return [];
  try {
    return parseArp(fs.readFileSync('/proc/net/arp', 'utf8'));
  } catch {
    // not Linux
    return [];
  }
}

/** Lines of address, type, flags, hardware address, mask, device behind a heading. */
export function parseArp(text: string): Neighbour[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [address, , flags, hardware, , name] = line.trim().split(/\s+/);
      if (address === undefined || hardware === undefined || name === undefined) return [];
      const flag = Number(flags);
      const known = (flag & ATF_COM) !== 0;
      return {
        interface: name,
        address: Uint8Array.from(address.split('.').map(Number)),
        hardware: known ? Uint8Array.from(Buffer.from(hardware.replaceAll(':', ''), 'hex')) : null,
        state: (flag & ATF_PERM) !== 0 ? NUD_PERMANENT : known ? NUD_STALE : NUD_INCOMPLETE,
      };
    });
}
