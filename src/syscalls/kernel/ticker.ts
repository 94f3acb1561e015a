import type { Worker } from 'node:worker_threads';
import { State } from '../../cpu/memory/layout.ts';

/**
 * Interrupts translated code from another thread at a given time, since a busy thread runs no timer of its
 * own. Words: 0 generation (a change wakes the thread), 1 microseconds to wait (-1 for ever), 2 whether to
 * repeat, 3 number of the memory of the task that runs (-1: none), 4 its state block.
 */
const SOURCE = `
const { workerData: { words, interrupt, depth }, parentPort, receiveMessageOnPort } = require('node:worker_threads');
const memories = new Map();
for (;;) {
  const generation = Atomics.load(words, 0);
  const delay = Atomics.load(words, 1);
  const woken = Atomics.wait(words, 0, generation, delay < 0 ? Infinity : delay / 1000);
  for (let m; (m = receiveMessageOnPort(parentPort)); ) {
    const { id, memory } = m.message;
    if (memory) memories.set(id, new Int32Array(memory.buffer));
    else memories.delete(id);
  }
  if (woken !== 'timed-out') continue;
  const guest = memories.get(Atomics.load(words, 3));
  if (guest) {
    const state = Atomics.load(words, 4);
    Atomics.store(guest, (state + interrupt) >> 2, 1);
    Atomics.store(guest, (state + depth) >> 2, 0);
  }
  if (Atomics.load(words, 2) === 0) Atomics.compareExchange(words, 1, delay, -1);
}
`;

/** The alarm clock of the machine: it interrupts whichever task runs. */
export class Ticker {
  private readonly words: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(20)).fill(-1, 1, 2);
  private readonly ids: Map<WebAssembly.Memory, number> = new Map();
  private nextId = 0;
  private worker: Worker | null = null;
  private running: WebAssembly.Memory | null = null;
  /** Starting the thread takes as much as a short program does, so that those which look by themselves have none. */
  needed = false;

  /** The task that runs from now on: the one to interrupt. */
  enter(memory: WebAssembly.Memory, state: number): void {
    if (this.running !== memory) {
      let id = this.ids.get(memory);
      if (id === undefined) {
        id = this.nextId++;
        this.ids.set(memory, id);
        this.worker?.postMessage({ id, memory });
      }
      this.running = memory;
      Atomics.store(this.words, 3, id);
    }
    Atomics.store(this.words, 4, state);
  }

  /** Nothing runs here. */
  leave(): void {
    this.running = null;
    Atomics.store(this.words, 3, -1);
  }

  /** The memory is no longer in use. */
  forget(memory: WebAssembly.Memory): void {
    const id = this.ids.get(memory);
    if (id === undefined) return;
    if (this.running === memory) {
      this.running = null;
      Atomics.store(this.words, 3, -1);
    }
    this.ids.delete(memory);
    this.worker?.postMessage({ id, memory: null });
  }

  /** Code runs that may not look at the time by itself. */
  need(): void {
    if (this.needed) return;
    this.needed = true;
    if (Atomics.load(this.words, 1) >= 0) this.start();
  }

  /** Interrupt after `ms`, again and again if `repeat`; Infinity = never. */
  set(ms: number, repeat: boolean): void {
    const finite = Number.isFinite(ms);
    Atomics.store(this.words, 1, finite ? Math.min(Math.max(0, Math.ceil(ms * 1000)), 0x7fff_ffff) : -1);
    Atomics.store(this.words, 2, repeat ? 1 : 0);
    Atomics.add(this.words, 0, 1);
    Atomics.notify(this.words, 0);
    if (finite && this.needed && this.worker === null) this.start();
  }

  private start(): void {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    this.worker = new Worker(SOURCE, {
      eval: true,
      stdout: true,
      stderr: true,
      workerData: { words: this.words, interrupt: State.INTERRUPT, depth: State.DEPTH_LIMIT },
    });
    this.worker.unref();
    for (const [memory, id] of this.ids) this.worker.postMessage({ id, memory });
  }

  stop(): void {
    void this.worker?.terminate();
    this.worker = null;
  }
}
