import { EINVAL, ENOENT, EOPNOTSUPP } from '../errno.ts';
import {
  attribute,
  error,
  message,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLMSG_DONE,
  type Request,
  u32,
} from './netlink-messages.ts';
import { AF_INET, AF_INET6, AF_UNIX, SOCK_STREAM, type Socket, TCP_CLOSE } from './socket.ts';
import { UnixSocket } from './unix-socket.ts';

/** Messages of NETLINK_SOCK_DIAG (man 7 sock_diag). */
const SOCK_DIAG_BY_FAMILY = 20;
/** Lengths of struct inet_diag_req_v2 and unix_diag_req. */
const [INET_REQUEST, UNIX_REQUEST] = [56, 24];
const INET_MESSAGE = 72;
const INET_DIAG_SHUTDOWN = 8;
/** Families that there are. */
const AF_MAX = 46;
const [UNIX_DIAG_NAME, UNIX_DIAG_PEER, UNIX_DIAG_RQLEN] = [0, 2, 4];
const [SHOW_NAME, SHOW_PEER, SHOW_RQLEN] = [1, 4, 0x10];
const NO_COOKIE = 0xffff_ffff;

/** A socket of the machine, and whose it is. */
export interface OwnedSocket {
  readonly socket: Socket;
  readonly uid: number;
}

/** Port and address of a struct sockaddr_in or sockaddr_in6, as they lie in struct inet_diag_sockid. */
function put(into: Uint8Array, portAt: number, addressAt: number, address: Uint8Array | null, domain: number): void {
  if (address === null) return;
  into.set(address.subarray(2, 4), portAt);
  into.set(domain === AF_INET ? address.subarray(4, 8) : address.subarray(8, 24), addressAt);
}

/** struct inet_diag_msg. */
function inet({ socket, uid }: OwnedSocket): Uint8Array[] {
  const { domain, inode, diagnosis } = socket;
  const bytes = new Uint8Array(INET_MESSAGE);
  const view = new DataView(bytes.buffer);
  bytes.set([domain, diagnosis.state]);
  put(bytes, 4, 8, socket.localAddress(), domain);
  put(bytes, 6, 24, socket.peerAddress(), domain);
  // the cookie: any number that is the socket's alone
  view.setUint32(44, inode, true);
  view.setUint32(56, diagnosis.received, true);
  view.setUint32(60, diagnosis.limit, true);
  view.setUint32(64, uid, true);
  view.setUint32(68, inode, true);
  return [bytes, attribute(INET_DIAG_SHUTDOWN, Uint8Array.of(0))];
}

/** struct unix_diag_msg. */
function unix(socket: UnixSocket, show: number): Uint8Array[] {
  const { inode, type, name, diagnosis } = socket;
  const head = new Uint8Array(16);
  const view = new DataView(head.buffer);
  head.set([AF_UNIX, type, diagnosis.state]);
  view.setUint32(4, inode, true);
  view.setUint32(8, inode, true);
  const text = Uint8Array.from(Buffer.from(name, 'latin1'));
  const peer = socket.peerInode;
  return [
    head,
    ...((show & SHOW_NAME) !== 0 && name !== '' ? [attribute(UNIX_DIAG_NAME, text)] : []),
    ...((show & SHOW_PEER) !== 0 && peer !== 0 ? [attribute(UNIX_DIAG_PEER, u32(peer))] : []),
    ...((show & SHOW_RQLEN) !== 0 ? [attribute(UNIX_DIAG_RQLEN, u32(diagnosis.received, diagnosis.limit))] : []),
  ];
}

/** The kernel's answer: the sockets of one family and, of the internet, one protocol that are in certain states. */
export function diagAnswer(port: number, request: Request, sockets: readonly OwnedSocket[]): Uint8Array[] {
  const { type, body, flags } = request;
  if (type !== SOCK_DIAG_BY_FAMILY) return error(port, request, -EINVAL);
  const [family, protocol] = body;
  const six = family === AF_INET6;
  if (family === undefined || family >= AF_MAX) return error(port, request, -EINVAL);
  if (!six && family !== AF_INET && family !== AF_UNIX) return error(port, request, -ENOENT);
  if (body.length < (family === AF_UNIX ? UNIX_REQUEST : INET_REQUEST)) return error(port, request, -EINVAL);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const states = view.getUint32(4, true);
  const wanted = ({ socket }: OwnedSocket): boolean => ((states >>> socket.diagnosis.state) & 1) !== 0;
  let parts: Uint8Array[][];
  if (family === AF_UNIX) {
    const [number, show, cookie] = [view.getUint32(8, true), view.getUint32(12, true), view.getUint32(16, true)];
    const all = sockets.filter((one) => one.socket instanceof UnixSocket);
    if ((flags & NLM_F_DUMP) === 0) {
      const found = all.find(({ socket }) => socket.inode === number && (cookie === NO_COOKIE || cookie === number));
      if (found === undefined) return error(port, request, -ENOENT);
      return [message(port, request, SOCK_DIAG_BY_FAMILY, 0, ...unix(found.socket as UnixSocket, show))];
    }
    parts = all.filter(wanted).map(({ socket }) => unix(socket as UnixSocket, show));
  } else {
    if ((flags & NLM_F_DUMP) === 0) return error(port, request, -EOPNOTSUPP);
    // a stream that neither listens nor has a peer is in no table
    const listed = ({ socket }: OwnedSocket): boolean =>
      socket.domain === family &&
      socket.protocol === protocol &&
      (socket.hasPort || socket.hasPeer) &&
      (socket.type !== SOCK_STREAM || socket.diagnosis.state !== TCP_CLOSE);
    parts = sockets.filter((one) => listed(one) && wanted(one)).map(inet);
  }
  return [
    ...parts.map((part) => message(port, request, SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, ...part)),
    message(port, request, NLMSG_DONE, NLM_F_MULTI, u32(0)),
  ];
}
