import type { Kernel } from '../kernel/kernel.ts';
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM, Socket, TCP_CLOSE } from '../kernel/socket.ts';

/** Texts of /proc/net (man 5 proc) that `ss -s` reads: of the guests' sockets. */

const TCP_ESTABLISHED = 1;

/** The sockets that some descriptor of a guest is for, each once. */
function socketsOf(kernel: Kernel): Socket[] {
  const all = new Set<Socket>();
  for (const { files } of kernel.processes.values()) {
    for (const fd of files.list()) {
      const file = files.get(fd);
      if (file instanceof Socket) all.add(file);
    }
  }
  return [...all];
}

const ofKind = (sockets: readonly Socket[], domain: number, type: number): Socket[] =>
  sockets.filter((socket) => socket.domain === domain && socket.type === type);
/** Those that have a port or a peer. */
const inUse = (sockets: readonly Socket[]): number =>
  sockets.filter((s) => (s.hasPort || s.hasPeer) && (s.type !== SOCK_STREAM || s.diagnosis.state !== TCP_CLOSE)).length;

/** /proc/net/sockstat */
export function sockstat(kernel: Kernel): string {
  const all = socketsOf(kernel);
  const tcp = ofKind(all, AF_INET, SOCK_STREAM);
  const alloc = tcp.length + ofKind(all, AF_INET6, SOCK_STREAM).length;
  return [
    `sockets: used ${all.length}`,
    `TCP: inuse ${inUse(tcp)} orphan 0 tw 0 alloc ${alloc} mem 0`,
    `UDP: inuse ${inUse(ofKind(all, AF_INET, SOCK_DGRAM))} mem 0`,
    'UDPLITE: inuse 0',
    'RAW: inuse 0',
    'FRAG: inuse 0 memory 0',
    '',
  ].join('\n');
}

/** /proc/net/sockstat6 */
export function sockstat6(kernel: Kernel): string {
  const all = socketsOf(kernel);
  return [
    `TCP6: inuse ${inUse(ofKind(all, AF_INET6, SOCK_STREAM))}`,
    `UDP6: inuse ${inUse(ofKind(all, AF_INET6, SOCK_DGRAM))}`,
    'UDPLITE6: inuse 0',
    'RAW6: inuse 0',
    'FRAG6: inuse 0 memory 0',
    '',
  ].join('\n');
}

/** /proc/net/snmp: of TCP how many connections there are; what passed is not counted. */
export function snmp(kernel: Kernel): string {
  const streams = socketsOf(kernel).filter(
    (s) => s.type === SOCK_STREAM && (s.domain === AF_INET || s.domain === AF_INET6),
  );
  const established = streams.filter((socket) => socket.diagnosis.state === TCP_ESTABLISHED).length;
  return `Tcp: CurrEstab\nTcp: ${established}\n`;
}
