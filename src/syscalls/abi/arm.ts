import { armFrame } from './arm-frame.ts';
import { ARM_NUMBERS } from './arm-numbers.ts';
import type { Abi } from './types.ts';

/** Instructions as bytes. */
const words = (...list: readonly number[]): number[] => [...new Uint8Array(Uint32Array.from(list).buffer)];

/** ARM Linux, EABI; four open flags differ as on arm64 (arch/arm uapi asm/fcntl.h). */
export const arm: Abi = {
  name: 'arm',
  machine: 'armv7l',
  wordSize: 4,
  align64: 8,
  evenPairs: true,
  numbers: ARM_NUMBERS,
  // what the declarations know by a 64-bit architecture's name
  aliases: {
    // what those names mean here: 16-bit ids, offsets and structures of 32 bits
    ...Object.fromEntries(
      'getuid geteuid getgid getegid setuid setgid setreuid setregid setresuid setresgid getresuid getresgid setfsuid setfsgid getgroups chown lchown fchown'
        .split(' ')
        .map((name) => [name, { call: `${name}16` }]),
    ),
    ...Object.fromEntries(
      'stat lstat fstat truncate ftruncate sendfile sigaction'
        .split(' ')
        .map((name) => [name, { call: `old ${name}` }]),
    ),
    sync_file_range2: { call: 'arm_sync_file_range' },
    ugetrlimit: { call: 'getrlimit' },
    truncate64: { call: 'truncate' },
    ftruncate64: { call: 'ftruncate' },
    fstatat64: { call: 'newfstatat' },
    stat64: { call: 'stat' },
    lstat64: { call: 'lstat' },
    fstat64: { call: 'fstat' },
    fcntl64: { call: 'fcntl' },
    sendfile64: { call: 'sendfile' },
    setuid32: { call: 'setuid' },
    setgid32: { call: 'setgid' },
    getuid32: { call: 'getuid' },
    getgid32: { call: 'getgid' },
    geteuid32: { call: 'geteuid' },
    getegid32: { call: 'getegid' },
    setreuid32: { call: 'setreuid' },
    setregid32: { call: 'setregid' },
    setresuid32: { call: 'setresuid' },
    setresgid32: { call: 'setresgid' },
    getresuid32: { call: 'getresuid' },
    getresgid32: { call: 'getresgid' },
    setfsuid32: { call: 'setfsuid' },
    setfsgid32: { call: 'setfsgid' },
    getgroups32: { call: 'getgroups' },
    setgroups32: { call: 'setgroups' },
    chown32: { call: 'chown' },
    lchown32: { call: 'lchown' },
    fchown32: { call: 'fchown' },
    epoll_pwait2: { call: 'epoll_pwait2', wideTime: true },
    clock_gettime64: { call: 'clock_gettime', wideTime: true },
    clock_settime64: { call: 'clock_settime', wideTime: true },
    clock_adjtime64: { call: 'clock_adjtime', wideTime: true },
    clock_getres_time64: { call: 'clock_getres', wideTime: true },
    clock_nanosleep_time64: { call: 'clock_nanosleep', wideTime: true },
    timer_gettime64: { call: 'timer_gettime', wideTime: true },
    timer_settime64: { call: 'timer_settime', wideTime: true },
    timerfd_gettime64: { call: 'timerfd_gettime', wideTime: true },
    timerfd_settime64: { call: 'timerfd_settime', wideTime: true },
    utimensat_time64: { call: 'utimensat', wideTime: true },
    pselect6_time64: { call: 'pselect6', wideTime: true },
    ppoll_time64: { call: 'ppoll', wideTime: true },
    recvmmsg_time64: { call: 'recvmmsg', wideTime: true },
    mq_timedsend_time64: { call: 'mq_timedsend', wideTime: true },
    mq_timedreceive_time64: { call: 'mq_timedreceive', wideTime: true },
    semtimedop_time64: { call: 'semtimedop', wideTime: true },
    rt_sigtimedwait_time64: { call: 'rt_sigtimedwait', wideTime: true },
    futex_time64: { call: 'futex', wideTime: true },
    sched_rr_get_interval_time64: { call: 'sched_rr_get_interval', wideTime: true },
  },
  registers: { number: 7, args: [0, 1, 2, 3, 4, 5, 6], result: 0, stack: 13 },
  // bit 0 of the pc tells T32, whose instruction has two bytes
  syscallLength: (pc) => ((pc & 1) === 1 ? 2 : 4),
  openFlags: [
    [0o40000, 0o200000], // O_DIRECTORY
    [0o100000, 0o400000], // O_NOFOLLOW
    [0o200000, 0o40000], // O_DIRECT
    [0o400000, 0o100000], // O_LARGEFILE
  ],
  statLayout: 'stat64',
  frame: armFrame,
  // mov r7, #119 (sigreturn); svc #0; mov r7, #173 (rt_sigreturn); svc #0
  sigreturnCode: words(0xe3a07077, 0xef000000, 0xe3a070ad, 0xef000000),
};
