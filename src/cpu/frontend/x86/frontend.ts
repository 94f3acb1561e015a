import type { Block, Terminal } from '../../ir/block.ts';
import { Builder } from '../../ir/builder.ts';
import { eliminateDeadCode } from '../../ir/finish.ts';
import { Exit } from '../../memory/layout.ts';
import { ALL_FLAGS, FLAGS_KEPT, type FrontEnd, MAX, type Processor, rowsFor, type SingleBlock } from '../frontend.ts';
import { Decoder, MAX_LENGTH } from './decoder.ts';
import { instructionText } from './disassembler.ts';
import { i386Facts, x86_64Facts } from './facts.ts';
import { helpers } from './helpers.ts';
import { processorNumber } from './identification.ts';
import { Single, Sys } from './registers.ts';
import { rows } from './table.ts';
import { Translator } from './translator.ts';

/** Longest block, in instructions: bounds one region function and the work lost on a fault. */
const MAX_BLOCK = 64;
/** What takes LOCK, with a destination in memory (SDM vol. 2, LOCK). */
const LOCKABLE = /^(add|adc|and|btc|btr|bts|cmpxchg|cmpxchg8b|dec|inc|neg|not|or|sbb|sub|xor|xadd|xchg) /;

export interface X86 {
  readonly decoder: Decoder;
  /** One instruction as a block of its own. */
  liftOne(code: DataView, pc: number, flagsIn: number): SingleBlock;
}

/** x86: 64-bit mode, or a 32-bit program's; user mode. */
export const createX86 = (mode: 64 | 32, processor: Processor = MAX): FrontEnd & X86 => {
  const decoder = new Decoder(rowsFor(rows, processor), mode);
  const builder = new Builder();
  const t = new Translator(builder, decoder);
  t.processor = processorNumber(processor.name);
  const lift = (): void => {
    const { entry, lock, mod, length } = decoder;
    if (length > MAX_LENGTH) return t.exit(Exit.PROTECTION);
    if (!entry?.row.lift) return t.undefined();
    if (lock && (!entry.encoding.modrm || mod === 3 || !LOCKABLE.test(entry.row.syntax))) return t.undefined();
    entry.row.lift(t);
  };
  return {
    ...(mode === 64 ? x86_64Facts(processor) : i386Facts(processor)),
    get exact(): boolean {
      return t.exact;
    },
    set exact(on: boolean) {
      t.exact = on;
    },
    helper: (id) => helpers[id],
    decoder,
    unimplemented: (code, pc) => {
      const entry = decoder.decode(code, pc);
      if (entry === null) return null;
      if (/^ud[012]\b/.test(entry.row.syntax)) return '';
      return entry.row.lift === null ? entry.row.syntax : null;
    },
    liftOne(code, pc, flagsIn): SingleBlock {
      const block = this.liftBlock(code, pc, flagsIn, pc + 1);
      return {
        block,
        ends: t.terminal !== null,
        next: 0,
        reads: block.readsFlags ? FLAGS_KEPT | t.askedFlags : 0,
        sets: block.setsFlags ? ALL_FLAGS & ~t.keptFlags : 0,
        fast: t.asksMode,
      };
    },
    liftBlock(code, start, flagsIn, limit, context = 0): Block {
      // a single instruction is an example of others with other registers
      builder.reset(limit > start + 1);
      t.begin(flagsIn);
      let pc = start;
      let count = 0;
      builder.pc = start;
      const lasting = context & Single.SEGMENTED;
      const why = context - lasting;
      t.split = why === Single.SPLIT;
      t.segmented = lasting !== 0;
      t.alone = why !== 0;
      if (why !== 0) builder.set(Sys.SINGLE, builder.const32(lasting));
      const most = why !== 0 ? 1 : MAX_BLOCK;
      while (t.terminal === null && count < most && pc < limit) {
        decoder.decode(code, pc);
        // an instruction that reaches into what cannot be fetched is left for a block of its own
        if (pc + MAX_LENGTH > limit && pc + decoder.length > limit && count > 0) break;
        t.beginInstruction(pc);
        pc += decoder.length;
        count++;
        lift();
      }
      if (why === Single.STEP) t.step(pc);
      const end: Terminal =
        t.terminal ?? (context !== 0 ? { kind: 'exit', reason: Exit.INVALIDATED, pc } : { kind: 'jump', target: pc });
      const terminal = t.segmented ? t.leaveSegments(end) : end;
      return {
        pc: start,
        end: pc,
        ops: eliminateDeadCode(builder.ops, terminal, builder.reads),
        reads: builder.reads,
        terminal,
        count,
        flagsIn,
        readsFlags: t.readsFlags,
        keepsFlags: t.readsFlags && t.askedFlags === 0,
        setsFlags: t.setsFlags,
        flagsOut: t.flagsOut,
      };
    },
    lengthOf(code, pc): number {
      decoder.decode(code, pc);
      return Math.max(decoder.length, 1);
    },
    disassemble(code, pc): string {
      decoder.decode(code, pc);
      return instructionText(decoder, code, pc);
    },
  };
};

export const createX86_64 = (processor?: Processor): FrontEnd => createX86(64, processor);
export const createI386 = (processor?: Processor): FrontEnd => createX86(32, processor);
