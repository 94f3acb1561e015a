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

/**
 * Split a command line at the program's name without loading yargs. Null = it holds something that is
 * not simply `-name [value]`, so yargs must look ({@link rewriteLine}).
 */
export function parseLine(args: readonly string[]): ParsedLine | null {
  const values = new Map<OptionName, string[]>();
  let i = 0;
  for (; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--') {
      i++;
      break;
    }
    if (!arg.startsWith('-') || arg === '-') break;
    const row = find(arg);
    if (row === undefined || row.long === 'help') return null;
    let value = '';
    if (row.value !== null) {
      const next = args[++i];
      if (next === undefined) throw new UsageError(`option ${arg} needs a value: ${row.value}`);
      value = next;
    }
    add(values, row, value);
  }
  return { values, guest: args.slice(i) };
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
  const options: string[] = [];
  let i = 0;
  for (; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--') {
      i++;
      break;
    }
    if (!arg.startsWith('-') || arg === '-') break;
    const row = find(arg);
    if (row === undefined) options.push(arg.replace(/^--?/, '--'));
    else if (row.value === null) options.push(`--${row.long}`);
    else if (i + 1 < args.length) options.push(`--${row.long}=${args[++i]}`);
    else options.push(`--${row.long}`);
  }
  return { options, guest: args.slice(i) };
}

function add(values: Map<OptionName, string[]>, row: (typeof OPTIONS)[number], value: string): void {
  const list = values.get(row.long);
  if (list !== undefined && 'repeat' in row) list.push(value);
  else values.set(row.long, [value]);
}
