import { OPTIONS, type OptionName, type OptionRow } from './table.ts';

/** The command line taken apart; nothing is interpreted yet. */
export interface ParsedLine {
  readonly values: ReadonlyMap<OptionName, readonly string[]>;
  /** The program and its arguments, untouched. */
  readonly guest: readonly string[];
}

/** A wrong command line: one line for the user; exit status 1 as qemu-user's. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const ROWS: ReadonlyMap<string, (typeof OPTIONS)[number]> = new Map(
  OPTIONS.flatMap((row) => [...(row.flag === null ? [] : [[row.flag, row] as const]), [row.long, row] as const]),
);

const find = (text: string): (typeof OPTIONS)[number] | undefined => ROWS.get(text.replace(/^--?/, ''));

/** The row of a name, for messages. */
export const spelling = (row: OptionRow): string => (row.flag === null ? `--${row.long}` : `-${row.flag}`);

/** An option as it stands on the command line. */
interface Option {
  readonly arg: string;
  /** Undefined: there is none of this name. */
  readonly row: (typeof OPTIONS)[number] | undefined;
  /** Undefined where the option has none, or none is left for it. */
  readonly value: string | undefined;
}

/** Options, and the guest's words behind them. */
function split(args: readonly string[]): { options: Option[]; guest: string[] } {
  const options: Option[] = [];
  let i = 0;
  while (i < args.length) {
    const arg = args[i] as string;
    if (arg === '--') i++;
    if (arg === '--' || arg === '-' || !arg.startsWith('-')) break;
    const row = find(arg);
    const hasValue = row !== undefined && row.value !== null;
    options.push({ arg, row, value: hasValue ? args[i + 1] : undefined });
    i += hasValue ? 2 : 1;
  }
  return { options, guest: args.slice(i) };
}

/**
 * Split a command line at the program's name without loading yargs. Null = it holds something that is
 * not simply `-name [value]`, so yargs must look ({@link rewriteLine}).
 */
export function parseLine(args: readonly string[]): ParsedLine | null {
  const values = new Map<OptionName, string[]>();
  const { options, guest } = split(args);
  for (const { arg, row, value } of options) {
    if (row === undefined || row.long === 'help') return null;
    if (row.value !== null && value === undefined) throw new UsageError(`option ${arg} needs a value: ${row.value}`);
    add(values, row, value ?? '');
  }
  return { values, guest };
}

/** Options from the environment, which the command line's override. */
export function environmentValues(env: Readonly<Record<string, string | undefined>>): Map<OptionName, string[]> {
  const values = new Map<OptionName, string[]>();
  for (const row of OPTIONS) {
    const value = row.env === null ? undefined : env[row.env];
    if (value !== undefined) add(values, row, value);
  }
  return values;
}

/** qemu's spellings as `--long=value`, which yargs reads; stops where the guest's words begin. */
export function rewriteLine(args: readonly string[]): { options: string[]; guest: string[] } {
  const { options, guest } = split(args);
  const spelled = options.map(({ arg, row, value }) => {
    if (row === undefined) return arg.replace(/^--?/, '--');
    return value === undefined ? `--${row.long}` : `--${row.long}=${value}`;
  });
  return { options: spelled, guest };
}

function add(values: Map<OptionName, string[]>, row: (typeof OPTIONS)[number], value: string): void {
  const list = values.get(row.long);
  if (list !== undefined && 'repeat' in row) list.push(value);
  else values.set(row.long, [value]);
}
