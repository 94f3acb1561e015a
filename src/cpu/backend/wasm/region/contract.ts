import type { RegSet } from './registers.ts';

/** Function indices and types of the module a region is compiled into. */
export interface RegionModule {
  readonly syscall: number;
  readonly helper: number;
  readonly native: number;
  readonly clmul: number;
  readonly miss: number;
  readonly dispatch: number;
  readonly run: number;
  readonly refuel: number;
  /** Type (i32 state, i32 depth) → i32 pc. */
  readonly regionType: number;
  /** Table slot of the function at pc (allocated when first named). */
  slot(pc: number): number;
}

/** How a region's memory accesses are checked. */
export interface MemoryPolicy {
  /** Number by which `miss` knows the region. */
  readonly id: number;
  /** Wasm offset of the region's run slot (see RunTable), or null: it tests pages in its loops too. */
  readonly runs: number | null;
  /** State offset of the stack pointer, and whether accesses based on it use the stack's run. */
  readonly sp: number;
  readonly stackRun: boolean;
  /** Check exactly the bytes accessed: the region works at the ends of mappings. */
  readonly exact: boolean;
  /** Check pointers in front of loops: see CheckPolicy. */
  readonly hoist: boolean;
  /** Check pointers that loops move for many turns at once: see CheckPolicy. */
  readonly moving: boolean;
  /** Whether flags may be live across calls and returns (the guest has shown that some are). */
  readonly flagsCross: boolean;
  /** Whether faults find all registers as the architecture has them in loops too: the guest handles some. */
  readonly precise: boolean;
  /** State offsets of registers that are stored wherever a region is left. */
  readonly frame: readonly number[];
  /** See Facts. */
  readonly flagFields: (kind: number) => readonly number[];
  /**
   * Floating point by its common case: scalars in scalar locals, NaN results left to the cold tier. Off for
   * regions where that went wrong too often.
   */
  readonly fast: boolean;
  /** Whether calls that go elsewhere than to the functions in their place tell so. */
  readonly learns: boolean;
}

/** Name under which a module exports its region number `index`. */
export const exportName = (index: number): string => `r${index}`;

export const STATE = 0;
export const DEPTH = 1;
/** Why a region calls `miss`: in State.EXIT_INFO, below the region's number. */
export const Miss = { PAGE: 0, READ_RUN: 1, WRITE_RUN: 2, STACK: 3, FP: 4, HOISTED: 5, CALLED: 6, MOVING: 7 } as const;
export const MISS_BITS = 3;

/** An exit sequence shared by all places that leave the same way with the same dirty registers. */
export interface ExitPoint {
  readonly kind: 'dispatch' | 'interrupt' | keyof typeof Miss;
  readonly dirty: RegSet;
}
