import fs from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { uptimeMs } from '../../uptime.ts';
import type { FrontEnd } from '../frontend/frontend.ts';
import { State } from '../memory/layout.ts';
import {
  COUNT_MASK,
  Control,
  FAILED,
  MAX_REQUESTS,
  Slot,
  Status,
  slotOf,
  type WorkerMessage,
  type WorkerStart,
} from './protocol.ts';
import { RemoteCpu, type RemoteHost } from './remote-cpu.ts';

/** Runs what the main thread says, for ever. The thread sleeps in between and never enters its event loop. */
export class Worker implements RemoteHost {
  readonly n: number;
  private readonly words: Int32Array<SharedArrayBuffer>;
  /** Index of our words. */
  private readonly own: number;
  readonly frontEndOf: (guest: string) => FrontEnd;
  private readonly cpus = new Map<number, RemoteCpu>();
  private mail = 0;

  constructor({ words, n }: WorkerStart, frontEndOf: (guest: string) => FrontEnd) {
    this.n = n;
    this.words = words;
    this.own = slotOf(n);
    this.frontEndOf = frontEndOf;
  }

  loop(): never {
    const { words, own } = this;
    const status = own + Slot.STATUS;
    Atomics.compareExchange(words, status, Status.BOOTING, Status.IDLE);
    this.ring();
    for (;;) {
      for (;;) {
        const now = Atomics.compareExchange(words, status, Status.OFFERED, Status.RUNNING);
        if (now === Status.OFFERED) break;
        Atomics.wait(words, status, now);
      }
      const start = uptimeMs();
      let reason = FAILED;
      try {
        reason = this.run(words[own + Slot.CPU] as number, words[own + Slot.STATE] as number);
      } catch (error) {
        // an error of ours: the main thread ends the machine
        fs.writeSync(2, `tsqemu-user: ${error instanceof Error ? error.stack : error}\n`);
      }
      words[own + Slot.REASON] = reason;
      words[own + Slot.MICROS] = (uptimeMs() - start) * 1000;
      Atomics.store(words, status, Status.DONE);
      Atomics.notify(words, status);
      this.ring();
    }
  }

  private run(number: number, state: number): number {
    if (Atomics.load(this.words, this.own + Slot.MAIL) !== this.mail) this.read();
    const cpu = this.cpus.get(number);
    if (cpu === undefined) throw new Error(`no processor ${number}`);
    return cpu.run(state);
  }

  /** Have the main thread look: it sleeps, or runs a guest, or will look anyway. */
  private ring(): void {
    const { words } = this;
    Atomics.add(words, Control.BELL, 1);
    Atomics.notify(words, Control.BELL);
    if (Atomics.load(words, Control.ASLEEP) !== 0) parentPort?.postMessage(null);
    const running = this.cpus.get(Atomics.load(words, Control.MAIN_CPU));
    if (running === undefined) return;
    const state = Atomics.load(words, Control.MAIN_STATE);
    running.view.setUint32(state + State.INTERRUPT, 1, true);
    running.view.setUint32(state + State.DEPTH_LIMIT, 0, true);
  }

  // ── RemoteHost ──

  ask(kind: number, a: number, b: number): void {
    const { words, own } = this;
    const written = Atomics.load(words, own + Slot.WRITTEN);
    const waiting = (written - Atomics.load(words, own + Slot.READ)) & COUNT_MASK;
    if (waiting >= MAX_REQUESTS) return;
    const at = own + Slot.REQUESTS + 3 * (written % MAX_REQUESTS);
    words[at] = kind;
    words[at + 1] = a;
    words[at + 2] = b;
    Atomics.store(words, own + Slot.WRITTEN, (written + 1) & COUNT_MASK);
    if (waiting === 0) this.ring();
  }

  read(): void {
    const { words, own } = this;
    this.mail = Atomics.load(words, own + Slot.MAIL);
    for (let m = receiveMessageOnPort(parentPort as never); m; m = receiveMessageOnPort(parentPort as never)) {
      this.take(m.message as WorkerMessage);
    }
  }

  private take(message: WorkerMessage): void {
    const { kind, cpu: number } = message;
    if (kind === 'attach') {
      const { memory, interpreter, guest } = message;
      this.cpus.set(number, new RemoteCpu(memory, interpreter, guest, this));
      return;
    }
    if (kind === 'detach') {
      this.cpus.delete(number);
      return;
    }
    const cpu = this.cpus.get(number);
    if (cpu === undefined) return;
    if (kind === 'module') cpu.addModule(message.id, message.module);
    else if (kind === 'regions') cpu.addRegions(message.regions, message.slots);
    else if (kind === 'drop') cpu.dropRegions(message.pcs);
    else {
      cpu.flush();
      cpu.exact = message.exact;
    }
  }
}

/** What this thread was started with. */
export const workerStart = (): WorkerStart => workerData as WorkerStart;
