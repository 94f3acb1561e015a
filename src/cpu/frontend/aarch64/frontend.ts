import type { Block, Terminal } from '../../ir/block.ts';
import { Builder } from '../../ir/builder.ts';
import { eliminateDeadCode } from '../../ir/finish.ts';
import { Exit } from '../../memory/layout.ts';
import { Decoder } from '../decoder.ts';
import { type FrontEnd, MAX, type Processor, rowsFor } from '../frontend.ts';
import { FieldReader } from '../pattern.ts';
import { missing, patternOf } from '../row.ts';
import { shapeOf } from '../shape.ts';
import { instructionText } from './disassembler.ts';
import { aarch64Facts } from './facts.ts';
import { helpers } from './helpers.ts';
import { identify } from './identification.ts';
import { rows } from './table.ts';
import { Translator } from './translator.ts';

/** Longest block, in instructions: bounds one region function and the work lost on a fault. */
const MAX_BLOCK = 64;

/** AArch64 (Armv8.2-A, EL0, little endian). */
export const createAarch64 = (processor: Processor = MAX): FrontEnd & { readonly decoder: Decoder<Translator> } => {
  const decoder = new Decoder(rowsFor(rows, processor));
  const reader = new FieldReader(() => rows.map((row) => row.text));
  const builder = new Builder();
  const t = new Translator(builder);
  if (processor.midr !== undefined) t.identification = identify(processor.midr, processor.lacks !== null);
  const append = (word: number, pc: number): void => {
    t.pc = pc;
    builder.pc = pc;
    const row = decoder.decode(word);
    if (row?.lift) row.lift(t, reader.read(patternOf(row), word));
    else t.end({ kind: 'exit', reason: Exit.UNDEFINED, pc });
  };
  const finish = (pc: number, end: number, count: number): Block => {
    const terminal: Terminal = t.terminal ?? { kind: 'jump', target: end };
    const ops = eliminateDeadCode(builder.ops, terminal, builder.reads);
    const { flagsIn, readsFlags, setsFlags, flagsOut } = t;
    return { pc, end, ops, reads: builder.reads, terminal, count, flagsIn, readsFlags, setsFlags, flagsOut };
  };
  return {
    ...aarch64Facts(processor),
    get exact(): boolean {
      return t.exact;
    },
    set exact(on: boolean) {
      t.exact = on;
    },
    helper: (id) => helpers[id],
    decoder,
    unimplemented: (code, pc) => missing(decoder.decode(code.getUint32(pc, true))),
    liftBlock(code, start, flagsIn, limit): Block {
      builder.reset(true);
      t.begin(flagsIn);
      let pc = start;
      let count = 0;
      while (t.terminal === null && count < MAX_BLOCK && pc < limit) {
        append(code.getUint32(pc, true), pc);
        pc += 4;
        count++;
      }
      return finish(start, pc, count);
    },
    single: {
      maxBlock: MAX_BLOCK,
      get sets() {
        return [decoder.fixed];
      },
      setOf: () => 0,
      row: (word) => decoder.number(word),
      shape: (row) => shapeOf(patternOf(decoder.row(row))),
      lift(word, _form, pc, flagsIn) {
        builder.reset();
        t.begin(flagsIn);
        append(word, pc);
        const ends = t.terminal !== null;
        const block = finish(pc, pc + 4, 1);
        const [reads, sets] = [block.readsFlags ? 1 : 0, block.setsFlags ? 1 : 0];
        return { block, ends, next: 0, reads, sets, fast: t.asksMode };
      },
    },
    lengthOf: () => 4,
    disassemble(code, pc): string {
      const row = decoder.decode(code.getUint32(pc, true));
      return row
        ? instructionText(row, code.getUint32(pc, true), pc)
        : `.inst 0x${code.getUint32(pc, true).toString(16).padStart(8, '0')}`;
    },
  };
};
