import { INT, PTR, R_INT, UID, UINT } from '../args.ts';
import { type Syscall, syscall } from '../define.ts';
import { EACCES, EFAULT, EINVAL, EPERM, ESRCH } from '../errno.ts';
import { groupMembers } from '../kernel/groups.ts';
import type { Process } from '../kernel/process.ts';
import type { Task } from '../kernel/task.ts';

type Ids = [number, number, number];

export const getpid: Syscall = syscall('getpid', {}, R_INT, (task) => task.process.pid);
export const getppid: Syscall = syscall('getppid', {}, R_INT, (task) => task.process.ppid);
export const gettid: Syscall = syscall('gettid', {}, R_INT, (task) => task.tid);
export const getuid: Syscall = syscall('getuid', {}, R_INT, (task) => task.process.uids[0]);
export const geteuid: Syscall = syscall('geteuid', {}, R_INT, (task) => task.process.uids[1]);
export const getgid: Syscall = syscall('getgid', {}, R_INT, (task) => task.process.gids[0]);
export const getegid: Syscall = syscall('getegid', {}, R_INT, (task) => task.process.gids[1]);

/** Change ids as credentials(7) allows: any as root, else only among one's own. -1 keeps one. */
function setIds(task: Task, ids: Ids, wanted: readonly [number, number, number]): number {
  const { uids } = task.process;
  const [, old] = uids;
  const privileged = old === 0;
  for (const id of wanted) if (id !== -1 && !privileged && !ids.includes(id)) return -EPERM;
  for (const i of [0, 1, 2] as const) if (wanted[i] !== -1) ids[i] = wanted[i];
  // Whatever changes them, the file system's id is the effective one again.
  if (ids === uids) task.process.fsuid = null;
  else task.process.fsgid = null;
  task.process.idsChanged(old, uids[1]);
  return 0;
}

const NOTE = {
  support: 'partial',
  note: 'The host process keeps its ids; the kernel checks files by those set, which all threads share.',
} as const;

function setOne(ids: (task: Task) => Ids): (task: Task, args: { id: number }) => number {
  return (task, { id }) => {
    if (id === -1) return -EINVAL;
    return task.process.uids[1] === 0 ? setIds(task, ids(task), [id, id, id]) : setIds(task, ids(task), [-1, id, -1]);
  };
}
function setRealEffective(ids: (task: Task) => Ids): (task: Task, args: { real: number; effective: number }) => number {
  return (task, { real, effective }) => {
    const current = ids(task);
    const saved =
      real !== -1 || (effective !== -1 && effective !== current[0]) ? (effective === -1 ? current[1] : effective) : -1;
    return setIds(task, current, [real, effective, saved]);
  };
}
function setAll(
  ids: (task: Task) => Ids,
): (task: Task, args: { real: number; effective: number; saved: number }) => number {
  return (task, { real, effective, saved }) => setIds(task, ids(task), [real, effective, saved]);
}
function getAll(
  ids: (task: Task) => Ids,
): (task: Task, args: { real: number; effective: number; saved: number }) => number {
  return (task, { real, effective, saved }) => {
    const [r, e, s] = ids(task);
    return task.putInt(real, r) || task.putInt(effective, e) || task.putInt(saved, s);
  };
}
const uids = (task: Task): Ids => task.process.uids;
const gids = (task: Task): Ids => task.process.gids;

export const setuid: Syscall = syscall('setuid', { id: UID }, R_INT, setOne(uids), NOTE);
export const setgid: Syscall = syscall('setgid', { id: UID }, R_INT, setOne(gids), NOTE);
export const setreuid: Syscall = syscall(
  'setreuid',
  { real: UID, effective: UID },
  R_INT,
  setRealEffective(uids),
  NOTE,
);
export const setregid: Syscall = syscall(
  'setregid',
  { real: UID, effective: UID },
  R_INT,
  setRealEffective(gids),
  NOTE,
);
export const setresuid: Syscall = syscall(
  'setresuid',
  { real: UID, effective: UID, saved: UID },
  R_INT,
  setAll(uids),
  NOTE,
);
export const setresgid: Syscall = syscall(
  'setresgid',
  { real: UID, effective: UID, saved: UID },
  R_INT,
  setAll(gids),
  NOTE,
);
export const getresuid: Syscall = syscall('getresuid', { real: PTR, effective: PTR, saved: PTR }, R_INT, getAll(uids));
export const getresgid: Syscall = syscall('getresgid', { real: PTR, effective: PTR, saved: PTR }, R_INT, getAll(gids));
/** What setfsuid and setfsgid answer, before and whether or not they change it (man 2 setfsuid). */
export const setfsuid: Syscall = syscall(
  'setfsuid',
  { id: UID },
  R_INT,
  (task, { id }) => {
    const { process } = task;
    const old = process.fsuid ?? process.uids[1];
    if (id !== -1 && (process.uids[1] === 0 || process.uids.includes(id) || id === old)) process.fsuid = id;
    process.idsChanged(old, process.fsuid ?? process.uids[1]);
    return old;
  },
  NOTE,
);
export const setfsgid: Syscall = syscall(
  'setfsgid',
  { id: UID },
  R_INT,
  (task, { id }) => {
    const { process } = task;
    const old = process.fsgid ?? process.gids[1];
    if (id !== -1 && (process.uids[1] === 0 || process.gids.includes(id) || id === old)) process.fsgid = id;
    process.idsChanged(process.uids[1], process.uids[1]);
    return old;
  },
  NOTE,
);

export const getgroups: Syscall = syscall('getgroups', { size: INT, list: PTR }, R_INT, (task, { size, list }) => {
  const { groups } = task.process;
  if (size < 0) return -EINVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -EINVAL;
  if (!task.space.writable(list, groups.length * 4)) return -EFAULT;
  for (const [i, gid] of groups.entries()) task.space.view.setUint32(list + 4 * i, gid, true);
  return groups.length;
});

export const setgroups: Syscall = syscall(
  'setgroups',
  { size: UINT, list: PTR },
  R_INT,
  (task, { size, list }) => {
    if (task.process.uids[1] !== 0) return -EPERM;
    if (size > 65536) return -EINVAL;
    if (!task.space.readable(list, size * 4)) return -EFAULT;
    const groups = Array.from({ length: size }, (_, i) => task.space.view.getUint32(list + 4 * i, true));
    task.process.groups = groups.sort((a, b) => a - b);
    task.process.idsChanged(0, 0);
    return 0;
  },
  NOTE,
);

/** The process of an id, 0 being the caller's; null = ESRCH. */
function processOf(task: Task, pid: number): Process | null {
  if (pid === 0) return task.process;
  return task.process.kernel.processes.get(pid) ?? task.process.kernel.tasks.get(pid)?.process ?? null;
}

export const getpgid: Syscall = syscall(
  'getpgid',
  { pid: INT },
  R_INT,
  (task, { pid }) => processOf(task, pid)?.pgid ?? -ESRCH,
);
export const getpgrp: Syscall = syscall('getpgrp', {}, R_INT, (task) => task.process.pgid);
export const setpgid: Syscall = syscall('setpgid', { pid: INT, pgid: INT }, R_INT, (task, { pid, pgid }) => {
  const { process } = task;
  if (pgid < 0) return -EINVAL;
  const target = pid === 0 ? process : process.kernel.processes.get(pid);
  if (target === undefined || (target !== process && target.parent !== process)) return -ESRCH;
  if (target !== process) {
    if (target.sid !== process.sid) return -EPERM;
    if (target.execed) return -EACCES;
  }
  if (target.sid === target.pid) return -EPERM;
  const wanted = pgid === 0 ? target.pid : pgid;
  if (wanted !== target.pid) {
    const members = groupMembers(process.kernel, wanted);
    if (!members.some((p) => p.sid === process.sid)) return -EPERM;
  }
  target.pgid = wanted;
  return 0;
});
export const getsid: Syscall = syscall(
  'getsid',
  { pid: INT },
  R_INT,
  (task, { pid }) => processOf(task, pid)?.sid ?? -ESRCH,
);
export const setsid: Syscall = syscall('setsid', {}, R_INT, (task) => {
  const { process } = task;
  // A group leader's id names a group already.
  if (groupMembers(process.kernel, process.pid).length > 0) return -EPERM;
  process.sid = process.pid;
  process.pgid = process.pid;
  return process.pid;
});

const CAP_HEADER_NOTE = { support: 'partial', note: 'All capabilities as root, none otherwise.' } as const;
export const capget: Syscall = syscall(
  'capget',
  { header: PTR, data: PTR },
  R_INT,
  (task, { header, data }) => {
    const { space } = task;
    if (!space.writable(header, 8)) return -EFAULT;
    const version = space.view.getUint32(header, true);
    const words = version === 0x19980330 ? 1 : version === 0x20071026 || version === 0x20080522 ? 2 : 0;
    if (words === 0) {
      space.view.setUint32(header, 0x20080522, true);
      return data === 0 ? 0 : -EINVAL;
    }
    if (processOf(task, space.view.getInt32(header + 4, true)) === null) return -ESRCH;
    if (data === 0) return 0;
    if (!space.writable(data, 12 * words)) return -EFAULT;
    for (let i = 0; i < words; i++) {
      const bits = task.process.uids[1] === 0 ? (i === 0 ? 0xffff_ffff : 0x1ff) : 0;
      space.view.setUint32(data + 12 * i, bits, true);
      space.view.setUint32(data + 12 * i + 4, bits, true);
      space.view.setUint32(data + 12 * i + 8, 0, true);
    }
    return 0;
  },
  CAP_HEADER_NOTE,
);
export const capset: Syscall = syscall(
  'capset',
  { header: PTR, data: PTR },
  R_INT,
  (task) => (task.process.uids[1] === 0 ? 0 : -EPERM),
  CAP_HEADER_NOTE,
);

export const calls: readonly Syscall[] = [
  getpid,
  getppid,
  gettid,
  getuid,
  geteuid,
  getgid,
  getegid,
  setuid,
  setgid,
  setreuid,
  setregid,
  setresuid,
  setresgid,
  getresuid,
  getresgid,
  setfsuid,
  setfsgid,
  getgroups,
  setgroups,
  getpgid,
  getpgrp,
  setpgid,
  getsid,
  setsid,
  capget,
  capset,
];
