/** What a helper gets: memory by wasm offset, and checked access to guest memory. */
export interface HelperContext {
  /** The whole wasm memory (CPU states by their offset). */
  readonly view: DataView;
  readonly u8: Uint8Array;
  /**
   * Check a guest access of `size` bytes at the u64 address; returns the wasm offset of the bytes, or -1
   * after the fault has been put into the CPU state (the helper then returns 1). `aligned`: an address that is no
   * multiple of the size is a bus error, as for atomic accesses.
   */
  access(state: number, addr: bigint, size: number, write: boolean, aligned?: boolean): number;
  /** Instructions in [addr, addr + length) may have changed; true = translations were dropped, leave. */
  invalidateCode(addr: number, length: number): boolean;
  /** FPCR, FPSR or their like was written: exact floating point is due; true: code translated so far is stale. */
  fpModeChanged(state: number): boolean;
}

/** See the guests' helpers.ts. */
export type Helper = (c: HelperContext, state: number, aux: number) => number;
