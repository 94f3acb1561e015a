import type { FrontEnd } from './frontend/frontend.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { Exit, GUEST_BASE, PAGE_SIZE, State } from './memory/layout.ts';
import { PROT_READ } from './memory/types.ts';
import { BUS_ADRALN, codeAddress, type Fault, SIGBUS, SIGSEGV, signExtended, trapOf, unreachable } from './traps.ts';

/** Bits of State.EXIT_INFO: the access; further up its size, and the alignment it asks for. */
const [READ, WRITE, FETCH, ALIGNED] = [1, 2, 4, 8] as const;
/** See Facts.sys. */
const [MAY_STORE_CODE, SPLIT] = [1, 2];
/** Longest instruction of any guest. */
const LONGEST = 15;
const LIMIT = 0x1_0000_0000;

/** What the accesses of a process ask of its processor. */
export interface Translated {
  /** Whether translations wait to be dropped: nothing may run that is translated. */
  readonly isStale: boolean;
  /** Have all threads of the process come back that run on worker threads. */
  halt(): void;
}

/** Accesses of a process that translated code does not do by itself, and the faults they come to. */
export class Accesses {
  /** Of the thread that has just left with Exit.FAULT. */
  fault: Fault = { signal: 0, code: 0, addr: 0n };
  private readonly space: GuestAddressSpace;
  private readonly frontEnd: FrontEnd;
  private readonly view: DataView;
  private readonly translated: Translated;
  private vectorsAt = 0;

  constructor(space: GuestAddressSpace, frontEnd: FrontEnd, translated: Translated) {
    this.space = space;
    this.frontEnd = frontEnd;
    this.view = space.host;
    this.translated = translated;
  }

  /** An address as memory sees it: the bits of it that count. */
  address(given: bigint): bigint {
    return BigInt.asUintN(this.frontEnd.addressBits, given);
  }

  /**
   * A checked access met a page that is not plain, upper address bits, or misalignment (atomics, and accesses that ask for it). 0: it may
   * be done at State.FAULT_ADDR; 1: the exit reason says what became of it.
   */
  memory(state: number): number {
    const info = this.view.getUint32(state + State.EXIT_INFO, true);
    const given = this.view.getBigUint64(state + State.FAULT_ADDR, true);
    const size = (info >>> 8) & 0xff;
    const isWrite = (info & WRITE) !== 0;
    const addr = this.address(given);
    if ((Number(addr & 31n) & (info >>> 16)) !== 0) {
      if (this.frontEnd.traps?.[Exit.PROTECTION] === undefined) return this.raise(state, this.misaligned(given));
      this.setExit(state, Exit.PROTECTION);
      return 1;
    }
    if ((info & ALIGNED) !== 0 && Number(addr & 15n) % size !== 0) {
      return this.alone(state, SPLIT) ? 1 : this.raise(state, this.misaligned(given));
    }
    if (addr >= BigInt(LIMIT)) return this.raise(state, unreachable(this.frontEnd, given));
    const { vectorsBase: page } = this.frontEnd;
    if (page !== undefined && addr >= page && addr < page + PAGE_SIZE - size + 1 && !isWrite) {
      this.view.setBigUint64(state + State.FAULT_ADDR, BigInt(this.vectorsCopy() + Number(addr) - page), true);
      return 0;
    }
    const fault = this.space.resolveFault(Number(addr), size, isWrite ? WRITE : READ);
    if (fault !== 0) return this.raise(state, { signal: fault.signal, code: fault.code, addr: BigInt(fault.addr) });
    this.view.setBigUint64(state + State.FAULT_ADDR, addr, true);
    return isWrite && this.mayChangeCode(state) ? 1 : 0;
  }

  /** See HelperContext. */
  access(state: number, addr: bigint, size: number, write: boolean, aligned: boolean): number {
    if (aligned && Number(addr & 15n) % size !== 0) {
      this.raise(state, this.misaligned(addr));
      return -1;
    }
    const { space } = this;
    const given = Number(this.address(addr));
    const isPlain = given + size <= LIMIT && (write ? space.writable(given, size) : space.readable(given, size));
    if (isPlain) return write && this.mayChangeCode(state) ? -1 : GUEST_BASE + given;
    this.view.setBigUint64(state + State.FAULT_ADDR, addr, true);
    this.view.setUint32(state + State.EXIT_INFO, (write ? WRITE : READ) | (size << 8), true);
    return this.memory(state) === 0 ? GUEST_BASE + given : -1;
  }

  /** Another process begins. */
  reset(): void {
    this.vectorsAt = 0;
  }

  /** State.PC is an address where no instruction can be. */
  badTarget(state: number): void {
    const addr = this.view.getBigUint64(state + State.PC, true);
    this.view.setUint32(state + State.EXIT_INFO, FETCH, true);
    const isCode = this.frontEnd.isCodeAddress(Number(addr & 0xffn));
    this.raise(state, isCode ? unreachable(this.frontEnd, addr) : { signal: SIGBUS, code: BUS_ADRALN, addr });
  }

  /** The instruction at pc cannot be read. */
  badFetch(state: number, pc: number): void {
    this.view.setUint32(state + State.EXIT_INFO, FETCH, true);
    const fault = this.space.resolveFault(pc, LONGEST, FETCH);
    this.raise(
      state,
      fault !== 0
        ? { ...fault, addr: BigInt(fault.addr) }
        : { signal: SIGSEGV, code: 2, addr: codeAddress(this.frontEnd, pc) },
    );
  }

  /** Turn an exit reason into what the kernel handles. */
  exitOf(state: number, reason: number, pc: number): number {
    const fault = trapOf(this.frontEnd, reason, pc, this.view, state);
    if (fault === null) return reason;
    this.fault = fault;
    return Exit.FAULT;
  }

  setExit(state: number, reason: number): void {
    this.view.setUint32(state + State.EXIT_REASON, reason, true);
  }

  private raise(state: number, fault: Fault): number {
    this.fault = fault;
    this.setExit(state, Exit.FAULT);
    return 1;
  }

  private misaligned(addr: bigint): Fault {
    return { signal: SIGBUS, code: BUS_ADRALN, addr: signExtended(this.frontEnd, addr) };
  }

  /** A store goes to a page that has had code: it is done by itself, once translations are dropped. */
  private mayChangeCode(state: number): boolean {
    return this.translated.isStale && this.alone(state, MAY_STORE_CODE);
  }

  /** Leave, to do the instruction by itself, for guests that can. */
  private alone(state: number, why: number): boolean {
    const { sys, lastingContext = 0 } = this.frontEnd;
    const { single } = sys;
    if (single === undefined) return false;
    // no other thread sees an access that is split half-done
    if (why === SPLIT) this.translated.halt();
    const lasting = this.view.getUint32(state + single, true) & lastingContext;
    this.view.setUint32(state + single, lasting | why, true);
    this.setExit(state, Exit.INVALIDATED);
    return true;
  }

  /** Address of a page with what the kernel's page of vectors holds. */
  private vectorsCopy(): number {
    if (this.vectorsAt === 0) {
      this.vectorsAt = this.space.map({ addr: 0, length: PAGE_SIZE, prot: PROT_READ, name: '[vectors]' });
      this.space.u8.set(this.frontEnd.vectors?.bytes() ?? [], this.vectorsAt);
    }
    return this.vectorsAt;
  }
}
