import type { Block, Terminal } from '../../../ir/block.ts';
import { type Type, typeSize } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import { CPU_STATE_SIZE, Exit, GUEST_BASE, READ_BYTES, State, WRITE_BYTES } from '../../../memory/layout.ts';
import { RUN_REACH, RUN_WRITE, STACK_REACH } from '../../../memory/runs.ts';
import { Code } from '../encoder.ts';
import { emitPure } from '../pure.ts';
import { analyse, type Cfg, edgeKey } from './cfg.ts';
import { type AccessGroup, groupAccesses, isWrite } from './checks.ts';
import type { Region } from './discover.ts';
import {
  add,
  analyseRegisters,
  clobbers,
  dropsFlags,
  has,
  type RegionRegister,
  type RegisterUse,
  type RegSet,
  withoutFlags,
  writes,
} from './registers.ts';
import { scalarizeBlock, scalarRegisters } from './scalarize.ts';

/** Function indices and types of the module a region is compiled into. */
export interface RegionModule {
  readonly syscall: number;
  readonly helper: number;
  readonly miss: number;
  readonly dispatch: number;
  readonly run: number;
  /** Type (i32 state, i32 depth) → i32 pc. */
  readonly regionType: number;
  /** Table slot of the function at pc (allocated when first named). */
  slot(pc: number): number;
}

/** How a region's memory accesses are checked. */
export interface MemoryPolicy {
  /** Number by which `miss` knows the region. */
  readonly id: number;
  /** Wasm offset of the region's run slot (see RunTable), or null: its accesses wander, so test page bytes. */
  readonly runs: number | null;
  /** Whether flags may be live across calls and returns (the guest has shown that some are). */
  readonly flagsCross: boolean;
  /** State offset of the stack pointer: accesses based on it use the stack's run (or page bytes, as `runs`). */
  readonly sp: number;
  readonly stackRun: boolean;
  /**
   * Floating point by its common case: scalars in scalar locals, NaN results left to the cold tier. Off for
   * regions where that went wrong too often.
   */
  readonly fast: boolean;
}

const STATE = 0;
const DEPTH = 1;
/** What State.FAULT_ADDR holds after a miss that was not a memory access (as int64). */
export const UNUSUAL_FP = -2;

/** Depth counts bytes of wasm stack: this many make one unit, and every frame has some besides its locals. */
const FRAME_UNIT = 64;
const FRAME_UNITS = 2;
/** Longest jump table, in instructions between the lowest and the highest target. */
const MAX_SPAN = 4096;
/** Loop iterations until a region returns to the dispatcher. */
const FUEL = 20_000;

/** An exit sequence shared by all places that leave the same way with the same dirty registers. */
interface ExitPoint {
  readonly kind: 'dispatch' | 'miss' | 'interrupt';
  readonly dirty: RegSet;
}

/** Where the value of an operation is. */
const LAZY = -1; // emitted where it is used
const HOME = -2; // a guest register's local

/** Emits one region as a wasm function `(state, depth) → next pc`. */
class RegionEmitter {
  private readonly region: Region;
  private readonly module: RegionModule;
  private readonly cfg: Cfg;
  private readonly use: RegisterUse;
  private readonly code = new Code(2);
  private readonly locals: number[];
  private readonly pcLocal: number;
  private readonly addrLocal: number;
  private readonly tmpLocal: number;
  private readonly fuelLocal: number;
  private readonly wide = new Map<number, number>();
  /** Open labels, outermost first; the block a branch to it reaches. */
  private readonly labels: (number | null)[] = [];
  private readonly exits = new Map<string, { index: number; point: ExitPoint }>();
  private readonly freeTemps: Record<Type, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  /** Values read from a register whose local they still share. */
  private readonly homed = new Map<number, Value[]>();
  private dirty: RegSet;
  /** The conditional part at hand: registers it writes, and what was dirty before. */
  private part: { written: readonly number[]; dirty: RegSet } = { written: [], dirty: new Uint32Array(0) };
  private current = 0;
  private groups: ReadonlyMap<Value, AccessGroup> = new Map();
  private readonly policy: MemoryPolicy;

  constructor(region: Region, module: RegionModule, policy: MemoryPolicy) {
    this.region = policy.fast ? scalarized(region) : region;
    this.module = module;
    this.policy = policy;
    this.cfg = analyse(region.succs);
    this.use = analyseRegisters(this.region, this.cfg.isLoop, (v) => this.boundsOf(v), policy.flagsCross);
    this.locals = this.use.registers.map((r) => this.code.local(r.type));
    this.pcLocal = this.code.local('i32');
    this.tmpLocal = this.code.local('i32');
    this.fuelLocal = this.code.local('i32');
    this.addrLocal = this.code.local('i64');
    this.dirty = new Uint32Array(0);
  }

  emit(): Code {
    const c = this.code;
    c.i32(this.region.root);
    c.set(this.pcLocal);
    this.reload(this.use.liveIn[0] as RegSet);
    if (this.cfg.isLoop.includes(true)) {
      c.i32(FUEL);
      c.set(this.fuelLocal);
    }
    this.tree(0);
    c.unreachable();
    return this.withExits();
  }

  /** Add our frame to the depth; too deep, or interrupted: leave before anything is done. */
  private depthCheck(c: Code): void {
    const bytes = c.locals.reduce((sum, type) => sum + Math.max(8, typeSize[type]), 0);
    c.get(DEPTH);
    c.i32(FRAME_UNITS + Math.ceil(bytes / FRAME_UNIT));
    c.op('i32.add');
    c.tee(DEPTH);
    c.get(STATE);
    c.mem('i32.load', State.DEPTH_LIMIT, 2);
    c.op('i32.ge_u');
    c.if();
    leave(c, Exit.INTERRUPT, () => c.i64(this.region.root, 0));
    c.end();
  }

  /** Body between the exit labels, then the exit sequences. */
  private withExits(): Code {
    const body = this.code;
    const out = new Code(2);
    out.locals.push(...body.locals);
    const calls = (b: Block): boolean => b.terminal.kind === 'call' || b.terminal.kind === 'callIndirect';
    if (this.region.blocks.some(calls)) this.depthCheck(out);
    for (let i = 0; i < this.exits.size; i++) out.block();
    out.appendCode(body);
    const emitter = new ExitEmitter(out, this);
    for (const { point } of this.exits.values()) {
      out.end();
      emitter.emit(point);
    }
    out.unreachable();
    return out;
  }

  // ── registers ──

  /**
   * Load registers from the CPU state. A scalar that the region writes must have nothing above it, or the
   * exits would have to know which paths wrote it: with pcLocal set, others leave to the cold tier.
   */
  private reload(set: RegSet): void {
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

  /** Leave at pcLocal if the i32 pushed is not 0: floating point is not the common case. */
  private unusual(): void {
    const c = this.code;
    c.i64(UNUSUAL_FP);
    c.set(this.addrLocal);
    c.brIf(this.exit('miss'));
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
  get addrOfExit(): number {
    return this.addrLocal;
  }
  get id(): number {
    return this.policy.id;
  }
  get mod(): RegionModule {
    return this.module;
  }

  private flush(): void {
    const block = this.region.blocks[this.current] as Block;
    const drop = dropsFlags(block) && !this.policy.flagsCross;
    this.storeRegisters(this.code, drop ? withoutFlags(this.dirty, this.use.registers) : this.dirty);
    this.dirty.fill(0);
  }

  // ── structure ──

  private tree(b: number): void {
    const merges = (this.cfg.children[b] as readonly number[])
      .filter((k) => this.cfg.isMerge[k])
      .sort((x, y) => (this.cfg.number[y] as number) - (this.cfg.number[x] as number));
    if (this.cfg.isLoop[b]) {
      this.code.loop();
      this.labels.push(b);
      this.within(b, merges, 0);
      this.labels.pop();
      this.code.end();
    } else {
      this.within(b, merges, 0);
    }
  }

  /** The block's code inside a wasm block for every merge point it dominates, the last in order outermost. */
  private within(b: number, merges: readonly number[], i: number): void {
    const merge = merges[i];
    if (merge === undefined) {
      this.block(b);
      return;
    }
    this.code.block();
    this.labels.push(merge);
    this.within(b, merges, i + 1);
    this.labels.pop();
    this.code.end();
    this.tree(merge);
  }

  /** Go to a guest pc from the current block: a branch, the block in line, or out of the region. */
  private goto(pc: number): void {
    const target = this.region.index.get(pc);
    if (target === undefined || this.cfg.irreducible.has(edgeKey(this.current, target))) {
      this.code.i32(pc);
      this.code.set(this.pcLocal);
      this.code.br(this.exit('dispatch'));
      return;
    }
    this.gotoBlock(target);
  }

  private gotoBlock(target: number): void {
    const back = (this.cfg.number[target] as number) <= (this.cfg.number[this.current] as number);
    if (back || this.cfg.isMerge[target]) {
      this.code.br(this.labels.length - 1 - this.labels.lastIndexOf(target));
      return;
    }
    const saved = { current: this.current, dirty: this.dirty };
    this.tree(target);
    this.current = saved.current;
    this.dirty = saved.dirty;
  }

  /** Label of the exit for what is dirty now. */
  private exit(kind: ExitPoint['kind']): number {
    const key = `${kind}:${this.dirty.join()}`;
    let e = this.exits.get(key);
    if (!e) {
      e = { index: this.exits.size, point: { kind, dirty: this.dirty.slice() } };
      this.exits.set(key, e);
    }
    return this.labels.length + e.index;
  }

  private leave(reason: number, pc: () => void): void {
    leave(this.code, reason, pc);
  }

  // ── one block ──

  private block(b: number): void {
    const block = this.region.blocks[b] as Block;
    const c = this.code;
    this.current = b;
    this.dirty = (this.use.dirtyIn[b] as RegSet).slice();
    this.homed.clear();
    if (this.cfg.isLoop[b]) {
      if (b === this.region.dispatch) this.guestAddress();
      else c.i32(block.pc);
      c.set(this.pcLocal);
      c.get(this.fuelLocal);
      c.i32(1);
      c.op('i32.sub');
      c.tee(this.fuelLocal);
      c.op('i32.eqz');
      c.brIf(this.exit('interrupt'));
    }
    if (b === this.region.dispatch) {
      this.jumpTable();
      this.leaveIndirect();
      return;
    }
    for (const v of block.ops) {
      v.left = v.uses;
      v.slot = LAZY;
    }
    this.groups = groupAccesses(block.ops, (v) => this.reach(v));
    for (let i = 0; i < block.ops.length; i++) {
      const v = block.ops[i] as Value;
      const next = block.ops[i + 1];
      const target = next && next.info.kind === 'set' && next.a === v && v.uses === 1 ? next : null;
      if (this.operation(v, target)) i++;
    }
    this.terminal(block);
  }

  private reach(v: Value): number {
    return isStackAddress(v.a as Value, this.policy.sp) ? STACK_REACH : RUN_REACH;
  }

  private temp(type: Type): number {
    return this.freeTemps[type].pop() ?? this.code.local(type);
  }

  private register(offset: number): RegionRegister {
    return this.use.byOffset.get(offset) as RegionRegister;
  }

  /** Push a value; trees of single-use operations are emitted here. */
  private push(v: Value): void {
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
      emitPure(c, v, (n, type) => this.scratch(n, type));
      return;
    }
    v.left--;
    if (v.left === 0 && v.slot >= 0) this.freeTemps[v.type].push(v.slot);
  }

  private operands(v: Value): void {
    if (v.a) this.push(v.a);
    if (v.b) this.push(v.b);
    if (v.c) this.push(v.c);
  }

  private scratch(n: number, type: 'i64' | 'v128' = 'i64'): number {
    const key = type === 'i64' ? n : -1 - n;
    let l = this.wide.get(key);
    if (l === undefined) {
      l = this.code.local(type);
      this.wide.set(key, l);
    }
    return l;
  }

  private constant(v: Value): void {
    const c = this.code;
    if (v.type === 'i32') c.i32(v.imm);
    else if (v.type === 'i64') c.i64(v.imm, v.hi);
    else if (v.type === 'f32') c.f32(v.imm);
    else if (v.type === 'f64') c.f64(v.imm);
    else c.v128(v.lanes ?? []);
  }

  /** Put the value on the stack into a temporary of its own. */
  private keep(v: Value): void {
    v.slot = this.temp(v.type);
    this.code.set(v.slot);
  }

  /** Emits one operation; true when the register write behind it was done too. */
  private operation(v: Value, target: Value | null): boolean {
    const c = this.code;
    switch (v.info.kind) {
      case 'const':
        return false;
      case 'get': {
        v.slot = HOME;
        const list = this.homed.get(v.imm);
        if (list) list.push(v);
        else this.homed.set(v.imm, [v]);
        return false;
      }
      case 'set':
        this.push(v.a as Value);
        this.assign(v.imm);
        return false;
      case 'cc':
        this.flags(v);
        return false;
      case 'guard':
        if (this.policy.fast) return this.guarded(v);
        this.operands(v);
        emitPure(c, v, (n, type) => this.scratch(n, type));
        this.keep(v);
        return false;
      case 'pure':
        if (v.uses === 1) return false;
        this.operands(v);
        emitPure(c, v, (n, type) => this.scratch(n, type));
        this.keep(v);
        return false;
      case 'load':
        this.address(v);
        c.mem(v.info.name, GUEST_BASE, 0);
        return this.result(v, target);
      case 'store':
        this.address(v);
        this.push(v.b as Value);
        c.mem(v.info.name, GUEST_BASE, 0);
        return false;
      case 'atomic':
        this.address(v);
        if (v.b) this.push(v.b);
        if (v.c) this.push(v.c);
        c.mem(v.info.name, GUEST_BASE, Math.log2(v.info.size));
        return v.info.result === 'void' ? false : this.result(v, target);
      case 'fence':
        c.op('atomic.fence');
        return false;
      case 'helper':
        this.helper(v);
        return false;
      case 'when':
        if (v.a) this.beginPart(v);
        else this.endPart();
        return false;
    }
  }

  /** Values that share the local of a register which the conditional part writes move out before it. */
  private beginPart(begin: Value): void {
    const { ops } = this.region.blocks[this.current] as Block;
    const first = ops.indexOf(begin) + 1;
    const part = ops.slice(first, ops.findIndex((v, i) => i >= first && v.info.name === 'when.end')); // biome-ignore format: one line
    const written = part.some((v) => v.info.kind === 'helper')
      ? [...this.homed.keys()]
      : part.flatMap((v) => writes(v).map((w) => w.offset));
    for (const offset of written) this.moveOut(offset);
    this.push(begin.a as Value);
    this.code.if();
    this.labels.push(null);
    this.part = { written, dirty: this.dirty.slice() };
  }

  private endPart(): void {
    this.labels.pop();
    this.code.end();
    for (const offset of this.part.written) this.homed.delete(offset);
    // a helper has stored what was dirty only where it was called
    for (const [i, bits] of this.part.dirty.entries()) this.dirty[i] = (this.dirty[i] as number) | bits;
  }

  /** The result as the host has it; where it is a NaN the cold tier finds out which. */
  private guarded(v: Value): boolean {
    const c = this.code;
    const madd = v.info.name.endsWith('.arm_madd');
    const shape = v.info.name.slice(0, v.info.name.indexOf('.')) as 'f32' | 'f64' | 'f32x4' | 'f64x2';
    this.push(v.a as Value);
    if (madd) {
      this.push(v.b as Value);
      this.push(v.c as Value);
      c.op(`${shape as 'f64x2'}.relaxed_madd`);
    } else {
      this.discard(v.b as Value);
      this.discard(v.c as Value);
    }
    this.keep(v);
    c.i32(v.pc);
    c.set(this.pcLocal);
    c.get(v.slot);
    c.get(v.slot);
    c.op(`${shape}.ne`);
    if (v.type === 'v128') c.op('v128.any_true');
    this.unusual();
    return false;
  }

  /** An operand that is not needed after all. */
  private discard(v: Value): void {
    if (v.slot >= 0 || v.slot === HOME) {
      v.left--;
      if (v.left === 0 && v.slot >= 0) this.freeTemps[v.type].push(v.slot);
    } else if (!v.isConst) {
      for (const x of [v.a, v.b, v.c]) if (x) this.discard(x);
    }
  }

  private result(v: Value, target: Value | null): boolean {
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
  private assign(offset: number): void {
    const r = this.register(offset);
    const local = this.locals[r.index] as number;
    this.moveOut(offset);
    this.homed.delete(offset);
    this.code.set(local);
    add(this.dirty, r.index);
  }

  private flags(v: Value): void {
    const fields = writes(v);
    this.operands(v);
    // operands are on the stack in order a, b, c: assign from the top
    const args = [State.CC_A, State.CC_B, State.CC_C].slice(0, v.c ? 3 : 2);
    for (const offset of args.reverse()) this.assign(offset);
    this.code.i32(v.imm);
    this.assign((fields[0] as { offset: number }).offset);
  }

  private helper(v: Value): void {
    const c = this.code;
    // values read before the helper stay what they were
    for (const offset of this.homed.keys()) this.moveOut(offset);
    this.homed.clear();
    this.flush();
    c.get(STATE);
    c.i64(v.pc, 0);
    c.mem('i64.store', State.PC, 3);
    c.get(STATE);
    c.i32(v.imm);
    c.i32(v.hi);
    c.call(this.module.helper);
    c.if();
    c.i32(-1);
    c.return();
    c.end();
    this.reload(new Uint32Array(this.dirty.length).fill(0xffffffff));
  }

  private moveOut(offset: number): void {
    const local = this.locals[this.register(offset).index] as number;
    for (const v of this.homed.get(offset) ?? []) {
      if (v.left <= 0) continue;
      const t = this.temp(v.type);
      this.code.get(local);
      this.code.set(t);
      v.slot = t;
    }
  }

  // ── memory ──

  /** Bounds that the access is checked against; null: by page bytes, or no access. */
  private boundsOf(v: Value): readonly [number, number] | null {
    const { kind } = v.info;
    if (kind !== 'load' && kind !== 'store' && kind !== 'atomic') return null;
    if (isStackAddress(v.a as Value, this.policy.sp)) {
      return this.policy.stackRun ? [State.STACK_LO, State.STACK_LEN] : null;
    }
    const { runs } = this.policy;
    if (runs === null) return null;
    return isWrite(v) ? [runs + RUN_WRITE, runs + RUN_WRITE + 8] : [runs, runs + 8];
  }

  /** Pushes the i32 guest address of an access; the first of its group checks, a miss leaves with exact state. */
  private address(v: Value): void {
    const c = this.code;
    const base = v.a as Value;
    if (base.slot === LAZY && !base.isConst) {
      this.operands(base);
      emitPure(c, base, (n) => this.scratch(n));
      this.keep(base);
    }
    const group = this.groups.get(v) as AccessGroup;
    if (group.first === v) this.check(v, group);
    this.push(base);
    if (base.type === 'i64') c.op('i32.wrap_i64');
    if (v.imm !== 0 && v.info.kind !== 'atomic') {
      c.i32(v.imm);
      c.op('i32.add');
    }
  }

  private check(v: Value, group: AccessGroup): void {
    const c = this.code;
    const size = group.max - group.min;
    const atomic = v.info.kind === 'atomic';
    const base = v.a as Value;
    base.left++; // read once more than counted
    this.pushAddress(base);
    if (group.min !== 0) {
      c.i64(group.min);
      c.op('i64.add');
    }
    c.set(this.addrLocal);
    c.i32(v.pc);
    c.set(this.pcLocal);
    const bounds = this.boundsOf(v);
    if (bounds) {
      const [lo, len] = bounds.map((offset) => this.locals[this.register(offset).index] as number);
      c.get(this.addrLocal);
      c.get(lo as number);
      c.op('i64.sub');
      c.get(len as number);
      c.op('i64.gt_u');
    } else {
      this.pageTest(size, isWrite(v) ? WRITE_BYTES : READ_BYTES);
    }
    if (atomic && size > 1) {
      this.guestAddress();
      c.i32(size - 1);
      c.op('i32.and');
      c.op('i32.or');
    }
    c.brIf(this.exit('miss'));
  }

  /** Pushes nonzero unless the pages of the first and the last byte are plain and the address is below 4 GiB. */
  private pageTest(size: number, table: number): void {
    const c = this.code;
    this.guestAddress();
    c.tee(this.tmpLocal);
    c.i32(12);
    c.op('i32.shr_u');
    c.mem('i32.load8_u', table);
    if (size > 1) {
      c.get(this.tmpLocal);
      c.i32(size - 1);
      c.op('i32.add');
      c.i32(12);
      c.op('i32.shr_u');
      c.mem('i32.load8_u', table);
      c.op('i32.or');
    }
    c.get(this.addrLocal);
    c.i64(32);
    c.op('i64.shr_u');
    c.op('i32.wrap_i64');
    c.op('i32.or');
  }

  /** Pushes a guest address as 64 bits. */
  private pushAddress(v: Value): void {
    this.push(v);
    if (v.type === 'i32') this.code.op('i64.extend_i32_u');
  }

  private guestAddress(): void {
    this.code.get(this.addrLocal);
    this.code.op('i32.wrap_i64');
  }

  // ── terminals ──

  private terminal(block: Block): void {
    const { guard } = block.terminal;
    if (!guard) return this.taken(block);
    const behind = clobbers(block);
    if (behind) this.flush();
    const dirty = this.dirty.slice();
    this.push(guard.cond);
    this.code.if();
    this.labels.push(null);
    this.taken(block);
    this.labels.pop();
    this.code.end();
    this.dirty = dirty;
    if (behind) this.resume(guard.next);
    else this.goto(guard.next);
  }

  private taken(block: Block): void {
    const t = block.terminal;
    const c = this.code;
    switch (t.kind) {
      case 'jump':
        return this.goto(t.target);
      case 'branch':
        this.push(t.cond);
        c.if();
        this.labels.push(null);
        this.goto(t.taken);
        this.labels.pop();
        c.end();
        return this.goto(t.next);
      case 'call':
      case 'callIndirect':
        return this.call(t);
      case 'jumpIndirect':
        return t.isReturn ? this.return(t) : this.jumpIndirect(t);
      case 'syscall':
        this.flush();
        c.get(STATE);
        c.i64(t.next, 0);
        c.mem('i64.store', State.PC, 3);
        c.get(STATE);
        c.call(this.module.syscall);
        c.if();
        c.i32(-1);
        c.return();
        c.end();
        return this.resume(t.next);
      case 'exit':
        this.flush();
        this.leave(t.reason, () => c.i64(t.pc, 0));
    }
  }

  /** Behind something that may have changed registers in memory. */
  private resume(pc: number): void {
    const b = this.region.index.get(pc);
    this.dirty.fill(0);
    this.code.i32(pc);
    this.code.set(this.pcLocal);
    if (b !== undefined) this.reload(this.use.liveIn[b] as RegSet);
    this.goto(pc);
  }

  private call(t: Terminal & { kind: 'call' | 'callIndirect' }): void {
    const c = this.code;
    if (t.kind === 'callIndirect') {
      this.pushAddress(t.target);
      c.set(this.addrLocal);
    }
    this.flush();
    const pass = (): void => {
      c.get(STATE);
      c.get(DEPTH);
    };
    if (t.kind === 'call') {
      // others through their slots, since they may be compiled anew
      if (t.target !== this.region.root) {
        c.get(STATE);
        c.i64(t.target, 0);
        c.mem('i64.store', State.PC, 3);
        pass();
        c.i32(this.module.slot(t.target));
        c.callIndirect(this.module.regionType);
      } else {
        pass();
        c.callSelf();
      }
    } else {
      this.storeTarget();
      this.probe();
      c.if(0x7f);
      pass();
      c.get(this.tmpLocal);
      c.mem('i32.load', 4, 2);
      c.callIndirect(this.module.regionType);
      c.else();
      pass();
      c.call(this.module.dispatch);
      c.end();
    }
    c.tee(this.tmpLocal);
    c.i32(t.ret);
    c.op('i32.ne');
    c.if();
    c.get(this.tmpLocal);
    c.return();
    c.end();
    this.resume(t.ret);
  }

  private storeTarget(): void {
    const c = this.code;
    c.get(STATE);
    c.get(this.addrLocal);
    c.mem('i64.store', State.PC, 3);
  }

  /** tmpLocal ← jump cache entry for addrLocal; pushes whether it is that pc's. */
  private probe(): void {
    const c = this.code;
    this.guestAddress();
    c.i32(2);
    c.op('i32.shl');
    this.guestAddress();
    c.i32(10);
    c.op('i32.shr_u');
    c.op('i32.xor');
    c.i32(0xfff0);
    c.op('i32.and');
    c.get(STATE);
    c.mem('i32.load', State.JUMP_CACHE, 2);
    c.op('i32.add');
    c.tee(this.tmpLocal);
    c.mem('i64.load32_u', 0, 2);
    c.get(this.addrLocal);
    c.op('i64.eq');
  }

  private return(t: Terminal & { kind: 'jumpIndirect' }): void {
    const c = this.code;
    this.pushAddress(t.target);
    c.set(this.addrLocal);
    this.flush();
    c.get(this.addrLocal);
    c.i64(32);
    c.op('i64.shr_u');
    c.op('i64.eqz');
    c.if();
    this.guestAddress();
    c.return();
    c.end();
    this.leave(Exit.UNTRANSLATED, () => c.get(this.addrLocal));
  }

  private jumpIndirect(t: Terminal & { kind: 'jumpIndirect' }): void {
    const c = this.code;
    this.pushAddress(t.target);
    c.set(this.addrLocal);
    const { dispatch } = this.region;
    if (dispatch < 0 || this.cfg.irreducible.has(edgeKey(this.current, dispatch))) this.leaveIndirect();
    else this.gotoBlock(dispatch);
  }

  /** Out of the region to the guest address in addrLocal. */
  private leaveIndirect(): void {
    const c = this.code;
    this.flush();
    this.storeTarget();
    this.probe();
    c.if();
    c.get(STATE);
    c.get(DEPTH);
    c.get(this.tmpLocal);
    c.mem('i32.load', 4, 2);
    c.returnCallIndirect(this.module.regionType);
    c.end();
    c.get(STATE);
    c.get(DEPTH);
    c.returnCall(this.module.dispatch);
  }

  /** Known targets of a switch: one br_table over the instructions between the lowest and the highest. */
  private jumpTable(): void {
    const c = this.code;
    const targets = [...new Set(this.region.succs[this.current])].map((b) => this.region.blocks[b] as Block);
    const pcs = targets
      .map((b) => b.pc)
      .filter((pc) => !this.cfg.irreducible.has(edgeKey(this.current, this.region.index.get(pc) as number)));
    if (pcs.length === 0) return;
    const low = Math.min(...pcs);
    // instructions of a variable length: by the widest step that all targets keep
    const step = pcs.every((pc) => (pc - low) % 4 === 0) ? 2 : pcs.every((pc) => (pc - low) % 2 === 0) ? 1 : 0;
    const span = (Math.max(...pcs) - low) / (1 << step) + 1;
    if (span > MAX_SPAN) return;
    const byPc = new Map(pcs.map((pc, i) => [pc, i]));
    // labels, innermost first: one per target, then the default behind them all
    c.block();
    this.labels.push(null);
    for (let i = 0; i < pcs.length; i++) {
      c.block();
      this.labels.push(null);
    }
    c.get(this.addrLocal);
    c.i64(low, 0);
    c.op('i64.sub');
    c.i64(step);
    c.op('i64.rotr');
    c.tee(this.scratch(0));
    c.i64(span);
    c.op('i64.ge_u');
    c.brIf(pcs.length);
    c.get(this.scratch(0));
    c.op('i32.wrap_i64');
    const depths = Array.from({ length: span }, (_, i) => byPc.get(low + (i << step)) ?? pcs.length);
    c.brTable(depths, pcs.length);
    for (const pc of pcs) {
      c.end();
      this.labels.pop();
      this.goto(pc);
    }
    c.end();
    this.labels.pop();
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

/** Helpers write vector registers as they like: regions that call some keep their vectors. */
const scalarized = (region: Region): Region => {
  if (region.blocks.some((b) => b.ops.some((v) => v.info.kind === 'helper'))) return region;
  const scalars = scalarRegisters(region.blocks);
  return { ...region, blocks: region.blocks.map((b) => scalarizeBlock(b, scalars)) };
};

/** Leave translated code with a reason and the pc that `pc` pushes. */
const leave = (c: Code, reason: number, pc: () => void): void => {
  c.get(STATE);
  pc();
  c.mem('i64.store', State.PC, 3);
  c.get(STATE);
  c.i32(reason);
  c.mem('i32.store', State.EXIT_REASON, 2);
  c.i32(-1);
  c.return();
};

/** Exit sequences, behind the region's body. */
class ExitEmitter {
  private readonly c: Code;
  private readonly r: RegionEmitter;

  constructor(c: Code, r: RegionEmitter) {
    this.c = c;
    this.r = r;
  }

  emit({ kind, dirty }: ExitPoint): void {
    const { c, r } = this;
    r.storeRegisters(c, dirty);
    c.get(STATE);
    c.get(r.pcOfExit);
    c.op('i64.extend_i32_u');
    c.mem('i64.store', State.PC, 3);
    if (kind === 'interrupt') {
      c.get(STATE);
      c.i32(Exit.INTERRUPT);
      c.mem('i32.store', State.EXIT_REASON, 2);
      c.i32(-1);
      c.return();
      return;
    }
    if (kind === 'miss') {
      c.get(STATE);
      c.get(r.addrOfExit);
      c.mem('i64.store', State.FAULT_ADDR, 3);
      c.get(STATE);
      c.i32(r.id);
      c.mem('i32.store', State.EXIT_INFO, 2);
      c.get(STATE);
      c.call(r.mod.miss);
      c.if();
      c.i32(-1);
      c.return();
      c.end();
    }
    c.get(STATE);
    c.get(DEPTH);
    c.returnCall(kind === 'miss' ? r.mod.run : r.mod.dispatch);
  }
}

const naturalAlign = (type: Type): number => Math.log2(typeSize[type]);

/** SP, or SP plus something, as far as the block shows. */
export const isStackAddress = (v: Value, sp: number): boolean =>
  (v.info.kind === 'get' && v.imm === sp) ||
  ((v.info.name === 'i64.add' || v.info.name === 'i32.add') && v.a !== null && isStackAddress(v.a, sp));

export const emitRegion = (region: Region, module: RegionModule, policy: MemoryPolicy): Code =>
  new RegionEmitter(region, module, policy).emit();
