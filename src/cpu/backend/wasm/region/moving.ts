import type { Type } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import { isWrite } from './access.ts';
import type { Cfg } from './cfg.ts';
import type { Region } from './discover.ts';
import { split } from './ranges.ts';
import { Does, doesOf, writes } from './registers.ts';

/**
 * A sum of registers that each turn of a loop moves by so many bytes at most, all in one direction. What the loop accesses
 * through it in n turns lies in `span` + n · `step` bytes from `low` on, or up to `high` where it moves down.
 */
export interface Moving {
  /** State offsets of the registers, and how far left each is shifted. */
  readonly terms: readonly (readonly [offset: number, shift: number])[];
  readonly type: Type;
  /** Of the sum's value at the header: lowest byte accessed, and the one behind the highest, but for the movement. */
  readonly low: number;
  readonly high: number;
  readonly step: number;
  readonly write: boolean;
}

/** The pointers of a loop, and how many turns two neighbouring pages are enough for. */
export interface MovingPointers {
  readonly pointers: readonly Moving[];
  readonly turns: number;
}

export interface MovingAccesses {
  /** By header of a loop. */
  readonly loops: Map<number, MovingPointers>;
  /** The accesses that need no check of their own. */
  readonly accesses: Set<Value>;
}

/** Bytes that one look at a pair of pages is good for. */
const REACH = 4096;
/** Fewer turns than this are not worth it. */
const FEW_TURNS = 16;
const MAX_POINTERS = 6;
const MAX_SHIFT = 4;
/** Largest displacement: those of 32-bit programs are addresses of arrays. */
const FAR = 1 << 30;
/** How far the accesses of one look may lie apart. */
const SPREAD = 1024;

type Terms = Map<number, number>;

/** A value as a sum of registers, shifted perhaps; null: it is none. */
const termsOf = (v: Value, shift: number, found: Terms, type: Type): Terms | null => {
  const { a, b, info } = v;
  if (v.type !== type) return null;
  if (info.kind === 'get') {
    if (found.has(v.imm)) return null;
    return found.set(v.imm, shift);
  }
  if (info.name === 'i32.add' || info.name === 'i64.add') {
    if (!a || !b || a.isConst || b.isConst) return null;
    return termsOf(a, shift, found, type) && termsOf(b, shift, found, type);
  }
  const more = info.name === 'i32.shl' || info.name === 'i64.shl' ? (b?.isConst ? b.imm : -1) : -1;
  return a && more >= 0 && shift + more <= MAX_SHIFT ? termsOf(a, shift + more, found, type) : null;
};

/** How far one turn of a loop moves each register that it writes, down and up; null: who knows. */
const stepsIn = (region: Region, body: ReadonlySet<number>): Map<number, readonly [number, number] | null> => {
  const steps = new Map<number, readonly [number, number] | null>();
  for (const b of body) {
    for (const v of (region.blocks[b] as Region['blocks'][number]).ops) {
      for (const { offset } of writes(v)) {
        const [root, by] = v.info.kind === 'set' ? split(v.a as Value) : [null, 0];
        const known = steps.get(offset);
        const moves = root?.info.kind === 'get' && root.imm === offset && known !== null;
        const [down, up] = known ?? [0, 0];
        steps.set(offset, moves ? [down + Math.min(by, 0), up + Math.max(by, 0)] : null);
      }
    }
  }
  return steps;
};

interface Access {
  readonly v: Value;
  /** From the sum's value. */
  readonly low: number;
  readonly high: number;
}

interface Group {
  readonly terms: Terms;
  readonly type: Type;
  readonly accesses: Access[];
}

/** The loop's accesses by sums of registers, those of one that lie apart (in different arrays) by themselves. */
const groupsIn = (region: Region, body: ReadonlySet<number>, sp: number): Group[] => {
  const sums = new Map<string, Group>();
  for (const b of body) {
    for (const v of (region.blocks[b] as Region['blocks'][number]).ops) {
      if (v.info.kind !== 'load' && v.info.kind !== 'store') continue;
      const [root, by] = split(v.a as Value, FAR);
      const terms = termsOf(root, 0, new Map(), root.type);
      if (!terms || terms.has(sp)) continue;
      const key = [...terms].sort(([x], [y]) => x - y).join();
      let sum = sums.get(key);
      if (!sum) sums.set(key, (sum = { terms, type: root.type, accesses: [] }));
      sum.accesses.push({ v, low: by + v.imm, high: by + v.imm + v.info.size });
    }
  }
  const groups: Group[] = [];
  for (const { terms, type, accesses } of sums.values()) {
    let group: Group | null = null;
    for (const access of accesses.sort((x, y) => x.low - y.low)) {
      if (!group || access.high - (group.accesses[0] as Access).low > SPREAD) {
        group = { terms, type, accesses: [] };
        groups.push(group);
      }
      group.accesses.push(access);
    }
  }
  return groups;
};

/**
 * Pointers that loops without calls and inner loops move by constants: their pages are looked at once for as many turns as
 * stay within them, where each access would be checked in each turn.
 */
export const movingPointers = (
  region: Region,
  cfg: Cfg,
  loops: ReadonlyMap<number, ReadonlySet<number>>,
  sp: number,
): MovingAccesses => {
  const found: MovingAccesses = { loops: new Map(), accesses: new Set() };
  for (const [header, body] of loops) {
    const isInner = [...body].every((b) => b === header || !cfg.isLoop[b]);
    const native = [...body].some((b) =>
      (region.blocks[b] as Region['blocks'][number]).ops.some((v) => (doesOf(v.info) & Does.NATIVE) !== 0),
    );
    if (header === region.dispatch || region.crossings.has(header) || !isInner || native) continue;
    const steps = stepsIn(region, body);
    const pointers: Moving[] = [];
    let turns = REACH;
    for (const { terms, type, accesses } of groupsIn(region, body, sp)) {
      const low = (accesses[0] as Access).low;
      const high = Math.max(...accesses.map((access) => access.high));
      let [down, up] = [0, 0];
      for (const [offset, shift] of terms) {
        const step = steps.get(offset);
        if (step === undefined) continue;
        down += step === null ? Number.NEGATIVE_INFINITY : step[0] * 2 ** shift;
        up += step === null ? Number.POSITIVE_INFINITY : step[1] * 2 ** shift;
      }
      const step = down === 0 ? up : down;
      const enough = Math.floor((REACH - (high - low)) / Math.abs(step));
      if ((down !== 0 && up !== 0) || step === 0 || !(enough >= FEW_TURNS)) continue;
      if (pointers.length === MAX_POINTERS) continue;
      pointers.push({ terms: [...terms], type, low, high, step, write: accesses.some(({ v }) => isWrite(v)) });
      turns = Math.min(turns, enough);
      for (const { v } of accesses) found.accesses.add(v);
    }
    if (pointers.length > 0) found.loops.set(header, { pointers, turns });
  }
  return found;
};
