import { EAGAIN, ECONNRESET } from '../errno.ts';
import { fromUv, hostBindings, isEndOfFile, type TcpHandle } from './host-handles.ts';
import type { Network } from './network.ts';

/** A write that did not fit into the host's buffer at once is no longer than this. */
const CHUNK = 1 << 18;

/** What is at the other end of a connection. */
export interface Link {
  /** Bytes taken, -EAGAIN without room, or another -errno. */
  send(bytes: Uint8Array): number;
  readonly room: boolean;
  /** Bytes sent that the other end has not got, as far as is known. */
  readonly unsent: number;
  /** No more will be sent: FIN. */
  finish(): void;
  /** Bytes were taken out of the inbox. */
  drained(): void;
  /** The end of it; `reset`: without regard for what is on its way. */
  close(reset: boolean): void;
}

/** Whom a link tells what comes. */
export interface LinkOwner {
  /** How full the inbox is and may be. */
  readonly inboxFull: boolean;
  arrived(bytes: Uint8Array): void;
  /** FIN came. */
  ended(): void;
  /** The connection broke. */
  broken(error: number): void;
  /** There may be room to send. */
  roomAgain(): void;
}

/** A connection that the host's kernel has. */
export class HostLink implements Link {
  private readonly handle: TcpHandle;
  private readonly owner: LinkOwner;
  private readonly network: Network;
  private readonly release: () => void;
  private reading = false;
  private writing = false;
  private finishing = false;
  private closed = false;
  /** Called when the last write is through after close. */
  private sent: (() => void) | null = null;

  constructor(network: Network, handle: TcpHandle, owner: LinkOwner) {
    this.network = network;
    this.handle = handle;
    this.owner = owner;
    this.release = network.hold();
    handle.unref();
    const { streamBaseState, kReadBytesOrError, kArrayBufferOffset } = hostBindings();
    handle.onread = (bytes) => {
      const count = streamBaseState[kReadBytesOrError] ?? 0;
      if (this.closed) return;
      if (count > 0 && bytes !== undefined) {
        owner.arrived(new Uint8Array(bytes, streamBaseState[kArrayBufferOffset], count));
        if (owner.inboxFull) this.pause();
      } else if (isEndOfFile(count)) {
        this.reading = false;
        owner.ended();
      } else if (count < 0) {
        this.reading = false;
        owner.broken(-fromUv(count) || ECONNRESET);
      }
    };
    this.drained();
  }

  get room(): boolean {
    return !this.writing;
  }
  /** What libuv still holds; the host's own buffer cannot be asked about. */
  get unsent(): number {
    return this.writing ? this.pieceLength : 0;
  }
  private pieceLength = 0;

  send(bytes: Uint8Array): number {
    if (this.writing) return -EAGAIN;
    // A copy: the guest may change its buffer while the host still sends.
    const piece = bytes.slice(0, CHUNK);
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = hostBindings();
    const request = new WriteWrap();
    request.oncomplete = (status) => {
      this.writing = false;
      if (status < 0 && !this.closed) this.owner.broken(-fromUv(status));
      if (this.finishing) this.finish();
      this.sent?.();
      this.owner.roomAgain();
    };
    const error = fromUv(this.handle.writeBuffer(request, piece));
    if (error !== 0) return error;
    this.writing = streamBaseState[kLastWriteWasAsync] !== 0;
    this.pieceLength = piece.length;
    // Node looks for the bytes nowhere else while it sends.
    if (this.writing) Object.assign(request, { buffer: piece });
    return piece.length;
  }

  finish(): void {
    this.finishing = true;
    if (this.writing || this.closed) return;
    const request = new (hostBindings().ShutdownWrap)();
    request.oncomplete = () => {};
    this.handle.shutdown(request);
  }

  drained(): void {
    if (this.reading || this.closed || this.owner.inboxFull) return;
    this.reading = true;
    this.handle.readStart();
  }

  private pause(): void {
    this.reading = false;
    this.handle.readStop();
  }

  close(reset: boolean): void {
    if (this.closed) return;
    this.closed = true;
    const { handle } = this;
    if (reset) {
      // Not possible once FIN was sent: then an ordinary end has to do.
      if (handle.reset(() => {}) !== 0) handle.close();
      this.release();
      return;
    }
    if (!this.writing) {
      handle.close();
      this.release();
      return;
    }
    handle.readStop();
    const through = new Promise<void>((resolve) => {
      this.sent = resolve;
    });
    this.network.linger(
      through.then(() => {
        handle.close();
        this.release();
      }),
    );
  }
}
