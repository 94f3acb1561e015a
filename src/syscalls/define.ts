import type { Cursor } from './cursor.ts';
import type { Task } from './kernel/task.ts';
import type { Pending } from './kernel/wait.ts';

/** What a formatter may look at: the other arguments, and the result once it is known. */
export interface FormatContext {
  readonly task: Task;
  readonly args: Readonly<Record<string, unknown>>;
  /** Undefined while the call has not returned; negative for an error. */
  readonly result: number | undefined;
}

/** How one kind of argument is taken from the registers and shown by strace. */
export interface ArgType<T> {
  readonly doc: string;
  read(cursor: Cursor): T;
  /** Empty = not shown: arguments that count only in some cases. */
  format(value: T, context: FormatContext): string;
}

/** How strace shows a successful result. */
export interface ResultType {
  readonly doc: string;
  format(result: number, context: FormatContext): string;
}

/**
 * Returned instead of a result when the registers must not be touched and translated code must be
 * left: the process exited, or the registers were replaced (rt_sigreturn).
 */
export const LEAVE: { readonly leave: true } = { leave: true };

/** A result, a negative errno, LEAVE, or what a call waits with (see waitFor). */
export type SyscallResult = number | typeof LEAVE | Pending;

type ArgTypes = Readonly<Record<string, ArgType<unknown>>>;
/** What a handler gets: the arguments by name. */
export type ArgValues<A> = { [K in keyof A]: A[K] extends ArgType<infer T> ? T : never };

/** How far a call is supported; `note` says what is missing. */
export interface Support {
  readonly support: 'full' | 'partial' | 'none';
  readonly note?: string;
}

/** One system call as declared: everything known about it. */
export interface Syscall extends Support {
  readonly name: string;
  readonly argNames: readonly string[];
  readonly argTypes: readonly ArgType<unknown>[];
  readonly result: ResultType;
  readonly handler: (task: Task, args: never) => SyscallResult;
  /** Its times are pairs of 64-bit integers on 32-bit ABIs too (`clock_gettime64`). */
  readonly wideTime?: boolean;
}

const FULL: Support = { support: 'full' };

/** Declare a system call: argument decoding, strace text and documentation follow from it. */
export function syscall<A extends { readonly [K in keyof A]: ArgType<never> | ArgType<unknown> }>(
  name: string,
  args: A,
  result: ResultType,
  handler: (task: Task, args: ArgValues<A>) => SyscallResult,
  support: Support = FULL,
): Syscall {
  const types = args as unknown as ArgTypes;
  return {
    name,
    argNames: Object.keys(types),
    argTypes: Object.values(types),
    result,
    handler: handler as Syscall['handler'],
    ...support,
  };
}
