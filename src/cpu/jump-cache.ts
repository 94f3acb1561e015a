import { JUMP_CACHE_MASK, JUMP_CACHE_SIZE, JUMP_CACHE_VICTIM } from './memory/layout.ts';

const ENTRY = 16;
/** Stands in empty entries, as pc and as record: what a new memory has, so that none of it need be written. */
const NONE = 0;

/**
 * A host thread's jump cache, as translated code probes it: entries of 16 bytes {guest pc, table slot, record}, direct-mapped
 * by the function of the pc that stands in both back ends too. What an entry had before goes to its victim.
 */
export class JumpCache {
  private readonly view: DataView;
  /** Wasm offset. */
  private readonly start: number;

  constructor(view: DataView, start: number) {
    this.view = view;
    this.start = start;
  }

  private entry(pc: number): number {
    return this.start + (((pc << 2) ^ (pc >>> 10)) & JUMP_CACHE_MASK);
  }

  /** The record for a pc, or 0. */
  find(pc: number): number {
    const { view } = this;
    const entry = this.entry(pc);
    if (view.getUint32(entry, true) === pc) return view.getUint32(entry + 8, true);
    const victim = entry ^ JUMP_CACHE_VICTIM;
    return view.getUint32(victim, true) === pc ? view.getUint32(victim + 8, true) : 0;
  }

  put(pc: number, slot: number, record: number): void {
    const { view } = this;
    const entry = this.entry(pc);
    // an empty one displaces nothing: memory that nobody has touched stays so
    const isEmpty = view.getUint32(entry + 8, true) === NONE;
    for (let at = 0; at < 12 && !isEmpty; at += 4)
      view.setUint32((entry ^ JUMP_CACHE_VICTIM) + at, view.getUint32(entry + at, true), true);
    view.setUint32(entry, pc, true);
    view.setUint32(entry + 4, slot, true);
    view.setUint32(entry + 8, record, true);
  }

  /** The pc has another table slot from now on. */
  move(pc: number, slot: number): void {
    const entry = this.entry(pc);
    for (const at of [entry, entry ^ JUMP_CACHE_VICTIM]) {
      if (this.view.getUint32(at, true) === pc) this.view.setUint32(at + 4, slot, true);
    }
  }

  /** Every pc with its record. */
  *all(): Generator<readonly [pc: number, record: number]> {
    for (let at = this.start; at < this.start + JUMP_CACHE_SIZE; at += ENTRY) {
      const record = this.view.getUint32(at + 8, true);
      if (record !== NONE) yield [this.view.getUint32(at, true), record];
    }
  }

  /** Empty it; `fill` sets all bytes between two wasm offsets. */
  clear(fill: (start: number, length: number, value: number) => void): void {
    fill(this.start, JUMP_CACHE_SIZE, NONE);
    this.begin();
  }

  /** Make an empty one of memory that nobody has written to. */
  begin(): void {
    // a program may jump to the address that is in empty entries: where it would be found, another is that belongs elsewhere
    const entry = this.entry(NONE);
    const places = [entry, entry ^ JUMP_CACHE_VICTIM];
    let other = ENTRY;
    while (places.includes(this.entry(other))) other += ENTRY;
    for (const at of places) this.view.setUint32(at, other, true);
  }
}
