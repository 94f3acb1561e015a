import { type Row, rowsFor } from '../../row.ts';
import type { Translator } from '../translator.ts';

/** Declares one AArch64 instruction: `insn(syntax, pattern, semantics)`. */
export const insn: ReturnType<typeof rowsFor<Translator>> = rowsFor<Translator>();

/** Rows under a heading, and the Arm ARM's chapter that describes them. */
export interface Chapter {
  readonly title: string;
  readonly manual: 'C6.2' | 'C7.2';
  readonly rows: readonly Row<Translator>[];
}
