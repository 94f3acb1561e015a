/** Segment descriptors that programs set: of threads (man 2 set_thread_area) and of processes (man 2 modify_ldt). */
import { EFAULT, EINVAL, ENOSYS, ESRCH } from '../errno.ts';
import type { Task } from './task.ts';

/** struct user_desc (arch/x86 uapi asm/ldt.h). */
interface UserDesc {
  readonly entry: number;
  readonly base: number;
  readonly limit: number;
  /** Bits of Flag, and contents in bits 2:1. */
  readonly flags: number;
}
const USER_DESC_SIZE = 16;
const Flag = { SEG_32BIT: 1, READ_EXEC_ONLY: 8, LIMIT_IN_PAGES: 0x10, NOT_PRESENT: 0x20, USEABLE: 0x40 } as const;
const DEFINED_FLAGS = 0x7f;
/** LM, which has to be clear in an empty one. */
const LM = 0x80;
const contentsOf = ({ flags }: UserDesc): number => (flags >> 1) & 3;

const read = (task: Task, address: number): UserDesc | null => {
  const { space } = task;
  if (!space.readable(address, USER_DESC_SIZE)) return null;
  const word = (at: number): number => space.view.getUint32(address + at, true);
  return { entry: word(0), base: word(4), limit: word(8), flags: word(12) };
};

/** LDT_empty: the description of no segment. */
const isEmpty = ({ base, limit, flags }: UserDesc): boolean =>
  base === 0 && limit === 0 && (flags & (DEFINED_FLAGS | LM)) === (Flag.READ_EXEC_ONLY | Flag.NOT_PRESENT);

/** fill_ldt: the descriptor as the processor has it (SDM vol. 3, 3.4.5), accessed, at level 3, not of 64-bit code. */
const encode = (desc: UserDesc): bigint => {
  const { base, limit, flags } = desc;
  const bit = (flag: number, at: number): number => ((flags & flag) !== 0 ? 1 << at : 0);
  const type = ((flags & Flag.READ_EXEC_ONLY) !== 0 ? 0 : 2) | (contentsOf(desc) << 2) | 1;
  const low = ((base & 0xffff) << 16) | (limit & 0xffff);
  const high =
    (base & 0xff00_0000) |
    ((base >>> 16) & 0xff) |
    (limit & 0xf_0000) |
    (type << 8) |
    0x7000 |
    ((flags & Flag.NOT_PRESENT) !== 0 ? 0 : 0x8000) |
    bit(Flag.USEABLE, 20) |
    bit(Flag.SEG_32BIT, 22) |
    bit(Flag.LIMIT_IN_PAGES, 23);
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
};

/** fill_user_desc: what get_thread_area tells of a descriptor. */
const decode = (descriptor: bigint): { base: number; limit: number; flags: number } => {
  const low = Number(descriptor & 0xffff_ffffn);
  const high = Number(descriptor >> 32n);
  const when = (at: number, flag: number): number => ((high >>> at) & 1) * flag;
  return {
    base: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0,
    limit: (low & 0xffff) | (high & 0xf_0000),
    flags:
      when(22, Flag.SEG_32BIT) |
      (((high >>> 10) & 3) << 1) |
      (Flag.READ_EXEC_ONLY - when(9, Flag.READ_EXEC_ONLY)) |
      when(23, Flag.LIMIT_IN_PAGES) |
      (Flag.NOT_PRESENT - when(15, Flag.NOT_PRESENT)) |
      when(20, Flag.USEABLE),
  };
};

/** The first of three entries of the global table that are the thread's, on 64-bit kernels. */
const FIRST = 12;
const COUNT = 3;
/** Any that is free. */
const ANY = 0xffff_ffff;
const indexOf = (entry: number): number => (entry < FIRST || entry >= FIRST + COUNT ? -1 : entry - FIRST);

/** tls_desc_okay: data segments of 32 bits alone, which are there; all zeros is taken for none. */
const isForThreads = (desc: UserDesc): boolean =>
  (desc.flags & Flag.SEG_32BIT) !== 0 && contentsOf(desc) <= 1 && (desc.flags & Flag.NOT_PRESENT) === 0;
const isZero = ({ base, limit, flags }: UserDesc): boolean =>
  base === 0 && limit === 0 && (flags & DEFINED_FLAGS) === 0;

/** An entry of a thread, and the descriptor that it is to get. */
export interface ThreadArea {
  readonly at: number;
  readonly descriptor: bigint;
}
/** That of a struct user_desc, or -errno; `findsFree`: entry −1 is any of the caller's, and is told. */
export function readThreadArea(task: Task, address: number, findsFree: boolean): ThreadArea | number {
  const desc = read(task, address);
  if (desc === null) return -EFAULT;
  const none = isEmpty(desc) || isZero(desc);
  if (!none && !isForThreads(desc)) return -EINVAL;
  let at = indexOf(desc.entry);
  if (desc.entry === ANY && findsFree) {
    at = 0;
    while (at < COUNT && task.cpu.getThreadArea(at) !== 0n) at++;
    if (at === COUNT) return -ESRCH;
    if (task.putInt(address, FIRST + at) !== 0) return -EFAULT;
  }
  return at < 0 ? -EINVAL : { at, descriptor: none ? 0n : encode(desc) };
}

/** man 2 set_thread_area: a call of 32-bit programs. */
export function setThreadArea(task: Task, address: number): number {
  if (task.abi.tlsDescriptor !== true) return -ENOSYS;
  const area = readThreadArea(task, address, true);
  if (typeof area === 'number') return area;
  task.cpu.setThreadArea(area.at, area.descriptor);
  return 0;
}

/** man 2 get_thread_area. */
export function getThreadArea(task: Task, address: number): number {
  const { space } = task;
  if (task.abi.tlsDescriptor !== true) return -ENOSYS;
  if (!space.readable(address, 4)) return -EFAULT;
  const at = indexOf(space.view.getUint32(address, true));
  if (at < 0) return -EINVAL;
  if (!space.writable(address, USER_DESC_SIZE)) return -EFAULT;
  const { base, limit, flags } = decode(task.cpu.getThreadArea(at));
  for (const [i, word] of [base, limit, flags].entries()) space.view.setUint32(address + 4 + 4 * i, word, true);
  return 0;
}

const LDT_ENTRIES = 8192;
const ENTRY_SIZE = 8;
/** Bytes of the default table, all zeros. */
const DEFAULT_SIZE = 128;
const AVL = 1n << 52n;

function readTable(task: Task, address: number, bytes: number): number {
  const count = task.cpu.localDescriptors;
  if (count === 0) return 0;
  const length = Math.min(bytes, LDT_ENTRIES * ENTRY_SIZE);
  const to = task.space.writeRange(address, length);
  if (to === null) return -EFAULT;
  to.fill(0);
  for (let n = 0; n < Math.min(count * ENTRY_SIZE, length); n++) {
    const entry = task.cpu.getLocalDescriptor(Math.floor(n / ENTRY_SIZE));
    to[n] = Number((entry >> BigInt(8 * (n % ENTRY_SIZE))) & 0xffn);
  }
  return length;
}

function writeEntry(task: Task, address: number, bytes: number, old: boolean): number {
  if (bytes !== USER_DESC_SIZE) return -EINVAL;
  const desc = read(task, address);
  if (desc === null) return -EFAULT;
  if (desc.entry >= LDT_ENTRIES) return -EINVAL;
  if (contentsOf(desc) === 3 && (old || (desc.flags & Flag.NOT_PRESENT) === 0)) return -EINVAL;
  const none = isEmpty(desc) || (old && desc.base === 0 && desc.limit === 0);
  const made = encode(desc);
  task.cpu.setLocalDescriptor(desc.entry, none ? 0n : old ? made & ~AVL : made);
  return 0;
}

/** man 2 modify_ldt: 0 reads the table, 2 the default one, 0x11 sets an entry, 1 as before Linux 2.2. */
export function modifyLdt(task: Task, func: number, address: number, bytes: number): number {
  switch (func) {
    case 0:
      return readTable(task, address, bytes);
    case 1:
      return writeEntry(task, address, bytes, true);
    case 2: {
      const to = task.space.writeRange(address, Math.min(bytes, DEFAULT_SIZE));
      return to === null ? -EFAULT : to.fill(0).length;
    }
    case 0x11:
      return writeEntry(task, address, bytes, false);
    default:
      return -ENOSYS;
  }
}
