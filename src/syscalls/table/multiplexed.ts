/** Several calls behind one number, as i386 has them: man 2 socketcall, man 2 ipc. */

import { GUEST_BASE } from '../../cpu/memory/layout.ts';
import { HEX, INT, PTR, R_SIZE, UINT } from '../args.ts';
import { Cursor } from '../cursor.ts';
import { type Syscall, type SyscallResult, syscall } from '../define.ts';
import { EFAULT, EINVAL, ENOSYS } from '../errno.ts';
import type { Task } from '../kernel/task.ts';
import * as sockets from './socket.ts';
import { getsockopt, setsockopt } from './socket-option.ts';
import * as transfers from './socket-transfer.ts';
import * as sysv from './sysv.ts';

type Handler = (task: Task, args: Record<string, unknown>) => SyscallResult;

/** Do a call whose arguments lie in words of memory. */
export const callAt = (task: Task, call: Syscall, address: number): SyscallResult => {
  const { argTypes, argNames } = call;
  if (!task.space.readable(address, 4 * argTypes.length)) return -EFAULT;
  const offsets = argTypes.map((_, i) => GUEST_BASE + address + 4 * i);
  const cursor = new Cursor(task.cpu, task.abi, offsets);
  cursor.start();
  const args = Object.fromEntries(argTypes.map((type, i) => [argNames[i], type.read(cursor)]));
  return cursor.error !== 0 ? cursor.error : (call.handler as Handler)(task, args);
};

/** man 2 socketcall: numbers of net.h, from 1 on. */
const SOCKET_CALLS: readonly Syscall[] = [
  sockets.socket,
  sockets.bind,
  sockets.connect,
  sockets.listen,
  sockets.accept,
  sockets.getsockname,
  sockets.getpeername,
  sockets.socketpair,
  transfers.sendCall,
  transfers.recvCall,
  transfers.sendto,
  transfers.recvfrom,
  sockets.shutdown,
  setsockopt,
  getsockopt,
  transfers.sendmsg,
  transfers.recvmsg,
  sockets.accept4,
  transfers.recvmmsg,
  transfers.sendmmsg,
];
const socketcall: Syscall = syscall('socketcall', { call: INT, args: PTR }, R_SIZE, (task, { call, args }) => {
  const found = SOCKET_CALLS[call - 1];
  return found === undefined ? -EINVAL : callAt(task, found, args);
});

/** man 2 ipc: numbers of linux/ipc.h; the upper half is a version of the call. */
const ipc: Syscall = syscall(
  'ipc',
  { call: UINT, first: INT, second: HEX, third: HEX, ptr: PTR, fifth: HEX },
  R_SIZE,
  (task, { call, first, second, third, ptr, fifth }) => {
    const run = (target: Syscall, args: Record<string, unknown>): SyscallResult =>
      (target.handler as Handler)(task, args);
    const { view } = task.space;
    const version = call >>> 16;
    switch (call & 0xffff) {
      case 1:
        return run(sysv.semop, { semid: first, sops: ptr, nsops: second });
      case 2:
        return run(sysv.semget, { key: first, nsems: second | 0, semflg: third | 0 });
      case 3:
        // the union lies in memory
        if (!task.space.readable(ptr, 4)) return -EFAULT;
        return run(sysv.semctl, { semid: first, semnum: second | 0, cmd: third | 0, arg: view.getUint32(ptr, true) });
      case 4:
        return run(sysv.semtimedop, { semid: first, sops: ptr, nsops: second, timeout: fifth });
      case 11:
        return run(sysv.msgsnd, { msqid: first, msgp: ptr, msgsz: second, msgflg: third | 0 });
      case 12: {
        if (version !== 0) {
          return run(sysv.msgrcv, { msqid: first, msgp: ptr, msgsz: second, msgtyp: fifth | 0, msgflg: third | 0 });
        }
        // struct ipc_kludge { msgp; msgtyp; }
        if (!task.space.readable(ptr, 8)) return -EFAULT;
        const [msgp, msgtyp] = [view.getUint32(ptr, true), view.getInt32(ptr + 4, true)];
        return run(sysv.msgrcv, { msqid: first, msgp, msgsz: second, msgtyp, msgflg: third | 0 });
      }
      case 13:
        return run(sysv.msgget, { key: first, msgflg: second | 0 });
      case 14:
        return run(sysv.msgctl, { msqid: first, cmd: second | 0, buf: ptr });
      case 21: {
        const address = run(sysv.shmat, { shmid: first, shmaddr: ptr, shmflg: second | 0 });
        if (typeof address !== 'number' || (address < 0 && address >= -4095)) return address;
        return task.putInt(third, address | 0);
      }
      case 22:
        return run(sysv.shmdt, { shmaddr: ptr });
      case 23:
        return run(sysv.shmget, { key: first, size: second, shmflg: third | 0 });
      case 24:
        return run(sysv.shmctl, { shmid: first, cmd: second | 0, buf: ptr });
      default:
        return -ENOSYS;
    }
  },
);

export const calls: readonly Syscall[] = [socketcall, ipc];
