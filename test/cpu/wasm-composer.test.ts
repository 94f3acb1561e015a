import { describe, expect, it } from 'vitest';
import { Random } from '../../scripts/fuzz-random.ts';
import { usualWords } from '../../scripts/usual-words.ts';
import { CONSTANTS, FILE, INTERNALS, LINKS, TOLD, Told } from '../../src/cpu/composer-layout.ts';
import { composerModule } from '../../src/cpu/composer-module.ts';
import { flagWords } from '../../src/cpu/frontend/aarch64/flag-reads.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { rows } from '../../src/cpu/frontend/aarch64/table.ts';
import { createArm } from '../../src/cpu/frontend/arm/frontend.ts';
import { a32Rows, a32xRows, t32Rows } from '../../src/cpu/frontend/arm/table.ts';
import { formAt, formBehind, formClass, HALVES, IT_SHIFT, lengthOf } from '../../src/cpu/frontend/form.ts';
import type { FrontEnd, SingleLift } from '../../src/cpu/frontend/frontend.ts';
import { patternOf, type Row } from '../../src/cpu/frontend/row.ts';
import { BYTECODE, GUEST_BASE } from '../../src/cpu/memory/layout.ts';
import { TemplateTable } from '../../src/cpu/template-table.ts';
import { Templates, type UsualWord } from '../../src/cpu/templates.ts';
import { type BlockNotes, type Composed, Composer } from '../support/composer.ts';

const CODE = 0x2000_0000;
const AREA = 0x4000;
const MEMORY_PAGES = { initial: 65536, maximum: 65536 };

interface Made {
  readonly told: object | null;
  readonly notes: BlockNotes;
  readonly words: string;
}

type Rows = readonly Row<never>[];
/** Front ends, and rows by bit 0 of the pc. */
const guests: readonly (readonly [name: string, create: () => FrontEnd, rows: readonly (readonly [Rows, bit: number])[]])[] = [
  ['aarch64', createAarch64, [[rows as Rows, 0]]],
  ['arm', createArm, [[[...a32Rows, ...a32xRows] as Rows, 0], [t32Rows as Rows, 1]]],
]; // biome-ignore format: a table

it('tells blocks behind of flags that were asked for at run time', () => {
  const frontEnd = createAarch64() as FrontEnd & { single: SingleLift };
  const { single } = frontEnd;
  // cmp x1, x2; csel x0, x1, x2, eq; b: of csel no template knows that it follows a comparison
  const [cmp, csel, b] = [0xeb02003f | 0, 0x9a820020 | 0, 0x1400_0002];
  const table = TemplateTable.from(
    Templates.learned(
      frontEnd,
      [cmp, csel, b].map((word) => ({ word, form: 0, kind: -1 })),
    ),
  );
  const memory = new WebAssembly.Memory({ ...MEMORY_PAGES, shared: true });
  const module = new WebAssembly.Module(composerModule(MEMORY_PAGES, flagWords));
  const run = composeOf(module, memory, table);
  const guest = new DataView(memory.buffer, GUEST_BASE);
  const kindBehind = (...words: number[]): number => {
    for (const [i, word] of words.entries()) guest.setInt32(CODE + 4 * i, word, true);
    const end = CODE + 4 * words.length;
    expect(run(CODE, -1, end, BYTECODE, BYTECODE + 0x1_0000)).toBe(end);
    return new Int32Array(table.memory.buffer)[LINKS / 4 + 2] as number;
  };
  const compared = single.lift(cmp, 0, CODE, -1).block.flagsOut;
  const asked = single.lift(csel, 0, CODE, -1).block.flagsOut;
  expect(asked).not.toBe(compared);
  expect(kindBehind(cmp, b)).toBe(compared);
  expect(kindBehind(cmp, csel, b)).toBe(asked);
});

type Compose = (pc: number, kind: number, limit: number, to: number, last: number) => number;

/** The module's `compose`, with a code cache that wants to know nothing. */
function composeOf(module: WebAssembly.Module, memory: WebAssembly.Memory, table: TemplateTable): Compose {
  const nothing = (): number => 0;
  const calls = { made: nothing, crosses: nothing, lookAhead: nothing, note: nothing, want: nothing };
  const { exports } = new WebAssembly.Instance(module, { e: { m: memory, m1: table.memory, ...calls } });
  return exports.compose as Compose;
}

describe.for(guests)('the composer in WebAssembly, %s', ([name, create, sets]) => {
  const frontEnd = create() as FrontEnd & { single: SingleLift };
  const usual = usualWords(name);
  const learned = Templates.learned(frontEnd, usual);
  const table = TemplateTable.from(learned);
  const memory = new WebAssembly.Memory({ ...MEMORY_PAGES, shared: true });
  const guest = new DataView(memory.buffer, GUEST_BASE);
  const words = new Uint32Array(memory.buffer);
  const module = new WebAssembly.Module(composerModule(MEMORY_PAGES, flagWords));
  const run = composeOf(module, memory, table);
  // one that the other composer has learned nothing for
  const other = new Composer(frontEnd, frontEnd.single, words, () => 64, TemplateTable.from(learned));

  /** Have the module write a block from BYTECODE on, and read what it tells of it. */
  const compose = (pc: number, kind: number, limit: number, notes: BlockNotes): Composed | null => {
    const end = run(pc, kind, limit, BYTECODE, BYTECODE + 0x1_0000) >>> 0;
    if (end === 0) return null;
    const own = new Int32Array(table.memory.buffer);
    const told = (what: number): number => own[TOLD / 4 + what] as number;
    /** Words that were listed at an offset. */
    const list = (at: number, bytes: number): number[] => [...own.subarray(at / 4, (at + bytes) / 4)];
    const record = (n: number | undefined): number => BYTECODE + 16 * (n as number);
    for (const [i, n] of list(LINKS, told(Told.LINKS)).entries()) {
      notes.links.push(i % 3 === 0 ? record(n) : i % 3 === 1 ? n >>> 0 : n);
    }
    for (const n of list(INTERNALS, told(Told.INTERNALS))) notes.internals.push(record(n));
    const constants = list(CONSTANTS, told(Told.CONSTANTS));
    for (let i = 0; i < constants.length; i += 2) {
      const at = FILE / 4 + (constants[i + 1] as number);
      notes.constants.push(record(constants[i]), [...own.subarray(at + 1, at + 1 + (own[at] as number))]);
      words[record(constants[i]) / 4 + 2] = 64;
    }
    return {
      end,
      readsFlags: told(Told.READS_FLAGS) !== 0,
      callTarget: told(Told.CALL_TARGET) >>> 0,
      returnsTo: told(Told.RETURNS_TO) >>> 0,
      length: told(Told.LENGTH),
    };
  };

  const made = (composeInto: (notes: BlockNotes) => object | null): Made => {
    words.fill(0, BYTECODE / 4, (BYTECODE + AREA) / 4);
    const notes: BlockNotes = { links: [], internals: [], constants: [] };
    const told = composeInto(notes);
    return { told, notes, words: Buffer.from(words.buffer, BYTECODE, AREA).toString('hex') };
  };
  /** What both make of the block at `pc`. */
  const both = (pc: number, kind: number, limit: number): [Made, Made] => [
    made((notes) => compose(pc, kind, limit, notes)),
    made((notes) => other.compose(guest, pc, kind, limit, BYTECODE / 4, notes)),
  ];
  /** Put an instruction at an address; returns the address behind it. */
  const put = (address: number, word: number, form: number): number => {
    if (formAt(form) === 0) guest.setUint32(address, word, true);
    else {
      guest.setUint16(address, word >>> 16, true);
      guest.setUint16(address + 2, word, true);
    }
    return address + lengthOf(word, form);
  };

  it('makes the same of what programs usually have', () => {
    const random = new Random(31);
    let count = 0;
    let without = 0;
    for (let n = 0; n < 3000; n++) {
      const any = (): UsualWord => usual[random.u32() % usual.length] as UsualWord;
      const bit = formAt(any().form);
      const pc = CODE + 4 * (random.u32() % 0x1000_0000) + bit;
      const length = 1 + (random.u32() % 12);
      let end = pc - bit;
      for (let i = 0; i < length; i++) {
        const { word, form } = any();
        if (formAt(form) === bit) end = put(end, word, bit);
      }
      if (end <= pc) continue;
      const { kind } = any();
      const [wasm, js] = both(pc, kind, end);
      if (wasm.told === null) {
        without++;
        continue;
      }
      count++;
      expect(wasm, `block at ${pc.toString(16)}, flags ${kind}`).toEqual(js);
    }
    // a word that reads flags has no template for a kind that it was not met with
    expect(count).toBeGreaterThan(without);
  });

  // AArch64 has none
  if (name === 'arm') {
    it('makes the same of IT blocks of one to four instructions', () => {
      const random = new Random(33);
      const compared = 2;
      const lengths = new Set<number>();
      for (let n = 0; n < 600; n++) {
        const pc = CODE + 4 * (random.u32() % 0x1000_0000) + HALVES;
        const itstate = ((random.u32() % 14) << 4) | (1 + (random.u32() % 15));
        // cmp r2, #0; it…
        let end = put(put(pc - HALVES, 0x2a00_0000, HALVES), 0xbf00_0000 | (itstate << 16), HALVES);
        let length = 0;
        for (let form = HALVES | (itstate << IT_SHIFT); form > HALVES; length++) {
          const usually = usual.filter((u) => u.kind === compared && formClass(u.form) === formClass(form));
          const some = usually[random.u32() % usually.length];
          if (some === undefined) break;
          end = put(end, some.word, HALVES);
          const { ends, next } = frontEnd.single.lift(some.word, form, end, compared);
          form = ends ? HALVES : formBehind(form, next);
        }
        const [wasm, js] = both(pc, -1, end);
        if (wasm.told === null) continue;
        lengths.add(length);
        expect(wasm, `block at ${pc.toString(16)}, ITSTATE ${itstate.toString(16)}`).toEqual(js);
      }
      expect([...lengths].sort()).toEqual([1, 2, 3, 4]);
    });
  }

  it('makes the same of any word, or nothing', () => {
    const random = new Random(32);
    let count = 0;
    for (const [rows, bit] of sets) {
      for (const row of rows) {
        const { mask, value } = patternOf(row);
        for (let i = 0; i < 20; i++) {
          const pc = 4 * (random.u32() % 0x3c00_0000) + bit;
          const end = put(pc - bit, (random.u32() & ~mask) | value, bit);
          const [wasm, js] = both(pc, -1, end);
          if (wasm.told === null) continue;
          count++;
          expect(wasm, `${row.syntax} at ${pc.toString(16)}`).toEqual(js);
        }
      }
    }
    expect(count).toBeGreaterThan(0);
  });
});
