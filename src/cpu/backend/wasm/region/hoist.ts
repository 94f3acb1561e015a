import type { Block } from '../../../ir/block.ts';
import type { Type } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import { isAccess, isWrite } from './access.ts';
import type { Cfg } from './cfg.ts';
import type { Region } from './discover.ts';
import { indexed, MAX_DRIFT, MAX_INDEX, split } from './ranges.ts';
import { clobbers } from './registers.ts';

/** A check of a register in front of a loop. */
export interface Hoist {
  /** State offset of the register. */
  readonly offset: number;
  readonly type: Type;
  /** Whether bytes [min, max) from it are checked, or only that it has no upper bits. */
  readonly pages: boolean;
  readonly min: number;
  readonly max: number;
  readonly write: boolean;
}

const MAX_SPREAD = 2048;

/** Registers that a block's accesses start from as they are at its entry, and registers it gives new values. */
interface Uses {
  readonly pointers: Map<number, { type: Type; min: number; max: number; write: boolean; plain: boolean }>;
  readonly replaced: Set<number>;
  /** Registers written at all. */
  readonly written: Set<number>;
}

const usesOf = (block: Block): Uses => {
  const uses: Uses = { pointers: new Map(), replaced: new Set(), written: new Set() };
  for (const v of block.ops) {
    if (v.info.kind === 'set') {
      uses.written.add(v.imm);
      const [root] = split(v.a as Value);
      if (!(root.info.kind === 'get' && root.imm === v.imm)) uses.replaced.add(v.imm);
    }
    if (!isAccess(v)) continue;
    const [root, by] = split(v.a as Value);
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

/** Blocks of the natural loop of a header. */
export const loopOf = (header: number, preds: readonly (readonly number[])[], cfg: Cfg): Set<number> => {
  const body = new Set([header]);
  const dominated = (b: number): boolean => (cfg.number[b] as number) >= (cfg.number[header] as number);
  const work = (preds[header] as readonly number[]).filter(dominated);
  for (let b = work.pop(); b !== undefined; b = work.pop()) {
    if (body.has(b)) continue;
    body.add(b);
    work.push(...(preds[b] as readonly number[]));
  }
  return body;
};

/** Blocks of each loop without calls, by header: a call forgets what is known of pages. */
export const callFreeLoops = (region: Region, cfg: Cfg): Map<number, Set<number>> => {
  const loops = new Map<number, Set<number>>();
  if (!cfg.isLoop.includes(true)) return loops;
  const preds: number[][] = region.blocks.map(() => []);
  for (const b of cfg.rpo) for (const s of region.succs[b] as readonly number[]) (preds[s] as number[]).push(b);
  const forgets = region.blocks.map((b) => clobbers(b) || b.ops.some((v) => v.info.kind === 'helper'));
  for (const header of cfg.rpo) {
    if (!cfg.isLoop[header]) continue;
    const body = loopOf(header, preds, cfg);
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
    if (header === region.dispatch) continue;
    const pointers = exposed(header, body, region, uses);
    const list = [...pointers].map((offset) => hoistOf(offset, body, uses));
    if (list.length > 0) found.set(header, list);
  }
  return found;
};

/** Registers whose value at the header is used as a pointer in the loop. */
const exposed = (header: number, body: ReadonlySet<number>, region: Region, uses: readonly Uses[]): Set<number> => {
  const at = new Map<number, Set<number>>([...body].map((b) => [b, new Set((uses[b] as Uses).pointers.keys())]));
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
  return { offset, type, pages, min: pages ? min : 0, max: pages ? max : 0, write: pages && write };
};
