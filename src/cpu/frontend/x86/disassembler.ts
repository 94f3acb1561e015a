import type { Decoder } from './decoder.ts';

/** Text of the instruction that the decoder holds: its bytes and the row's syntax. */
export const instructionText = ({ entry, length }: Decoder, code: DataView, pc: number): string => {
  const bytes = Array.from({ length }, (_, i) =>
    code
      .getUint8(pc + i)
      .toString(16)
      .padStart(2, '0'),
  ).join(' ');
  return entry === null ? `(bad) ${bytes}` : `${entry.row.syntax}    # ${bytes}`;
};
