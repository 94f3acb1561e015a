import { ActiveUnits } from './active-units.ts';
import { specialNumber } from './backend/interpreter/contract.ts';
import type { RecordSink } from './backend/interpreter/encode.ts';
import type { BlockSource } from './backend/wasm/region/discover.ts';
import { type BlockImage, writeImage } from './block-image.ts';
import { type BlockFacts, type BlockNotes, BlockRecorder, type FreshUnit, missingIn } from './block-recorder.ts';
import type { BlockUnit } from './block-unit.ts';
import { templatesName } from './built-templates.ts';
import type { Composed, Composer } from './composer.ts';
import type { FrontEnd } from './frontend/frontend.ts';
import { type Block, lastByte } from './ir/block.ts';
import { machineCode, optimise } from './machine-code.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import {
  BYTECODE,
  BYTECODE_SIZE,
  CONST_POOL,
  CONST_POOL_SIZE,
  GUEST_TOP,
  PAGE_SHIFT,
  PAGE_SIZE,
} from './memory/layout.ts';
import { TemplateTable } from './template-table.ts';
import { createComposer, encodeBlock } from './translation.ts';
import { type CachedBlock, Translations } from './translations.ts';
import { WasmComposer } from './wasm-composer.ts';

const NEVER = 0x7fffffff;
/** Room left for one more block, in bytes. */
const MARGIN = 0x10000;
/** Executions until a block enters a region that is at hand: V8's baseline compiler costs as much as some 100. */
const STORED_AFTER = 100;

/** A block whose records were written. */
interface Put {
  readonly facts: BlockFacts;
  readonly record: number;
  /** Records of its own. */
  readonly count: number;
}

/**
 * The cold tier's translations of one process: blocks by guest pc (and by the flags kind they were
 * translated for, where they read flags), records and constants in wasm memory.
 */
export class CodeCache implements RecordSink, BlockSource {
  private readonly space: GuestAddressSpace;
  private readonly frontEnd: FrontEnd;
  private readonly words: Uint32Array;
  private readonly halves: Uint16Array;
  private own = new Translations(null);
  private readonly units: ActiveUnits;
  private readonly recorder: BlockRecorder;
  /** Undefined: not asked for yet. */
  private composer: Composer | null | undefined;
  private wasmComposer: WasmComposer | null | undefined;
  /** The module of the composer in WebAssembly; null: blocks are put together in JavaScript. */
  composerModule: (() => WebAssembly.Module) | null = null;
  /** Executions of a block that is called or jumped back to until it is offered to the region compiler. */
  hotAfter = 2000;
  /** Roots of the regions that are at hand from earlier. */
  storedRoots: () => Iterable<number> = () => [];
  /** Whether a region for a pc is at hand from earlier. */
  isStored: (pc: number) => boolean = () => false;
  /** Table slot of the region at a pc, if compiled. */
  regionSlot: (pc: number) => number | undefined = () => undefined;
  /** Called when code turns up at a function's entry or behind a call that reads flags from before. */
  onFlagsCross: () => void = () => {};
  /** Such code has turned up. */
  crosses = false;
  /** Called for every block translated (logging). */
  onTranslate: ((block: Block) => void) | null = null;

  constructor(space: GuestAddressSpace, frontEnd: FrontEnd) {
    this.space = space;
    this.frontEnd = frontEnd;
    this.words = new Uint32Array(space.memory.buffer);
    this.halves = new Uint16Array(space.memory.buffer);
    this.units = new ActiveUnits(space, this.words);
    this.recorder = new BlockRecorder(space);
  }

  private newComposer(): Composer | null {
    const { single } = this.frontEnd;
    if (!single) return null;
    const constantAt = (bytes: readonly number[]): number => this.constantAddress(bytes);
    return createComposer(
      this.frontEnd,
      single,
      this.words,
      constantAt,
      TemplateTable.of(templatesName(this.frontEnd)),
    );
  }

  private newWasmComposer(): WasmComposer | null {
    const table = this.composerModule && TemplateTable.of(templatesName(this.frontEnd));
    if (!table || !this.composerModule) return null;
    const { memory } = this.space;
    return new WasmComposer(this.composerModule(), memory, table, (bytes) => this.constantAddress(bytes));
  }

  /** Record of the block at pc for a flags kind (-1 = unknown); 0 when its first page is not executable. */
  recordFor(pc: number, kind: number): number {
    return this.linked(pc, kind) || this.translate(pc, kind);
  }

  linked(pc: number, kind: number): number {
    const any = this.own.find(pc);
    if (any && (!any.readsFlags || kind < 0)) return any.record;
    const version = kind < 0 ? undefined : this.own.find(versionKey(pc, kind));
    return version?.record ?? this.units.find(pc, kind);
  }

  /** IR of the block at pc, or null when it cannot be fetched. */
  lift(pc: number, kind: number, context = 0): Block | null {
    if (!this.space.executable(pc)) return pc < GUEST_TOP ? null : (this.frontEnd.vectors?.lift(pc, kind) ?? null);
    return this.frontEnd.liftBlock(this.space.view, pc, kind, this.codeLimit(pc), context);
  }

  /** Where code that can be fetched ends, as far as a block at pc might care. */
  private codeLimit(pc: number): number {
    let limit = pc - (pc % PAGE_SIZE) + PAGE_SIZE;
    while (limit - pc < 256 && this.space.executable(limit)) limit += PAGE_SIZE;
    return limit;
  }

  private translate(pc: number, kind: number, context = 0): number {
    const slow = kind === SLOW;
    if (!slow && this.useUnit(pc)) {
      const known = this.units.find(pc, kind);
      if (known !== 0) return known;
    }
    if (this.isFull()) return 0;
    const plain = !slow && context === 0 && pc < GUEST_TOP && this.onTranslate === null;
    const put = (plain && this.compose(pc, kind)) || this.encode(pc, kind, context);
    if (put === null) return 0;
    const { links } = this.notes;
    for (let i = 0; i < links.length; i += 3) {
      this.connect(links[i] as number, links[i + 1] as number, links[i + 2] as number);
    }
    const { facts, record, count } = put;
    // the kernel's page has no code to compare with another time
    if (slow || pc >= GUEST_TOP) return record;
    if (this.recording) this.recorder.add(facts, record, count, this.notes);
    this.enterIfCompiled(pc);
    return record;
  }

  /** Lift the block at pc and encode it as a whole; null when it cannot be fetched. */
  private encode(pc: number, kind: number, context: number): Put | null {
    const slow = kind === SLOW;
    const block = this.lift(pc, slow ? -1 : kind, context);
    if (!block) return null;
    this.onTranslate?.(block);
    const version = block.readsFlags || slow ? kind : -1;
    const { terminal, end, readsFlags } = block;
    const callTarget = terminal.kind === 'call' ? terminal.target : 0;
    const returnsTo = terminal.kind === 'call' || terminal.kind === 'callIndirect' ? terminal.ret : 0;
    const facts = { pc, kind: version, end, readsFlags, callTarget, returnsTo };
    const record = this.register(facts, context);
    this.notes = { links: [], internals: [], constants: [] };
    // what serves every kind must not tell the one it was made for to those behind it
    const passes = version === -1 && !block.setsFlags;
    encodeBlock(passes ? { ...block, flagsOut: -1 } : block, this);
    return { facts, record, count: (this.own.next - record) / 16 };
  }

  /** Put the block at pc together from templates; null when it cannot be. */
  private compose(pc: number, kind: number): Put | null {
    if (!this.space.executable(pc)) return null;
    const record = this.own.next + 16;
    const found = this.composed(pc, kind, record);
    if (!found) return null;
    const { end, readsFlags, callTarget, returnsTo, length } = found;
    const facts = { pc, kind: readsFlags ? kind : -1, end, readsFlags, callTarget, returnsTo };
    this.register(facts);
    this.own.next += 4 * length;
    return { facts, record, count: length / 4 };
  }

  private composed(pc: number, kind: number, record: number): Composed | null {
    const limit = this.codeLimit(pc);
    this.notes = { links: [], internals: [], constants: [] };
    if (!this.frontEnd.exact) {
      if (this.wasmComposer === undefined) this.wasmComposer = this.newWasmComposer();
      const found = this.wasmComposer?.compose(pc, kind, limit, record, this.notes);
      if (found) return found;
    }
    if (this.composer === undefined) this.composer = this.newComposer();
    return this.composer?.compose(this.space.view, pc, kind, limit, record >>> 2, this.notes) ?? null;
  }

  /** Write the header of a block that begins here and make it known; returns its first record's place. */
  private register(block: BlockFacts, context = 0): number {
    const { pc, kind: version, end, readsFlags, callTarget, returnsTo } = block;
    const slow = version === SLOW;
    const hotAfter =
      slow || pc >= GUEST_TOP ? NEVER : this.isStored(pc) ? Math.min(STORED_AFTER, this.hotAfter) : this.hotAfter;
    this.words.set([hotAfter, pc, version >>> 0, 0], this.own.next >>> 2);
    this.own.next += 16;
    const record = this.own.next;
    const cached: CachedBlock = { pc, end, record, readsFlags };
    const key = version >= 0 ? versionKey(pc, version) : pc;
    const { own } = this;
    own.blocks.set(context === 0 ? key : contextKey(pc, context), cached);
    if (version >= 0 && !slow) own.addVersion(pc, record);
    if (callTarget !== 0 && !this.isFunction(callTarget)) {
      own.functions.add(callTarget);
      this.lookAhead(callTarget);
    }
    if (returnsTo !== 0) {
      own.returnSites.add(returnsTo);
      this.lookAhead(returnsTo);
    }
    for (const at of [pc, callTarget, returnsTo]) {
      // this one may be known for its flags kind alone
      const reads = at === pc ? readsFlags && !slow : (own.find(at)?.readsFlags ?? this.units.readsFlags(at));
      if (reads && (this.isFunction(at) || this.isReturnSite(at))) this.tellCrossing();
    }
    // an instruction by itself may store to its own page
    if (context === 0 || !this.frontEnd.coherentCode) this.noteCode(pc, end);
    return record;
  }

  /** A call goes to pc, or will return there: whether flags cross is known before it is made. */
  private lookAhead(pc: number): void {
    const { space, frontEnd } = this;
    if (this.crosses || frontEnd.flagsCross) return;
    if (frontEnd.readsFlagsAt?.(space.view, pc, (at) => space.executable(at))) this.tellCrossing();
  }

  private tellCrossing(): void {
    this.crosses = true;
    this.onFlagsCross();
  }

  private enterIfCompiled(pc: number): void {
    const slot = this.regionSlot(pc);
    if (slot !== undefined) this.enterRegion(pc, slot);
  }

  /** No room for another block: the owner must flush before it translates on. */
  isFull(): boolean {
    return this.own.next > this.limit || this.own.nextConstant > CONST_POOL + CONST_POOL_SIZE - MARGIN;
  }

  /** Whether translated code lies in the pages of the range. */
  holdsCode(start: number, end: number): boolean {
    return this.own.holdsPage(Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE));
  }

  /** Whether some bytes of a page, from `start` up to `end`, were translated (see Facts.coherentCode). */
  holdsCodeBytes(start: number, end: number): boolean {
    const first = start - (start % PAGE_SIZE);
    return this.own.holdsBytes(first / PAGE_SIZE, start - first, end - first);
  }

  // ── BlockSource ──

  noteCode(start: number, end: number): void {
    for (let page = start >>> PAGE_SHIFT; page <= (end - 1) >>> PAGE_SHIFT; page++) {
      this.own.pages.add(page);
      if (!this.frontEnd.coherentCode) continue;
      const first = page * PAGE_SIZE;
      this.own.noteBytes(page, Math.max(start - first, 0), Math.min(end - first, PAGE_SIZE));
      this.space.watchCode(page);
    }
  }

  hasRun(pc: number): boolean {
    return this.recordsAt(pc).length > 0;
  }

  isFunction(pc: number): boolean {
    return this.own.isFunction(pc) || this.units.isFunction(pc);
  }

  private isReturnSite(pc: number): boolean {
    return this.own.isReturnSite(pc) || this.units.isReturnSite(pc);
  }

  /** An indirect jump at `site` went to `pc` for the first time (as far as the jump cache tells). */
  noteTarget(site: number, pc: number): void {
    this.own.addTarget(site, pc);
  }

  jumpTargets(block: Block): readonly number[] {
    return this.own.targetsOf(lastByte(block));
  }

  wentTo(site: number, pc: number): boolean {
    return this.own.wentTo(site, pc);
  }

  /** The block at pc now begins with a jump into the region in table slot `slot`, in all its versions. */
  enterRegion(pc: number, slot: number): void {
    for (const record of this.recordsAt(pc)) {
      const at = record >>> 1;
      if (!this.entered.has(record)) this.entered.set(record, this.halves[at] as number);
      // worker threads may run the block meanwhile: nothing they might read changes but the operation
      this.words[(record - 4) >>> 2] = slot;
      Atomics.store(this.halves, at, ENTER);
      this.words[(record - 16) >>> 2] = NEVER;
    }
  }

  private recordsAt(pc: number): number[] {
    const records = this.own.versionsOf(pc);
    const any = this.own.find(pc);
    if (any) records.push(any.record);
    return [...records, ...this.units.recordsAt(pc)];
  }

  /** Wait another while before the block is offered to the region compiler again. */
  rearm(record: number, count: number): void {
    this.words[(record - 16) >>> 2] = count;
  }

  pcOf(record: number): number {
    return this.words[((record - 16) >>> 2) + 1] as number;
  }

  /** A copy of the block at pc that never enters a region: for what a region left to be done slowly. */
  slowRecordFor(pc: number, context = 0): number {
    if (context !== 0) return this.recordInContext(pc, context);
    return this.own.find(versionKey(pc, SLOW))?.record ?? this.translate(pc, SLOW);
  }

  /** Record for an instruction that its address does not say enough of (see Facts.contextAt). */
  recordInContext(pc: number, context: number): number {
    const key = contextKey(pc, context);
    // of code that may change unnoticed nothing is kept
    const known = this.frontEnd.coherentCode ? undefined : this.own.find(key);
    return known?.record ?? this.translate(pc, SLOW, context);
  }

  flush(): void {
    // how instructions are translated may have changed
    this.composer = undefined;
    this.recorder.clear();
    this.units.clear();
    this.entered.clear();
    // anew: children may use the old ones
    this.own = new Translations(null, this.own);
  }

  /**
   * Go on as the copy of another process, whose pages were copied: its translations are ours too. Regions are
   * not in use here yet; blocks that entered one are offered to the compiler soon, which has it at hand.
   */
  inherit(from: CodeCache): void {
    this.image ??= from.image;
    this.crosses = from.crosses;
    this.composerModule = from.composerModule;
    this.own = new Translations(from.own);
    this.units.inherit(from.units);
    this.space.copyOwn(from.space, BYTECODE, this.own.next);
    this.units.copyRecords(from.space, this.space);
    this.limit = this.units.from - MARGIN;
    this.space.copyOwn(from.space, CONST_POOL, this.own.nextConstant);
    for (const [record, op] of from.entered) {
      this.halves[record >>> 1] = op;
      this.rearm(record, Math.min(STORED_AFTER, this.hotAfter));
    }
  }

  /** The stub at `record` was executed: translate its target and link. 0: cannot be fetched. */
  follow(record: number): number {
    const header = (record - 16) >>> 2;
    const pc = this.words[header + 1] as number;
    const kind = (this.words[header + 2] as number) | 0;
    const patch = this.words[header + 3] as number;
    const target = this.recordFor(pc, kind);
    if (target !== 0) this.patchImm(patch, target);
    return target;
  }

  // ── RecordSink ──

  put(op: number, d: number, a: number, b: number, imm: number, pc: number): number {
    const record = this.own.next;
    const w = record >>> 2;
    const { words } = this;
    words[w] = op | (d << 16);
    words[w + 1] = a | (b << 16);
    words[w + 2] = imm;
    words[w + 3] = pc;
    this.own.next = record + 16;
    return record;
  }

  internal(record: number, target: number): void {
    this.notes.internals.push(record, target);
    this.patchImm(record, target);
  }

  constant(bytes: readonly number[]): number {
    this.notes.constants.push(this.own.next, bytes);
    return this.constantAddress(bytes);
  }

  link(record: number, pc: number, kind: number): void {
    this.notes.links.push(record, pc, kind);
  }

  private patchImm(record: number, imm: number): void {
    // where a jump goes: worker threads see either target
    Atomics.store(this.words, (record >>> 2) + 2, imm);
  }

  private constantAddress(bytes: readonly number[]): number {
    const key = bytes.join();
    const known = this.own.constant(key);
    if (known !== undefined) return known;
    const at = this.own.nextConstant;
    new Uint8Array(this.space.memory.buffer, at, bytes.length).set(bytes);
    this.own.nextConstant += (bytes.length + 15) & ~15;
    this.own.constants.set(key, at);
    return at;
  }

  /** A jump's target if it is translated, else a stub behind the block's own records. */
  private connect(record: number, pc: number, kind: number): void {
    const target = this.linked(pc, kind);
    if (target !== 0) return this.patchImm(record, target);
    this.words.set([NEVER, pc, kind >>> 0, record], this.own.next >>> 2);
    this.own.next += 16;
    this.patchImm(record, this.put(UNLINKED, 0, 0, 0, 0, pc));
  }

  // ── translations of other processes and earlier runs ──

  get image(): BlockImage | null {
    return this.units.image;
  }
  set image(image: BlockImage | null) {
    this.units.image = image;
    this.limit = this.units.from - MARGIN;
  }
  /** Records of our own end here: those of units lie behind. */
  private limit = BYTECODE + BYTECODE_SIZE - MARGIN;
  /** Keep what `save` needs. */
  recording = false;
  private notes: BlockNotes = { links: [], internals: [], constants: [] };
  /** First records that enterRegion has overwritten, and their operations. */
  private readonly entered = new Map<number, number>();

  /** Take the image's unit with code for pc into use, if there is one that fits; whether there was. */
  private useUnit(pc: number): boolean {
    const unit = this.units.candidate(pc);
    if (unit === null) return false;
    const { base, constants, runs, start, end } = unit;
    const constantsEnd = this.own.nextConstant + 4 * constants.length;
    if (this.own.next > base - MARGIN || constantsEnd > CONST_POOL + CONST_POOL_SIZE - MARGIN) return false;
    this.units.place(unit, this.own.nextConstant);
    this.own.nextConstant = constantsEnd;
    for (let i = 0; i < runs.length; i += 2) {
      this.noteCode(runs[i] as number, (runs[i] as number) + (runs[i + 1] as number));
    }
    if (unit.crosses) this.tellCrossing();
    for (const root of this.storedRoots()) {
      if (root < start || root >= end) continue;
      for (const record of this.units.recordsAt(root)) this.rearm(record, Math.min(STORED_AFTER, this.hotAfter));
      this.enterIfCompiled(root);
    }
    return true;
  }

  /** Blocks translated since the start that `save` would add: another process may have kept the same ones meanwhile. */
  get freshCount(): number {
    return this.recorder.units.reduce((sum, fresh) => sum + missingIn(this.keptUnit(fresh), fresh), 0);
  }

  /** What the image has of a mapping, if memory holds the same code. */
  private keptUnit({ start, end }: FreshUnit): BlockUnit | null {
    return this.image?.units.find((unit) => unit.start === start && unit.end === end && this.units.fits(unit)) ?? null;
  }

  /** Translations are made differently from now on: neither use nor keep those of other runs. */
  forsakeImage(): void {
    this.image = null;
    this.recording = false;
    this.recorder.clear();
  }

  /** Machine code of the composer, optimised; null where it was not used. */
  composerCode(): Uint8Array | null {
    const { wasmComposer } = this;
    if (!wasmComposer) return null;
    optimise(wasmComposer.exports);
    return machineCode(wasmComposer.module, wasmComposer.exports);
  }

  /** The image to keep after this run, or null when there is nothing new. */
  save(version: number): Uint32Array | null {
    if (this.freshCount === 0) return null;
    const { words, entered } = this;
    const source = {
      words,
      original: (record: number) => entered.get(record),
      hotAfter: this.hotAfter,
      never: NEVER,
      unlinked: UNLINKED,
      crosses: this.crosses,
    };
    return writeImage(this.recorder.units, this.image, (fresh) => this.keptUnit(fresh), source, version);
  }
}

const UNLINKED = specialNumber('unlinked');
const ENTER = specialNumber('enter');
/** Stands for a flags kind in the key of a slow copy. */
const SLOW = 62;

/** Key of a block version: pcs are below 2^32 and multiples of 4 or 1, kinds below 64. */
const versionKey = (pc: number, kind: number): number => (kind + 1) * 0x1_0000_0000 + pc;
/** Contexts are below 256. */
const contextKey = (pc: number, context: number): number => (context + 64) * 0x1_0000_0000 + pc;
