import type { Block } from '../../ir/block.ts';
import { State } from '../../memory/layout.ts';
import type { OpcodeForm } from '../form.ts';
import type { Decoder, Entry } from './decoder.ts';

/** Two choices of registers that have none in common. */
const CHOICES = [
  { reg: 3, rm: 1, vvvv: 6 },
  { reg: 2, rm: 0, vvvv: 7 },
] as const;
const MANDATORY = [0, 0x66, 0xf3, 0xf2];
const REGISTERS = 8;

/** The instruction of a row with some registers. */
const example = ({ encoding }: Entry, { reg, rm, vvvv }: (typeof CHOICES)[number]): number[] => {
  const { prefix, vexL, map, opcode, plus, modrm, mask, value, mod, w } = encoding;
  const bytes: number[] = [];
  if (vexL === -2) {
    if (prefix > 0) bytes.push(prefix);
    if (w === 1) bytes.push(0x48);
    if (map > 0) bytes.push(0x0f);
    if (map > 1) bytes.push(map === 2 ? 0x38 : 0x3a);
  } else {
    const pp = MANDATORY.indexOf(prefix);
    bytes.push(0xc4, 0xe0 | map, (w === 1 ? 0x80 : 0) | ((~vvvv & 15) << 3) | (vexL === 1 ? 4 : 0) | pp);
  }
  bytes.push(plus ? opcode | reg : opcode);
  if (modrm) bytes.push((((mod === 2 ? 0xc0 : 0) | (reg << 3) | rm) & ~mask) | value);
  while (bytes.length < 15) bytes.push(0);
  return bytes;
};

const registersOf = ({ ops }: Block): number => {
  let found = 0;
  for (const { info, imm } of ops) {
    const n = (imm - State.REGS) / 8;
    if ((info.kind === 'get' || info.kind === 'set') && n >= 0 && n < REGISTERS) found |= 1 << n;
  }
  return found;
};

/** Forms of all rows: `lift` makes the block of the instruction in these bytes. */
export const opcodeForms = (decoder: Decoder, lift: (bytes: readonly number[]) => Block): OpcodeForm[] =>
  decoder.entries().map((entry) => {
    const { row, encoding } = entry;
    const { vexL, map, opcode, modrm, plus, mask, value, mod, immediates } = encoding;
    let shapes = 0;
    for (let n = 0; n < 16; n++) {
      const reg = n & 7;
      const fits = ((reg << 3) & mask & 0x38) === (value & 0x38);
      if (!modrm || (fits && ((n < 8 ? 1 : 2) & mod) !== 0)) shapes |= 1 << n;
    }
    const used = row.lift === null ? 0 : CHOICES.map((choice) => registersOf(lift(example(entry, choice)))).reduce((a, b) => a & b); // biome-ignore format: one line
    return {
      vex: vexL !== -2,
      map,
      opcode,
      shapes,
      modrm,
      plus,
      immediate: immediates.join(' '),
      fixed: (mask & 0x38) !== 0 || /\b(sreg|cr|st)\b/i.test(row.syntax),
      byteRm: /r\/m8\b/.test(row.syntax) || (plus && /\br8\b/.test(row.syntax)),
      byteReg: /(^|[ ,])r8\b/.test(row.syntax) && !plus,
      implicit: used,
    };
  });
