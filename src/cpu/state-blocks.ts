import type { Facts } from './frontend/frontend.ts';
import { refuel } from './memory/fuel.ts';
import { cpuStateAt, JUMP_CACHES, MAX_THREADS, State } from './memory/layout.ts';
import type { RunTable } from './memory/runs.ts';

/** Cold-tier back edges until it returns to the dispatcher; V8 replaces Liftoff code only between calls. */
export const BUDGET = 50_000;

/** The state blocks of a process's threads. */
export class StateBlocks {
  private readonly view: DataView;
  private readonly u8: Uint8Array;
  private readonly facts: Facts;
  private readonly runs: RunTable;
  private readonly used: number[] = [];

  constructor(view: DataView, facts: Facts, runs: RunTable) {
    this.view = view;
    this.u8 = new Uint8Array(view.buffer);
    this.facts = facts;
    this.runs = runs;
  }

  /** Take a free one into use, zeroed but for what translated code expects in it; null: none is left. */
  add(): number | null {
    let n = 0;
    while (this.used.includes(cpuStateAt(n))) n++;
    if (n >= MAX_THREADS) return null;
    const state = cpuStateAt(n);
    this.u8.fill(0, state, state + State.TEMPS);
    this.prepare(state);
    this.used.push(state);
    return state;
  }

  /** Put what translated code expects into one. */
  prepare(state: number): void {
    this.facts.reset?.(this.view, state);
    this.view.setUint32(state + State.BUDGET, BUDGET, true);
    this.prepareRun(state, JUMP_CACHES);
    this.view.setBigInt64(state + State.EXCL_ADDR, -1n, true);
    this.runs.clear(state + State.STACK_LO);
  }

  /** What it holds when a thread begins to run, on this host thread or another. */
  prepareRun(state: number, jumpCache: number): void {
    const { view } = this;
    view.setUint32(state + State.JUMP_CACHE, jumpCache, true);
    view.setUint32(state + State.NEWS, 0, true);
    refuel(view, state, 0);
    view.setUint32(state + State.INTERRUPT, 0, true);
  }

  /** Pages of [start, end) cease to be plain. */
  forgetRuns(start: number, end: number): void {
    for (const state of this.used) this.runs.forgetAt(state + State.STACK_LO, start, end);
  }

  /** Give one back; returns how many are left. */
  drop(state: number): number {
    this.used.splice(this.used.indexOf(state), 1);
    return this.used.length;
  }

  clear(): void {
    this.used.length = 0;
  }
}
