import { uptimeMs } from '../uptime.ts';

/**
 * Most of the run time that compiling regions may take, and milliseconds granted besides. A region costs
 * milliseconds, so what runs for a moment must not compile much, and what runs long should.
 */
const SHARE = 0.7;
const GRANT_MS = 20;

/** What a process spends on compiling regions. */
export class CompileBudget {
  private start = uptimeMs();
  private spent = 0;

  /** Another process begins. */
  reset(): void {
    this.start = uptimeMs();
    this.spent = 0;
  }

  get isOverdrawn(): boolean {
    return this.spent > GRANT_MS + SHARE * (uptimeMs() - this.start);
  }

  charge(compile: () => void): void {
    const before = uptimeMs();
    try {
      compile();
    } catch (error) {
      // deep in a guest's recursion the stack may not do for it: later, from higher up
      if (!(error instanceof RangeError)) throw error;
    }
    this.spent += uptimeMs() - before;
  }
}
