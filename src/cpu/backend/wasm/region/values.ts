import type { Block } from '../../../ir/block.ts';
import { opTable } from '../../../ir/opcodes.ts';
import { type Type, typeSize } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import { CPU_STATE_SIZE, State } from '../../../memory/layout.ts';
import { RUN_WRITE } from '../../../memory/runs.ts';
import { Code } from '../encoder.ts';
import { emitPure } from '../pure.ts';
import type { Cfg } from './cfg.ts';
import { type CheckPlan, planChecks } from './checks.ts';
import { type ExitPoint, type MemoryPolicy, type RegionModule, STATE } from './contract.ts';
import { type Copies, flagCopies } from './copies.ts';
import type { Region } from './discover.ts';
import { ExitPoints } from './exit-points.ts';
import { laneRegisters, splitBlock } from './lanes.ts';
import { analyseRegisters, type RegisterUse } from './liveness.ts';
import { type Needed, neededRegisters } from './needed.ts';
import { add, dropsFlags, has, type RegionRegister, type RegSet, registersOf, withoutFlags } from './registers.ts';
import { type ScalarType, scalarizeBlock, scalarRegisters } from './scalarize.ts';

/** Where the value of an operation is. */
export const LAZY = -1; // emitted where it is used
export const HOME = -2; // a guest register's local

/** Registers, temporaries and values of a region: where each is, and how it comes onto the wasm stack. */
export abstract class ValueEmitter {
  protected readonly region: Region;
  protected readonly module: RegionModule;
  protected readonly cfg: Cfg;
  protected readonly use: RegisterUse;
  protected readonly code = new Code(2);
  protected readonly locals: number[];
  protected readonly pcLocal: number;
  protected readonly addrLocal: number;
  /** Address last checked, as 32 bits. */
  protected readonly plainLocal: number;
  protected readonly tmpLocal: number;
  protected readonly fuelLocal: number;
  /** Turns until a loop's moving pointers are looked at again, and one; in regions that have such loops. */
  protected readonly turnsLocal: number;
  /** Depth for what is called, if anything is. */
  protected belowLocal: number | null = null;
  protected readonly wide = new Map<number, number>();
  /** Open labels, outermost first; the block a branch to it reaches. */
  protected readonly labels: (number | null)[] = [];
  protected readonly exits = new ExitPoints();
  protected readonly freeTemps: Record<Type, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  /** Values read from a register whose local they still share. */
  protected readonly homed = new Map<number, Value[]>();
  protected dirty: RegSet;
  protected current = 0;
  protected readonly neededAt: Needed;
  /** Registers to store where the region may be left now; null: all that are dirty. */
  protected needed: RegSet | null = null;
  protected readonly plan: CheckPlan;
  protected readonly policy: MemoryPolicy;

  constructor(region: Region, module: RegionModule, policy: MemoryPolicy) {
    const scalars = new Map<number, ScalarType>();
    this.region = policy.fast ? scalarized(region, scalars) : region;
    this.module = module;
    this.policy = policy;
    this.cfg = region.cfg;
    this.plan = planChecks(this.region, this.cfg, policy);
    const boundsOf = (v: Value): readonly [number, number] | null => this.boundsOf(v);
    const known = registersOf(this.region, boundsOf, scalars);
    const copies = flagCopies(this.region.blocks, this.region.succs, this.cfg);
    this.neededAt = neededRegisters(this.region, known, policy, copies);
    this.use = analyseRegisters(this.region, boundsOf, policy.flagsCross, known, this.neededAt, copies);
    this.locals = this.use.registers.map((r) => this.code.local(r.type));
    this.pcLocal = this.code.local('i32');
    this.tmpLocal = this.code.local('i32');
    this.fuelLocal = this.code.local('i32');
    this.turnsLocal = this.plan.moving.size > 0 ? this.code.local('i32') : this.fuelLocal;
    this.addrLocal = this.code.local('i64');
    this.plainLocal = this.code.local('i32');
    this.dirty = new Uint32Array(0);
  }

  // ── registers ──

  /**
   * Load registers from the CPU state. A scalar that the region writes must have nothing above it, or the
   * exits would have to know which paths wrote it: with pcLocal set, others leave to the cold tier.
   */
  protected reload(set: RegSet): void {
    const c = this.code;
    let tests = 0;
    for (const r of this.use.registers) {
      if (!has(set, r.index)) continue;
      if (r.offset >= CPU_STATE_SIZE) c.i32(0);
      else c.get(STATE);
      c.mem(`${r.type}.load`, r.offset, naturalAlign(r.type));
      c.set(this.locals[r.index] as number);
      if (!r.scalar || !r.written) continue;
      c.get(STATE);
      c.mem('i64.load', r.offset + 8, 3);
      if (tests++ > 0) c.op('i64.or');
      if (r.type === 'f32') {
        c.get(STATE);
        c.mem('i64.load32_u', r.offset + 4, 2);
        c.op('i64.or');
      }
    }
    if (tests === 0) return;
    c.op('i64.eqz');
    c.op('i32.eqz');
    this.unusual();
  }

  /** Set the locals of what the block finds elsewhere. */
  protected recover(b: number): void {
    for (const [field, source] of this.use.recovered[b] as Copies) {
      if (typeof source !== 'number') this.constant(source);
      else this.code.get(this.locals[this.register(source).index] as number);
      this.code.set(this.locals[this.register(field).index] as number);
    }
  }

  /** Leave at pcLocal if the i32 pushed is not 0: floating point is not the common case. */
  protected unusual(): void {
    this.code.unlikelyBrIf(this.exit('FP'));
  }

  storeRegisters(c: Code, set: RegSet): void {
    for (const r of this.use.registers) {
      if (!has(set, r.index)) continue;
      c.get(STATE);
      c.get(this.locals[r.index] as number);
      c.mem(`${r.type}.store`, r.offset, naturalAlign(r.type));
      if (r.scalar) clearAbove(c, r.offset, r.type);
    }
  }

  get pcOfExit(): number {
    return this.pcLocal;
  }
  get kindOfExit(): number {
    return this.tmpLocal;
  }
  get addressOfExit(): number {
    return this.plainLocal;
  }
  get id(): number {
    return this.policy.id;
  }
  get mod(): RegionModule {
    return this.module;
  }

  /** Store what is dirty in the middle of a block: a helper may look at anything, the flags too. */
  protected flushAll(): void {
    this.storeRegisters(this.code, this.dirty);
    this.dirty.fill(0);
  }

  /** Store what is dirty at the end of a block; behind calls and returns the flags are of no use. */
  protected flush(): void {
    const block = this.region.blocks[this.current] as Block;
    const drop = dropsFlags(block) && !this.policy.flagsCross;
    const needed = this.neededAt.behind[this.current] as RegSet | null;
    if (needed)
      for (let w = 0; w < needed.length; w++) this.dirty[w] = (this.dirty[w] as number) & (needed[w] as number);
    this.storeRegisters(this.code, drop ? withoutFlags(this.dirty, this.use.registers) : this.dirty);
    this.dirty.fill(0);
  }

  /** Label of the exit for what is dirty now. */
  protected exit(kind: ExitPoint['kind']): number {
    return this.labels.length + this.exits.find(kind, this.dirty, this.needed);
  }

  /** Bounds that an access is checked against, when it is by a run. */
  protected boundsOf(v: Value): readonly [number, number] | null {
    const check = this.plan.checks.get(v);
    const { runs } = this.policy;
    if (check?.run === 'stack') return [State.STACK_LO, State.STACK_LEN];
    if (runs === null || check?.run !== 'region') return null;
    return check.write ? [runs + RUN_WRITE, runs + RUN_WRITE + 8] : [runs, runs + 8];
  }

  // ── values ──

  protected temp(type: Type): number {
    return this.freeTemps[type].pop() ?? this.code.local(type);
  }

  protected register(offset: number): RegionRegister {
    return this.use.byOffset.get(offset) as RegionRegister;
  }

  /** Push a value; trees of single-use operations are emitted here. */
  protected push(v: Value): void {
    const c = this.code;
    if (v.slot >= 0) {
      c.get(v.slot);
    } else if (v.slot === HOME) {
      c.get(this.locals[this.register(v.imm).index] as number);
    } else if (v.isConst) {
      this.constant(v);
      return;
    } else {
      this.operands(v);
      emitPure(c, v, (n, type) => this.scratch(n, type), this.module.clmul);
      return;
    }
    v.left--;
    if (v.left === 0 && v.slot >= 0) this.freeTemps[v.type].push(v.slot);
  }

  protected operands(v: Value): void {
    if (v.a) this.push(v.a);
    if (v.b) this.push(v.b);
    if (v.c) this.push(v.c);
  }

  protected scratch(n: number, type: 'i64' | 'v128' = 'i64'): number {
    const key = type === 'i64' ? n : -1 - n;
    let l = this.wide.get(key);
    if (l === undefined) {
      l = this.code.local(type);
      this.wide.set(key, l);
    }
    return l;
  }

  protected constant(v: Pick<Value, 'type' | 'imm' | 'hi' | 'lanes'>): void {
    const c = this.code;
    if (v.type === 'i32') c.i32(v.imm);
    else if (v.type === 'i64') c.i64(v.imm, v.hi);
    else if (v.type === 'f32') c.f32(v.imm);
    else if (v.type === 'f64') c.f64(v.imm);
    else c.v128(v.lanes ?? []);
  }

  /** Put the value on the stack into a temporary of its own. */
  protected keep(v: Value): void {
    v.slot = this.temp(v.type);
    this.code.set(v.slot);
  }

  /** An operand that is not needed after all. */
  protected discard(v: Value): void {
    if (v.slot >= 0 || v.slot === HOME) {
      v.left--;
      if (v.left === 0 && v.slot >= 0) this.freeTemps[v.type].push(v.slot);
    } else if (!v.isConst) {
      for (const x of [v.a, v.b, v.c]) if (x) this.discard(x);
    }
  }

  protected result(v: Value, target: Value | null): boolean {
    if (target) {
      v.left--;
      this.assign(target.imm);
      return true;
    }
    if (v.uses === 0) this.code.drop();
    else this.keep(v);
    return false;
  }

  /** Local of a register ← value on the stack; values still sharing the local move out first. */
  protected assign(offset: number): void {
    const r = this.register(offset);
    const local = this.locals[r.index] as number;
    this.moveOut(offset);
    this.homed.delete(offset);
    this.code.set(local);
    add(this.dirty, r.index);
  }

  protected moveOut(offset: number): void {
    const local = this.locals[this.register(offset).index] as number;
    for (const v of this.homed.get(offset) ?? []) {
      if (v.left <= 0) continue;
      const t = this.temp(v.type);
      this.code.get(local);
      this.code.set(t);
      v.slot = t;
    }
  }

  /** Pushes a guest address as 64 bits. */
  protected pushAddress(v: Value): void {
    this.push(v);
    if (v.type === 'i32') this.code.op('i64.extend_i32_u');
  }

  protected guestAddress(): void {
    this.code.get(this.addrLocal);
    this.code.op('i32.wrap_i64');
  }
}

/** A scalar's vector register has zeros above it. */
const clearAbove = (c: Code, offset: number, type: Type): void => {
  if (type === 'f32') {
    c.get(STATE);
    c.i32(0);
    c.mem('i32.store', offset + 4, 2);
  }
  c.get(STATE);
  c.i64(0);
  c.mem('i64.store', offset + 8, 3);
};

/**
 * The region with scalars out of their vectors. Helpers write vector registers as they like: regions that call some have
 * none that stand for a whole register, which go to `scalars`.
 */
const scalarized = (region: Region, scalars: Map<number, ScalarType>): Region => {
  let { blocks } = region;
  if (!blocks.some(hasVectors)) return region;
  if (!blocks.some((b) => b.ops.some((v) => v.info.kind === 'helper'))) {
    for (const [offset, type] of scalarRegisters(blocks)) scalars.set(offset, type);
    blocks = blocks.map((b) => scalarizeBlock(b, scalars));
  }
  const lanes = laneRegisters(blocks, scalars);
  return { ...region, blocks: blocks.map((b) => splitBlock(b, lanes)) };
};

/** By number of an operation: whether it reads or writes a vector register. */
const ofVectors = Uint8Array.from(opTable, ({ name }) => (name === 'v128.get' || name === 'v128.set' ? 1 : 0));

/** Whether a block reads or writes vector registers. */
const hasVectors = ({ ops }: Block): boolean => {
  for (let i = 0; i < ops.length; i++) if (ofVectors[(ops[i] as Value).info.code] === 1) return true;
  return false;
};

const naturalAlign = (type: Type): number => Math.log2(typeSize[type]);
