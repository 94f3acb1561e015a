import { encodeModule } from './backend/wasm/encoder.ts';
import { isWrite } from './backend/wasm/region/checks.ts';
import { type BlockSource, discover, type Region } from './backend/wasm/region/discover.ts';
import { emitRegion, isStackAddress, type RegionModule } from './backend/wasm/region/emit.ts';
import type { Value } from './ir/value.ts';
import { RUN_WRITE, type RunTable, STACK_REACH } from './memory/runs.ts';

/** Imports of a region module, by function index. */
const IMPORTS = ['syscall', 'helper', 'miss', 'run', 'dispatch'] as const;
/** Type indices. */
const T = { i_i: 0, ii_i: 1, iii_i: 2 } as const;
const importType = { syscall: T.i_i, helper: T.iii_i, miss: T.i_i, run: T.ii_i, dispatch: T.ii_i } as const;

/** What regions call, by index. */
const FUNCTIONS = {
  syscall: IMPORTS.indexOf('syscall'),
  helper: IMPORTS.indexOf('helper'),
  miss: IMPORTS.indexOf('miss'),
  run: IMPORTS.indexOf('run'),
  dispatch: IMPORTS.indexOf('dispatch'),
  regionType: T.ii_i,
};

export interface CompiledRegion {
  readonly pc: number;
  readonly slot: number;
  readonly region: Region;
  /** Wasm offset of its run slot, or null. */
  readonly runs: number | null;
  misses: number;
  stackMisses: number;
  fpMisses: number;
}

/** Misses of a region's run until it is compiled anew to test page bytes. */
const WANDERING = 12;

/** First table slot for regions; those below are the cold tier's. */
const FIRST_SLOT = 2;

/**
 * Compiles hot regions to wasm modules, several functions each. Table slots belong to guest pcs: a slot
 * that is named before its region exists holds `dispatch`.
 */
export class RegionCompiler {
  private readonly source: BlockSource;
  private readonly table: WebAssembly.Table;
  private readonly imports: Record<string, unknown>;
  private readonly dispatch: unknown;
  private readonly slots = new Map<number, number>();
  private readonly compiled = new Map<number, CompiledRegion>();
  /** By id, as `miss` is told. */
  private readonly byId: CompiledRegion[] = [];
  /** Headers of loops that were seen to run long: only there do runs pay for the misses until they are aimed. */
  private readonly longLoops = new Set<number>();
  /** Roots of regions whose accesses wander between runs. */
  private readonly wandering = new Set<number>();
  /** Roots of regions that keep leaving the stack's run (at its very top, or on another stack). */
  private readonly offStack = new Set<number>();
  /** Roots of regions with many NaNs, or vectors where only scalars were expected. */
  private readonly unusualFp = new Set<number>();
  private readonly runs: RunTable;
  private readonly sp: number;
  private nextSlot = FIRST_SLOT;
  /** See MemoryPolicy; may only turn true, with a flush. */
  flagsCross = false;
  /** Called with every module's bytes (logging). */
  onModule: ((bytes: Uint8Array, regions: readonly CompiledRegion[]) => void) | null = null;

  constructor(
    source: BlockSource,
    runs: RunTable,
    sp: number,
    table: WebAssembly.Table,
    imports: Record<string, unknown>,
  ) {
    this.runs = runs;
    this.sp = sp;
    this.source = source;
    this.table = table;
    this.imports = imports;
    this.dispatch = imports.dispatch;
  }

  /** Regions compiled and still in use. */
  get count(): number {
    return this.compiled.size;
  }

  /** Table slot of the region at pc, or undefined when it is not compiled. */
  slotOf(pc: number): number | undefined {
    return this.compiled.get(pc)?.slot;
  }

  private slot(pc: number): number {
    let s = this.slots.get(pc);
    if (s === undefined) {
      s = this.nextSlot++;
      this.slots.set(pc, s);
      if (s >= this.table.length) this.table.grow(this.table.length);
      this.table.set(s, this.dispatch);
    }
    return s;
  }

  /** A loop at `pc` ran long: compile it for that, once. Returns the regions that are new. */
  compileLoop(pc: number): CompiledRegion[] {
    if (this.longLoops.has(pc)) return [];
    this.longLoops.add(pc);
    return this.compile([pc], true);
  }

  /** Compile the regions rooted at these pcs into one module; returns those that exist afterwards. */
  compile(pcs: readonly number[], again = false): CompiledRegion[] {
    const regions: Region[] = [];
    for (const pc of new Set(pcs)) {
      if (this.compiled.has(pc) && !again) continue;
      const region = discover(pc, this.source);
      if (region) regions.push(region);
    }
    if (regions.length === 0) return [];
    const first = IMPORTS.length;
    const firstId = this.byId.length;
    const slots = regions.map((r) =>
      this.longLoops.has(r.root) && !this.wandering.has(r.root) ? this.runs.allocate() : null,
    );
    const funcs = regions.map((r, i) => {
      const module: RegionModule = { ...FUNCTIONS, self: first + i, slot: (pc) => this.slot(pc) };
      const code = emitRegion(r, module, {
        id: firstId + i,
        runs: slots[i] as number | null,
        sp: this.sp,
        flagsCross: this.flagsCross,
        stackRun: !this.offStack.has(r.root),
        fast: !this.unusualFp.has(r.root),
      });
      return { type: T.ii_i, code };
    });
    const elements = regions.map((r, i) => ({ slot: this.slot(r.root), func: first + i }));
    const bytes = encodeModule({
      types: [
        { params: ['i32'], results: ['i32'] },
        { params: ['i32', 'i32'], results: ['i32'] },
        { params: ['i32', 'i32', 'i32'], results: ['i32'] },
      ],
      imports: IMPORTS.map((name) => ({ name, type: importType[name] })),
      funcs,
      memoryPages: { initial: 65536, maximum: 65536 },
      table: { elements },
    });
    const done = regions.map((region, i) => ({
      pc: region.root,
      slot: (elements[i] as { slot: number }).slot,
      region,
      runs: slots[i] as number | null,
      misses: 0,
      stackMisses: 0,
      fpMisses: 0,
    }));
    this.onModule?.(bytes, done);
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: this.imports });
    for (const r of done) this.compiled.set(r.pc, r);
    this.byId.push(...done);
    return done;
  }

  /**
   * An access of region `id` at `pc` left its run. Aims the run at the address where its page is plain;
   * a region that keeps missing gets page-byte tests instead. `stackRun`: where the task keeps its
   * stack's run.
   */
  miss(id: number, pc: number, addr: number, stackRun: number): void {
    const r = this.byId[id] as CompiledRegion;
    const access = accessAt(r.region, pc);
    if (!access) return;
    if (isStackAddress(access.a as Value, this.sp)) {
      if (this.runs.aim(stackRun, addr, true, STACK_REACH)) this.recompile(r, ++r.stackMisses, this.offStack);
    } else if (r.runs !== null && this.runs.aim(r.runs + (isWrite(access) ? RUN_WRITE : 0), addr, isWrite(access))) {
      this.recompile(r, ++r.misses, this.wandering);
    }
  }

  /** Region `id` met a NaN, or a vector where it expects scalars. */
  missFp(id: number): void {
    const r = this.byId[id] as CompiledRegion;
    this.recompile(r, ++r.fpMisses, this.unusualFp);
  }

  private recompile(r: CompiledRegion, misses: number, kind: Set<number>): void {
    if (misses < WANDERING || this.compiled.get(r.pc) !== r) return;
    kind.add(r.pc);
    this.compile([r.pc], true);
  }

  /** Drop every region: slots go back to `dispatch`. */
  flush(): void {
    for (const s of this.slots.values()) this.table.set(s, this.dispatch);
    this.slots.clear();
    this.compiled.clear();
    this.nextSlot = FIRST_SLOT;
    this.byId.length = 0;
    this.longLoops.clear();
    this.wandering.clear();
    this.offStack.clear();
    this.unusualFp.clear();
    this.runs.reset();
  }
}

const accessAt = (region: Region, pc: number): Value | null => {
  for (const b of region.blocks) {
    if (pc < b.pc || pc >= b.end) continue;
    for (const v of b.ops) if (v.pc === pc && v.info.size > 0) return v;
  }
  return null;
};
