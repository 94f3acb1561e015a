import { rowsFor } from '../../row.ts';
import type { Translator } from '../translator.ts';

/** Declares one AArch64 instruction: `insn(syntax, pattern, semantics)`. */
export const insn: ReturnType<typeof rowsFor<Translator>> = rowsFor<Translator>();
