import { State } from '../../cpu/memory/layout.ts';
import { SA_ONSTACK, SA_RESTORER, SA_SIGINFO } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { altStackFlags, type SignalFrame, writeSigInfo } from './signal-frame.ts';

// struct rt_sigframe { siginfo info; struct sigframe { ucontext uc; u32 retcode[4]; } } of arch/arm, offsets in it
const SIGINFO_SIZE = 128;
const UC_STACK = 8;
const UC_MCONTEXT = 20;
const MC_OLDMASK = UC_MCONTEXT + 8;
const MC_REGS = UC_MCONTEXT + 12;
const MC_CPSR = MC_REGS + 64;
const MC_FAULT = MC_CPSR + 4;
const UC_SIGMASK = 104;
const UC_REGSPACE = 232;
const FRAME_SIZE = 760;
/** uc_flags of a frame without siginfo. */
const OLD_FRAME = 0x5ac3c35a;

const VFP_MAGIC = 0x56465001;
const VFP_SIZE = 288;
const VFP_FPSCR = 8 + 256;
/** FPEXC with its enable bit, behind FPSCR. */
const VFP_FPEXC = 272;
const FPEXC_EN = 0x4000_0000;

const CPSR_T = 0x20;
/** Data are big-endian: handlers begin with little-endian ones. */
const CPSR_E = 0x200;
/** IT[7:2] and IT[1:0] of CPSR. */
const CPSR_IT = 0x0600_fc00;

const reg = (task: Task, n: number): number => task.cpu.state + State.REGS + 8 * n;
const getReg = (task: Task, n: number): number => task.space.host.getUint32(reg(task, n), true);
const setReg = (task: Task, n: number, value: number): void => task.space.host.setUint32(reg(task, n), value, true);

/** ARM signal frames, as arch/arm/kernel/signal.c lays them out; the pc's bit 0 is CPSR.T. */
export const armFrame: SignalFrame = {
  push(task, info, action, mask) {
    const { space, cpu } = task;
    const { host, view } = space;
    const sp = getReg(task, 13);
    const onAlt = altStackFlags(task, sp);
    let top = sp;
    if ((action.flags & SA_ONSTACK) !== 0 && onAlt === 0) top = task.altStack.sp + task.altStack.size;
    const rt = (action.flags & SA_SIGINFO) !== 0;
    const size = FRAME_SIZE + (rt ? SIGINFO_SIZE : 0);
    const frame = Math.floor((top - size) / 8) * 8;
    if (frame < 0 || !space.writable(frame, size)) return false;
    if (onAlt === 1 && frame < task.altStack.sp) return false;
    space.u8.fill(0, frame, frame + size);

    const uc = rt ? frame + SIGINFO_SIZE : frame;
    if (rt) {
      view.setUint32(uc + UC_STACK, task.altStack.sp, true);
      view.setInt32(uc + UC_STACK + 4, onAlt | (task.altStack.flags & ~3), true);
      view.setUint32(uc + UC_STACK + 8, task.altStack.size, true);
    } else view.setUint32(uc, OLD_FRAME, true);
    const pc = host.getUint32(cpu.state + State.PC, true);
    const cpsr = cpu.getPstate();
    view.setUint32(uc + MC_OLDMASK, Number(BigInt.asUintN(32, mask)), true);
    for (let n = 0; n < 15; n++) view.setUint32(uc + MC_REGS + 4 * n, getReg(task, n), true);
    view.setUint32(uc + MC_REGS + 60, (pc & ~1) >>> 0, true);
    view.setUint32(uc + MC_CPSR, cpsr, true);
    view.setUint32(uc + MC_FAULT, Number(BigInt.asUintN(32, info.addr ?? 0n)), true);
    view.setBigUint64(uc + UC_SIGMASK, mask, true);

    const vfp = uc + UC_REGSPACE;
    view.setUint32(vfp, VFP_MAGIC, true);
    view.setUint32(vfp + 4, VFP_SIZE, true);
    for (let i = 0; i < 256; i += 8) {
      view.setBigUint64(vfp + 8 + i, host.getBigUint64(cpu.state + State.VREGS + i, true), true);
    }
    view.setUint32(vfp + VFP_FPSCR, cpu.getFpsr(), true);
    view.setUint32(vfp + VFP_FPEXC, FPEXC_EN, true);

    const trampoline = (): number => task.process.sigreturnTrampoline() + (rt ? 8 : 0);
    setReg(task, 14, (action.flags & SA_RESTORER) !== 0 ? action.restorer : trampoline());
    setReg(task, 0, info.signo);
    setReg(task, 13, frame);
    if (rt) {
      writeSigInfo(view, frame, info, 4);
      setReg(task, 1, frame);
      setReg(task, 2, uc);
    }
    cpu.setPstate((cpsr & ~(CPSR_IT | CPSR_E)) >>> 0);
    host.setBigUint64(cpu.state + State.PC, BigInt(action.handler), true);
    return true;
  },

  pop(task, old = false) {
    const { space, cpu } = task;
    const { host, view } = space;
    const frame = getReg(task, 13);
    const size = FRAME_SIZE + (old ? 0 : SIGINFO_SIZE);
    if (frame % 8 !== 0 || !space.readable(frame, size)) return false;
    const uc = old ? frame : frame + SIGINFO_SIZE;
    const vfp = uc + UC_REGSPACE;
    if (view.getUint32(vfp, true) !== VFP_MAGIC || view.getUint32(vfp + 4, true) !== VFP_SIZE) return false;
    const cpsr = view.getUint32(uc + MC_CPSR, true);
    if ((cpsr & 0x1f) !== 0x10) return false;
    task.setBlocked(view.getBigUint64(uc + UC_SIGMASK, true));
    for (let n = 0; n < 15; n++) setReg(task, n, view.getUint32(uc + MC_REGS + 4 * n, true));
    const pc = view.getUint32(uc + MC_REGS + 60, true);
    const at = (cpsr & CPSR_T) !== 0 ? (pc | 1) >>> 0 : pc;
    host.setBigUint64(cpu.state + State.PC, BigInt(at), true);
    cpu.setPstate(cpsr);
    for (let i = 0; i < 256; i += 8) {
      host.setBigUint64(cpu.state + State.VREGS + i, view.getBigUint64(vfp + 8 + i, true), true);
    }
    cpu.setFpsr(view.getUint32(vfp + VFP_FPSCR, true));
    cpu.clearExclusive();
    if (old) return true;
    // The alternate stack is restored too; a bad one is ignored, as in the kernel.
    const stackFlags = view.getInt32(uc + UC_STACK + 4, true);
    task.altStack = {
      sp: view.getUint32(uc + UC_STACK, true),
      flags: stackFlags & ~1,
      size: (stackFlags & 2) !== 0 ? 0 : view.getUint32(uc + UC_STACK + 8, true),
    };
    return true;
  },
};
