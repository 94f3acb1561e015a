import type { Block } from '../../../ir/block.ts';
import type { Type } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import { isAccess, isWrite } from './access.ts';
import { type Cfg, loopOf } from './cfg.ts';
import type { Region } from './discover.ts';
import { indexed, type LowBits, MAX_DRIFT, MAX_INDEX, NO_BITS, split } from './ranges.ts';
import { clobbers } from './registers.ts';

/** A check of a register in front of a loop. */
export interface Hoist {
  /** State offset of the register. */
  readonly offset: number;
  readonly type: Type;
  /** Whether it must have no upper bits. */
  readonly upper: boolean;
  /** Low bits that it must have, if any. */
  readonly low: LowBits;
  /** Whether bytes [min, max) from it are checked. */
  readonly pages: boolean;
  readonly min: number;
  readonly max: number;
  readonly write: boolean;
}

const MAX_SPREAD = 2048;

/** Registers that a block's accesses start from as they are at its entry, and registers it gives new values. */
interface Uses {
  readonly pointers: Map<number, { type: Type; min: number; max: number; write: boolean; plain: boolean }>;
  /** Low bits that accesses ask of registers (whose addresses are a register's, or the sum of two); null: they disagree. */
  readonly low: Map<number, { type: Type; bits: LowBits | null }>;
  readonly replaced: Set<number>;
  /** Registers written at all. */
  readonly written: Set<number>;
}

const usesOf = (block: Block): Uses => {
  const uses: Uses = { pointers: new Map(), low: new Map(), replaced: new Set(), written: new Set() };
  for (const v of block.ops) {
    if (v.info.kind === 'set') {
      uses.written.add(v.imm);
      const [root] = split(v.a as Value);
      if (!(root.info.kind === 'get' && root.imm === v.imm)) uses.replaced.add(v.imm);
    }
    if (!isAccess(v)) continue;
    const [root, by] = split(v.a as Value);
    if (v.hi !== 0) noteLow(uses, root, { mask: v.hi, rest: -(by + v.imm) & v.hi });
    if (root.info.kind === 'get') note(uses, root, by + v.imm, v.info.size, v, true);
    for (const [pointer, last] of indexed(root)) {
      const [base, more] = split(pointer);
      if (base.info.kind !== 'get') continue;
      if (last <= MAX_INDEX) note(uses, base, more + by + v.imm, last + v.info.size, v, true);
      else if (last <= MAX_DRIFT / 4 && root.type === 'i64') note(uses, base, 0, 0, v, false);
    }
  }
  return uses;
};

const isRegister = (v: Value | null): boolean => v?.info.kind === 'get' && (v.type === 'i64' || v.type === 'i32');

const agreed = (x: LowBits | null, y: LowBits | null): LowBits | null => {
  if (!x || !y || ((x.rest ^ y.rest) & x.mask & y.mask) !== 0) return null;
  return x.mask >= y.mask ? x : y;
};

const noteLow = ({ low }: Uses, root: Value, bits: LowBits): void => {
  const add = ({ imm, type }: Value, wanted: LowBits): void => {
    const known = low.get(imm);
    low.set(imm, { type, bits: known ? agreed(known.bits, wanted) : wanted });
  };
  const { a, b } = root;
  if (isRegister(root)) add(root, bits);
  else if (root.info.name.endsWith('.add') && a && b && a.isConst !== b.isConst) {
    // a table and an index
    const [table, index] = a.isConst ? [a, b] : [b, a];
    const [register, by] = split(index);
    if (isRegister(register)) add(register, { mask: bits.mask, rest: (bits.rest - table.imm - by) & bits.mask });
  } else if (root.info.name.endsWith('.add') && isRegister(root.a) && isRegister(root.b)) {
    // most likely: a pointer that is aligned, and an index that is a multiple
    add(root.a as Value, bits);
    add(root.b as Value, { mask: bits.mask, rest: 0 });
  }
};

const note = ({ pointers }: Uses, register: Value, at: number, size: number, access: Value, plain: boolean): void => {
  const known = pointers.get(register.imm);
  const end = at + size;
  const write = isWrite(access);
  if (!known) pointers.set(register.imm, { type: register.type, min: at, max: end, write, plain });
  else {
    if (plain) {
      known.min = known.plain ? Math.min(known.min, at) : at;
      known.max = known.plain ? Math.max(known.max, end) : end;
      known.write = known.plain ? known.write || write : write;
    }
    known.plain ||= plain;
  }
};

/** Blocks of each loop without calls, by header: a call forgets what is known of pages. */
export const callFreeLoops = (region: Region, cfg: Cfg): Map<number, Set<number>> => {
  const loops = new Map<number, Set<number>>();
  if (!cfg.isLoop.includes(true)) return loops;
  const forgets = region.blocks.map((b) => clobbers(b) || b.ops.some((v) => v.info.kind === 'helper'));
  for (const header of cfg.rpo) {
    if (!cfg.isLoop[header]) continue;
    const body = loopOf(header, cfg);
    if (![...body].some((b) => forgets[b])) loops.set(header, body);
  }
  return loops;
};

/** Checks worth doing in front of each loop: of pointers that it does not replace before it uses them. */
export const hoistable = (region: Region, loops: ReadonlyMap<number, ReadonlySet<number>>): Map<number, Hoist[]> => {
  const found = new Map<number, Hoist[]>();
  if (loops.size === 0) return found;
  const uses = region.blocks.map(usesOf);
  for (const [header, body] of loops) {
    // no place in front of it belongs to an instruction
    if (header === region.dispatch || region.crossings.has(header)) continue;
    const pointers = exposed(header, body, region, uses, ({ pointers }) => pointers);
    const list = [...pointers].map((offset) => hoistOf(offset, body, uses));
    for (const offset of exposed(header, body, region, uses, ({ low }) => low)) addLow(list, offset, body, uses);
    if (list.length > 0) found.set(header, list);
  }
  return found;
};

/** Registers whose value at the header is used, in a way that `keys` tells, in the loop. */
const exposed = (
  header: number,
  body: ReadonlySet<number>,
  region: Region,
  uses: readonly Uses[],
  keys: (use: Uses) => ReadonlyMap<number, unknown>,
): Set<number> => {
  const at = new Map<number, Set<number>>([...body].map((b) => [b, new Set(keys(uses[b] as Uses).keys())]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const [b, set] of at) {
      const { replaced } = uses[b] as Uses;
      for (const s of region.succs[b] as readonly number[]) {
        if (s === header) continue;
        for (const offset of at.get(s) ?? []) {
          if (set.has(offset) || replaced.has(offset)) continue;
          set.add(offset);
          changed = true;
        }
      }
    }
  }
  return at.get(header) as Set<number>;
};

const hoistOf = (offset: number, body: ReadonlySet<number>, uses: readonly Uses[]): Hoist => {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let write = false;
  let fixed = true;
  let type: Type = 'i64';
  for (const b of body) {
    const { pointers, written } = uses[b] as Uses;
    if (written.has(offset)) fixed = false;
    const use = pointers.get(offset);
    if (!use) continue;
    type = use.type;
    if (!use.plain) continue;
    min = Math.min(min, use.min);
    max = Math.max(max, use.max);
    write ||= use.write;
  }
  const pages = fixed && max > min && max - min <= MAX_SPREAD && Math.abs(min) <= MAX_DRIFT / 4;
  return {
    offset,
    type,
    upper: true,
    low: NO_BITS,
    pages,
    min: pages ? min : 0,
    max: pages ? max : 0,
    write: pages && write,
  };
};

/** Have a check ask for the low bits that the loop's accesses want, where these agree. */
const addLow = (list: Hoist[], offset: number, body: ReadonlySet<number>, uses: readonly Uses[]): void => {
  let low: LowBits | null = NO_BITS;
  let type: Type = 'i64';
  for (const b of body) {
    const use = (uses[b] as Uses).low.get(offset);
    if (!use) continue;
    type = use.type;
    low = agreed(low, use.bits);
  }
  if (!low || low.mask === 0) return;
  const at = list.findIndex((hoist) => hoist.offset === offset);
  if (at >= 0) list[at] = { ...(list[at] as Hoist), low };
  else list.push({ offset, type, upper: false, low, pages: false, min: 0, max: 0, write: false });
};
