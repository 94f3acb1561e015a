import type { Worker } from 'node:worker_threads';
import { uptimeMs } from '../../uptime.ts';
import { exportName } from '../backend/wasm/region/contract.ts';
import type { Cpu } from '../cpu.ts';
import { Exit, MAX_WORKERS, State, workerJumpCache } from '../memory/layout.ts';
import type { StoredModule, StoredRegion } from '../region-store.ts';
import type { CpuThread } from '../thread.ts';
import {
  COUNT_MASK,
  Control,
  FAILED,
  FIRST_SLOTS,
  MAX_REQUESTS,
  type RegionMessage,
  Slot,
  Status,
  slotOf,
  type WorkerMessage,
  type WorkerStart,
} from './protocol.ts';

/** A thread that came back from a worker: why (see Exit), and the milliseconds it ran. */
export interface Returned {
  readonly thread: CpuThread;
  readonly reason: number;
  readonly ms: number;
}

/** One worker thread and what it has. */
interface Member {
  readonly n: number;
  readonly worker: Worker;
  /** Processors that it knows, and the modules of each that it has. */
  readonly attached: Map<Cpu, Set<StoredModule>>;
  /** What it runs, and since when (uptimeMs). */
  thread: CpuThread | null;
  since: number;
}

/** Room for young objects in a worker's heap, where there is little to do for JavaScript; V8 would take up to 128 MB. */
const LIMITS = { maxYoungGenerationSizeMb: 6 };

/** Processors whose memories one worker keeps at most. */
const MAX_ATTACHED = 8;

/**
 * Worker threads that run guest code beside the main thread. A thread is started on one, and comes back when it needs
 * anything but its registers, memory and translated code. They are started when first asked for, and sleep while they
 * have nothing to do.
 */
export class WorkerPool {
  /** Bound on the number of workers. */
  private limit: number;
  private readonly file: string;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly members: Member[] = [];
  private readonly numbers = new Map<Cpu, number>();
  private readonly modules = new WeakMap<StoredModule, number>();
  private nextNumber = 0;
  private nextModule = 0;
  /** The bell as it was when the main thread last looked. */
  private heard = 0;
  /** Called in the event loop when a worker rings and the main thread had gone to sleep there. */
  onRing: () => void = () => {};

  /** `file`: what workers run. */
  constructor(file: string, limit: number) {
    this.file = file;
    this.limit = Math.min(limit, MAX_WORKERS);
    this.words = new Int32Array(new SharedArrayBuffer(4 * slotOf(this.limit)));
    this.words[Control.MAIN_CPU] = -1;
  }

  /** Start one more worker, if there may be one; it is ready some time later. */
  grow(): void {
    const n = this.members.length;
    if (n >= this.limit || this.members.some((m) => this.status(m) === Status.BOOTING)) return;
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    const workerData: WorkerStart = { words: this.words, n };
    const worker = new Worker(this.file, {
      workerData,
      stdout: true,
      stderr: true,
      trackUnmanagedFds: false,
      env: {},
      resourceLimits: LIMITS,
    });
    worker.unref();
    worker.on('message', () => this.onRing());
    // its file is missing, or there is no room for it: everything runs on the main thread
    worker.on('error', () => {
      this.limit = 0;
    });
    this.members.push({ n, worker, attached: new Map(), thread: null, since: 0 });
  }

  /** Whether a worker has nothing to do. */
  get free(): boolean {
    return this.members.some((m) => this.status(m) === Status.IDLE);
  }

  /** Whether a thread can be run by a worker now. */
  accepts({ cpu }: CpuThread): boolean {
    return cpu.onEnter === null && !cpu.space.sharesStores();
  }

  /** Run a thread on a worker that is free. */
  start(thread: CpuThread): void {
    const member = this.members.find((m) => this.status(m) === Status.IDLE);
    if (member === undefined) throw new Error('no worker is free');
    const { words } = this;
    const { cpu, state } = thread;
    cpu.settle();
    this.attach(member, cpu);
    cpu.states.prepareRun(state, workerJumpCache(member.n));
    const own = slotOf(member.n);
    words[own + Slot.CPU] = this.numbers.get(cpu) as number;
    words[own + Slot.STATE] = state;
    member.thread = thread;
    member.since = uptimeMs();
    Atomics.store(words, own + Slot.STATUS, Status.OFFERED);
    Atomics.notify(words, own + Slot.STATUS);
  }

  /** Milliseconds for which a thread has been on a worker; 0: it is not. */
  runningMs(thread: CpuThread): number {
    const member = this.members.find((m) => m.thread === thread);
    return member === undefined ? 0 : uptimeMs() - member.since;
  }

  /** What the main thread is about to run: it should be interrupted when a worker rings. */
  mainRuns(thread: CpuThread | null): void {
    if (thread !== null) {
      thread.cpu.rung = this.rung;
      Atomics.store(this.words, Control.MAIN_STATE, thread.state);
    }
    Atomics.store(this.words, Control.MAIN_CPU, thread === null ? -1 : (this.numbers.get(thread.cpu) ?? -1));
  }

  /** Whether a worker rang since the last look. */
  readonly rung = (): boolean => this.words[Control.BELL] !== this.heard;

  /** Threads that came back; requests of those that run on are done as well. */
  returned(): Returned[] {
    this.heard = Atomics.load(this.words, Control.BELL);
    const list: Returned[] = [];
    for (const member of this.members) {
      if (member.thread === null) continue;
      const { words } = this;
      const own = slotOf(member.n);
      const done = this.status(member) === Status.DONE;
      this.serve(member, member.thread.cpu);
      if (!done) continue;
      const { thread } = member;
      const reason = words[own + Slot.REASON] as number;
      if (reason === FAILED) throw new Error('a worker thread failed');
      this.release(member);
      list.push({ thread, reason: thread.cameBack(reason), ms: (words[own + Slot.MICROS] as number) / 1000 });
    }
    return list;
  }

  /** A thread that a worker has not begun with yet, for the main thread to run; null: there is none. */
  reclaim(): CpuThread | null {
    const member = this.members.find((m) => m.thread !== null && this.takeBack(m, Status.IDLE));
    if (member === undefined) return null;
    const { thread } = member;
    this.release(member);
    return thread;
  }

  /** Have a thread come back soon. */
  interrupt({ cpu, state }: CpuThread): void {
    cpu.view.setUint32(state + State.INTERRUPT, 1, true);
    cpu.view.setUint32(state + State.DEPTH_LIMIT, 0, true);
  }

  /** Interrupt the thread that has been away longest, if that is so many milliseconds. */
  interruptOldest(ms: number): void {
    const away = this.members.filter((m) => m.thread !== null && this.status(m) === Status.RUNNING);
    const [oldest] = away.sort((a, b) => a.since - b.since);
    if (oldest?.thread && uptimeMs() - oldest.since > ms) this.interrupt(oldest.thread);
  }

  /** Wait until none of a processor's threads runs: what it did is told by `returned`. */
  halt(cpu: Cpu): void {
    const members = this.members.filter((m) => m.thread?.cpu === cpu);
    for (const { thread } of members) this.interrupt(thread as CpuThread);
    for (const member of members) this.awaitEnd(member);
  }

  /** Stop a thread for good; returns the milliseconds that it ran. */
  recall(thread: CpuThread): number {
    const member = this.members.find((m) => m.thread === thread);
    if (member === undefined) return 0;
    this.interrupt(thread);
    this.awaitEnd(member);
    this.release(member);
    return (this.words[slotOf(member.n) + Slot.MICROS] as number) / 1000;
  }

  /** Sleep until a worker rings, for so many milliseconds at most. */
  sleep(ms: number): void {
    Atomics.wait(this.words, Control.BELL, this.heard, ms);
  }

  /** The main thread enters its event loop to sleep (or leaves it); false: a worker has rung. */
  sleepInLoop(on: boolean): boolean {
    Atomics.store(this.words, Control.ASLEEP, on ? 1 : 0);
    return !this.rung();
  }

  stop(): void {
    for (const { worker } of this.members) void worker.terminate();
    this.members.length = 0;
  }

  private status({ n }: Member): number {
    return Atomics.load(this.words, slotOf(n) + Slot.STATUS);
  }

  private awaitEnd(member: Member): void {
    const { words } = this;
    const own = slotOf(member.n);
    const at = own + Slot.STATUS;
    if (this.takeBack(member, Status.DONE)) {
      words[own + Slot.REASON] = Exit.INTERRUPT;
      words[own + Slot.MICROS] = 0;
      Atomics.add(words, Control.BELL, 1);
    }
    while (Atomics.load(words, at) === Status.RUNNING) Atomics.wait(words, at, Status.RUNNING);
  }

  /** Take back what a worker was offered and has not begun with; whether that was so. */
  private takeBack({ n }: Member, status: number): boolean {
    const at = slotOf(n) + Slot.STATUS;
    return Atomics.compareExchange(this.words, at, Status.OFFERED, status) === Status.OFFERED;
  }

  private release(member: Member): void {
    this.dropRequests(member);
    member.thread = null;
    Atomics.store(this.words, slotOf(member.n) + Slot.STATUS, Status.IDLE);
  }

  private dropRequests({ n }: Member): void {
    const own = slotOf(n);
    Atomics.store(this.words, own + Slot.READ, Atomics.load(this.words, own + Slot.WRITTEN));
  }

  /** Do what a worker has asked for. */
  private serve({ n }: Member, cpu: Cpu): void {
    const { words } = this;
    const own = slotOf(n);
    const written = Atomics.load(words, own + Slot.WRITTEN);
    for (let read = words[own + Slot.READ] as number; read !== written; read = (read + 1) & COUNT_MASK) {
      const at = own + Slot.REQUESTS + 3 * (read % MAX_REQUESTS);
      cpu.serve(words[at] as number, words[at + 1] as number, words[at + 2] as number);
      Atomics.store(words, own + Slot.READ, (read + 1) & COUNT_MASK);
    }
  }

  // ── what workers must know of a processor ──

  private send({ n, worker }: Member, message: WorkerMessage): void {
    worker.postMessage(message);
    Atomics.add(this.words, slotOf(n) + Slot.MAIL, 1);
  }

  private attach(member: Member, cpu: Cpu): void {
    if (member.attached.has(cpu)) return;
    for (const old of member.attached.keys()) {
      if (member.attached.size < MAX_ATTACHED) break;
      this.detach(member, old);
    }
    let number = this.numbers.get(cpu);
    if (number === undefined) {
      number = this.nextNumber++;
      this.numbers.set(cpu, number);
      cpu.share({
        halt: () => this.halt(cpu),
        installed: (region) => this.installed(cpu, region),
        dropped: (pcs) => this.dropped(cpu, pcs),
        flushed: (exact) => this.flushed(cpu, exact),
      });
    }
    member.attached.set(cpu, new Set());
    const { space, interpreter, frontEnd } = cpu;
    const { name, addressType, addressBits, contextAt = 0 } = frontEnd;
    const guest = { name, addressType, addressBits, contextAt };
    this.send(member, { kind: 'attach', cpu: number, memory: space.memory, interpreter, guest });
    if (cpu.isExact) this.send(member, { kind: 'flush', cpu: number, exact: true });
    this.sendRegions(member, cpu, [...cpu.regions.all()]);
  }

  /** Nobody will use a processor any more. */
  forget(cpu: Cpu): void {
    for (const member of this.members) if (member.attached.has(cpu)) this.detach(member, cpu);
  }

  private detach(member: Member, cpu: Cpu): void {
    member.attached.delete(cpu);
    this.send(member, { kind: 'detach', cpu: this.numbers.get(cpu) as number });
    if (this.members.some((m) => m.attached.has(cpu))) return;
    this.numbers.delete(cpu);
    cpu.share(null);
  }

  private sendRegions(member: Member, cpu: Cpu, regions: readonly StoredRegion[]): void {
    const number = this.numbers.get(cpu) as number;
    const sent = member.attached.get(cpu) as Set<StoredModule>;
    const list: RegionMessage[] = [];
    for (const { module: stored, index, pc, entries, slot } of regions) {
      let id = this.modules.get(stored);
      if (id === undefined) {
        id = this.nextModule++;
        this.modules.set(stored, id);
      }
      if (!sent.has(stored)) this.send(member, { kind: 'module', cpu: number, id, module: stored.compiled });
      sent.add(stored);
      const pcs = [pc, ...entries].filter((at) => cpu.regions.slotOf(at) === slot);
      list.push({ module: id, name: exportName(index), pcs, slot });
    }
    this.send(member, { kind: 'regions', cpu: number, slots: cpu.regions.store.nextSlot, regions: list });
  }

  /** A region came into use: workers get it before code that is run can lead to it. */
  private installed(cpu: Cpu, region: StoredRegion): void {
    // other hosts may load a slot before the operation that asks for it, and tables are grown between runs
    if (process.arch !== 'x64' || region.slot >= FIRST_SLOTS) this.halt(cpu);
    for (const member of this.members) {
      if (!member.attached.has(cpu)) continue;
      this.sendRegions(member, cpu, [region]);
      if (member.thread?.cpu === cpu) cpu.view.setUint32(member.thread.state + State.NEWS, 1, true);
    }
  }

  private dropped(cpu: Cpu, pcs: readonly number[]): void {
    for (const member of this.members) {
      if (member.attached.has(cpu)) this.send(member, { kind: 'drop', cpu: this.numbers.get(cpu) as number, pcs });
    }
  }

  private flushed(cpu: Cpu, exact: boolean): void {
    for (const member of this.members) {
      const sent = member.attached.get(cpu);
      if (sent === undefined) continue;
      sent.clear();
      this.send(member, { kind: 'flush', cpu: this.numbers.get(cpu) as number, exact });
      // what was asked about records is of no use any more
      if (member.thread?.cpu === cpu) this.dropRequests(member);
    }
  }
}
