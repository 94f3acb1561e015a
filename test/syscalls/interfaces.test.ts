import os from 'node:os';
import { expect, test } from 'vitest';
import { interfacesOf } from '../../src/syscalls/kernel/interfaces.ts';
import { Kernel } from '../../src/syscalls/kernel/kernel.ts';
import { routeAnswers } from '../../src/syscalls/kernel/route-messages.ts';
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
    for (let from = at + 28; from < end; from += bytes.readUInt16LE(from)) {
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

test("RTM_GETROUTE lists those of a family; the one to an own network is the kernel's and has its address", () => {
  const [lo] = interfacesOf(new Kernel({ network: false }).network);
  if (lo === undefined) throw new Error('no loopback');
  const eth0 = { ...lo, index: 7, name: 'eth0', addresses: [{ host: '192.0.2.5', prefix: 24 }] };
  // struct nlmsghdr: length, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, sequence, port; struct rtmsg of AF_INET
  const request = new Uint8Array(28);
  request.set([28, 0, 0, 0, 26, 0, 1, 3, 9]);
  request[16] = 2;
  const told = { faces: [lo, eth0], routes: [...routesOfFour(FOUR), ...routesOfSix(SIX)] };
  const [answer] = routeAnswers(77, request, told) as [Uint8Array];
  // RTA_DST 1, RTA_OIF 4, RTA_GATEWAY 5, RTA_PRIORITY 6, RTA_PREFSRC 7, RTA_TABLE 15
  expect(decode(Buffer.from(answer))).toEqual([
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
