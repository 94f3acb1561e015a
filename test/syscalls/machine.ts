import { createAddressSpace, type GuestAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { State } from '../../src/cpu/memory/layout.ts';

import { aarch64 } from '../../src/syscalls/abi/aarch64.ts';
import { byteString } from '../../src/syscalls/cursor.ts';
import type { GuestCpu } from '../../src/syscalls/kernel/cpu.ts';
import { Kernel, type KernelOptions } from '../../src/syscalls/kernel/kernel.ts';
import { Process, type ProgramInfo } from '../../src/syscalls/kernel/process.ts';
import type { Task } from '../../src/syscalls/kernel/task.ts';

/** A CPU that executes nothing: registers in the state block, flags and fp control words as fields. */
export class IdleCpu implements GuestCpu {
  readonly state = 0x1_0000;
  readonly space: GuestAddressSpace;
  pstate = 0;
  fpsr = 0;
  fpcr = 0;
  tls = 0n;
  cleared = 0;
  precise = false;
  onSyscall: () => number = () => 0;
  readonly fault = { signal: 0, code: 0, addr: 0n };
  constructor(space: GuestAddressSpace) {
    this.space = space;
  }
  run(): number {
    throw new Error('there is no code to run');
  }
  endBy(): void {}
  clone(): GuestCpu | null {
    return null;
  }
  fork(): GuestCpu {
    throw new Error('a machine of the tests has one process');
  }
  discard(): void {
    this.space.release();
  }
  getPstate(): number {
    return this.pstate;
  }
  setPstate(v: number): void {
    this.pstate = v;
  }
  getFpsr(): number {
    return this.fpsr;
  }
  setFpsr(v: number): void {
    this.fpsr = v;
  }
  getFpcr(): number {
    return this.fpcr;
  }
  setFpcr(v: number): void {
    this.fpcr = v;
  }
  getTls(): bigint {
    return this.tls;
  }
  setTls(v: bigint): void {
    this.tls = v;
  }
  getGs(): bigint {
    return 0n;
  }
  setGs(): void {}
  getSelector(): number {
    return 0;
  }
  setSelector(): boolean {
    return true;
  }
  getThreadArea(): bigint {
    return 0n;
  }
  setThreadArea(): void {}
  readonly localDescriptors = 0;
  getLocalDescriptor(): bigint {
    return 0n;
  }
  setLocalDescriptor(): void {}
  readonly fpStateSize = 0;
  saveFpState(): void {}
  resetFpState(): void {}
  restoreFpState(): boolean {
    return true;
  }
  clearExclusive(): void {
    this.cleared++;
  }
  barriers = 0;
  barrier(): void {
    this.barriers++;
  }
  keepFaultsPrecise(): void {
    this.precise = true;
  }
}

/** A guest process without a program: tests make its calls by hand. */
export class Machine {
  readonly space: GuestAddressSpace;
  readonly cpu: IdleCpu;
  readonly kernel: Kernel;
  readonly process: Process;
  readonly task: Task;
  /** Start of 1 MiB of scratch memory. */
  readonly scratch: number;
  readonly trace: string[] = [];
  readonly warnings: string[] = [];
  private next: number;

  constructor(options: KernelOptions = {}, program: Partial<ProgramInfo> = {}) {
    this.space = createAddressSpace();
    this.cpu = new IdleCpu(this.space);
    this.kernel = new Kernel({
      hostSignals: false,
      warn: (line) => this.warnings.push(line),
      strace: (text) => this.trace.push(text),
      ...options,
    });
    this.process = new Process(this.kernel, aarch64, this.space, {
      exe: '/test/program',
      argv: ['test', 'arg'],
      env: ['A=b'],
      cwd: '/',
      stdio: [],
      ...program,
    });
    this.kernel.first = this.process;
    this.task = this.process.createTask(this.cpu);
    this.scratch = this.space.map({ addr: 0x100000, length: 1 << 20, prot: 3 });
    this.next = this.scratch;
    this.setReg(31, this.space.map({ addr: 0x7000_0000, length: 1 << 16, prot: 3 }) + (1 << 16));
  }

  reg(n: number): number {
    return Number(this.space.host.getBigInt64(this.cpu.state + State.REGS + 8 * n, true));
  }
  setReg(n: number, value: number): void {
    this.space.host.setBigInt64(this.cpu.state + State.REGS + 8 * n, BigInt(value), true);
  }
  get pc(): number {
    return Number(this.space.host.getBigUint64(this.cpu.state + State.PC, true));
  }
  set pc(value: number) {
    this.space.host.setBigUint64(this.cpu.state + State.PC, BigInt(value), true);
  }

  /** Make a call; strings are put into scratch memory. The raw result register. */
  call(name: string, ...args: (number | string)[]): number {
    this.begin(name, args);
    this.task.syscall();
    const { scheduler } = this.kernel;
    while (this.task.blockedInCall && !scheduler.resume(this.task)) scheduler.sleepSync(this.task);
    return this.reg(0);
  }

  private begin(name: string, args: (number | string)[]): void {
    const nr = aarch64.numbers[name];
    if (nr === undefined) throw new Error(`no call ${name}`);
    for (const [i, arg] of args.entries()) this.setReg(i, typeof arg === 'string' ? this.string(arg) : arg);
    for (let i = args.length; i < 6; i++) this.setReg(i, 0);
    this.setReg(8, nr);
  }

  /** Scratch memory, 16-aligned. */
  alloc(bytes: number): number {
    const at = this.next;
    this.next += Math.ceil(bytes / 16) * 16 + 16;
    if (this.next > this.scratch + (1 << 20)) throw new Error('scratch memory is used up');
    return at;
  }
  string(text: string): number {
    const bytes = Buffer.from(text, 'latin1');
    const at = this.alloc(bytes.length + 1);
    this.space.u8.set(bytes, at);
    this.space.u8[at + bytes.length] = 0;
    return at;
  }
  bytes(at: number, length: number): string {
    return byteString(this.space.u8.subarray(at, at + length));
  }
  get view(): DataView {
    return this.space.view;
  }
}
