import type { CodeCache } from './code-cache.ts';
import { CompileBudget } from './compile-budget.ts';
import type { JumpCache } from './jump-cache.ts';
import type { CompiledRegion, RegionCompiler } from './region-compiler.ts';
import { BUDGET } from './state-blocks.ts';

/** Hot blocks compiled into one module, and executions a hot block waits for company. */
const BATCH = 16;
const PATIENCE = 1000;
/** The same where nothing has been compiled in this run (see RegionStore.isKept). */
const FIRST_PATIENCE = 16_000;
/**
 * Executions, of all blocks that enter kept regions which V8 has still to compile, before the first of those is compiled:
 * that takes node:v8, 10 ms.
 */
const BARE_AFTER = 200_000;
/** See CodeCache.hotAfter. */
const HOT_AFTER = 8000;

/** `auto`: hot code becomes regions; `cold`: nothing does; `hot`: everything at its first execution. */
export type Tier = 'auto' | 'cold' | 'hot';

/** Which blocks of a process become regions, and when: what is executed often, within a budget. */
export class Promotion {
  private readonly cache: CodeCache;
  private readonly regions: RegionCompiler;
  private readonly jumps: JumpCache;
  private readonly budget = new CompileBudget();
  private readonly queue: number[] = [];
  private tier: Tier = 'auto';
  /** Executions of what enters kept regions without machine code. */
  private bare = 0;

  constructor(cache: CodeCache, regions: RegionCompiler, jumps: JumpCache) {
    this.cache = cache;
    this.regions = regions;
    this.jumps = jumps;
    this.setTier('auto');
  }

  /** Whether anything becomes a region. */
  get compiles(): boolean {
    return this.tier !== 'cold';
  }

  setTier(tier: Tier): void {
    this.tier = tier;
    this.cache.entries.hotAfter = tier === 'hot' ? 1 : HOT_AFTER;
  }

  /** A block was called or jumped back to often enough. */
  hot(record: number): void {
    const { entries } = this.cache;
    if (!this.compiles) {
      entries.rearm(record, 0x7fffffff);
      return;
    }
    const pc = this.cache.pcOf(record);
    const isReady = this.regions.isReady(pc);
    if (isReady && !this.regions.isWanted(pc)) {
      entries.rearmStored(record);
      return;
    }
    const isStored = this.regions.isStored(pc);
    // one that V8 has still to compile is worth that when one that is new would be
    const executions = entries.armedFor(record);
    const early = !isReady && (!this.isWarm(pc, executions) || (isStored && this.isBare(executions)));
    const loaded = !early && isStored ? this.regions.load(pc) : [];
    if (loaded.length > 0) {
      this.enter(loaded);
      return;
    }
    entries.rearm(record, early ? HOT_AFTER : this.regions.store.isKept ? FIRST_PATIENCE : PATIENCE);
    if (early || (this.tier === 'auto' && this.budget.isOverdrawn)) return;
    const waiting = this.queue.includes(pc);
    if (!waiting) this.queue.push(pc);
    if (!waiting && this.queue.length < (this.tier === 'hot' ? 1 : BATCH)) return;
    const pcs = this.queue.splice(0);
    this.budget.charge(() => this.enter(this.regions.compile(pcs)));
  }

  /** Whether kept regions without machine code are to wait still, one of them having been executed as often again. */
  private isBare(executions: number): boolean {
    if (this.tier !== 'auto' || this.regions.store.warmUp.hasCompiled) return false;
    this.bare += executions;
    return this.bare < BARE_AFTER;
  }

  /** The loop at pc used up the budget of the cold tier, or the fuel of its region. */
  longLoop(pc: number): void {
    if (!this.compiles || !this.isWarm(pc, BUDGET, false)) return;
    // kept without machine code, it may wait for that still
    const loaded = this.regions.isStored(pc) && !this.regions.isReady(pc) ? this.regions.load(pc) : [];
    this.enter(loaded.length > 0 ? loaded : this.regions.compileLoop(pc));
  }

  private isWarm(pc: number, executions: number, isCold = true): boolean {
    return this.tier === 'hot' || this.regions.store.warmUp.isOver(pc, executions, isCold);
  }

  /** From now on the cold tier and indirect jumps go into these regions. */
  private enter(regions: readonly CompiledRegion[]): void {
    for (const { stored } of regions) {
      for (const pc of [stored.pc, ...stored.entries]) {
        const slot = this.regions.slotOf(pc) as number;
        this.cache.entries.enter(pc, slot);
        this.jumps.move(pc, slot);
      }
    }
  }

  /** What waits for company is gone. */
  forget(): void {
    this.queue.length = 0;
  }

  /** Another process begins. */
  reset(): void {
    this.budget.reset();
  }

  /** As in the process this one is a copy of. */
  inherit(from: Promotion): void {
    this.setTier(from.tier);
  }
}
