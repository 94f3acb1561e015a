import type { RecordSink } from './backend/interpreter/encode.ts';
import { encodeBlock } from './backend/interpreter/encode.ts';
import { handlerNumber } from './backend/interpreter/handlers.ts';
import type { BlockSource } from './backend/wasm/region/discover.ts';
import type { FrontEnd } from './frontend/frontend.ts';
import type { Block } from './ir/block.ts';
import { BYTECODE, BYTECODE_SIZE, CONST_POOL, CONST_POOL_SIZE, PAGE_SIZE } from './memory/layout.ts';
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
  private pendingStubs: number[] = [];
  private readonly functions = new Set<number>();
  private readonly targets = new Map<number, Set<number>>();
  /** Guest address range that holds translated code. */
  private low = Number.POSITIVE_INFINITY;
  private high = 0;
  /** Executions of a block that is called or jumped back to until it is offered to the region compiler. */
  hotAfter = 2000;
  /** Table slot of the region at a pc, if compiled. */
  regionSlot: (pc: number) => number | undefined = () => undefined;
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
  lift(pc: number, kind: number): Block | null {
    if (!this.space.executable(pc)) return null;
    let limit = pc - (pc % PAGE_SIZE) + PAGE_SIZE;
    while (limit - pc < 256 && this.space.executable(limit)) limit += PAGE_SIZE;
    return this.frontEnd.liftBlock(this.space.view, pc, kind, limit);
  }

  private translate(pc: number, kind: number): number {
    const slow = kind === SLOW;
    const block = this.lift(pc, slow ? -1 : kind);
    if (!block) return 0;
    this.onTranslate?.(block);
    if (this.isFull()) return 0;
    const header = this.next;
    this.words.set([slow ? NEVER : this.hotAfter, pc, kind >>> 0, 0], header >>> 2);
    this.next += 16;
    const record = this.next;
    const cached: CachedBlock = { pc, end: block.end, record, readsFlags: block.readsFlags, flagsOut: block.flagsOut };
    if (slow || (block.readsFlags && kind >= 0)) this.blocks.set(versionKey(pc, kind), cached);
    else this.blocks.set(pc, cached);
    if (block.readsFlags && kind >= 0 && !slow) {
      const known = this.versions.get(pc);
      if (known) known.push(record);
      else this.versions.set(pc, [record]);
    }
    if (block.terminal.kind === 'call') this.functions.add(block.terminal.target);
    this.low = Math.min(this.low, pc);
    this.high = Math.max(this.high, block.end);
    this.pendingStubs = [];
    encodeBlock(block, this);
    this.writeStubs();
    const entered = this.regionSlot(pc);
    if (entered !== undefined && !slow) this.enterRegion(pc, entered);
    return record;
  }

  /** No room for another block: the owner must flush before it translates on. */
  isFull(): boolean {
    return this.next > BYTECODE + BYTECODE_SIZE - 0x10000 || this.nextConstant > CONST_POOL + CONST_POOL_SIZE - 0x10000;
  }

  /** Whether translated code may lie in the range. */
  holdsCode(start: number, end: number): boolean {
    return start < this.high && end > this.low;
  }

  // ── BlockSource ──

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
    return [...(this.targets.get(block.end - 4) ?? [])];
  }

  /** The block at pc now begins with a jump into the region in table slot `slot`, in all its versions. */
  enterRegion(pc: number, slot: number): void {
    for (const record of this.recordsAt(pc)) {
      this.words[record >>> 2] = ENTER;
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
  slowRecordFor(pc: number): number {
    return this.blocks.get(versionKey(pc, SLOW))?.record ?? this.translate(pc, SLOW);
  }

  flush(): void {
    this.versions.clear();
    this.functions.clear();
    this.targets.clear();
    this.blocks.clear();
    this.next = BYTECODE;
    this.low = Number.POSITIVE_INFINITY;
    this.high = 0;
  }

  /** The stub at `record` was executed: translate its target and link. 0: cannot be fetched. */
  link(record: number): number {
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

  here(): number {
    return this.next;
  }

  patchImm(record: number, imm: number): void {
    this.words[(record >>> 2) + 2] = imm;
  }

  constant(bytes: readonly number[]): number {
    const key = bytes.join();
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const at = this.nextConstant;
    new Uint8Array(this.space.memory.buffer, at, bytes.length).set(bytes);
    this.nextConstant += (bytes.length + 15) & ~15;
    this.constants.set(key, at);
    return at;
  }

  /** Stubs are written after the block's own records; the jump is patched then. */
  unlinked(pc: number, kind: number, patch: number): number {
    this.pendingStubs.push(pc, kind, patch);
    return 0;
  }

  private writeStubs(): void {
    const stubs = this.pendingStubs;
    for (let i = 0; i < stubs.length; i += 3) {
      const [pc, kind, patch] = stubs.slice(i, i + 3) as [number, number, number];
      this.words.set([NEVER, pc, kind >>> 0, patch], this.next >>> 2);
      this.next += 16;
      const stub = this.put(UNLINKED, 0, 0, 0, 0, pc);
      this.patchImm(patch, stub);
    }
  }
}

const UNLINKED = handlerNumber('unlinked');
const ENTER = handlerNumber('enter');
/** Stands for a flags kind in the key of a slow copy. */
const SLOW = 62;

/** Key of a block version: pcs are below 2^32 and multiples of 4 or 1, kinds below 64. */
const versionKey = (pc: number, kind: number): number => (kind + 1) * 0x1_0000_0000 + pc;
