import { EFAULT, EINVAL, ESRCH } from '../errno.ts';
import type { GuestCpu } from './cpu.ts';

/** struct user_desc (arch/x86 uapi asm/ldt.h), as far as it counts here: limits and kinds of segments do not. */
export interface UserDesc {
  readonly entry: number;
  readonly base: number;
}

/** The first of three entries of the descriptor table, on 64-bit kernels. */
const FIRST = 12;
const COUNT = 3;
/** -1: any that is free. */
const ANY = 0xffff_ffff;
/** read_exec_only and seg_not_present, of an empty descriptor. */
const EMPTY_FLAGS = 0x28;

/** Read one; a number is -errno. */
export function readDescriptor(space: GuestCpu['space'], address: number): UserDesc | number {
  if (!space.readable(address, 16)) return -EFAULT;
  const [entry, base, limit, flags] = [0, 4, 8, 12].map((at) => space.view.getUint32(address + at, true));
  const empty = base === 0 && limit === 0 && (flags === 0 || flags === EMPTY_FLAGS);
  if (entry !== ANY && ((entry as number) < FIRST || (entry as number) >= FIRST + COUNT)) return -EINVAL;
  return { entry: entry as number, base: empty ? 0 : (base as number) };
}

/** man 2 set_thread_area: the entry that was changed, or -ESRCH: none is free. */
export function setThreadArea(cpu: GuestCpu, { entry, base }: UserDesc): number {
  let at = entry - FIRST;
  if (entry === ANY) {
    at = 0;
    while (at < COUNT && cpu.getThreadArea(at) !== 0) at++;
    if (at === COUNT) return -ESRCH;
  }
  cpu.setThreadArea(at, base);
  return FIRST + at;
}

/** Base of an entry, or -EINVAL. */
export function threadArea(cpu: GuestCpu, entry: number): number {
  return entry < FIRST || entry >= FIRST + COUNT ? -EINVAL : cpu.getThreadArea(entry - FIRST);
}
