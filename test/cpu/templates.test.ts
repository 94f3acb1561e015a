import { describe, expect, it } from 'vitest';
import { Random } from '../../scripts/fuzz-random.ts';
import { usualWords } from '../../scripts/usual-words.ts';
import { encodeBlock } from '../../src/cpu/backend/interpreter/encode.ts';
import type { BlockNotes } from '../../src/cpu/block-recorder.ts';
import { type Composed, Composer } from '../../src/cpu/composer.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { rows } from '../../src/cpu/frontend/aarch64/table.ts';
import { Decoder } from '../../src/cpu/frontend/decoder.ts';
import type { FrontEnd, SingleLift } from '../../src/cpu/frontend/frontend.ts';
import { patternOf } from '../../src/cpu/frontend/row.ts';
import { findTemplate, isWhole } from '../../src/cpu/template-file.ts';
import { TemplateTable } from '../../src/cpu/template-table.ts';
import { Templates } from '../../src/cpu/templates.ts';

const decoder = new Decoder(rows);
const AREA = 0x4000;
/** Kinds that code meets: not known, NZCV, of a sum, of a float comparison. */
const KINDS = [-1, 0, 1, 2, 3, 4, 5, 6];

interface Written {
  readonly words: number[];
  readonly notes: BlockNotes;
  readonly facts: Omit<Composed, 'length'>;
}

const noNotes = (): BlockNotes => ({ links: [], internals: [], constants: [] });

/** What the composer makes of an instruction alone, or null. */
function composed(frontEnd: FrontEnd & { single: SingleLift }, word: number, pc: number, kind: number): Written | null {
  const words = new Uint32Array(AREA / 4);
  const notes = noNotes();
  const composer = new Composer(frontEnd, frontEnd.single, words, () => 0, null);
  const code = { getInt32: () => word | 0 } as unknown as DataView;
  const found = composer.compose(code, pc, kind, pc + 4, 0, notes);
  if (!found) return null;
  const { length, ...facts } = found;
  return { words: [...words.subarray(0, length)], notes, facts };
}

/** The same instruction lifted and encoded. */
function encoded({ single }: { single: SingleLift }, word: number, pc: number, kind: number): Written {
  const words: number[] = [];
  const notes = noNotes();
  const { block } = single.lift(word, pc, kind);
  const passes = !block.readsFlags && !block.setsFlags;
  encodeBlock(passes ? { ...block, flagsOut: -1 } : block, {
    put: (op, d, a, b, imm, last) =>
      4 * words.push((op | (d << 16)) >>> 0, (a | (b << 16)) >>> 0, imm >>> 0, last >>> 0) - 16,
    internal(record, target) {
      notes.internals.push(record, target);
      words[record / 4 + 2] = target;
    },
    constant(bytes) {
      notes.constants.push(4 * words.length, bytes);
      return 0;
    },
    link: (record, target, linkKind) => void notes.links.push(record, target, linkKind),
  });
  const { terminal, end, readsFlags } = block;
  const callTarget = terminal.kind === 'call' ? terminal.target : 0;
  const returnsTo = terminal.kind === 'call' || terminal.kind === 'callIndirect' ? terminal.ret : 0;
  return { words, notes, facts: { end, readsFlags, callTarget, returnsTo } };
}

describe('templates', () => {
  for (const exact of [false, true]) {
    it(`give the records that lifting gives, ${exact ? 'exact' : 'fast'} floating point`, () => {
      const frontEnd = createAarch64() as FrontEnd & { single: SingleLift };
      frontEnd.exact = exact;
      const random = new Random(exact ? 21 : 20);
      const without = new Set<unknown>();
      for (const row of rows) {
        const { mask, value } = patternOf(row);
        for (let i = 0; i < 24; i++) {
          // often with two registers the same
          const any = random.u32();
          const twins =
            i % 3 === 0 ? (any & ~31) | ((any >>> 5) & 31) : i % 3 === 1 ? (any & ~31) | ((any >>> 16) & 31) : any;
          const word = ((twins & ~mask) | value) >>> 0;
          const pc = 0x2000_0000 + 4 * (random.u32() % 0x1c00_0000);
          const kind = KINDS[random.u32() % KINDS.length] as number;
          // lifted when it is met first, then learned, on each level
          for (let n = 0; n < 4; n++) {
            const made = composed(frontEnd, word, pc, kind);
            if (!made) {
              if (decoder.decode(word) === row) without.add(row);
              continue;
            }
            if (n === 1 || n === 2) continue;
            const at = `${row.syntax} ${word.toString(16)} at ${pc.toString(16)}, flags ${kind}`;
            expect(made, at).toEqual(encoded(frontEnd, word, pc, kind));
          }
        }
      }
      // only distances that leave the address space have none
      expect(rows.filter((row) => without.has(row)).map((row) => row.syntax)).toEqual(['adrp <Xd>, <label>']);
    });
  }

  it('are the same from a file', () => {
    const frontEnd = createAarch64() as FrontEnd & { single: SingleLift };
    const words = usualWords().filter((_, i) => i % 7 === 0);
    const learned = Templates.learned(frontEnd, words);
    const fresh = new Templates(null);
    const kept = new Templates(TemplateTable.from(learned));
    for (const { word, kind } of words) {
      const pc = 0x2000_0000;
      for (let n = 0; n < 3; n++) fresh.find(frontEnd.single, word, pc, kind);
      expect(kept.find(frontEnd.single, word, pc, kind)).toEqual(fresh.find(frontEnd.single, word, pc, kind));
      expect(kept.variables).toEqual(fresh.variables);
    }
    expect(findTemplate(learned, 2, 0, -1)).toBeUndefined();
    expect(isWhole(learned)).toBe(true);
    expect(isWhole(new Int32Array(8))).toBe(false);
    expect(isWhole(learned.slice(0, -1))).toBe(false);
  });
});
