import type { OpName } from '../../ir/opcodes.ts';
import type { Type } from '../../ir/types.ts';
import { wasmOpcode } from './opcodes.ts';

/** Binary value types (core spec 5.3). */
export const valtype: Readonly<Record<Type, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
export const BLOCK_VOID = 0x40;

const f32 = new Float32Array(1);
const f32bytes = new Uint8Array(f32.buffer);
const f64 = new Float64Array(1);
const f64bytes = new Uint8Array(f64.buffer);

/** Bytes of a u32 that is put in later. */
const PADDED = 5;

/** A growing byte buffer with the encodings of core spec 5.2. */
export class Bytes {
  buf: Uint8Array = new Uint8Array(1024);
  length = 0;

  byte(b: number): void {
    if (this.length === this.buf.length) this.grow(1);
    this.buf[this.length++] = b;
  }

  private grow(n: number): void {
    const bigger = new Uint8Array(Math.max(this.buf.length * 2, this.length + n));
    bigger.set(this.buf.subarray(0, this.length));
    this.buf = bigger;
  }

  /** Unsigned LEB128 of a uint32. */
  u32(n: number): void {
    let v = n >>> 0;
    while (v > 0x7f) {
      this.byte((v & 0x7f) | 0x80);
      v >>>= 7;
    }
    this.byte(v);
  }

  /** Overwrite the PADDED bytes at `at` by a u32. */
  putPadded(at: number, n: number): void {
    for (let i = 0; i < PADDED; i++) this.buf[at + i] = ((n >>> (7 * i)) & 0x7f) | (i < PADDED - 1 ? 0x80 : 0);
  }

  /** Signed LEB128 of an int32. */
  s32(n: number): void {
    let v = n | 0;
    for (;;) {
      const b = v & 0x7f;
      v >>= 7;
      if ((v === 0 && (b & 0x40) === 0) || (v === -1 && (b & 0x40) !== 0)) {
        this.byte(b);
        return;
      }
      this.byte(b | 0x80);
    }
  }

  /** Signed LEB128 of an int64 given as two int32 halves. */
  s64(lo: number, hi: number): void {
    let l = lo | 0;
    let h = hi | 0;
    for (;;) {
      const b = l & 0x7f;
      l = (l >>> 7) | (h << 25);
      h >>= 7;
      if ((l === 0 && h === 0 && (b & 0x40) === 0) || (l === -1 && h === -1 && (b & 0x40) !== 0)) {
        this.byte(b);
        return;
      }
      this.byte(b | 0x80);
    }
  }

  name(s: string): void {
    const utf8 = new TextEncoder().encode(s);
    this.u32(utf8.length);
    this.append(utf8);
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.buf.length) this.grow(bytes.length);
    this.buf.set(bytes, this.length);
    this.length += bytes.length;
  }

  view(): Uint8Array {
    return this.buf.subarray(0, this.length);
  }
}

/** The instructions of one function body. Methods are shaped by their immediates. */
export class Code extends Bytes {
  /** Types of the locals after the parameters. */
  readonly locals: Type[] = [];
  readonly params: number;
  /** Where the function index of a call to the function itself stands, which is not known before the module is. */
  readonly ownCalls: number[] = [];
  /** Branches that almost always go one way: twice the place, and 1 if they are taken. */
  readonly hints: number[] = [];

  constructor(params: number) {
    super();
    this.params = params;
  }

  /** A new local; returns its index. */
  local(type: Type): number {
    this.locals.push(type);
    return this.params + this.locals.length - 1;
  }

  /** An instruction without immediate, by IR name. */
  op(name: OpName): void {
    const code = wasmOpcode[name];
    if (code === undefined) throw new Error(`no wasm instruction for ${name}`);
    this.raw(code);
    if (name === 'atomic.fence') this.byte(0);
  }

  raw(code: number): void {
    if (code > 0xffff) {
      this.byte(code >>> 16);
      this.u32(code & 0xffff);
    } else {
      this.byte(code);
    }
  }

  /** A memory access of memory 0. */
  mem(name: OpName, offset: number, align = 0): void {
    this.raw(wasmOpcode[name] as number);
    this.byte(align);
    this.u32(offset);
  }

  /** A memory access of memory 1 (core spec 5.4.6: bit 6 of the alignment tells that a memory's index follows). */
  mem1(name: OpName, offset: number): void {
    this.raw(wasmOpcode[name] as number);
    this.byte(0x40);
    this.byte(1);
    this.u32(offset);
  }

  /** (to, from, length) and (to, byte, length) within memory 0. */
  memoryCopy(): void {
    this.append(Uint8Array.of(0xfc, 10, 0, 0));
  }
  memoryFill(): void {
    this.append(Uint8Array.of(0xfc, 11, 0));
  }

  lane(name: OpName, lane: number): void {
    this.raw(wasmOpcode[name] as number);
    this.byte(lane);
  }

  get(local: number): void {
    this.byte(0x20);
    this.u32(local);
  }
  set(local: number): void {
    this.byte(0x21);
    this.u32(local);
  }
  tee(local: number): void {
    this.byte(0x22);
    this.u32(local);
  }
  i32(n: number): void {
    this.byte(0x41);
    this.s32(n);
  }
  i64(lo: number, hi = lo >> 31): void {
    this.byte(0x42);
    this.s64(lo, hi);
  }
  f32(n: number): void {
    this.byte(0x43);
    f32[0] = n;
    this.append(f32bytes);
  }
  f64(n: number): void {
    this.byte(0x44);
    f64[0] = n;
    this.append(f64bytes);
  }
  v128(bytes: readonly number[]): void {
    this.byte(0xfd);
    this.byte(12);
    for (const b of bytes) this.byte(b);
  }
  shuffle(lanes: readonly number[]): void {
    this.byte(0xfd);
    this.byte(13);
    for (const l of lanes) this.byte(l);
  }
  select(): void {
    this.byte(0x1b);
  }
  /** A select of vectors must carry its type (core spec 3.3.2.3). */
  typedSelect(type: number): void {
    this.byte(0x1c);
    this.u32(1);
    this.byte(type);
  }
  drop(): void {
    this.byte(0x1a);
  }
  block(type: number = BLOCK_VOID): void {
    this.byte(0x02);
    this.byte(type);
  }
  loop(type: number = BLOCK_VOID): void {
    this.byte(0x03);
    this.byte(type);
  }
  if(type: number = BLOCK_VOID): void {
    this.byte(0x04);
    this.byte(type);
  }
  /** An `if` whose condition seldom holds: V8 moves what is done then, and what it takes to get there, out of the way. */
  unlikelyIf(): void {
    this.hints.push(2 * this.length);
    this.if();
  }
  likelyIf(type: number = BLOCK_VOID): void {
    this.hints.push(2 * this.length + 1);
    this.if(type);
  }
  unlikelyBrIf(depth: number): void {
    this.hints.push(2 * this.length);
    this.brIf(depth);
  }
  else(): void {
    this.byte(0x05);
  }
  end(): void {
    this.byte(0x0b);
  }
  br(depth: number): void {
    this.byte(0x0c);
    this.u32(depth);
  }
  brIf(depth: number): void {
    this.byte(0x0d);
    this.u32(depth);
  }
  brTable(depths: readonly number[], fallback: number): void {
    this.byte(0x0e);
    this.u32(depths.length);
    for (const d of depths) this.u32(d);
    this.u32(fallback);
  }
  return(): void {
    this.byte(0x0f);
  }
  /** Append the instructions of another piece of the same function. */
  appendCode(code: Code): void {
    for (const at of code.ownCalls) this.ownCalls.push(this.length + at);
    for (const hint of code.hints) this.hints.push(2 * this.length + hint);
    this.append(code.view());
  }

  callSelf(): void {
    this.byte(0x10);
    this.ownCalls.push(this.length);
    for (let i = 1; i < PADDED; i++) this.byte(0x80);
    this.byte(0);
  }
  call(func: number): void {
    this.byte(0x10);
    this.u32(func);
  }
  callIndirect(type: number): void {
    this.byte(0x11);
    this.u32(type);
    this.u32(0);
  }
  returnCall(func: number): void {
    this.byte(0x12);
    this.u32(func);
  }
  returnCallIndirect(type: number): void {
    this.byte(0x13);
    this.u32(type);
    this.u32(0);
  }
  unreachable(): void {
    this.byte(0x00);
  }
}

export interface FuncType {
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}

/** A function as it stands in the code section, its size apart. */
export interface FunctionBody {
  readonly bytes: Uint8Array;
  /** See Code. */
  readonly ownCalls: ArrayLike<number>;
  readonly hints: ArrayLike<number>;
}

/** Where a function's body lies in its module. */
export interface FunctionPlace {
  readonly start: number;
  readonly length: number;
  readonly ownCalls: ArrayLike<number>;
  readonly hints: ArrayLike<number>;
}

export interface ModuleSpec {
  readonly types: readonly FuncType[];
  /** Imported functions from module `e`, index space first. */
  readonly imports: readonly { readonly name: string; readonly type: number }[];
  readonly funcs: readonly { readonly type: number; readonly code: Code | FunctionBody; readonly export?: string }[];
  /** Pages of the imported shared memory `e.m`. */
  readonly memoryPages: { readonly initial: number; readonly maximum: number };
  /** Import the table `e.t` of functions. */
  readonly importTable?: boolean;
  /** Import a memory 1, `e.m1`, which is not shared. */
  readonly importMemory1?: boolean;
  /** Bytes that are put into memory 0 at an offset when the module is instantiated. */
  readonly data?: Data;
  /** The same for memory 1. */
  readonly data1?: Data;
}

interface Data {
  readonly at: number;
  readonly bytes: Uint8Array;
}

const section = (out: Bytes, id: number, fill: (s: Bytes) => void): void => {
  const s = new Bytes();
  fill(s);
  out.byte(id);
  out.u32(s.length);
  out.append(s.view());
};

const localRuns = (locals: readonly Type[]): [number, Type][] => {
  const runs: [number, Type][] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last && last[1] === type) last[0]++;
    else runs.push([1, type]);
  }
  return runs;
};

/** Locals and instructions of a function. */
export const functionBody = (code: Code): FunctionBody => {
  const body = new Bytes();
  const runs = localRuns(code.locals);
  body.u32(runs.length);
  for (const [n, type] of runs) {
    body.u32(n);
    body.byte(valtype[type]);
  }
  const head = body.length;
  body.append(code.view());
  body.byte(0x0b);
  return {
    bytes: body.view(),
    ownCalls: code.ownCalls.map((at) => head + at),
    hints: code.hints.map((hint) => 2 * head + hint),
  };
};

/** The section of branch hints (WebAssembly Code Metadata 3.1): to be in front of the code. */
const branchHints = (out: Bytes, firstIndex: number, bodies: readonly FunctionBody[]): void => {
  const hinted = [...bodies.entries()].filter(([, { hints }]) => hints.length > 0);
  out.name('metadata.code.branch_hint');
  out.u32(hinted.length);
  for (const [i, { hints }] of hinted) {
    out.u32(firstIndex + i);
    out.u32(hints.length);
    for (let h = 0; h < hints.length; h++) {
      const hint = hints[h] as number;
      out.u32(hint >>> 1);
      out.byte(1);
      out.byte(hint & 1);
    }
  }
};

/** A segment for each memory that has one (core spec 5.5.14). */
const activeData = (out: Bytes, memories: readonly (Data | undefined)[]): void => {
  const segments = [...memories.entries()].filter(([, data]) => data !== undefined && data.bytes.length > 0);
  if (segments.length === 0) return;
  section(out, 11, (s) => {
    s.u32(segments.length);
    for (const [memory, data] of segments) {
      const { at, bytes } = data as Data;
      s.u32(memory === 0 ? 0 : 2);
      if (memory !== 0) s.u32(memory);
      s.byte(0x41);
      s.s32(at);
      s.byte(0x0b);
      s.u32(bytes.length);
      s.append(bytes);
    }
  });
};

/** A module's bytes (core spec 5.5), and where its functions' bodies lie in them. */
export const layOutModule = (
  spec: ModuleSpec,
): { bytes: Uint8Array<ArrayBuffer>; bodies: readonly FunctionPlace[] } => {
  const out = new Bytes();
  out.append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  section(out, 1, (s) => {
    s.u32(spec.types.length);
    for (const t of spec.types) {
      s.byte(0x60);
      for (const list of [t.params, t.results]) {
        s.u32(list.length);
        for (const v of list) s.byte(valtype[v]);
      }
    }
  });
  section(out, 2, (s) => {
    s.u32(spec.imports.length + 1 + (spec.importTable ? 1 : 0) + (spec.importMemory1 ? 1 : 0));
    s.name('e');
    s.name('m');
    s.byte(0x02);
    s.byte(0x03); // shared, with a maximum
    s.u32(spec.memoryPages.initial);
    s.u32(spec.memoryPages.maximum);
    if (spec.importMemory1) {
      s.name('e');
      s.name('m1');
      s.byte(0x02);
      s.byte(0x00);
      s.u32(0);
    }
    if (spec.importTable) {
      s.name('e');
      s.name('t');
      s.byte(0x01);
      s.byte(0x70);
      s.byte(0x00);
      s.u32(0);
    }
    for (const f of spec.imports) {
      s.name('e');
      s.name(f.name);
      s.byte(0x00);
      s.u32(f.type);
    }
  });
  section(out, 3, (s) => {
    s.u32(spec.funcs.length);
    for (const f of spec.funcs) s.u32(f.type);
  });
  const exported = spec.funcs.map((f, i) => ({ name: f.export, index: spec.imports.length + i })).filter((f) => f.name);
  if (exported.length > 0) {
    section(out, 7, (s) => {
      s.u32(exported.length);
      for (const f of exported) {
        s.name(f.name as string);
        s.byte(0x00);
        s.u32(f.index);
      }
    });
  }
  const code = new Bytes();
  const bodies: FunctionPlace[] = [];
  code.u32(spec.funcs.length);
  const all = spec.funcs.map(({ code }) => (code instanceof Code ? functionBody(code) : code));
  if (all.some(({ hints }) => hints.length > 0)) section(out, 0, (s) => branchHints(s, spec.imports.length, all));
  for (const [i, body] of all.entries()) {
    code.u32(body.bytes.length);
    const start = code.length;
    bodies.push({ start, length: body.bytes.length, ownCalls: body.ownCalls, hints: body.hints });
    code.append(body.bytes);
    for (let c = 0; c < body.ownCalls.length; c++) {
      code.putPadded(start + (body.ownCalls[c] as number), spec.imports.length + i);
    }
  }
  out.byte(10);
  out.u32(code.length);
  const base = out.length;
  out.append(code.view());
  activeData(out, [spec.data, spec.data1]);
  return { bytes: out.view().slice(), bodies: bodies.map((body) => ({ ...body, start: base + body.start })) };
};

/** A module's bytes. */
export const encodeModule = (spec: ModuleSpec): Uint8Array<ArrayBuffer> => layOutModule(spec).bytes;
