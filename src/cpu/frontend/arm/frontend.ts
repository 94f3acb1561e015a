// helpers are numbered as their modules are loaded: AArch64's first, as when a program of its own comes first
import '../aarch64/frontend.ts';
import type { Block, Terminal } from '../../ir/block.ts';
import { Builder } from '../../ir/builder.ts';
import { eliminateDeadCode } from '../../ir/finish.ts';
import { Decoder } from '../decoder.ts';
import { CONTINUES, fetchWord, formAt, HALVES, IT_SHIFT, IT_STORED, itOf, lengthOf } from '../form.ts';
import { type FrontEnd, MAX, ROWS, rowsFor, type SingleLift } from '../frontend.ts';
import { FieldReader } from '../pattern.ts';
import { missing, patternOf, type Row } from '../row.ts';
import { a64Helpers } from './a64.ts';
import { instructionText } from './disassembler.ts';
import { armFacts } from './facts.ts';
import { helpers } from './helpers.ts';
import { liftKuser, vectorsPage } from './kuser.ts';
import { BIG_ENDIAN } from './registers.ts';
import { shapeOf } from './shape.ts';
import { a32Rows, a32xRows, t32Rows } from './table.ts';
import { Translator } from './translator.ts';

/** Longest block, in instructions: bounds one region function and the work lost on a fault. */
const MAX_BLOCK = 64;

interface Decoders {
  readonly a32: Decoder<Translator>;
  readonly a32x: Decoder<Translator>;
  readonly t32: Decoder<Translator>;
}

/** One instruction as it lies in memory; T32's halfwords are joined, the first one in front. */
interface Fetched {
  readonly word: number;
  readonly length: 2 | 4;
  readonly row: Row<Translator> | null;
}

/** AArch32 (A32 and T32, user mode; data of either endianness). Bit 0 of a pc is set for T32. */
export const createArm = (processor = MAX): FrontEnd & { readonly decoders: Decoders } => {
  const [a32, a32x, t32] = [a32Rows, a32xRows, t32Rows].map((rows) => new Decoder(rowsFor(rows, processor)));
  const decoders = { a32, a32x, t32 } as Decoders;
  const sets = [a32, a32x, t32] as Decoder<Translator>[];
  const setOf = (word: number, form: number): number => ((form & HALVES) !== 0 ? 2 : word >>> 28 === 15 ? 1 : 0);
  const reader = new FieldReader(() => [...a32Rows, ...a32xRows, ...t32Rows].map((row) => row.text));
  const builder = new Builder();
  const t = new Translator(builder);
  const fetch = (code: DataView, pc: number): Fetched => {
    const word = fetchWord(code, pc) >>> 0;
    const form = formAt(pc);
    const row = (sets[setOf(word, form)] as Decoder<Translator>).decode(word);
    return { word, length: lengthOf(word, form), row };
  };
  const lift = (row: Row<Translator>, word: number): void => row.lift?.(t, reader.read(patternOf(row), word));
  /** Translate one instruction behind those before. */
  const append = ({ word, length, row }: Fetched, pc: number): void => {
    t.pc = pc;
    t.next = pc + length;
    builder.pc = pc;
    if (!row?.lift) t.undefined();
    else if (t.thumb) {
      const before = t.it;
      if (before === 0) lift(row, word);
      else t.conditionally(isUnconditional(row) ? 14 : before >>> 4, () => lift(row, word));
      // an IT instruction has begun its block itself
      if (before !== 0) t.advanceIt();
    } else {
      const cond = word >>> 28;
      if (cond >= 14) lift(row, word);
      else t.conditionally(cond, () => lift(row, word));
    }
  };
  const single: SingleLift = {
    maxBlock: MAX_BLOCK,
    get sets() {
      return sets.map(({ fixed }) => fixed);
    },
    setOf,
    row(word, form) {
      const set = setOf(word, form);
      const row = (sets[set] as Decoder<Translator>).number(word);
      return row < 0 ? -1 : ROWS * set + row;
    },
    shape(number) {
      const row = (sets[Math.floor(number / ROWS)] as Decoder<Translator>).row(number % ROWS);
      return shapeOf(row.syntax, patternOf(row));
    },
    lift(word, form, pc, flagsIn) {
      builder.reset();
      t.begin(flagsIn, (form & HALVES) !== 0, itOf(form), (form & IT_STORED) !== 0);
      t.isCold = true;
      const length = lengthOf(word, form);
      const row = (sets[setOf(word, form)] as Decoder<Translator>).decode(word);
      append({ word: word >>> 0, length, row }, pc);
      const { terminal, it, itStored } = t;
      const place = itOf(form) !== 0 ? CONTINUES : it << IT_SHIFT;
      const next = (form & HALVES) | (it !== 0 ? place : 0) | (it !== 0 && itStored ? IT_STORED : 0);
      const after = pc + length;
      // a longer block is not cut inside an IT block: there the jump stands for what follows
      const made = block(pc, after & ~1, 1, flagsIn, terminal ?? { kind: 'jump', target: after });
      return {
        block: made,
        ends: terminal !== null,
        next: terminal ? form & HALVES : next,
        reads: t.reads,
        sets: t.sets,
        fast: t.asksMode,
      };
    },
  };
  const block = (pc: number, end: number, count: number, flagsIn: number, terminal: Terminal): Block => {
    t.flush();
    const ops = eliminateDeadCode(builder.ops, terminal, builder.reads);
    const { readsFlags, setsFlags, flagsOut } = t;
    const { reads } = builder;
    return { pc, end: end >>> 0, ops, reads, terminal, count, flagsIn, readsFlags, setsFlags, flagsOut };
  };
  return {
    ...armFacts(processor),
    get exact(): boolean {
      return t.exact;
    },
    set exact(on: boolean) {
      t.exact = on;
    },
    helper: (id) => helpers[id] ?? a64Helpers[id - helpers.length],
    decoders,
    single,
    vectors: {
      bytes: vectorsPage,
      lift(pc, flagsIn, context = 0): Block | null {
        builder.reset();
        t.begin(flagsIn, false, 0);
        t.big = context & BIG_ENDIAN;
        t.pc = pc;
        t.next = pc + 4;
        builder.pc = pc;
        if (!liftKuser(t, pc) || !t.terminal) return null;
        return block(pc, pc + 4, 1, flagsIn, t.big === 0 ? t.terminal : t.leaveBig(t.terminal));
      },
    },
    unimplemented: (code, pc) => missing(fetch(code, pc).row),
    liftBlock(code, start, flagsIn, limit, context = 0): Block {
      const thumb = (start & 1) === 1;
      builder.reset(true);
      t.begin(flagsIn, thumb, context & 255);
      t.big = context & BIG_ENDIAN;
      let pc = start;
      let count = 0;
      // an IT block is not cut
      while (t.terminal === null && (count < MAX_BLOCK || t.it !== 0) && pc < limit) {
        const fetched = fetch(code, pc);
        if (thumb && fetched.length === 4 && (pc & ~1) + 4 > limit && count > 0) break;
        append(fetched, pc);
        pc += fetched.length;
        count++;
      }
      const terminal = t.terminal ?? t.cut(pc);
      return block(start, pc & ~1, count, flagsIn, t.big === 0 ? terminal : t.leaveBig(terminal));
    },
    lengthOf: (code, pc) => fetch(code, pc).length,
    disassemble(code, pc): string {
      const { word, length, row } = fetch(code, pc);
      if (row) return instructionText(row, word, pc, length);
      return length === 2
        ? `.inst.n 0x${(word >>> 16).toString(16).padStart(4, '0')}`
        : `.inst${(pc & 1) === 1 ? '.w' : ''} 0x${word.toString(16).padStart(8, '0')}`;
    },
  };
};

/** BKPT is done whatever the condition of its IT block. */
const isUnconditional = (row: Row<Translator>): boolean => row.syntax.startsWith('bkpt');
