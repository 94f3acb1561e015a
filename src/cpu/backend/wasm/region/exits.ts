import { Exit, State } from '../../../memory/layout.ts';
import type { Code } from '../encoder.ts';
import { jumpCacheEntry } from '../jump-cache.ts';
import { DEPTH, type ExitPoint, MISS_BITS, Miss, STATE } from './contract.ts';
import type { RegSet } from './registers.ts';
import type { ValueEmitter } from './values.ts';

/** Leave translated code with a reason and the pc that `pc` pushes. */
export const leave = (c: Code, reason: number, pc: () => void): void => {
  c.get(STATE);
  pc();
  c.mem('i64.store', State.PC, 3);
  c.get(STATE);
  c.i32(reason);
  c.mem('i32.store', State.EXIT_REASON, 2);
  c.i32(-1);
  c.return();
};

/** Kinds of exits that are no misses, in the local that tells the kind. */
const NO_MISS = { dispatch: -1, interrupt: -2 } as const;

/** Kinds that have no address of their own: loops would bring along the last one for their exits. */
const hasAddress = (kind: ExitPoint['kind']): boolean => !(kind in NO_MISS) && kind !== 'FP';

const CODES = { ...Miss, ...NO_MISS } as const;

// a set that is shorter has none of the rest
const without = (set: RegSet, others: RegSet | undefined): RegSet => set.map((bits, w) => bits & ~(others?.[w] ?? 0));
const isWithin = (set: RegSet, others: RegSet): boolean => {
  for (let w = 0; w < set.length; w++) if (((set[w] as number) & ~(others[w] ?? 0)) !== 0) return false;
  return true;
};
const isSame = (x: RegSet, y: RegSet): boolean => isWithin(x, y) && isWithin(y, x);
const sizeOf = (set: RegSet): number => {
  let size = 0;
  for (let bits of set) for (; bits !== 0; bits &= bits - 1) size++;
  return size;
};

/**
 * Exit sequences, behind the region's body: where an exit's place sets its kind, a chain of stores, and the end that all
 * share. What is dirty grows along a path, so most sets hold those of exits before them: each set stores what the largest
 * one within it lacks and goes on there. That makes machine code a fifth smaller than stores at each exit do.
 */
export class ExitEmitter {
  private readonly c: Code;
  private readonly r: ValueEmitter;
  private readonly points: readonly ExitPoint[];
  private readonly looks: boolean;
  /** Different sets of dirty registers, the larger ones first. */
  private readonly sets: readonly RegSet[];
  /** Which of them each exit has. */
  private readonly setOf = new Map<RegSet, RegSet>();

  /** `looks`: entering the region was looked at and costs, so that it may go on in another one without the dispatcher. */
  constructor(c: Code, r: ValueEmitter, points: readonly ExitPoint[], looks: boolean) {
    this.looks = looks;
    this.c = c;
    this.r = r;
    this.points = points;
    const sizes = new Map<RegSet, number>();
    for (const { dirty } of points) {
      if (this.setOf.has(dirty)) continue;
      let same = dirty;
      for (const set of sizes.keys()) if (isSame(set, dirty)) same = set;
      if (same === dirty) sizes.set(dirty, sizeOf(dirty));
      this.setOf.set(dirty, same);
    }
    this.sets = [...sizes].sort(([, x], [, y]) => y - x).map(([set]) => set);
  }

  /** Open the labels around the body; that of exit 0 is the innermost. */
  begin(): void {
    if (this.points.length === 0) return;
    for (let i = 0; i < this.points.length + this.sets.length + 1; i++) this.c.block();
  }

  /** Behind the body: close them. */
  end(): void {
    const { c, r, points, sets } = this;
    if (points.length === 0) return;
    const at = new Map(sets.map((set, i) => [set, i]));
    for (const [i, { kind, dirty }] of points.entries()) {
      c.end();
      c.i32(CODES[kind]);
      c.set(r.kindOfExit);
      if (!hasAddress(kind)) {
        c.i32(0);
        c.set(r.addressOfExit);
      }
      c.br(points.length - 1 - i + (at.get(this.setOf.get(dirty) as RegSet) as number));
    }
    for (const [i, dirty] of sets.entries()) {
      c.end();
      let next = i + 1;
      while (next < sets.length && !isWithin(sets[next] as RegSet, dirty)) next++;
      r.storeRegisters(c, without(dirty, sets[next]));
      c.br(next - i - 1);
    }
    c.end();
    this.leave();
  }

  private leave(): void {
    const { c, r } = this;
    c.get(STATE);
    c.get(r.pcOfExit);
    c.op('i64.extend_i32_u');
    c.mem('i64.store', State.PC, 3);
    if (this.begins('dispatch')) {
      if (this.looks) this.enter();
      c.get(STATE);
      c.get(DEPTH);
      c.returnCall(r.mod.dispatch);
      c.end();
    }
    if (this.begins('interrupt')) {
      c.get(STATE);
      c.i32(Exit.INTERRUPT);
      c.mem('i32.store', State.EXIT_REASON, 2);
      c.i32(-1);
      c.return();
      c.end();
    }
    if (this.points.every(({ kind }) => kind in NO_MISS)) {
      c.unreachable();
      return;
    }
    c.get(STATE);
    c.get(r.addressOfExit);
    c.op('i64.extend_i32_u');
    c.mem('i64.store', State.FAULT_ADDR, 3);
    c.get(STATE);
    c.get(r.kindOfExit);
    c.i32(r.id << MISS_BITS);
    c.op('i32.or');
    c.mem('i32.store', State.EXIT_INFO, 2);
    c.get(STATE);
    c.call(r.mod.miss);
    c.if();
    c.i32(-1);
    c.return();
    c.end();
    c.get(STATE);
    c.get(DEPTH);
    c.returnCall(r.mod.run);
  }

  /** Into the region that begins where this one ends, if there is one. */
  private enter(): void {
    const { c, r } = this;
    jumpCacheEntry(c, () => c.get(r.pcOfExit));
    c.tee(r.kindOfExit);
    c.mem('i32.load', 0, 2);
    c.get(r.pcOfExit);
    c.op('i32.eq');
    c.likelyIf();
    c.get(STATE);
    c.get(DEPTH);
    c.get(r.kindOfExit);
    c.mem('i32.load', 4, 2);
    c.returnCallIndirect(r.mod.regionType);
    c.end();
  }

  /** Whether there are exits of this kind: what follows up to an end is theirs. */
  private begins(kind: keyof typeof NO_MISS): boolean {
    if (!this.points.some((point) => point.kind === kind)) return false;
    this.c.get(this.r.kindOfExit);
    this.c.i32(NO_MISS[kind]);
    this.c.op('i32.eq');
    this.c.if();
    return true;
  }
}
