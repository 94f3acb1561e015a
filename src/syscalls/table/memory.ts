import type { MapRequest } from '../../cpu/memory/types.ts';
import { FD, flags, HEX, HEX_OFF, INT, oneOf, PTR, R_INT, R_PTR, SIZE, UINT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EACCES, EBADF, EFAULT, EINVAL, ENOMEM, ENOSPC, EOVERFLOW, EPERM } from '../errno.ts';
import { MADVISE, MAP_FLAGS, PROT_FLAGS } from '../flags.ts';
import { MemoryFile } from '../kernel/memfd.ts';
import type { Task } from '../kernel/task.ts';
import { O_ACCMODE, O_RDWR, O_WRONLY } from '../vfs/types.ts';

const PAGE = 4096;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_GROWSDOWN = 0x100;
const MAP_FIXED_NOREPLACE = 0x100000;
/** Addresses from here on do not exist for the guest. */
const LIMIT = 2 ** 32;

export const brk: Syscall = syscall('brk', { addr: PTR }, R_PTR, (task, { addr }) => {
  if (addr >= LIMIT) return task.space.brk(0);
  return task.space.brk(addr);
});

/** Requests for so many bytes at addresses that there are not, as many as a program makes that takes another place for an answer. */
const HUGE = 2 ** 30;
const MOST_HUGE = 64;

/**
 * Whether a program asks without end for a place above 4 GiB, as GHC's run-time system does for its heap: errors alone make
 * it ask for less, and give up in the end.
 */
function insists(task: Task, addr: number, length: number): boolean {
  if (addr < LIMIT) return false;
  if (length >= HUGE) task.process.hugeRequests++;
  if (task.process.hugeRequests <= MOST_HUGE) return false;
  task.process.kernel.warnOnce('huge', 'the program wants addresses above 4 GiB, again and again: guests have none');
  return true;
}

function map(task: Task, addr: number, length: number, prot: number, how: number, fd: number, offset: number): number {
  if (length === 0) return -EINVAL;
  if (offset < 0 || offset % PAGE !== 0) return -EINVAL;
  const type = how & 3;
  if (type === 0) return -EINVAL;
  const fixed = (how & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  if (fixed && addr % PAGE !== 0) return -EINVAL;
  if (length > LIMIT || (fixed && addr + length > LIMIT)) return -ENOMEM;
  if (!fixed && insists(task, addr, length)) return -ENOMEM;
  const shared = type !== MAP_PRIVATE;
  const request: MapRequest = {
    // A hint above 4 GiB is only a hint: anywhere.
    addr: addr >= LIMIT ? 0 : fixed ? addr : Math.floor(addr / PAGE) * PAGE,
    length,
    prot: prot & 7,
    fixed: (how & MAP_FIXED) !== 0,
    noReplace: (how & MAP_FIXED_NOREPLACE) !== 0,
    growsDown: (how & MAP_GROWSDOWN) !== 0,
  };
  if ((how & MAP_ANONYMOUS) !== 0) return task.space.map({ ...request, shared });
  const file = task.process.files.get(fd);
  if (file === null) return -EBADF;
  if (offset + length > Number.MAX_SAFE_INTEGER) return -EOVERFLOW;
  const access = file.flags & O_ACCMODE;
  if (access === O_WRONLY) return -EACCES;
  if (shared && (prot & 2) !== 0 && access !== O_RDWR) return -EACCES;
  const sealed = shared && file instanceof MemoryFile && file.readOnlyForGood;
  if (sealed && (prot & 2) !== 0) return -EPERM;
  const source = file.mapSource();
  if (typeof source === 'number') return source;
  task.process.beforeAccess(file);
  const at = task.space.map({
    ...request,
    shared,
    mayWrite: !shared || (access === O_RDWR && !sealed),
    source,
    offset,
  });
  if (shared && at >= 0) task.process.kernel.sharedFiles.note(source.dev, source.ino);
  return at;
}

export const mmap: Syscall = syscall(
  'mmap',
  { addr: PTR, length: SIZE, prot: flags(PROT_FLAGS, 'PROT_NONE'), flags: flags(MAP_FLAGS), fd: FD, offset: HEX_OFF },
  R_PTR,
  (task, a) => map(task, a.addr, a.length, a.prot, a.flags, a.fd, a.offset),
  {
    support: 'partial',
    note: 'Everything lies below 4 GiB; MAP_FIXED above is ENOMEM. MAP_LOCKED, MAP_POPULATE, MAP_HUGETLB are hints.',
  },
);

export const mmap2: Syscall = syscall(
  'mmap2',
  { addr: PTR, length: SIZE, prot: flags(PROT_FLAGS, 'PROT_NONE'), flags: flags(MAP_FLAGS), fd: FD, pgoffset: HEX },
  R_PTR,
  (task, a) => map(task, a.addr, a.length, a.prot, a.flags, a.fd, a.pgoffset * PAGE),
);

/** Checks that munmap, mprotect, madvise and the like share; the rounded-up length or -errno. */
function range(addr: number, length: number, beyond: number): number {
  if (addr % PAGE !== 0) return -EINVAL;
  const rounded = Math.ceil(length / PAGE) * PAGE;
  if (addr + rounded > LIMIT) return beyond;
  return rounded;
}

export const munmap: Syscall = syscall('munmap', { addr: PTR, length: SIZE }, R_INT, (task, { addr, length }) => {
  const rounded = range(addr, length, -EINVAL);
  if (rounded < 0) return rounded;
  return rounded === 0 ? -EINVAL : task.space.unmap(addr, rounded);
});

const protect = (task: Task, addr: number, len: number, prot: number): number => {
  const rounded = range(addr, len, -ENOMEM);
  if (rounded < 0) return rounded;
  // PROT_SEM, and PROT_BTI/PROT_MTE of arm64, are accepted and mean nothing here.
  if ((prot & ~0x3f) !== 0) return -EINVAL;
  return rounded === 0 ? 0 : task.space.protect(addr, rounded, prot & 7);
};
export const mprotect: Syscall = syscall(
  'mprotect',
  { addr: PTR, len: SIZE, prot: flags(PROT_FLAGS, 'PROT_NONE') },
  R_INT,
  (task, { addr, len, prot }) => protect(task, addr, len, prot),
);

/** pkeys(7), as where the processor has no protection keys: none can be had, −1 stands for none. */
export const pkey_mprotect: Syscall = syscall(
  'pkey_mprotect',
  { addr: PTR, len: SIZE, prot: flags(PROT_FLAGS, 'PROT_NONE'), pkey: INT },
  R_INT,
  (task, { addr, len, prot, pkey }) => (pkey === -1 ? protect(task, addr, len, prot) : -EINVAL),
);
export const pkey_alloc: Syscall = syscall(
  'pkey_alloc',
  {
    flags: UINT,
    access_rights: flags([
      ['PKEY_DISABLE_ACCESS', 1],
      ['PKEY_DISABLE_WRITE', 2],
    ]),
  },
  R_INT,
  (_task, { flags: none, access_rights }) => (none !== 0 || (access_rights & ~3) !== 0 ? -EINVAL : -ENOSPC),
  { support: 'partial', note: 'ENOSPC, as where the processor has no protection keys.' },
);
export const pkey_free: Syscall = syscall('pkey_free', { pkey: INT }, R_INT, () => -EINVAL);

export const mremap: Syscall = syscall(
  'mremap',
  {
    old_address: PTR,
    old_size: SIZE,
    new_size: SIZE,
    flags: flags([
      ['MREMAP_MAYMOVE', 1],
      ['MREMAP_FIXED', 2],
      ['MREMAP_DONTUNMAP', 4],
    ]),
    new_address: PTR,
  },
  R_PTR,
  (task, a) => {
    if (a.old_address % PAGE !== 0 || (a.flags & ~7) !== 0 || a.new_size === 0) return -EINVAL;
    if ((a.flags & 6) !== 0 && (a.flags & 1) === 0) return -EINVAL;
    if (a.old_address + a.old_size > LIMIT) return -EFAULT;
    if (a.new_size > LIMIT || ((a.flags & 2) !== 0 && a.new_address + a.new_size > LIMIT)) return -ENOMEM;
    const mapping = task.space.findMapping(a.old_address);
    // what is shown anew is read from the file
    if (mapping?.shared && mapping.source) {
      task.process.kernel.sharedFiles.settle(mapping.source.dev, mapping.source.ino);
    }
    return task.space.remap(a.old_address, a.old_size, a.new_size, a.flags, a.new_address);
  },
);

export const madvise: Syscall = syscall(
  'madvise',
  { addr: PTR, length: SIZE, advice: oneOf(MADVISE, 'MADV_???') },
  R_INT,
  (task, { addr, length, advice }) => {
    const rounded = range(addr, length, -ENOMEM);
    if (rounded < 0) return rounded;
    if (advice < 0 || (advice > 25 && advice !== 100 && advice !== 101)) return -EINVAL;
    return rounded === 0 ? 0 : task.space.madvise(addr, rounded, advice);
  },
);

export const msync: Syscall = syscall(
  'msync',
  {
    addr: PTR,
    length: SIZE,
    flags: flags([
      ['MS_ASYNC', 1],
      ['MS_INVALIDATE', 2],
      ['MS_SYNC', 4],
    ]),
  },
  R_INT,
  (task, { addr, length, flags: how }) => {
    if ((how & ~7) !== 0 || (how & 5) === 5) return -EINVAL;
    const rounded = range(addr, length, -ENOMEM);
    if (rounded < 0) return rounded;
    if (!covered(task, addr, rounded)) return -ENOMEM;
    return rounded === 0 ? 0 : task.space.sync(addr, rounded);
  },
);

/** Whether every page of a range is mapped. */
function covered(task: Task, addr: number, length: number): boolean {
  for (let at = addr; at < addr + length; ) {
    const mapping = task.space.findMapping(at);
    if (mapping === null) return false;
    at = mapping.end;
  }
  return true;
}

export const mincore: Syscall = syscall(
  'mincore',
  { addr: PTR, length: SIZE, vec: PTR },
  R_INT,
  (task, { addr, length, vec }) => {
    const rounded = range(addr, length, -ENOMEM);
    if (rounded < 0) return rounded;
    const resident = task.process.space.mincore(addr, rounded);
    if (typeof resident === 'number') return resident;
    const bytes = task.space.writeRange(vec, resident.length);
    if (bytes === null) return -EFAULT;
    bytes.set(resident);
    return 0;
  },
);

const LOCK_NOTE = {
  support: 'partial',
  note: 'Checks the range; nothing of ours is ever swapped by the guest kernel.',
} as const;
const lockCheck = (task: Task, { addr, len }: { addr: number; len: number }): number =>
  covered(task, Math.floor(addr / PAGE) * PAGE, len) ? 0 : -ENOMEM;
export const mlock: Syscall = syscall('mlock', { addr: PTR, len: SIZE }, R_INT, lockCheck, LOCK_NOTE);
export const munlock: Syscall = syscall('munlock', { addr: PTR, len: SIZE }, R_INT, lockCheck, LOCK_NOTE);
export const mlock2: Syscall = syscall('mlock2', { addr: PTR, len: SIZE, flags: UINT }, R_INT, lockCheck, LOCK_NOTE);
export const mlockall: Syscall = syscall('mlockall', { flags: INT }, R_INT, (_task, { flags: how }) =>
  how === 0 || (how & ~7) !== 0 ? -EINVAL : 0,
);
export const munlockall: Syscall = syscall('munlockall', {}, R_INT, () => 0);

/** linux/membarrier.h */
const MEMBARRIER_QUERY = 0;
const MEMBARRIER_GLOBAL = 1;
const MEMBARRIER_GLOBAL_EXPEDITED = 2;
const MEMBARRIER_REGISTER_GLOBAL_EXPEDITED = 4;
const MEMBARRIER_PRIVATE_EXPEDITED = 8;
const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 16;

export const membarrier: Syscall = syscall(
  'membarrier',
  { cmd: INT, flags: UINT, cpu_id: INT },
  R_INT,
  (task, { cmd, flags: how }) => {
    if (how !== 0) return -EINVAL;
    const { process } = task;
    switch (cmd) {
      case MEMBARRIER_QUERY:
        return 0x1f;
      case MEMBARRIER_REGISTER_GLOBAL_EXPEDITED:
        return 0;
      case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
        process.membarriers = true;
        return 0;
      case MEMBARRIER_GLOBAL:
      case MEMBARRIER_GLOBAL_EXPEDITED:
        for (const other of process.kernel.tasks.values()) other.cpu.barrier();
        return 0;
      case MEMBARRIER_PRIVATE_EXPEDITED:
        if (!process.membarriers) return -EPERM;
        task.cpu.barrier();
        return 0;
      default:
        return -EINVAL;
    }
  },
);

export const calls: readonly Syscall[] = [
  brk,
  mmap,
  mmap2,
  munmap,
  mprotect,
  pkey_mprotect,
  pkey_alloc,
  pkey_free,
  mremap,
  madvise,
  msync,
  mincore,
  mlock,
  munlock,
  mlock2,
  mlockall,
  munlockall,
  membarrier,
];
