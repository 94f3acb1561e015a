import type { IpcObject } from '../kernel/sysv.ts';
import type { SysvIpc } from '../kernel/sysv-objects.ts';

/** Texts of /proc/sysvipc (man 5 proc): a row for each object, in columns of fixed width. */
const number = (width: number): ((value: number) => string) => {
  return (value) => String(value).padStart(width);
};
const [n5, n10, n21] = [number(5), number(10), number(21)];
const start = ({ key, id, mode }: IpcObject): string => `${n10(key)} ${n10(id)}  ${mode.toString(8).padStart(4)}`;
const owner = ({ uid, gid, cuid, cgid }: IpcObject): string => [uid, gid, cuid, cgid].map(n5).join(' ');
const times = (...list: readonly number[]): string => list.map(n10).join(' ');

/** /proc/sysvipc/shm */
export function shm({ segments }: SysvIpc): string {
  const head =
    '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n';
  const rows = segments.list().map((s) => {
    const users = `${n5(s.creator)} ${n5(s.lastPid)}  ${n5(s.attached)} ${owner(s)}`;
    return `${start(s)} ${n21(s.size)} ${users} ${times(s.attachTime, s.detachTime, s.ctime)} ${n21(0)} ${n21(0)}\n`;
  });
  return head + rows.join('');
}

/** /proc/sysvipc/sem */
export function sem({ semaphores }: SysvIpc): string {
  const head = '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n';
  const rows = semaphores
    .list()
    .map((s) => `${start(s)} ${n10(s.sems.length)} ${owner(s)} ${times(s.operated, s.ctime)}\n`);
  return head + rows.join('');
}

/** /proc/sysvipc/msg */
export function msg({ queues }: SysvIpc): string {
  const head =
    '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n';
  const rows = queues.list().map((q) => {
    const users = `${n5(q.sender)} ${n5(q.receiver)} ${owner(q)}`;
    return `${start(q)}  ${n10(q.bytes)} ${n10(q.messages.length)} ${users} ${times(q.sendTime, q.receiveTime, q.ctime)}\n`;
  });
  return head + rows.join('');
}
