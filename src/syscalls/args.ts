import { byteString } from './cursor.ts';
import type { ArgType, FormatContext, ResultType } from './define.ts';
import { type FlagTable, formatEnum, formatFlags, formatOpenFlags } from './flags.ts';
import { signalName } from './kernel/signals.ts';
import type { Struct, StructValue } from './struct.ts';

const hex = (value: number): string => (value === 0 ? 'NULL' : `0x${value.toString(16)}`);

export const INT: ArgType<number> = { doc: 'int', read: (c) => c.int(), format: String };
export const UINT: ArgType<number> = { doc: 'unsigned int', read: (c) => c.uint(), format: String };
export const LONG: ArgType<number> = { doc: 'long', read: (c) => c.long(), format: String };
export const SIZE: ArgType<number> = { doc: 'size_t', read: (c) => c.ulong(), format: String };
export const HEX: ArgType<number> = {
  doc: 'unsigned long',
  read: (c) => c.ulong(),
  format: (v) => (v === 0 ? '0' : `0x${v.toString(16)}`),
};
export const PTR: ArgType<number> = { doc: 'pointer', read: (c) => c.ulong(), format: hex };
export const OFF: ArgType<number> = { doc: 'loff_t', read: (c) => c.off64(), format: String };
/** off_t of the ABI's word: lseek, mmap. */
export const WORD_OFF: ArgType<number> = { doc: 'off_t', read: (c) => c.long(), format: String };
export const HEX_OFF: ArgType<number> = {
  doc: 'off_t',
  read: (c) => c.long(),
  format: (v) => (v === 0 ? '0' : `0x${v.toString(16)}`),
};
export const BITS: ArgType<bigint> = {
  doc: 'unsigned long',
  read: (c) => c.bits(),
  format: (v) => `0x${v.toString(16)}`,
};
export const FD: ArgType<number> = { doc: 'fd', read: (c) => c.int(), format: String };
/** Directory descriptor of the *at calls. */
export const FD_AT: ArgType<number> = {
  doc: 'dirfd',
  read: (c) => c.int(),
  format: (v) => (v === -100 ? 'AT_FDCWD' : String(v)),
};
export const MODE: ArgType<number> = { doc: 'mode_t', read: (c) => c.uint() & 0xffff, format: (v) => octal(v) };
export const UID: ArgType<number> = { doc: 'id', read: (c) => c.int(), format: (v) => String(v === -1 ? -1 : v >>> 0) };
export const SIGNAL: ArgType<number> = {
  doc: 'signal',
  read: (c) => c.int(),
  format: (v) => (v === 0 ? '0' : signalName(v)),
};

/** A mandatory pathname; NULL is EFAULT. */
export const PATH: ArgType<string> = {
  doc: 'path',
  read: (c) => {
    const path = c.path();
    if (path === null) c.error = -14;
    return path ?? '';
  },
  format: (v, { task, result }) =>
    v === '' && result === -14 ? hex(task.badPointer) : quote(v, Number.POSITIVE_INFINITY),
};
/** A pathname that may be NULL. */
export const PATH_OPT: ArgType<string | null> = {
  doc: 'path?',
  read: (c) => c.path(),
  format: (v) => (v === null ? 'NULL' : quote(v, Number.POSITIVE_INFINITY)),
};

/** open(2) flags, translated from the ABI's to the generic encoding. */
export const OPEN: ArgType<number> = {
  doc: 'open flags',
  read: (c) => toGenericOpen(c.int(), c.abi.openFlags),
  format: formatOpenFlags,
};

/** Exchange the bits that differ between an ABI and asm-generic. */
export function toGenericOpen(flags: number, map: readonly (readonly [number, number])[]): number {
  let out = flags;
  for (const [here] of map) out &= ~here;
  for (const [here, generic] of map) if ((flags & here) !== 0) out |= generic;
  return out;
}

/** The way back, for F_GETFL. */
export function fromGenericOpen(flags: number, map: readonly (readonly [number, number])[]): number {
  return toGenericOpen(
    flags,
    map.map(([here, generic]) => [generic, here] as const),
  );
}

/** A word of flags. */
export function flags(table: FlagTable, zero = '0'): ArgType<number> {
  return { doc: 'flags', read: (c) => c.int(), format: (v) => formatFlags(v, table, zero) };
}

/** One of several values. */
export function oneOf(table: FlagTable, prefix: string): ArgType<number> {
  return { doc: prefix, read: (c) => c.int(), format: (v) => formatEnum(v, table, prefix) };
}

/** strace's -s. */
const MAX_TEXT = 32;

/** Bytes as strace quotes them: C escapes, octal for the rest, abbreviated. */
export function quote(text: string, max: number = MAX_TEXT): string {
  let out = '"';
  const end = Math.min(text.length, max);
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    const simple = ESCAPES[code];
    if (simple !== undefined) out += simple;
    else if (code >= 32 && code < 127) out += text[i];
    else {
      const next = text.charCodeAt(i + 1);
      const digits = code.toString(8);
      out += `\\${i + 1 < end && next >= 48 && next <= 57 ? digits.padStart(3, '0') : digits}`;
    }
  }
  return text.length > end ? `${out}"...` : `${out}"`;
}

const ESCAPES: Readonly<Record<number, string>> = {
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

/** Octal with the leading zero of C. */
export function octal(value: number): string {
  return `0${value.toString(8)}`.padStart(3, '0');
}

function showBuffer(address: number, length: number, context: FormatContext): string {
  if (address === 0) return 'NULL';
  const bytes = context.task.space.readRange(address, Math.min(length, MAX_TEXT + 1));
  if (bytes === null) return hex(address);
  return quote(byteString(bytes)) + (length > MAX_TEXT && bytes.length <= MAX_TEXT ? '...' : '');
}

/** A buffer that the call reads; its length is another argument. */
export function inBuffer(lengthArg: string): ArgType<number> {
  return {
    doc: 'const void *',
    read: (c) => c.ulong(),
    format: (v, context) => showBuffer(v, Number(context.args[lengthArg] ?? 0), context),
  };
}

/** A buffer that the call fills; the result is its length. */
export const OUT_BUFFER: ArgType<number> = {
  doc: 'void *',
  read: (c) => c.ulong(),
  format: (v, context) =>
    context.result === undefined || context.result < 0 ? hex(v) : showBuffer(v, context.result, context),
};

/** As OUT_BUFFER for bytes that are no text: all in hexadecimal. */
export const OUT_BYTES: ArgType<number> = {
  doc: 'void *',
  read: (c) => c.ulong(),
  format: (v, context) => {
    const { result } = context;
    const bytes =
      result === undefined || result < 0 ? null : context.task.space.readRange(v, Math.min(result, MAX_TEXT));
    if (bytes === null || result === undefined) return hex(v);
    const digits = [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
    return `"${digits}"${result > MAX_TEXT ? '...' : ''}`;
  },
};

/** Show the structure at an address. */
export type StructFormat<F> = (value: StructValue<F>, context: FormatContext) => string;

function showStruct<F>(type: Struct<F>, address: number, context: FormatContext, format?: StructFormat<F>): string {
  if (address === 0) return 'NULL';
  const value = context.task.get(type, address);
  if (value === null) return hex(address);
  if (format !== undefined) return format(value, context);
  const fields = Object.entries(value as Record<string, unknown>).filter(([name]) => !name.startsWith('_'));
  return `{${fields.map(([name, field]) => `${name}=${showField(field)}`).join(', ')}}`;
}

function showField(field: unknown): string {
  if (typeof field === 'string') return quote(field, 64);
  if (typeof field === 'bigint') return `0x${field.toString(16)}`;
  if (Array.isArray(field)) return `[${field.map(showField).join(', ')}]`;
  if (typeof field === 'object' && field !== null) {
    return `{${Object.entries(field)
      .filter(([name]) => !name.startsWith('_'))
      .map(([name, value]) => `${name}=${showField(value)}`)
      .join(', ')}}`;
  }
  return String(field);
}

/** Address of a structure that the call reads. */
export function inStruct<F>(type: Struct<F>, format?: StructFormat<F>): ArgType<number> {
  return {
    doc: `const struct ${type.name} *`,
    read: (c) => c.ulong(),
    format: (v, context) => showStruct(type, v, context, format),
  };
}

/** Address of a structure that the call fills. */
export function outStruct<F>(type: Struct<F>, format?: StructFormat<F>): ArgType<number> {
  return {
    doc: `struct ${type.name} *`,
    read: (c) => c.ulong(),
    format: (v, context) =>
      context.result === undefined || context.result < 0 ? hex(v) : showStruct(type, v, context, format),
  };
}

/** Address of an array of ints that the call fills: pipe2. */
export function outInts(count: number): ArgType<number> {
  return {
    doc: `int[${count}]`,
    read: (c) => c.ulong(),
    format: (v, context) => {
      if (context.result === undefined || context.result < 0) return hex(v);
      const words: number[] = [];
      for (let i = 0; i < count; i++) words.push(context.task.space.view.getInt32(v + 4 * i, true));
      return `[${words.join(', ')}]`;
    },
  };
}

export const R_INT: ResultType = { doc: 'int', format: String };
export const R_FD: ResultType = { doc: 'fd', format: String };
export const R_SIZE: ResultType = { doc: 'ssize_t', format: String };
export const R_PTR: ResultType = {
  doc: 'pointer',
  format: (v) => (v === 0 ? 'NULL' : `0x${v.toString(16)}`),
};
export const R_MODE: ResultType = { doc: 'mode_t', format: (v) => octal(v) };
/** Never returns. */
export const R_NONE: ResultType = { doc: 'does not return', format: () => '?' };
/** The bytes of a system call's argument that is already decoded: iovec arrays and the like. */
export { hex as formatPointer };
