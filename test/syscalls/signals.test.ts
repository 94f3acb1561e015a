import { describe, expect, it } from 'vitest';
import { State } from '../../src/cpu/memory/layout.ts';
import { Machine } from './machine.ts';

const HANDLER = 0x4000;
const RESTORER = 0x5000;
const SA_SIGINFO = 4;
const SA_RESTORER = 0x04000000;
const SA_ONSTACK = 0x08000000;
const SA_RESTART = 0x10000000;
const SA_RESETHAND = 0x80000000;

function action(m: Machine, signal: number, flags: number, mask = 0n, handler = HANDLER): number {
  const at = m.alloc(32);
  m.view.setBigUint64(at, BigInt(handler), true);
  m.view.setBigUint64(at + 8, BigInt(flags), true);
  m.view.setBigUint64(at + 16, BigInt(RESTORER), true);
  m.view.setBigUint64(at + 24, mask, true);
  return m.call('rt_sigaction', signal, at, 0, 8);
}

describe('signals', () => {
  it('builds the AArch64 frame byte for byte and takes it down again', () => {
    const m = new Machine();
    expect(action(m, 10, SA_SIGINFO | SA_RESTORER, 1n << 11n)).toBe(0);
    for (let n = 0; n < 31; n++) m.setReg(n, 0x1000 + n);
    m.pc = 0x1234_5678;
    m.cpu.pstate = 0x6000_0000;
    m.cpu.fpcr = 0x0100_0000;
    m.cpu.fpsr = 0x10;
    for (let i = 0; i < 512; i++) m.space.host.setUint8(m.cpu.state + State.VREGS + i, i & 255);
    const sp = m.reg(31);
    m.process.raise({ signo: 10, code: -6, pid: 77, uid: 5 });
    m.task.deliverSignals();

    const frame = m.reg(31);
    const { view } = m;
    expect(m.pc).toBe(HANDLER);
    // 4688 bytes of struct rt_sigframe below a frame record of 16.
    expect(frame).toBe(sp - 16 - 4688);
    expect(m.reg(0)).toBe(10);
    expect(m.reg(1)).toBe(frame);
    expect(m.reg(2)).toBe(frame + 128);
    expect(m.reg(30)).toBe(RESTORER);
    expect(m.reg(29)).toBe(sp - 16);
    expect(view.getBigUint64(sp - 16, true)).toBe(0x1000n + 29n);
    expect(view.getBigUint64(sp - 8, true)).toBe(0x1000n + 30n);
    // siginfo: signo, errno, code, then pid and uid.
    expect([0, 4, 8, 16, 20].map((at) => view.getInt32(frame + at, true))).toEqual([10, 0, -6, 77, 5]);
    // ucontext: the old mask at 40, sigcontext at 176.
    expect(view.getBigUint64(frame + 128 + 40, true)).toBe(0n);
    const mc = frame + 128 + 176;
    for (let n = 0; n < 31; n++) expect(view.getBigUint64(mc + 8 + 8 * n, true)).toBe(BigInt(0x1000 + n));
    expect(view.getBigUint64(mc + 256, true)).toBe(BigInt(sp));
    expect(view.getBigUint64(mc + 264, true)).toBe(0x1234_5678n);
    expect(view.getBigUint64(mc + 272, true)).toBe(0x6000_0000n);
    const fp = mc + 288;
    expect([0, 4, 8, 12].map((at) => view.getUint32(fp + at, true))).toEqual([0x46508001, 528, 0x10, 0x0100_0000]);
    expect(view.getUint8(fp + 16 + 300)).toBe(300 & 255);
    expect(view.getBigUint64(fp + 528, true)).toBe(0n);
    // During the handler: its mask and the signal itself.
    expect(m.task.blocked).toBe((1n << 11n) | (1n << 9n));

    // The handler edits the context; rt_sigreturn takes it over.
    view.setBigUint64(mc + 8 + 8 * 3, 0xabcn, true);
    view.setBigUint64(mc + 264, 0x2222n, true);
    view.setUint8(fp + 16, 99);
    m.setReg(8, 139);
    m.cpu.pstate = 0;
    expect(m.task.syscall()).toBe(1);
    expect(m.pc).toBe(0x2222);
    expect(m.reg(3)).toBe(0xabc);
    expect(m.reg(0)).toBe(0x1000);
    expect(m.reg(31)).toBe(sp);
    expect(m.cpu.pstate).toBe(0x6000_0000);
    expect(m.space.host.getUint8(m.cpu.state + State.VREGS)).toBe(99);
    expect(m.task.blocked).toBe(0n);
    expect(m.cpu.cleared).toBeGreaterThan(0);
  });

  it('adds the fault address and syndrome to faults', () => {
    const m = new Machine();
    action(m, 11, SA_SIGINFO | SA_RESTORER);
    m.pc = 0x9999;
    m.task.fault(11, 1, 0xdead0n);
    const mc = m.reg(31) + 128 + 176;
    expect(m.view.getBigUint64(m.reg(31) + 16, true)).toBe(0xdead0n);
    expect(m.view.getBigUint64(mc, true)).toBe(0xdead0n);
    expect(m.view.getUint32(mc + 288 + 528, true)).toBe(0x45535201);
    expect(m.view.getBigUint64(mc + 264, true)).toBe(0x9999n);
    expect(m.trace.join('')).toContain('--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0xdead0} ---');
  });

  it('kills by an unhandled, ignored or blocked fault', () => {
    for (const prepare of [
      (_m: Machine): void => {},
      (m: Machine): void => void action(m, 11, 0, 0n, 1),
      (m: Machine): void => {
        action(m, 11, SA_RESTORER);
        m.task.setBlocked(1n << 10n);
      },
    ]) {
      const m = new Machine();
      prepare(m);
      m.task.fault(11, 1, 0n);
      expect(m.task.exited).toEqual({ signal: 11 });
      expect(m.trace.at(-1)).toBe('+++ killed by SIGSEGV +++\n');
    }
  });

  it('uses the alternate stack, and dies when the stack is bad', () => {
    const m = new Machine();
    const stack = m.alloc(16384);
    const ss = m.alloc(24);
    m.view.setBigUint64(ss, BigInt(stack), true);
    m.view.setBigUint64(ss + 16, 16384n, true);
    expect(m.call('sigaltstack', ss, 0)).toBe(0);
    action(m, 11, SA_RESTORER | SA_ONSTACK);
    m.setReg(31, 16);
    m.task.fault(11, 1, 0n);
    expect(m.task.exited).toBeNull();
    expect(m.reg(31)).toBeGreaterThan(stack);
    expect(m.reg(31)).toBeLessThan(stack + 16384);
    const old = m.alloc(24);
    expect(m.call('sigaltstack', 0, old)).toBe(0);
    expect(m.view.getInt32(old + 8, true)).toBe(1);
    expect(m.call('sigaltstack', ss, 0)).toBe(-1);

    const bad = new Machine();
    action(bad, 11, SA_RESTORER);
    bad.setReg(31, 16);
    bad.task.fault(11, 1, 0n);
    expect(bad.task.exited).toEqual({ signal: 11 });
  });

  it('holds blocked signals back and delivers them on unblocking', () => {
    const m = new Machine();
    action(m, 12, SA_RESTORER);
    const set = m.alloc(8);
    m.view.setBigUint64(set, 1n << 11n, true);
    expect(m.call('rt_sigprocmask', 0, set, 0, 8)).toBe(0);
    expect(m.call('kill', m.process.pid, 12)).toBe(0);
    m.task.deliverSignals();
    expect(m.pc).not.toBe(HANDLER);
    expect(m.call('rt_sigpending', set, 8)).toBe(0);
    expect(m.view.getBigUint64(set, true)).toBe(1n << 11n);
    expect(m.call('rt_sigprocmask', 1, set, 0, 8)).toBe(0);
    m.task.deliverSignals();
    expect(m.pc).toBe(HANDLER);
  });

  it('restarts a call or fails it with EINTR, as SA_RESTART says', () => {
    for (const restart of [true, false]) {
      const m = new Machine();
      action(m, 14, SA_RESTORER | (restart ? SA_RESTART : 0));
      const pair = m.alloc(8);
      m.call('pipe2', pair, 0);
      const timer = m.alloc(32);
      m.view.setBigInt64(timer + 24, 2000n, true);
      m.call('setitimer', 0, timer, 0);
      m.pc = 0x8004;
      const buffer = m.alloc(16);
      const fd = m.view.getInt32(pair, true);
      m.call('read', fd, buffer, 1);
      m.task.deliverSignals();
      const mc = m.reg(31) + 128 + 176;
      expect(m.pc).toBe(HANDLER);
      expect(m.view.getBigUint64(mc + 264, true)).toBe(restart ? 0x8000n : 0x8004n);
      expect(m.view.getBigInt64(mc + 8, true)).toBe(restart ? BigInt(fd) : -4n);
    }
  });

  it('suspends under another mask and gives the handler the old one', () => {
    const m = new Machine();
    action(m, 10, SA_RESTORER);
    m.task.setBlocked(1n << 9n);
    m.call('kill', m.process.pid, 10);
    const set = m.alloc(8);
    expect(m.call('rt_sigsuspend', set, 8)).toBe(-514);
    m.task.deliverSignals();
    expect(m.pc).toBe(HANDLER);
    expect(m.view.getBigUint64(m.reg(31) + 128 + 40, true)).toBe(1n << 9n);
    expect(m.view.getBigInt64(m.reg(31) + 128 + 176 + 8, true)).toBe(-4n);
  });

  it('resets one-shot handlers, queues real-time signals, ignores what is ignored', () => {
    const m = new Machine();
    action(m, 10, SA_RESTORER | SA_RESETHAND);
    m.call('kill', 0, 10);
    m.task.deliverSignals();
    expect(m.pc).toBe(HANDLER);
    expect(m.process.action(10).handler).toBe(0);
    m.call('kill', 0, 17);
    m.call('kill', 0, 28);
    expect(m.process.pending.set).toBe(0n);
    m.task.setBlocked(-1n);
    for (let i = 0; i < 3; i++) m.process.raise({ signo: 40, code: -1, value: BigInt(i) });
    const set = m.alloc(8);
    m.view.setBigUint64(set, 1n << 39n, true);
    const info = m.alloc(128);
    for (let i = 0; i < 3; i++) {
      expect(m.call('rt_sigtimedwait', set, info, 0, 8)).toBe(40);
      expect(m.view.getBigUint64(info + 24, true)).toBe(BigInt(i));
    }
    const zero = m.alloc(16);
    expect(m.call('rt_sigtimedwait', set, info, zero, 8)).toBe(-11);
  });

  it('never signals a host process', () => {
    const m = new Machine({ pid: 5 });
    expect(m.call('kill', process.pid, 0)).toBe(-3);
    expect(m.call('kill', -1, 9)).toBe(-3);
    expect(m.call('kill', 1, 0)).toBe(-3);
    expect(m.call('tgkill', 5, 6, 10)).toBe(-3);
    expect(m.call('kill', 5, 65)).toBe(-22);
  });

  it('has the registers of faults kept for handlers that are given them', () => {
    const m = new Machine();
    const [SIGBUS, SIGUSR1, SIGSEGV] = [7, 10, 11];
    const SIG_IGN = 1;
    action(m, SIGUSR1, SA_SIGINFO);
    action(m, SIGSEGV, SA_RESTART);
    action(m, SIGSEGV, SA_SIGINFO, 0n, SIG_IGN);
    expect(m.cpu.precise).toBe(false);
    action(m, SIGBUS, SA_SIGINFO);
    expect(m.cpu.precise).toBe(true);
  });
});
