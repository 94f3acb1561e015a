import type { FunctionPlace } from './backend/wasm/encoder.ts';
import { WarmUp } from './compile-budget.ts';
import { compileModule, moduleOf } from './machine-code.ts';

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

/** A WebAssembly module of regions. */
export interface StoredModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** V8's machine code of it from earlier. */
  readonly code: Uint8Array<ArrayBuffer> | null;
  /** Functions that it is of. */
  readonly optimised: number;
  /** Set once some process has used it. */
  compiled: WebAssembly.Module | null;
}

/** The module, compiled or taken from its machine code. */
export const compiledModule = (stored: StoredModule): WebAssembly.Module => {
  const { bytes, code } = stored;
  stored.compiled ??= (code && moduleOf(bytes, code)) ?? compileModule(bytes);
  return stored.compiled;
};

/**
 * A compiled region apart from any process. It may be used wherever guest memory holds the code it was made
 * from; everything else that it was made from is a profile, which can be off without doing harm.
 */
export interface StoredRegion {
  /** Number by which `miss` knows it. */
  readonly id: number;
  /** Its root: guest pc. */
  readonly pc: number;
  readonly slot: number;
  readonly module: StoredModule;
  /** Its function's index among the module's exports. */
  readonly index: number;
  readonly body: FunctionPlace;
  /** Other pcs where it may be entered, through the same slot (see Region.entries), and the sites of its indirect jumps. */
  readonly entries: Uint32Array;
  readonly sites: Uint32Array;
  /** Number of its run slot (see RunTable), or 0. */
  readonly run: number;
  readonly policy: number;
  /** (start, end) of the guest code it was made from … */
  readonly ranges: Uint32Array;
  /** … and that code, range after range. */
  readonly code: Uint8Array;
}

/** What earlier runs left in a file, read when it is worth that. */
export interface KeptRegions {
  readonly bytes: number;
  /** Fill the store, which has given no number yet; nothing comes of it where the file is not what it was. */
  readonly read: (store: RegionStore) => void;
}

/**
 * Hot blocks that a run has to show before kept regions are read: so many anyway, and for each MiB. One is offered each
 * some milliseconds of a script; to read a MiB, with V8's machine code in it, takes some 4 ms.
 */
const HOT_TO_READ = 2;
const HOT_TO_READ_MIB = 1;

/** First table slot for regions; those below are the cold tier's. */
const FIRST_SLOT = 2;

/**
 * Compiled regions of one program, with the numbers that their code has built in: table slots by guest pc
 * and ids. Numbers are never given twice, so that a region fits every process that uses the store.
 */
export class RegionStore {
  readonly slots: Map<number, number> = new Map();
  nextSlot = FIRST_SLOT;
  nextId = 0;
  nextRun = 1;
  /** Whether regions keep flags across calls and returns (the guest has shown that some are live there). */
  flagsCross = false;
  /** Whether faults in loops find all registers as they are: the guest looks at them. */
  precise = false;
  private readonly byPc = new Map<number, StoredRegion>();
  /** By entries other than the root. */
  private readonly byEntry = new Map<number, StoredRegion>();
  private readonly byId: (StoredRegion | undefined)[] = [];
  /** Milliseconds spent on compiling regions that are in no file yet. */
  unsavedMs = 0;
  /** Machine code that this run has made of modules. */
  readonly machineCode: Map<StoredModule, { readonly code: Uint8Array; readonly optimised: number }> = new Map();
  /** Functions in it that are in no file yet. */
  unsavedOptimised = 0;
  /** What there is besides; null: nothing, or it was read. */
  kept: KeptRegions | null = null;
  private hot = 0;
  /** Until it is over nothing is compiled. */
  warmUp: WarmUp;

  /** `warmUp`: of the store before this one. */
  constructor(warmUp: WarmUp = new WarmUp()) {
    this.warmUp = warmUp;
  }

  /** So many blocks were hot, or loops as long as that. Whether all there is can be had: kept regions are read for enough. */
  isThere(hot: number): boolean {
    const { kept } = this;
    if (kept === null) return true;
    this.hot += hot;
    if (this.hot < HOT_TO_READ + (kept.bytes / (1 << 20)) * HOT_TO_READ_MIB) return false;
    this.readKept();
    return true;
  }

  /** Read what there is besides. */
  readKept(): void {
    const { kept } = this;
    this.kept = null;
    kept?.read(this);
  }

  /** Functions of a module that there is machine code of. */
  optimisedOf(module: StoredModule): number {
    return this.machineCode.get(module)?.optimised ?? module.optimised;
  }

  /** The region to enter at pc. */
  get(pc: number): StoredRegion | undefined {
    return this.byPc.get(pc) ?? this.byEntry.get(pc);
  }

  /** The region rooted at pc. */
  rootedAt(pc: number): StoredRegion | undefined {
    return this.byPc.get(pc);
  }

  byNumber(id: number): StoredRegion | undefined {
    return this.byId[id];
  }

  /** The region that is the one for its pc from now on. */
  add(region: StoredRegion): void {
    const { pc, id, entries } = region;
    const before = this.byPc.get(pc);
    for (const entry of before?.entries ?? []) if (this.byEntry.get(entry) === before) this.byEntry.delete(entry);
    this.byPc.set(pc, region);
    this.byId[id] = region;
    for (const entry of entries) this.byEntry.set(entry, region);
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

  /** Where regions can be entered. */
  roots(): Iterable<number> {
    return [...this.byPc.keys(), ...this.byEntry.keys()];
  }

  regions(): Iterable<StoredRegion> {
    return this.byPc.values();
  }

  get count(): number {
    return this.byPc.size;
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
    this.kept = null;
    this.byPc.clear();
    this.byEntry.clear();
  }
}
