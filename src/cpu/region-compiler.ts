import { encodeModule } from './backend/wasm/encoder.ts';
import { type BlockSource, discover, type Region } from './backend/wasm/region/discover.ts';
import { emitRegion, type RegionModule } from './backend/wasm/region/emit.ts';

/** Imports of a region module, by function index. */
const IMPORTS = ['syscall', 'helper', 'miss', 'run', 'dispatch'] as const;
/** Type indices. */
const T = { i_i: 0, ii_i: 1, iii_i: 2 } as const;
const importType = { syscall: T.i_i, helper: T.iii_i, miss: T.i_i, run: T.ii_i, dispatch: T.ii_i } as const;

export interface CompiledRegion {
  readonly pc: number;
  readonly slot: number;
  readonly region: Region;
}

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
  private nextSlot = FIRST_SLOT;
  /** Called with every module's bytes (logging). */
  onModule: ((bytes: Uint8Array, regions: readonly CompiledRegion[]) => void) | null = null;

  constructor(source: BlockSource, table: WebAssembly.Table, imports: Record<string, unknown>) {
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
  compile(pcs: readonly number[]): CompiledRegion[] {
    const regions: Region[] = [];
    for (const pc of new Set(pcs)) {
      if (this.compiled.has(pc)) continue;
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
    const funcs = regions.map((r) => ({ type: T.ii_i, code: emitRegion(r, module) }));
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
    const done = regions.map((region, i) => ({ pc: region.root, slot: (elements[i] as { slot: number }).slot, region }));
    this.onModule?.(bytes, done);
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: this.imports });
    for (const r of done) this.compiled.set(r.pc, r);
    return done;
  }

  /** Drop every region: slots go back to `dispatch`. */
  flush(): void {
    for (const s of this.slots.values()) this.table.set(s, this.dispatch);
    this.slots.clear();
    this.compiled.clear();
    this.nextSlot = FIRST_SLOT;
  }
}
