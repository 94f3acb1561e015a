import { readFileSync } from 'node:fs';
import { EACCES, EADDRINUSE, EADDRNOTAVAIL } from '../errno.ts';
import { type Endpoint, isAny, isLocal, isV6 } from './inet-address.ts';
import type { Scheduler } from './scheduler.ts';

/** /proc/sys/net/ipv4/ip_local_port_range */
const FIRST_EPHEMERAL = 32768;
const LAST_EPHEMERAL = 60999;
/** Ports below are the superuser's (ip_unprivileged_port_start). */
const FIRST_FREE = 1024;

/** A socket that has a port: what looking for conflicts and for receivers needs to know. */
export interface PortOwner {
  readonly local: Endpoint;
  /** An IPv6 socket on the address "any" that gets IPv4 too. */
  readonly dual: boolean;
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  readonly listening: boolean;
}

/** The ports of one protocol that guests use. */
export class Ports<T extends PortOwner> {
  private readonly owners: Map<number, Set<T>> = new Map();
  private next: number = FIRST_EPHEMERAL + Math.floor(Math.random() * (LAST_EPHEMERAL - FIRST_EPHEMERAL));

  /** Whether a socket may have that address as well (man 7 socket, SO_REUSEADDR, SO_REUSEPORT): 0 or -EADDRINUSE. */
  check(wanted: PortOwner, stream: boolean): number {
    for (const owner of this.owners.get(wanted.local.port) ?? []) {
      if (!overlap(owner, wanted)) continue;
      const byPort = owner.reusePort && wanted.reusePort;
      const byAddress = owner.reuseAddress && wanted.reuseAddress && !(stream && (owner.listening || wanted.listening));
      if (!byPort && !byAddress) return -EADDRINUSE;
    }
    return 0;
  }

  /** A port that no guest uses; 0 when there is none. */
  free(): number {
    for (let i = FIRST_EPHEMERAL; i <= LAST_EPHEMERAL; i++) {
      this.next = this.next === LAST_EPHEMERAL ? FIRST_EPHEMERAL : this.next + 1;
      if (!this.owners.has(this.next)) return this.next;
    }
    return 0;
  }

  add(owner: T): void {
    const { port } = owner.local;
    const owners = this.owners.get(port) ?? new Set();
    this.owners.set(port, owners.add(owner));
  }

  delete(owner: T): void {
    const owners = this.owners.get(owner.local.port);
    if (owners?.delete(owner) === true && owners.size === 0) this.owners.delete(owner.local.port);
  }

  /** Who gets what is sent to an address of this machine: those on that very address come first. */
  receivers({ host, port }: Endpoint): T[] {
    const owners = [...(this.owners.get(port) ?? [])];
    const exact = owners.filter((owner) => owner.local.host === host);
    return [...exact, ...owners.filter((owner) => isAny(owner.local.host) && serves(owner, host))];
  }
}

const serves = (owner: PortOwner, host: string): boolean => isV6(owner.local.host) === isV6(host) || owner.dual;

function overlap(a: PortOwner, b: PortOwner): boolean {
  if (a.local.host === b.local.host) return true;
  return (isAny(a.local.host) && serves(a, b.local.host)) || (isAny(b.local.host) && serves(b, a.local.host));
}

/** The machine's place in the network: guests reach each other in here, and the host's network if that is allowed. */
export class Network {
  /** Whether the host's network is there; without it the machine has its loopback alone. */
  readonly host: boolean;
  readonly tcp: Ports<PortOwner> = new Ports();
  readonly udp: Ports<PortOwner> = new Ports();
  readonly udpLite: Ports<PortOwner> = new Ports();
  /** Ports of netlink sockets. */
  readonly netlinkPorts: Set<number> = new Set();
  private readonly scheduler: Scheduler;
  private readonly leaving: Set<Promise<void>> = new Set();

  constructor(host: boolean, scheduler: Scheduler) {
    this.host = host;
    this.scheduler = scheduler;
  }

  /** A handle of the host is open: the event loop must get its turns until the answer is called. */
  hold(): () => void {
    return this.scheduler.hold();
  }

  /** The first port that is not root's alone (ip_unprivileged_port_start). */
  private get firstFree(): number {
    if (!this.host) return FIRST_FREE;
    try {
      return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
    } catch {
      // Not Linux.
      return FIRST_FREE;
    }
  }

  /** What the kernel says to bind(2) before the host is asked: 0 or -errno. */
  checkBind(wanted: PortOwner, ports: Pick<Ports<PortOwner>, 'check'>, stream: boolean, privileged: boolean): number {
    const { host, port } = wanted.local;
    if (!this.host && !isLocal(host)) return -EADDRNOTAVAIL;
    // a host that would let the emulator have it, which is root, does not see who asks
    const ours = !this.host || process.geteuid?.() === 0;
    if (port !== 0 && !privileged && ours && port < this.firstFree) return -EACCES;
    return port === 0 ? 0 : ports.check(wanted, stream);
  }

  /** Something still has to go out though its socket is closed. */
  linger(sent: Promise<void>): void {
    this.leaving.add(sent);
    void sent.then(() => this.leaving.delete(sent));
  }

  /** The machine has ended: wait for what is on its way out, so many milliseconds at most. */
  async drain(ms: number): Promise<void> {
    if (this.leaving.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([Promise.all(this.leaving), late]);
    clearTimeout(timer);
  }
}
