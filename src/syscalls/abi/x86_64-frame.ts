import { State } from '../../cpu/memory/layout.ts';
import { SA_ONSTACK, SA_RESTORER, SIGSEGV, type SigInfo } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { readU64, writeI64 } from '../struct.ts';
import { altStackFlags, restoreAltStack, type SignalFrame, writeSigInfo } from './signal-frame.ts';

// struct rt_sigframe { char *pretcode; struct ucontext uc; struct siginfo info; } of arch/x86 (asm/sigframe.h)
const UC = 8;
const UC_STACK = UC + 16;
const MC = UC + 40;
/** struct sigcontext_64: r8–r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp; registers by their encoding. */
const MC_ORDER = [8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 3, 2, 0, 1, 4];
const MC_RIP = MC + 128;
const MC_FLAGS = MC + 136;
const MC_SEGMENTS = MC + 144;
const MC_ERR = MC + 152;
const MC_TRAPNO = MC + 160;
const MC_OLDMASK = MC + 168;
const MC_CR2 = MC + 176;
const MC_FPSTATE = MC + 184;
const UC_SIGMASK = MC + 256;
const SIGINFO = UC_SIGMASK + 8;
const FRAME_SIZE = SIGINFO + 128;

/** UC_SIGCONTEXT_SS and UC_STRICT_RESTORE_SS. */
const UC_FLAGS = 6;
const CS = 0x33;
const SS = 0x2b;
/** What lies below the stack pointer is the program's (System V ABI, 3.2.2). */
const RED_ZONE = 128;
const DF = 0x400;
const TF = 0x100;
/** What a handler may change (FIX_EFLAGS): AC, OF, DF, TF, SF, ZF, AF, PF, CF, RF. */
const FIX_EFLAGS = 0x5_0dd5;

const reg = (task: Task, n: number): number => task.cpu.state + State.REGS + 8 * n;

const KERNEL_HALF = 0x8000_0000_0000n;

interface Trap {
  /** Number of the exception (SDM vol. 3, table 6-1), and its error code. */
  readonly trap: number;
  readonly error: number;
  readonly cr2: bigint;
}
/** The last one of each task: frames of other signals show it too, as Linux's do. */
const lastTraps = new WeakMap<Task, Trap>();

/** What a frame says of the exception that its signal comes from. */
export function exception(task: Task, info: SigInfo): Trap {
  const last = lastTraps.get(task) ?? { trap: 0, error: 0, cr2: 0n };
  const { addr, trap, code } = info;
  if (addr === undefined) return last;
  const SI_KERNEL = 0x80;
  // the kernel's own, not the processor's
  if (trap === undefined && code === SI_KERNEL) return last;
  let now: Trap;
  if (trap !== undefined) now = { trap, error: info.error ?? 0, cr2: trap === 14 ? addr : last.cr2 };
  else {
    const access = task.space.host.getUint32(task.cpu.state + State.EXIT_INFO, true) & 7;
    // the kernel's half is always there, for the kernel
    const present = (info.signo === SIGSEGV && code === 2) || addr >= KERNEL_HALF ? 1 : 0;
    now = { trap: 14, error: present | (access & 2) | 4 | (access === 4 ? 16 : 0), cr2: addr };
  }
  lastTraps.set(task, now);
  return now;
}

/** x86-64 signal frames, as arch/x86/kernel/signal_64.c lays them out; floating-point state as FXSAVE has it. */
export const x86_64Frame: SignalFrame = {
  push(task, info, action, mask) {
    const { space, cpu } = task;
    const { host, view } = space;
    // the kernel has no other way back
    if ((action.flags & SA_RESTORER) === 0) return false;
    const sp = readU64(host, reg(task, 4));
    const onAlt = altStackFlags(task, sp);
    let top = sp - RED_ZONE;
    if ((action.flags & SA_ONSTACK) !== 0 && onAlt === 0) top = task.altStack.sp + task.altStack.size;
    const fpstate = Math.floor((top - cpu.fpStateSize) / 64) * 64;
    const frame = Math.floor((fpstate - FRAME_SIZE) / 16) * 16 - 8;
    if (frame < 0 || !space.writable(frame, fpstate + cpu.fpStateSize - frame)) return false;
    if (onAlt === 1 && frame < task.altStack.sp) return false;
    space.u8.fill(0, frame, frame + FRAME_SIZE);
    cpu.saveFpState(fpstate);
    cpu.resetFpState();

    writeI64(view, frame, action.restorer);
    writeI64(view, frame + UC, UC_FLAGS);
    writeI64(view, frame + UC_STACK, task.altStack.sp);
    view.setInt32(frame + UC_STACK + 8, onAlt | (task.altStack.flags & ~3), true);
    writeI64(view, frame + UC_STACK + 16, task.altStack.size);
    for (const [i, n] of MC_ORDER.entries()) {
      view.setBigUint64(frame + MC + 8 * i, host.getBigUint64(reg(task, n), true), true);
    }
    view.setBigUint64(frame + MC_RIP, host.getBigUint64(cpu.state + State.PC, true), true);
    const flags = cpu.getPstate();
    writeI64(view, frame + MC_FLAGS, flags);
    view.setUint16(frame + MC_SEGMENTS, CS, true);
    view.setUint16(frame + MC_SEGMENTS + 6, SS, true);
    const { trap, error, cr2 } = exception(task, info);
    writeI64(view, frame + MC_ERR, error);
    writeI64(view, frame + MC_TRAPNO, trap);
    writeI64(view, frame + MC_OLDMASK, mask);
    view.setBigUint64(frame + MC_CR2, BigInt.asUintN(64, cr2), true);
    writeI64(view, frame + MC_FPSTATE, fpstate);
    writeI64(view, frame + UC_SIGMASK, mask);
    writeSigInfo(view, frame + SIGINFO, info, 8);

    writeI64(host, reg(task, 7), info.signo);
    writeI64(host, reg(task, 6), frame + SIGINFO);
    writeI64(host, reg(task, 2), frame + UC);
    writeI64(host, reg(task, 0), 0);
    writeI64(host, reg(task, 4), frame);
    cpu.setPstate(flags & ~(DF | TF));
    writeI64(host, cpu.state + State.PC, action.handler);
    return true;
  },

  pop(task) {
    const { space, cpu } = task;
    const { host, view } = space;
    // the handler's return has taken pretcode
    const frame = readU64(host, reg(task, 4)) - 8;
    if (frame < 0 || !space.readable(frame, FRAME_SIZE)) return false;
    const fpstate = readU64(view, frame + MC_FPSTATE);
    if (fpstate === 0) cpu.resetFpState();
    else if (!(space.readable(fpstate, cpu.fpStateSize) && cpu.restoreFpState(fpstate))) return false;
    task.setBlocked(view.getBigUint64(frame + UC_SIGMASK, true));
    for (const [i, n] of MC_ORDER.entries()) {
      host.setBigUint64(reg(task, n), view.getBigUint64(frame + MC + 8 * i, true), true);
    }
    host.setBigUint64(cpu.state + State.PC, view.getBigUint64(frame + MC_RIP, true), true);
    const flags = view.getUint32(frame + MC_FLAGS, true);
    cpu.setPstate((cpu.getPstate() & ~FIX_EFLAGS) | (flags & FIX_EFLAGS));
    restoreAltStack(task, view, frame + UC_STACK);
    return true;
  },
};
