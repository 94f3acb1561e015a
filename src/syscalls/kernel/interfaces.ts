import fs from 'node:fs';
import os from 'node:os';
import { isV6, parseHost } from './inet-address.ts';
import type { Network } from './network.ts';

/** Flags of an interface (man 7 netdevice). */
export const IFF_UP = 0x1;
const IFF_BROADCAST = 0x2;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const IFF_MULTICAST = 0x1000;
const IFF_LOWER_UP = 0x1_0000;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
/** IF_OPER_* by their names in sysfs (RFC 2863). */
const STATES = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'];

/** An address of an interface. */
export interface InterfaceAddress {
  /** As an Endpoint's. */
  readonly host: string;
  /** Bits of its network. */
  readonly prefix: number;
}

/** A network interface of the guest machine. */
export interface Interface {
  readonly index: number;
  readonly name: string;
  readonly flags: number;
  /** ARPHRD_* */
  readonly type: number;
  readonly mtu: number;
  readonly queue: number;
  readonly state: number;
  readonly linkMode: number;
  /** Bytes of the hardware address, and of that which means all. */
  readonly address: Uint8Array;
  readonly broadcast: Uint8Array;
  readonly addresses: readonly InterfaceAddress[];
}

const LOOPBACK: Interface = {
  index: 1,
  name: 'lo',
  flags: IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP,
  type: ARPHRD_LOOPBACK,
  mtu: 65536,
  queue: 1000,
  state: 0,
  linkMode: 0,
  address: new Uint8Array(6),
  broadcast: new Uint8Array(6),
  addresses: [
    { host: '127.0.0.1', prefix: 8 },
    { host: parseHost('::1'), prefix: 128 },
  ],
};

/** The interfaces by index: the host's as far as it tells of them, else the loopback alone. */
export function interfacesOf(network: Network): readonly Interface[] {
  if (!network.host) return [LOOPBACK];
  const known = os.networkInterfaces();
  const names = new Set([...Object.keys(known), ...listSysfs()]);
  return [...names].map((name, i) => describe(name, i + 1, known[name] ?? [])).sort((a, b) => a.index - b.index);
}

const FOLDER = '/sys/class/net';

/** All interfaces, those without an address too; none where there is no sysfs. */
function listSysfs(): string[] {
  // a host with other things in that folder has bonding_masters
  return fs.existsSync(FOLDER)
    ? fs.readdirSync(FOLDER).filter((name) => fs.existsSync(`${FOLDER}/${name}/ifindex`))
    : [];
}

function describe(name: string, place: number, list: readonly os.NetworkInterfaceInfo[]): Interface {
  const read = (file: string, missing: string): string => {
    try {
      return fs.readFileSync(`${FOLDER}/${name}/${file}`, 'utf8').trim();
    } catch {
      // another host, or one that does not tell this of an interface that is down
      return missing;
    }
  };
  const internal = list[0]?.internal === true;
  const usual = list.length === 0 ? 0 : IFF_UP | (internal ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST);
  const state = STATES.indexOf(read('operstate', 'unknown'));
  const flags = Number(read('flags', String(usual)));
  const running = (flags & IFF_UP) === 0 ? 0 : state === 0 || state === 6 ? IFF_RUNNING : 0;
  const carrier = (flags & IFF_UP) !== 0 && read('carrier', '1') === '1' ? IFF_LOWER_UP : 0;
  return {
    index: Number(read('ifindex', String(place))),
    name,
    flags: flags | running | carrier,
    type: Number(read('type', String(internal ? ARPHRD_LOOPBACK : ARPHRD_ETHER))),
    mtu: Number(read('mtu', internal ? '65536' : '1500')),
    queue: Number(read('tx_queue_len', '1000')),
    state: Math.max(0, state),
    linkMode: Number(read('link_mode', '0')),
    address: hardware(read('address', list[0]?.mac ?? '')),
    broadcast: hardware(read('broadcast', internal ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff')),
    addresses: list.map(({ address, cidr }) => ({
      host: parseHost(address),
      prefix: Number(cidr?.split('/')[1] ?? 0),
    })),
  };
}

const hardware = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(':', ''), 'hex'));

/** The bytes of an address: 4 or 16. */
export function addressBytes(host: string): Uint8Array {
  if (!isV6(host)) return Uint8Array.from(host.split('.').map(Number));
  return Uint8Array.from(
    host.split(':').flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

/** The bytes of a network's mask; with an address, of its broadcast address. */
export function maskBytes(prefix: number, length: number, address?: Uint8Array): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => {
    const bits = Math.max(0, Math.min(8, prefix - 8 * i));
    const mask = (0xff00 >> bits) & 0xff;
    return address === undefined ? mask : (address[i] ?? 0) | (~mask & 0xff);
  });
}

/** Whether an address lies in a network; of that the first bits count. */
export function inNetwork(address: Uint8Array, network: Uint8Array, prefix: number): boolean {
  const mask = maskBytes(prefix, network.length);
  const same = (byte: number, i: number): boolean => ((byte ^ (address[i] as number)) & (mask[i] as number)) === 0;
  return address.length === network.length && network.every(same);
}

export const isLoopbackInterface = ({ flags }: Interface): boolean => (flags & IFF_LOOPBACK) !== 0;
/** Whether an interface has a broadcast address. */
export const broadcasts = ({ flags }: Interface): boolean => (flags & IFF_BROADCAST) !== 0;
