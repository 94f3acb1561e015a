import type { FrontEnd, Traps } from './frontend/frontend.ts';
import { Exit, State } from './memory/layout.ts';

/** A synchronous fault of the guest, to be turned into a signal. */
export interface Fault {
  readonly signal: number;
  readonly code: number;
  /** Guest address (u64). */
  readonly addr: bigint;
  /** See Trap.number, and the error code that comes with it. */
  readonly trap?: number;
  readonly error?: number;
}

export const SIGBUS = 7;
export const SIGSEGV = 11;
export const BUS_ADRALN = 1;
const SEGV_MAPERR = 1;
const SI_KERNEL = 0x80;

/** SIGILL with ILL_ILLOPC, SIGTRAP with TRAP_BRKPT. */
const TRAPS: Traps = {
  [Exit.UNDEFINED]: { signal: 4, code: 1, at: true },
  [Exit.BREAKPOINT]: { signal: 5, code: 1, at: true },
};

/** Where an instruction lies. */
export const codeAddress = (frontEnd: FrontEnd, pc: number): bigint => BigInt(frontEnd.codeAddress?.(pc) ?? pc);

/** The fault that an exit is, or null. */
export const trapOf = (frontEnd: FrontEnd, reason: number, pc: number, view: DataView, state: number): Fault | null => {
  const trap = (frontEnd.traps ?? TRAPS)[reason];
  if (trap === undefined) return null;
  const { signal, code, at, number, hasError } = trap;
  const fault = { signal, code: typeof code === 'number' ? code : code(view, state), addr: at ? codeAddress(frontEnd, pc) : 0n }; // biome-ignore format: one line
  if (number === undefined) return fault;
  return { ...fault, trap: number, ...(hasError && { error: view.getUint32(state + State.EXIT_INFO, true) }) };
};

/** Addresses without their tag, as Linux reports them (si_addr): bit 55 decides which half they are of. */
export const signExtended = ({ addressBits }: FrontEnd, addr: bigint): bigint =>
  BigInt.asUintN(64, BigInt.asIntN(Math.max(addressBits, 56), addr));

/** An access to an address that no memory can be at: x86 tells those apart that are not canonical (#GP). */
export const unreachable = (frontEnd: FrontEnd, addr: bigint): Fault => {
  const canonical = frontEnd.addressBits < 64 || BigInt.asIntN(48, addr) === BigInt.asIntN(64, addr);
  if (canonical) return { signal: SIGSEGV, code: SEGV_MAPERR, addr: signExtended(frontEnd, addr) };
  const number = frontEnd.traps?.[Exit.PROTECTION]?.number;
  return { signal: SIGSEGV, code: SI_KERNEL, addr: 0n, ...(number !== undefined && { trap: number }) };
};
