import type { RecordSink } from './backend/interpreter/encode.ts';
import { encodeBlock } from './backend/interpreter/encode.ts';
import { handlerNumber } from './backend/interpreter/handlers.ts';
import type { BlockSource } from './backend/wasm/region/discover.ts';
import { type BlockImage, type ImageBody, writeImage } from './block-image.ts';
import type { FrontEnd } from './frontend/frontend.ts';
import { type Block, lastByte } from './ir/block.ts';
import {
  BYTECODE,
  BYTECODE_SIZE,
  CONST_POOL,
  CONST_POOL_SIZE,
  GUEST_BASE,
  GUEST_TOP,
  PAGE_SHIFT,
  PAGE_SIZE,
} from './memory/layout.ts';
import type { AddressSpace } from './memory/types.ts';

/** A guest basic block translated for the cold tier. */
export interface CachedBlock {
  readonly pc: number;
  readonly end: number;
  /** Wasm offset of its first record; the header {count, pc, flags kind, –} lies 16 bytes before. */
  readonly record: number;
  readonly readsFlags: boolean;
  readonly flagsOut: number;
}

const NEVER = 0x7fffffff;
/** Executions until a block enters a region that is at hand: V8's baseline compiler costs as much as some 100. */
const STORED_AFTER = 100;

/**
 * The cold tier's translations of one process: blocks by guest pc (and by the flags kind they were
 * translated for, where they read flags), records and constants in wasm memory.
 */
export class CodeCache implements RecordSink, BlockSource {
  private readonly space: AddressSpace;
  private readonly frontEnd: FrontEnd;
  private readonly words: Uint32Array;
  private blocks = new Map<number, CachedBlock>();
  /** Records of the blocks that were translated for a flags kind, by pc. */
  private readonly versions = new Map<number, number[]>();
  private constants = new Map<string, number>();
  private next = BYTECODE;
  private nextConstant = CONST_POOL;
  private readonly functions = new Set<number>();
  /** Where calls return to. */
  private readonly returnSites = new Set<number>();
  private readonly targets = new Map<number, Set<number>>();
  /** Guest pages that hold translated code. */
  private readonly pages = new Set<number>();
  /** Executions of a block that is called or jumped back to until it is offered to the region compiler. */
  hotAfter = 2000;
  /** Whether a region for a pc is at hand from earlier. */
  isStored: (pc: number) => boolean = () => false;
  /** Table slot of the region at a pc, if compiled. */
  regionSlot: (pc: number) => number | undefined = () => undefined;
  /** Called when code turns up at a function's entry or behind a call that reads flags from before. */
  onFlagsCross: () => void = () => {};
  /** Called for every block translated (logging). */
  onTranslate: ((block: Block) => void) | null = null;

  constructor(space: AddressSpace, frontEnd: FrontEnd) {
    this.space = space;
    this.frontEnd = frontEnd;
    this.words = new Uint32Array(space.memory.buffer);
  }

  /** Record of the block at pc for a flags kind (-1 = unknown); 0 when its first page is not executable. */
  recordFor(pc: number, kind: number): number {
    return this.linked(pc, kind) || this.translate(pc, kind);
  }

  linked(pc: number, kind: number): number {
    const any = this.blocks.get(pc);
    if (any && (!any.readsFlags || kind < 0)) return any.record;
    return kind < 0 ? 0 : (this.blocks.get(versionKey(pc, kind))?.record ?? 0);
  }

  /** IR of the block at pc, or null when it cannot be fetched. */
  lift(pc: number, kind: number, context = 0): Block | null {
    if (!this.space.executable(pc)) return pc < GUEST_TOP ? null : (this.frontEnd.vectors?.lift(pc, kind) ?? null);
    let limit = pc - (pc % PAGE_SIZE) + PAGE_SIZE;
    while (limit - pc < 256 && this.space.executable(limit)) limit += PAGE_SIZE;
    return this.frontEnd.liftBlock(this.space.view, pc, kind, limit, context);
  }

  private translate(pc: number, kind: number, context = 0): number {
    const slow = kind === SLOW;
    if (this.image && !slow) {
      const restored = this.restore(pc, kind);
      if (restored !== 0) return restored;
    }
    const block = this.lift(pc, slow ? -1 : kind, context);
    if (!block) return 0;
    this.onTranslate?.(block);
    if (this.isFull()) return 0;
    const version = block.readsFlags || slow ? kind : -1;
    const { terminal } = block;
    const callTarget = terminal.kind === 'call' ? terminal.target : 0;
    const returnsTo = terminal.kind === 'call' || terminal.kind === 'callIndirect' ? terminal.ret : 0;
    const record = this.register({ ...block, callTarget, returnsTo }, version, context);
    this.notes = { links: [], internals: [], constants: [] };
    encodeBlock(block, this);
    const count = (this.next - record) / 16;
    const { links } = this.notes;
    for (let i = 0; i < links.length; i += 3) {
      this.connect(links[i] as number, links[i + 1] as number, links[i + 2] as number);
    }
    // the kernel's page has no code to compare with another time
    if (slow || pc >= GUEST_TOP) return record;
    if (this.recording) {
      const { end, readsFlags, flagsOut } = block;
      const code = this.words.slice((GUEST_BASE + pc) >>> 2, (GUEST_BASE + end + 3) >>> 2);
      const kept = { pc, kind: version, end, readsFlags, flagsOut, callTarget, returnsTo, code };
      this.fresh.push({ block: kept, record, count, notes: this.notes });
    }
    this.enterIfCompiled(pc);
    return record;
  }

  /** Write the header of a block that begins here and make it known; returns its first record's place. */
  private register(
    block: Pick<ImageBody, 'pc' | 'end' | 'readsFlags' | 'flagsOut' | 'callTarget' | 'returnsTo'>,
    version: number,
    context = 0,
  ): number {
    const { pc, end, readsFlags, flagsOut, callTarget, returnsTo } = block;
    const slow = version === SLOW;
    const hotAfter =
      slow || pc >= GUEST_TOP ? NEVER : this.isStored(pc) ? Math.min(STORED_AFTER, this.hotAfter) : this.hotAfter;
    this.words.set([hotAfter, pc, version >>> 0, 0], this.next >>> 2);
    this.next += 16;
    const record = this.next;
    const cached: CachedBlock = { pc, end, record, readsFlags, flagsOut };
    const key = version >= 0 ? versionKey(pc, version) : pc;
    this.blocks.set(context === 0 ? key : contextKey(pc, context), cached);
    if (version >= 0 && !slow) {
      const known = this.versions.get(pc);
      if (known) known.push(record);
      else this.versions.set(pc, [record]);
    }
    if (callTarget !== 0) this.functions.add(callTarget);
    if (returnsTo !== 0) this.returnSites.add(returnsTo);
    for (const at of [pc, callTarget, returnsTo]) {
      const crossed = this.functions.has(at) || this.returnSites.has(at);
      if (crossed && this.blocks.get(at)?.readsFlags === true) this.onFlagsCross();
    }
    this.noteCode(pc, end);
    return record;
  }

  private enterIfCompiled(pc: number): void {
    const slot = this.regionSlot(pc);
    if (slot !== undefined) this.enterRegion(pc, slot);
  }

  /** No room for another block: the owner must flush before it translates on. */
  isFull(): boolean {
    return this.next > BYTECODE + BYTECODE_SIZE - 0x10000 || this.nextConstant > CONST_POOL + CONST_POOL_SIZE - 0x10000;
  }

  /** Whether translated code lies in the pages of the range. */
  holdsCode(start: number, end: number): boolean {
    const first = Math.floor(start / PAGE_SIZE);
    const last = Math.ceil(end / PAGE_SIZE);
    if (last - first > this.pages.size) return [...this.pages].some((page) => page >= first && page < last);
    for (let page = first; page < last; page++) if (this.pages.has(page)) return true;
    return false;
  }

  // ── BlockSource ──

  noteCode(start: number, end: number): void {
    for (let page = start >>> PAGE_SHIFT; page <= (end - 1) >>> PAGE_SHIFT; page++) this.pages.add(page);
  }

  hasRun(pc: number): boolean {
    return this.blocks.has(pc) || this.versions.has(pc);
  }

  isFunction(pc: number): boolean {
    return this.functions.has(pc);
  }

  /** An indirect jump at `site` went to `pc` for the first time (as far as the jump cache tells). */
  noteTarget(site: number, pc: number): void {
    const known = this.targets.get(site);
    if (known) known.add(pc);
    else this.targets.set(site, new Set([pc]));
  }

  jumpTargets(block: Block): readonly number[] {
    return [...(this.targets.get(lastByte(block)) ?? [])];
  }

  /** The block at pc now begins with a jump into the region in table slot `slot`, in all its versions. */
  enterRegion(pc: number, slot: number): void {
    for (const record of this.recordsAt(pc)) {
      const w = record >>> 2;
      if (!this.entered.has(record)) this.entered.set(record, [this.words[w] as number, this.words[w + 2] as number]);
      this.words[w] = ENTER;
      this.words[(record >>> 2) + 2] = slot;
      this.words[(record - 16) >>> 2] = NEVER;
    }
  }

  private recordsAt(pc: number): number[] {
    const records = [...(this.versions.get(pc) ?? [])];
    const any = this.blocks.get(pc);
    if (any) records.push(any.record);
    return records;
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
    return this.blocks.get(versionKey(pc, SLOW))?.record ?? this.translate(pc, SLOW);
  }

  /** Record for an instruction that its address does not say enough of (see FrontEnd.context). */
  recordInContext(pc: number, context: number): number {
    const key = contextKey(pc, context);
    return this.blocks.get(key)?.record ?? this.translate(pc, SLOW, context);
  }

  flush(): void {
    this.fresh = [];
    this.entered.clear();
    this.versions.clear();
    this.functions.clear();
    this.returnSites.clear();
    this.targets.clear();
    this.blocks.clear();
    this.next = BYTECODE;
    this.pages.clear();
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
    const record = this.next;
    const w = record >>> 2;
    const { words } = this;
    words[w] = op | (d << 16);
    words[w + 1] = a | (b << 16);
    words[w + 2] = imm;
    words[w + 3] = pc;
    this.next = record + 16;
    return record;
  }

  internal(record: number, target: number): void {
    this.notes.internals.push(record, target);
    this.patchImm(record, target);
  }

  constant(bytes: readonly number[]): number {
    this.notes.constants.push(this.next, bytes);
    return this.constantAddress(bytes);
  }

  link(record: number, pc: number, kind: number): void {
    this.notes.links.push(record, pc, kind);
  }

  private patchImm(record: number, imm: number): void {
    this.words[(record >>> 2) + 2] = imm;
  }

  private constantAddress(bytes: readonly number[]): number {
    const key = bytes.join();
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const at = this.nextConstant;
    new Uint8Array(this.space.memory.buffer, at, bytes.length).set(bytes);
    this.nextConstant += (bytes.length + 15) & ~15;
    this.constants.set(key, at);
    return at;
  }

  /** A jump's target if it is translated, else a stub behind the block's own records. */
  private connect(record: number, pc: number, kind: number): void {
    const target = this.linked(pc, kind);
    if (target !== 0) return this.patchImm(record, target);
    this.words.set([NEVER, pc, kind >>> 0, record], this.next >>> 2);
    this.next += 16;
    this.patchImm(record, this.put(UNLINKED, 0, 0, 0, 0, pc));
  }

  // ── the image on disk ──

  /** Translations of earlier runs; null: none. */
  image: BlockImage | null = null;
  /** Keep what `save` needs. */
  recording = false;
  private fresh: Fresh[] = [];
  private notes: Notes = { links: [], internals: [], constants: [] };
  /** First records that enterRegion has overwritten: op word and immediate. */
  private readonly entered = new Map<number, readonly [number, number]>();

  /** The block from the image, if guest memory still holds the code it was made from. */
  private restore(pc: number, kind: number): number {
    const body = this.image?.find(pc, kind);
    if (!body || !this.space.executable(pc) || !this.space.executable(body.end - 1) || this.isFull()) return 0;
    const { code, records, links, internals, constants } = body;
    const at = (GUEST_BASE + pc) >>> 2;
    for (let i = 0; i < code.length; i++) if (this.words[at + i] !== code[i]) return 0;
    const first = this.register(body, body.kind);
    this.words.set(records, first >>> 2);
    this.next = first + records.length * 4;
    for (let i = 0; i < internals.length; i += 2) {
      this.patchImm(first + 16 * (internals[i] as number), first + 16 * (internals[i + 1] as number));
    }
    for (let i = 0; i < constants.length; ) {
      const record = constants[i] as number;
      const n = constants[i + 1] as number;
      const bytes: number[] = [];
      for (let w = i + 2; w < i + 2 + n; w++) {
        for (let shift = 0; shift < 32; shift += 8) bytes.push(((constants[w] as number) >>> shift) & 0xff);
      }
      this.patchImm(first + 16 * record, this.constantAddress(bytes));
      i += 2 + n;
    }
    for (let i = 0; i < links.length; i += 3) {
      this.connect(first + 16 * (links[i] as number), links[i + 1] as number, (links[i + 2] as number) | 0);
    }
    this.enterIfCompiled(pc);
    return first;
  }

  /** Blocks translated since the start that `save` would add. */
  get freshCount(): number {
    return this.fresh.length;
  }

  /** Translations are made differently from now on: neither use nor keep those of other runs. */
  forsakeImage(): void {
    this.image = null;
    this.recording = false;
    this.fresh = [];
  }

  /** The image to keep after this run, or null when there is nothing new. */
  save(version: number): Uint32Array | null {
    if (this.fresh.length === 0) return null;
    const bodies = this.fresh.map((f): ImageBody => {
      const { block, record, count, notes } = f;
      const records = this.words.slice(record >>> 2, (record >>> 2) + 4 * count);
      const original = this.entered.get(record);
      if (original) [records[0], records[2]] = original as [number, number];
      const index = (r: number): number => (r - record) / 16;
      const constants: number[] = [];
      for (let i = 0; i < notes.constants.length; i += 2) {
        const words = new Uint32Array(Uint8Array.from(notes.constants[i + 1] as readonly number[]).buffer);
        constants.push(index(notes.constants[i] as number), words.length, ...words);
      }
      return {
        ...block,
        records,
        links: notes.links.map((n, i) => (i % 3 === 0 ? index(n) : n)),
        internals: notes.internals.map(index),
        constants,
      };
    });
    return writeImage(bodies, this.image, version);
  }
}

interface Notes {
  /** (record, pc, kind) … */
  readonly links: number[];
  /** (record, record) … */
  readonly internals: number[];
  /** (record, bytes) … */
  readonly constants: (number | readonly number[])[];
}

interface Fresh {
  readonly block: Omit<ImageBody, 'records' | 'links' | 'internals' | 'constants'>;
  readonly record: number;
  readonly count: number;
  readonly notes: Notes;
}

const UNLINKED = handlerNumber('unlinked');
const ENTER = handlerNumber('enter');
/** Stands for a flags kind in the key of a slow copy. */
const SLOW = 62;

/** Key of a block version: pcs are below 2^32 and multiples of 4 or 1, kinds below 64. */
const versionKey = (pc: number, kind: number): number => (kind + 1) * 0x1_0000_0000 + pc;
/** Contexts are below 256. */
const contextKey = (pc: number, context: number): number => (context + 64) * 0x1_0000_0000 + pc;
