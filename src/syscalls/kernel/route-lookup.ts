import { EINVAL, ENETUNREACH, EOPNOTSUPP } from '../errno.ts';
import { addressBytes, type Interface, inNetwork, isLoopbackInterface, maskBytes } from './interfaces.ts';
import { attribute, attributesOf, type Request, u32 } from './netlink-messages.ts';
import type { Told } from './route-messages.ts';
import type { Route } from './routes.ts';
import { AF_INET, AF_INET6 } from './socket.ts';

/** struct rtmsg is so long. */
const HEAD = 12;
const RTA_DST = 1;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
const RTPROT_KERNEL = 2;
const RTPROT_BOOT = 3;
const RTM_F_CLONED = 0x200;
const RTCF_LOCAL = 0x8000_0000;

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Addresses that are neither a machine's nor looked up here: multicast, and the broadcast address of a network. */
function isGroup(faces: readonly Interface[], to: Uint8Array): boolean {
  const [first = 0] = to;
  if (to.length === 16) return first === 0xff;
  if (first >= 224) return true;
  return faces.some((face) =>
    face.addresses.some(({ host, prefix }) => {
      const own = addressBytes(host);
      return own.length === 4 && prefix < 31 && equal(maskBytes(prefix, 4, own), to);
    }),
  );
}

/** The interface that has an address itself; all of 127.0.0.0/8 is the loopback's. */
const ownerOf = (faces: readonly Interface[], to: Uint8Array): Interface | undefined =>
  faces.find(
    (face) =>
      face.addresses.some(({ host }) => equal(addressBytes(host), to)) ||
      (isLoopbackInterface(face) && to.length === 4 && to[0] === 127),
  );

/** The route with the longest prefix, of several the one with the least metric. */
function best(routes: readonly Route[], to: Uint8Array): Route | undefined {
  const fitting = routes.filter(
    ({ destination, prefix }) => destination.length === to.length && inNetwork(to, destination, prefix),
  );
  return fitting.sort((a, b) => b.prefix - a.prefix || a.metric - b.metric)[0];
}

/** An address of the interface to come from: one in the network of whoever is next, else its first of that length. */
function sourceOf(face: Interface, next: Uint8Array): Uint8Array | undefined {
  const own = face.addresses
    .map(({ host, prefix }) => ({ bytes: addressBytes(host), prefix }))
    .filter(({ bytes }) => bytes.length === next.length);
  const same = own.find(({ bytes }) => equal(bytes, next));
  return (same ?? own.find(({ bytes, prefix }) => inNetwork(next, bytes, prefix)) ?? own[0])?.bytes;
}

/** RTM_GETROUTE about one address: its route as struct rtmsg and attributes, or -errno (ENETUNREACH: there is none). */
export function foundRoute(request: Request, { faces, routes, uid }: Told): Uint8Array[] | number {
  const to = attributesOf(request, HEAD).get(RTA_DST);
  const six = request.body[0] === AF_INET6;
  if (to === undefined || to.length !== (six ? 16 : 4)) return -EINVAL;
  if (isGroup(faces, to)) return -EOPNOTSUPP;
  const owner = ownerOf(faces, to);
  const local = owner !== undefined;
  const route = local ? undefined : best(routes, to);
  const face = local ? faces.find(isLoopbackInterface) : faces.find(({ name }) => name === route?.interface);
  if (face === undefined) return -ENETUNREACH;
  const next = route?.gateway ?? to;
  const source = sourceOf(owner ?? face, next);
  const table = local && six ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
  const head = new Uint8Array(HEAD);
  const kind = local ? RTN_LOCAL : RTN_UNICAST;
  const bits = to.length * 8;
  const protocol = six ? (local ? RTPROT_KERNEL : RTPROT_BOOT) : 0;
  head.set([six ? AF_INET6 : AF_INET, bits, six ? bits : 0, 0, table, protocol, 0, kind]);
  const flags = six ? 0 : RTM_F_CLONED | (local ? RTCF_LOCAL : 0);
  new DataView(head.buffer).setUint32(8, flags >>> 0, true);
  const from = source === undefined ? [] : [attribute(7, source)];
  const gateway = route?.gateway ? [attribute(5, route.gateway)] : [];
  const out = attribute(4, u32(face.index));
  const cache = attribute(12, new Uint8Array(32));
  const start = [head, attribute(15, u32(table)), attribute(RTA_DST, to)];
  if (!six) return [...start, out, ...from, ...gateway, attribute(25, u32(uid)), cache];
  const metric = attribute(6, u32(route?.metric ?? 0));
  const any = attribute(2, new Uint8Array(16));
  return [...start, any, ...from, metric, ...gateway, out, cache, attribute(20, Uint8Array.of(0))];
}
