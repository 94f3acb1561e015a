import { DISPATCH_SLOT } from '../backend/interpreter/contract.ts';
import type { FrontEnd } from '../frontend/frontend.ts';
import type { HelperContext } from '../frontend/helper.ts';
import { JumpCache } from '../jump-cache.ts';
import { refuel } from '../memory/fuel.ts';
import {
  Exit,
  GUEST_BASE,
  PAGE_SHIFT,
  PageByte,
  READ_BYTES,
  State,
  WRITE_BYTES,
  workerJumpCache,
} from '../memory/layout.ts';
import { BlockIndex } from './block-index.ts';
import { FIRST_SLOTS, type RegionMessage, type RemoteGuest, Request } from './protocol.ts';

/** Executions until a block asks again to be compiled. */
const PATIENCE = 1000;

/** Thrown through a helper that needs the kernel. */
const NEEDS_KERNEL = new Error('needs the kernel');

/** What a processor on a worker thread needs of it. */
export interface RemoteHost {
  /** Number of the worker. */
  readonly n: number;
  frontEndOf(guest: string): FrontEnd;
  /** Ask something of the main thread that can wait. */
  ask(kind: number, a: number, b: number): void;
  /** Read the messages: regions may have been compiled. */
  read(): void;
}

/**
 * A process's processor on a worker thread: wasm instances and a table of its own over the memory that the main
 * thread's `Cpu` has. It runs what is translated; whatever needs the kernel, the translator or the tables of the
 * address space ends the run with the instruction not done, and the main thread does it.
 */
export class RemoteCpu implements HelperContext {
  readonly view: DataView;
  readonly u8: Uint8Array;
  exact = false;
  private readonly host: RemoteHost;
  private readonly guest: RemoteGuest;
  private loaded: FrontEnd | null = null;
  private readonly index: BlockIndex;
  private readonly jumps: JumpCache;
  private readonly table: WebAssembly.Table;
  private readonly gate: unknown;
  private readonly imports: Record<string, unknown>;
  private readonly runRecords: (state: number, depth: number) => number;
  private readonly instances = new Map<number, Readonly<Record<string, unknown>>>();
  /** Slots of regions in use, by pc. */
  private readonly slots = new Map<number, number>();
  private readonly loops = new Set<number>();

  constructor(memory: WebAssembly.Memory, interpreter: WebAssembly.Module, guest: RemoteGuest, host: RemoteHost) {
    this.host = host;
    this.guest = guest;
    this.view = new DataView(memory.buffer);
    this.u8 = new Uint8Array(memory.buffer);
    this.index = new BlockIndex(memory);
    this.jumps = new JumpCache(this.view, workerJumpCache(host.n));
    this.table = new WebAssembly.Table({ element: 'anyfunc', initial: FIRST_SLOTS });
    const calls = {
      m: memory,
      t: this.table,
      syscall: (state: number) => this.leave(state, Exit.SYSCALL),
      helper: (state: number, id: number, aux: number) => this.helper(state, id, aux),
      refuel: (state: number, depth: number) => (this.isStopped(state) || !refuel(this.view, state, depth) ? 1 : 0),
    };
    const { exports } = new WebAssembly.Instance(interpreter, {
      e: {
        ...calls,
        memory: (state: number) => this.leave(state, Exit.KERNEL),
        lookup: (state: number) => this.lookup(state),
        link: (state: number, record: number) => this.link(state, record),
        hot: (_state: number, record: number) => this.hot(record),
      },
    });
    const { run, dispatch, gate, native, clmul } = exports;
    this.gate = gate;
    this.runRecords = run as (state: number, depth: number) => number;
    const miss = (state: number): number => this.leave(state, Exit.KERNEL);
    this.imports = { ...calls, miss, run, dispatch, native, clmul } as Record<string, unknown>;
    for (let slot = DISPATCH_SLOT; slot < FIRST_SLOTS; slot++) this.table.set(slot, gate);
    this.clearJumps();
  }

  /** Run until something needs the main thread; returns the Exit reason, the state being exact. */
  run(state: number): number {
    const { view } = this;
    for (;;) {
      if (view.getUint32(state + State.NEWS, true) !== 0) {
        view.setUint32(state + State.NEWS, 0, true);
        this.host.read();
      }
      if (this.isStopped(state)) return Exit.INTERRUPT;
      const record = this.lookup(state);
      if (record === 0) return Exit.KERNEL;
      view.setUint32(state + State.IP, record, true);
      const pc = this.runRecords(state, 0);
      if (pc !== -1) {
        view.setBigUint64(state + State.PC, BigInt(pc >>> 0), true);
        continue;
      }
      const reason = view.getUint32(state + State.EXIT_REASON, true);
      if (reason === Exit.INTERRUPT) {
        if (this.isStopped(state)) continue;
        refuel(view, state, 0);
        this.longLoop(view.getUint32(state + State.PC, true));
      } else if (reason !== Exit.UNTRANSLATED) return reason;
    }
  }

  private isStopped(state: number): boolean {
    return this.view.getUint32(state + State.INTERRUPT, true) !== 0;
  }

  /** It is large, and most that runs on workers needs none of it. */
  private get frontEnd(): FrontEnd {
    this.loaded ??= this.host.frontEndOf(this.guest.name);
    return this.loaded;
  }

  private leave(state: number, reason: number): number {
    this.view.setUint32(state + State.EXIT_REASON, reason, true);
    return 1;
  }

  /** Record for the u64 pc in the state; 0 when the main thread must find it. */
  private lookup(state: number): number {
    const { view } = this;
    const pc = view.getUint32(state + State.PC, true);
    const plain = view.getUint32(state + State.PC + 4, true) === 0;
    const { contextAt } = this.guest;
    const special = contextAt !== 0 && view.getUint32(state + contextAt, true) !== 0;
    const record = plain && !special ? this.index.find(pc) : 0;
    if (record === 0) {
      this.leave(state, Exit.KERNEL);
      return 0;
    }
    const site = view.getUint32(state + State.SITE, true);
    if (site !== 0) {
      this.host.ask(Request.TARGET, site, pc);
      view.setUint32(state + State.SITE, 0, true);
    }
    this.jumps.put(pc, this.slots.get(pc) ?? DISPATCH_SLOT, record);
    return record;
  }

  /** The jump of a stub: the main thread links it, and has to translate its target first if we cannot find that. */
  private link(state: number, record: number): number {
    this.host.ask(Request.LINK, record, 0);
    const pc = this.view.getUint32(record - 16 + 4, true);
    const target = this.index.find(pc);
    // one whose code has changed stands for what is there now (see StaleBlocks), once the main thread has translated that
    if (target !== 0 && target !== record) return target;
    this.view.setBigUint64(state + State.PC, BigInt(pc), true);
    this.leave(state, Exit.KERNEL);
    return 0;
  }

  private hot(record: number): number {
    this.view.setInt32(record - 16, PATIENCE, true);
    this.host.ask(Request.HOT, record, 0);
    return 0;
  }

  private longLoop(pc: number): void {
    if (this.loops.has(pc)) return;
    this.loops.add(pc);
    this.host.ask(Request.LOOP, pc, 0);
  }

  private helper(state: number, id: number, aux: number): number {
    const helper = this.frontEnd.helper(id);
    if (!helper) throw new Error(`no helper ${id}`);
    try {
      return helper(this, state, aux);
    } catch (error) {
      if (error !== NEEDS_KERNEL) throw error;
      return this.leave(state, Exit.KERNEL);
    }
  }

  private clearJumps(): void {
    this.jumps.clear((start, length, value) => this.u8.fill(value, start, start + length));
  }

  // ── what the main thread tells ──

  addModule(id: number, module: WebAssembly.Module): void {
    this.instances.set(id, new WebAssembly.Instance(module, { e: this.imports }).exports);
  }

  /** Take regions into use; code may name table slots below `slots`. */
  addRegions(regions: readonly RegionMessage[], slots: number): void {
    const { table } = this;
    if (slots > table.length) table.grow(Math.max(table.length, slots - table.length), this.gate);
    for (const { module, name, pcs, slot } of regions) {
      table.set(slot, this.instances.get(module)?.[name]);
      for (const pc of pcs) {
        this.slots.set(pc, slot);
        this.jumps.move(pc, slot);
      }
    }
  }

  /** Use no region any more that is entered at these pcs. */
  dropRegions(pcs: readonly number[]): void {
    for (const pc of pcs) {
      const slot = this.slots.get(pc);
      if (slot === undefined) continue;
      this.table.set(slot, this.gate);
      this.slots.delete(pc);
      this.jumps.move(pc, DISPATCH_SLOT);
    }
  }

  /** No translation is in use any more. */
  flush(): void {
    for (const slot of this.slots.values()) this.table.set(slot, this.gate);
    this.slots.clear();
    this.instances.clear();
    this.loops.clear();
    this.clearJumps();
  }

  // ── HelperContext ──

  access(_state: number, addr: bigint, size: number, write: boolean, aligned = false): number {
    const given = Number(BigInt.asUintN(this.guest.addressBits, addr));
    if (given + size > 0x1_0000_0000 || (aligned && given % size !== 0)) throw NEEDS_KERNEL;
    const bytes = write ? WRITE_BYTES : READ_BYTES;
    const last = (given + size - 1) >>> PAGE_SHIFT;
    for (let page = given >>> PAGE_SHIFT; page <= last; page++) {
      if (this.u8[bytes + page] !== PageByte.PLAIN) throw NEEDS_KERNEL;
    }
    return GUEST_BASE + given;
  }

  invalidateCode(): boolean {
    throw NEEDS_KERNEL;
  }

  fpModeChanged(): boolean {
    if (this.exact) return false;
    throw NEEDS_KERNEL;
  }
}
