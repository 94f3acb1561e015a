import { Exit, PAIR_LOCK, State } from '../../../memory/layout.ts';
import { readArithmetic, writeArithmetic, ZF } from '../flags.ts';
import { inUse } from '../fpstate.ts';
import { defineHelper, readR, writeR } from '../helper-table.ts';
import { identify, xcr0 } from '../identification.ts';
import { RAX, RBX, RCX, RDX, Seg, Single, Sys, setSingle } from '../registers.ts';
import { isAllowed, setSelector } from '../segments.ts';

/** CPUID: `aux` is the number of the processor. */
export const cpuid: number = defineHelper((c, state, aux) => {
  const leaf = Number(readR(c, state, RAX) & 0xffff_ffffn);
  const words = identify(aux, leaf, Number(readR(c, state, RCX) & 0xffff_ffffn));
  for (const [i, n] of [RAX, RBX, RCX, RDX].entries()) writeR(c, state, n, BigInt((words[i] as number) >>> 0));
  return 0;
});

/** Load a segment register with the selector in Sys.OPERAND. `aux`: the register. */
export const loadSelector: number = defineHelper(({ view }, state, aux) => {
  const selector = view.getUint16(state + Sys.OPERAND, true);
  return refuse(view, state, setSelector(view, state, aux, selector), selector);
});

/** Leave, where there is a reason, with the error code that names a selector. */
const refuse = (view: DataView, state: number, reason: number, selector: number): number => {
  if (reason === 0) return 0;
  view.setUint32(state + State.EXIT_REASON, reason, true);
  view.setUint32(state + State.EXIT_INFO, selector & ~3, true);
  return 1;
};
/** A far transfer to the selector in Sys.OPERAND is none that there is here. */
export const refuseSelector: number = defineHelper(({ view }, state) =>
  refuse(view, state, Exit.SELECTOR, view.getUint16(state + Sys.OPERAND, true)),
);
/** INT with the vector `aux`, which is not for programs: bit 1 of the error code tells that it names one. */
export const refuseVector: number = defineHelper(({ view }, state, aux) => {
  view.setUint32(state + State.EXIT_REASON, Exit.SELECTOR, true);
  view.setUint32(state + State.EXIT_INFO, (aux << 3) | 2, true);
  return 1;
});

/** Two words from a number of 64 bits. */
const pair = (v: bigint): [low: bigint, high: bigint] => [v & 0xffff_ffffn, BigInt.asUintN(32, v >> 32n)];

/** RDTSC: nanoseconds; RDTSCP (`aux` 1) tells the processor's number too. */
export const timestamp: number = defineHelper((c, state, aux) => {
  const [low, high] = pair(process.hrtime.bigint());
  writeR(c, state, RAX, low);
  writeR(c, state, RDX, high);
  if (aux === 1) writeR(c, state, RCX, 0n);
  return 0;
});

/** XGETBV: XCR0, or (ecx 1) what of it is not in its initial state; of other registers #GP. `aux`: processor and mode. */
export const xgetbv: number = defineHelper((c, state, aux) => {
  const which = readR(c, state, RCX) & 0xffff_ffffn;
  const control = xcr0(aux >>> 1);
  if (which > 1n) {
    c.view.setUint32(state + State.EXIT_REASON, Exit.PROTECTION, true);
    return 1;
  }
  const components = which === 1n ? control & inUse(c.view, state, aux & 1 ? 64 : 32) : control;
  writeR(c, state, RAX, BigInt(components));
  writeR(c, state, RDX, 0n);
  return 0;
});

const fill = new Uint32Array(2);
/** RDRAND, RDSEED: a number for Sys.OPERAND. */
export const random: number = defineHelper((c, state) => {
  crypto.getRandomValues(fill);
  c.view.setUint32(state + Sys.OPERAND, fill[0] as number, true);
  c.view.setUint32(state + Sys.OPERAND + 4, fill[1] as number, true);
  return 0;
});
export const seed: number = random;

/** CMPXCHG16B at the address in Sys.OPERAND (SDM vol. 2): 16-aligned, always one access. */
export const compareExchange16: number = defineHelper((c, state) => {
  const { view } = c;
  if ((view.getUint32(state + Sys.OPERAND, true) & 15) !== 0) {
    view.setUint32(state + State.EXIT_REASON, Exit.PROTECTION, true);
    return 1;
  }
  const lock = new Int32Array(view.buffer, PAIR_LOCK, 1);
  while (Atomics.compareExchange(lock, 0, 0, 1) !== 0);
  try {
    const at = c.access(state, view.getBigUint64(state + Sys.OPERAND, true), 16, true);
    if (at < 0) return 1;
    const [low, high] = [view.getBigUint64(at, true), view.getBigUint64(at + 8, true)];
    const same = low === readR(c, state, RAX) && high === readR(c, state, RDX);
    if (same) {
      view.setBigUint64(at, readR(c, state, RBX), true);
      view.setBigUint64(at + 8, readR(c, state, RCX), true);
    } else {
      writeR(c, state, RAX, low);
      writeR(c, state, RDX, high);
    }
    const flags = readArithmetic(view, state);
    writeArithmetic(view, state, same ? flags | ZF : flags & ~ZF);
    return 0;
  } finally {
    Atomics.store(lock, 0, 0);
  }
});

/** INTO with OF: the pc is behind the instruction, of `aux` bytes. */
export const trapBehind: number = defineHelper((c, state, aux) => {
  const { view } = c;
  view.setBigUint64(state + State.PC, view.getBigUint64(state + State.PC, true) + BigInt(aux), true);
  view.setUint32(state + State.EXIT_REASON, Exit.OVERFLOW, true);
  return 1;
});

/** POPF has set TF: instructions behind it, of `aux` bytes, are done one by one. */
export const beginSteps: number = defineHelper((c, state, aux) => {
  const { view } = c;
  setSingle(view, state, Single.STEP);
  view.setBigUint64(state + State.PC, view.getBigUint64(state + State.PC, true) + BigInt(aux), true);
  view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
  return 1;
});

/** An instruction was done with TF set, and goes on at the address in Sys.OPERAND: #DB. */
export const stepped: number = defineHelper((c, state) => {
  const { view } = c;
  view.setBigUint64(state + State.PC, view.getBigUint64(state + Sys.OPERAND, true), true);
  view.setUint32(state + State.EXIT_REASON, Exit.STEP, true);
  return 1;
});

/** A segment register was changed by an instruction of `aux` bytes: what follows is translated for other segments. */
export const leaveBehind: number = defineHelper(({ view }, state, aux) => {
  view.setBigUint64(state + State.PC, view.getBigUint64(state + State.PC, true) + BigInt(aux), true);
  view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
  return 1;
});
/** A block goes on at the address in Sys.OPERAND, which the dispatcher finds. */
export const goOn: number = defineHelper(({ view }, state) => {
  view.setBigUint64(state + State.PC, view.getBigUint64(state + Sys.OPERAND, true), true);
  view.setUint32(state + State.EXIT_REASON, Exit.INVALIDATED, true);
  return 1;
});

/** An access that the helper below looks at. */
export const packAccess = (segment: number, size: number, write: boolean): number =>
  segment | ((write ? 1 : 0) << 3) | (size << 4);
/** #GP, or of the stack #SS, unless the segment lets bytes from the offset in Sys.OFFSET on be accessed. */
export const checkSegment: number = defineHelper(({ view }, state, aux) => {
  const segment = aux & 7;
  if (isAllowed(view, state, segment, view.getUint32(state + Sys.OFFSET, true), aux >>> 4, (aux & 8) !== 0)) return 0;
  return refuseAccess(view, state, segment);
});
export const refuseAccess = (view: DataView, state: number, segment: number): number => {
  view.setUint32(state + State.EXIT_REASON, segment === Seg.SS ? Exit.STACK_SEGMENT : Exit.PROTECTION, true);
  view.setUint32(state + State.EXIT_INFO, 0, true);
  return 1;
};
