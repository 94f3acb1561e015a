import { EAGAIN, ECONNRESET } from '../errno.ts';
import type { Link, LinkOwner } from './host-tcp.ts';

/** /proc/sys/net/ipv4/tcp_wmem and tcp_rmem, default values. */
export const BUFFERS = [16384, 131072] as const;
/** What a send buffer grows to unless SO_SNDBUF was set. */
const GROWN = 1 << 20;

/** A socket as the one at the other end sees it. */
interface LocalEnd extends LinkOwner {
  readonly gone: boolean;
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
  unread(): number;
}

/** The other end is a guest's too: bytes go straight into its inbox. */
export class LocalLink implements Link {
  readonly owner: LocalEnd;
  private readonly other: LocalEnd;

  constructor(owner: LocalEnd, other: LocalEnd) {
    this.owner = owner;
    this.other = other;
  }
  /** What guests send each other has arrived. */
  readonly unsent: number = 0;
  get room(): boolean {
    return this.other.gone || this.free > 0;
  }
  private get buffer(): number {
    const { sendBuffer } = this.owner;
    return sendBuffer === BUFFERS[0] ? GROWN : sendBuffer;
  }
  private get free(): number {
    return this.buffer + this.other.receiveBuffer - this.other.unread();
  }
  send(bytes: Uint8Array): number {
    if (this.other.gone) {
      // It answers what comes too late with RST, which is seen by the next call.
      this.owner.broken(ECONNRESET);
      return Math.min(this.buffer, bytes.length);
    }
    const count = Math.min(this.free, bytes.length);
    if (count <= 0) return -EAGAIN;
    this.other.arrived(bytes.slice(0, count));
    return count;
  }
  finish(): void {
    this.other.ended();
  }
  drained(): void {
    this.other.roomAgain();
  }
  close(reset: boolean): void {
    if (reset) this.other.broken(ECONNRESET);
    else this.other.ended();
    this.other.roomAgain();
  }
}
