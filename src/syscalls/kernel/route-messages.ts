import { ENODEV, EOPNOTSUPP } from '../errno.ts';
import { isV6 } from './inet-address.ts';
import {
  addressBytes,
  broadcasts,
  type Interface,
  type InterfaceAddress,
  isLoopbackInterface,
  maskBytes,
} from './interfaces.ts';
import type { Route } from './routes.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from './socket.ts';

/** Messages of NETLINK_ROUTE (man 7 netlink, man 7 rtnetlink). */
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_MULTI = 2;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
/** struct nlmsghdr: length, type, flags, sequence, port. */
const HEADER = 16;
const IFINFOMSG = 16;
const IFA_F_PERMANENT = 0x80;
const RT_TABLE_MAIN = 254;
const RTPROT_KERNEL = 2;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;

const align = (length: number): number => (length + 3) & ~3;
const u32 = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(`${value}\0`, 'latin1'));

/** An attribute: its length and type, then the value, padded. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align(4 + value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

interface Request {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
  /** Header and body, for the error that quotes them. */
  readonly whole: Uint8Array;
}

function message(port: number, { sequence }: Request, type: number, flags: number, ...parts: Uint8Array[]): Uint8Array {
  const length = HEADER + parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, port, true);
  let at = HEADER;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The requests in what was sent. */
function* requests(bytes: Uint8Array): Generator<Request> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > bytes.length) return;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.subarray(at + HEADER, at + length),
      whole: bytes.subarray(at, at + length),
    };
    at += align(length);
  }
}

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

function inNetwork(address: Uint8Array, network: Uint8Array, prefix: number): boolean {
  const mask = maskBytes(prefix, network.length);
  return (
    address.length === network.length &&
    network.every((byte, i) => byte === ((address[i] as number) & (mask[i] as number)))
  );
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

/** Which interface RTM_GETLINK is about: its index, or IFLA_IFNAME. */
function wanted(faces: readonly Interface[], { body }: Request): Interface | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const index = body.length >= IFINFOMSG ? view.getInt32(4, true) : 0;
  if (index > 0) return faces.find((face) => face.index === index);
  for (let at = IFINFOMSG; at + 4 <= body.length; at += align(Math.max(4, view.getUint16(at, true)))) {
    if (view.getUint16(at + 2, true) !== 3) continue;
    const [name] = Buffer.from(body.subarray(at + 4, at + view.getUint16(at, true)))
      .toString('latin1')
      .split('\0');
    return faces.find((face) => face.name === name);
  }
  return undefined;
}

const error = (port: number, request: Request, code: number): Uint8Array[] => [
  message(port, request, NLMSG_ERROR, 0, u32(code), request.whole),
];

function answer(port: number, request: Request, told: Told): Uint8Array[] {
  const { faces } = told;
  const { type, flags, body } = request;
  if ((flags & NLM_F_REQUEST) === 0) return [];
  const dump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
  const done = message(port, request, NLMSG_DONE, NLM_F_MULTI, u32(0));
  if (type === RTM_GETLINK && !dump) {
    const face = wanted(faces, request);
    if (face === undefined) return error(port, request, -ENODEV);
    const found = message(port, request, RTM_NEWLINK, 0, ...link(face));
    return (flags & NLM_F_ACK) !== 0 ? [found, ...error(port, request, 0)] : [found];
  }
  if (type === RTM_GETLINK)
    return [...faces.map((face) => message(port, request, RTM_NEWLINK, NLM_F_MULTI, ...link(face))), done];
  if (type === RTM_GETROUTE && dump) return [...routeMessages(port, request, told), done];
  if (type !== RTM_GETADDR || !dump) return error(port, request, -EOPNOTSUPP);
  const family = body[0] ?? AF_UNSPEC;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const only = body.length >= 8 ? view.getUint32(4, true) : 0;
  const list: Uint8Array[] = [];
  // IPv4's come first, as from Linux
  for (const domain of [AF_INET, AF_INET6]) {
    if (family !== AF_UNSPEC && family !== domain) continue;
    for (const face of faces) {
      if (only !== 0 && face.index !== only) continue;
      for (const entry of face.addresses) {
        if (isV6(entry.host) !== (domain === AF_INET6)) continue;
        list.push(message(port, request, RTM_NEWADDR, NLM_F_MULTI, ...address(face, entry)));
      }
    }
  }
  return [...list, done];
}

/** What the kernel tells of. */
export interface Told {
  readonly faces: readonly Interface[];
  readonly routes: readonly Route[];
}

/** What the kernel answers to what was sent to it: datagrams of whole messages. */
export function routeAnswers(port: number, bytes: Uint8Array, told: Told): Uint8Array[] {
  return [...requests(bytes)].flatMap((request) => {
    const messages = answer(port, request, told);
    // what is no list comes one by one: an acknowledgement after what was asked for
    return (request.flags & NLM_F_DUMP) === NLM_F_DUMP ? packed(messages) : messages;
  });
}

/** Most bytes of a datagram with several messages. */
const PIECE = 8192;

function packed(messages: readonly Uint8Array[]): Uint8Array[] {
  const out: Uint8Array[] = [];
  let pending: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    if (pending.length > 0) out.push(Uint8Array.from(Buffer.concat(pending)));
    pending = [];
    size = 0;
  };
  for (const one of messages) {
    if (size + one.length > PIECE) flush();
    const whole = new Uint8Array(align(one.length));
    whole.set(one);
    pending.push(whole);
    size += whole.length;
  }
  flush();
  return out;
}
