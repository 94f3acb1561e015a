import { ENODEV, EOPNOTSUPP } from '../errno.ts';
import { isV6 } from './inet-address.ts';
import {
  addressBytes,
  broadcasts,
  type Interface,
  type InterfaceAddress,
  inNetwork,
  isLoopbackInterface,
  maskBytes,
} from './interfaces.ts';
import type { Neighbour } from './neighbours.ts';
import {
  attribute,
  attributesOf,
  error,
  message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLMSG_DONE,
  type Request,
  text,
  u32,
} from './netlink-messages.ts';
import { foundRoute } from './route-lookup.ts';
import { ruleMessages } from './route-rules.ts';
import type { Route } from './routes.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from './socket.ts';

/** Messages of NETLINK_ROUTE (man 7 rtnetlink). */
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const RTM_NEWRULE = 32;
const RTM_GETRULE = 34;
const IFINFOMSG = 16;
const IFA_F_PERMANENT = 0x80;
const RT_TABLE_MAIN = 254;
const RTPROT_KERNEL = 2;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;

/** struct ifinfomsg and its attributes. */
function link(face: Interface): Uint8Array[] {
  const head = new Uint8Array(IFINFOMSG);
  const view = new DataView(head.buffer);
  view.setUint16(2, face.type, true);
  view.setInt32(4, face.index, true);
  view.setUint32(8, face.flags, true);
  return [
    head,
    attribute(3, text(face.name)),
    attribute(13, u32(face.queue)),
    attribute(16, Uint8Array.of(face.state)),
    attribute(17, Uint8Array.of(face.linkMode)),
    attribute(4, u32(face.mtu)),
    attribute(27, u32(0)),
    attribute(1, face.address),
    attribute(2, face.broadcast),
  ];
}

/** struct ifaddrmsg and its attributes: IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_LABEL, IFA_FLAGS, IFA_CACHEINFO. */
function address(face: Interface, { host, prefix }: InterfaceAddress): Uint8Array[] {
  const bytes = addressBytes(host);
  const six = isV6(host);
  const local = six && host.startsWith('fe80:') ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  const head = Uint8Array.of(
    six ? AF_INET6 : AF_INET,
    prefix,
    IFA_F_PERMANENT,
    isLoopbackInterface(face) ? RT_SCOPE_HOST : local,
    0,
    0,
    0,
    0,
  );
  new DataView(head.buffer).setUint32(4, face.index, true);
  const forever = attribute(6, u32(0xffff_ffff, 0xffff_ffff, 0, 0));
  const flags = attribute(8, u32(IFA_F_PERMANENT));
  if (six) return [head, attribute(1, bytes), forever, flags];
  const all = broadcasts(face) ? [attribute(4, maskBytes(prefix, 4, bytes))] : [];
  return [head, attribute(1, bytes), attribute(2, bytes), ...all, attribute(3, text(face.name)), flags, forever];
}

/** struct rtmsg and RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE, RTA_PREF. */
function route({ destination, prefix, gateway, metric }: Route, face: Interface): Uint8Array[] {
  const six = destination.length === 16;
  // the route to the network of an own address is made with the address
  const own = face.addresses.find(
    ({ host, prefix: length }) =>
      gateway === null && length === prefix && inNetwork(addressBytes(host), destination, prefix),
  );
  const scope = six || gateway !== null ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  const protocol = own === undefined ? RTPROT_BOOT : RTPROT_KERNEL;
  const family = six ? AF_INET6 : AF_INET;
  const head = Uint8Array.of(family, prefix, 0, 0, RT_TABLE_MAIN, protocol, scope, RTN_UNICAST, 0, 0, 0, 0);
  return [
    head,
    attribute(15, u32(RT_TABLE_MAIN)),
    ...(prefix > 0 ? [attribute(1, destination)] : []),
    ...(metric > 0 ? [attribute(6, u32(metric))] : []),
    ...(own !== undefined && !six ? [attribute(7, addressBytes(own.host))] : []),
    ...(gateway !== null ? [attribute(5, gateway)] : []),
    attribute(4, u32(face.index)),
    ...(six ? [attribute(20, Uint8Array.of(0))] : []),
  ];
}

/** The routes of the main table, of one family or all. */
function routeMessages(port: number, request: Request, { faces, routes }: Told): Uint8Array[] {
  const family = request.body[0] ?? AF_UNSPEC;
  return routes.flatMap((one) => {
    const face = faces.find(({ name }) => name === one.interface);
    const other = family !== AF_UNSPEC && (family === AF_INET6) !== (one.destination.length === 16);
    return face === undefined || other ? [] : [message(port, request, RTM_NEWROUTE, NLM_F_MULTI, ...route(one, face))];
  });
}

/** struct ndmsg and NDA_DST, NDA_LLADDR. */
function neighbourMessages(family: number, { faces, neighbours }: Told): Uint8Array[][] {
  return neighbours.flatMap(({ interface: name, address: bytes, hardware, state }) => {
    const face = faces.find((one) => one.name === name);
    if (face === undefined || (family !== AF_UNSPEC && family !== AF_INET)) return [];
    const head = new Uint8Array(12);
    const view = new DataView(head.buffer);
    view.setUint8(0, AF_INET);
    view.setInt32(4, face.index, true);
    view.setUint16(8, state, true);
    view.setUint8(11, RTN_UNICAST);
    return [[head, attribute(1, bytes), ...(hardware === null ? [] : [attribute(2, hardware)])]];
  });
}

/** Which interface RTM_GETLINK is about: its index, or IFLA_IFNAME. */
function wanted(faces: readonly Interface[], request: Request): Interface | undefined {
  const { body } = request;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const index = body.length >= IFINFOMSG ? view.getInt32(4, true) : 0;
  if (index > 0) return faces.find((face) => face.index === index);
  const name = attributesOf(request, IFINFOMSG).get(3);
  if (name === undefined) return undefined;
  const [wanted] = Buffer.from(name).toString('latin1').split('\0');
  return faces.find((face) => face.name === wanted);
}

/** The kernel's answer to one request. */
export function routeAnswer(port: number, request: Request, told: Told): Uint8Array[] {
  const { faces } = told;
  const { type, flags, body } = request;
  const dump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
  const done = message(port, request, NLMSG_DONE, NLM_F_MULTI, u32(0));
  const one = (kind: number, parts: Uint8Array[] | number): Uint8Array[] => {
    if (typeof parts === 'number') return error(port, request, parts);
    const found = message(port, request, kind, 0, ...parts);
    return (flags & NLM_F_ACK) !== 0 ? [found, ...error(port, request, 0)] : [found];
  };
  const list = (kind: number, all: readonly Uint8Array[][]): Uint8Array[] => [
    ...all.map((parts) => message(port, request, kind, NLM_F_MULTI, ...parts)),
    done,
  ];
  if (type === RTM_GETLINK && !dump) {
    const face = wanted(faces, request);
    return one(RTM_NEWLINK, face === undefined ? -ENODEV : link(face));
  }
  if (type === RTM_GETROUTE && !dump) return one(RTM_NEWROUTE, foundRoute(request, told));
  if (type === RTM_GETRULE && dump) return list(RTM_NEWRULE, ruleMessages(body[0] ?? AF_UNSPEC));
  if (type === RTM_GETNEIGH && dump) return list(RTM_NEWNEIGH, neighbourMessages(body[0] ?? AF_UNSPEC, told));
  if (type === RTM_GETLINK) return list(RTM_NEWLINK, faces.map(link));
  if (type === RTM_GETROUTE && dump) return [...routeMessages(port, request, told), done];
  if (type !== RTM_GETADDR || !dump) return error(port, request, -EOPNOTSUPP);
  const family = body[0] ?? AF_UNSPEC;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const only = body.length >= 8 ? view.getUint32(4, true) : 0;
  const all: Uint8Array[][] = [];
  // IPv4's come first, as from Linux
  for (const domain of [AF_INET, AF_INET6]) {
    if (family !== AF_UNSPEC && family !== domain) continue;
    for (const face of faces) {
      if (only !== 0 && face.index !== only) continue;
      for (const entry of face.addresses) {
        if (isV6(entry.host) !== (domain === AF_INET6)) continue;
        all.push(address(face, entry));
      }
    }
  }
  return list(RTM_NEWADDR, all);
}

/** What the kernel tells of. */
export interface Told {
  readonly faces: readonly Interface[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  /** Whose socket asks. */
  readonly uid: number;
}
