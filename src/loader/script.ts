/** A `#!` line: the interpreter and at most one argument, as byte strings. */
export interface ScriptLine {
  readonly interpreter: string;
  readonly argument: string | null;
}

/** How much of a file the kernel looks at (BINPRM_BUF_SIZE). */
export const SCRIPT_HEAD = 256;

/** Whether a file starts with `#!`. */
export function isScript(start: Uint8Array): boolean {
  return start[0] === 0x23 && start[1] === 0x21;
}

/**
 * Read the `#!` line as Linux's binfmt_script does: blanks around interpreter and argument are dropped,
 * the argument may hold blanks. Null where the kernel answers ENOEXEC.
 */
export function parseScript(start: Uint8Array): ScriptLine | null {
  const text = Buffer.from(start.subarray(0, SCRIPT_HEAD)).toString('latin1').slice(2);
  const end = text.search(/[\n\0]/);
  const line = (end < 0 ? text : text.slice(0, end)).replace(/^[ \t]+/, '');
  const match = /^([^ \t]+)(?:[ \t]+(.*))?$/.exec(line);
  const interpreter = match?.[1];
  if (interpreter === undefined) return null;
  const truncated = end < 0 && start.length >= SCRIPT_HEAD;
  // A name that may go on beyond what was read must not be run half; an argument may be cut.
  if (truncated && match?.[2] === undefined) return null;
  const argument = match?.[2]?.replace(/[ \t]+$/, '');
  return { interpreter, argument: argument ? argument : null };
}
