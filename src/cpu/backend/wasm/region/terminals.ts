import type { Block, Terminal } from '../../../ir/block.ts';
import { Exit, State } from '../../../memory/layout.ts';
import { DISPATCH_SLOT } from '../../interpreter/contract.ts';
import { jumpCacheEntry } from '../jump-cache.ts';
import { edgeKey } from './cfg.ts';
import { DEPTH, STATE } from './contract.ts';
import { leave } from './exits.ts';
import { successorAt } from './flow.ts';
import { MemoryEmitter } from './memory.ts';
import { clobbers, type RegSet } from './registers.ts';

/** Longest jump table, in instructions between the lowest and the highest target. */
const MAX_SPAN = 4096;
const HASH = 0x9e3779b1 | 0;

/** Ways out of a block: branches, calls, returns, indirect jumps. */
export abstract class TerminalEmitter extends MemoryEmitter {
  /** Go to a guest pc from the current block: a branch, the block in line, or out of the region. */
  protected abstract goto(pc: number): void;
  protected abstract gotoBlock(target: number): void;

  /** The block of the region that the current block goes on to for a pc; undefined when that is outside. */
  protected successor(pc: number): number | undefined {
    return successorAt(this.region, this.current, pc);
  }

  protected leave(reason: number, pc: () => void): void {
    leave(this.code, reason, pc);
  }

  protected terminal(block: Block): void {
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
      case 'choice':
        return this.choice(t);
      case 'jumpIndirect':
        return t.isReturn ? this.return(t) : this.jumpIndirect(t);
      case 'syscall':
        this.flush();
        c.get(STATE);
        c.i64(t.next, 0);
        c.mem('i64.store', State.PC, 3);
        c.get(STATE);
        c.call(this.module.syscall);
        c.unlikelyIf();
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
    const b = this.successor(pc);
    this.dirty.fill(0);
    this.code.i32(pc);
    this.code.set(this.pcLocal);
    if (b !== undefined) this.reload(this.use.liveIn[b] as RegSet);
    this.goto(pc);
  }

  private call(t: Terminal & { kind: 'call' | 'callIndirect' }): void {
    const c = this.code;
    if (t.kind === 'callIndirect' && t.target !== null) {
      this.pushAddress(t.target);
      c.set(this.addrLocal);
    }
    const tells = t.kind === 'callIndirect' && t.target === null && this.policy.learns;
    if (tells) this.tellTarget(t.ret);
    this.flush();
    const below = (this.belowLocal ??= c.local('i32'));
    const pass = (): void => {
      c.get(STATE);
      c.get(below);
    };
    if (t.kind === 'call') {
      // others through their slots, since they may be compiled anew
      if (t.target !== this.region.root) {
        this.storeEntry(t.target);
        pass();
        c.i32(this.module.slot(t.target));
        c.callIndirect(this.module.regionType);
      } else {
        // there are others where it may be entered
        if (this.region.entries.length > 0) this.storeEntry(t.target);
        pass();
        c.callSelf();
      }
    } else {
      this.storeTarget();
      pass();
      this.pushSlot(tells ? [] : (t.likely ?? []));
      c.callIndirect(this.module.regionType);
    }
    c.tee(this.tmpLocal);
    c.i32(t.ret);
    c.op('i32.ne');
    c.unlikelyIf();
    this.labels.push(null);
    if (this.region.isArrival) this.arrive();
    c.get(this.tmpLocal);
    c.return();
    this.labels.pop();
    c.end();
    this.resume(t.ret);
  }

  /**
   * Pushes the table slot for the guest address in addrLocal. The host predicts comparisons with `likely` targets: their
   * entries of the table are loaded early, and a wrong one is noticed as soon as the address is there, not at the end of
   * a chain of loads through jump cache and table.
   */
  private pushSlot(likely: readonly number[]): void {
    const c = this.code;
    if (likely.length > 0) {
      c.block();
      const pcs = [...likely].sort((x, y) => x - y);
      this.findSlot(pcs, 0);
    }
    this.probe();
    c.likelyIf(0x7f);
    c.get(this.tmpLocal);
    c.mem('i32.load', 4, 2);
    c.else();
    c.i32(DISPATCH_SLOT);
    c.end();
    if (likely.length === 0) return;
    c.set(this.tmpLocal);
    c.end();
    c.get(this.tmpLocal);
  }

  /** Sets tmpLocal and leaves the block `depth` labels out if the guest address in addrLocal is among `pcs`, in order. */
  private findSlot(pcs: readonly number[], depth: number): void {
    const c = this.code;
    const half = pcs.length >> 1;
    const middle = pcs[half] as number;
    if (half === 0) {
      c.get(this.addrLocal);
      c.i64(middle, 0);
      c.op('i64.eq');
      c.if();
      c.i32(this.module.slot(middle));
      c.set(this.tmpLocal);
      c.br(depth + 1);
      c.end();
      return;
    }
    this.guestAddress();
    c.i32(middle);
    c.op('i32.lt_u');
    c.if();
    this.findSlot(pcs.slice(0, half), depth + 1);
    c.else();
    this.findSlot(pcs.slice(half), depth + 1);
    c.end();
  }

  /** The dispatcher goes on where the call goes, and notes it. */
  private tellTarget(ret: number): void {
    const c = this.code;
    c.get(this.addrLocal);
    c.i64(32);
    c.op('i64.shr_u');
    c.op('i64.eqz');
    c.if();
    this.labels.push(null);
    this.guestAddress();
    c.set(this.pcLocal);
    c.i32(ret);
    c.set(this.addressOfExit);
    c.br(this.exit('CALLED'));
    this.labels.pop();
    c.end();
  }

  /** Go on at the root if that is where the call returned to. */
  private arrive(): void {
    const c = this.code;
    c.get(this.tmpLocal);
    c.i32(this.region.root);
    c.op('i32.eq');
    c.if();
    this.labels.push(null);
    this.resume(this.region.root);
    this.labels.pop();
    c.end();
  }

  private storeEntry(pc: number): void {
    const c = this.code;
    c.get(STATE);
    c.i64(pc, 0);
    c.mem('i64.store', State.PC, 3);
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
    jumpCacheEntry(c, () => this.guestAddress());
    c.tee(this.tmpLocal);
    c.mem('i64.load32_u', 0, 2);
    c.get(this.addrLocal);
    c.op('i64.eq');
  }

  /** Go to pc if that is the guest address in addrLocal. */
  private gotoIf(pc: number): void {
    const c = this.code;
    const dirty = this.dirty.slice();
    c.get(this.addrLocal);
    c.i64(pc, 0);
    c.op('i64.eq');
    c.likelyIf();
    this.labels.push(null);
    this.goto(pc);
    this.labels.pop();
    c.end();
    this.dirty = dirty;
  }

  private choice(t: Terminal & { kind: 'choice' }): void {
    this.pushAddress(t.target);
    this.code.set(this.addrLocal);
    for (const pc of t.among) this.gotoIf(pc);
    this.gotoBlock((this.region.succs[this.current] as readonly number[]).at(-1) as number);
  }

  private return(t: Terminal & { kind: 'jumpIndirect' }): void {
    const c = this.code;
    this.pushAddress(t.target);
    c.set(this.addrLocal);
    if (t.expected !== undefined) this.gotoIf(t.expected);
    this.flush();
    // an address of 32 bits is one of the guest's
    if (t.target.type === 'i32') {
      this.guestAddress();
      c.return();
      return;
    }
    c.get(this.addrLocal);
    c.i64(32);
    c.op('i64.shr_u');
    c.op('i64.eqz');
    c.likelyIf();
    this.guestAddress();
    c.return();
    c.end();
    this.leave(Exit.UNTRANSLATED, () => c.get(this.addrLocal));
  }

  private jumpIndirect(t: Terminal & { kind: 'jumpIndirect' }): void {
    const c = this.code;
    this.pushAddress(t.target);
    c.set(this.addrLocal);
    const { dispatch, succs } = this.region;
    const inside = (succs[this.current] as readonly number[]).includes(dispatch);
    if (inside && !this.cfg.irreducible.has(edgeKey(this.current, dispatch))) {
      if (dispatch === this.use.storedAt) this.flush();
      this.gotoBlock(dispatch);
    } else this.leaveIndirect();
  }

  /** Out of the region to the guest address in addrLocal. */
  protected leaveIndirect(): void {
    const c = this.code;
    this.flush();
    this.storeTarget();
    this.probe();
    c.likelyIf();
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

  /** Known targets of a switch: one br_table over the instructions between the lowest and the highest, or over a hash. */
  protected jumpTable(): void {
    const targets = [...new Set(this.region.succs[this.current])].map((b) => this.region.blocks[b] as Block);
    const pcs = targets
      .map((b) => b.pc)
      .filter((pc) => !this.cfg.irreducible.has(edgeKey(this.current, this.successor(pc) as number)));
    if (pcs.length === 0) return;
    const low = Math.min(...pcs);
    // instructions of a variable length: by the widest step that all targets keep
    const step = pcs.every((pc) => (pc - low) % 4 === 0) ? 2 : pcs.every((pc) => (pc - low) % 2 === 0) ? 1 : 0;
    const span = (Math.max(...pcs) - low) / (1 << step) + 1;
    if (span <= MAX_SPAN) this.denseTable(pcs, low, step, span);
    else this.hashedTable(pcs);
  }

  /** Whether all indirect jumps go to addresses of 32 bits. */
  private get isNarrow(): boolean {
    return this.region.blocks.every(({ terminal: t }) => t.kind !== 'jumpIndirect' || t.target.type === 'i32');
  }

  private denseTable(pcs: readonly number[], low: number, step: number, span: number): void {
    const c = this.code;
    const byPc = new Map(pcs.map((pc, i) => [pc, i]));
    this.openLabels(pcs.length);
    if (this.isNarrow) {
      // br_table itself looks whether it is within
      this.guestAddress();
      c.i32(low);
      c.op('i32.sub');
      c.i32(step);
      c.op('i32.rotr');
    } else {
      c.get(this.addrLocal);
      c.i64(low, 0);
      c.op('i64.sub');
      c.i64(step);
      c.op('i64.rotr');
      c.tee(this.scratch(0));
      c.i64(span);
      c.op('i64.ge_u');
      c.unlikelyBrIf(pcs.length);
      c.get(this.scratch(0));
      c.op('i32.wrap_i64');
    }
    const depths = Array.from({ length: span }, (_, i) => byPc.get(low + (i << step)) ?? pcs.length);
    c.brTable(depths, pcs.length);
    for (const pc of pcs) {
      this.closeLabel();
      this.gotoCase(pc);
    }
    this.closeLabel();
  }

  /** From the dispatch block to one of its targets. */
  private gotoCase(pc: number): void {
    if (this.current !== this.use.storedAt) return this.goto(pc);
    this.code.i32(pc);
    this.code.set(this.pcLocal);
    this.reload(this.use.liveIn[this.successor(pc) as number] as RegSet);
    this.goto(pc);
  }

  /** Those with one hash are compared one after the other. */
  private hashedTable(pcs: readonly number[]): void {
    const c = this.code;
    const bits = Math.ceil(Math.log2(pcs.length)) + 1;
    const hash = (pc: number): number => Math.imul(pc, HASH) >>> (32 - bits);
    const groups = [...Map.groupBy(pcs, hash)];
    const byHash = new Map(groups.map(([h], i) => [h, i]));
    this.openLabels(groups.length);
    this.guestAddress();
    c.i32(HASH);
    c.op('i32.mul');
    c.i32(32 - bits);
    c.op('i32.shr_u');
    c.brTable(
      Array.from({ length: 1 << bits }, (_, h) => byHash.get(h) ?? groups.length),
      groups.length,
    );
    for (const [i, [, group]] of groups.entries()) {
      this.closeLabel();
      for (const pc of group) {
        c.get(this.addrLocal);
        c.i64(pc, 0);
        c.op('i64.eq');
        c.if();
        this.labels.push(null);
        this.gotoCase(pc);
        this.labels.pop();
        c.end();
      }
      c.br(groups.length - 1 - i);
    }
    this.closeLabel();
  }

  /** Labels, innermost first: `count` of targets, then the default behind them all. */
  private openLabels(count: number): void {
    for (let i = 0; i <= count; i++) {
      this.code.block();
      this.labels.push(null);
    }
  }

  private closeLabel(): void {
    this.code.end();
    this.labels.pop();
  }
}
