import { Worker } from 'node:worker_threads';
import { State } from '../../cpu/memory/layout.ts';

/**
 * Interrupts translated code from another thread at a given time, since a busy thread runs no timer
 * of its own. Words: 0 generation (a change wakes the thread), 1 microseconds to wait (-1 for ever),
 * 2 whether to repeat.
 */
const SOURCE = `
const { workerData: { memory, words, interrupt, depth } } = require('node:worker_threads');
const guest = new Int32Array(memory.buffer);
for (;;) {
  const generation = Atomics.load(words, 0);
  const delay = Atomics.load(words, 1);
  if (Atomics.wait(words, 0, generation, delay < 0 ? Infinity : delay / 1000) !== 'timed-out') continue;
  Atomics.store(guest, interrupt, 1);
  Atomics.store(guest, depth, 0);
  if (Atomics.load(words, 2) === 0) Atomics.compareExchange(words, 1, delay, -1);
}
`;

/** An alarm clock for one CPU state block. */
export class Ticker {
  private readonly memory: WebAssembly.Memory;
  private readonly state: number;
  private readonly words: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(12));
  private worker: Worker | null = null;

  constructor(memory: WebAssembly.Memory, state: number) {
    this.memory = memory;
    this.state = state;
  }

  /** Interrupt after `ms`, again and again if `repeat`; Infinity = never. Starts the thread when first needed. */
  set(ms: number, repeat: boolean): void {
    const finite = Number.isFinite(ms);
    if (!finite && this.worker === null) return;
    Atomics.store(this.words, 1, finite ? Math.min(Math.max(0, Math.ceil(ms * 1000)), 0x7fff_ffff) : -1);
    Atomics.store(this.words, 2, repeat ? 1 : 0);
    Atomics.add(this.words, 0, 1);
    Atomics.notify(this.words, 0);
    if (this.worker === null) {
      const interrupt = (this.state + State.INTERRUPT) / 4;
      const depth = (this.state + State.DEPTH_LIMIT) / 4;
      this.worker = new Worker(SOURCE, {
        eval: true,
        stdout: true,
        stderr: true,
        workerData: { memory: this.memory, words: this.words, interrupt, depth },
      });
      this.worker.unref();
    }
  }

  stop(): void {
    void this.worker?.terminate();
    this.worker = null;
  }
}
