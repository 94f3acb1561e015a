import type { Value } from './value.ts';

/** A terminal of a conditional instruction: taken when the condition is not 0, else control goes on at `next`. */
export interface Guard {
  readonly cond: Value<'i32'>;
  readonly next: number;
}

/** How control leaves a block. Targets are guest pcs, which carry the instruction set in bit 0 where a guest has two. */
export type Terminal = Exit & { readonly guard?: Guard | undefined };

type Exit =
  | { readonly kind: 'jump'; readonly target: number }
  | { readonly kind: 'branch'; readonly cond: Value<'i32'>; readonly taken: number; readonly next: number }
  /**
   * The link register is already written; control comes back at `ret`, or elsewhere. Where a region has a function in place of
   * a call the rest of it may be called: flags are alive then.
   */
  | { readonly kind: 'call'; readonly target: number; readonly ret: number; readonly isRest?: true }
  /** To where `target` says; null: as the choice in front of it found. Regions know where it often goes. */
  | {
      readonly kind: 'callIndirect';
      readonly target: Value<'i64'> | Value<'i32'> | null;
      readonly ret: number;
      readonly likely?: readonly number[];
    }
  /** An indirect call in a region that has these functions in place of calls to them; the last successor calls others. */
  | { readonly kind: 'choice'; readonly target: Value<'i64'> | Value<'i32'>; readonly among: readonly number[] }
  /**
   * A return may be one of a function that a region has in place of a call: it is expected to go behind that. Returns find
   * flags of no use, but for those of `keepsFlags`.
   */
  | {
      readonly kind: 'jumpIndirect';
      readonly target: Value<'i64'> | Value<'i32'>;
      readonly isReturn: boolean;
      readonly keepsFlags?: true;
      readonly expected?: number;
    }
  | { readonly kind: 'syscall'; readonly next: number }
  /** Leave with State.EXIT_REASON = `reason` and the pc given. */
  | { readonly kind: 'exit'; readonly reason: number; readonly pc: number };

/** Stands for the block's last instruction, whose length need not be known: jumps at or below it go back. */
export const lastByte = (block: Block): number => block.end - 1;

/** A guest basic block as IR: straight-line operations and one terminal. */
export interface Block {
  readonly pc: number;
  /** First byte after the block's last instruction. */
  readonly end: number;
  readonly ops: readonly Value[];
  /** Registers read that have no operation for it, as their values were at hand: pc and state offset in turn. */
  readonly reads: readonly number[];
  readonly terminal: Terminal;
  /** Guest instructions in it. */
  readonly count: number;
  /** Condition-code kind assumed at entry; -1 = the block does not depend on it, or asks at run time. */
  readonly flagsIn: number;
  /** Whether the block reads condition codes before it sets them. */
  readonly readsFlags: boolean;
  /** Whether it does no more with those than to keep some of them, for whoever is behind it. */
  readonly keepsFlags?: boolean;
  /** Whether the block sets condition codes itself (then flagsOut does not depend on flagsIn). */
  readonly setsFlags: boolean;
  /** Condition-code kind at exit, or -1 when it is what it was at entry and that is not known. */
  readonly flagsOut: number;
}
