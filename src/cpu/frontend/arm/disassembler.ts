/** Text of one instruction: the row's syntax with its fields behind it. */
import { extractFields } from '../pattern.ts';
import { patternOf, type Row } from '../row.ts';

export function instructionText(row: Row<never>, word: number, pc: number, length: number): string {
  const f = extractFields(patternOf(row), word);
  return `${row.syntax} ${JSON.stringify(f)} ${pc.toString(16)} ${length}`;
}
