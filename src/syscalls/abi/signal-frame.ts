import type { SigAction, SigInfo } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { readU64, writeI64 } from '../struct.ts';

/** Builds and takes down the stack frame of a signal handler. */
export interface SignalFrame {
  /** False when the stack cannot take the frame. */
  push(task: Task, info: SigInfo, action: SigAction, mask: bigint): boolean;
  /** rt_sigreturn (and sigreturn with `old`): false when the frame is bad. */
  pop(task: Task, old?: boolean): boolean;
}

/** The alternate signal stack's state at a stack pointer: SS_ONSTACK 1, SS_DISABLE 2. */
export function altStackFlags(task: Task, sp: number): number {
  const { altStack } = task;
  if (altStack.size === 0) return 2;
  return sp > altStack.sp && sp <= altStack.sp + altStack.size ? 1 : 0;
}

/** A 64-bit frame's stack_t becomes the alternate stack again; a bad one is ignored, as in the kernel. */
export function restoreAltStack(task: Task, view: DataView, at: number): void {
  const flags = view.getInt32(at + 8, true);
  task.altStack = { sp: readU64(view, at), flags: flags & ~1, size: (flags & 2) !== 0 ? 0 : readU64(view, at + 16) };
}

/** Write siginfo_t: three ints, padding to a word, then the part of the kind (man 2 sigaction). */
export function writeSigInfo(view: DataView, at: number, info: SigInfo, word: 4 | 8): void {
  for (let i = 0; i < 128; i += 8) writeI64(view, at + i, 0);
  view.setInt32(at, info.signo, true);
  view.setInt32(at + 4, info.errno ?? 0, true);
  view.setInt32(at + 8, info.code, true);
  const part = at + 8 + word;
  const putWord = (where: number, value: number | bigint): void => {
    if (word === 8) writeI64(view, where, value);
    else view.setUint32(where, Number(BigInt.asUintN(32, BigInt(value))), true);
  };
  if (info.addr !== undefined) {
    putWord(part, info.addr);
  } else if (info.timerId !== undefined) {
    view.setInt32(part, info.timerId, true);
    view.setInt32(part + 4, info.overrun ?? 0, true);
    putWord(part + 8, info.value ?? 0);
  } else {
    view.setInt32(part, info.pid ?? 0, true);
    view.setUint32(part + 4, info.uid ?? 0, true);
    if (info.value !== undefined) putWord(part + 8, info.value);
  }
}
