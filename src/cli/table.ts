/** One command-line option: qemu-user's name, the long name, and the environment variable. */
export interface OptionRow {
  /** qemu-user's spelling after one dash; also accepted after two. */
  readonly flag: string | null;
  /** GNU-style spelling after two dashes. */
  readonly long: string;
  /** What the value is called in the help text; null for a switch. */
  readonly value: string | null;
  readonly env: string | null;
  /** May be given more than once; all values count, in order. */
  readonly repeat?: true;
  readonly help: string;
}

/** Names of the options, as keys of what the parser returns. */
export type OptionName = (typeof OPTIONS)[number]['long'];

// biome-ignore format: one option per line
export const OPTIONS = [
  { flag: 'L', long: 'ld-prefix', value: 'DIR', env: 'QEMU_LD_PREFIX', help: 'look files up in DIR before the host: root of the guest\'s libraries' },
  { flag: 'E', long: 'set-env', value: 'VAR=VALUE,…', env: 'QEMU_SET_ENV', repeat: true, help: 'set environment variables of the guest' },
  { flag: 'U', long: 'unset-env', value: 'VAR,…', env: 'QEMU_UNSET_ENV', repeat: true, help: 'remove environment variables of the guest' },
  { flag: '0', long: 'argv0', value: 'NAME', env: 'QEMU_ARGV0', help: 'argv[0] of the program' },
  { flag: 's', long: 'stack-size', value: 'BYTES', env: 'QEMU_STACK_SIZE', help: 'stack size; suffixes k, M, G' },
  { flag: 'cpu', long: 'cpu', value: 'MODEL', env: 'QEMU_CPU', help: 'CPU model; -cpu help lists them' },
  { flag: 'r', long: 'uname', value: 'RELEASE', env: 'QEMU_UNAME', help: 'kernel release that uname tells' },
  { flag: 'strace', long: 'strace', value: null, env: 'QEMU_STRACE', help: 'log system calls' },
  { flag: 'd', long: 'log', value: 'ITEM,…', env: 'QEMU_LOG', help: 'log these items; -d help lists them' },
  { flag: 'D', long: 'log-file', value: 'FILE', env: 'QEMU_LOG_FILENAME', help: 'write logs to FILE instead of stderr' },
  { flag: 'dfilter', long: 'log-filter', value: 'RANGE,…', env: 'QEMU_DFILTER', help: 'log only code in these ranges: A..B, A+LENGTH, A-LENGTH' },
  { flag: 'seed', long: 'seed', value: 'NUMBER', env: 'QEMU_RAND_SEED', help: 'make random numbers repeat' },
  { flag: null, long: 'memfs', value: 'DIR|ARCHIVE', env: null, help: 'run in a root in memory filled from a directory or tar archive; nothing of the host is seen' },
  { flag: null, long: 'max-bytes', value: 'BYTES', env: null, help: 'bytes of files that fit into the root of --memfs; suffixes k, M, G' },
  { flag: null, long: 'max-inodes', value: 'NUMBER', env: null, help: 'files and directories that fit into the root of --memfs' },
  { flag: null, long: 'max-cpu', value: 'SECONDS', env: null, help: 'kill the guest (SIGXCPU) after so much processor time' },
  { flag: null, long: 'net', value: null, env: null, help: 'let sockets reach the host\'s network in --memfs too' },
  { flag: null, long: 'no-net', value: null, env: null, help: 'sockets reach other guests only, by the loopback' },
  { flag: null, long: 'workers', value: 'NUMBER', env: 'TSQEMU_WORKERS', help: 'host threads beside the main one that guest threads and processes run on, 0 for none' },
  { flag: null, long: 'cache', value: 'DIR|off', env: 'TSQEMU_CACHE', help: 'where translated code is kept' },
  { flag: 'version', long: 'version', value: null, env: null, help: 'print the version' },
  { flag: 'h', long: 'help', value: null, env: null, help: 'print this help' },
] as const satisfies readonly OptionRow[];

/** Items of -d, with what they log. */
// biome-ignore format: one item per line
export const LOG_ITEMS: Readonly<Record<string, string>> = {
  in_asm: 'guest assembly of each block translated',
  op: 'intermediate representation of each instruction by itself',
  op_opt: 'intermediate representation of each block, optimized',
  out_asm: 'WebAssembly text of each region compiled',
  exec: 'address of each block entered from the dispatcher',
  cpu: 'registers at these points',
  page: 'mappings at the start and after each change',
  unimp: 'what is not implemented (always on)',
  strace: 'system calls',
  verify: 'nothing, but check the representation of each block',
};
