import type { IpcObject } from '../kernel/sysv.ts';
import { type FieldType, i32, long, readI64, struct, u16, u32, ulong, writeI64 } from '../struct.ts';

/** Seconds: a long, on 32-bit ABIs with the upper half behind it. */
const seconds: FieldType<number> = {
  size: () => 8,
  align: (abi) => abi.wordSize,
  read: (view, at) => readI64(view, at),
  write: (view, at, value) => writeI64(view, at, value),
};

/** struct ipc64_perm (asm-generic/ipcbuf.h). */
export const IPC_PERM = struct('ipc64_perm', {
  key: i32,
  uid: u32,
  gid: u32,
  cuid: u32,
  cgid: u32,
  mode: u32,
  seq: u16,
  _pad: u16,
  _unused1: ulong,
  _unused2: ulong,
});
/** struct shmid64_ds, semid64_ds, msqid64_ds (asm-generic). */
export const SHMID_DS = struct('shmid64_ds', {
  shm_perm: IPC_PERM,
  shm_segsz: ulong,
  shm_atime: seconds,
  shm_dtime: seconds,
  shm_ctime: seconds,
  shm_cpid: i32,
  shm_lpid: i32,
  shm_nattch: ulong,
  _unused4: ulong,
  _unused5: ulong,
});
export const SEMID_DS = struct('semid64_ds', {
  sem_perm: IPC_PERM,
  sem_otime: seconds,
  sem_ctime: seconds,
  sem_nsems: ulong,
  _unused3: ulong,
  _unused4: ulong,
});
/** x86-64 keeps the gaps that i386 has for the upper halves of times (arch/x86 uapi asm/sembuf.h). */
export const SEMID_DS_X86_64 = struct('semid64_ds', {
  sem_perm: IPC_PERM,
  sem_otime: seconds,
  _unused1: ulong,
  sem_ctime: seconds,
  _unused2: ulong,
  sem_nsems: ulong,
  _unused3: ulong,
  _unused4: ulong,
});
export const MSQID_DS = struct('msqid64_ds', {
  msg_perm: IPC_PERM,
  msg_stime: seconds,
  msg_rtime: seconds,
  msg_ctime: seconds,
  msg_cbytes: ulong,
  msg_qnum: ulong,
  msg_qbytes: ulong,
  msg_lspid: i32,
  msg_lrpid: i32,
  _unused4: ulong,
  _unused5: ulong,
});
/** struct shminfo64, shm_info: limits, and what is in use. */
export const SHMINFO = struct('shminfo64', {
  shmmax: ulong,
  shmmin: ulong,
  shmmni: ulong,
  shmseg: ulong,
  shmall: ulong,
  _unused1: ulong,
  _unused2: ulong,
  _unused3: ulong,
  _unused4: ulong,
});
export const SHM_INFO = struct('shm_info', {
  used_ids: i32,
  shm_tot: ulong,
  shm_rss: ulong,
  shm_swp: ulong,
  swap_attempts: ulong,
  swap_successes: ulong,
});
/** struct seminfo and msginfo. */
export const SEMINFO = struct('seminfo', {
  semmap: i32,
  semmni: i32,
  semmns: i32,
  semmnu: i32,
  semmsl: i32,
  semopm: i32,
  semume: i32,
  semusz: i32,
  semvmx: i32,
  semaem: i32,
});
export const MSGINFO = struct('msginfo', {
  msgpool: i32,
  msgmap: i32,
  msgmax: i32,
  msgmnb: i32,
  msgmni: i32,
  msgssz: i32,
  msgtql: i32,
  msgseg: u16,
});
export const SEMBUF = struct('sembuf', { sem_num: u16, sem_op: u16, sem_flg: u16 });
/** What comes before the text of a message. */
export const MSGBUF = struct('msgbuf', { mtype: long });

/** An object's struct ipc_perm. */
export const permOf = (object: IpcObject, mode: number = object.mode) => ({
  key: object.key,
  uid: object.uid,
  gid: object.gid,
  cuid: object.cuid,
  cgid: object.cgid,
  mode,
  seq: Math.floor(object.id / 32768) & 0xffff,
  _pad: 0,
  _unused1: 0,
  _unused2: 0,
});
