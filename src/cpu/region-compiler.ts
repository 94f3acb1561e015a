import { uptimeMs } from '../uptime.ts';
import type { FunctionPlace } from './backend/wasm/encoder.ts';
import { exportName, Miss } from './backend/wasm/region/contract.ts';
import type { BlockSource, OpenRegions, Region } from './backend/wasm/region/discover.ts';
import type { Batch } from './backend/wasm/region/lifter.ts';
import { lastByte } from './ir/block.ts';
import { countOptimised, machineCode } from './machine-code.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { PAGE_SHIFT, PAGE_SIZE, PageByte, READ_BYTES } from './memory/layout.ts';
import { RUN_WRITE, type RunTable, STACK_REACH } from './memory/runs.ts';
import { RegionIndex } from './region-index.ts';
import { rangesOf, spans } from './region-ranges.ts';
import { Policy, RegionStore, StoredModule, StoredRegion } from './region-store.ts';
import { discover, emitRegion, regionModule } from './translation.ts';

/** A region in use by this process. */
export interface CompiledRegion {
  readonly stored: StoredRegion;
  runMisses: number;
  stackMisses: number;
  edgeMisses: number;
  hoistMisses: number;
  movingMisses: number;
  fpMisses: number;
  callMisses: number;
}

/** Misses of one kind until a region is compiled anew without what missed. */
const MANY = 12;
/**
 * The same of accesses beside the end of a mapping: each takes a microsecond, and in many programs some regions meet a few
 * of them. To compile such a region anew takes ten milliseconds or more.
 */
const MANY_EDGES = 1000;
/** So many times as often where nothing has been compiled in this run (see RegionStore.isKept). */
const FIRST = 256;
/** Times that a loop leaves its region, a tenth of a millisecond each, until it is worth to be the first that is compiled. */
const LONG = 1000;

/** An open region is compiled anew when what it lacks was asked for so many times for each of its entries. */
const GROWTH = 1;

/** Instances kept over a flush, for the next process that needs the same modules. */
const MAX_INSTANCES = 64;
/** Larger regions bring all registers to all their exits unless their loops run long: V8 compiles each way out. */
const FEW_BLOCKS = 16;
/** Most regions that are made because others had no room for their code. */
const REST = 32;

/** What a process gives its region compiler. */
export interface RegionHost {
  readonly space: GuestAddressSpace;
  readonly source: BlockSource;
  readonly runs: RunTable;
  /** State offset of the stack pointer. */
  readonly sp: number;
  /** See FrontEnd. */
  frame(pc: number): readonly number[];
  /** See FrontEnd. */
  flagFields(kind: number): readonly number[];
  /** See FrontEnd. */
  readonly flagsCross: boolean;
  readonly table: WebAssembly.Table;
  readonly imports: Record<string, unknown>;
  /** A region came into use; no code leads to it yet that did not lead to an earlier one. */
  installed(region: StoredRegion): void;
  /** Wait until no other host thread runs code of this process. */
  halt(): void;
}

/**
 * Compiles hot regions to wasm modules, several functions each, and takes those into use that the store has
 * from earlier. Table slots belong to guest pcs: a slot whose region is not in use holds `dispatch`.
 */
export class RegionCompiler {
  private readonly host: RegionHost;
  private readonly dispatch: unknown;
  private readonly pageBytes: Uint8Array;
  private readonly compiled = new Map<number, CompiledRegion>();
  /** The same by their code. */
  private readonly byCode = new RegionIndex<CompiledRegion>();
  private readonly instances = new Map<StoredModule, WebAssembly.Instance['exports']>();
  /** By pc: bits of Policy that regions rooted there are compiled with from now on. */
  private readonly policies = new Map<number, number>();
  /** Numbers and regions of the program. */
  store: RegionStore = new RegionStore();
  /** Called with every module's bytes and the roots of its regions (logging). */
  onModule: ((bytes: Uint8Array, pcs: readonly number[]) => void) | null = null;

  constructor(host: RegionHost) {
    this.host = host;
    this.dispatch = host.imports.dispatch;
    this.pageBytes = new Uint8Array(host.space.memory.buffer, READ_BYTES, 1 << 20);
  }

  /** Use another store; nothing may be compiled yet, or everything must be flushed. */
  use(store: RegionStore): void {
    this.store = store;
  }

  /** By root of a region with several entries: targets that it lacks, and how often they were asked for. */
  private readonly lacking = new Map<number, { readonly pcs: Set<number>; count: number }>();

  /** Root of the region with several entries whose loop pc belongs to, not being an entry; or undefined. */
  private ownerOf(pc: number): number | undefined {
    if (this.host.source.isFunction(pc)) return undefined;
    for (const stored of this.all()) {
      const { entries, sites } = stored;
      if (sites.length === 0 || stored.pc === pc || entries.includes(pc)) continue;
      if (spans(stored.ranges, pc) || sites.some((site) => this.host.source.wentTo(site, pc))) return stored.pc;
    }
    return undefined;
  }

  /** Note that its region lacks pc: it is compiled anew only for many, or for some that are executed very often. */
  private growsBy(root: number, pc: number): boolean {
    const lacks = this.lacking.get(root) ?? { pcs: new Set(), count: 0 };
    this.lacking.set(root, lacks);
    lacks.pcs.add(pc);
    lacks.count++;
    return lacks.count >= GROWTH * (this.store.rootedAt(root)?.entries.length ?? 0);
  }

  private readonly open: OpenRegions = {
    ownerOf: (block, root) => {
      const site = lastByte(block);
      const has = ({ sites, ranges }: StoredRegion): boolean => sites.length > 0 && spans(ranges, site);
      const before = this.rootedAt(root);
      if (before && has(before)) return root;
      for (const stored of this.all()) if (has(stored)) return stored.pc;
      return undefined;
    },
    entriesOf: (pc) => [...(this.rootedAt(pc)?.entries ?? []), ...(this.lacking.get(pc)?.pcs ?? [])],
  };

  /** The region rooted at pc, if memory still holds its code. */
  private rootedAt(pc: number): StoredRegion | undefined {
    const stored = this.store.rootedAt(pc);
    return stored && (this.compiled.get(pc)?.stored === stored || this.holds(stored)) ? stored : undefined;
  }

  /** Regions in use. */
  get count(): number {
    return this.compiled.size;
  }

  /** Those in use. */
  *all(): Generator<StoredRegion> {
    for (const [pc, { stored }] of this.compiled) if (pc === stored.pc) yield stored;
  }

  /** See MemoryPolicy; may only turn true, with a flush. */
  get flagsCross(): boolean {
    return this.host.flagsCross || this.store.flagsCross;
  }

  /** Whether this process looks at faults. */
  private own = false;
  /** See MemoryPolicy; may only turn true, with a flush. */
  get precise(): boolean {
    return this.own || this.store.precise;
  }
  set precise(on: boolean) {
    if (on && !this.precise) this.store.demand('precise');
    this.own = on;
  }

  /** Table slot of the region at pc, or undefined when none is in use. */
  slotOf(pc: number): number | undefined {
    return this.compiled.get(pc)?.stored.slot;
  }

  /** Whether the store has a region for pc that is not in use yet. */
  isStored(pc: number): boolean {
    return !this.compiled.has(pc) && this.store.get(pc) !== undefined;
  }

  /** Whether that is to be had without V8's compiling it. */
  isReady(pc: number): boolean {
    const stored = this.compiled.has(pc) ? undefined : this.store.get(pc);
    return stored?.module.isReady === true;
  }

  /** Where regions in [start, end) are entered that are ready, and not in use yet. */
  readyRoots(start: number, end: number): Uint32Array {
    const ready = this.store.readyRoots(start, end);
    return this.compiled.size === 0 ? ready : ready.filter((pc) => !this.compiled.has(pc));
  }

  /** Where regions in use are entered, in [start, end). */
  usedRoots(start: number, end: number): number[] {
    return [...this.compiled.keys()].filter((pc) => pc >= start && pc < end);
  }

  /** When a stored region was last wanted (uptimeMs). */
  private wantedAt = Number.POSITIVE_INFINITY;

  /** The block at pc was executed STORED_AFTER times: whether to take that region into use (see StoredModule.want). */
  isWanted(pc: number): boolean {
    const now = uptimeMs();
    const ms = now - this.wantedAt;
    this.wantedAt = now;
    const stored = this.store.get(pc);
    return stored?.module.want(stored.size, ms) === true;
  }

  private slot(pc: number): number {
    const slot = this.store.slot(pc);
    this.reach(slot);
    return slot;
  }

  /** Make the table long enough for a slot. */
  private reach(slot: number): void {
    const { table } = this.host;
    if (slot >= table.length) table.grow(Math.max(table.length, slot + 1 - table.length), this.dispatch);
  }

  /** A loop at `pc` ran long: compile it for that, once. Returns the regions that are new. */
  compileLoop(pc: number): CompiledRegion[] {
    const policy = this.policies.get(pc) ?? 0;
    if ((policy & Policy.LONG_LOOP) !== 0) return [];
    // an interpreter's loop, whose pointers go anywhere
    if (this.compiled.get(pc)?.stored.entries.length) return [];
    const stored = this.store.get(pc);
    const isThere = stored && (stored.policy & Policy.LONG_LOOP) !== 0 && !this.compiled.has(pc);
    if (!isThere && this.store.isKept && this.hasCode(pc, pc + 1) && !this.isLong(pc)) return [];
    this.policies.set(pc, policy | Policy.LONG_LOOP);
    return isThere ? this.load(pc) : this.compile([pc], true);
  }

  /** How often loops in regions ran out of fuel while nothing had been compiled in this run. */
  private readonly left = new Map<number, number>();

  private isLong(pc: number): boolean {
    const times = (this.left.get(pc) ?? 0) + 1;
    this.left.set(pc, times);
    return times >= LONG;
  }

  /**
   * Take the stored region at pc into use, if memory still holds the code it was made from, and those behind it of long code:
   * they are executed as often, but nothing would say so (see Region.goesOnAt).
   */
  load(pc: number): CompiledRegion[] {
    const loaded: CompiledRegion[] = [];
    for (let stored = this.store.get(pc); stored && this.holds(stored); stored = this.behind(stored)) {
      loaded.push(this.install(stored));
    }
    return loaded;
  }

  /** A region that is not in use yet, rooted where the code of another one ends; none where a function begins. */
  private behind({ ranges }: StoredRegion): StoredRegion | undefined {
    for (const [i, end] of ranges.entries()) {
      if (i % 2 === 0) continue;
      // bit 0 of a pc may be no part of the address
      for (const pc of [end, end + 1]) {
        const next = this.compiled.has(pc) || this.host.source.isFunction(pc) ? undefined : this.store.rootedAt(pc);
        if (next !== undefined) return next;
      }
    }
    return undefined;
  }

  /** Whether the region is to be had, and guest memory holds its code, executable. */
  private holds(stored: StoredRegion): boolean {
    if (!stored.module.isThere) {
      this.store.remove(stored);
      return false;
    }
    const { ranges, code } = stored;
    const { space } = this.host;
    let at = 0;
    let known = -1;
    for (let i = 0; i < ranges.length; i += 2) {
      const start = ranges[i] as number;
      const end = ranges[i + 1] as number;
      for (let page = start - (start % PAGE_SIZE); page < end; page += PAGE_SIZE) {
        if (page === known) continue;
        if (!space.executable(page)) return false;
        known = page;
      }
      if (Buffer.compare(space.u8.subarray(start, end), code.subarray(at, at + end - start)) !== 0) return false;
      at += end - start;
    }
    return true;
  }

  private install(stored: StoredRegion): CompiledRegion {
    const { table, source } = this.host;
    const { module, pc, ranges } = stored;
    let exports = this.instances.get(module);
    if (!exports) {
      exports = new WebAssembly.Instance(module.compiled, { e: this.host.imports }).exports;
      this.instances.set(module, exports);
    }
    // its code may name any run and slot given so far
    this.host.runs.reserve(this.store.nextRun);
    this.reach(this.store.nextSlot - 1);
    table.set(stored.slot, exports[exportName(stored.index)]);
    for (let i = 0; i < ranges.length; i += 2) source.noteCode(ranges[i] as number, ranges[i + 1] as number);
    const region = {
      stored,
      runMisses: 0,
      stackMisses: 0,
      edgeMisses: 0,
      hoistMisses: 0,
      movingMisses: 0,
      fpMisses: 0,
      callMisses: 0,
    };
    const before = this.compiled.get(pc);
    if (before?.stored.pc === pc) this.byCode.delete(before);
    this.byCode.add(region);
    this.compiled.set(pc, region);
    for (const entry of stored.entries) {
      // what is rooted there stays
      if (this.compiled.get(entry)?.stored.pc !== entry) this.compiled.set(entry, region);
    }
    this.policies.set(pc, stored.policy);
    this.host.installed(stored);
    return region;
  }

  /** Compile the regions rooted at these pcs into one module; returns those that exist afterwards. */
  compile(pcs: readonly number[], again = false): CompiledRegion[] {
    const start = uptimeMs();
    const compiled = this.compileModule(pcs, again);
    this.store.unsavedMs += uptimeMs() - start;
    return compiled;
  }

  /** Functions first: places inside them are in their regions. */
  private inOrder(roots: readonly number[]): readonly number[] {
    const isFunction = (pc: number): boolean => this.host.source.isFunction(pc);
    return [...roots.filter(isFunction), ...roots.filter((pc) => !isFunction(pc))];
  }

  /** Root of the region to compile for a hot block, if any. */
  private rootsFor(pc: number): number[] {
    const owner = this.ownerOf(pc);
    if (owner !== undefined && ((this.policies.get(owner) ?? 0) & Policy.FULL) === 0) {
      return this.growsBy(owner, pc) ? [owner] : [];
    }
    return this.compiled.has(pc) ? [] : [pc];
  }

  private compileModule(pcs: readonly number[], again: boolean): CompiledRegion[] {
    const { source, runs, sp, frame, flagFields } = this.host;
    const batch: Batch = { lifted: new Map(), shapes: new Map() };
    const regions: Region[] = [];
    const roots = new Set(again ? pcs : this.inOrder(pcs.flatMap((pc) => this.rootsFor(pc))));
    const asked = new Set(again ? [] : roots);
    /** Places in the regions made up to now. */
    const made = new Set<number>();
    const most = roots.size + REST;
    for (const pc of roots) {
      // the rest of one loop
      if (regions.some((r) => r.entries.length > 0 && spans(rangesOf(r), pc))) continue;
      // it is in the region of its function, or of a loop around it: should it be executed on as often, it comes again
      if (asked.has(pc) && made.has(pc) && !source.isArrival(pc)) continue;
      const region = discover(pc, source, this.open, batch);
      // where it was entered it must be enterable
      const missing = this.rootedAt(pc)?.entries.some((entry) => !region?.entries.includes(entry));
      if (!region || missing) continue;
      const lacks = this.lacking.get(pc)?.pcs ?? [];
      this.lacking.delete(pc);
      // what is behind it is executed as often, but nothing would say so before this region is in use, and then of the next
      const { goesOnAt: rest } = region;
      if (rest >= 0 && roots.size < most && !this.compiled.has(rest)) roots.add(rest);
      for (const block of region.blocks) if (!source.isFunction(block.pc)) made.add(block.pc);
      // what finds no room now never will
      regions.push({ ...region, isFull: region.isFull || [...lacks].some((entry) => !region.entries.includes(entry)) });
    }
    if (regions.length === 0) return [];
    const { store } = this;
    store.warmUp.hasCompiled = true;
    const policies = regions.map((r) => this.policies.get(r.root) ?? 0);
    const runNumbers = policies.map((p) => {
      const wanted = (p & (Policy.LONG_LOOP | Policy.WANDERING)) === Policy.LONG_LOOP;
      return wanted && runs.reserve(store.nextRun + 1) ? store.nextRun++ : 0;
    });
    const firstId = store.nextId;
    store.nextId += regions.length;
    const funcs = regions.map((r, i) => {
      const policy = policies[i] as number;
      const run = runNumbers[i] as number;
      return emitRegion(r, (pc) => this.slot(pc), {
        id: firstId + i,
        runs: run === 0 ? null : runs.offset(run),
        sp,
        frame: frame(r.root),
        flagFields,
        flagsCross: this.flagsCross,
        precise: this.precise || ((policy & Policy.LONG_LOOP) === 0 && r.blocks.length > FEW_BLOCKS),
        stackRun: (policy & Policy.OFF_STACK) === 0,
        exact: (policy & Policy.EXACT) !== 0,
        hoist: (policy & (Policy.NO_HOIST | Policy.LONG_LOOP)) === Policy.LONG_LOOP,
        moving: (policy & Policy.NO_MOVING) === 0,
        fast: (policy & Policy.UNUSUAL_FP) === 0,
        learns: (policy & Policy.CALLS_MORE) === 0,
      });
    });
    const { bytes, bodies } = regionModule(funcs);
    this.onModule?.(
      bytes,
      regions.map((r) => r.root),
    );
    const sources = regions.map((r, i) => {
      const ranges = rangesOf(r);
      const sites = Uint32Array.from(r.entries.length === 0 ? [] : sitesOf(r));
      return { body: bodies[i] as FunctionPlace, ranges, code: this.codeIn(ranges), sites };
    });
    const module = StoredModule.of({ bytes, code: null, sources: new Map(sources.entries()) });
    return regions.map((r, index) => {
      const stored = new StoredRegion(
        { module, index },
        {
          id: firstId + index,
          pc: r.root,
          slot: this.slot(r.root),
          run: runNumbers[index] as number,
          policy: (policies[index] as number) | (r.entries.length > 0 && r.isFull ? Policy.FULL : 0),
          size: sources[index]?.code.length as number,
          entries: Uint32Array.from(r.entries),
        },
      );
      store.add(stored);
      return this.install(stored);
    });
  }

  /** Functions that V8 has optimised since their modules came into use, or since their machine code was last taken. */
  newlyOptimised(): number {
    let count = 0;
    for (const [stored, exports] of this.instances) {
      count += Math.max(0, countOptimised(exports) - this.store.optimisedOf(stored));
    }
    return count;
  }

  /** Note the machine code of the modules in which there are such functions. */
  takeMachineCode(): void {
    const { store } = this;
    for (const [stored, exports] of this.instances) {
      const optimised = countOptimised(exports);
      const before = store.optimisedOf(stored);
      const code = optimised > before ? machineCode(stored.compiled, exports) : null;
      if (code === null) continue;
      store.machineCode.set(stored, { code, optimised });
      store.unsavedOptimised += optimised - before;
    }
  }

  private codeIn(ranges: Uint32Array): Uint8Array {
    const { u8 } = this.host.space;
    const parts: Uint8Array[] = [];
    for (let i = 0; i < ranges.length; i += 2) parts.push(u8.subarray(ranges[i], ranges[i + 1]));
    return Buffer.concat(parts);
  }

  /**
   * A check of region `id` failed at a guest address: see what it can do better. `stackRun` is where the thread
   * keeps its stack's run.
   */
  miss(id: number, why: number, addr: number, stackRun: number): void {
    const stored = this.store.byNumber(id) as StoredRegion;
    const { runs } = this.host;
    const r = this.inUse(stored);
    if (why === Miss.STACK) {
      if (runs.aim(stackRun, addr, true, STACK_REACH) && r) this.recompile(r, ++r.stackMisses, Policy.OFF_STACK);
    } else if (why === Miss.READ_RUN || why === Miss.WRITE_RUN) {
      const write = why === Miss.WRITE_RUN;
      // its two words are not read as one
      this.host.halt();
      const aimed = runs.aim(runs.offset(stored.run) + (write ? RUN_WRITE : 0), addr, write);
      if (r && aimed) this.recompile(r, ++r.runMisses, Policy.WANDERING);
    } else if (!r) return;
    else if (why === Miss.FP) this.recompile(r, ++r.fpMisses, Policy.UNUSUAL_FP);
    else if (why === Miss.HOISTED || why === Miss.MOVING) {
      // one that is touched for the first time
      if (this.pageBytes[addr >>> PAGE_SHIFT] === PageByte.ABSENT) return;
      if (why === Miss.HOISTED) this.recompile(r, ++r.hoistMisses, Policy.NO_HOIST);
      else this.recompile(r, ++r.movingMisses, Policy.NO_MOVING, MANY_EDGES);
    } else if (why === Miss.CALLED) this.recompile(r, ++r.callMisses, Policy.CALLS_MORE);
    // an unmapped or protected page is no fault of the region
    else if (this.pageBytes[addr >>> PAGE_SHIFT] === PageByte.PLAIN)
      this.recompile(r, ++r.edgeMisses, Policy.EXACT, MANY_EDGES);
  }

  /** The process's use of a region; undefined when its pc has another by now. */
  private inUse(stored: StoredRegion): CompiledRegion | undefined {
    const r = this.compiled.get(stored.pc);
    return r?.stored === stored ? r : undefined;
  }

  private recompile(r: CompiledRegion, misses: number, kind: number, many = MANY): void {
    const { pc, policy } = r.stored;
    const enough = this.store.isKept ? FIRST * many : many;
    // twice as many where it could not be compiled anew
    if (Math.log2(misses / enough) % 1 !== 0 || misses < enough || (policy & kind) !== 0) return;
    this.policies.set(pc, (this.policies.get(pc) ?? 0) | kind);
    this.compile([pc], true);
  }

  /** Whether regions in use were made of code in [start, end). */
  hasCode(start: number, end: number): boolean {
    return this.byCode.within(start, end).next().done !== true;
  }

  /** Code in [start, end) has changed: use no region any more that was made of it. Returns where they were entered. */
  drop(start: number, end: number): number[] {
    const pcs: number[] = [];
    for (const region of new Set(this.byCode.within(start, end))) {
      const { pc, slot, entries } = region.stored;
      this.host.table.set(slot, this.dispatch);
      this.byCode.delete(region);
      for (const entry of [pc, ...entries]) {
        if (this.compiled.get(entry) !== region) continue;
        this.compiled.delete(entry);
        pcs.push(entry);
      }
      this.policies.delete(pc);
      this.lacking.delete(pc);
    }
    return pcs;
  }

  /** Use no region any more: slots go back to `dispatch`. The store keeps what it has. */
  flush(): void {
    for (const { stored } of this.compiled.values()) this.host.table.set(stored.slot, this.dispatch);
    this.compiled.clear();
    this.byCode.clear();
    this.lacking.clear();
    this.left.clear();
    this.policies.clear();
    if (this.instances.size > MAX_INSTANCES) this.instances.clear();
  }
}

/** Sites of a region's own indirect jumps. */
const sitesOf = ({ blocks, succs, dispatch }: Region): number[] =>
  blocks.filter((b, i) => b.pc !== -1 && (succs[i] as readonly number[]).includes(dispatch)).map(lastByte);
