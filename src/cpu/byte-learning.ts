import { coldHandlers, type Handler, hotHandlers } from './backend/interpreter/handlers.ts';
import { BY_ITSELF, FAR, FORM_MAGIC, Form, FormHead, formIndex, GREATEST, IMM_SHIFT, IMMEDIATE_SHIFT, IMPLICIT_SHIFT, Immediate, KEY_SLOT, LEVELS, NumberClass, RIP_BASE } from './byte-forms.ts'; // biome-ignore format: one line
import { READ, Read, VARS } from './composer-layout.ts';
import type { OpcodeForm } from './frontend/form.ts';
import type { SingleBlock } from './frontend/frontend.ts';
import { GUEST_BASE, State } from './memory/layout.ts';
import { ANY_KIND, MAX_REGISTERS, type Template, VARIABLES, Variable } from './template.ts';
import { ANY_FLAGS, EVERY_KIND, HASH, NONE, sharing, writeTemplate } from './template-file.ts';
import { learnFrom } from './template-learning.ts';
import { TemplateTable } from './template-table.ts';

/** An instruction that programs usually have, for the flags kind before it. */
export interface UsualBytes {
  readonly bytes: readonly number[];
  readonly kind: number;
}

/** What is needed of a guest whose instructions are bytes. */
export interface ByteGuest {
  readonly mode: 64 | 32;
  readonly maxBlock: number;
  readonly forms: readonly OpcodeForm[];
  lift(bytes: readonly number[], pc: number, kind: number): SingleBlock;
}

const IMMEDIATES: Readonly<Record<string, number>> = {
  '': Immediate.NONE,
  ib: Immediate.BYTE,
  cb: Immediate.BYTE,
  iw: Immediate.HALF,
  id: Immediate.WORD,
  iz: Immediate.SIZED,
  iv: Immediate.WHOLE,
  cz: Immediate.NEAR,
  mo: Immediate.ADDRESS,
};

/** The forms as words; null: of some instructions it is not known where they end. */
const formWord = (form: OpcodeForm): number | null => {
  const kind = IMMEDIATES[form.immediate];
  if (kind === undefined) return null;
  const bits =
    (form.modrm ? Form.MODRM : 0) |
    (form.plus ? Form.PLUS : 0) |
    (form.immediate.startsWith('c') ? Form.DISTANCE : 0) |
    (form.byteRm ? Form.BYTE_RM : 0) |
    (form.byteReg ? Form.BYTE_REG : 0) |
    (form.fixed ? Form.FIXED_REG : 0);
  return Form.PRESENT | bits | (kind << IMMEDIATE_SHIFT) | (form.implicit << IMPLICIT_SHIFT);
};

/** What keeps two rows apart (NOP is one of XCHG's registers); where their immediates differ, there is no form. */
const both = (a: number, b: number | null): number => {
  if (a === 0 || b === null || ((a ^ b) & ((7 << IMMEDIATE_SHIFT) | Form.MODRM | Form.DISTANCE)) !== 0) return 0;
  return a | b;
};

/** Forms by opcode, in place, and groups behind `words`. */
const writeForms = (words: number[], forms: readonly OpcodeForm[]): void => {
  const found = new Map<number, (number | undefined)[]>();
  for (const form of forms) {
    const word = formWord(form);
    for (let n = 0; n < (form.plus ? 8 : 1); n++) {
      const index = formIndex(form.vex, form.map, form.opcode + n);
      const shapes = found.get(index) ?? new Array<number | undefined>(16).fill(undefined);
      found.set(index, shapes);
      for (let i = 0; i < 16; i++) {
        if ((form.shapes & (1 << i)) === 0) continue;
        const known = shapes[i];
        shapes[i] = known === undefined ? (word ?? 0) : both(known, word);
      }
    }
  }
  for (const [index, shapes] of found) {
    const [first] = shapes;
    if (shapes.every((shape) => shape === first)) words[FormHead.FORMS + index] = first ?? 0;
    else {
      words[FormHead.FORMS + index] = Form.GROUP | words.length;
      words.push(...shapes.map((shape) => shape ?? 0));
    }
  }
};

/** How far from the least to the greatest the displacements and immediates of examples are, and where these lie. */
const EXAMPLES = [
  { part: 0, other: 0.4, at: 0x1572_6554 },
  { part: 0.53, other: 0, at: 0x2a8d_9fba },
  { part: 1, other: 1, at: 0x8b39_5568 },
  { part: 0.2, other: 0.83, at: 0x4c11_0377 },
] as const;
/** Registers in them, by their names; none needs a byte of its own as a base. */
const CHOICES = [
  [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 14, 15],
  [2, 6, 0, 7, 3, 1, 14, 9, 11, 8, 15, 10],
  [7, 3, 6, 1, 0, 2, 11, 15, 8, 10, 9, 14],
  [3, 0, 7, 2, 1, 6, 9, 10, 14, 15, 8, 11],
] as const;
const DISTANCE = 0xfff;

/** An instruction as the composer's module reads it. */
interface ReadBytes {
  readonly length: number;
  readonly word: (n: number) => number;
  readonly variable: (n: number) => number;
  /** Words of its key on a level; null: there is none. */
  readonly key: (level: number) => readonly [number, number, number] | null;
}

const CC: readonly number[] = [State.CC_OP, State.CC_A, State.CC_B, State.CC_C, State.CC_D];
const handlers: readonly Handler[] = [...hotHandlers, ...coldHandlers];
/** Whether a record does nothing but write flags. */
const writesFlags = (words: Int32Array, record: number): boolean => {
  const first = words[record] as number;
  const handler = handlers[first & 0xffff] as Handler;
  if (handler.kind === 'special') {
    if (/^cc/.test(handler.name)) return true;
    if (!/^(const|mov)(32|64)$/.test(handler.name)) return false;
  } else if (handler.kind !== 'pure' && handler.kind !== 'pureImm') return false;
  return CC.includes(first >>> 16);
};

/** The template with what is to be known of flags that nobody reads. */
const withFlags = (template: Template, { block, ends, reads, sets }: SingleBlock): Template => {
  const whole = sets !== 0 && reads === 0 && block.flagsOut >= 0 && block.flagsOut !== ANY_KIND;
  const quiet = block.ops.every(({ info, imm }) => {
    if (info.kind === 'get') return !CC.includes(imm);
    return info.kind === 'set' || info.kind === 'const' || info.kind === 'pure';
  });
  let tail = 0;
  if (!ends && whole && template.internals.length === 0) {
    for (let at = template.words.length - 4; at >= 0 && writesFlags(template.words, at); at -= 4) tail += 16;
  }
  return { ...template, kills: whole && quiet, tail };
};

/** Where instructions that are learned are put. */
const PLACE = 0x40_0000;

/**
 * XCHG, XADD and CMPXCHG with a high byte register (AH to BH) write two bytes that may be parts of one register or not, of
 * which a key with open registers tells nothing: they are lifted.
 */
const writesTwoParts = ([first, second, third]: readonly number[]): boolean => {
  const isLong = first === 0x0f && (second === 0xc0 || second === 0xb0);
  if (first !== 0x86 && !isLong) return false;
  const modrm = (isLong ? third : second) as number;
  return modrm >= 0xc0 && (modrm & 0x24) !== 0;
};

/** INT n: its number is never left open, as some are not like the others. */
const INT = 0xcd;

/** Learns templates of instructions that are bytes. */
export class ByteTemplates {
  private readonly guest: ByteGuest;
  private readonly memory: DataView;
  private readonly own: Int32Array;
  private readonly read: (pc: number) => number;
  private readonly name: (level: number) => number;
  private readonly table: TemplateTable;
  /** By key. */
  private readonly known: Map<string, Template | null> = new Map();

  /** `instance` makes one of the composer's module for a table. */
  constructor(
    guest: ByteGuest,
    memory: WebAssembly.Memory,
    instance: (table: TemplateTable) => Readonly<Record<string, unknown>>,
  ) {
    this.guest = guest;
    this.memory = new DataView(memory.buffer, GUEST_BASE);
    this.table = TemplateTable.from(this.file());
    this.own = new Int32Array(this.table.memory.buffer);
    const exports = instance(this.table);
    this.read = exports.read as typeof this.read;
    this.name = exports.name as typeof this.name;
  }

  /** Put bytes at an address and read them as an instruction; null: not for templates. */
  at(bytes: readonly number[], pc: number): ReadBytes | null {
    for (const [i, byte] of bytes.entries()) this.memory.setUint8(pc + i, byte);
    return this.readAt(pc);
  }

  /** The instruction at an address, or null. */
  readAt(pc: number): ReadBytes | null {
    const end = this.read(pc);
    if (end === 0) return null;
    const read = this.own.slice(READ / 4, READ / 4 + 16);
    const value = this.own[VARS / 4 + Variable.IMMEDIATE] as number;
    const immediate = ((read[Read.FORM] as number) >> IMMEDIATE_SHIFT) & 7;
    const names = Array.from({ length: LEVELS }, (_, level) => this.name(level));
    const variables = this.own.slice(VARS / 4, VARS / 4 + VARIABLES);
    return {
      length: (end - pc) >>> 0,
      word: (n) => read[n] as number,
      variable: (n) => variables[n] as number,
      key: (level) => {
        if (level === 1 && immediate === 0) return null;
        const literal = level > 0 && immediate !== 0;
        if (literal && value !== (value << 16) >> 16) return null;
        return [read[Read.KEY] as number, names[level] as number, literal ? value << 16 : 0];
      },
    };
  }

  /** The instruction with other registers and numbers, as far as a level leaves them open; sets the variables. */
  private example(bytes: readonly number[], read: ReadBytes, level: number, n: number, to: Int32Array): number[] {
    const { part, other, at } = EXAMPLES[n] as (typeof EXAMPLES)[number];
    const made = bytes.slice(0, read.length);
    const start = read.variable(Variable.PC) >>> 0;
    const place = (what: number): number => ((read.word(what) >>> 0) - start) | 0;
    const form = read.word(Read.FORM);
    const [, second] = read.key(level) as readonly [number, number, number];
    const opcodeAt = place(Read.OPCODE_AT);
    const vex = (read.word(Read.KEY) & 0x400) !== 0;
    const short = vex && made[opcodeAt] === 0xc5;
    const hasRex = !vex && read.word(Read.REX) !== 0;
    const byte = (form & (Form.BYTE_RM | Form.BYTE_REG)) !== 0 && !hasRex;
    const wide = this.guest.mode === 64 && (hasRex || (vex && !short));
    const choice = (CHOICES[n] as readonly number[]).filter(
      (r) => (r < 8 || wide) && (r >= 8 || ((form >>> IMPLICIT_SHIFT) & (1 << r)) === 0) && !(byte && r > 3),
    );
    const put = (i: number, mask: number, value: number): void => {
      made[i] = ((made[i] as number) & ~mask) | (value & mask);
    };
    const rexBit = (bit: number, register: number): void => {
      const high = register >> 3;
      if (hasRex) put(opcodeAt - 1, 1 << bit, high << bit);
      else if (vex && !(short && bit !== 2)) put(opcodeAt + 1, 0x20 << bit, (high ^ 1) * (0x20 << bit));
    };
    const modrmAt = place(Read.MODRM_AT);
    const memory = read.word(Read.MEMORY) !== 0;
    const sib = memory && ((made[modrmAt] as number) & 7) === 4;
    for (let field = 0; field < MAX_REGISTERS; field++) {
      const name = (second >>> (6 * field)) & 63;
      if (name >= BY_ITSELF) continue;
      const register = choice[name];
      // too few registers are left: the examples are the instruction itself, which others are not
      if (register === undefined) return [];
      to[name] = register;
      if (field === 0) {
        put(modrmAt, 0x38, register << 3);
        rexBit(2, register);
      } else if (field === 1) {
        if ((form & Form.MODRM) === 0) put(read.word(Read.NEXT) - start - this.immediateSize(read) - 1, 7, register);
        else put(sib ? modrmAt + 1 : modrmAt, 7, register);
        rexBit(0, register);
      } else if (field === 2) {
        put(modrmAt + 1, 0x38, register << 3);
        rexBit(1, register);
      } else put(opcodeAt + (short ? 1 : 2), 0x78, ~register << 3);
    }
    const view = new DataView(new ArrayBuffer(16));
    const number = (offset: number, size: number, value: number): void => {
      view.setInt32(0, value, true);
      for (let i = 0; i < Math.min(size, 4); i++) made[offset + i] = view.getUint8(i);
    };
    const rip = read.word(Read.BASE) === RIP_BASE;
    if (read.word(Read.DISP_AT) !== 0) {
      const size = (read.word(Read.KEY) >>> 25) % 4 === 1 ? 1 : 4;
      const disp = read.variable(Variable.DISPLACEMENT);
      const near = size !== 1 && !rip && this.guest.mode === 32 && Math.abs(disp) < FAR;
      const bits = size === 1 ? 7 : rip ? 12 : 31;
      const least = bits === 31 && this.guest.mode === 32 ? FAR : 1;
      // -FAR is far
      const value = near ? Math.sign(disp) * numberBetween(1, 1, 15, part) : numberBetween(disp, least, bits, part);
      number(place(Read.DISP_AT), size, this.guest.mode === 64 ? Math.min(value, GREATEST) : value);
    }
    const size = this.immediateSize(read);
    if (size > 0 && level === 0) {
      const value = read.variable(Variable.IMMEDIATE);
      const kind = (second >>> IMM_SHIFT) & 7;
      const distance = (form & Form.DISTANCE) !== 0;
      const bits = Math.min(8 * Math.min(size, 4) - 1, distance && size > 1 ? DISTANCE.toString(2).length : 31);
      // ones are a class of their own
      const open = kind === NumberClass.POSITIVE || kind === NumberClass.NEGATIVE;
      if (open) number(place(Read.IMM_AT), size, numberBetween(value, 2, bits, other));
    }
    if (size === 8) for (let i = 0; i < 4; i++) made[place(Read.IMM_AT) + 4 + i] = (0x9d3a_41c7 + 0x1357_9bdf * n) >>> (8 * i); // biome-ignore format: one line
    const again = this.at(
      made.map((b) => b & 255),
      at,
    );
    if (!again) return [];
    for (let i = 0; i < VARIABLES; i++) if (i >= MAX_REGISTERS) to[i] = again.variable(i);
    if (size < 8) to[Variable.HIGH] = 0;
    if (read.word(Read.MEMORY) === 0) to[Variable.DISPLACEMENT] = 0;
    if (size === 0) to[Variable.IMMEDIATE] = 0;
    // an example of something else would say nothing
    const [mine, theirs] = [read.key(level), again.key(level)];
    return mine?.every((key, i) => key === theirs?.[i]) ? made.map((b) => b & 255) : [];
  }

  private immediateSize(read: ReadBytes): number {
    const at = read.word(Read.IMM_AT);
    return at === 0 ? 0 : (read.word(Read.NEXT) - at) | 0;
  }

  /** The template (null: there is none), and whether it is for one flags kind. */
  private learnAt(
    bytes: readonly number[],
    read: ReadBytes,
    level: number,
    kind: number,
  ): readonly [Template | null, boolean] {
    if (level === 0 && bytes[0] === INT) return [null, false];
    const variables = EXAMPLES.map(() => new Int32Array(VARIABLES));
    const examples = variables.map((to, n) => this.example(bytes, read, level, n, to));
    if (examples.some((example) => example.length === 0)) return [null, false];
    const lift = (n: number, as: number): SingleBlock =>
      this.guest.lift(examples[n] as number[], (EXAMPLES[n] as (typeof EXAMPLES)[number]).at, as);
    // what no row has
    const probe = lift(0, kind);
    const { pc, end } = probe.block;
    if (end - pc !== read.length) return [null, false];
    const reads = probe.reads !== 0;
    const template = learnFrom(lift, variables, kind);
    return [template && withFlags(template, lift(0, reads ? kind : ANY_KIND)), reads];
  }

  /** Learn the template of an instruction, or find it: what stands for it, and the template; null: there is none. */
  learn(bytes: readonly number[], pc: number, kind: number): { name: string; template: Template } | null {
    const read = this.at(bytes, pc);
    if (!read) return null;
    for (let level = 0; level < LEVELS; level++) {
      const key = read.key(level);
      if (!key) {
        if (level === 1 && this.immediateSize(read) === 0) continue;
        return null;
      }
      const [first, second, third] = key;
      const every = `${first} ${second} ${third}`;
      const own = `${first} ${second} ${third | ((kind - EVERY_KIND) & 0xff)}`;
      let found = this.known.get(every) ?? this.known.get(own);
      if (found === undefined && !this.known.has(every) && !this.known.has(own)) {
        const [template, reads] = this.learnAt(bytes, read, level, kind);
        found = template;
        this.known.set(reads ? own : every, found);
      }
      if (found) return { name: found.reads === 0 ? every : own, template: found };
    }
    return null;
  }

  /** Learn what a file is to have of an instruction: for rarer kinds of flags too. */
  keep({ bytes, kind }: UsualBytes): void {
    if (writesTwoParts(bytes)) return;
    for (const as of new Set([kind, ANY_FLAGS])) this.learn(bytes, PLACE, as);
  }

  /** What was learned, as a file. */
  file(): Int32Array<ArrayBuffer> {
    const slots = 2 ** Math.ceil(Math.log2(2 * this.known.size + 16));
    const words = new Array<number>(FormHead.SIZE + KEY_SLOT * slots).fill(0);
    words[FormHead.MAGIC] = FORM_MAGIC;
    words[FormHead.SLOTS] = slots;
    words[FormHead.MAX_BLOCK] = this.guest.maxBlock;
    words[FormHead.MODE] = this.guest.mode;
    writeForms(words, this.guest.forms);
    const once = sharing(words);
    for (const [name, template] of this.known) {
      const [first, second, third] = name.split(' ').map(Number) as [number, number, number];
      const mixed = Math.imul(first ^ Math.imul(second ^ Math.imul(third, HASH), HASH), HASH);
      let n = (mixed ^ (mixed >>> 15)) & (slots - 1);
      while (words[FormHead.SIZE + KEY_SLOT * n + 3] !== 0) n = (n + 1) & (slots - 1);
      const slot = FormHead.SIZE + KEY_SLOT * n;
      const own: number[] = [];
      if (template) writeTemplate(own, template);
      words.splice(slot, KEY_SLOT, first, second, third, template ? once(own) : NONE);
    }
    words[FormHead.WORDS] = words.length;
    return Int32Array.from(words);
  }
}

/** A number of the sign of another one, `part` of the way from `least` to the greatest of so many bits. */
const numberBetween = (like: number, least: number, bits: number, part: number): number => {
  if (like === 0) return 0;
  const greatest = 2 ** bits - (like < 0 ? 0 : 1);
  return Math.sign(like) * Math.round(least + part * (greatest - least));
};
