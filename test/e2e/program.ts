/** One run of a guest program, compared with what the oracle printed. */
export interface Program {
  /** Unique; by default the command line. */
  readonly name: string;
  /** Path in the sysroot, without leading slash. */
  readonly file: string;
  /** argv, argv[0] included. */
  readonly argv: readonly string[];
  readonly stdin: string;
  /** Files whose bytes after the run are part of the result. */
  readonly outputs: readonly string[];
  /** The order of its lines is the host's choice (directories, environment): they are sorted. */
  readonly unordered: boolean;
  /** The oracle is the host's own program of the same name and Debian release, not qemu. */
  readonly native: boolean;
}

export interface ProgramOptions {
  readonly native?: boolean;
  readonly stdin?: string;
  readonly outputs?: readonly string[];
  readonly unordered?: boolean;
  /** File to run when it is not usr/bin/NAME. */
  readonly file?: string;
}

/** A program by its command line; words are split at blanks, '…' keeps them. */
export function program(line: string, options: ProgramOptions = {}): Program {
  const argv = [...line.matchAll(/'([^']*)'|[^\s']+/g)].map(([word, quoted]) => quoted ?? word);
  const { stdin = '', outputs = [], unordered = false, native = false, file = `usr/bin/${argv[0]}` } = options;
  return { name: line, file, argv, stdin, outputs, unordered, native };
}

/** A busybox applet. */
export const applet = (line: string, options: ProgramOptions = {}): Program => ({
  ...program(line, { file: 'usr/bin/busybox', ...options }),
  name: `busybox ${line}`,
});
