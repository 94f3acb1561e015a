import type { Abi } from '../abi/types.ts';
import type { Syscall } from '../define.ts';
import { calls as attributes } from './attributes.ts';
import { calls as clones } from './clone.ts';
import { calls as descriptors } from './descriptors.ts';
import { calls as directories } from './directories.ts';
import { calls as epoll } from './epoll.ts';
import { calls as exec } from './exec.ts';
import { calls as fcntl } from './fcntl.ts';
import { calls as futexes } from './futex.ts';
import { calls as i386 } from './i386.ts';
import { calls as identity } from './identity.ts';
import { calls as inotify } from './inotify.ts';
import { calls as ioctls } from './ioctl.ts';
import { calls as locks } from './locks.ts';
import { calls as memory } from './memory.ts';
import { calls as mqueues } from './mqueue.ts';
import { calls as multiplexed } from './multiplexed.ts';
import { calls as narrow } from './narrow.ts';
import { calls as oldCalls } from './old-calls.ts';
import { calls as oldStats } from './old-stat.ts';
import { calls as pidfds } from './pidfd.ts';
import { calls as poll } from './poll.ts';
import { calls as processes } from './process.ts';
import { calls as processMemory } from './process-memory.ts';
import { calls as readWrite } from './read-write.ts';
import { calls as refused } from './refused.ts';
import { calls as scheduling } from './scheduling.ts';
import { calls as signals } from './signal.ts';
import { calls as sockets } from './socket.ts';
import { calls as socketOptions } from './socket-option.ts';
import { calls as socketTransfers } from './socket-transfer.ts';
import { calls as splices } from './splice.ts';
import { calls as stats } from './stat.ts';
import { calls as system } from './system.ts';
import { calls as sysv } from './sysv.ts';
import { calls as times } from './time.ts';
import { calls as timerFiles } from './timer-files.ts';
import { calls as waits } from './wait.ts';
import { calls as x86 } from './x86.ts';

/** Every declared system call. */
export const SYSCALLS: readonly Syscall[] = [
  ...attributes,
  ...clones,
  ...descriptors,
  ...fcntl,
  ...directories,
  ...epoll,
  ...exec,
  ...futexes,
  ...i386,
  ...identity,
  ...inotify,
  ...ioctls,
  ...locks,
  ...memory,
  ...mqueues,
  ...multiplexed,
  ...narrow,
  ...oldCalls,
  ...oldStats,
  ...pidfds,
  ...poll,
  ...processes,
  ...processMemory,
  ...readWrite,
  ...refused,
  ...scheduling,
  ...signals,
  ...sockets,
  ...socketOptions,
  ...socketTransfers,
  ...splices,
  ...stats,
  ...system,
  ...sysv,
  ...timerFiles,
  ...times,
  ...waits,
  ...x86,
];

/** The calls of an ABI by number, and the names of all numbers, declared or not. */
export interface CallTable {
  readonly byNumber: Readonly<Record<number, Syscall | undefined>>;
  nameOf(nr: number): string;
}

const tables = new Map<Abi, CallTable>();

/** The call table of an ABI, built once. */
export function callTable(abi: Abi): CallTable {
  let table = tables.get(abi);
  if (table === undefined) {
    const byNumber: Record<number, Syscall | undefined> = [];
    for (const call of SYSCALLS) {
      const nr = abi.numbers[call.name];
      if (nr === undefined) continue;
      byNumber[nr] = call;
    }
    for (const [name, { call, wideTime = false }] of Object.entries(abi.aliases ?? {})) {
      const nr = abi.numbers[name];
      const declared = SYSCALLS.find((c) => c.name === call);
      if (nr !== undefined) byNumber[nr] = declared && { ...declared, name, wideTime };
    }
    table = {
      byNumber,
      nameOf: (nr) => Object.entries(abi.numbers).find(([, number]) => number === nr)?.[0] ?? `syscall_${nr}`,
    };
    tables.set(abi, table);
  }
  return table;
}
