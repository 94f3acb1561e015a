import { State } from '../../cpu/memory/layout.ts';
import { Cursor } from '../cursor.ts';
import type { SyscallResult } from '../define.ts';
import { EFAULT, ENOSYS } from '../errno.ts';
import { readU64, writeI64 } from '../struct.ts';
import { callTable } from '../table/index.ts';
import { SIGSEGV, type SigInfo } from './signals.ts';
import type { Task } from './task.ts';

const SI_KERNEL = 0x80;
const SEGV_MAPERR = 1;
/** Where pointers of programs end (access_ok). */
const USER_TOP = 0x7fff_ffff_f000n;
/** A page fault, and its error code: a store of a program's. */
const PAGE_FAULT = { trap: 14, error: 6 } as const;
const PAGE = 4096n;

/**
 * Whether the fault is a fetch from the vsyscall page. If so, what its function does is done and the program has returned from
 * it (null), or the signal that it gets (arch/x86/entry/vsyscall/vsyscall_64.c since Linux 6.9).
 */
export function vsyscall(task: Task, address: bigint): SigInfo | null | false {
  const { vsyscallPage, numbers, registers } = task.process.abi;
  if (vsyscallPage === undefined) return false;
  const { host, view } = task.space;
  const { state } = task.cpu;
  const offset = address - vsyscallPage.address;
  if (offset < 0n || offset >= PAGE || host.getBigUint64(state + State.PC, true) !== address) return false;
  const refused: SigInfo = { signo: SIGSEGV, code: SI_KERNEL, addr: 0n };
  const found = vsyscallPage.calls[Number(offset)];
  const stackAt = state + State.REGS + 8 * registers.stack;
  const sp = readU64(host, stackAt);
  if (found === undefined || !task.space.readable(sp, 8)) return refused;
  for (const n of registers.args.slice(0, found.pointers)) {
    const addr = host.getBigUint64(state + State.REGS + 8 * n, true);
    if (addr >= USER_TOP) return { signo: SIGSEGV, code: SEGV_MAPERR, addr, ...PAGE_FAULT };
  }
  const call = callTable(task.process.abi).byNumber[numbers[found.name] as number];
  if (call === undefined) throw new Error(`no call ${found.name}`);
  const cursor = new Cursor(task.cpu, task.process.abi);
  cursor.start();
  // getcpu's third argument is no pointer here
  const args = call.argNames.map((name, i) => [name, i < found.pointers ? call.argTypes[i]?.read(cursor) : 0]);
  const result: SyscallResult = call.handler(task, Object.fromEntries(args) as never);
  const resultAt = state + State.REGS + 8 * registers.result;
  if (result === -EFAULT) {
    writeI64(host, resultAt, -ENOSYS);
    return refused;
  }
  writeI64(host, resultAt, result as number);
  host.setBigUint64(state + State.PC, view.getBigUint64(sp, true), true);
  writeI64(host, stackAt, sp + 8);
  return null;
}
