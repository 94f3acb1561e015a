import { describe, expect, it } from 'vitest';
import { Random } from '../../scripts/fuzz-random.ts';
import {
  type ByteGuestName,
  byteGuest,
  byteTemplates,
  guestsWithBytes,
  usualBytes,
} from '../../scripts/usual-bytes.ts';
import { encodeBlock } from '../../src/cpu/backend/interpreter/encode.ts';
import { coldHandlers, hotHandlers } from '../../src/cpu/backend/interpreter/handlers.ts';
import type { UsualBytes } from '../../src/cpu/byte-learning.ts';
import { CONSTANTS, FILE, INTERNALS, LINKS, READ, Read, TOLD, Told } from '../../src/cpu/composer-layout.ts';
import { composerModule } from '../../src/cpu/composer-module.ts';
import { ALL_FLAGS } from '../../src/cpu/frontend/frontend.ts';
import { BYTECODE, GUEST_BASE } from '../../src/cpu/memory/layout.ts';
import { TemplateTable } from '../../src/cpu/template-table.ts';

const handlers = [...hotHandlers, ...coldHandlers];
const MEMORY_PAGES = { initial: 65536, maximum: 65536 };

interface Made {
  readonly words: readonly number[];
  readonly links: readonly number[];
  readonly internals: readonly number[];
  readonly constants: readonly (number | readonly number[])[];
  readonly told: object;
}

const DISPLACEMENTS = [-0x8000_0000, -0x1_0000, -0x8001, -0x8000, -0x7fff, -0x494, 0x494, 0x7fff, 0x8000, 0x1_0000, 0x7fff_ffbf]; // biome-ignore format: one line
/** MOV r32, [rsi+disp32]; MOV [rsi+disp32], r32; VMOVDQU ymm, [rsi+disp32] with each of the displacements. */
const loadsAndStores = (guest: ByteGuestName): number[][] =>
  [[0x8b], [0x89], ...(guest === 'x86_64' ? [[0xc5, 0xfe, 0x6f]] : [])].flatMap((opcode) =>
    DISPLACEMENTS.map((n) => [...opcode, 0x9e, ...[0, 8, 16, 24].map((shift) => (n >> shift) & 255)]),
  );

describe.for(Object.keys(guestsWithBytes) as ByteGuestName[])(
  'the composer of instructions that are bytes, %s',
  (name) => {
    const guest = byteGuest(name);
    const usual = usualBytes(name);
    const templates = byteTemplates(name);
    for (const one of usual) templates.keep(one);
    const displaced = loadsAndStores(name);
    for (const bytes of displaced) templates.keep({ bytes, kind: -1 });
    const table = TemplateTable.from(templates.file());
    const memory = new WebAssembly.Memory({ ...MEMORY_PAGES, shared: true });
    const code = new DataView(memory.buffer, GUEST_BASE);
    const words = new Uint32Array(memory.buffer);
    const module = new WebAssembly.Module(composerModule(MEMORY_PAGES, null));
    const nothing = { made: () => 0, crosses: () => 0, lookAhead: () => 0, note: () => 0, want: () => 0 };
    const { exports } = new WebAssembly.Instance(module, { e: { m: memory, m1: table.memory, ...nothing } });
    const compose = exports.compose as (pc: number, kind: number, limit: number, to: number, last: number) => number;
    const read = exports.read as (pc: number) => number;
    const own = new Int32Array(table.memory.buffer);

    const composed = (pc: number, kind: number, limit: number): Made | null => {
      const end = compose(pc, kind, limit, BYTECODE, BYTECODE + 0x1_0000) >>> 0;
      if (end === 0) return null;
      const told = (what: number): number => own[TOLD / 4 + what] as number;
      const list = (at: number, bytes: number): number[] => [...own.subarray(at / 4, (at + bytes) / 4)];
      const constants = list(CONSTANTS, told(Told.CONSTANTS));
      return {
        words: [...words.subarray(BYTECODE / 4, BYTECODE / 4 + told(Told.LENGTH))],
        links: list(LINKS, told(Told.LINKS)),
        internals: list(INTERNALS, told(Told.INTERNALS)),
        constants: constants.map((n, i) => {
          const at = FILE / 4 + n;
          return i % 2 === 0 ? n : [...own.subarray(at + 1, at + 1 + (own[at] as number))];
        }),
        told: {
          end,
          reads: told(Told.READS_FLAGS) !== 0,
          asks: told(Told.ASKS_FLAGS) !== 0,
          callTarget: told(Told.CALL_TARGET) >>> 0,
          returnsTo: told(Told.RETURNS_TO) >>> 0,
        },
      };
    };

    /** One instruction lifted and encoded. */
    const lifted = (bytes: readonly number[], pc: number, kind: number): Made => {
      const { block } = guest.lift(bytes, pc, kind);
      const made: number[] = [];
      const [links, internals, constants]: [number[], number[], (number | readonly number[])[]] = [[], [], []];
      const passes = !block.readsFlags && !block.setsFlags;
      encodeBlock(passes ? { ...block, flagsOut: -1 } : block, {
        put: (op, d, a, b, imm, at) =>
          4 * made.push((op | (d << 16)) >>> 0, (a | (b << 16)) >>> 0, imm >>> 0, at >>> 0) - 16,
        internal(record, target) {
          internals.push(record / 16, target / 16);
          made[record / 4 + 2] = BYTECODE + target;
        },
        constant(bytes) {
          constants.push(made.length / 4, bytes);
          return 0;
        },
        link: (record, target, linkKind) => void links.push(record / 16, target | 0, linkKind),
      });
      const { terminal, end, readsFlags, keepsFlags } = block;
      return {
        words: made,
        links,
        internals,
        constants,
        told: {
          end,
          reads: readsFlags,
          asks: readsFlags && !keepsFlags,
          callTarget: terminal.kind === 'call' ? terminal.target : 0,
          returnsTo: terminal.kind === 'call' || terminal.kind === 'callIndirect' ? terminal.ret : 0,
        },
      };
    };

    const random = new Random(77);
    /** The instruction with another ModRM byte, SIB byte, REX prefix, displacement or immediate. */
    const varied = (bytes: readonly number[], pc: number): number[] => {
      for (const [i, byte] of bytes.entries()) code.setUint8(pc + i, byte);
      const made = [...bytes];
      if (read(pc) === 0) return made;
      const at = (what: number): number => ((own[READ / 4 + what] as number) - pc) | 0;
      const [modrm, disp, imm, opcode] = [Read.MODRM_AT, Read.DISP_AT, Read.IMM_AT, Read.OPCODE_AT].map(at) as [number, number, number, number]; // biome-ignore format: one line
      const next = at(Read.NEXT);
      const any = (from: number, to: number): void => {
        for (let i = Math.max(from, 0); from > 0 && i < to; i++) made[i] = random.u32() & 255;
      };
      const twist = random.u32();
      if (modrm > 0 && (twist & 1) !== 0) made[modrm] = ((made[modrm] as number) & 0xc7) | (random.u32() & 0x38);
      if (modrm > 0 && (twist & 2) !== 0) made[modrm] = ((made[modrm] as number) & 0xf8) | (random.u32() & 7);
      if (modrm > 0 && ((made[modrm] as number) & 0xc7) === 4) any(modrm + 1, modrm + 2);
      if (opcode > 0 && ((made[opcode - 1] as number) & 0xf0) === 0x40 && guest.mode === 64) {
        made[opcode - 1] = (made[opcode - 1] as number) ^ (random.u32() & 7);
      }
      if (disp > 0 && (twist & 12) !== 0) any(disp, imm > 0 ? imm : next);
      if (imm > 0 && (twist & 48) !== 0) any(imm, next);
      return made;
    };

    it('makes the records that lifting gives', () => {
      let [count, without] = [0, 0];
      const failed = new Map<string, string>();
      for (const { bytes, kind } of usual) {
        for (let n = 0; n < 4; n++) {
          const pc = 0x1000_0000 + (random.u32() % 0x7000_0000);
          const made = n === 0 ? [...bytes] : varied(bytes, pc);
          while (made.length < 20) made.push(0x90);
          for (const [i, byte] of made.entries()) code.setUint8(pc + i, byte);
          const js = lifted(made, pc, kind);
          const anyFlags = lifted(made, pc, -1);
          // one instruction, and the jump behind it
          const one = composed(pc, kind, (js.told as { end: number }).end);
          if (one === null) {
            without++;
            continue;
          }
          count++;
          // where it has no template for the kind there may be one that finds out which it is
          const right = [js, anyFlags].some((as) => JSON.stringify(one) === JSON.stringify(as));
          if (!right) {
            const hex = Buffer.from(made.slice(0, 15)).toString('hex');
            failed.set(`${hex} at ${pc.toString(16)}, flags ${kind}`, `${JSON.stringify(one)}\n${JSON.stringify(js)}`);
          }
        }
      }
      expect([...failed].slice(0, 8)).toEqual([]);
      expect(count).toBeGreaterThan(without);
    });

    it('knows loads and stores with displacements of all sizes', () => {
      const pc = 0x2000_0000;
      for (const bytes of displaced) {
        for (const [i, byte] of [...bytes, 0x90, 0x90].entries()) code.setUint8(pc + i, byte);
        expect(composed(pc, -1, pc + bytes.length)).toEqual(lifted([...bytes, 0x90, 0x90], pc, -1));
      }
    });

    it('makes of several what it makes of each, but for flags that nobody reads', () => {
      const ops = handlers.map((handler) => (handler.kind === 'special' ? handler.name : ''));
      let [count, dropped] = [0, 0];
      for (let n = 0; n < 4000; n++) {
        const pc = 0x1000_0000 + (random.u32() % 0x7000_0000);
        const list = Array.from({ length: 6 }, () => (usual[random.u32() % usual.length] as UsualBytes).bytes);
        const bytes = [...list.flat(), 0xc3, ...new Array<number>(16).fill(0x90)];
        for (const [i, byte] of bytes.entries()) code.setUint8(pc + i, byte);
        const all = composed(pc, -1, pc + bytes.length - 16);
        if (all === null) continue;
        count++;
        const end = (all.told as { end: number }).end;
        let [at, from, kind, unread] = [pc, 0, -1, 0];
        while (at < end) {
          const one = bytes.slice(at - pc, at - pc + 16);
          /** How many words are those of the instruction for a flags kind; jumps and constants have other places here. */
          const alike = (own: readonly number[]): number => {
            let n = 0;
            while (n < own.length && all.words[from + n] === own[n] && all.words[from + n + 3] === own[n + 3]) n += 4;
            return n;
          };
          const as = alike(lifted(one, at, kind).words) >= alike(lifted(one, at, -1).words) ? kind : -1;
          const { block, ends, sets, reads } = guest.lift(one, at, as);
          const { words: own } = lifted(one, at, as);
          const mine = ends ? own : own.slice(0, -4);
          // the last record of all but what ends the block is the jump behind it
          if (unread > 0) {
            const quiet = block.ops.every(({ info }) => /^(get|set|const|pure)$/.test(info.kind));
            expect([sets, reads, quiet], `flags dropped before ${Buffer.from(one).toString('hex')}`).toEqual([
              ALL_FLAGS,
              0,
              true,
            ]);
          }
          unread = 0;
          const same = alike(mine);
          for (let i = same; i < mine.length; i += 4) {
            expect(ops[(mine[i] as number) & 0xffff], `of ${Buffer.from(one).toString('hex')}`).toMatch(
              /^(cc|const|mov)/,
            );
            unread++;
          }
          if (unread > 0) dropped++;
          from += same;
          if (sets || block.flagsOut !== as) kind = block.flagsOut;
          at = block.end;
        }
      }
      expect(count).toBeGreaterThan(1000);
      expect(dropped).toBeGreaterThan(100);
    });
  },
);
