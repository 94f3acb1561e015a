import type { BlockTable } from './block-table.ts';
import type { FrontEnd } from './frontend/frontend.ts';
import type { Block } from './ir/block.ts';
import type { GuestAddressSpace } from './memory/address-space.ts';
import { Control, Mark } from './memory/code-layout.ts';
import { CODE_CONTROL } from './memory/layout.ts';

/**
 * Notices flags that live across calls and returns: code at a function's entry, or behind a call, that reads flags from
 * before. Regions take them to be dead there until such code has turned up.
 */
export class FlagsAcrossCalls {
  private readonly space: GuestAddressSpace;
  private readonly frontEnd: FrontEnd;
  private readonly words: Uint32Array;
  private readonly table: BlockTable;
  private seen = false;
  /** Called when such code turns up. */
  onSeen: () => void = () => {};

  constructor(space: GuestAddressSpace, frontEnd: FrontEnd, words: Uint32Array, table: BlockTable) {
    this.space = space;
    this.frontEnd = frontEnd;
    this.words = words;
    this.table = table;
    this.cross = false;
  }

  /** Such code has turned up. */
  get cross(): boolean {
    return this.seen;
  }
  set cross(on: boolean) {
    this.seen = on;
    this.words[CODE_CONTROL / 4 + Control.LOOKS_AHEAD] = this.looksAhead ? 1 : 0;
  }

  /** Whether it matters if called code reads flags. */
  private get looksAhead(): boolean {
    return !this.seen && !this.frontEnd.flagsCross && this.frontEnd.readsFlagsAt !== undefined;
  }

  /** A call goes to pc, or will return there: whether flags cross is known before it is made. */
  lookAhead(pc: number): void {
    const { space, frontEnd } = this;
    if (!this.looksAhead) return;
    if (frontEnd.readsFlagsAt?.(space.view, pc, (at) => space.executable(at))) this.tell();
  }

  tell(): void {
    this.cross = true;
    this.onSeen();
  }

  /** A block at pc asks for flags: whether those are a caller's, or a callee's. */
  areOthers(pc: number): boolean {
    return this.table.has(pc, Mark.FUNCTION) || this.table.has(pc, Mark.RETURN_SITE);
  }

  /** Mark where a new block calls; `asks`: it reads flags from before, and not merely to keep them. */
  note({ pc, terminal }: Block, asks: boolean): void {
    const { table } = this;
    let crosses = asks && this.areOthers(pc);
    const marked = (at: number, what: number): void => {
      if (at === 0) return;
      if (!table.has(at, what)) this.lookAhead(at);
      table.mark(at, what);
      const any = table.find(at, -1);
      crosses ||= any !== 0 && table.asksFlags(any);
    };
    if (terminal.kind === 'call') marked(terminal.target, Mark.FUNCTION);
    if (terminal.kind === 'call' || terminal.kind === 'callIndirect') marked(terminal.ret, Mark.RETURN_SITE);
    if (crosses) this.tell();
  }

  /** As in the process this one is a copy of. */
  inherit(from: FlagsAcrossCalls): void {
    this.seen = from.seen;
  }
}
