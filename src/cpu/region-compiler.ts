import type { Value } from './ir/value.ts';
import { RUN_WRITE, type RunTable } from './memory/runs.ts';
import { encodeModule } from './backend/wasm/encoder.ts';
import { type BlockSource, discover, type Region } from './backend/wasm/region/discover.ts';
import { emitRegion, isStackAddress, type RegionModule } from './backend/wasm/region/emit.ts';

/** Imports of a region module, by function index. */
const IMPORTS = ['syscall', 'helper', 'miss', 'run', 'dispatch'] as const;
/** Type indices. */
const T = { i_i: 0, ii_i: 1, iii_i: 2 } as const;
const importType = { syscall: T.i_i, helper: T.iii_i, miss: T.i_i, run: T.ii_i, dispatch: T.ii_i } as const;

export interface CompiledRegion {
  readonly pc: number;
  readonly slot: number;
  readonly region: Region;
  /** Wasm offset of its run slot, or null. */
  readonly runs: number | null;
  /** Misses by the instruction's pc since it was compiled. */
  readonly misses: Map<number, number>;
}

/** Misses of one instruction until it is compiled to test page bytes. */
const WANDERING = 6;

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
  private readonly pageSites = new Set<number>();
  private readonly runs: RunTable;
  private readonly sp: number;
  private nextSlot = FIRST_SLOT;
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
    const local = new Map(regions.map((r, i) => [r.root, first + i]));
    const module: RegionModule = {
      syscall: IMPORTS.indexOf('syscall'),
      helper: IMPORTS.indexOf('helper'),
      miss: IMPORTS.indexOf('miss'),
      run: IMPORTS.indexOf('run'),
      dispatch: IMPORTS.indexOf('dispatch'),
      regionType: T.ii_i,
      local: (pc) => local.get(pc),
      slot: (pc) => this.slot(pc),
    };
    const firstId = this.byId.length;
    const slots = regions.map((r) => this.compiled.get(r.root)?.runs ?? this.runs.allocate());
    const funcs = regions.map((r, i) => ({
      type: T.ii_i,
      code: emitRegion(r, module, {
        id: firstId + i,
        runs: slots[i] as number | null,
        isPageSite: (pc) => this.pageSites.has(pc),
        sp: this.sp,
      }),
    }));
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
    const done = regions.map((region, i) => ({ pc: region.root, slot: (elements[i] as { slot: number }).slot, region, runs: slots[i] as number | null, misses: new Map<number, number>() }));
    this.onModule?.(bytes, done);
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: this.imports });
    for (const r of done) this.compiled.set(r.pc, r);
    this.byId.push(...done);
    return done;
  }

  /**
   * An access of region `id` at `pc` left its run. Aims the run at the address where its page is plain;
   * an instruction that keeps missing gets the page-byte test instead. `stackRun`: where the task keeps
   * its stack's run.
   */
  miss(id: number, pc: number, addr: number, stackRun: number): void {
    const r = this.byId[id] as CompiledRegion;
    const access = accessAt(r.region, pc);
    if (!access || r.runs === null) return;
    const write = access.info.kind === 'store' || (access.info.kind === 'atomic' && !access.info.name.includes('.load'));
    const stack = isStackAddress(access.a as Value, this.sp);
    if (!this.runs.aim(stack ? stackRun : r.runs + (write ? RUN_WRITE : 0), addr, write || stack)) return;
    const count = (r.misses.get(pc) ?? 0) + 1;
    r.misses.set(pc, count);
    if (count < WANDERING || this.pageSites.has(pc)) return;
    this.pageSites.add(pc);
    if (this.compiled.get(r.pc) === r) this.compile([r.pc], true);
  }

  /** Drop every region: slots go back to `dispatch`. */
  flush(): void {
    for (const s of this.slots.values()) this.table.set(s, this.dispatch);
    this.slots.clear();
    this.compiled.clear();
    this.nextSlot = FIRST_SLOT;
    this.byId.length = 0;
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
