/** How a translator has floating point done, and whether what it translates depends on that. */
export class FloatMode {
  private isExact = false;
  /** Whether somebody has asked since this was set back. */
  asksMode = false;

  /** Translate for exact floating point: sticky flags, rounding modes, every NaN. */
  get exact(): boolean {
    this.asksMode = true;
    return this.isExact;
  }
  set exact(on: boolean) {
    this.isExact = on;
  }
}
