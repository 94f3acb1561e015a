import { Cpu } from './cpu.ts';
import type { FrontEnd } from './frontend/frontend.ts';
import { createAddressSpace, type MemoryLimits } from './memory/address-space.ts';
import type { ProcessorPool } from './thread.ts';

/**
 * Most processors kept for later, and the most memory one of them may have touched. V8 does not count what
 * a WebAssembly.Memory costs, so memories that are dropped stay for long: those of short processes are used again.
 */
const MAX_KEPT = 8;
const MAX_TOUCHED = 64 << 20;

/** Processors with their memories: new ones, and those that ended processes have left. */
export class Processors implements ProcessorPool {
  private readonly interpreterFor: (frontEnd: FrontEnd) => WebAssembly.Module;
  private readonly kept: Cpu[] = [];
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
    const i = this.kept.findIndex((cpu) => cpu.frontEnd === frontEnd);
    const old = i < 0 ? undefined : this.kept.splice(i, 1)[0];
    if (old === undefined) {
      return this.taken(new Cpu(createAddressSpace({ limits, taskSize }), frontEnd, this.interpreterFor(frontEnd)));
    }
    Object.assign(old.space.limits, limits);
    old.space.reset();
    old.reset();
    return this.taken(old);
  }

  take(like: Cpu): Cpu {
    const cpu = this.create(like.frontEnd, { ...like.space.limits }, like.space.taskSize);
    this.onFork(like, cpu);
    return cpu;
  }

  give(cpu: Cpu): void {
    this.onGive(cpu);
    if (this.kept.length < MAX_KEPT && cpu.space.touched <= MAX_TOUCHED) this.kept.push(cpu);
    else this.onDrop(cpu);
  }

  private taken(cpu: Cpu): Cpu {
    this.onTake(cpu);
    return cpu;
  }
}
