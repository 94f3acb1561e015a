import os from 'node:os';
import { expect, test } from 'vitest';
import { interfacesOf } from '../../src/syscalls/kernel/interfaces.ts';
import { Kernel } from '../../src/syscalls/kernel/kernel.ts';
import { neighboursOf, parseArp } from '../../src/syscalls/kernel/neighbours.ts';
import { answers } from '../../src/syscalls/kernel/netlink-messages.ts';
import { routeAnswer, type Told } from '../../src/syscalls/kernel/route-messages.ts';
import { routesOf, routesOfFour, routesOfSix } from '../../src/syscalls/kernel/routes.ts';

test("a machine that may use the host's network has its interfaces", () => {
  const names = interfacesOf(new Kernel({ network: true }).network).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(os.networkInterfaces())));
});

test('one that may not has the loopback alone', () => {
  expect(interfacesOf(new Kernel({ network: false }).network).map(({ name }) => name)).toEqual(['lo']);
});

const FOUR = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t0000A8C0\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0
`;
const zeros = '0'.repeat(32);
const SIX = `fd00${'0'.repeat(28)} 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001     eth0
${'0'.repeat(31)}1 80 ${zeros} 00 ${zeros} 00000000 00000004 00000000 80200001       lo
ff${'0'.repeat(30)} 08 ${zeros} 00 ${zeros} 00000100 00000003 00000000 00000001     eth0
`;

test('routes are read from what the host tells of them', () => {
  const base = { interface: 'eth0' };
  expect(routesOfFour(FOUR)).toEqual([
    { ...base, destination: Uint8Array.of(0, 0, 0, 0), prefix: 0, gateway: Uint8Array.of(192, 0, 2, 1), metric: 100 },
    { ...base, destination: Uint8Array.of(192, 0, 2, 0), prefix: 24, gateway: null, metric: 0 },
  ]);
  const destination = Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? 0xfd : 0));
  expect(routesOfSix(SIX)).toEqual([{ ...base, destination, prefix: 64, gateway: null, metric: 256 }]);
});

test('without the network of the host there are no routes', () => {
  expect(routesOf(new Kernel({ network: false }).network)).toEqual([]);
});

/** Messages as type, struct rtmsg and attributes by number. */
function decode(bytes: Buffer): { type: number; head: number[]; attributes: Record<number, string> }[] {
  const list = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) {
    const attributes: Record<number, string> = {};
    const end = at + bytes.readUInt32LE(at);
    // an error quotes the request instead
    const first = bytes.readUInt16LE(at + 4) === 2 ? end : at + 28;
    for (let from = first; from < end; from += (bytes.readUInt16LE(from) + 3) & ~3) {
      attributes[bytes.readUInt16LE(from + 2)] = bytes.toString('hex', from + 4, from + bytes.readUInt16LE(from));
    }
    list.push({
      type: bytes.readUInt16LE(at + 4),
      head: [...bytes.subarray(at + 16, Math.min(at + 24, end))],
      attributes,
    });
  }
  return list;
}

const [lo] = interfacesOf(new Kernel({ network: false }).network) as [ReturnType<typeof interfacesOf>[0]];
const eth0 = { ...lo, index: 7, name: 'eth0', flags: 0x1043, addresses: [{ host: '192.0.2.5', prefix: 24 }] };
const ARP = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0
192.0.2.9        0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.7        0x1         0x6         02:fc:00:00:00:07     *        eth0
`;
const told: Told = {
  faces: [lo, eth0],
  routes: [...routesOfFour(FOUR), ...routesOfSix(SIX)],
  neighbours: parseArp(ARP),
  uid: 5,
};
/** The first datagram that answers a message: struct nlmsghdr of a type and flags, then a body. */
function ask(type: number, flags: number, body: readonly number[]): ReturnType<typeof decode> {
  const request = new Uint8Array(16 + body.length);
  request.set([request.length, 0, 0, 0, type, 0, flags & 0xff, flags >> 8, 9]);
  request.set(body, 16);
  const [answer] = answers(request, (one) => routeAnswer(77, one, told)) as [Uint8Array];
  return decode(Buffer.from(answer));
}

test('neighbours are what /proc/net/arp tells; without the network of the host there are none', () => {
  // RTM_GETNEIGH; RTM_NEWNEIGH with NDA_DST 1, NDA_LLADDR 2 and ndm_state in the second half of struct ndmsg
  const [first, second, third] = ask(30, 0x301, Array(12).fill(0));
  expect(first).toMatchObject({ type: 28, head: [2, 0, 0, 0, 7, 0, 0, 0] });
  expect(told.neighbours.map(({ state }) => state)).toEqual([4, 1, 0x80]);
  expect([second, third].map((one) => one?.attributes[2])).toEqual([undefined, '02fc00000007']);
  expect(neighboursOf(new Kernel({ network: false }).network)).toEqual([]);
});

test('the route to one address', () => {
  const to = (...address: number[]): ReturnType<typeof decode> =>
    ask(26, 1, [2, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 1, 0, ...address]);
  // RTA_DST 1, RTA_OIF 4, RTA_GATEWAY 5, RTA_PREFSRC 7, RTA_TABLE 15, RTA_UID 25
  const usual = { 7: 'c0000205', 15: 'fe000000', 25: '05000000' };
  const cache = { 12: '00'.repeat(32) };
  const near = { 1: 'c0000207', 4: '07000000', ...usual, ...cache };
  expect(to(192, 0, 2, 7)).toEqual([{ type: 24, head: [2, 32, 0, 0, 254, 0, 0, 1], attributes: near }]);
  const far = { 1: '08080808', 4: '07000000', 5: 'c0000201', ...usual, ...cache };
  expect(to(8, 8, 8, 8)).toEqual([{ type: 24, head: [2, 32, 0, 0, 254, 0, 0, 1], attributes: far }]);
  const own = { 1: 'c0000205', 4: '01000000', ...usual, ...cache };
  expect(to(192, 0, 2, 5)).toEqual([{ type: 24, head: [2, 32, 0, 0, 254, 0, 0, 2], attributes: own }]);
  // NLMSG_ERROR: the broadcast address is nobody's, and IPv6 leads nowhere
  expect(to(192, 0, 2, 255)).toMatchObject([{ type: 2, head: [161, 255, 255, 255, 36, 0, 0, 0] }]);
  const six = [10, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 1, 0, 0x20, 1, ...Array(14).fill(9)];
  expect(ask(26, 1, six)).toMatchObject([{ type: 2, head: [155, 255, 255, 255, 48, 0, 0, 0] }]);
});

test("RTM_GETROUTE lists those of a family; the one to an own network is the kernel's and has its address", () => {
  // RTA_DST 1, RTA_OIF 4, RTA_GATEWAY 5, RTA_PRIORITY 6, RTA_PREFSRC 7, RTA_TABLE 15
  expect(ask(26, 0x301, [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).toEqual([
    {
      type: 24,
      head: [2, 0, 0, 0, 254, 3, 0, 1],
      attributes: { 4: '07000000', 5: 'c0000201', 6: '64000000', 15: 'fe000000' },
    },
    {
      type: 24,
      head: [2, 24, 0, 0, 254, 2, 253, 1],
      attributes: { 1: 'c0000200', 4: '07000000', 7: 'c0000205', 15: 'fe000000' },
    },
    { type: 3, head: [0, 0, 0, 0], attributes: {} },
  ]);
});
