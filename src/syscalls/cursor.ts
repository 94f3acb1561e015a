import { State } from '../cpu/memory/layout.ts';
import type { Abi } from './abi/types.ts';
import { EFAULT, ENAMETOOLONG } from './errno.ts';
import type { GuestCpu } from './kernel/cpu.ts';

const TWO32 = 0x1_0000_0000;

/** Takes a call's arguments from the registers one after the other, in the ABI's order and width. */
export class Cursor {
  readonly abi: Abi;
  private readonly cpu: GuestCpu;
  private readonly offsets: readonly number[];
  private readonly wide: boolean;
  private index = 0;
  /** Address of the argument that could not be read. */
  badPointer = 0;
  /** Set when an argument cannot be read (EFAULT, ENAMETOOLONG): the call fails with it. */
  error = 0;

  /** `offsets`: where the arguments lie, as wasm offsets; else in the ABI's registers. */
  constructor(cpu: GuestCpu, abi: Abi, offsets?: readonly number[]) {
    this.cpu = cpu;
    this.abi = abi;
    this.wide = abi.wordSize === 8;
    this.offsets = offsets ?? abi.registers.args.map((register) => cpu.state + State.REGS + 8 * register);
  }

  /** Guest memory, for arguments that are read when the call begins. */
  get space(): GuestCpu['space'] {
    return this.cpu.space;
  }

  start(): void {
    this.index = 0;
    this.error = 0;
  }

  private next(): number {
    return this.offsets[this.index++] ?? 0;
  }

  /** C int. */
  int(): number {
    return this.cpu.space.host.getInt32(this.next(), true);
  }

  /** C unsigned int. */
  uint(): number {
    return this.cpu.space.host.getUint32(this.next(), true);
  }

  /** C long, exact below 2^53. */
  long(): number {
    const at = this.next();
    const { host } = this.cpu.space;
    if (!this.wide) return host.getInt32(at, true);
    return host.getUint32(at, true) + host.getInt32(at + 4, true) * TWO32;
  }

  /** Pointers, size_t, unsigned long. */
  ulong(): number {
    const at = this.next();
    const { host } = this.cpu.space;
    const low = host.getUint32(at, true);
    return this.wide ? low + host.getUint32(at + 4, true) * TWO32 : low;
  }

  /** 64 bits exactly, of an unsigned long. */
  bits(): bigint {
    const at = this.next();
    return this.wide ? this.cpu.space.host.getBigUint64(at, true) : BigInt(this.cpu.space.host.getUint32(at, true));
  }

  /** loff_t: one register, or a pair on 32-bit ABIs (starting evenly on arm). */
  off64(): number {
    if (this.wide) return this.long();
    if (this.abi.evenPairs && this.index % 2 === 1) this.index++;
    const low = this.uint();
    return low + this.int() * TWO32;
  }

  /** A pathname as a byte string; null for NULL. */
  path(): string | null {
    const address = this.ulong();
    this.badPointer = address;
    if (address === 0) return null;
    const path = this.cpu.space.cstring(address, 4096);
    if (path === null) {
      // Readable that far means too long, else bad.
      this.error = this.cpu.space.readable(address, 4096) ? -ENAMETOOLONG : -EFAULT;
      return '';
    }
    return path;
  }
}

/** Bytes as a byte string (one character each). */
export function byteString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** A JavaScript string as the byte string of its UTF-8 form. */
export function toByteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
