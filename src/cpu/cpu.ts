import { uptimeMs } from '../uptime.ts';
import { Accesses } from './accesses.ts';
import { DISPATCH_SLOT } from './backend/interpreter/contract.ts';
import { MISS_BITS, Miss } from './backend/wasm/region/contract.ts';
import { CodeCache } from './code-cache.ts';
import { contextOf, type FrontEnd } from './frontend/frontend.ts';
import type { HelperContext } from './frontend/helper.ts';
import { JumpCache } from './jump-cache.ts';
import { machineCode, optimise } from './machine-code.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { refuel } from './memory/fuel.ts';
import { CPU_STATES, Exit, JUMP_CACHES, State } from './memory/layout.ts';
import { RunTable } from './memory/runs.ts';
import { Promotion, type Tier } from './promotion.ts';
import { RegionCompiler } from './region-compiler.ts';
import { RegionStore, type StoredRegion } from './region-store.ts';
import { StateBlocks } from './state-blocks.ts';
import type { Fault } from './traps.ts';
import { BlockIndex } from './workers/block-index.ts';
import { Request } from './workers/protocol.ts';

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
  private readonly promotion: Promotion;
  readonly interpreter: WebAssembly.Module;
  /** Whether the main thread is wanted elsewhere: looked at wherever `until` is. */
  rung: () => boolean = () => false;
  private outside: Outside | null = null;
  private index: BlockIndex | null = null;
  private readonly runs: RunTable;
  readonly states: StateBlocks;
  private readonly jumps: JumpCache;
  private readonly accesses: Accesses;
  /** The kernel's entry at SVC: 0 = go on, else leave with Exit.SYSCALL. */
  onSyscall: () => number = () => 0;
  /** Exact floating point begins: what to use of other runs once all translations are dropped. */
  onExact: () => () => void = () => () => this.regions.use(new RegionStore(this.regions.store.warmUp));
  /** Told of every block entered from the dispatcher, registers being in the state (logging). */
  onEnter: ((pc: number) => void) | null = null;
  /** Machine code of the cold tier, optimised. */
  readonly interpreterCode: () => Uint8Array | null;
  private readonly runRecords: (state: number, depth: number) => number;
  private flushPending = false;
  private afterFlush: (() => void) | null = null;
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
    this.accesses = new Accesses(space, frontEnd, this);
    this.table = new WebAssembly.Table({ element: 'anyfunc', initial: 64 });
    const imports = {
      m: space.memory,
      t: this.table,
      syscall: () => this.syscall(),
      helper: (state: number, id: number, aux: number) => this.helper(state, id, aux),
      memory: (state: number) => this.accesses.memory(state),
      lookup: (state: number) => this.lookup(state),
      link: (state: number, record: number) => this.link(state, record),
      hot: (state: number, record: number) => {
        this.lookAtTime(state);
        this.promotion.hot(record);
        return 0;
      },
      refuel: (state: number, depth: number) => (this.isStopped(state) || !refuel(this.view, state, depth) ? 1 : 0),
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
      source: this.cache.code,
      runs: this.runs,
      sp: this.frontEnd.sp,
      frame: this.frontEnd.frame,
      flagFields: this.frontEnd.flagFields,
      flagsCross: this.frontEnd.flagsCross,
      table: this.table,
      installed: (region) => this.outside?.installed(region),
      halt: () => this.halt(),
      imports: {
        ...imports,
        ...instance.exports,
        miss: (state: number) => this.miss(state),
      },
    });
    this.promotion = new Promotion(this.cache, this.regions, this.jumps);
    this.cache.storedRoots = (start, end) => (this.promotion.compiles ? this.regions.store.roots(start, end) : []);
    this.cache.readyRoots = (start, end) => (this.promotion.compiles ? this.regions.readyRoots(start, end) : []);
    this.cache.usedRoots = (start, end) => this.regions.usedRoots(start, end);
    this.cache.isReady = (pc) => this.promotion.compiles && this.regions.isReady(pc);
    this.cache.regionSlot = (pc) => this.regions.slotOf(pc);
    this.cache.flags.onSeen = () => {
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
      if (!this.cache.code.holdsBytes(start, end)) return false;
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
  setTier(tier: Tier): void {
    this.promotion.setTier(tier);
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
      if (returned && this.cache.arrive(record)) this.promotion.hot(record);
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
        if (this.isStopped(state)) return reason;
        refuel(view, state, 0);
        // a long loop: enter it at its header from now on
        this.promotion.longLoop(this.pc);
      } else if (reason !== Exit.UNTRANSLATED && reason !== Exit.INVALIDATED) {
        return this.leave();
      } else if (contextOf(this.frontEnd, view, state) !== 0 && this.isStopped(state)) {
        // blocks in a context are linked with nothing that would look at it
        return Exit.INTERRUPT;
      }
    }
  }

  private isStopped(state: number): boolean {
    return this.view.getUint32(state + State.INTERRUPT, true) !== 0 || this.isOver();
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
  get isStale(): boolean {
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
    if (kind === Request.HOT) this.promotion.hot(a);
    else if (kind === Request.LINK) this.cache.follow(a);
    else if (kind === Request.TARGET) this.cache.code.noteTarget(a >>> 0, b >>> 0);
    else if (kind === Request.LOOP) this.promotion.longLoop(a >>> 0);
  }

  /** What it left with when run() returned Exit.FAULT. */
  get fault(): Fault {
    return this.accesses.fault;
  }

  /** Turn the exit reason into what the kernel handles. */
  leave(reason: number = this.view.getUint32(this.state + State.EXIT_REASON, true)): number {
    return this.accesses.exitOf(this.state, reason, this.pc);
  }

  private syscall(): number {
    const left = this.onSyscall() !== 0 || this.isOver();
    // what an address does not tell is asked by the dispatcher
    if (left || this.isStale || contextOf(this.frontEnd, this.view, this.state) !== 0) {
      this.accesses.setExit(this.state, left ? Exit.SYSCALL : Exit.INVALIDATED);
      return 1;
    }
    return 0;
  }

  private helper(state: number, id: number, aux: number): number {
    const helper = this.frontEnd.helper(id);
    if (!helper) throw new Error(`no helper ${id}`);
    return helper(this, state, aux);
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
    if (pc < 0 || !this.frontEnd.isCodeAddress(pc)) {
      this.accesses.badTarget(state);
      return 0;
    }
    const context = contextOf(this.frontEnd, this.view, state);
    if (context !== 0) return this.cache.recordInContext(pc, context) || this.badFetch(pc);
    const record = this.cache.recordFor(pc, -1);
    if (record === 0) return this.badFetch(pc);
    if (this.isStale) return this.stale();
    this.onEnter?.(pc);
    const site = this.view.getUint32(state + State.SITE, true);
    if (site !== 0) {
      this.cache.code.noteTarget(site, pc);
      this.view.setUint32(state + State.SITE, 0, true);
    }
    if (this.outside !== null) this.index?.add(pc, record);
    this.jumps.put(pc, this.regions.slotOf(pc) ?? DISPATCH_SLOT, record);
    return record;
  }

  /** A pc with something in its upper half: without what the guest ignores of it (and put back so), or -1. */
  private narrow(wide: bigint): number {
    const pc = this.accesses.address(wide);
    if (pc >= 0x1_0000_0000n) return -1;
    this.pc = Number(pc);
    return Number(pc);
  }

  private badFetch(pc: number): number {
    // the dispatcher flushes and comes back
    if (this.cache.isFull()) return this.stale();
    this.accesses.badFetch(this.state, pc);
    return 0;
  }

  private link(state: number, record: number): number {
    this.lookAtTime(state);
    const target = this.cache.follow(record);
    if (target !== 0 && !this.isStale) return target;
    const pc = this.view.getUint32(record - 16 + 4, true);
    this.pc = pc;
    return target === 0 ? this.badFetch(pc) : this.stale();
  }

  /** What was translated told that regions are wrong: the dispatcher drops them and comes back. */
  private stale(): number {
    this.accesses.setExit(this.state, Exit.INVALIDATED);
    return 0;
  }

  /** A region left at the instruction at State.PC, which needs the checks of the cold tier. */
  private miss(state: number): number {
    const addr = this.view.getUint32(state + State.FAULT_ADDR, true);
    const why = this.view.getUint32(state + State.EXIT_INFO, true);
    const kind = why & ((1 << MISS_BITS) - 1);
    // the address is where the call returns to
    if (kind === Miss.CALLED) this.cache.code.noteTarget(addr, this.pc);
    this.regions.miss(why >>> MISS_BITS, kind, addr, state + State.STACK_LO);
    const context = contextOf(this.frontEnd, this.view, state);
    const called = kind === Miss.CALLED;
    const record = called ? this.lookup(state) : this.cache.slowRecordFor(this.pc, context) || this.badFetch(this.pc);
    if (record === 0) return 1;
    this.view.setUint32(state + State.IP, record, true);
    return 0;
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
    this.promotion.reset();
    this.accesses.reset();
    this.flagsCross = false;
    this.regions.precise = false;
    this.cache.flags.cross = false;
    this.cache.forsakeImage();
    this.afterFlush = () => this.regions.use(new RegionStore());
    this.frontEnd.segments?.copyLocal(this.view, null);
    this.flush();
  }

  /** Go on as the copy of another process: fork(2). The address space was copied already. */
  inherit(from: Cpu): void {
    this.frontEnd.segments?.copyLocal(this.view, from.view);
    this.isExact = from.isExact;
    this.promotion.inherit(from.promotion);
    this.flagsCross = from.flagsCross;
    this.regions.use(from.regions.store);
    this.regions.precise = from.regions.precise;
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
    this.promotion.forget();
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
        this.cache.entries.leave(pc);
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

  // ── HelperContext ──

  access(state: number, addr: bigint, size: number, write: boolean, aligned = false): number {
    return this.accesses.access(state, addr, size, write, aligned);
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
