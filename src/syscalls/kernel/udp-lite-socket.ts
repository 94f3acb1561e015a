import { ENETUNREACH } from '../errno.ts';
import { type Endpoint, isLocal } from './inet-address.ts';
import type { Network, Ports } from './network.ts';
import { UdpSocket } from './udp-socket.ts';

export const IPPROTO_UDPLITE = 136;

/** A UDP-Lite socket (man 7 udplite): libuv has none, so that it reaches guests only. */
export class UdpLiteSocket extends UdpSocket {
  constructor(network: Network, domain: number, flags: number) {
    super(network, domain, flags, IPPROTO_UDPLITE);
  }
  protected override get ports(): Ports<UdpLiteSocket> {
    return this.network.udpLite as Ports<UdpLiteSocket>;
  }
  protected override reserve(local: Endpoint): Endpoint {
    return local;
  }
  protected override reach(to: Endpoint): number {
    return super.reach(to) || (isLocal(to.host) ? 0 : -ENETUNREACH);
  }
}
