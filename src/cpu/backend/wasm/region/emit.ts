import type { Block } from '../../../ir/block.ts';
import { isPure } from '../../../ir/native.ts';
import { typeSize } from '../../../ir/types.ts';
import type { Value } from '../../../ir/value.ts';
import { EntryCost, frameDepth } from '../../../memory/fuel.ts';
import { Exit, State } from '../../../memory/layout.ts';
import { emitDepthCheck } from '../depth-check.ts';
import { Code } from '../encoder.ts';
import { emitPure } from '../pure.ts';
import { edgeKey } from './cfg.ts';
import { type MemoryPolicy, type RegionModule, STATE } from './contract.ts';
import type { Region } from './discover.ts';
import { ExitEmitter, leave } from './exits.ts';
import { coveredGuards, isFused, NONE } from './guards.ts';
import type { MovingPointers } from './moving.ts';
import { Does, doesOf, type RegSet, writes } from './registers.ts';
import { TerminalEmitter } from './terminals.ts';
import { HOME, LAZY } from './values.ts';

/** Loop iterations until a region returns to the dispatcher. */
const FUEL = 20_000;

/** Emits one region as a wasm function `(state, depth) → next pc`. */
class RegionEmitter extends TerminalEmitter {
  /** The conditional part at hand: registers it writes, and what was dirty before. */
  private part: { written: readonly number[]; dirty: RegSet } = { written: [], dirty: new Uint32Array(0) };

  /** Guards of the block at hand whose NaNs others find. */
  private covered: ReadonlySet<Value> = NONE;

  emit(): Code {
    const c = this.code;
    if (this.isOpen) {
      this.statePc(c);
      c.tee(this.addrLocal);
      c.op('i32.wrap_i64');
    } else c.i32(this.region.root);
    c.set(this.pcLocal);
    this.reload(this.use.liveIn[0] as RegSet);
    if (this.hasLoops) {
      c.i32(FUEL);
      c.set(this.fuelLocal);
    }
    this.tree(0);
    c.unreachable();
    return this.withExits();
  }

  /** Whether State.PC tells which of several entries is meant. */
  private get isOpen(): boolean {
    return this.region.entries.length > 0;
  }

  private statePc(c: Code): void {
    c.get(STATE);
    c.mem('i64.load', State.PC, 3);
  }

  /** Too deep, or the time is over: leave before anything is done. */
  private depthCheck(c: Code): void {
    const bytes = c.locals.reduce((sum, type) => sum + Math.max(8, typeSize[type]), 0);
    const cost = this.hasLoops ? EntryCost.LOOPS : EntryCost.STRAIGHT;
    const below = this.belowLocal ?? c.local('i32');
    const activation = { frame: frameDepth(bytes), cost, refuel: this.mod.refuel, below };
    emitDepthCheck(c, activation, () =>
      leave(c, Exit.INTERRUPT, () => (this.isOpen ? this.statePc(c) : c.i64(this.region.root, 0))),
    );
  }

  private get hasLoops(): boolean {
    return this.cfg.isLoop.includes(true);
  }

  /** Body between the exit labels, then the exit sequences. */
  private withExits(): Code {
    const body = this.code;
    const out = new Code(2);
    out.locals.push(...body.locals);
    // what jumps out by tail calls may come back the same way for ever
    const enters = ({ terminal: t }: Block): boolean =>
      t.kind === 'call' || t.kind === 'callIndirect' || (t.kind === 'jumpIndirect' && !t.isReturn);
    // and a loop that calls may take long for as many turns as it has fuel for, if what it calls has loops
    const looks = this.region.blocks.some(enters) || this.hasLoops;
    if (looks) this.depthCheck(out);
    const emitter = new ExitEmitter(out, this, this.exits.points, looks);
    emitter.begin();
    out.appendCode(body);
    emitter.end();
    out.unreachable();
    return out;
  }

  // ── structure ──

  private tree(b: number): void {
    const merges = (this.cfg.children[b] as readonly number[])
      .filter((k) => this.cfg.isMerge[k])
      .sort((x, y) => (this.cfg.number[y] as number) - (this.cfg.number[x] as number));
    if (this.cfg.isLoop[b]) {
      this.hoisted(b);
      const moving = this.plan.moving.get(b);
      if (moving) this.beginTurns(b, moving);
      this.code.loop();
      this.labels.push(b);
      this.within(b, merges, 0);
      this.labels.pop();
      this.code.end();
      if (moving) {
        this.labels.pop();
        this.code.end();
      }
    } else {
      this.within(b, merges, 0);
    }
  }

  /** The loop around that of moving pointers' turns; their fuel is taken off when they are done. */
  private beginTurns(b: number, moving: MovingPointers): void {
    const c = this.code;
    c.get(this.fuelLocal);
    c.i32(moving.turns);
    c.op('i32.add');
    c.set(this.fuelLocal);
    c.loop();
    this.labels.push(null);
    this.lookAhead(b, moving);
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
  protected goto(pc: number): void {
    const target = this.successor(pc);
    if (target === undefined || this.cfg.irreducible.has(edgeKey(this.current, target))) {
      this.code.i32(pc);
      this.code.set(this.pcLocal);
      this.code.br(this.exit('dispatch'));
      return;
    }
    if (this.region.crossings.has(target)) {
      this.code.i32(pc);
      this.code.set(this.pcLocal);
    }
    this.gotoBlock(target);
  }

  /** To the entry of a loop that pcLocal tells. */
  private cross(b: number): void {
    const c = this.code;
    const entries = this.region.succs[b] as readonly number[];
    for (const entry of entries.slice(1)) {
      c.get(this.pcLocal);
      c.i32((this.region.blocks[entry] as Block).pc);
      c.op('i32.eq');
      c.if();
      this.labels.push(null);
      this.gotoBlock(entry);
      this.labels.pop();
      c.end();
    }
    this.gotoBlock(entries[0] as number);
  }

  protected gotoBlock(target: number): void {
    const back = (this.cfg.number[target] as number) <= (this.cfg.number[this.current] as number);
    if (back || this.cfg.isMerge[target]) {
      this.code.br(this.labels.length - 1 - this.labels.lastIndexOf(target));
      return;
    }
    const { current, dirty, needed } = this;
    this.tree(target);
    this.current = current;
    this.dirty = dirty;
    this.needed = needed;
  }

  // ── one block ──

  private block(b: number): void {
    const block = this.region.blocks[b] as Block;
    this.current = b;
    this.dirty = (this.use.dirtyIn[b] as RegSet).slice();
    this.homed.clear();
    this.recover(b);
    this.needed = this.neededAt.atEntry[b] as RegSet;
    if (this.cfg.isLoop[b]) this.turn(b, block.pc);
    if (b === this.region.dispatch) {
      this.needed = null;
      this.jumpTable();
      this.leaveIndirect();
      return;
    }
    if (this.region.crossings.has(b)) return this.cross(b);
    for (const v of block.ops) {
      v.left = v.uses;
      v.slot = LAZY;
    }
    this.covered = this.policy.fast ? coveredGuards(block.ops) : NONE;
    for (let i = 0; i < block.ops.length; i++) {
      const v = block.ops[i] as Value;
      this.needed = (doesOf(v.info) & Does.LEAVE) !== 0 ? this.neededAt.before(v) : null;
      const next = block.ops[i + 1];
      const target = next && next.info.kind === 'set' && next.a === v && v.uses === 1 ? next : null;
      if (this.operation(v, target)) i++;
    }
    this.needed = this.neededAt.behind[b] as RegSet | null;
    this.terminal(block);
  }

  /** A turn of the loop with header b uses up fuel. */
  private turn(b: number, pc: number): void {
    const c = this.code;
    if (this.plan.moving.has(b)) {
      c.get(this.turnsLocal);
      c.i32(1);
      c.op('i32.sub');
      c.tee(this.turnsLocal);
      c.op('i32.eqz');
      c.unlikelyBrIf(this.labels.length - this.labels.lastIndexOf(b));
      return;
    }
    const isDispatch = b === this.region.dispatch;
    if (!isDispatch && !this.region.crossings.has(b)) {
      c.i32(pc);
      c.set(this.pcLocal);
    }
    c.get(this.fuelLocal);
    c.i32(1);
    c.op('i32.sub');
    c.tee(this.fuelLocal);
    c.op('i32.eqz');
    if (!isDispatch) return c.unlikelyBrIf(this.exit('interrupt'));
    // what is no constant would be put on the stack at each turn
    c.unlikelyIf();
    this.labels.push(null);
    this.guestAddress();
    c.set(this.pcLocal);
    c.br(this.exit('interrupt'));
    this.labels.pop();
    c.end();
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
        emitPure(c, v, (n, type) => this.scratch(n, type), this.module.clmul);
        this.keep(v);
        return false;
      case 'pure':
        if (v.uses === 1) return false;
        this.operands(v);
        emitPure(c, v, (n, type) => this.scratch(n, type), this.module.clmul);
        this.keep(v);
        return false;
      case 'load': {
        const offset = this.address(v);
        c.mem(v.info.name, offset, 0);
        return this.result(v, target);
      }
      case 'store': {
        const offset = this.address(v);
        this.push(v.b as Value);
        c.mem(v.info.name, offset, 0);
        return false;
      }
      case 'atomic': {
        const offset = this.address(v);
        if (v.b) this.push(v.b);
        if (v.c) this.push(v.c);
        c.mem(v.info.name, offset, Math.log2(v.info.size));
        return v.info.result === 'void' ? false : this.result(v, target);
      }
      case 'fence':
        c.op('atomic.fence');
        return false;
      case 'helper':
        this.helper(v);
        return false;
      case 'native':
        this.native(v);
        return false;
      case 'peek':
        c.get(STATE);
        c.mem(`${v.type as 'i32' | 'i64' | 'v128'}.load`, v.imm, 0);
        return this.result(v, target);
      case 'poke':
        c.get(STATE);
        this.push(v.a as Value);
        c.mem(`${(v.a as Value).type}.store`, v.imm, 0);
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
    for (const offset of written) {
      this.moveOut(offset);
      this.homed.delete(offset);
    }
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
    const madd = isFused(v.info.name);
    const shape = v.info.name.slice(0, v.info.name.indexOf('.')) as 'f32' | 'f64' | 'f32x4' | 'f64x2';
    this.push(v.a as Value);
    if (madd) {
      if (v.info.name.includes('_nm')) c.op(`${shape as 'f64x2'}.neg`);
      this.push(v.b as Value);
      this.push(v.c as Value);
      if (v.info.name.endsWith('sub')) c.op(`${shape as 'f64x2'}.neg`);
      c.op(`${shape as 'f64x2'}.relaxed_madd`);
    } else {
      this.discard(v.b as Value);
      this.discard(v.c as Value);
    }
    this.keep(v);
    if (this.covered.has(v)) return false;
    c.i32(v.pc);
    c.set(this.pcLocal);
    // a scalar that was spread for the vector's operation is one scalar still
    const one = madd && [v.a, v.b, v.c].every((x) => x?.info.name === `${shape}.splat`);
    for (let i = 0; i < 2; i++) {
      c.get(v.slot);
      if (one) c.lane(`${shape as 'f64x2'}.extract_lane`, 0);
    }
    c.op(`${one ? (shape.slice(0, 3) as 'f64') : shape}.ne`);
    if (v.type === 'v128' && !one) c.op('v128.any_true');
    this.unusual();
    return false;
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

  /** What it does not do is rare: the cold tier's, as long as that goes well. */
  private native(v: Value): void {
    const c = this.code;
    if (isPure(v)) return this.callPure(v);
    if (this.policy.fast) {
      c.i32(v.pc);
      c.set(this.pcLocal);
    }
    this.callNative(v);
    if (this.policy.fast) return this.unusual();
    c.unlikelyIf();
    this.storeRegisters(c, this.dirty);
    this.callHelper(v, v.imm & 0xffff);
    c.end();
  }

  private callNative(v: Value): void {
    const c = this.code;
    c.get(STATE);
    c.i32(v.imm >>> 16);
    c.i32(v.hi);
    c.call(this.module.native);
  }

  /** It has done all. */
  private callPure(v: Value): void {
    this.callNative(v);
    this.code.drop();
  }

  private helper(v: Value): void {
    // values read before the helper stay what they were
    for (const offset of this.homed.keys()) this.moveOut(offset);
    this.homed.clear();
    this.flushAll();
    if (isPure(v)) this.callPure(v);
    else this.callHelper(v, v.imm);
    this.reload(new Uint32Array(this.dirty.length).fill(0xffffffff));
  }

  private callHelper(v: Value, id: number): void {
    const c = this.code;
    c.get(STATE);
    c.i64(v.pc, 0);
    c.mem('i64.store', State.PC, 3);
    c.get(STATE);
    c.i32(id);
    c.i32(v.hi);
    c.call(this.module.helper);
    c.unlikelyIf();
    c.i32(-1);
    c.return();
    c.end();
  }
}

export const emitRegion = (region: Region, module: RegionModule, policy: MemoryPolicy): Code =>
  new RegionEmitter(region, module, policy).emit();
