import { describe, expect, it } from 'vitest';
import { Random } from '../../scripts/fuzz-random.ts';
import { usualWords } from '../../scripts/usual-words.ts';
import { encodeBlock } from '../../src/cpu/backend/interpreter/encode.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { rows } from '../../src/cpu/frontend/aarch64/table.ts';
import { createArm } from '../../src/cpu/frontend/arm/frontend.ts';
import { a32Rows, a32xRows, t32Rows } from '../../src/cpu/frontend/arm/table.ts';
import { Decoder } from '../../src/cpu/frontend/decoder.ts';
import { formAt, formBehind, lengthOf, placeOf } from '../../src/cpu/frontend/form.ts';
import type { FrontEnd, SingleLift } from '../../src/cpu/frontend/frontend.ts';
import { patternOf, type Row } from '../../src/cpu/frontend/row.ts';
import { kindBehind } from '../../src/cpu/template.ts';
import { findTemplate, isWhole } from '../../src/cpu/template-file.ts';
import { TemplateTable } from '../../src/cpu/template-table.ts';
import { Templates } from '../../src/cpu/templates.ts';
import { type BlockNotes, type Composed, Composer } from '../support/composer.ts';

const AREA = 0x4000;

type Single = FrontEnd & { single: SingleLift };

interface Written {
  readonly words: number[];
  readonly notes: BlockNotes;
  readonly facts: Omit<Composed, 'length'>;
}

const noNotes = (): BlockNotes => ({ links: [], internals: [], constants: [] });

/** Guest code with these instructions, one after the other from a pc on. */
const codeOf = (words: readonly number[], pc: number): { code: DataView; end: number } => {
  const at = new Map<number, number>();
  let end = pc - (pc % 2);
  for (const word of words) {
    const form = formAt(pc);
    const length = lengthOf(word, form);
    // of T32 the first halfword comes first
    const halves = form === 0 ? [word & 0xffff, word >>> 16] : [word >>> 16, word & 0xffff];
    for (let i = 0; i < length / 2; i++) at.set(end + 2 * i, halves[i] as number);
    end += length;
  }
  const half = (address: number): number => at.get(address) ?? 0;
  const code = { getUint16: half, getInt32: (address: number) => half(address) | (half(address + 2) << 16) };
  return { code: code as unknown as DataView, end };
};

/** What the composer makes of instructions, or null. */
function composed(frontEnd: Single, list: readonly number[], pc: number, kind: number): Written | null {
  const words = new Uint32Array(AREA / 4);
  const notes = noNotes();
  const composer = new Composer(frontEnd, frontEnd.single, words, () => 0, null);
  const { code, end } = codeOf(list, pc);
  const found = composer.compose(code, pc, kind, end, 0, notes);
  if (!found) return null;
  const { length, ...facts } = found;
  return { words: [...words.subarray(0, length)], notes, facts };
}

/** The same instructions lifted and encoded, each by itself. */
function encoded({ single }: Single, list: readonly number[], start: number, kindIn: number): Written {
  const words: number[] = [];
  const notes = noNotes();
  let [pc, form, kind] = [start, formAt(start), kindIn];
  let facts: Written['facts'] = { end: 0, readsFlags: false, callTarget: 0, returnsTo: 0 };
  for (const [i, word] of list.entries()) {
    const { block, ends, next, sets } = single.lift(word, form, pc, kind);
    const last = i === list.length - 1;
    const passes = !block.readsFlags && sets === 0;
    // the kind that flags have behind what only puts new results over them follows from the kind before
    const out = block.readsFlags ? block.flagsOut : passes ? -1 : single.lift(word, form, pc, -1).block.flagsOut;
    encodeBlock(block, {
      put: (op, d, a, b, imm, at) =>
        4 * words.push((op | (d << 16)) >>> 0, (a | (b << 16)) >>> 0, imm >>> 0, at >>> 0) - 16,
      internal(record, target) {
        notes.internals.push(record, target);
        words[record / 4 + 2] = target;
      },
      constant(bytes) {
        notes.constants.push(4 * words.length, bytes);
        return 0;
      },
      link: (record, target, linkKind) => void notes.links.push(record, target, linkKind < 0 ? -1 : out),
    });
    const { terminal, end, readsFlags } = block;
    const callTarget = terminal.kind === 'call' ? terminal.target : 0;
    const returnsTo = terminal.kind === 'call' || terminal.kind === 'callIndirect' ? terminal.ret : 0;
    facts = { end, readsFlags: facts.readsFlags || readsFlags, callTarget, returnsTo };
    pc += lengthOf(word, form);
    [form, kind] = [formBehind(form, next), kindBehind(kind, block.flagsOut)];
    if (ends || last) break;
    words.length -= 4;
    notes.links.length -= 3;
  }
  return { words, notes, facts };
}

interface Guest {
  readonly name: string;
  readonly create: () => FrontEnd;
  /** Rows, words in front of theirs and behind, bit 0 of the pc. */
  readonly sets: readonly {
    readonly rows: readonly Row<never>[];
    readonly before: readonly number[];
    readonly behind?: readonly number[];
    readonly bit: number;
  }[];
  readonly kinds: readonly number[];
  /** Words tried for each row. */
  readonly tries: number;
  /** Rows of which some words have no template. */
  readonly without: readonly string[];
}

/** IT EQ, ITTT EQ. */
const IT_EQ = 0xbf08_0000 | 0;
const ITTT_EQ = 0xbf02_0000 | 0;
const NOP = 0xbf00_0000 | 0;

const guests: readonly Guest[] = [
  {
    name: 'aarch64',
    create: createAarch64,
    sets: [{ rows: rows as readonly Row<never>[], before: [], bit: 0 }],
    // not known, NZCV, of a sum, of a float comparison
    kinds: [-1, 0, 1, 2, 3, 4, 5, 6],
    tries: 24,
    // distances that leave the address space
    without: ['adrp <Xd>, <label>'],
  },
  {
    name: 'arm',
    create: createArm,
    sets: [
      { rows: a32Rows as readonly Row<never>[], before: [], bit: 0 },
      { rows: a32xRows as readonly Row<never>[], before: [], bit: 0 },
      { rows: t32Rows as readonly Row<never>[], before: [], bit: 1 },
      { rows: t32Rows as readonly Row<never>[], before: [IT_EQ], bit: 1 },
      { rows: t32Rows as readonly Row<never>[], before: [ITTT_EQ], behind: [NOP, NOP], bit: 1 },
    ],
    // not known, NZCV, of a sum or a difference, with newer results over them or over what is not known
    kinds: [-1, 0, 1, 2, 18, 34, 50, 29, 61],
    tries: 6,
    // no block ends behind it; the place that follows in its IT block is no sum
    without: ['it<mask> <firstcond>', 'svc<c> #<imm8>', 'msr<c> <spec>, <Rn>'],
  },
];

describe('templates', () => {
  for (const { name, create, sets, kinds, tries, without } of guests) {
    for (const exact of [false, true]) {
      it(`give the records that lifting gives: ${name}, ${exact ? 'exact' : 'fast'} floating point`, () => {
        const frontEnd = create() as Single;
        frontEnd.exact = exact;
        const random = new Random(exact ? 21 : 20);
        const failed = new Set<string>();
        for (const { rows, before, behind = [], bit } of sets) {
          const decoder = new Decoder(rows);
          for (const row of rows) {
            const { mask, value } = patternOf(row);
            for (let i = 0; i < tries; i++) {
              // often with two registers the same
              const any = random.u32();
              const twins =
                i % 3 === 0 ? (any & ~31) | ((any >>> 5) & 31) : i % 3 === 1 ? (any & ~31) | ((any >>> 16) & 31) : any;
              let word = (twins & ~mask) | value;
              // 1111 is no condition
              if (row.text.startsWith('cond') && word >>> 28 === 15) word ^= 1 << 28;
              const long = bit === 0 || word >>> 27 >= 0b11101;
              if (!long) word &= 0xffff_0000;
              const pc = 0x2000_0000 + (bit === 0 ? 4 : 2) * (random.u32() % 0x1c00_0000) + bit;
              const kind = kinds[random.u32() % kinds.length] as number;
              const list = [...before, word, ...behind];
              // lifted when it is met first, then learned, on each level
              for (let n = 0; n < 4; n++) {
                const made = composed(frontEnd, list, pc, kind);
                if (!made) {
                  const { registers } = frontEnd.single.shape(frontEnd.single.row(word, bit));
                  // other functions of the pc than sums
                  const ofPc = registers.some((field) => field.width === 4 && field.get(word) === 15);
                  if (decoder.decode(word) === row && !ofPc) failed.add(row.syntax);
                  continue;
                }
                if (n === 1 || n === 2) continue;
                const at = `${row.syntax} ${(word >>> 0).toString(16)} at ${pc.toString(16)}, flags ${kind}`;
                const lifted = encoded(frontEnd, list, pc, kind);
                // a whole comparison takes longer
                if (JSON.stringify(made) !== JSON.stringify(lifted)) expect(made, at).toEqual(lifted);
              }
            }
          }
        }
        expect([...failed]).toEqual(without);
      }, 60_000);
    }

    it(`are the same from a file: ${name}`, () => {
      const frontEnd = create() as Single;
      const words = usualWords(name).filter((_, i) => i % 11 === 0);
      const learned = Templates.learned(frontEnd, words);
      const fresh = new Templates(null);
      const kept = new Templates(TemplateTable.from(learned));
      for (const { word, form, kind } of words) {
        const pc = placeOf(0x2000_0000, form);
        for (let n = 0; n < 3; n++) fresh.find(frontEnd.single, word, form, pc, kind);
        expect(kept.find(frontEnd.single, word, form, pc, kind)).toEqual(
          fresh.find(frontEnd.single, word, form, pc, kind),
        );
        expect(kept.variables).toEqual(fresh.variables);
      }
      expect(findTemplate(learned, 2, 0, 0, -1)).toBeUndefined();
      expect(isWhole(learned)).toBe(true);
      expect(isWhole(new Int32Array(8))).toBe(false);
      expect(isWhole(learned.slice(0, -1))).toBe(false);
    }, 60_000);
  }
});
