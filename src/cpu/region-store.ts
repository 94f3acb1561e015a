import type { FunctionPlace } from './backend/wasm/encoder.ts';
import { WarmUp } from './compile-budget.ts';
import { compileModule, moduleOf } from './machine-code.ts';
import { type KeptRegions, RegionsByPc } from './regions-by-pc.ts';

/** Why a region was compiled as it was (bits of StoredRegion.policy). */
export const Policy = {
  /** Its loop was seen to run long: only there do runs pay for the misses until they are aimed. */
  LONG_LOOP: 1,
  /** Its accesses wander between runs. */
  WANDERING: 2,
  /** It keeps leaving the stack's run (at its very top, or on another stack). */
  OFF_STACK: 32,
  /** Its accesses are at the ends of mappings: see MemoryPolicy.exact. */
  EXACT: 4,
  /** Checks in front of its loops failed often. */
  NO_HOIST: 8,
  /** Pointers that its loops move are near the ends of mappings often. */
  NO_MOVING: 256,
  /** It met many NaNs, or vectors where only scalars were expected. */
  UNUSUAL_FP: 16,
  /** Its calls often go elsewhere than to the functions in their place. */
  CALLS_MORE: 128,
  /** It has no room for more of its interpreter's operations. */
  FULL: 64,
} as const;

/** What a region was made of. */
export interface RegionSource {
  /** Its function in the module's bytes. */
  readonly body: FunctionPlace;
  /** (start, end) of the guest code it was made from … */
  readonly ranges: Uint32Array;
  /** … and that code, range after range. */
  readonly code: Uint8Array;
  /** Of a region with several entries: the sites of its indirect jumps. */
  readonly sites: Uint32Array;
}

export interface ModuleContents {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** V8's machine code of it from earlier. */
  readonly code: Uint8Array<ArrayBuffer> | null;
  /** By the index of a region's function among the module's exports. */
  readonly sources: { get(index: number): RegionSource | undefined };
}

/** Guest code of a usual region: one of more is executed for longer. */
const USUAL_BYTES = 256;
/** What is executed between two such times counts too, an eighth of it: a loop's head may be all of it that is counted. */
const USUAL_MS = 0.15;
/**
 * Bytes of a module, with its machine code, that are read and made ready in the time in which the cold tier executes a
 * block at a usual region's root, and what follows it, STORED_AFTER times: of 1,000 to 10,000 what makes the starts of bash, sqlite3, cc1 and python3 shortest, and
 * those of sha256sum and lua no longer than what reads all at once.
 */
const BYTES_READ = 5000;

/** A WebAssembly module of regions, read when the first of them is wanted. */
export class StoredModule {
  /** Functions that there is machine code of from earlier. */
  readonly optimised: number;
  /** Bytes that are to be read. */
  private readonly size: number;
  private readonly read: () => ModuleContents | null;
  private known: ModuleContents | null = null;
  private module: WebAssembly.Module | null = null;
  private wanted = 0;

  constructor(optimised: number, size: number, read: () => ModuleContents | null) {
    this.optimised = optimised;
    this.size = size;
    this.read = read;
  }

  /** One that was just made. */
  static of(contents: ModuleContents): StoredModule {
    return new StoredModule(0, 0, () => contents);
  }

  /**
   * A block that enters one of its regions, made from `bytes` of guest code, was executed another STORED_AFTER times without
   * it, `ms` after one that enters another. Whether that has taken as long by now as reading the module does.
   */
  want(bytes: number, ms: number): boolean {
    this.wanted += Math.max(1, bytes / USUAL_BYTES, ms / USUAL_MS);
    return this.module !== null || this.wanted * BYTES_READ >= this.size;
  }

  /** Whether it can be had: what was kept may be damaged, or replaced by what another run keeps. */
  get isThere(): boolean {
    this.known ??= this.read();
    return this.known !== null;
  }

  /** Of one that is there. */
  get contents(): ModuleContents {
    if (!this.isThere) throw new Error('a module of regions that is not there');
    return this.known as ModuleContents;
  }

  /** Whether V8 need not compile it. */
  get isReady(): boolean {
    return this.optimised > 0 || this.module !== null;
  }

  /** Compiled, or taken from its machine code, by the first process that uses it. */
  get compiled(): WebAssembly.Module {
    if (this.module === null) {
      const { bytes, code } = this.contents;
      this.module = (code && moduleOf(bytes, code)) ?? compileModule(bytes);
    }
    return this.module;
  }
}

/**
 * A compiled region apart from any process. It may be used wherever guest memory holds the code it was made
 * from; everything else that it was made from is a profile, which can be off without doing harm.
 */
export class StoredRegion {
  /** Number by which `miss` knows it. */
  readonly id: number;
  /** Its root: guest pc. */
  readonly pc: number;
  readonly slot: number;
  readonly module: StoredModule;
  /** Its function's index among the module's exports. */
  readonly index: number;
  /** Number of its run slot (see RunTable), or 0. */
  readonly run: number;
  readonly policy: number;
  /** Bytes of guest code that it was made from. */
  readonly size: number;
  /** Other pcs where it may be entered, through the same slot (see Region.entries). */
  readonly entries: Uint32Array;

  constructor(place: { readonly module: StoredModule; readonly index: number }, numbers: RegionNumbers) {
    this.module = place.module;
    this.index = place.index;
    this.id = numbers.id;
    this.pc = numbers.pc;
    this.slot = numbers.slot;
    this.run = numbers.run;
    this.policy = numbers.policy;
    this.size = numbers.size;
    this.entries = numbers.entries;
  }

  /** What follows is asked of regions whose modules are there alone. */
  get source(): RegionSource {
    return this.module.contents.sources.get(this.index) as RegionSource;
  }
  get ranges(): Uint32Array {
    return this.source.ranges;
  }
  get code(): Uint8Array {
    return this.source.code;
  }
  get sites(): Uint32Array {
    return this.source.sites;
  }
}

type RegionNumbers = Pick<StoredRegion, 'id' | 'pc' | 'slot' | 'run' | 'policy' | 'size' | 'entries'>;

/** First table slot for regions; those below are the cold tier's. */
const FIRST_SLOT = 2;

/**
 * Compiled regions of one program, with the numbers that their code has built in: table slots by guest pc
 * and ids. Numbers are never given twice, so that a region fits every process that uses the store.
 */
export class RegionStore {
  private slotMap: Map<number, number> | null = null;
  /** What earlier runs gave: pc, slot …. */
  keptSlots: Uint32Array = new Uint32Array();
  nextSlot = FIRST_SLOT;
  nextId = 0;
  nextRun = 1;
  /** Whether regions keep flags across calls and returns (the guest has shown that some are live there). */
  flagsCross = false;
  /** Whether faults in loops find all registers as they are: the guest looks at them. */
  precise = false;
  private readonly byPc = new RegionsByPc();
  /** Milliseconds spent on compiling regions that are in no file yet. */
  unsavedMs = 0;
  /** Machine code that this run has made of modules. */
  readonly machineCode: Map<StoredModule, { readonly code: Uint8Array; readonly optimised: number }> = new Map();
  /** Functions in it that are in no file yet. */
  unsavedOptimised = 0;
  /** Until it is over nothing is compiled. */
  warmUp: WarmUp;

  /** `warmUp`: of the store before this one. */
  constructor(warmUp: WarmUp = new WarmUp()) {
    this.warmUp = warmUp;
  }

  /** Functions of a module that there is machine code of. */
  optimisedOf(module: StoredModule): number {
    return this.machineCode.get(module)?.optimised ?? module.optimised;
  }

  /** Those of guest pcs, which only what compiles asks for. */
  get slots(): Map<number, number> {
    if (this.slotMap === null) {
      const kept = this.keptSlots;
      this.slotMap = new Map();
      for (let i = 0; i < kept.length; i += 2) this.slotMap.set(kept[i] as number, kept[i + 1] as number);
    }
    return this.slotMap;
  }

  /** Have the regions of a file, in a store that has none. */
  keep(regions: KeptRegions): void {
    this.byPc.use(regions);
  }

  /** The region to enter at pc. */
  get(pc: number): StoredRegion | undefined {
    return this.byPc.get(pc);
  }

  /** The region rooted at pc. */
  rootedAt(pc: number): StoredRegion | undefined {
    return this.byPc.rootedAt(pc);
  }

  /** One that was added here, or that one of these gave. */
  byNumber(id: number): StoredRegion | undefined {
    return this.byPc.byNumber(id);
  }

  /** The region that is the one for its pc from now on. */
  add(region: StoredRegion): void {
    this.byPc.add(region);
  }

  /** Table slot of a guest pc, given when first named. */
  slot(pc: number): number {
    let slot = this.slots.get(pc);
    if (slot === undefined) {
      slot = this.nextSlot++;
      this.slots.set(pc, slot);
    }
    return slot;
  }

  /** It cannot be had any more. */
  remove(region: StoredRegion): void {
    this.byPc.remove(region);
  }

  /** Where in [start, end) regions can be entered. */
  roots(start: number, end: number): Uint32Array {
    return this.byPc.within(start, end);
  }

  /** The same of those whose regions V8 need not compile. */
  readyRoots(start: number, end: number): Uint32Array {
    return this.byPc.readyWithin(start, end);
  }

  regions(): Iterable<StoredRegion> {
    return this.byPc.all();
  }

  get count(): number {
    return this.byPc.count;
  }

  /**
   * Whether the program's regions come from earlier runs alone up to now. The first one that a run compiles costs it some
   * 200 ms, so that it waits for more than those behind it.
   */
  get isKept(): boolean {
    return !this.warmUp.hasCompiled && this.count > 0;
  }

  /** Flags turned out to live across calls, or faults to be looked at: no region made so far is right. */
  demand(what: 'flagsCross' | 'precise'): void {
    this[what] = true;
    this.byPc.clear();
  }
}
