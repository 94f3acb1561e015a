/** Resource limits (man 2 getrlimit): [soft, hard] by RLIMIT_ number; Infinity = RLIM_INFINITY. */
export type Limits = [number, number][];

export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_DATA = 2;
export const RLIMIT_STACK = 3;
export const RLIMIT_CORE = 4;
export const RLIMIT_NPROC = 6;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_AS = 9;
export const RLIMIT_MSGQUEUE = 12;

/** Names of /proc/self/limits with units, by number. */
export const LIMIT_ROWS: readonly (readonly [string, string])[] = [
  ['Max cpu time', 'seconds'],
  ['Max file size', 'bytes'],
  ['Max data size', 'bytes'],
  ['Max stack size', 'bytes'],
  ['Max core file size', 'bytes'],
  ['Max resident set', 'bytes'],
  ['Max processes', 'processes'],
  ['Max open files', 'files'],
  ['Max locked memory', 'bytes'],
  ['Max address space', 'bytes'],
  ['Max file locks', 'locks'],
  ['Max pending signals', 'signals'],
  ['Max msgqueue size', 'bytes'],
  ['Max nice priority', ''],
  ['Max realtime priority', ''],
  ['Max realtime timeout', 'us'],
];

/** The limits a process starts with. */
export function defaultLimits(stackBytes: number): Limits {
  const none = Number.POSITIVE_INFINITY;
  return [
    [none, none],
    [none, none],
    [none, none],
    [stackBytes, none],
    [0, none],
    [none, none],
    [15000, 15000],
    [1024, 4096],
    [8388608, 8388608],
    [none, none],
    [none, none],
    [15000, 15000],
    [819200, 819200],
    [0, 0],
    [0, 0],
    [none, none],
  ];
}
