import { specialNumber } from './backend/interpreter/contract.ts';
import { type BlockImage, type BlockUnit, writeImage } from './block-image.ts';
import { BlockTable } from './block-table.ts';
import { BlockWriter } from './block-writer.ts';
import { CodeUnits, LOOSE } from './code-units.ts';
import { FlagsAcrossCalls } from './flags-across-calls.ts';
import type { FrontEnd } from './frontend/frontend.ts';
import type { Block } from './ir/block.ts';
import { KnownCode, LONGEST } from './known-code.ts';
import { machineCode, optimise } from './machine-code.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import {
  ASKS_FLAGS,
  Control,
  HEADER,
  Header,
  LENGTH_SHIFT,
  Mark,
  MOST_BYTES,
  MOST_BYTES_X86,
  NEVER,
  READS_FLAGS,
  SINGLE,
  STUB,
} from './memory/code-layout.ts';
import { CODE_CONTROL, GUEST_TOP, PAGE_SIZE } from './memory/layout.ts';
import { RecordArenas } from './record-arenas.ts';
import { RegionEntries } from './region-entries.ts';
import { SingleBlocks } from './single-blocks.ts';
import { StaleBlocks } from './stale-blocks.ts';
import { encodeBlock } from './translation.ts';
import { dumpUnits } from './unit-dump.ts';
import type { ComposerCalls, WasmComposer } from './wasm-composer.ts';

/**
 * The cold tier's translations of one process: blocks by guest pc (and by the flags kind they were translated for, where
 * they read flags). Their records and the table of them are in wasm memory, where the composer puts most of them.
 */
export class CodeCache {
  private readonly space: GuestAddressSpace;
  private readonly frontEnd: FrontEnd;
  private readonly words: Uint32Array;
  private readonly halves: Uint16Array;
  private readonly arenas: RecordArenas;
  readonly table: BlockTable;
  readonly flags: FlagsAcrossCalls;
  readonly entries: RegionEntries;
  /** What regions are made from. */
  readonly code: KnownCode;
  private readonly units: CodeUnits;
  private readonly writer = new BlockWriter();
  /** Undefined: not asked for yet. */
  private composer: WasmComposer | null | undefined;
  /** Whether the table tells the composer of regions that are at hand. */
  private rootsMarked = false;
  private readonly singles = new SingleBlocks();
  /** Blocks that may lie in two mappings, by pc: they are linked with others, but neither kept nor in the table. */
  private readonly spanning = new Map<number, number>();
  private readonly stale: StaleBlocks;
  /** (start, end) of guest code whose translations are to be dropped: see invalidate. */
  private changed: number[] = [];
  /** Jumps into another unit, by the record, and the stubs they had. */
  private readonly crossings = new Map<number, number>();
  /** Makes the composer for a memory; null, or nothing that it makes: every block is lifted. */
  newComposer: ((memory: WebAssembly.Memory, calls: ComposerCalls) => WasmComposer | null) | null = null;
  /** Roots in [start, end) of the regions that are at hand from earlier. */
  storedRoots: (start: number, end: number) => Iterable<number> = () => [];
  /** Where in [start, end) those are entered that are at hand, compiled, and not in use yet; and those in use. */
  readyRoots: (start: number, end: number) => ArrayLike<number> = () => [];
  usedRoots: (start: number, end: number) => Iterable<number> = () => [];
  /** Whether a region for a pc is at hand from earlier, compiled. */
  isReady: (pc: number) => boolean = () => false;
  /** Table slot of the region at a pc, if compiled. */
  regionSlot: (pc: number) => number | undefined = () => undefined;
  /** Called for every block translated (logging). */
  onTranslate: ((block: Block) => void) | null = null;

  constructor(space: GuestAddressSpace, frontEnd: FrontEnd) {
    this.space = space;
    this.frontEnd = frontEnd;
    this.words = new Uint32Array(space.memory.buffer);
    this.halves = new Uint16Array(space.memory.buffer);
    this.arenas = new RecordArenas(space, this.words);
    this.table = new BlockTable(space, this.words, (bytes) => this.arenas.other(bytes));
    this.entries = new RegionEntries(space.memory, this.table);
    const { singles, spanning, table, entries } = this;
    const { entered } = entries;
    const isCodeAddress = (pc: number): boolean => frontEnd.isCodeAddress(pc);
    const mostBytes = frontEnd.coherentCode ? MOST_BYTES_X86 : MOST_BYTES;
    const blocks = { table, singles, spanning, entered, isCodeAddress, mostBytes };
    this.stale = new StaleBlocks(this.words, this.halves, blocks);
    this.code = new KnownCode(space, frontEnd, { table, entries, stale: this.stale });
    this.units = new CodeUnits(
      space,
      this.arenas,
      (page) => this.notePage(page),
      (unit) => this.useUnit(unit),
    );
    this.flags = new FlagsAcrossCalls(space, frontEnd, this.words, this.table);
  }

  /** The composer, where blocks may be made by it. */
  private composing(): WasmComposer | null {
    // nobody logs what it makes
    if (this.onTranslate !== null) return null;
    if (this.composer === undefined && this.newComposer) {
      this.tellMode();
      this.composer = this.newComposer(this.space.memory, {
        made: (pc, record) => this.made(pc, record),
        crosses: () => this.flags.tell(),
        lookAhead: (pc) => this.flags.lookAhead(pc),
        fetch: (pc) => this.space.executable(pc),
        note: (pc, end) => this.code.noteCode(pc, end),
      });
    }
    if (!this.composer) return null;
    if (!this.rootsMarked) for (const root of this.storedRoots(0, HIGHEST)) this.table.mark(root, Mark.REGION);
    this.rootsMarked = true;
    return this.composer;
  }

  /** Record of the block at pc for a flags kind (-1 = unknown); 0 when its first page is not executable. */
  recordFor(pc: number, kind: number): number {
    return this.linked(pc, kind) || this.translate(pc, kind);
  }

  linked(pc: number, kind: number): number {
    return this.table.target(pc, kind);
  }

  /** Whether the block at pc may lie in two mappings; both pages are noted to have code. */
  private spans(pc: number): boolean {
    const arena = this.units.arenaAt(pc);
    const next = pc - (pc % PAGE_SIZE) + PAGE_SIZE;
    return next - pc < LONGEST && this.space.mayExecute(next) && this.units.arenaAt(next) !== arena;
  }

  private translate(pc: number, kind: number): number {
    if (this.spans(pc)) return this.spanningRecord(pc);
    const arena = this.units.arenaAt(pc);
    // a unit may have come into use
    const known = this.linked(pc, kind);
    if (known !== 0 || this.isFull()) return known;
    return this.compose(pc, kind, arena) || this.liftInto(arena, pc, kind);
  }

  /** Have the composer make a block; 0: it cannot. */
  private compose(pc: number, kind: number, arena: number): number {
    const composer = this.composing();
    if (composer === null || !this.space.executable(pc)) return 0;
    for (;;) {
      const record = composer.make(pc, kind, this.code.codeLimit(pc), arena);
      if (record !== 0 || !composer.wantsRoom) return record;
      if (this.table.isCrowded) this.table.grow();
      else this.arenas.grow(arena);
      if (this.isFull()) return 0;
    }
  }

  /** Lift a block and put its records into an arena; returns the first one, 0 when it cannot be fetched. */
  private liftInto(arena: number, pc: number, kind: number, single = false, context = 0): number {
    const block = this.code.lift(pc, kind, context);
    if (!block) return 0;
    this.onTranslate?.(block);
    const { writer } = this;
    const version = block.readsFlags || single ? kind : -1;
    // what serves every kind must not tell the one it was made for to those behind it
    const passes = version === -1 && !single && !block.setsFlags;
    writer.clear();
    encodeBlock(passes ? { ...block, flagsOut: -1 } : block, writer);
    const at = this.arenas.room(arena, writer.size + (STUB * writer.links.length) / 3);
    if (at === 0) return 0;
    writer.place(this.words, at);
    const record = at + HEADER;
    const asks = block.readsFlags && block.keepsFlags !== true;
    const reads = (block.readsFlags ? READS_FLAGS : 0) | (asks ? ASKS_FLAGS : 0);
    const hotAfter = single || pc >= GUEST_TOP ? NEVER : this.entries.hotAfter;
    const length = (block.end - pc) << LENGTH_SHIFT;
    this.words.set([hotAfter, pc, length | (version & 0xff) | reads, 0], at >>> 2);
    if (!single) this.table.add(pc, version, record);
    this.flags.note(block, asks && !single);
    // an instruction by itself may store to its own page
    if (this.isLasting(context)) this.code.noteCode(pc, block.end);
    this.arenas.commit(arena, this.connect(at, at + writer.size, arena));
    if (!single && pc < GUEST_TOP) this.made(pc, record);
    return record;
  }

  /** Settle the jumps out of the block at `at`, with stubs from `next` on; returns where they end. */
  private connect(at: number, next: number, arena: number): number {
    const { links } = this.writer;
    const from = this.words[(at >>> 2) + 1] as number;
    let end = next;
    for (let i = 0; i < links.length; i += 3) {
      const record = at + (links[i] as number);
      const [pc, kind] = [links[i + 1] as number, links[i + 2] as number];
      // jumps into other units are noted when they are taken
      const inside = arena === LOOSE || this.units.known(pc) === arena;
      const target = inside ? this.linked(pc, kind) : 0;
      if (target === 0) this.words.set([NEVER, pc, kind >>> 0, record, UNLINKED, 0, 0, from], end >>> 2);
      this.words[(record >>> 2) + 2] = target || end + HEADER;
      if (target === 0) end += STUB;
    }
    return end;
  }

  /** A block was made: a region may begin there. */
  private made(pc: number, record: number): void {
    if (this.isReady(pc)) this.entries.rearmStored(record);
    const slot = this.regionSlot(pc);
    if (slot !== undefined) this.entries.enter(pc, slot);
  }

  /** No room for another block: the owner must flush before it translates on. */
  isFull(): boolean {
    return this.arenas.full;
  }

  /** Blocks of a page are about to be made, perhaps by the composer. */
  private notePage(address: number): void {
    if (!this.frontEnd.coherentCode) this.code.noteCode(address, address + PAGE_SIZE);
  }

  /** A call returned to the block at `record` that was to return elsewhere: see KnownCode.arrive. */
  arrive(record: number): boolean {
    return this.code.arrive(this.pcOf(record), record);
  }

  pcOf(record: number): number {
    return this.words[(record + Header.PC) >>> 2] as number;
  }

  /** A copy of the block at pc that never enters a region: for what a region left to be done slowly. */
  slowRecordFor(pc: number, context = 0): number {
    if (context !== 0) return this.recordInContext(pc, context);
    // those of files are kept with their other blocks: a settled run would load the composer for a few of them
    return this.singles.get(pc, 0) ?? (this.table.slow(pc) || this.addSlow(pc));
  }

  private addSlow(pc: number): number {
    if (this.spans(pc)) return this.addSingle(pc, 0);
    const arena = this.units.arenaAt(pc);
    if (arena === LOOSE) return this.addSingle(pc, 0);
    // a unit may have come into use
    const known = this.table.slow(pc);
    if (known !== 0) return known;
    const made = this.single(pc, 0, arena);
    if (made !== 0) this.table.addSlow(pc, made);
    return made;
  }

  /** Record for an instruction that its address does not say enough of (see Facts.contextAt). */
  recordInContext(pc: number, context: number): number {
    if (!this.isLasting(context)) return this.single(pc, context);
    return this.singles.get(pc, context) ?? this.addSingle(pc, context);
  }

  /** Whether blocks for a context are kept: of code that may change unnoticed those that may store to themselves are not. */
  private isLasting(context: number): boolean {
    const { coherentCode, lastingContext = 0 } = this.frontEnd;
    return coherentCode !== true || (context & ~lastingContext) === 0;
  }

  private addSingle(pc: number, context: number): number {
    const made = this.single(pc, context);
    if (made !== 0) this.singles.add(pc, context, made);
    return made;
  }

  private spanningRecord(pc: number): number {
    const known = this.spanning.get(pc);
    if (known !== undefined) return known;
    const made = this.single(pc, 0);
    if (made !== 0) this.spanning.set(pc, made);
    return made;
  }

  /** A block that the table does not know. */
  private single(pc: number, context: number, arena = LOOSE): number {
    if (this.isFull()) return 0;
    // which notes that its pages have code
    this.spans(pc);
    const made = context === 0 ? this.compose(pc, SINGLE, arena) : 0;
    return made !== 0 ? made : this.liftInto(arena, pc, -1, true, context);
  }

  // ── changes of guest code ──

  /** Whether translations wait to be dropped. */
  get isChanged(): boolean {
    return this.changed.length > 0;
  }

  /**
   * Guest code of [start, end) has changed, or will; `inRegion`: regions in use are made of it. Whether translations of it
   * have to be dropped, for which nobody may run.
   */
  invalidate(start: number, end: number, inRegion: boolean): boolean {
    const units = this.units.forget(start, end);
    this.changed.push(...units);
    const found = this.code.holds(start, end) ? this.stale.find(start, end) : NOTHING;
    // they may read flags from before now
    for (const pc of found.called) this.flags.lookAhead(pc);
    if (inRegion || found.any) this.changed.push(start, end);
    return inRegion || found.any || units.length > 0;
  }

  /** The page of this address is about to be stored to where it has code (see Facts.coherentCode): all of it goes. */
  invalidatePage(address: number): void {
    const start = address - (address % PAGE_SIZE);
    this.changed.push(start, start + PAGE_SIZE);
  }

  /** What changed since this was asked last: (start, end) …. */
  takeChanged(): readonly number[] {
    const { changed } = this;
    this.changed = [];
    return changed;
  }

  /** Nobody runs, and no region is in use that was made of code in [start, end): nor will blocks of it be. */
  drop(start: number, end: number): void {
    this.stale.add(start, end);
    if (!this.frontEnd.coherentCode) return;
    this.code.drop(start, end);
  }

  /** The first record of a block whose code has changed was executed: translate what is there now. 0: it cannot be fetched. */
  private renew(record: number): number {
    const pc = this.pcOf(record);
    const made = this.single(pc, 0);
    if (made === 0) return 0;
    this.stale.replace(record, made);
    const { table } = this;
    if (table.asksFlags(made) && this.flags.areOthers(pc)) this.flags.tell();
    if (this.spanning.get(pc) === record) return made;
    this.entries.rearm(record, this.entries.hotAfter);
    this.made(pc, record);
    return made;
  }

  /** Have the composer know which templates are for nobody. */
  private tellMode(): void {
    this.words[CODE_CONTROL / 4 + Control.EXACT] = this.frontEnd.exact ? 1 : 0;
  }

  flush(): void {
    this.tellMode();
    this.rootsMarked = false;
    this.units.clear();
    this.table.clear();
    this.singles.clear();
    this.spanning.clear();
    this.stale.clear();
    this.changed = [];
    this.entries.clear();
    this.crossings.clear();
    this.code.clear();
  }

  /**
   * Go on as the copy of another process, whose pages were copied: its translations are ours too. Regions are
   * not in use here yet; blocks that entered one are offered to the compiler soon, which has it at hand.
   */
  inherit(from: CodeCache): void {
    this.image ??= from.image;
    this.flags.inherit(from.flags);
    this.newComposer = from.newComposer;
    this.code.inherit(from.code);
    this.table.inherit(from.space);
    this.units.inherit(from.units);
    this.entries.inherit(from.entries);
    for (const [record, stub] of from.crossings) this.crossings.set(record, stub);
    for (const [pc, record] of from.spanning) this.spanning.set(pc, record);
    this.stale.inherit(from.stale);
    this.changed = [...from.changed];
  }

  /** The stub at `record` was executed: translate its target and link. 0: cannot be fetched. */
  follow(record: number): number {
    if (this.stale.has(record)) return this.renew(record);
    // a worker thread asked for the same before
    if (this.halves[record >>> 1] !== UNLINKED) return record;
    // what only lacks its link needs no composer
    const done = this.composer && this.composing()?.follow(record);
    if (done) return done;
    const header = (record - HEADER) >>> 2;
    const pc = this.words[header + 1] as number;
    const kind = (this.words[header + 2] as number) | 0;
    const jump = this.words[header + 3] as number;
    const target = this.recordFor(pc, kind);
    if (target === 0) return 0;
    // not the jump's own pc: some branches have a number there
    const from = this.words[(record >>> 2) + 3] as number;
    if (this.spans(pc) || this.units.known(from) !== this.units.arenaAt(pc)) this.crossings.set(jump, record);
    // where a jump goes: worker threads see either target
    Atomics.store(this.words, (jump >>> 2) + 2, target);
    return target;
  }

  // ── translations of other processes and earlier runs ──

  get image(): BlockImage | null {
    return this.units.image;
  }
  set image(image: BlockImage | null) {
    this.units.image = image;
  }
  /** Keep what `save` needs. */
  get recording(): boolean {
    return this.units.recording;
  }
  set recording(on: boolean) {
    this.units.recording = on;
  }

  /** A unit of the image comes into use; false: it is damaged. */
  private useUnit(unit: BlockUnit): boolean {
    // one larger table for all that may come
    this.table.reserve(this.units.awaited.reduce((sum, { entries }) => sum + entries / 2, 0));
    if (!this.table.load(unit.entries, (entries) => unit.load(this.space.memory.buffer, entries))) return false;
    const { runs } = unit;
    for (let i = 0; i < runs.length; i += 2) {
      this.code.noteCode(runs[i] as number, (runs[i] as number) + (runs[i + 1] as number));
    }
    if (unit.crosses) this.flags.tell();
    this.entries.rearmReady(this.readyRoots(unit.start, unit.end));
    for (const root of this.usedRoots(unit.start, unit.end)) {
      for (const record of this.table.recordsAt(root)) this.made(root, record);
    }
    return true;
  }

  /** Blocks that `save` would add to the image. */
  get freshCount(): number {
    return this.units.freshCount;
  }

  /** Translations are made differently from now on: neither use nor keep those of other runs. */
  forsakeImage(): void {
    this.image = null;
    this.recording = false;
  }

  /** Machine code of the composer, optimised; null where it was not used. */
  composerCode(): Uint8Array | null {
    const { composer } = this;
    if (!composer) return null;
    optimise(composer.exports);
    return machineCode(composer.module, composer.exports);
  }

  /** What to keep after this run, in pieces; null: nothing is new. `inPlace`: it is written before the memory is used again. */
  save(version: number, inPlace = false): Uint32Array[] | null {
    const { units, arenas, table, words, crossings } = this;
    const { entered, hotAfter } = this.entries;
    const crosses = this.flags.cross;
    const { grown } = units;
    if (grown.length === 0) return null;
    const live = dumpUnits(grown, units, arenas, table, words, { entered, crossings, hotAfter, crosses, inPlace });
    return writeImage(live, this.image?.units ?? [], version);
  }
}

const UNLINKED = specialNumber('unlinked');
const HIGHEST = 2 ** 32;
const NOTHING = { any: false, called: [] } as const;
