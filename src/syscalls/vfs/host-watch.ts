import fs from 'node:fs';
import type net from 'node:net';
import type { WaitWatch } from '../kernel/wait-queue.ts';

const { O_NONBLOCK, O_NOCTTY, O_RDONLY } = fs.constants;

/** Watches under way: as long as there are any, the event loop must get its turns. */
export const hostWatches: { active: number } = { active: 0 };

/**
 * Tells when a host stream can be read, by the event loop. Node only tells by reading, so it reads one byte,
 * which the stream gives out first; nothing else is read ahead, since others may share the stream with us.
 */
export class HostWatch implements WaitWatch {
  private readonly fd: number;
  private readonly found: (byte: number | null) => void;
  private socket: net.Socket | null = null;
  private on = false;

  /** `found` gets the byte, or null at the end of the file. Throws when the host cannot watch such a thing. */
  constructor(fd: number, found: (byte: number | null) => void) {
    this.fd = fd;
    this.found = found;
    this.open();
  }

  start(): void {
    if (this.on) return;
    this.on = true;
    hostWatches.active++;
    if (this.socket === null) this.open();
    this.socket?.resume();
  }

  stop(): void {
    if (!this.on) return;
    this.on = false;
    hostWatches.active--;
    this.socket?.pause();
  }

  private open(): void {
    const buffer = new Uint8Array(1);
    const onread = {
      buffer,
      callback: (): boolean => {
        this.stop();
        this.found(buffer[0] ?? 0);
        return false;
      },
    };
    let fd = this.fd;
    try {
      // A description of our own: whoever shares the stream's must not find it non-blocking.
      fd = fs.openSync(`/proc/self/fd/${this.fd}`, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    } catch {
      // A socket has no name to open it by; its description is hardly shared.
    }
    const options = { fd, readable: true, writable: false, allowHalfOpen: true, manualStart: true, onread };
    // few runs need these modules
    const tty = process.getBuiltinModule('node:tty');
    const { Socket } = process.getBuiltinModule('node:net');
    const socket = tty.isatty(fd)
      ? new tty.ReadStream(fd, { onread, allowHalfOpen: true } as net.SocketConstructorOpts)
      : new Socket(options as net.SocketConstructorOpts);
    const over = (): void => {
      if (this.socket !== socket) return;
      this.stop();
      // A terminal goes on after its end of file; a socket's descriptor is not ours to close.
      this.socket = null;
      if (fd !== this.fd) socket.destroy();
      this.found(null);
    };
    socket.on('end', over);
    socket.on('error', over);
    socket.unref();
    this.socket = socket;
  }

  /** The stream is closed. */
  close(): void {
    this.stop();
    const { socket } = this;
    this.socket = null;
    socket?.destroy();
  }
}
