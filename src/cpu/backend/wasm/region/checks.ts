import type { Block } from '../../../ir/block.ts';
import type { Value } from '../../../ir/value.ts';
import { GUEST_TOP } from '../../../memory/layout.ts';
import { RUN_REACH, STACK_REACH } from '../../../memory/runs.ts';
import { isAccess, isWrite } from './access.ts';
import { type Cfg, loopOf } from './cfg.ts';
import type { Region } from './discover.ts';
import { callFreeLoops, type Hoist, hoistable } from './hoist.ts';
import { type MovingPointers, movingPointers } from './moving.ts';
import {
  type Fact,
  indexed,
  isCovered,
  isMultiple,
  joinSpan,
  type LowBits,
  lowBitsOf,
  MAX_DRIFT,
  MAX_INDEX,
  maxOf,
  meet,
  moved,
  NO_BITS,
  NO_SPAN,
  NOTHING,
  type Span,
  sameFact,
  split,
} from './ranges.ts';
import { clobbers, Does, doesOf } from './registers.ts';

/** A check in front of an access: bytes [min, max) from its base. */
export interface Check {
  readonly min: number;
  readonly max: number;
  readonly write: boolean;
  /** Whether the address may have upper bits. */
  readonly wide: boolean;
  /** The run that the address is looked up in, or null: pages are tested. */
  readonly run: 'stack' | 'region' | null;
}

/** Which accesses of a region are checked, and what is checked in front of its loops. */
export interface CheckPlan {
  /** Accesses that are not here need no check. */
  readonly checks: ReadonlyMap<Value, Check>;
  /** Accesses whose addresses have to be tested for bits that must be 0. */
  readonly misaligned: ReadonlySet<Value>;
  /** By header of a loop. */
  readonly hoists: ReadonlyMap<number, readonly Hoist[]>;
  /** By header of a loop: what is checked for many turns at once. */
  readonly moving: ReadonlyMap<number, MovingPointers>;
}

export interface CheckPolicy {
  /** Test exactly the bytes accessed; else a page counts only with the page behind it. */
  readonly exact: boolean;
  /** Check in front of loops, and follow what is known around them: worth its time where loops run long. */
  readonly hoist: boolean;
  /** Check pointers that loops move for many turns at once. */
  readonly moving: boolean;
  /** Whether the region has a run: for loops without calls. */
  readonly runs: number | null;
  /** State offset of the stack pointer, and whether its run is used. */
  readonly sp: number;
  readonly stackRun: boolean;
}

/** SP, or SP plus something, as far as the block shows. */
const isStackAddress = (v: Value, sp: number): boolean => {
  const [root] = split(v);
  if (root !== v) return isStackAddress(root, sp);
  if (v.info.kind === 'get') return v.imm === sp;
  return (v.info.name === 'i64.add' || v.info.name === 'i32.add') && v.a !== null && isStackAddress(v.a, sp);
};

/** How far the accesses of one check may lie apart, and how far a check reaches: the page behind is plain too. */
const GROUP = 2048;
const REACH = 4096;
/** Exact checks should not cross pages that the accesses do not; and runs end early by this much. */
const EXACT_GROUP = RUN_REACH;
const MAX_ROUNDS = 60;

/** By register (state offset). */
type Facts = ReadonlyMap<number, Fact>;

/** Walks one block: keeps what is known of its values. */
class BlockWalk {
  private readonly known = new Map<Value, Fact>();
  private readonly set = new Map<number, Value | null>();
  private readonly entry: Facts;
  private readonly policy: CheckPolicy;
  /** Whether the block is in a loop that uses the region's run. */
  private readonly looping: boolean;
  /** Accesses to test for bits that have to be 0; null: the region has none that ask for it. */
  private readonly misaligned: Set<Value> | null;
  /** Accesses that are checked for many turns at once. */
  private readonly moving: ReadonlySet<Value>;
  private forgotten = false;

  constructor(
    entry: Facts,
    policy: CheckPolicy,
    looping: boolean,
    misaligned: Set<Value> | null,
    moving: ReadonlySet<Value>,
  ) {
    // biome-ignore format: one line
    this.misaligned = misaligned;
    this.moving = moving;
    this.entry = entry;
    this.policy = policy;
    this.looping = looping;
  }

  private runOf(root: Value): Check['run'] {
    if (this.policy.stackRun && isStackAddress(root, this.policy.sp)) return 'stack';
    return this.looping ? 'region' : null;
  }

  walk(block: Block, note: ((v: Value, check: Check) => void) | null): Facts {
    const { ops } = block;
    let part: { known: Map<Value, Fact>; set: Set<number> } | null = null;
    for (let i = 0; i < ops.length; i++) {
      const v = ops[i] as Value;
      // most do nothing that counts here
      if (doesOf(v.info) === 0) continue;
      if (v.info.kind === 'set') {
        this.set.set(v.imm, v.a);
        part?.set.add(v.imm);
      } else if (v.info.kind === 'get') {
        // read again behind a conditional part or a helper that may have written it
        if (this.forgotten || this.set.has(v.imm)) this.known.set(v, NOTHING);
      } else if (v.info.kind === 'helper') {
        this.known.clear();
        this.set.clear();
        this.forgotten = true;
      } else if (v.info.name === 'when.begin') {
        part = { known: new Map(this.known), set: new Set() };
      } else if (v.info.name === 'when.end' && part) {
        // what was found or written under the condition may not be so
        this.known.clear();
        if (!this.forgotten) for (const [value, fact] of part.known) this.known.set(value, fact);
        for (const offset of part.set) this.set.set(offset, null);
        part = null;
      } else if (isAccess(v)) this.access(v, ops, i, note);
    }
    return clobbers(block) ? new Map() : this.exit();
  }

  private access(v: Value, ops: readonly Value[], at: number, note: ((v: Value, check: Check) => void) | null): void {
    const [root, by] = split(v.a as Value);
    const atomic = v.info.kind === 'atomic';
    let min = by + v.imm;
    let max = min + v.info.size;
    let write = isWrite(v);
    if (this.misaligned && !atomic && v.hi !== 0) this.align(this.misaligned, v, root, min);
    if (this.moving.has(v)) return;
    const fact = this.factOf(root);
    if (!atomic && (isCovered(fact, min, max, write) || this.isInTable(root, min, max, write))) return;
    const run = this.runOf(root);
    if (!atomic) {
      const limit = run === 'stack' ? STACK_REACH : run || this.policy.exact ? EXACT_GROUP : GROUP;
      for (let j = at + 1; j < ops.length; j++) {
        const w = ops[j] as Value;
        const what = doesOf(w.info);
        if ((what & (Does.LEAVE | Does.BEGIN | Does.END)) === 0) continue;
        const { kind } = w.info;
        if (kind === 'helper' || kind === 'when') break;
        if (kind !== 'load' && kind !== 'store') continue;
        const [other, more] = split(w.a as Value);
        if (other !== root || this.moving.has(w)) continue;
        const low = Math.min(min, more + w.imm);
        const high = Math.max(max, more + w.imm + w.info.size);
        if (high - low > limit) continue;
        min = low;
        max = high;
        write ||= isWrite(w);
      }
    }
    // the stack's run is one of writable pages
    write ||= run === 'stack';
    const wide = root.type === 'i64' && !this.isFaithful(root, min);
    note?.(v, { min: min - by, max: max - by, write, wide, run });
    const reach = run === 'stack' ? STACK_REACH : run ? RUN_REACH : this.policy.exact ? 0 : REACH;
    this.learn(root, { min, max: Math.max(max, min + reach) }, write);
  }

  /** The low bits of root + min that are in v.hi have to be 0: tested unless they are known. */
  private align(misaligned: Set<Value>, v: Value, root: Value, min: number): void {
    if (isMultiple(this.lowOf(root), min, v.hi)) misaligned.delete(v);
    else {
      misaligned.add(v);
      this.known.set(root, { ...this.factOf(root), low: { mask: v.hi, rest: -min & v.hi } });
    }
  }

  private lowOf(v: Value): LowBits {
    return lowBitsOf(v, (root) => this.factOf(root).low);
  }

  /** Whether the root is a pointer with a small index, and all that this reaches was checked. */
  private isInTable(root: Value, min: number, max: number, write: boolean): boolean {
    return indexed(root).some(([pointer, last]) => {
      if (last > MAX_INDEX) return false;
      const [base, by] = split(pointer);
      return isCovered(this.factOf(base), by + min, by + max + last, write);
    });
  }

  /** Whether the low half of root + min tells its page. */
  private isFaithful(root: Value, min: number): boolean {
    if (this.nearOf(root) + Math.abs(min) <= MAX_DRIFT) return true;
    return maxOf(root) <= 0xffff_ffff && min <= 0 && min >= -MAX_DRIFT;
  }

  /** Bytes of the span from the root were checked. */
  private learn(root: Value, span: Span, write: boolean): void {
    const { min } = span;
    const { read, write: written, near, low } = this.factOf(root);
    this.known.set(root, {
      low,
      read: joinSpan(read, span),
      write: write ? joinSpan(written, span) : written,
      near: Math.min(near, Math.abs(min)),
    });
    // an index that is small leaves the pointer it was added to near
    if (root.info.name !== 'i64.add' || !root.a || !root.b) return;
    for (const [pointer, index] of [
      [root.a, root.b],
      [root.b, root.a],
    ] as const) {
      const far = maxOf(index) + Math.abs(min);
      if (far > MAX_DRIFT) continue;
      const [base, by] = split(pointer);
      const old = this.factOf(base);
      this.known.set(base, { ...old, near: Math.min(old.near, far + Math.abs(by)) });
    }
  }

  private factOf(root: Value): Fact {
    const known = this.known.get(root);
    if (known) return known;
    if (root.info.kind === 'get' && !this.forgotten) return this.entry.get(root.imm) ?? NOTHING;
    return NOTHING;
  }

  /** How far a value is from an address found plain. */
  private nearOf(v: Value | null, depth = 6): number {
    if (v === null || depth === 0) return Number.POSITIVE_INFINITY;
    if (v.isConst) return v.hi === 0 && v.imm >>> 0 <= GUEST_TOP ? 0 : Number.POSITIVE_INFINITY;
    const [root, by] = split(v);
    if (root !== v) return this.nearOf(root, depth - 1) + Math.abs(by);
    const known = this.factOf(v).near;
    const { a, b } = v;
    let far = Number.POSITIVE_INFINITY;
    switch (v.info.name) {
      case 'i64.add':
        far = Math.min(this.nearOf(a, depth - 1) + maxOf(b), this.nearOf(b, depth - 1) + maxOf(a));
        break;
      case 'i64.sub':
        far = this.nearOf(a, depth - 1) + maxOf(b);
        break;
      case 'i64.and':
        // rounded down to a multiple of a power of two
        if (b?.isConst && b.hi === -1 && b.imm < 0 && (-b.imm & (-b.imm - 1)) === 0)
          far = this.nearOf(a, depth - 1) - b.imm;
        break;
      case 'i64.select':
        far = Math.max(this.nearOf(a, depth - 1), this.nearOf(b, depth - 1));
    }
    return Math.min(known, far);
  }

  private exit(): Facts {
    if (this.known.size === 0 && this.set.size === 0 && !this.forgotten) return this.entry;
    const out = new Map<number, Fact>(this.forgotten ? [] : this.entry);
    for (const [value, fact] of this.known) {
      if (value.info.kind === 'get' && !this.set.has(value.imm)) out.set(value.imm, fact);
    }
    for (const [offset, v] of this.set) {
      out.delete(offset);
      if (v === null || (v.type !== 'i64' && v.type !== 'i32')) continue;
      const [root, by] = split(v);
      const low = this.misaligned ? this.lowOf(root) : NO_BITS;
      const fact = moved({ ...this.factOf(root), low, near: this.nearOf(root) }, by);
      if (!sameFact(fact, NOTHING)) out.set(offset, fact);
    }
    return out;
  }
}

const meetFacts = (x: Facts, y: Facts): Facts => {
  if (x === y || x.size === 0) return x;
  if (y.size === 0) return y;
  const out = new Map<number, Fact>();
  for (const [offset, fact] of x) {
    const other = y.get(offset);
    if (!other) continue;
    const both = fact === other ? fact : meet(fact, other);
    if (!sameFact(both, NOTHING)) out.set(offset, both);
  }
  return out;
};

const sameFacts = (x: Facts, y: Facts): boolean => {
  if (x === y) return true;
  if (x.size !== y.size) return false;
  for (const [offset, fact] of x) {
    const other = y.get(offset);
    if (!other || !(fact === other || sameFact(fact, other))) return false;
  }
  return true;
};

/** What is known in front of a loop of registers that it does not write, if nothing is called in it. */
const steady = (facts: Facts, header: number, region: Region, cfg: Cfg): Facts => {
  if (facts.size === 0) return facts;
  const out = new Map(facts);
  for (const b of loopOf(header, cfg)) {
    const block = region.blocks[b] as Block;
    if (clobbers(block)) return new Map();
    for (const { info, imm } of block.ops) {
      if (info.kind === 'helper') return new Map();
      if (info.kind === 'set') out.delete(imm);
    }
    if (out.size === 0) return out;
  }
  return out;
};

/** What is known where the checks in front of a loop have passed. */
const withHoists = (facts: Facts, hoists: readonly Hoist[], exact: boolean): Facts => {
  const out = new Map(facts);
  for (const { offset, min, max, write, pages, upper, low } of hoists) {
    const old = out.get(offset) ?? NOTHING;
    const span = pages ? { min, max: exact ? max : Math.max(max, min + REACH) } : NO_SPAN;
    out.set(offset, {
      low: low.mask >= old.low.mask ? low : old.low,
      read: pages ? joinSpan(old.read, span) : old.read,
      write: pages && write ? joinSpan(old.write, span) : old.write,
      near: upper ? Math.min(old.near, pages ? Math.abs(min) : 0) : old.near,
    });
  }
  return out;
};

/** Those checks in front of a loop that its ways in do not make needless. */
const needed = (facts: Facts, hoists: readonly Hoist[]): Hoist[] =>
  hoists.filter(({ offset, min, max, write, pages, upper, low, type }) => {
    const known = facts.get(offset) ?? NOTHING;
    const near = !upper || type === 'i32' || known.near <= MAX_DRIFT / 2;
    return !(near && (!pages || isCovered(known, min, max, write)) && isMultiple(known.low, -low.rest, low.mask));
  });

/**
 * Where a region checks its accesses: data flow over what is known of each register, so that what was
 * checked on every way to an access is not checked again. Nothing is known behind calls.
 */
export const planChecks = (region: Region, cfg: Cfg, policy: CheckPolicy): CheckPlan => {
  const { exact } = policy;
  const n = region.blocks.length;
  const isForward = (from: number, to: number): boolean => (cfg.number[from] as number) < (cfg.number[to] as number);
  const forward = cfg.preds.map((preds, b) => preds.filter((p) => isForward(p, b)));
  const back = cfg.preds.map((preds, b) => preds.filter((p) => !isForward(p, b)));
  const loops = policy.hoist || policy.runs !== null ? callFreeLoops(region, cfg) : new Map<number, Set<number>>();
  const hoists = policy.hoist ? hoistable(region, loops) : new Map<number, Hoist[]>();
  const moving = movingPointers(region, cfg, policy.hoist && policy.moving ? loops : new Map(), policy.sp);
  const looping = new Set(policy.runs === null ? [] : [...loops.values()].flatMap((body) => [...body]));
  const ins: (Facts | null)[] = new Array(n).fill(null);
  const outs: (Facts | null)[] = new Array(n).fill(null);
  const meetOf = (preds: readonly number[]): Facts | null => {
    let facts: Facts | null = null;
    for (const p of preds) {
      const out = outs[p];
      if (out) facts = facts ? meetFacts(facts, out) : out;
    }
    return facts;
  };
  const entering = (b: number): Facts | null => (b === 0 ? new Map() : meetOf(forward[b] as readonly number[]));
  const found: Map<Value, Check>[] = region.blocks.map(() => new Map());
  const asks = region.blocks.some(({ ops }) => ops.some((v) => (doesOf(v.info) & Does.LEAVE) !== 0 && v.hi !== 0 && isAccess(v))); // biome-ignore format: one line
  const misaligned = asks ? new Set<Value>() : null;
  const walk = (b: number, facts: Facts): Facts => {
    const own = new Map<Value, Check>();
    found[b] = own;
    return new BlockWalk(facts, policy, looping.has(b), misaligned, moving.accesses).walk(
      region.blocks[b] as Block,
      (v, check) => own.set(v, check),
    );
  };
  // blocks whose ways in may have changed since they were looked at
  const stale = new Uint8Array(n).fill(1);
  let settled = false;
  for (let round = 0; !settled && round < MAX_ROUNDS; round++) {
    settled = true;
    for (const b of cfg.rpo) {
      if (!stale[b]) continue;
      stale[b] = 0;
      let facts: Facts = entering(b) ?? new Map();
      if (cfg.isLoop[b] && !policy.hoist) facts = steady(facts, b, region, cfg);
      else if (cfg.isLoop[b]) {
        const own = hoists.get(b);
        if (own) facts = withHoists(facts, needed(facts, own), exact);
        const again = meetOf(back[b] as readonly number[]);
        if (again) facts = meetFacts(facts, again);
      }
      const before = ins[b];
      // only ever less, so that it ends
      if (before) facts = meetFacts(facts, before);
      if (before && sameFacts(before, facts)) continue;
      ins[b] = facts;
      const out = walk(b, facts);
      const last = outs[b];
      outs[b] = out;
      if (last && sameFacts(last, out)) continue;
      for (const s of region.succs[b] as readonly number[]) {
        stale[s] = 1;
        if (policy.hoist && !isForward(b, s)) settled = false;
      }
    }
  }
  if (!settled) for (const b of cfg.rpo) walk(b, new Map());
  const kept = new Map<number, Hoist[]>();
  for (const [b, list] of settled ? hoists : []) {
    const wanted = needed(entering(b) ?? new Map(), list);
    if (wanted.length > 0) kept.set(b, wanted);
  }
  const checks = new Map<Value, Check>();
  for (const own of found) for (const [v, check] of own) checks.set(v, check);
  return { checks, misaligned: misaligned ?? new Set(), hoists: kept, moving: moving.loops };
};
