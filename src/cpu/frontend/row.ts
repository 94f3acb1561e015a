import { type Fields, type Pattern, parsePattern } from './pattern.ts';

/** One row of an instruction table: assembly syntax, bit pattern, semantics. */
export interface Row<T> {
  /** Assembly as the architecture manual writes it; `<…>` are operands (see the guest's disassembler). */
  readonly syntax: string;
  readonly text: string;
  /** Appends the instruction's IR; null: known, but not implemented (SIGILL with a line naming it). */
  readonly lift: ((t: T, f: Readonly<Record<string, number>>) => void) | null;
  /** Parsed when first needed, see patternOf. */
  pattern: Pattern | null;
}

/** Declares rows of one guest: `insn(syntax, pattern, semantics)`. */
export const rowsFor =
  <T>(): (<const P extends string>(
    syntax: string,
    pattern: P,
    lift: ((t: T, f: Fields<P>) => void) | null,
  ) => Row<T>) =>
  (syntax, pattern, lift) => ({ syntax, text: pattern, lift: lift as Row<T>['lift'], pattern: null });

export const patternOf = <T>(row: Row<T>): Pattern => {
  row.pattern ??= parsePattern(row.text);
  return row.pattern;
};

/** See FrontEnd.unimplemented. */
export const missing = <T>(row: Row<T> | null): string | null =>
  row === null ? null : /^udf\b/.test(row.syntax) ? '' : row.syntax;
