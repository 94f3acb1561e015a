import { MAX_WORKERS } from '../cpu/memory/layout.ts';
import { CPU_NAMES } from '../cpu-models.ts';
import type { LogRange } from '../log.ts';
import { type ParsedLine, UsageError } from './parse.ts';
import { LOG_ITEMS, type OptionName } from './table.ts';

/**
 * What the emulator is asked to do. Paths, arguments and environment are byte strings (one character
 * per byte), since Linux knows no encoding.
 */
export interface EmulatorOptions {
  /** Guest path of the program. */
  readonly path: string;
  /** argv[0] included. */
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** Looked up before the host (-L). */
  readonly sysroot?: string | undefined;
  /** RLIMIT_STACK in bytes (-s). */
  readonly stackSize?: number | undefined;
  readonly cpu?: string | undefined;
  /** uname -r (-r). */
  readonly release?: string | undefined;
  readonly strace?: boolean | undefined;
  /** Items of -d. */
  readonly log?: readonly string[] | undefined;
  /** Ranges of -dfilter. */
  readonly logRanges?: readonly LogRange[] | undefined;
  /** Host file for logs (-D); stderr by default. */
  readonly logFile?: string | undefined;
  readonly seed?: number | undefined;
  /** Host directory or archive that fills an in-memory root; the guest sees nothing else. */
  readonly memfs?: string | Uint8Array | undefined;
  /** Limits of that root. */
  readonly maxBytes?: number | undefined;
  readonly maxInodes?: number | undefined;
  /** Seconds of processor time until the guest is killed. */
  readonly cpuSeconds?: number | undefined;
  /** Whether sockets reach the host's network; by default unless `memfs` is given. */
  readonly network?: boolean | undefined;
  /** Most worker threads; see RunOptions. */
  readonly workers?: number | undefined;
  /** Directory of the translation cache; null = none. */
  readonly cache?: string | null | undefined;
  /** Standard streams kept from the host's: given bytes, and sinks. */
  readonly stdio?: CapturedStdio | undefined;
}

/** Standard streams of a program run by the library. */
export interface CapturedStdio {
  readonly stdin: Uint8Array;
  readonly stdout: (bytes: Uint8Array) => void;
  readonly stderr: (bytes: Uint8Array) => void;
}

/** How a program ended; `told`: a line about the reason was printed. */
export type ExitResult = { readonly exitCode: number } | { readonly signal: number; readonly told?: boolean };

/** Environment of a sandboxed guest, where the host's is not passed on. */
export const SANDBOX_ENV: readonly string[] = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'LANG=C.UTF-8',
];

const DEFAULT_STACK = 8 << 20;
const SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1 << 10, K: 1 << 10, M: 1 << 20, G: 1 << 30 };

/** A JavaScript string as the bytes of its UTF-8 form, one character each. */
export const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Values the help text tells as defaults. */
export const DEFAULTS: Readonly<Record<string, string>> = {
  QEMU_LD_PREFIX: '/',
  QEMU_STACK_SIZE: `${DEFAULT_STACK} byte`,
  TSQEMU_WORKERS: 'one less than processors',
};

/**
 * Interpret a command line. `fromEnv` holds the options the environment gives; `host` the host's
 * environment as byte strings. Throws UsageError.
 */
export function emulatorOptions(
  line: ParsedLine,
  fromEnv: ReadonlyMap<OptionName, readonly string[]>,
  host: readonly string[],
): EmulatorOptions {
  const last = (name: OptionName): string | undefined => (line.values.get(name) ?? fromEnv.get(name))?.at(-1);
  const all = (name: OptionName): string[] => [...(fromEnv.get(name) ?? []), ...(line.values.get(name) ?? [])];
  const [program, ...args] = line.guest;
  if (program === undefined) throw new UsageError('no program is given; -h tells how to use it');
  const memfs = last('memfs');
  const env = new Map<string, string>();
  for (const entry of memfs === undefined ? host : SANDBOX_ENV) env.set(entry.split('=', 1)[0] ?? '', entry);
  for (const name of all('unset-env').flatMap(split)) {
    if (name.includes('=')) throw new UsageError(`-U takes names of variables, not '${name}'`);
    env.delete(toBytes(name));
  }
  for (const entry of all('set-env').flatMap(split)) {
    const [name] = entry.split('=', 1);
    if (!entry.includes('=') || name === '') throw new UsageError(`-E takes VAR=VALUE, not '${entry}'`);
    env.set(toBytes(name ?? ''), toBytes(entry));
  }
  const log = last('log')?.split(',');
  for (const item of log ?? []) {
    if (!Object.hasOwn(LOG_ITEMS, item)) throw new UsageError(`unknown log item '${item}'; -d help lists them`);
  }
  const cache = last('cache');
  return {
    path: toBytes(program),
    argv: [last('argv0') ?? program, ...args].map(toBytes),
    env: [...env.values()],
    sysroot: last('ld-prefix'),
    stackSize: size('-s', last('stack-size'), 2 ** 30, '1G'),
    cpu: cpuModel(last('cpu')),
    release: last('uname'),
    strace: last('strace') !== undefined || log?.includes('strace') === true,
    log,
    logRanges: last('log-filter')?.split(',').map(range),
    logFile: last('log-file'),
    seed: seed(last('seed')),
    memfs,
    maxBytes: size('--max-bytes', last('max-bytes'), 2 ** 32, '4G'),
    maxInodes: positive('--max-inodes', last('max-inodes')),
    cpuSeconds: positive('--max-cpu', last('max-cpu')),
    network: network(last('net') !== undefined, last('no-net') !== undefined),
    workers: workers(last('workers')),
    cache: cache === 'off' ? null : cache,
  };
}

const split = (list: string): string[] => list.split(',').filter((item) => item !== '');

function network(yes: boolean, no: boolean): boolean | undefined {
  if (yes && no) throw new UsageError('--net and --no-net exclude each other');
  return yes ? true : no ? false : undefined;
}

/** A wrong name is refused as qemu-user does. */
function cpuModel(name: string | undefined): string | undefined {
  if (name !== undefined && !CPU_NAMES.includes(name)) {
    throw new UsageError(`unknown CPU model '${name}'; there are ${CPU_NAMES.join(', ')}`);
  }
  return name;
}

function size(option: string, text: string | undefined, most: number, mostText: string): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, suffix] = /^(\d+|0x[0-9a-f]+)([kKMG]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * (SUFFIXES[suffix ?? ''] ?? Number.NaN);
  if (!(bytes > 0 && bytes <= most))
    throw new UsageError(`${option} takes a size of at most ${mostText}, not '${text}'`);
  return bytes;
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === '' || !(value > 0 && Number.isFinite(value))) {
    throw new UsageError(`${option} takes a number above 0, not '${text}'`);
  }
  return value;
}

function workers(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === '' || !(Number.isInteger(value) && value >= 0 && value <= MAX_WORKERS)) {
    throw new UsageError(`--workers takes a number from 0 to ${MAX_WORKERS}, not '${text}'`);
  }
  return value;
}

/** A range of -dfilter: first..last, first+length, last-length. */
function range(text: string): LogRange {
  const [, from = '', operator = '', by = ''] = /^(\w+)(\.\.|[+-])(\w+)$/.exec(text) ?? [];
  const [a, b] = [Number(from || Number.NaN), Number(by || Number.NaN)];
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b) || (operator !== '..' && b === 0)) {
    throw new UsageError(`-dfilter takes ranges as 0x1000..0x1fff or 0x1000+0x100, not '${text}'`);
  }
  if (operator === '..') return { first: a, last: b };
  return operator === '+' ? { first: a, last: a + b - 1 } : { first: a - b + 1, last: a };
}

function seed(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === '' || !Number.isInteger(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new UsageError(`-seed takes a number, not '${text}'`);
  }
  return value;
}
