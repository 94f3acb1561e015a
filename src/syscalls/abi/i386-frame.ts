import { State } from '../../cpu/memory/layout.ts';
import { SA_ONSTACK, SA_RESTORER, SA_SIGINFO } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { altStackFlags, type SignalFrame, writeSigInfo } from './signal-frame.ts';
import { exception } from './x86_64-frame.ts';

// struct sigcontext_32 (arch/x86 asm/sigcontext.h): selectors, registers by their encoding, the rest
const SC_SEGMENTS = 0;
/** Segment registers by their encoding, each in four bytes: gs, fs, es, ds. */
const SEGMENT_ORDER = [5, 4, 0, 3];
const SS = 2;
/** What handlers find loaded with the usual segment. */
const DATA_SEGMENTS = [0, SS, 3];
const SC_REGS = 16;
const SC_ORDER = [7, 6, 5, 4, 3, 2, 1, 0];
const SC_TRAPNO = 48;
const SC_ERR = 52;
const SC_IP = 56;
const SC_CS = 60;
const SC_FLAGS = 64;
const SC_SP = 68;
const SC_SS = 72;
const SC_FPSTATE = 76;
const SC_OLDMASK = 80;
const SC_CR2 = 84;
const SC_SIZE = 88;

// struct sigframe_ia32 { pretcode; sig; sc; fpstate_unused; extramask; retcode[8]; } (asm/sigframe.h)
const OLD_SC = 8;
const OLD_EXTRAMASK = OLD_SC + SC_SIZE + 624;
const OLD_SIZE = OLD_EXTRAMASK + 12;

// struct rt_sigframe_ia32 { pretcode; sig; pinfo; puc; info; uc; retcode[8]; }
const INFO = 16;
const UC = INFO + 128;
const UC_STACK = UC + 8;
const UC_SC = UC + 20;
const UC_SIGMASK = UC_SC + SC_SIZE;
const RT_SIZE = UC_SIGMASK + 16;

/** What FSAVE has in front of FXSAVE's area in struct _fpstate_32. */
const FSAVE_SIZE = 112;
const CS = 0x23;
const DS = 0x2b;
const DF = 0x400;
const TF = 0x100;
/** What a handler may change (FIX_EFLAGS): AC, OF, DF, TF, SF, ZF, AF, PF, CF, RF. */
const FIX_EFLAGS = 0x5_0dd5;

const reg = (task: Task, n: number): number => task.cpu.state + State.REGS + 8 * n;
const getReg = (task: Task, n: number): number => task.space.host.getUint32(reg(task, n), true);
const setReg = (task: Task, n: number, value: number): void => task.space.host.setUint32(reg(task, n), value, true);

/** FSAVE's part from FXSAVE's behind it: environment and registers (SDM vol. 1, 8.1.10). */
function writeFsave(view: DataView, at: number): void {
  const fx = at + FSAVE_SIZE;
  const fsw = view.getUint16(fx + 2, true);
  const top = (fsw >> 11) & 7;
  const used = view.getUint8(fx + 4);
  let tags = 0;
  for (let n = 0; n < 8; n++) {
    const st = fx + 32 + 16 * ((n - top) & 7);
    tags |= (((used >> n) & 1) === 0 ? 3 : tagOf(view, st)) << (2 * n);
  }
  const words = [
    view.getUint16(fx, true),
    fsw,
    tags,
    view.getUint32(fx + 8, true),
    0,
    view.getUint32(fx + 16, true),
    0,
  ];
  for (const [i, word] of words.entries()) {
    view.setUint32(at + 4 * i, i < 3 ? (word | 0xffff_0000) >>> 0 : word, true);
  }
  for (let i = 0; i < 8; i++) {
    for (let k = 0; k < 10; k++) view.setUint8(at + 28 + 10 * i + k, view.getUint8(fx + 32 + 16 * i + k));
  }
  view.setUint16(at + 108, fsw, true);
  // what follows is FXSAVE's
  view.setUint16(at + 110, 0, true);
}

/** 0 = a number, 1 = zero, 2 = special. */
function tagOf(view: DataView, st: number): number {
  const exponent = view.getUint16(st + 8, true) & 0x7fff;
  const significand = view.getBigUint64(st, true);
  if (exponent === 0x7fff) return 2;
  if (exponent === 0) return significand === 0n ? 1 : 2;
  return significand >> 63n === 1n ? 0 : 2;
}

/** i386 signal frames, as arch/x86/kernel/signal_32.c lays them out. */
export const i386Frame: SignalFrame = {
  push(task, info, action, mask) {
    const { space, cpu } = task;
    const { host, view } = space;
    const sp = getReg(task, 4);
    const onAlt = altStackFlags(task, sp);
    let top = sp;
    if ((action.flags & SA_ONSTACK) !== 0 && onAlt === 0) top = task.altStack.sp + task.altStack.size;
    const rt = (action.flags & SA_SIGINFO) !== 0;
    const fx = Math.floor((top - cpu.fpStateSize) / 64) * 64;
    const fpstate = fx - FSAVE_SIZE;
    const frame = Math.floor((fpstate - (rt ? RT_SIZE : OLD_SIZE) + 4) / 16) * 16 - 4;
    if (frame < 0 || !space.writable(frame, fx + cpu.fpStateSize - frame)) return false;
    if (onAlt === 1 && frame < task.altStack.sp) return false;
    space.u8.fill(0, frame, fx + cpu.fpStateSize);
    cpu.saveFpState(fx);
    cpu.resetFpState();
    writeFsave(view, fpstate);

    const sc = frame + (rt ? UC_SC : OLD_SC);
    const flags = cpu.getPstate();
    for (const [i, n] of SEGMENT_ORDER.entries()) view.setUint32(sc + SC_SEGMENTS + 4 * i, cpu.getSelector(n), true);
    for (const [i, n] of SC_ORDER.entries()) view.setUint32(sc + SC_REGS + 4 * i, getReg(task, n), true);
    const { trap, error, cr2 } = exception(task, info);
    view.setUint32(sc + SC_TRAPNO, trap, true);
    view.setUint32(sc + SC_ERR, error, true);
    view.setUint32(sc + SC_IP, host.getUint32(cpu.state + State.PC, true), true);
    view.setUint32(sc + SC_CS, CS, true);
    view.setUint32(sc + SC_FLAGS, flags, true);
    view.setUint32(sc + SC_SP, sp, true);
    view.setUint32(sc + SC_SS, cpu.getSelector(SS), true);
    view.setUint32(sc + SC_FPSTATE, fpstate, true);
    view.setUint32(sc + SC_OLDMASK, Number(BigInt.asUintN(32, mask)), true);
    view.setUint32(sc + SC_CR2, Number(BigInt.asUintN(32, cr2)), true);

    const trampoline = (): number => task.process.sigreturnTrampoline() + (rt ? 16 : 0);
    view.setUint32(frame, (action.flags & SA_RESTORER) !== 0 ? action.restorer : trampoline(), true);
    view.setUint32(frame + 4, info.signo, true);
    setReg(task, 0, info.signo);
    setReg(task, 1, rt ? frame + UC : 0);
    setReg(task, 2, rt ? frame + INFO : 0);
    if (rt) {
      view.setUint32(frame + 8, frame + INFO, true);
      view.setUint32(frame + 12, frame + UC, true);
      writeSigInfo(view, frame + INFO, info, 4);
      view.setUint32(frame + UC_STACK, task.altStack.sp, true);
      view.setInt32(frame + UC_STACK + 4, onAlt | (task.altStack.flags & ~3), true);
      view.setUint32(frame + UC_STACK + 8, task.altStack.size, true);
      view.setBigUint64(frame + UC_SIGMASK, mask, true);
    } else view.setUint32(frame + OLD_EXTRAMASK, Number(BigInt.asUintN(32, mask >> 32n)), true);
    setReg(task, 4, frame);
    for (const n of DATA_SEGMENTS) if (cpu.getSelector(n) !== DS) cpu.setSelector(n, DS);
    cpu.setPstate(flags & ~(DF | TF));
    host.setBigUint64(cpu.state + State.PC, BigInt(action.handler), true);
    return true;
  },

  pop(task, old = false) {
    const { space, cpu } = task;
    const { host, view } = space;
    // the handler's return has taken pretcode, the old trampoline the signal's number
    const frame = getReg(task, 4) - (old ? 8 : 4);
    if (frame < 0 || !space.readable(frame, old ? OLD_SIZE : RT_SIZE)) return false;
    const sc = frame + (old ? OLD_SC : UC_SC);
    const fpstate = view.getUint32(sc + SC_FPSTATE, true);
    if (fpstate !== 0) {
      const fx = fpstate + FSAVE_SIZE;
      if (!space.readable(fpstate, FSAVE_SIZE + cpu.fpStateSize) || !cpu.restoreFpState(fx)) return false;
    } else cpu.resetFpState();
    if (old) {
      const [low, high] = [view.getUint32(sc + SC_OLDMASK, true), view.getUint32(frame + OLD_EXTRAMASK, true)];
      task.setBlocked((BigInt(high) << 32n) | BigInt(low));
    } else task.setBlocked(view.getBigUint64(frame + UC_SIGMASK, true));
    // as reload_segments does: what has not changed is not loaded anew, and one that cannot be is null
    for (const [i, n] of SEGMENT_ORDER.entries()) {
      const selector = view.getUint16(sc + SC_SEGMENTS + 4 * i, true);
      if (selector !== cpu.getSelector(n) && !cpu.setSelector(n, selector)) cpu.setSelector(n, 0);
    }
    const stack = view.getUint16(sc + SC_SS, true) | 3;
    if (stack !== cpu.getSelector(SS)) cpu.setSelector(SS, stack);
    for (const [i, n] of SC_ORDER.entries()) setReg(task, n, view.getUint32(sc + SC_REGS + 4 * i, true));
    host.setBigUint64(cpu.state + State.PC, BigInt(view.getUint32(sc + SC_IP, true)), true);
    cpu.setPstate((cpu.getPstate() & ~FIX_EFLAGS) | (view.getUint32(sc + SC_FLAGS, true) & FIX_EFLAGS));
    if (old) return true;
    // The alternate stack is restored too; a bad one is ignored, as in the kernel.
    const stackFlags = view.getInt32(frame + UC_STACK + 4, true);
    task.altStack = {
      sp: view.getUint32(frame + UC_STACK, true),
      flags: stackFlags & ~1,
      size: (stackFlags & 2) !== 0 ? 0 : view.getUint32(frame + UC_STACK + 8, true),
    };
    return true;
  },
};
