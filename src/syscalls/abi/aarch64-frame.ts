import { State } from '../../cpu/memory/layout.ts';
import { SA_ONSTACK, SA_RESTORER, SA_SIGINFO, SIGBUS, SIGSEGV } from '../kernel/signals.ts';
import type { Task } from '../kernel/task.ts';
import { readU64, writeI64 } from '../struct.ts';
import { altStackFlags, restoreAltStack, type SignalFrame, writeSigInfo } from './signal-frame.ts';

// struct rt_sigframe { struct siginfo info; struct ucontext uc; } of arch/arm64, offsets within it.
const SIGINFO = 0;
const UC = 128;
const UC_STACK = UC + 16;
const UC_SIGMASK = UC + 40;
/** mcontext is 16-aligned behind the 128 bytes reserved for the mask. */
const MC = UC + 176;
const MC_FAULT = MC;
const MC_REGS = MC + 8;
const MC_SP = MC + 256;
const MC_PC = MC + 264;
const MC_PSTATE = MC + 272;
const MC_RESERVED = MC + 288;
const RESERVED_SIZE = 4096;
const FRAME_SIZE = MC_RESERVED + RESERVED_SIZE;

const FPSIMD_MAGIC = 0x46508001;
const FPSIMD_SIZE = 528;
const ESR_MAGIC = 0x45535201;
const ESR_SIZE = 16;

function copy(task: Task, to: number, from: number, length: number): void {
  const { host } = task.space;
  const bytes = new Uint8Array(host.buffer);
  bytes.copyWithin(host.byteOffset + to, host.byteOffset + from, host.byteOffset + from + length);
}

/** AArch64 signal frames, byte for byte as arch/arm64/kernel/signal.c lays them out. */
export const aarch64Frame: SignalFrame = {
  push(task, info, action, mask) {
    const { space, cpu } = task;
    const { host } = space;
    const regs = cpu.state + State.REGS;
    const sp = readU64(host, regs + 8 * 31);
    const onAlt = altStackFlags(task, sp);
    let top = sp;
    if ((action.flags & SA_ONSTACK) !== 0 && onAlt === 0) top = task.altStack.sp + task.altStack.size;
    // A frame record (fp, lr) for unwinders, then the frame, both 16-aligned.
    const record = Math.floor(top / 16) * 16 - 16;
    const frame = record - FRAME_SIZE;
    if (frame < 0 || !space.writable(frame, FRAME_SIZE + 16)) return false;
    if (onAlt === 1 && frame < task.altStack.sp) return false;
    const { view } = space;
    // As the kernel, which leaves what no record fills as it is; JavaScript is slow to clear shared memory.
    space.u8.fill(0, frame + UC, frame + MC_REGS);

    writeI64(view, frame + UC_STACK, task.altStack.sp);
    view.setInt32(frame + UC_STACK + 8, onAlt | (task.altStack.flags & ~3), true);
    writeI64(view, frame + UC_STACK + 16, task.altStack.size);
    writeI64(view, frame + UC_SIGMASK, mask);

    const guest = frame + guestOffset(task);
    copy(task, guest + MC_REGS, regs, 31 * 8);
    copy(task, guest + MC_SP, regs + 31 * 8, 8);
    copy(task, guest + MC_PC, cpu.state + State.PC, 8);
    writeI64(view, frame + MC_PSTATE, cpu.getPstate() >>> 0);

    let at = frame + MC_RESERVED;
    view.setUint32(at, FPSIMD_MAGIC, true);
    view.setUint32(at + 4, FPSIMD_SIZE, true);
    view.setUint32(at + 8, cpu.getFpsr(), true);
    view.setUint32(at + 12, cpu.getFpcr(), true);
    copy(task, at + 16 + guestOffset(task), cpu.state + State.VREGS, 512);
    at += FPSIMD_SIZE;
    if (info.addr !== undefined && (info.signo === SIGSEGV || info.signo === SIGBUS)) {
      view.setBigUint64(frame + MC_FAULT, BigInt.asUintN(64, info.addr), true);
      view.setUint32(at, ESR_MAGIC, true);
      view.setUint32(at + 4, ESR_SIZE, true);
      writeI64(view, at + 8, syndrome(task));
      at += ESR_SIZE;
    }
    writeI64(view, at, 0);

    copy(task, record + guestOffset(task), regs + 8 * 29, 16);

    const restorer = (action.flags & SA_RESTORER) !== 0 ? action.restorer : task.process.sigreturnTrampoline();
    writeI64(host, regs, info.signo);
    writeI64(host, regs + 8 * 31, frame);
    writeI64(host, regs + 8 * 29, record);
    writeI64(host, regs + 8 * 30, restorer);
    writeI64(host, cpu.state + State.PC, action.handler);
    if ((action.flags & SA_SIGINFO) !== 0) {
      writeSigInfo(view, frame + SIGINFO, info, 8);
      writeI64(host, regs + 8, frame + SIGINFO);
      writeI64(host, regs + 16, frame + UC);
    }
    return true;
  },

  pop(task) {
    const { space, cpu } = task;
    const { host, view } = space;
    const regs = cpu.state + State.REGS;
    const frame = readU64(host, regs + 8 * 31);
    if (frame % 16 !== 0 || !space.readable(frame, FRAME_SIZE)) return false;
    // Walk the records: every one has a size, the list ends with a zero magic.
    let at = frame + MC_RESERVED;
    const end = at + RESERVED_SIZE;
    let fpsimd = 0;
    for (;;) {
      if (at + 8 > end) return false;
      const magic = view.getUint32(at, true);
      const size = view.getUint32(at + 4, true);
      if (magic === 0) {
        if (size !== 0) return false;
        break;
      }
      if (size < 8 || size % 16 !== 0 || at + size > end) return false;
      if (magic === FPSIMD_MAGIC) {
        if (size !== FPSIMD_SIZE || fpsimd !== 0) return false;
        fpsimd = at;
      }
      at += size;
    }
    if (fpsimd === 0) return false;

    const guest = frame + guestOffset(task);
    task.setBlocked(view.getBigUint64(frame + UC_SIGMASK, true));
    copy(task, regs, guest + MC_REGS, 31 * 8);
    copy(task, regs + 31 * 8, guest + MC_SP, 8);
    copy(task, cpu.state + State.PC, guest + MC_PC, 8);
    cpu.setPstate((view.getUint32(frame + MC_PSTATE, true) & 0xf000_0000) >>> 0);
    cpu.setFpsr(view.getUint32(fpsimd + 8, true));
    cpu.setFpcr(view.getUint32(fpsimd + 12, true));
    copy(task, cpu.state + State.VREGS, fpsimd + 16 + guestOffset(task), 512);
    cpu.clearExclusive();
    restoreAltStack(task, view, frame + UC_STACK);
    return true;
  },
};

/** Offset of guest address 0 within the whole-memory view. */
function guestOffset(task: Task): number {
  return task.space.view.byteOffset - task.space.host.byteOffset;
}

/** ESR_EL1 of the fault as user space sees it: data or instruction abort from EL0, and whether by a write. */
function syndrome(task: Task): number {
  const { host } = task.space;
  const access = host.getUint32(task.cpu.state + State.EXIT_INFO, true) & 0xff;
  const addr = readU64(host, task.cpu.state + State.FAULT_ADDR);
  const mapped = addr < 2 ** 32 && task.space.findMapping(addr) !== null;
  const status = mapped ? 0b001111 : 0b000111;
  // EC 0x20 instruction abort, 0x24 data abort (lower level); IL; WnR in bit 6.
  return access === 4
    ? 0x20 * 2 ** 26 + 0x2000000 + status
    : 0x24 * 2 ** 26 + 0x2000000 + (access === 2 ? 0x40 : 0) + status;
}
