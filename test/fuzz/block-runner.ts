/**
 * Runs fuzz cases through a front end without the rest of the emulator: each case is lifted as one block and compiled to
 * one plain wasm function over the scratch page. A fast check of instruction rows; the emulator itself is fuzzed by
 * scripts/fuzz.ts.
 */
import { type Case, CODE_BASE, type Outcome, SCRATCH, SCRATCH_SIZE } from '../../scripts/fuzz-record.ts';
import { clmulFunction } from '../../src/cpu/backend/wasm/ciphers.ts';
import { Code, encodeModule } from '../../src/cpu/backend/wasm/encoder.ts';
import { emitPure } from '../../src/cpu/backend/wasm/pure.ts';
import { readNzcv, writeNzcv } from '../../src/cpu/frontend/aarch64/flags.ts';
import { helpers } from '../../src/cpu/frontend/aarch64/helpers.ts';
import { Sys } from '../../src/cpu/frontend/aarch64/registers.ts';
import { Translator } from '../../src/cpu/frontend/aarch64/translator.ts';
import { Decoder } from '../../src/cpu/frontend/decoder.ts';
import type { Helper, HelperContext } from '../../src/cpu/frontend/helper.ts';
import { extractFields } from '../../src/cpu/frontend/pattern.ts';
import { patternOf, type Row } from '../../src/cpu/frontend/row.ts';
import type { Block } from '../../src/cpu/ir/block.ts';
import { Builder } from '../../src/cpu/ir/builder.ts';
import { eliminateDeadCode } from '../../src/cpu/ir/finish.ts';
import type { Value } from '../../src/cpu/ir/value.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';

const STATE_AT = 0x1000;
const MEMORY_AT = 0x1_0000;
const ENTRY = CODE_BASE + 8;

/** Index of the function for carry-less products, behind the import. */
const CLMUL = 1;
const DONE = 0;
const UNDEFINED = 1;
const FAULT = 2;
const OTHER = 3;

function checkedAddress(code: Code, v: Value, address: number, local: number): void {
  code.get(local);
  if (v.a?.type === 'i32') code.op('i64.extend_i32_u');
  code.i64(v.imm, v.imm >> 31);
  code.op('i64.add');
  code.i64(-1, 0xff_ffff);
  code.op('i64.and');
  code.i64(SCRATCH);
  code.op('i64.sub');
  code.tee(address);
  code.i64(SCRATCH_SIZE - v.info.size);
  code.op('i64.gt_u');
  code.if();
  leave(code, v.pc, FAULT);
  code.end();
  code.get(address);
  code.op('i32.wrap_i64');
}

function leave(code: Code, pc: number, how: number): void {
  code.get(0);
  code.i64(pc);
  code.mem('i64.store', State.PC);
  code.i32(how);
  code.return();
}

function emitBlock(block: Block): Code {
  const code = new Code(1);
  const locals = new Map<Value, number>();
  const scratch = new Map<number, number>();
  const scratchLocal = (n: number, type: 'i64' | 'v128' = 'i64'): number => {
    const key = type === 'i64' ? n : -1 - n;
    if (!scratch.has(key)) scratch.set(key, code.local(type));
    return scratch.get(key) as number;
  };
  const use = (v: Value | null): void => {
    if (!v) return;
    const local = locals.get(v);
    if (local === undefined) throw new Error(`${v.info.name} used before it is defined`);
    code.get(local);
  };
  for (const v of block.ops) {
    const { kind, name, result } = v.info;
    if (kind === 'const') {
      if (result === 'i32') code.i32(v.imm);
      else if (result === 'i64') code.i64(v.imm, v.hi);
      else if (result === 'f32') code.f32(v.imm);
      else if (result === 'f64') code.f64(v.imm);
      else code.v128(v.lanes ?? []);
    } else if (kind === 'get') {
      code.get(0);
      code.mem(`${v.type}.load` as 'i64.load', v.imm);
    } else if (kind === 'set') {
      code.get(0);
      use(v.a);
      code.mem(`${v.a?.type}.store` as 'i64.store', v.imm);
    } else if (kind === 'load' || kind === 'store') {
      checkedAddress(code, v, scratchLocal(9), locals.get(v.a as Value) as number);
      use(v.b);
      code.mem(name, MEMORY_AT);
    } else if (kind === 'cc') {
      code.get(0);
      code.i32(v.imm);
      code.mem('i32.store', State.CC_OP);
      for (const [operand, at] of [
        [v.a, State.CC_A],
        [v.b, State.CC_B],
        [v.c, State.CC_C],
      ] as const) {
        // biome-ignore format: triples
        if (!operand) continue;
        code.get(0);
        use(operand);
        code.mem(operand.type === 'i32' ? 'i32.store' : 'i64.store', at);
      }
    } else if (kind === 'helper') {
      code.get(0);
      code.i32(v.imm);
      code.i32(v.hi);
      code.call(0);
      code.if();
      leave(code, v.pc, OTHER);
      code.end();
    } else if (kind === 'pure' || kind === 'guard') {
      for (const operand of [v.a, v.b, v.c]) use(operand);
      emitPure(code, v, scratchLocal, CLMUL);
    } else {
      throw new Error(`no ${kind} operations here: ${name}`);
    }
    if (result !== 'void') {
      const local = code.local(v.type);
      locals.set(v, local);
      code.set(local);
    }
  }
  const terminal = block.terminal;
  if (terminal.kind === 'exit') leave(code, terminal.pc, terminal.reason === Exit.UNDEFINED ? UNDEFINED : OTHER);
  else if (terminal.kind !== 'jump') throw new Error(`no ${terminal.kind} terminals here`);
  code.i32(DONE);
  return code;
}

const SIGNALS: readonly number[] = [0, 4, 11, 0];

/** Lifts `count` words at `pc`. */
export type Lifter = (code: DataView, pc: number, count: number) => Block;

/** A lifter over some rows only; `exact`: with exact floating point. */
export function rowLifter(rows: readonly Row<Translator>[], exact: boolean): Lifter {
  const decoder = new Decoder(rows);
  const b = new Builder();
  const t = Object.assign(new Translator(b), { exact });
  return (code, start, count) => {
    b.reset();
    t.begin(-1);
    let pc = start;
    for (; t.terminal === null && pc < start + count * 4; pc += 4) {
      t.pc = pc;
      b.pc = pc;
      const word = code.getUint32(pc, true);
      const row = decoder.decode(word);
      if (row?.lift) row.lift(t, extractFields(patternOf(row), word));
      else t.end({ kind: 'exit', reason: Exit.UNDEFINED, pc });
    }
    const terminal = t.terminal ?? { kind: 'jump', target: pc };
    const ops = eliminateDeadCode(b.ops, terminal);
    return {
      pc: start,
      end: pc,
      ops,
      terminal,
      count,
      flagsIn: -1,
      reads: b.reads,
      readsFlags: t.readsFlags,
      setsFlags: t.setsFlags,
      flagsOut: t.flagsOut,
    };
  };
}

/** Outcomes of cases, one lifted block each. */
export function runBlocks(lift: Lifter, cases: readonly Case[]): Outcome[] {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
  const view = new DataView(memory.buffer);
  const u8 = new Uint8Array(memory.buffer);
  const code = new DataView(new ArrayBuffer(ENTRY + 64 + 64));
  const funcs = cases.map((c) => {
    c.words.forEach((word, i) => {
      code.setUint32(ENTRY + i * 4, word, true);
    });
    return { type: 0, code: emitBlock(lift(code, ENTRY, c.words.length)) };
  });
  const bytes = encodeModule({
    types: [
      { params: ['i32'], results: ['i32'] },
      { params: ['i32', 'i32', 'i32'], results: ['i32'] },
      { params: ['i64', 'i64'], results: ['v128'] },
    ],
    imports: [{ name: 'h', type: 1 }],
    funcs: [{ type: 2, code: clmulFunction() }, ...funcs.map((f, i) => ({ ...f, export: `f${i}` }))],
    memoryPages: { initial: 4, maximum: 4 },
  });
  const context: HelperContext = {
    view,
    u8,
    access(state, addr, size) {
      const at = BigInt.asUintN(56, addr) - BigInt(SCRATCH);
      if (at >= 0n && at <= BigInt(SCRATCH_SIZE - size)) return MEMORY_AT + Number(at);
      view.setUint32(state + State.EXIT_REASON, Exit.FAULT, true);
      return -1;
    },
    invalidateCode: () => false,
    fpModeChanged: () => false,
  };
  const h = (state: number, id: number, aux: number): number => (helpers[id] as Helper)(context, state, aux);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory, h } });
  return cases.map((c, i) => {
    load(c, view, u8);
    view.setUint32(STATE_AT + State.EXIT_REASON, 0, true);
    const how = (instance.exports[`f${i}`] as (state: number) => number)(STATE_AT);
    const fault = how === OTHER && view.getUint32(STATE_AT + State.EXIT_REASON, true) === Exit.FAULT;
    const signal = fault ? 11 : (SIGNALS[how] as number);
    return save(c, view, u8, signal);
  });
}

function load(c: Case, view: DataView, u8: Uint8Array): void {
  c.x.forEach((value, n) => {
    view.setBigUint64(STATE_AT + State.REGS + 8 * n, value, true);
  });
  view.setBigUint64(STATE_AT + State.REGS + 8 * 31, c.sp, true);
  c.v.forEach((value, n) => {
    view.setBigUint64(STATE_AT + State.VREGS + 8 * n, value, true);
  });
  writeNzcv(view, STATE_AT, Number(c.nzcv >> 28n));
  view.setBigUint64(STATE_AT + Sys.FPCR, c.fpcr, true);
  view.setBigUint64(STATE_AT + Sys.FPSR, c.fpsr, true);
  u8.set(c.memory, MEMORY_AT);
}

function save(c: Case, view: DataView, u8: Uint8Array, signal: number): Outcome {
  const reg = (at: number): bigint => view.getBigUint64(STATE_AT + at, true);
  return {
    words: c.words,
    signal,
    code: 0,
    address: 0n,
    pc: signal ? reg(State.PC) - BigInt(ENTRY) : 0n,
    x: BigUint64Array.from({ length: 31 }, (_, n) => reg(State.REGS + 8 * n)),
    sp: reg(State.REGS + 8 * 31),
    nzcv: BigInt(readNzcv(view, STATE_AT)) << 28n,
    fpcr: reg(Sys.FPCR),
    fpsr: reg(Sys.FPSR),
    v: BigUint64Array.from({ length: 64 }, (_, n) => reg(State.VREGS + 8 * n)),
    memory: u8.slice(MEMORY_AT, MEMORY_AT + SCRATCH_SIZE),
  };
}
