import type { Block } from '../../../ir/block.ts';
import { terminalValues } from '../../../ir/finish.ts';
import { type OpName, opInfo } from '../../../ir/opcodes.ts';
import { Value } from '../../../ir/value.ts';
import { dropUnused, rebuilt } from './scalarize.ts';

/** What a half of a vector register is in a region: one double, or two singles. */
type Half = 'f64' | 'f32';
/** Both halves of a register. */
export type Halves = readonly [Half, Half];

/** The lane operations that doubles and singles are reached by, and the type each has. */
const SHAPES: { readonly [shape: string]: { readonly type: 'i32' | 'i64' | 'f32' | 'f64'; readonly half: Half } } = {
  i64x2: { type: 'i64', half: 'f64' },
  f64x2: { type: 'f64', half: 'f64' },
  i32x4: { type: 'i32', half: 'f32' },
  f32x4: { type: 'f32', half: 'f32' },
};
const shapeOf = (v: Value, suffix: string): (typeof SHAPES)[string] | undefined =>
  v.info.name.endsWith(suffix) ? SHAPES[v.info.name.slice(0, 5)] : undefined;
const extracted = (v: Value): (typeof SHAPES)[string] | undefined => shapeOf(v, '.extract_lane');
const replaced = (v: Value): (typeof SHAPES)[string] | undefined => shapeOf(v, '.replace_lane');

/** Root of values that come from no register. */
const CONSTANT = -1;

interface Count {
  /** Uses as doubles less uses as singles, for both halves. */
  readonly doubles: [number, number];
  /** Whether it is read or written as a whole, or by some half. */
  vector: boolean;
  halves: boolean;
}

/**
 * Vector registers that a region reads and writes by their doubles and singles only, as VFP does: two doubles or four
 * singles lie in one, and writing one leaves the others. Each lives in a local of its own.
 */
export const laneRegisters = (
  blocks: readonly Block[],
  except: ReadonlyMap<number, unknown>,
): ReadonlyMap<number, Halves> => {
  const counts = new Map<number, Count>();
  const countOf = (offset: number): Count => {
    let count = counts.get(offset);
    if (!count) counts.set(offset, (count = { doubles: [0, 0], vector: except.has(offset), halves: false }));
    return count;
  };
  for (const { ops } of blocks) {
    const roots = new Map<Value, number>();
    const asVector = (v: Value | null): void => {
      const root = v && roots.get(v);
      if (typeof root === 'number' && root !== CONSTANT) countOf(root).vector = true;
    };
    const note = (root: number, { half }: { half: Half }, lane: number): void => {
      if (root === CONSTANT) return;
      const count = countOf(root);
      const { doubles } = count;
      count.halves = true;
      const at = half === 'f64' ? lane : lane >> 1;
      doubles[at as 0 | 1] += half === 'f64' ? 1 : -1;
    };
    for (const v of ops) {
      const { name } = v.info;
      if (name === 'v128.get') {
        roots.set(v, v.imm);
        countOf(v.imm);
        continue;
      }
      if (name === 'v128.const') {
        roots.set(v, CONSTANT);
        continue;
      }
      const root = v.a ? roots.get(v.a) : undefined;
      if (name === 'v128.set') {
        if (root === CONSTANT) countOf(v.imm);
        else if (root !== v.imm) {
          countOf(v.imm).vector = true;
          asVector(v.a);
        }
        continue;
      }
      const shape = root === undefined ? undefined : (extracted(v) ?? replaced(v));
      if (shape && root !== undefined) {
        note(root, shape, v.imm);
        if (v.type === 'v128') roots.set(v, root);
        continue;
      }
      if (name === 'v128.select' && root !== undefined && root !== CONSTANT && roots.get(v.b as Value) === root) {
        roots.set(v, root);
        continue;
      }
      asVector(v.a);
      asVector(v.b);
      asVector(v.c);
    }
  }
  const found = new Map<number, Halves>();
  for (const [offset, { doubles, vector, halves }] of counts) {
    // one that is only cleared, as VZEROUPPER does, is stored at once
    if (!vector && halves) found.set(offset, doubles.map((n) => (n >= 0 ? 'f64' : 'f32')) as [Half, Half]);
  }
  return found;
};

/** A register's content: its doubles and singles, lowest first. */
interface Content {
  readonly halves: Halves;
  readonly parts: readonly Value[];
}

/** Index of a half's first part. */
const partOf = (halves: Halves, half: number): number => (half === 0 ? 0 : halves[0] === 'f64' ? 1 : 2);
/** Byte offsets of the parts in the register. */
const OFFSETS: Readonly<Record<string, readonly (readonly [Half, number])[]>> = {
  'f64,f64': [['f64', 0], ['f64', 8]],
  'f64,f32': [['f64', 0], ['f32', 8], ['f32', 12]],
  'f32,f64': [['f32', 0], ['f32', 4], ['f64', 8]],
  'f32,f32': [['f32', 0], ['f32', 4], ['f32', 8], ['f32', 12]],
}; // biome-ignore format: a table

/** Rebuilds a block with reads and writes of lane registers as their doubles and singles. */
class Splitter {
  readonly ops: Value[] = [];
  private readonly lanes: ReadonlyMap<number, Halves>;
  private readonly now = new Map<Value, Value>();
  private readonly contents = new Map<Value, Content>();
  /** What each register's locals hold, as far as the block knows. */
  private readonly current = new Map<number, Content>();
  private pc = 0;

  constructor(lanes: ReadonlyMap<number, Halves>) {
    this.lanes = lanes;
  }

  read<V extends Value | null>(v: V): V {
    return v ? ((this.now.get(v) as V | undefined) ?? v) : v;
  }

  add(v: Value): void {
    const { name, kind } = v.info;
    this.pc = v.pc;
    if (kind === 'when' || kind === 'helper') this.current.clear();
    const halves = name === 'v128.get' || name === 'v128.set' ? this.lanes.get(v.imm) : undefined;
    if (halves && name === 'v128.get') {
      const parts = partsOf(halves).map(([type, at]) => this.make(`${type}.get`, null, null, null, v.imm + at));
      const content = { halves, parts };
      this.contents.set(v, content);
      this.current.set(v.imm, content);
      return;
    }
    if (halves) return this.write(v.imm, this.contentOf(v.a as Value, halves), halves);
    const content = v.a ? this.contents.get(v.a) : undefined;
    if (content) {
      const shape = extracted(v);
      if (shape) return void this.now.set(v, this.extract(content, shape.type, v.imm));
      return void this.contents.set(v, name === 'v128.select' ? this.choose(v) : this.replace(content, v));
    }
    this.now.set(v, this.push(new Value(v.info, this.read(v.a), this.read(v.b), this.read(v.c), v.imm, v.hi, v.lanes, v.pc))); // biome-ignore format: one line
  }

  private push(v: Value): Value {
    this.ops.push(v);
    return v;
  }
  private make(name: OpName, a: Value | null, b: Value | null = null, c: Value | null = null, imm = 0, hi = 0): Value {
    return this.push(new Value(opInfo[name], a, b, c, imm, hi, null, this.pc));
  }

  /** Only what differs from what the locals hold. */
  private write(offset: number, content: Content, halves: Halves): void {
    const before = this.current.get(offset);
    for (const [i, [type, at]] of partsOf(halves).entries()) {
      const part = content.parts[i] as Value;
      if (before?.parts[i] !== part) this.make(`${type}.set`, part, null, null, offset + at);
    }
    this.current.set(offset, content);
  }

  /** Content of a value: that of a register, or a constant with lanes replaced. */
  private contentOf(v: Value, halves: Halves): Content {
    const known = this.contents.get(v);
    if (known) return known;
    if (v.a) return this.replace(this.contentOf(v.a, halves), v);
    const view = new DataView(Uint8Array.from(v.lanes ?? []).buffer);
    const parts = partsOf(halves).map(([type, at]) =>
      type === 'f64'
        ? this.make('f64.reinterpret_i64', this.make('i64.const', null, null, null, view.getInt32(at, true), view.getInt32(at + 4, true)))
        : this.make('f32.reinterpret_i32', this.make('i32.const', null, null, null, view.getInt32(at, true))),
    ); // biome-ignore format: by type
    return { halves, parts };
  }

  private choose(v: Value): Content {
    const [x, y] = [this.contents.get(v.a as Value) as Content, this.contents.get(v.b as Value) as Content];
    const cond = this.read(v.c);
    const parts = x.parts.map((part, i) => {
      const other = y.parts[i] as Value;
      return part === other ? part : this.make(`${part.type}.select` as OpName, part, other, cond);
    });
    return { halves: x.halves, parts };
  }

  private extract({ halves, parts }: Content, type: 'i32' | 'i64' | 'f32' | 'f64', lane: number): Value {
    const wide = type === 'i64' || type === 'f64';
    const half = wide ? lane : lane >> 1;
    const at = partOf(halves, half);
    const double = halves[half] === 'f64';
    if (wide) {
      if (type === 'f64' && double) return parts[at] as Value;
      const bits = double ? this.bits(parts[at] as Value) : this.joined(parts[at] as Value, parts[at + 1] as Value);
      return type === 'i64' ? bits : this.float(bits);
    }
    if (!double) {
      const part = parts[at + (lane & 1)] as Value;
      return type === 'f32' ? part : this.bits(part);
    }
    let bits = this.bits(parts[at] as Value);
    if ((lane & 1) === 1) bits = this.make('i64.shr_u', bits, this.const64(32, 0));
    const low = this.make('i32.wrap_i64', bits);
    return type === 'i32' ? low : this.float(low);
  }

  private replace({ halves, parts }: Content, v: Value): Content {
    const { type } = replaced(v) as (typeof SHAPES)[string];
    const wide = type === 'i64' || type === 'f64';
    const half = wide ? v.imm : v.imm >> 1;
    const at = partOf(halves, half);
    const double = halves[half] === 'f64';
    const x = this.read(v.b as Value);
    const next = [...parts];
    if (wide && double) next[at] = this.float(x);
    else if (wide) {
      const bits = this.bits(x);
      next[at] = this.float(this.make('i32.wrap_i64', bits));
      next[at + 1] = this.float(this.make('i32.wrap_i64', this.make('i64.shr_u', bits, this.const64(32, 0))));
    } else if (!double) next[at + (v.imm & 1)] = this.float(x);
    else {
      const old = this.bits(parts[at] as Value);
      const wideX = this.make('i64.extend_i32_u', this.bits(x));
      const upper = (v.imm & 1) === 1;
      const kept = this.make('i64.and', old, upper ? this.const64(-1, 0) : this.const64(0, -1));
      const put = upper ? this.make('i64.shl', wideX, this.const64(32, 0)) : wideX;
      next[at] = this.float(this.make('i64.or', kept, put));
    }
    return { halves, parts: next };
  }

  private const64(lo: number, hi: number): Value {
    return this.make('i64.const', null, null, null, lo, hi);
  }
  /** A number's bits, and back; what was one of them a moment ago comes out as it went in. */
  private bits(v: Value): Value {
    if (v.type === 'i32' || v.type === 'i64') return v;
    if (v.info.name === 'f32.reinterpret_i32' || v.info.name === 'f64.reinterpret_i64') return v.a as Value;
    return this.make(v.type === 'f64' ? 'i64.reinterpret_f64' : 'i32.reinterpret_f32', v);
  }
  private float(v: Value): Value {
    if (v.type === 'f32' || v.type === 'f64') return v;
    if (v.info.name === 'i32.reinterpret_f32' || v.info.name === 'i64.reinterpret_f64') return v.a as Value;
    return this.make(v.type === 'i64' ? 'f64.reinterpret_i64' : 'f32.reinterpret_i32', v);
  }
  private joined(low: Value, high: Value): Value {
    const upper = this.make('i64.shl', this.make('i64.extend_i32_u', this.bits(high)), this.const64(32, 0));
    return this.make('i64.or', this.make('i64.extend_i32_u', this.bits(low)), upper);
  }
}

const partsOf = (halves: Halves): readonly (readonly [Half, number])[] =>
  OFFSETS[halves.join()] as readonly (readonly [Half, number])[];

/** The block with those registers as doubles and singles; operations are rebuilt, uses counted anew. */
export const splitBlock = (block: Block, lanes: ReadonlyMap<number, Halves>): Block => {
  if (lanes.size === 0) return block;
  const splitter = new Splitter(lanes);
  for (const v of block.ops) splitter.add(v);
  const terminal = rebuilt(block.terminal, (v) => splitter.read(v));
  return { ...block, ops: dropUnused(splitter.ops, terminalValues(terminal)), terminal };
};
