import { type OpName, opInfo } from '../../ir/opcodes.ts';
import { wasmOpcode } from './opcodes.ts';

/** Names of the control and variable instructions, which the IR does not have (core spec 5.4). */
const CONTROL: Readonly<Record<number, string>> = {
  0: 'unreachable',
  1: 'nop',
  2: 'block',
  3: 'loop',
  4: 'if',
  5: 'else',
  11: 'end',
  12: 'br',
  13: 'br_if',
  14: 'br_table',
  15: 'return',
  16: 'call',
  17: 'call_indirect',
  18: 'return_call',
  19: 'return_call_indirect',
  26: 'drop',
  27: 'select',
  32: 'local.get',
  33: 'local.set',
  34: 'local.tee',
  35: 'global.get',
  36: 'global.set',
  65: 'i32.const',
  66: 'i64.const',
  67: 'f32.const',
  68: 'f64.const',
  16580620: 'v128.const',
};

/** `select` that says its type; its text is told from the plain one by the type alone. */
const SELECT_TYPED = 28;

const TYPES: Readonly<Record<number, string>> = { 127: 'i32', 126: 'i64', 125: 'f32', 124: 'f64', 123: 'v128' };

const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(wasmOpcode).map(([name, code]) => [code, name] as const),
  ...Object.entries(CONTROL).map(([code, name]) => [Number(code), name] as const),
]);

/** One instruction: its name, and its immediates as text. */
export interface Instruction {
  readonly name: string;
  readonly immediates: string;
  /** Of a branch: whether it is almost always taken, or almost never. */
  readonly hint: boolean | undefined;
}

export interface FunctionBody {
  /** Index in the module, imports first. */
  readonly index: number;
  readonly type: number;
  readonly locals: readonly string[];
  readonly code: readonly Instruction[];
}

/** A module taken apart, as far as the encoder makes modules. */
export interface DecodedModule {
  /** `(param …) (result …)` by type index. */
  readonly types: readonly string[];
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly elements: readonly string[];
  readonly functions: readonly FunctionBody[];
}

/** Reads the encodings of core spec 5.2. */
class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  byte(): number {
    const b = this.bytes[this.at++];
    if (b === undefined) throw new Error('wasm module ends too early');
    return b;
  }

  u32(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const b = this.byte();
      value += (b & 0x7f) * scale;
      if (b < 0x80) return value;
      scale *= 128;
    }
  }

  /** Signed LEB128 of any length. */
  signed(): bigint {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const b = this.byte();
      value |= BigInt(b & 0x7f) << shift;
      shift += 7n;
      if (b < 0x80) return BigInt.asIntN(Number(shift), value);
    }
  }

  name(): string {
    const length = this.u32();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }
}

const valueType = (r: Reader): string => {
  const code = r.byte();
  const name = TYPES[code];
  if (name === undefined) throw new Error(`unknown value type ${code}`);
  return name;
};

const group = (keyword: string, items: readonly string[]): string =>
  items.length === 0 ? '' : ` (${keyword} ${items.join(' ')})`;

const limits = (flags: number, r: Reader): string => {
  const min = r.u32();
  const max = (flags & 1) !== 0 ? ` ${r.u32()}` : '';
  return `${min}${max}${(flags & 2) !== 0 ? ' shared' : ''}`;
};

/** A float so that it reads back as the same bits: NaNs with their payload. */
const float = (value: number, bits: bigint, fraction: bigint): string => {
  const negative = bits >> (fraction === 23n ? 31n : 63n) === 1n;
  if (Number.isNaN(value)) return `${negative ? '-' : ''}nan:0x${(bits & ((1n << fraction) - 1n)).toString(16)}`;
  if (!Number.isFinite(value)) return negative ? '-inf' : 'inf';
  return Object.is(value, -0) ? '-0' : String(value);
};

const memarg = (r: Reader, name: string): string => {
  const align = 2 ** r.u32();
  const offset = r.u32();
  const size = opInfo[name as OpName].size;
  return [offset === 0 ? '' : `offset=${offset}`, align === size ? '' : `align=${align}`].filter(Boolean).join(' ');
};

const immediates = (r: Reader, name: string): string => {
  switch (name) {
    case 'block':
    case 'loop':
    case 'if': {
      if (r.bytes[r.at] !== 0x40) return `(result ${valueType(r)})`;
      r.at++;
      return '';
    }
    case 'br':
    case 'br_if':
    case 'call':
    case 'return_call':
    case 'local.get':
    case 'local.set':
    case 'local.tee':
    case 'global.get':
    case 'global.set':
      return String(r.u32());
    case 'br_table':
      return [...r.list(() => r.u32()), r.u32()].join(' ');
    case 'call_indirect':
    case 'return_call_indirect': {
      const type = r.u32();
      const table = r.u32();
      return `${table === 0 ? '' : `${table} `}(type ${type})`;
    }
    case 'i32.const':
    case 'i64.const':
      return String(r.signed());
    case 'f32.const': {
      r.at += 4;
      return float(r.view.getFloat32(r.at - 4, true), BigInt(r.view.getUint32(r.at - 4, true)), 23n);
    }
    case 'f64.const': {
      r.at += 8;
      return float(r.view.getFloat64(r.at - 8, true), r.view.getBigUint64(r.at - 8, true), 52n);
    }
    case 'v128.const':
      return `i32x4 ${[0, 4, 8, 12].map(() => `0x${fixed32(r).toString(16).padStart(8, '0')}`).join(' ')}`;
    case 'i8x16.shuffle':
      return Array.from({ length: 16 }, () => r.byte()).join(' ');
    case 'atomic.fence':
      r.byte();
      return '';
  }
  const info = opInfo[name as OpName] as (typeof opInfo)[OpName] | undefined;
  if (info && info.size > 0) return memarg(r, name);
  return name.includes('_lane') ? String(r.byte()) : '';
};

const fixed32 = (r: Reader): number => {
  r.at += 4;
  return r.view.getUint32(r.at - 4, true);
};

const instruction = (r: Reader): Omit<Instruction, 'hint'> => {
  const first = r.byte();
  const code = first < 0xfc ? first : first * 0x10000 + r.u32();
  if (code === SELECT_TYPED) return { name: 'select', immediates: `(result ${r.list(() => valueType(r)).join(' ')})` };
  const name = NAMES.get(code);
  if (name === undefined) throw new Error(`unknown wasm instruction 0x${code.toString(16)} at ${r.at}`);
  return { name, immediates: immediates(r, name) };
};

/** By function and place in it: whether the branch there is likely to be taken. */
type Hints = ReadonlyMap<number, ReadonlyMap<number, boolean>>;

const branchHints = (r: Reader): Hints =>
  new Map(r.list(() => [r.u32(), new Map(r.list(() => [r.u32(), r.byte() === 1 && r.byte() === 1]))]));

const functionBody = (r: Reader, index: number, type: number, hints: Hints): FunctionBody => {
  const end = r.u32() + r.at;
  const start = r.at;
  const own = hints.get(index);
  const locals = r.list(() => {
    const count = r.u32();
    return new Array<string>(count).fill(valueType(r));
  });
  const code: Instruction[] = [];
  while (r.at < end) {
    const hint = own?.get(r.at - start);
    code.push({ ...instruction(r), hint });
  }
  return { index, type, locals: locals.flat(), code };
};

/** Take apart a module that `encodeModule` made. Throws on what it never writes. */
export const decodeModule = (bytes: Uint8Array): DecodedModule => {
  const r = new Reader(bytes);
  r.at = 8;
  const module = {
    types: [] as string[],
    imports: [] as string[],
    exports: [] as string[],
    elements: [] as string[],
    functions: [] as FunctionBody[],
  };
  let imported = 0;
  let declared: number[] = [];
  let hints: Hints = new Map();
  while (r.at < bytes.length) {
    const id = r.byte();
    const end = r.u32() + r.at;
    if (id === 0) {
      const name = r.name();
      if (name !== 'metadata.code.branch_hint')
        throw new Error(`section 0, ${JSON.stringify(name)}, is not known here`);
      hints = branchHints(r);
    } else if (id === 1) {
      module.types = r.list(() => {
        r.byte();
        const params = r.list(() => valueType(r));
        return (
          group('param', params) +
          group(
            'result',
            r.list(() => valueType(r)),
          )
        );
      });
    } else if (id === 2) {
      module.imports = r.list(() => {
        const names = `"${r.name()}" "${r.name()}"`;
        const kind = r.byte();
        if (kind === 0) return `(import ${names} (func (;${imported++};) (type ${r.u32()})))`;
        if (kind === 2) return `(import ${names} (memory ${limits(r.byte(), r)}))`;
        if (kind !== 1 || r.byte() !== 0x70) throw new Error(`import of kind ${kind}`);
        return `(import ${names} (table ${limits(r.byte(), r)} funcref))`;
      });
    } else if (id === 3) {
      declared = r.list(() => r.u32());
    } else if (id === 7) {
      module.exports = r.list(() => {
        const name = r.name();
        if (r.byte() !== 0) throw new Error(`export of ${name} is no function`);
        return `(export "${name}" (func ${r.u32()}))`;
      });
    } else if (id === 9) {
      module.elements = r.list(() => {
        if (r.byte() !== 0 || r.byte() !== 0x41) throw new Error('element segment of an unknown form');
        const offset = r.signed();
        r.byte();
        return `(elem (i32.const ${offset}) func ${r.list(() => r.u32()).join(' ')})`;
      });
    } else if (id === 10) {
      let i = 0;
      module.functions = r.list(() => functionBody(r, imported + i, declared[i++] as number, hints));
    } else {
      throw new Error(`section ${id} is not known here`);
    }
    if (r.at !== end) throw new Error(`section ${id} ends at ${r.at}, not ${end}`);
  }
  return module;
};

/** Indentation stops here: the interpreter's switch opens a block per handler. */
const DEEPEST = 40;

/** Instructions of a function as text, indented by nesting; labels are numbered as they open. */
const printBody = (code: readonly Instruction[]): string[] => {
  const open: number[] = [];
  const lines: string[] = [];
  let labels = 0;
  // The last `end` closes the function itself.
  for (const { name, immediates: text, hint } of code.slice(0, -1)) {
    if (name === 'end') open.pop();
    const opens = name === 'block' || name === 'loop' || name === 'if';
    const target = name === 'br' || name === 'br_if' ? open[open.length - 1 - Number(text)] : undefined;
    const label = opens ? ++labels : target;
    const indent = '  '.repeat(Math.min(open.length + (name === 'else' ? 1 : 2), DEEPEST));
    if (hint !== undefined) lines.push(`${indent}(@metadata.code.branch_hint "\\0${hint ? 1 : 0}")`);
    lines.push(`${indent}${name}${text === '' ? '' : ` ${text}`}${label === undefined ? '' : ` (;@${label};)`}`);
    if (opens) open.push(labels);
  }
  return lines;
};

/** Text of one function; `comment` goes above it. */
export const printFunction = (module: DecodedModule, body: FunctionBody, comment = ''): string => {
  const head = `  (func (;${body.index};) (type ${body.type})${module.types[body.type]}${group('local', body.locals)}`;
  return [...(comment === '' ? [] : [`  ;; ${comment}`]), head, ...printBody(body.code)].join('\n').concat(')\n');
};

/** A module's bytes in the text format (core spec 6), flat. `comment` tells what a function is, by index. */
export const printModule = (bytes: Uint8Array, comment: (index: number) => string = () => ''): string => {
  const module = decodeModule(bytes);
  const fields = [
    ...module.types.map((t, i) => `(type (;${i};) (func${t}))`),
    ...module.imports,
    ...module.exports,
    ...module.elements,
  ];
  const functions = module.functions.map((f) => printFunction(module, f, comment(f.index)));
  return `(module\n${fields.map((f) => `  ${f}\n`).join('')}${functions.join('')})\n`;
};
