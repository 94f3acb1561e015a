/** Random cases for x86 and the comparison of what became of them: the part of scripts/fuzz.ts that knows the guest. */
import { Decoder } from '../src/cpu/frontend/x86/decoder.ts';
import { type Encoding, parseEncoding, type X86Row } from '../src/cpu/frontend/x86/row.ts';
import { rows } from '../src/cpu/frontend/x86/table.ts';
import { undefinedFlags } from '../test/fuzz/known-differences-x86.ts';
import type { Difference } from './fuzz-compare.ts';
import type { Random } from './fuzz-random.ts';
import { type CaseX86, emptyCaseX86, FX, joinInstructions, MAX_BYTES, type OutcomeX86, SCRATCH, viewOf } from './fuzz-record-x86.ts'; // biome-ignore format: one line
import { randomExt, writeExt } from './fuzz-x87-ops.ts';

/** System calls, jumps out of the case, segments, what differs from run to run or needs what a case has not. */
const EXCLUDED =
  /^(syscall|sysenter|sysexit|int3?|icebp|(jmp|call) (r\/m|m16|ptr16)\S*|retf?|iret|lsl r|cpuid|rdtscp?|rdpid|rdrand|rdseed|xgetbv|(wr|rd)[fg]sbase|hlt|mov sreg|pop [c-gs]s|l[defgs]s|xsave(opt|c|s)?|xrstors?|v?r(cp|sqrt)[ps]s|ud[012]|fn?(stenv|save)|fldenv|frstor|fxrstor)([ ,]|$)/;
/** Jumps go over the next instruction, or not. */
const JUMP = /^(j\w+|loopn?e?|call) rel/;
/** What loads control bits from memory is told some that neither trap nor are reserved. */
const PREPARED: readonly (readonly [instruction: RegExp, mask: number, bits: number])[] = [
  [/^popf/, ~0x4_0100, 0],
  [/^v?ldmxcsr/, 0xe07f, 0x1f80],
];

/** Registers that hold addresses in the scratch pages: rbx, rbp, rsi, rdi, and rsp; one that holds a small number. */
const POINTERS = [3, 5, 6, 7];
const RCX = 1;
/** Instructions that a REP prefix makes repeat. */
const STRING = /^(movs|cmps|scas|lods|stos)b?$/;

/** A memory operand: ModRM with reg = 0 and what follows, and the bits of REX that it needs. */
interface Memory {
  readonly bytes: readonly number[];
  readonly x: number;
  readonly b: number;
}

const word = (v: number): number[] => [0, 8, 16, 24].map((shift) => (v >>> shift) & 0xff);

/** One row's instructions. */
export class RowX86 {
  readonly row: X86Row;
  readonly encoding: Encoding;

  constructor(row: X86Row) {
    this.row = row;
    this.encoding = parseEncoding(row.text);
  }

  get name(): string {
    return this.row.syntax.split(' ')[0] as string;
  }

  /** Bytes of the memory operand, as far as the syntax tells; for alignment. */
  private get wide(): number {
    if (/m256/.test(this.row.syntax)) return 32;
    return /m128|m512/.test(this.row.syntax) ? 16 : 8;
  }

  /** An instruction, with those before it that it needs; `over` is what a jump may go over. */
  parts(random: Random, is64: boolean, over: () => number[][] = () => []): number[][] {
    const { syntax } = this.row;
    if (JUMP.test(syntax)) {
      const skipped = over();
      return [
        this.bytes(
          random,
          is64,
          null,
          skipped.reduce((sum, part) => sum + part.length, 0),
        ),
        ...skipped,
      ];
    }
    const prepared = PREPARED.find(([instruction]) => instruction.test(syntax));
    if (!prepared) return [this.bytes(random, is64)];
    const [, mask, bits] = prepared;
    const bytes = syntax === 'popf' ? [4, 0x24] : [0x40 | random.pick(POINTERS), 4 * random.below(16)];
    const change = (group: number, v: number): number[] => [0x81, (bytes[0] as number) | (group << 3), ...bytes.slice(1), ...word(v)]; // biome-ignore format: one line
    return [change(4, mask), change(1, bits), this.bytes(random, is64, { bytes, x: 0, b: 0 })];
  }

  /** `distance`: how far a jump goes. */
  private bytes(random: Random, is64: boolean, operand: Memory | null = null, distance = 0): number[] {
    const e = this.encoding;
    const out: number[] = [];
    const rex = is64 ? random.below(16) : 0;
    const jump = JUMP.test(this.row.syntax);
    let operand16 = false;
    const inMemory = e.modrm && (e.mod === 1 || (e.mod === 3 && random.oneIn(2)));
    const memory = operand ?? (inMemory ? this.memoryOperand(random, is64) : null);
    const [x, b] = memory && e.modrm ? [memory.x, memory.b] : [0, rex & 1];
    if (random.oneIn(12)) out.push(random.pick(is64 ? [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] : [0x26, 0x36, 0x3e]));
    if (!operand && is64 && e.immediates[0] !== 'mo' && random.oneIn(16)) out.push(0x67);
    if (e.vexL !== -2) {
      const operands = this.row.syntax
        .replace(/^\S+ /, '')
        .split(', ')
        .filter((o) => o !== 'imm8').length;
      // a group's shifts have their destination there
      const noVvvv = operands < 3 && !/^VEX.* 7[123] \/\d/.test(this.row.text);
      const vvvv = noVvvv ? 0 : random.below(is64 ? 16 : 8);
      const pp = [0, 0x66, 0xf3, 0xf2].indexOf(e.prefix);
      const w = Math.max(e.w, 0);
      const l = Math.max(e.vexL, 0);
      const rxb = is64 ? ~((rex & 4) | (x << 1) | b) & 7 : 7;
      out.push(0xc4, (rxb << 5) | e.map, (w << 7) | ((~vvvv & 15) << 3) | (l << 2) | pp);
    } else {
      if (e.prefix > 0) out.push(e.prefix);
      else if (e.prefix < 0 && !jump && random.oneIn(4)) {
        out.push(0x66);
        operand16 = true;
      }
      if (this.lockable && memory && random.oneIn(4)) out.unshift(0xf0);
      if (STRING.test(this.row.syntax) && random.oneIn(2)) out.push(random.pick([0xf2, 0xf3]));
      let w = e.w < 0 ? (random.oneIn(3) ? 1 : 0) : e.w;
      if (!is64) w = 0;
      const bits = (w << 3) | (rex & 4) | (x << 1) | b;
      if (is64 && (bits !== 0 || random.oneIn(4))) out.push(0x40 | bits);
      if (w === 1) operand16 = false;
      if (e.map > 0) out.push(0x0f);
      if (e.map > 1) out.push(e.map === 2 ? 0x38 : 0x3a);
    }
    out.push(e.opcode + (e.plus ? random.below(8) : 0));
    if (e.modrm) {
      const reg = random.below(8) << 3;
      if (memory) out.push((memory.bytes[0] as number) | (reg & ~e.mask) | (e.value & 0x38), ...memory.bytes.slice(1));
      else out.push((((0xc0 | reg | random.below(8)) & ~e.mask) | e.value) & 0xff);
    }
    const wide = out.some((byte) => (byte & 0xf8) === 0x48) && e.vexL === -2;
    for (const immediate of e.immediates) {
      const size = { ib: 1, iw: 2, id: 4, iz: operand16 ? 2 : 4, iv: wide ? 8 : operand16 ? 2 : 4, cb: 1, cz: 4, mo: is64 ? 8 : 4 }[immediate] ?? 1; // biome-ignore format: one line
      let v = random.oneIn(2) ? random.integer() : BigInt(random.below(256));
      if (immediate === 'mo') v = BigInt(SCRATCH + 0x100 + 8 * random.below(64));
      if (jump) v = BigInt(distance);
      for (let i = 0n; i < BigInt(size); i++) out.push(Number((v >> (8n * i)) & 0xffn));
    }
    return out;
  }

  private get lockable(): boolean {
    return /^(add|or|adc|sbb|and|sub|xor|inc|dec|not|neg|xadd|cmpxchg|btc|bts|btr|xchg) r\/m/.test(this.row.syntax);
  }

  /** A base register with a displacement that keeps the alignment vectors ask for; with an index; absolute; the code itself. */
  private memoryOperand(random: Random, is64: boolean): Memory {
    const [base, b] = [random.pick(POINTERS), is64 && random.oneIn(4) ? 1 : 0];
    const step = this.wide === 8 ? 1 : this.wide;
    const d = (random.below(1 + Math.floor(0x60 / step)) - Math.floor(0x30 / step)) * step;
    if (this.row.syntax.includes(' vm')) {
      const index = (random.below(8) << 3) | (random.below(4) << 6);
      return { bytes: [0x44, base | index, d & 0xff], x: is64 ? random.below(2) : 0, b };
    }
    // absolute: 64-bit mode has it in the SIB form
    if (random.oneIn(8)) return { bytes: [is64 ? 4 : 5, ...(is64 ? [0x25] : []), ...word(SCRATCH + 0x200 + Math.abs(d))], x: 0, b: 0 }; // biome-ignore format: one line
    if (step === 1 && is64 && random.oneIn(12)) return { bytes: [5, ...word(-16 - random.below(8))], x: 0, b: 0 };
    if (step === 1 && random.oneIn(4)) {
      const index = (RCX << 3) | (random.below(4) << 6);
      return { bytes: [0x44, base | index, d & 0xff], x: is64 ? random.below(2) : 0, b };
    }
    if (random.oneIn(6)) return { bytes: [0x44, base | 0x20, d & 0xff], x: 0, b };
    return { bytes: [0x40 | base, d & 0xff], x: 0, b };
  }
}

/** Rows that take part, by a part of their syntax or of their encoding. */
/** What tells segment registers apart that hold different selectors. */
const SELECTORS = /^(push [cdefgs]s|mov r\/m, sreg|lar|lsl|verr|verw)\b/;
export const rowsX86 = (is64: boolean, exact: boolean, part: string, segments = false): readonly RowX86[] =>
  rows
    .filter((row) => row.lift !== null && (row.mode === 0 || row.mode === (is64 ? 64 : 32)))
    .filter((row) => exact || !/(ld|st)mxcsr|fxsave/.test(row.syntax))
    .filter((row) => !segments || !SELECTORS.test(row.syntax))
    .filter((row) => !EXCLUDED.test(row.syntax) && new RegExp(part).test(`${row.syntax} | ${row.text}`))
    .map((row) => new RowX86(row));

/** The instructions of a case begin from these. */
function fill(c: CaseX86, random: Random, is64: boolean, exact: boolean): void {
  for (let n = 0; n < (is64 ? 16 : 8); n++) c.gpr[n] = random.integer();
  for (const n of [RCX, RCX + 8]) if (random.oneIn(2)) c.gpr[n] = BigInt(random.below(70));
  for (const n of POINTERS) {
    for (const each of [n, n + 8]) c.gpr[each] = BigInt(SCRATCH + 0x400 + 32 * random.below(64));
  }
  c.gpr[4] = BigInt(SCRATCH + 0x800 + 16 * random.below(16));
  if (!is64) for (let n = 0; n < 8; n++) c.gpr[n] = BigInt.asUintN(32, c.gpr[n] as bigint);
  c.eflags = 2 | (random.u32() & 0x8d5) | (random.oneIn(8) ? 0x400 : 0);
  const view = viewOf(c.xsave);
  const vectors = is64 ? 16 : 8;
  for (let n = 0; n < vectors; n++) {
    randomVector(random, view, (FX.xmm as number) + 16 * n);
    randomVector(random, view, (FX.ymmh as number) + 16 * n);
  }
  for (let at = 0; at < c.memory.length; at += 16) randomVector(random, viewOf(c.memory), at);
  if (exact) {
    const mxcsr = 0x1f80 | (random.below(4) << 13) | (random.oneIn(4) ? 0x8000 : 0) | (random.oneIn(4) ? 0x40 : 0);
    const unmasked = random.oneIn(6) ? random.below(64) << 7 : 0;
    view.setUint32(FX.mxcsr as number, (mxcsr | (random.oneIn(2) ? 0 : random.below(64))) & ~unmasked, true);
  }
  const precision = random.pick([0, 2, 3, 3]);
  view.setUint16(FX.cw as number, exact ? 0x7f | (precision << 8) | (random.below(4) << 10) : 0x37f, true);
  const top = random.oneIn(3) ? 0 : random.below(8);
  view.setUint16(FX.sw as number, (top << 11) | (random.oneIn(3) ? random.u32() & 0x4700 : 0), true);
  view.setUint8(FX.tag as number, random.oneIn(3) ? 0xff : random.oneIn(3) ? 0 : random.below(256));
  for (let n = 0; n < 8; n++)
    writeExt(view, (FX.st as number) + 16 * n, randomExt(random, random.pick(['any', 'f64', 'int', 'unit'])));
}

/** 16 bytes: integers, floats of both sizes, or bytes of any kind. */
function randomVector(random: Random, view: DataView, at: number): void {
  switch (random.below(6)) {
    case 5: // indices
      if (random.oneIn(2)) for (let i = 0; i < 4; i++) view.setInt32(at + 4 * i, random.below(32) - 16, true);
      else for (let i = 0; i < 2; i++) view.setBigInt64(at + 8 * i, BigInt(random.below(32) - 16), true);
      break;
    case 0:
    case 1:
      for (let i = 0; i < 2; i++) view.setBigUint64(at + 8 * i, random.float(64), true);
      break;
    case 2:
    case 3:
      for (let i = 0; i < 4; i++) view.setUint32(at + 4 * i, Number(random.float(32)), true);
      break;
    default:
      for (let i = 0; i < 2; i++) view.setBigUint64(at + 8 * i, random.integer(), true);
  }
}

/** Up to `length` instructions, and what some of them need besides. */
export function randomInstructions(list: readonly RowX86[], random: Random, length: number, is64: boolean): number[][] {
  const instructions: number[][] = [];
  let size = 0;
  const one = (last: boolean): number[][] => {
    const row = random.pick(list);
    const parts = row.parts(random, is64, () => (last ? [] : one(false)));
    // flags that are undefined must not be used
    if (!last && undefinedFlags(row.row.syntax) !== 0) parts.push(COMPARE);
    return parts;
  };
  for (let n = 1 + random.below(length); n > 0; n--) {
    const parts = one(n === 1);
    size += parts.reduce((sum, part) => sum + part.length, 0);
    if (size > MAX_BYTES) break;
    instructions.push(...parts);
  }
  return instructions;
}

/** A case that runs them. `exact`: MXCSR and the x87's control word have other values than at the start. */
export function caseOf(
  instructions: readonly (readonly number[])[],
  random: Random,
  is64: boolean,
  exact: boolean,
): CaseX86 {
  const c = emptyCaseX86();
  fill(c, random, is64, exact);
  c.ymm = true;
  return Object.assign(c, joinInstructions(instructions));
}

export const randomCaseX86 = (
  list: readonly RowX86[],
  random: Random,
  length: number,
  is64: boolean,
  exact: boolean,
): CaseX86 => caseOf(randomInstructions(list, random, length, is64), random, is64, exact);

/** cmp eax, eax */
const COMPARE = [0x39, 0xc0];

const decoders = { 32: new Decoder(rows, 32), 64: new Decoder(rows, 64) };
/** The syntax of each of a case's instructions. */
export const syntaxesOf = (c: CaseX86, is64: boolean): string[] => {
  const code = new DataView(new ArrayBuffer(MAX_BYTES + 16));
  new Uint8Array(code.buffer).set(c.bytes);
  return c.starts.map((start) => decoders[is64 ? 64 : 32].decode(code, start)?.row.syntax ?? '?');
};

/** Goes before the others so that the emulator is in its exact floating-point mode from the start: a NOP under another MXCSR. */
export const warmUpX86 = (): CaseX86 => {
  const c = emptyCaseX86([0x90]);
  viewOf(c.xsave).setUint32(FX.mxcsr as number, 0x1f81, true);
  return c;
};

/** CF PF AF ZF SF DF OF. */
export const FLAGS_X86 = 0xcd5;
const hex = (n: bigint | number): string => `0x${n.toString(16)}`;

/** What differs: signal, registers, flags, vectors, x87, memory. `mxcsr`: the flags of it too. */
export function compareX86(theirs: OutcomeX86, ours: OutcomeX86, mxcsr: boolean, undefinedFlags: number): Difference[] {
  const list: Difference[] = [];
  const check = (where: string, a: bigint | number, b: bigint | number): void => {
    if (a !== b) list.push({ where, theirs: hex(a), ours: hex(b) });
  };
  check('signal', theirs.signal, ours.signal);
  if (theirs.signal !== 0) {
    check('pc', theirs.pc, ours.pc);
    check('si_code', theirs.code, ours.code);
    // where the instruction lies is told by the pc
    if (theirs.signal === 11) check('si_addr', theirs.address, ours.address);
  }
  for (let n = 0; n < 16; n++) check(`r${n}`, theirs.gpr[n] as bigint, ours.gpr[n] as bigint);
  const mask = FLAGS_X86 & ~undefinedFlags;
  check('eflags', theirs.eflags & mask, ours.eflags & mask);
  const [a, b] = [viewOf(theirs.xsave), viewOf(ours.xsave)];
  const wide = (name: string, at: number): void => {
    const value = (v: DataView): bigint => (v.getBigUint64(at + 8, true) << 64n) | v.getBigUint64(at, true);
    check(name, value(a), value(b));
  };
  if (mxcsr) check('mxcsr', a.getUint32(FX.mxcsr as number, true), b.getUint32(FX.mxcsr as number, true));
  check('fcw', a.getUint16(FX.cw as number, true), b.getUint16(FX.cw as number, true));
  check('fsw', a.getUint16(FX.sw as number, true), b.getUint16(FX.sw as number, true));
  check('ftw', a.getUint8(FX.tag as number), b.getUint8(FX.tag as number));
  for (let n = 0; n < 8; n++) wide(`st${n}`, (FX.st as number) + 16 * n);
  for (let n = 0; n < 16; n++) {
    wide(`xmm${n}`, (FX.xmm as number) + 16 * n);
    wide(`ymmh${n}`, (FX.ymmh as number) + 16 * n);
  }
  for (let i = 0; i < theirs.memory.length; i++) {
    if (theirs.memory[i] !== ours.memory[i])
      check(`memory[${hex(i)}]`, theirs.memory[i] as number, ours.memory[i] as number);
  }
  return list;
}
