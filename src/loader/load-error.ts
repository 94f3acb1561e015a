/** Exit status of a program that exists but cannot run, as a shell gives it. */
export const CANNOT_RUN = 126;
/** Exit status of a program, or its interpreter, that does not exist. */
export const NOT_FOUND = 127;

/** Why a program could not be loaded: one line for the user, and the exit status. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
  readonly status: typeof CANNOT_RUN | typeof NOT_FOUND;
  /** The errno that execve would fail with. */
  readonly errno: number;

  constructor(path: string, reason: string, errno: number = ENOEXEC) {
    super(`${printable(path)}: ${reason}`);
    this.errno = errno;
    this.status = errno === ENOENT ? NOT_FOUND : CANNOT_RUN;
  }
}

export const ENOENT = 2;
export const E2BIG = 7;
export const ENOEXEC = 8;
export const ENOMEM = 12;
const EACCES = 13;
const EISDIR = 21;
export const ELOOP = 40;

const REASONS: Readonly<Record<number, string>> = {
  [ENOENT]: 'No such file or directory',
  5: 'Input/output error',
  [EACCES]: 'Permission denied',
  19: 'not a regular file',
  20: 'Not a directory',
  [EISDIR]: 'Is a directory',
  [ELOOP]: 'Too many levels of symbolic links',
};

/** The error for a file that could not be opened. */
export function openError(path: string, errno: number): LoadError {
  return new LoadError(path, REASONS[errno] ?? `cannot be opened (errno ${errno})`, errno);
}

/** Paths are byte strings; control characters must not reach the terminal. */
export function printable(path: string): string {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 4096);
}
