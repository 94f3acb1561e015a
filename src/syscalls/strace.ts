import type { FormatContext, Syscall } from './define.ts';
import { ERESTARTNOHAND, ERESTARTSYS, errnoName, errnoText } from './errno.ts';
import type { SigInfo } from './kernel/signals.ts';
import { SI_KERNEL, SI_TKILL, SI_USER, SIGSEGV, signalName } from './kernel/signals.ts';
import type { Task } from './kernel/task.ts';

/** strace's default -a. */
const RESULT_COLUMN = 39;

/** `name(arg, …` without the closing parenthesis. */
function opening(task: Task, call: Syscall, args: Record<string, unknown>, result: number | undefined): string {
  const context: FormatContext = { task, args, result };
  const shown = call.argTypes.map((type, i) => type.format(args[call.argNames[i] ?? ''] as never, context));
  return `${call.name}(${shown.filter((text) => text !== '').join(', ')}`;
}

/** The line of a finished call, as strace 6 prints it. */
export function traceReturn(task: Task, call: Syscall, args: Record<string, unknown>, result: number): string {
  const left = `${opening(task, call, args, result)})`.padEnd(RESULT_COLUMN);
  return `${left} = ${traceResult(task, call, args, result)}\n`;
}

function traceResult(task: Task, call: Syscall, args: Record<string, unknown>, result: number): string {
  if (result >= 0 || result < -4095) return call.result.format(result, { task, args, result });
  const text = `${errnoName(-result)} (${errnoText(-result)})`;
  return result === -ERESTARTSYS || result === -ERESTARTNOHAND ? `? ${text}` : `-1 ${text}`;
}

/** The line of a call that does not return. */
export function traceNoReturn(task: Task, call: Syscall, args: Record<string, unknown>): string {
  return `${`${opening(task, call, args, undefined)})`.padEnd(RESULT_COLUMN)} = ?\n`;
}

/** A call without a declaration: its raw arguments. */
export function traceUnknown(name: string, values: readonly number[]): string {
  const args = values.map((v) => (v === 0 ? '0' : `0x${v.toString(16)}`)).join(', ');
  return `${`${name}(${args})`.padEnd(RESULT_COLUMN)} = -1 ENOSYS (Function not implemented)\n`;
}

/** `--- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---` */
export function traceSignal(info: SigInfo): string {
  const name = signalName(info.signo);
  const parts = [`si_signo=${name}`, `si_code=${codeName(info)}`];
  if (info.addr !== undefined) parts.push(`si_addr=${info.addr === 0n ? 'NULL' : `0x${info.addr.toString(16)}`}`);
  if (info.pid !== undefined) parts.push(`si_pid=${info.pid}`, `si_uid=${info.uid ?? 0}`);
  return `--- ${name} {${parts.join(', ')}} ---\n`;
}

function codeName(info: SigInfo): string {
  if (info.code === SI_USER) return 'SI_USER';
  if (info.code === SI_TKILL) return 'SI_TKILL';
  if (info.code === SI_KERNEL) return 'SI_KERNEL';
  if (info.code === -1) return 'SI_QUEUE';
  if (info.code === -2) return 'SI_TIMER';
  if (info.code === -3) return 'SI_MESGQ';
  if (info.signo === SIGSEGV)
    return info.code === 1 ? 'SEGV_MAPERR' : info.code === 2 ? 'SEGV_ACCERR' : String(info.code);
  return String(info.code);
}

/** `+++ exited with 0 +++` or `+++ killed by SIGSEGV +++`. */
export function traceEnd(status: { readonly code: number } | { readonly signal: number }): string {
  return 'code' in status ? `+++ exited with ${status.code} +++\n` : `+++ killed by ${signalName(status.signal)} +++\n`;
}
