import { cpuMs, uptimeMs } from '../uptime.ts';

/**
 * Most of the run time that compiling regions may take, and milliseconds granted besides. A region costs
 * milliseconds, so what runs for a moment must not compile much, and what runs long should.
 */
const SHARE = 0.7;
const GRANT_MS = 20;

/**
 * CPU time in milliseconds that a program gets in the cold tier before any region is compiled for it: in one run, or in all
 * up to now. The first region costs some 200 ms, most of it for V8 to get going with the translator, and all those of a
 * program that is over after half a second one to two seconds, which save a tenth or a fifth of each later run: so much is
 * lost by waiting in as many runs as these are.
 */
const ONE_RUN_MS = 1000;
const ALL_RUNS_MS = 10_000;
/** Executions of one block, or turns of one loop, that end it before: the program computes. */
const EXECUTIONS = 500_000;
/** Executions of all blocks that had to wait, in all runs, that are worth as much: some 45 ns each is what the first regions cost. */
const ALL_EXECUTIONS = 8_000_000;
/** How often the CPU time is looked at, which is a system call: blocks get hot every few microseconds. */
const LOOK_MS = 10;

/** What a program uses before it is worth compiling. */
export class WarmUp {
  private readonly clock: () => number;
  private readonly uptime: () => number;
  private readonly start: number;
  private done = false;
  /** It was over by time, not by what was executed. */
  private isLong = false;
  private lookedAt = Number.NEGATIVE_INFINITY;
  /** This run has compiled a region. */
  hasCompiled = false;
  /** Used by earlier runs in which something had to wait, see usedMs. */
  earlierMs = 0;
  private readonly executions = new Map<number, number>();
  /** Executions of blocks that had to wait. */
  private inVain = 0;

  constructor(clock: () => number = cpuMs, uptime: () => number = uptimeMs) {
    this.clock = clock;
    this.uptime = uptime;
    this.start = clock();
  }

  /** CPU time up to now, or what the executions of blocks that waited are worth: what they take is what compiling would save. */
  get usedMs(): number {
    return Math.max(this.cpuMs, (ALL_RUNS_MS * this.inVain) / ALL_EXECUTIONS);
  }

  private get cpuMs(): number {
    return this.clock() - this.start;
  }

  /** The block at pc was executed as often again, in the cold tier unless it is a loop of a region. Whether it may be compiled. */
  isOver(pc: number, executions: number, isCold = true): boolean {
    if (this.done) return true;
    const count = (this.executions.get(pc) ?? 0) + executions;
    this.executions.set(pc, count);
    this.done = count >= EXECUTIONS || this.isTimeOver();
    if (!this.done && isCold) this.inVain += executions;
    return this.done;
  }

  private isTimeOver(): boolean {
    const now = this.uptime();
    if (now - this.lookedAt < LOOK_MS) return false;
    this.lookedAt = now;
    const used = this.cpuMs;
    this.isLong = used > ONE_RUN_MS || used + this.earlierMs > ALL_RUNS_MS;
    return this.isLong;
  }

  /**
   * Something was hot in the cold tier, had to wait, and was not compiled later. A run that is long by itself compiles what is hot
   * then: what is hot before alone is start-up, of which there is much, each part executed little.
   */
  get waited(): boolean {
    return !this.hasCompiled && !this.isLong && this.inVain > 0;
  }
}

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
