import { expect, test } from 'vitest';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { State } from '../../src/cpu/memory/layout.ts';
import { x86_64 } from '../../src/syscalls/abi/x86_64.ts';
import { Kernel } from '../../src/syscalls/kernel/kernel.ts';
import { Process } from '../../src/syscalls/kernel/process.ts';
import { MemoryFile } from '../cpu/memory/fake-file.ts';
import { IdleCpu } from './machine.ts';

const CODE = 0x40_0000;
const LENGTH = 0x4_0000;
const READ_EXEC = 5;
/** getpid of i386; of x86-64 it is writev, which finds no such descriptor. */
const NR = 20;
const EBADF = 9;

/** What a call with that number returns by an instruction whose page is still in its file alone. */
const callBy = (instruction: readonly number[], stale: number): { result: number; pid: number } => {
  const space = createAddressSpace();
  const file = new Uint8Array(LENGTH);
  file.set(instruction);
  space.map({ addr: CODE, length: LENGTH, prot: READ_EXEC, fixed: true, source: new MemoryFile(file) });
  space.u8[CODE + 1] = stale;
  const kernel = new Kernel({ hostSignals: false });
  const program = { exe: '/test/program', argv: [], env: [], cwd: '/', stdio: [] };
  const process = new Process(kernel, x86_64, space, program);
  const cpu = new IdleCpu(space);
  const task = process.createTask(cpu);
  const reg = (n: number): number => cpu.state + State.REGS + 8 * n;
  space.host.setBigUint64(reg(0), BigInt(NR), true);
  space.host.setBigInt64(reg(7), 99n, true);
  space.host.setBigUint64(cpu.state + State.PC, BigInt(CODE + 2), true);
  task.syscall();
  return { result: Number(space.host.getBigInt64(reg(0), true)), pid: process.pid };
};

test('int 0x80 and syscall are told apart though their code is still in its file, whatever lies in its place', () => {
  const { result, pid } = callBy([0xcd, 0x80], 0);
  expect(result).toBe(pid);
  expect(callBy([0x0f, 0x05], 0x80).result).toBe(-EBADF);
});
