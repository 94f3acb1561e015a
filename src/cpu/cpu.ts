import { uptimeMs } from '../uptime.ts';
import { DISPATCH_SLOT } from './backend/interpreter/contract.ts';
import { MISS_BITS, Miss } from './backend/wasm/region/contract.ts';
import { CodeCache } from './code-cache.ts';
import { CompileBudget } from './compile-budget.ts';
import { contextOf, type FrontEnd } from './frontend/frontend.ts';
import type { HelperContext } from './frontend/helper.ts';
import { JumpCache } from './jump-cache.ts';
import { machineCode, optimise } from './machine-code.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { CPU_STATES, Exit, GUEST_BASE, JUMP_CACHES, PAGE_SIZE, State } from './memory/layout.ts';
import { RunTable } from './memory/runs.ts';
import { PROT_READ } from './memory/types.ts';
import { type CompiledRegion, RegionCompiler } from './region-compiler.ts';
import { RegionStore, type StoredRegion } from './region-store.ts';
import { BUDGET, StateBlocks } from './state-blocks.ts';
import { BUS_ADRALN, codeAddress, type Fault, SIGBUS, SIGSEGV, signExtended, trapOf, unreachable } from './traps.ts';
import { BlockIndex } from './workers/block-index.ts';
import { Request } from './workers/protocol.ts';

/** Access of State.EXIT_INFO. */
const FETCH = 4;
/** See Facts.sys. */
const [MAY_STORE_CODE, SPLIT] = [1, 2];
/** Hot blocks compiled into one module, and executions a hot block waits for company. */
const BATCH = 16;
const PATIENCE = 1000;
/** See CodeCache.hotAfter. */
const HOT_AFTER = 8000;
/** Worker threads that run threads of a process, as its processor on the main thread sees them. */
export interface Outside {
  /** Have all threads of the process come back, now. */
  halt(): void;
  installed(region: StoredRegion): void;
  /** Regions that were entered at these pcs are not in use any more. */
  dropped(pcs: readonly number[]): void;
  /** All translations were dropped while nobody ran. */
  flushed(exact: boolean): void;
}

/**
 * The processor of one guest process: runs translated code from the state block of one of its threads until
 * something needs the kernel. See CpuThread.
 */
export class Cpu implements HelperContext {
  readonly space: GuestAddressSpace;
  readonly frontEnd: FrontEnd;
  /** Wasm offset of the state block of the thread that runs. */
  state: number = CPU_STATES;
  /** Time (uptimeMs) to leave at, where translated code comes by: the end of the thread's turn. */
  until = Number.POSITIVE_INFINITY;
  readonly view: DataView;
  readonly u8: Uint8Array;
  readonly cache: CodeCache;
  readonly table: WebAssembly.Table;
  readonly regions: RegionCompiler;
  readonly interpreter: WebAssembly.Module;
  /** Whether the main thread is wanted elsewhere: looked at wherever `until` is. */
  rung: () => boolean = () => false;
  private outside: Outside | null = null;
  private index: BlockIndex | null = null;
  private readonly runs: RunTable;
  readonly states: StateBlocks;
  private readonly jumps: JumpCache;
  private compile = true;
  private batch = BATCH;
  private readonly queue: number[] = [];
  /** Set when run() returns Exit.FAULT. */
  fault: Fault = { signal: 0, code: 0, addr: 0n };
  /** The kernel's entry at SVC: 0 = go on, else leave with Exit.SYSCALL. */
  onSyscall: () => number = () => 0;
  /** Exact floating point begins: what to use of other runs once all translations are dropped. */
  onExact: () => () => void = () => () => this.regions.use(new RegionStore(this.regions.store.warmUp));
  /** Told when a region comes into use, and whether it calls itself: then it may go on without a look at `until`. */
  onBusy: (recursive: boolean) => void = () => {};
  /** Told of every block entered from the dispatcher, registers being in the state (logging). */
  onEnter: ((pc: number) => void) | null = null;
  /** Machine code of the cold tier, optimised. */
  readonly interpreterCode: () => Uint8Array | null;
  private readonly runRecords: (state: number, depth: number) => number;
  private flushPending = false;
  private afterFlush: (() => void) | null = null;
  private readonly budget = new CompileBudget();
  /** This process has shown that flags live across calls. */
  private flagsCross = false;
  /** See FrontEnd.exact; each process has its own. */
  isExact = false;

  /** `space`: a new one, of which no other processor has written to what lies below the guest. */
  constructor(space: GuestAddressSpace, frontEnd: FrontEnd, interpreter: WebAssembly.Module) {
    this.space = space;
    this.frontEnd = frontEnd;
    this.interpreter = interpreter;
    this.view = space.host;
    this.u8 = new Uint8Array(space.memory.buffer);
    this.runs = new RunTable(space.memory);
    this.states = new StateBlocks(this.view, frontEnd, this.runs);
    this.jumps = new JumpCache(this.view, JUMP_CACHES);
    this.cache = new CodeCache(space, frontEnd);
    this.table = new WebAssembly.Table({ element: 'anyfunc', initial: 64 });
    const imports = {
      m: space.memory,
      t: this.table,
      syscall: () => this.syscall(),
      helper: (state: number, id: number, aux: number) => this.helper(state, id, aux),
      memory: (state: number) => this.memory(state),
      lookup: (state: number) => this.lookup(state),
      link: (state: number, record: number) => this.link(state, record),
      hot: (state: number, record: number) => {
        this.lookAtTime(state);
        return this.hot(record);
      },
    };
    const instance = new WebAssembly.Instance(interpreter, { e: imports });
    this.interpreterCode = () => {
      // it is a tenth of a second's work, which V8 would begin in every short run and end in none
      optimise(instance.exports);
      return machineCode(interpreter, instance.exports);
    };
    // every slot is `dispatch` until a region takes it
    for (let slot = DISPATCH_SLOT; slot < this.table.length; slot++) this.table.set(slot, instance.exports.dispatch);
    this.cache.table.enter = instance.exports.enterBlocks as typeof this.cache.table.enter;
    this.cache.table.gather = instance.exports.gatherBlocks as typeof this.cache.table.gather;
    this.runRecords = instance.exports.run as (state: number, depth: number) => number;
    this.regions = new RegionCompiler({
      space,
      source: this.cache,
      runs: this.runs,
      sp: this.frontEnd.sp,
      frame: this.frontEnd.frame,
      flagsCross: this.frontEnd.flagsCross,
      table: this.table,
      installed: (region) => {
        this.onBusy(region.body.ownCalls.length > 0);
        this.outside?.installed(region);
      },
      halt: () => this.halt(),
      imports: {
        ...imports,
        ...instance.exports,
        miss: (state: number) => this.miss(state),
      },
    });
    this.cache.storedRoots = () => (this.compile ? this.regions.store.roots() : []);
    this.cache.isStored = (pc) => this.compile && this.regions.isStored(pc);
    this.cache.regionSlot = (pc) => this.regions.slotOf(pc);
    this.cache.onFlagsCross = () => {
      if (this.flagsCross || this.frontEnd.flagsCross) return;
      this.flagsCross = true;
      // another process that uses the store may have found out before
      if (!this.regions.flagsCross) this.regions.store.demand('flagsCross');
      this.dropRegions();
    };
    this.states.prepare(this.state);
    this.jumps.begin();
    space.onPlainLoss = (start, end) => this.forgetRuns(start, end);
    space.onFetch = () => this.halt();
    space.onCodeChange = (start, end) => this.invalidateCode(start, end - start);
    space.onCodeStore = (start, end) => {
      if (!this.cache.holdsCodeBytes(start, end)) return false;
      this.cache.invalidatePage(start);
      this.halt();
      return true;
    };
  }

  /** The guest has a handler that may look at the registers of a fault: none of its loops leaves any of them behind. */
  keepFaultsPrecise(): void {
    if (this.regions.precise) return;
    this.regions.precise = true;
    this.dropRegions();
  }

  /** Those in use are wrong for what comes. */
  private dropRegions(): void {
    if (this.regions.count === 0) return;
    this.flushPending = true;
    this.halt();
  }

  /** `auto`: hot code becomes regions; `cold`: nothing does; `hot`: everything at its first execution. */
  setTier(tier: 'auto' | 'cold' | 'hot'): void {
    this.compile = tier !== 'cold';
    this.batch = tier === 'hot' ? 1 : BATCH;
    this.cache.hotAfter = tier === 'hot' ? 1 : HOT_AFTER;
  }

  get pc(): number {
    return this.view.getUint32(this.state + State.PC, true);
  }
  set pc(pc: number) {
    this.view.setBigUint64(this.state + State.PC, BigInt(pc), true);
  }

  /** Run guest code at the state's pc. Returns the Exit reason: SYSCALL, FAULT or INTERRUPT. */
  run(): number {
    const { view, state } = this;
    // one front end serves every process of the machine
    if (this.frontEnd.exact !== this.isExact) this.frontEnd.exact = this.isExact;
    this.states.prepareRun(state, JUMP_CACHES);
    if (this.rung()) return Exit.INTERRUPT;
    for (let returned = false; ; ) {
      this.settle();
      const record = this.cached(state) || this.lookup(state);
      if (record === 0 && this.isStale) continue;
      if (record === 0) return this.leave();
      if (returned && this.cache.arrive(record)) this.hot(record);
      view.setUint32(state + State.IP, record, true);
      const pc = this.runRecords(state, 0);
      returned = pc !== -1;
      if (returned) {
        this.pc = pc >>> 0;
        if (this.isOver()) return Exit.INTERRUPT;
        continue;
      }
      const reason = view.getUint32(state + State.EXIT_REASON, true);
      if (reason === Exit.INTERRUPT) {
        if (view.getUint32(state + State.INTERRUPT, true) !== 0) return reason;
        if (this.isOver()) return reason;
        // a long loop: enter it at its header from now on
        this.longLoop(this.pc);
      } else if (reason !== Exit.UNTRANSLATED && reason !== Exit.INVALIDATED) {
        return this.leave();
      }
    }
  }

  private isOver(): boolean {
    return (this.until !== Infinity && uptimeMs() >= this.until) || this.rung();
  }

  /** Called by the cold tier, which may take long until it leaves by itself: no further calls if the time is over. */
  private lookAtTime(state: number): void {
    if (this.isOver()) this.view.setUint32(state + State.DEPTH_LIMIT, 0, true);
  }

  /** Drop translations that have become stale. */
  settle(): void {
    if (this.flushPending || this.cache.isFull()) this.flush();
    else if (this.cache.isChanged) this.dropChanged();
  }

  /** Whether translations wait to be dropped: nothing may run that is translated. */
  private get isStale(): boolean {
    return this.flushPending || this.cache.isChanged;
  }

  // ── worker threads ──

  /** Worker threads begin to run threads of this process, or have forgotten it. */
  share(outside: Outside | null): void {
    this.outside = outside;
    if (outside === null) return;
    this.index ??= new BlockIndex(this.space.memory);
    for (const [pc, record] of this.jumps.all()) this.index.add(pc, record);
  }

  /** Have all threads that run on worker threads come back: pages cease to be plain, or are copied. */
  halt(): void {
    this.outside?.halt();
  }

  /** A worker thread asks for something (see Request). */
  serve(kind: number, a: number, b: number): void {
    if (this.isStale || this.cache.isFull()) return;
    if (this.frontEnd.exact !== this.isExact) this.frontEnd.exact = this.isExact;
    if (kind === Request.HOT) this.hot(a);
    else if (kind === Request.LINK) this.cache.follow(a);
    else if (kind === Request.TARGET) this.cache.noteTarget(a >>> 0, b >>> 0);
    else if (kind === Request.LOOP) this.longLoop(a >>> 0);
  }

  /** Turn the exit reason into what the kernel handles. */
  leave(reason: number = this.view.getUint32(this.state + State.EXIT_REASON, true)): number {
    const fault = trapOf(this.frontEnd, reason, this.pc, this.view, this.state);
    if (fault === null) return reason;
    this.fault = fault;
    return Exit.FAULT;
  }

  private setExit(reason: number): void {
    this.view.setUint32(this.state + State.EXIT_REASON, reason, true);
  }

  private raise(fault: Fault): number {
    this.fault = fault;
    this.setExit(Exit.FAULT);
    return 1;
  }

  private syscall(): number {
    const left = this.onSyscall() !== 0 || this.isOver();
    // what an address does not tell is asked by the dispatcher
    if (left || this.isStale || contextOf(this.frontEnd, this.view, this.state) !== 0) {
      this.setExit(left ? Exit.SYSCALL : Exit.INVALIDATED);
      return 1;
    }
    return 0;
  }

  private helper(state: number, id: number, aux: number): number {
    const helper = this.frontEnd.helper(id);
    if (!helper) throw new Error(`no helper ${id}`);
    return helper(this, state, aux);
  }

  /** A checked access met a page that is not plain, upper address bits, or misalignment (atomics, vectors that say so). */
  private memory(state: number): number {
    const info = this.view.getUint32(state + State.EXIT_INFO, true);
    const given = this.view.getBigUint64(state + State.FAULT_ADDR, true);
    const size = (info >>> 8) & 0xff;
    const addr = this.address(given);
    if ((Number(addr & 31n) & (info >>> 16)) !== 0) {
      this.setExit(Exit.PROTECTION);
      return 1;
    }
    if ((info & 8) !== 0 && Number(addr & 15n) % size !== 0) {
      if (this.alone(state, SPLIT)) return 1;
      return this.raise({ signal: SIGBUS, code: BUS_ADRALN, addr: signExtended(this.frontEnd, given) });
    }
    if (addr >= 0x1_0000_0000n) return this.raise(unreachable(this.frontEnd, given));
    const { vectorsBase: page } = this.frontEnd;
    if (page !== undefined && addr >= page && addr < page + PAGE_SIZE - size + 1 && (info & 2) === 0) {
      this.view.setBigUint64(state + State.FAULT_ADDR, BigInt(this.vectorsCopy() + Number(addr) - page), true);
      return 0;
    }
    const fault = this.space.resolveFault(Number(addr), size, (info & 2) !== 0 ? 2 : 1);
    if (fault !== 0) return this.raise({ signal: fault.signal, code: fault.code, addr: BigInt(fault.addr) });
    this.view.setBigUint64(state + State.FAULT_ADDR, addr, true);
    return (info & 2) !== 0 && this.mayChangeCode(state) ? 1 : 0;
  }

  /** A store goes to a page that has had code: it is done by itself, once translations are dropped. */
  private mayChangeCode(state: number): boolean {
    return this.isStale && this.alone(state, MAY_STORE_CODE);
  }

  /** Leave, to do the instruction by itself, for guests that can. */
  private alone(state: number, why: number): boolean {
    const { single } = this.frontEnd.sys;
    if (single === undefined) return false;
    // no other thread sees an access that is split half-done
    if (why === SPLIT) this.halt();
    this.view.setUint32(state + single, why, true);
    this.setExit(Exit.INVALIDATED);
    return true;
  }

  private vectorsAt = 0;
  /** Address of a page with what the kernel's page of vectors holds. */
  private vectorsCopy(): number {
    if (this.vectorsAt === 0) {
      this.vectorsAt = this.space.map({ addr: 0, length: PAGE_SIZE, prot: PROT_READ, name: '[vectors]' });
      this.space.u8.set(this.frontEnd.vectors?.bytes() ?? [], this.vectorsAt);
    }
    return this.vectorsAt;
  }

  /** The same as `lookup` for what is in the jump cache: where calls return elsewhere, the dispatcher runs often. */
  private cached(state: number): number {
    const { view } = this;
    const plain = view.getUint32(state + State.PC + 4, true) === 0 && view.getUint32(state + State.SITE, true) === 0;
    if (!plain || this.onEnter !== null || contextOf(this.frontEnd, view, state) !== 0) return 0;
    return this.jumps.find(view.getUint32(state + State.PC, true));
  }

  /** Record for the u64 pc in the state; 0 after a fetch fault was raised. */
  private lookup(state: number): number {
    const high = this.view.getUint32(state + State.PC + 4, true);
    const pc = high === 0 ? this.pc : this.narrow(this.view.getBigUint64(state + State.PC, true));
    if (pc < 0 || !this.frontEnd.isCodeAddress(pc)) return this.badTarget();
    const context = contextOf(this.frontEnd, this.view, state);
    if (context !== 0) return this.cache.recordInContext(pc, context) || this.fetchFault(pc);
    const record = this.cache.recordFor(pc, -1);
    if (record === 0) return this.fetchFault(pc);
    if (this.isStale) return this.stale();
    this.onEnter?.(pc);
    const site = this.view.getUint32(state + State.SITE, true);
    if (site !== 0) {
      this.cache.noteTarget(site, pc);
      this.view.setUint32(state + State.SITE, 0, true);
    }
    if (this.outside !== null) this.index?.add(pc, record);
    this.jumps.put(pc, this.regions.slotOf(pc) ?? DISPATCH_SLOT, record);
    return record;
  }

  /** A pc with something in its upper half: without what the guest ignores of it (and put back so), or -1. */
  private narrow(wide: bigint): number {
    const pc = this.address(wide);
    if (pc >= 0x1_0000_0000n) return -1;
    this.pc = Number(pc);
    return Number(pc);
  }

  private badTarget(): number {
    const addr = this.view.getBigUint64(this.state + State.PC, true);
    this.view.setUint32(this.state + State.EXIT_INFO, FETCH, true);
    if (!this.frontEnd.isCodeAddress(Number(addr & 0xffn))) this.raise({ signal: SIGBUS, code: BUS_ADRALN, addr });
    else this.raise(unreachable(this.frontEnd, addr));
    return 0;
  }

  private fetchFault(pc: number): number {
    // the dispatcher flushes and comes back
    if (this.cache.isFull()) return this.stale();
    this.view.setUint32(this.state + State.EXIT_INFO, FETCH, true);
    const fault = this.space.resolveFault(pc, 15, 4); // it may be the rest of x86's longest
    this.raise(
      fault !== 0
        ? { ...fault, addr: BigInt(fault.addr) }
        : { signal: SIGSEGV, code: 2, addr: codeAddress(this.frontEnd, pc) },
    );
    return 0;
  }

  private link(state: number, record: number): number {
    this.lookAtTime(state);
    const target = this.cache.follow(record);
    if (target !== 0 && !this.isStale) return target;
    const pc = this.view.getUint32(record - 16 + 4, true);
    this.pc = pc;
    return target === 0 ? this.fetchFault(pc) : this.stale();
  }

  /** What was translated told that regions are wrong: the dispatcher drops them and comes back. */
  private stale(): number {
    this.setExit(Exit.INVALIDATED);
    return 0;
  }

  /** A region left at the instruction at State.PC, which needs the checks of the cold tier. */
  private miss(state: number): number {
    const addr = this.view.getUint32(state + State.FAULT_ADDR, true);
    const why = this.view.getUint32(state + State.EXIT_INFO, true);
    const kind = why & ((1 << MISS_BITS) - 1);
    // the address is where the call returns to
    if (kind === Miss.CALLED) this.cache.noteTarget(addr, this.pc);
    this.regions.miss(why >>> MISS_BITS, kind, addr, state + State.STACK_LO);
    const context = contextOf(this.frontEnd, this.view, state);
    const called = kind === Miss.CALLED;
    const record = called ? this.lookup(state) : this.cache.slowRecordFor(this.pc, context) || this.fetchFault(this.pc);
    if (record === 0) return 1;
    this.view.setUint32(state + State.IP, record, true);
    return 0;
  }

  /** A block was called or jumped back to often enough. */
  private hot(record: number): number {
    const pc = this.cache.pcOf(record);
    if (!this.compile) this.cache.rearm(record, 0x7fffffff);
    if (!this.compile) return 0;
    const loaded = this.regions.isStored(pc) ? this.regions.load(pc) : [];
    if (loaded.length > 0) {
      this.enter(loaded);
      return 0;
    }
    const early = !this.isWarm(pc, HOT_AFTER);
    this.cache.rearm(record, early ? HOT_AFTER : PATIENCE);
    if (early || (this.batch > 1 && this.budget.isOverdrawn)) return 0;
    const waiting = this.queue.includes(pc);
    if (!waiting) this.queue.push(pc);
    if (!waiting && this.queue.length < this.batch) return 0;
    const pcs = this.queue.splice(0);
    this.budget.charge(() => this.enter(this.regions.compile(pcs)));
    return 0;
  }

  private isWarm(pc: number, executions: number): boolean {
    return this.batch === 1 || this.regions.store.warmUp.isOver(pc, executions);
  }

  /** The loop at pc used up the budget of the cold tier, or the fuel of its region. */
  private longLoop(pc: number): void {
    if (this.compile && this.isWarm(pc, BUDGET)) this.enter(this.regions.compileLoop(pc));
  }

  /** From now on the cold tier and indirect jumps go into these regions. */
  private enter(regions: readonly CompiledRegion[]): void {
    for (const { stored } of regions) {
      for (const pc of [stored.pc, ...stored.entries]) {
        const slot = this.regions.slotOf(pc) as number;
        this.cache.enterRegion(pc, slot);
        this.jumps.move(pc, slot);
      }
    }
  }

  private forgetRuns(start: number, end: number): void {
    this.halt();
    this.runs.forget(start, end);
    this.states.forgetRuns(start, end);
  }

  /** Forget all translations and settings: the processor serves another process from now on. */
  reset(): void {
    this.states.clear();
    this.state = CPU_STATES;
    this.until = Number.POSITIVE_INFINITY;
    this.isExact = false;
    this.budget.reset();
    this.flagsCross = false;
    this.regions.precise = false;
    this.cache.crosses = false;
    this.cache.forsakeImage();
    this.afterFlush = () => this.regions.use(new RegionStore());
    this.frontEnd.segments?.copyLocal(this.view, null);
    this.flush();
  }

  /** Go on as the copy of another process: fork(2). The address space was copied already. */
  inherit(from: Cpu): void {
    this.frontEnd.segments?.copyLocal(this.view, from.view);
    this.isExact = from.isExact;
    this.compile = from.compile;
    this.batch = from.batch;
    this.flagsCross = from.flagsCross;
    this.regions.use(from.regions.store);
    this.regions.precise = from.regions.precise;
    this.cache.hotAfter = from.cache.hotAfter;
    if (from.flushPending || from.afterFlush) this.cache.image = from.cache.image;
    else this.cache.inherit(from.cache);
  }

  private flush(): void {
    this.halt();
    this.flushPending = false;
    this.cache.flush();
    this.regions.flush();
    this.afterFlush?.();
    this.afterFlush = null;
    this.queue.length = 0;
    this.jumps.clear((start, length, value) => this.space.fillOwn(start, length, value));
    this.index?.clear();
    this.outside?.flushed(this.isExact);
  }

  /** Drop what was translated of code that has changed, and that alone. */
  private dropChanged(): void {
    this.halt();
    const changed = this.cache.takeChanged();
    for (let i = 0; i < changed.length; i += 2) {
      const [start, end] = [changed[i] as number, changed[i + 1] as number];
      const pcs = this.regions.drop(start, end);
      for (const pc of pcs) {
        this.cache.leaveRegion(pc);
        this.jumps.move(pc, DISPATCH_SLOT);
      }
      if (pcs.length > 0) this.outside?.dropped(pcs);
      this.cache.drop(start, end);
    }
  }

  /** The process has ended: its memory may change without a look at what was translated. */
  end(): void {
    this.flushPending = true;
  }

  /** An address as memory sees it: the bits of it that count. */
  private address(given: bigint): bigint {
    return BigInt.asUintN(this.frontEnd.addressBits, given);
  }

  // ── HelperContext ──

  access(state: number, addr: bigint, size: number, write: boolean, aligned = false): number {
    if (aligned && Number(addr & 15n) % size !== 0) {
      this.raise({ signal: SIGBUS, code: BUS_ADRALN, addr: signExtended(this.frontEnd, addr) });
      return -1;
    }
    const given = Number(this.address(addr));
    const ok =
      given + size <= 0x1_0000_0000 && (write ? this.space.writable(given, size) : this.space.readable(given, size));
    if (ok) return write && this.mayChangeCode(state) ? -1 : GUEST_BASE + given;
    this.view.setBigUint64(state + State.FAULT_ADDR, addr, true);
    this.view.setUint32(state + State.EXIT_INFO, (write ? 2 : 1) | (size << 8), true);
    return this.memory(state) === 0 ? GUEST_BASE + given : -1;
  }

  invalidateCode(addr: number, length: number): boolean {
    const end = addr + length;
    const stale = this.flushPending || this.cache.invalidate(addr, end, this.regions.hasCode(addr, end));
    if (stale) this.halt();
    return stale || this.flushPending;
  }

  fpModeChanged(_state: number): boolean {
    if (this.isExact) return false;
    this.isExact = true;
    this.frontEnd.exact = true;
    this.afterFlush = this.onExact();
    this.cache.forsakeImage();
    this.flushPending = true;
    return true;
  }
}
