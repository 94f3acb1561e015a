import { Cpu } from './cpu.ts';
import type { FrontEnd } from './frontend/frontend.ts';
import { boundHeap, collectGarbage } from './garbage.ts';
import { createAddressSpace, type MemoryLimits } from './memory/address-space.ts';
import type { ProcessorPool } from './thread.ts';

/**
 * V8 does not count what a WebAssembly.Memory costs, so memories that are dropped stay for long: those of ended processes
 * are used again. Most processors kept for that, and the most bytes all of them may cost.
 */
const MAX_KEPT = 16;
const MAX_KEPT_BYTES = 512 << 20;
/** So many bytes of dropped memories are worth a collection. */
const MAX_DROPPED_BYTES = 256 << 20;
/** What a processor costs besides its guest's pages: tables and translations. */
const OWN_BYTES = 12 << 20;

/** Each time that so many were forked, V8's own memory is looked at. */
const FORKS_TO_LOOK = 64;

/** Processors with their memories: new ones, and those that ended processes have left. */
export class Processors implements ProcessorPool {
  private readonly interpreterFor: (frontEnd: FrontEnd) => WebAssembly.Module;
  private readonly kept: { readonly cpu: Cpu; readonly bytes: number }[] = [];
  private keptBytes = 0;
  private droppedBytes = 0;
  private forks = 0;
  /** Called with every processor that a process begins to use. */
  onTake: (cpu: Cpu) => void = () => {};
  /** Called when a process is about to become the copy of another. */
  onFork: (parent: Cpu, child: Cpu) => void = () => {};
  /** Called when the last thread of a process has ended. */
  onGive: (cpu: Cpu) => void = () => {};
  /** Called when a processor will not be used again. */
  onDrop: (cpu: Cpu) => void = () => {};

  constructor(interpreterFor: (frontEnd: FrontEnd) => WebAssembly.Module) {
    this.interpreterFor = interpreterFor;
  }

  create(frontEnd: FrontEnd, limits: MemoryLimits, taskSize: number): Cpu {
    const i = this.kept.findLastIndex(({ cpu }) => cpu.frontEnd === frontEnd);
    const old = i < 0 ? undefined : this.unkeep(i);
    if (old === undefined) {
      if (this.droppedBytes > MAX_DROPPED_BYTES) {
        this.droppedBytes = 0;
        collectGarbage();
      }
      return this.taken(new Cpu(createAddressSpace({ limits, taskSize }), frontEnd, this.interpreterFor(frontEnd)));
    }
    Object.assign(old.space.limits, limits);
    old.space.reset();
    old.reset();
    return this.taken(old);
  }

  take(like: Cpu): Cpu {
    if (++this.forks % FORKS_TO_LOOK === 0) boundHeap();
    const cpu = this.create(like.frontEnd, { ...like.space.limits }, like.space.taskSize);
    this.onFork(like, cpu);
    return cpu;
  }

  give(cpu: Cpu): void {
    this.onGive(cpu);
    cpu.end();
    const bytes = cpu.space.touched + OWN_BYTES;
    this.kept.push({ cpu, bytes });
    this.keptBytes += bytes;
    // the latest is the likeliest to be of the kind that is asked for next
    while (this.kept.length > MAX_KEPT || this.keptBytes > MAX_KEPT_BYTES) {
      const before = this.keptBytes;
      this.onDrop(this.unkeep(0));
      this.droppedBytes += before - this.keptBytes;
    }
  }

  private unkeep(i: number): Cpu {
    const [{ cpu, bytes }] = this.kept.splice(i, 1) as [(typeof this.kept)[0]];
    this.keptBytes -= bytes;
    return cpu;
  }

  private taken(cpu: Cpu): Cpu {
    this.onTake(cpu);
    return cpu;
  }
}
