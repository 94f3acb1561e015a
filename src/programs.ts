import { composer, composerName } from './composer-bytes.ts';
import { BlockImage } from './cpu/block-image.ts';
import { templatesName } from './cpu/built-templates.ts';
import type { Cpu } from './cpu/cpu.ts';
import type { FrontEnd } from './cpu/frontend/frontend.ts';
import { GUEST_TOP } from './cpu/memory/layout.ts';
import { Processors } from './cpu/processor-pool.ts';
import { RegionStore } from './cpu/region-store.ts';
import { TemplateTable } from './cpu/template-table.ts';
import { CpuThread } from './cpu/thread.ts';
import { WasmComposer } from './cpu/wasm-composer.ts';
import { type Guest, guestOf, MACHINES } from './guests.ts';
import { interpreter, interpreterName } from './interpreter-bytes.ts';
import { type Executable, mapProgram, openProgram } from './loader/load.ts';
import { LoadError } from './loader/load-error.ts';
import type { Abi } from './syscalls/abi/types.ts';
import type { ExecRequest, Kernel, LoadedImage } from './syscalls/kernel/kernel.ts';
import { type CacheKey, TranslationCache, worthKeeping } from './translation-cache.ts';
import { uptimeMs } from './uptime.ts';

/** How programs are started, besides what execve says. */
export interface ProgramsOptions {
  /** Name of a CPU model; unless told `max`. */
  readonly cpu?: string | undefined;
  /** Folder of kept translations; undefined: the user's cache folder, null: none. */
  readonly cache?: string | null | undefined;
  /** See Cpu.setTier. */
  readonly tier?: 'auto' | 'cold' | 'hot' | undefined;
  /** Told of each process's processor before it runs: logging. */
  readonly onCpu?: ((cpu: Cpu) => void) | undefined;
  /** Told of each processor that will not be used again. */
  readonly onDrop?: ((cpu: Cpu) => void) | undefined;
}

interface LoadedGuest {
  readonly guest: Guest;
  readonly frontEnd: FrontEnd;
  readonly abi: Abi;
}

/** Translations of one program, which all processes that run it have in common. */
interface Program {
  readonly key: CacheKey;
  /** Where they are kept between runs; null: nowhere. */
  readonly store: TranslationCache | null;
  /** Where to write what a run leaves besides. */
  readonly common: TranslationCache | null;
  image: BlockImage | null;
  /** Null until the first process has read what there is. */
  regions: RegionStore | null;
  /** Regions there were when they were last written. */
  written: number;
}

/** A process that used so much time has machine code worth keeping. */
const LONG_MS = 500;

/** Loads programs into processors: the first one, and those of execve(2). */
export class Programs {
  private readonly kernel: Kernel;
  private readonly processors: Processors;
  private readonly options: ProgramsOptions;
  private readonly loaded: Map<number, LoadedGuest> = new Map();
  private readonly programs: Map<string, Program> = new Map();
  /** What the processors in use run, and since when. */
  private readonly running: Map<Cpu, { readonly program: Program; readonly start: number }> = new Map();
  private readonly interpreters: Map<string, WebAssembly.Module> = new Map();
  private first: Cpu | null = null;
  /** Where there may be machine code of the cold tiers from earlier runs, by their names. */
  private readonly interpreterStores: Map<string, TranslationCache | null> = new Map();
  private readonly composers: Map<string, WebAssembly.Module> = new Map();
  /** Of whose composer there may be machine code. */
  private firstComposer = '';
  private firstStore: TranslationCache | null = null;

  constructor(kernel: Kernel, options: ProgramsOptions) {
    this.kernel = kernel;
    this.options = options;
    this.processors = new Processors((frontEnd) => this.interpreter(frontEnd));
    this.processors.onTake = options.onCpu ?? (() => {});
    this.processors.onDrop = options.onDrop ?? (() => {});
    this.processors.onFork = (parent, child) => this.forked(parent, child);
    this.processors.onGive = (cpu) => this.keep(cpu);
  }

  /** /proc/cpuinfo of the machine that the first program is for. */
  cpuinfo(cpu: number): string {
    const first = this.loaded.values().next().value;
    return first?.guest.cpuinfo(cpu) ?? '';
  }

  /** The composer's module: where all translations were kept nobody asks for it. */
  private composerModule(frontEnd: FrontEnd): WebAssembly.Module {
    const name = composerName(frontEnd);
    const store = name === this.firstComposer ? this.firstStore : null;
    const module = this.composers.get(name) ?? composer(name, store);
    this.composers.set(name, module);
    return module;
  }

  private interpreter(frontEnd: FrontEnd): WebAssembly.Module {
    const name = interpreterName(frontEnd);
    let module = this.interpreters.get(name);
    if (module === undefined) {
      module = interpreter(frontEnd, this.interpreterStores.get(name) ?? null);
      this.interpreters.set(name, module);
    }
    return module;
  }

  /** The program's image; a promise the first time a guest architecture is needed. Throws (or rejects with) LoadError. */
  load(request: ExecRequest): LoadedImage | Promise<LoadedImage> {
    const exe = openProgram({
      path: request.path,
      argv: request.argv,
      machines: MACHINES,
      open: (path) => this.kernel.openProgram(request.cwd, path, request.guard),
    });
    const { machine } = exe.image;
    const known = this.loaded.get(machine);
    if (known !== undefined) return this.start(known, exe, request);
    const guest = guestOf(machine, this.options.cpu);
    if (!guest) throw new Error(`no guest for machine ${machine}`);
    return guest.load().then((parts) => {
      const fresh = { guest, ...parts };
      this.loaded.set(machine, fresh);
      return this.start(fresh, exe, request);
    });
  }

  /** As `load`, for the kernel: errors are numbers. */
  exec(request: ExecRequest): LoadedImage | number | Promise<LoadedImage | number> {
    const failed = (error: unknown): number => {
      if (error instanceof LoadError) return -error.errno;
      throw error;
    };
    try {
      const image = this.load(request);
      return image instanceof Promise ? image.catch(failed) : image;
    } catch (error) {
      return failed(error);
    }
  }

  private start({ guest, frontEnd, abi }: LoadedGuest, exe: Executable, request: ExecRequest): LoadedImage {
    const limits = { stack: request.stack, data: Number.POSITIVE_INFINITY, as: Number.POSITIVE_INFINITY };
    const taskSize = Math.min(guest.taskSize, GUEST_TOP);
    const known = this.program(frontEnd, exe);
    const cpu = this.processors.create(frontEnd, limits, taskSize);
    const random = new Uint8Array(16);
    this.kernel.random(random);
    const vdso = guest.vdso?.();
    const sigreturn = vdso?.symbols.__kernel_sigreturn;
    const program = mapProgram(cpu.space, exe, {
      envp: request.env,
      ids: request.ids,
      hwcap: guest.hwcap,
      hwcap2: guest.hwcap2,
      platform: guest.platform,
      vdso,
      minSigStackSize: guest.minSigStackSize,
      random,
      taskSize,
      stackSize: Number.isFinite(limits.stack) ? limits.stack : DEFAULT_STACK,
    });
    cpu.setTier(this.options.tier ?? 'auto');
    cpu.cache.newComposer = (memory, calls) => {
      const table = TemplateTable.of(templatesName(frontEnd));
      return table && new WasmComposer(this.composerModule(frontEnd), memory, table, calls);
    };
    const thread = CpuThread.create(cpu, this.processors) as CpuThread;
    thread.pc = program.entry;
    cpu.view.setBigUint64(thread.state + frontEnd.sp, BigInt(program.sp), true);
    this.restore(cpu, known);
    const path = request.path.split('/').pop() ?? '';
    return {
      abi,
      cpu: thread,
      comm: path.slice(0, 15),
      exe: this.kernel.canonical(request.cwd, program.path),
      argv: program.argv,
      auxv: program.auxv,
      trampoline: sigreturn === undefined ? 0 : program.vdso + sigreturn,
    };
  }

  /** What is known of a program's translations: from processes that ran it, else from earlier runs. */
  private program(frontEnd: FrontEnd, exe: Executable): Program {
    const { dev, ino } = exe.file;
    return this.programOf(frontEnd, {
      dev,
      ino,
      size: exe.file.size(),
      variant: `${frontEnd.name} ${frontEnd.variant}`,
    });
  }

  private programOf(frontEnd: FrontEnd, key: CacheKey, common?: TranslationCache | null): Program {
    const name = Object.values(key).join();
    let program = this.programs.get(name);
    if (program === undefined) {
      // a sandboxed guest leaves nothing behind
      const none = this.kernel.sandboxed || this.options.tier === 'hot';
      const tier = interpreterName(frontEnd);
      const store = none ? null : TranslationCache.open(this.options.cache, key, tier, composerName(frontEnd));
      if (this.first === null) {
        this.firstStore = store;
        this.firstComposer = composerName(frontEnd);
      }
      if (!this.interpreterStores.has(tier)) this.interpreterStores.set(tier, store);
      program = { key, store, common: common === undefined ? store : common, image: null, regions: null, written: 0 };
      this.programs.set(name, program);
    }
    return program;
  }

  private restore(cpu: Cpu, program: Program): void {
    this.first ??= cpu;
    this.reuse(cpu, program);
    // without a folder, only processes that follow have a use for it
    cpu.cache.recording = program.store !== null || cpu !== this.first;
    cpu.onExact = () => this.exact(cpu);
    this.running.set(cpu, { program, start: uptimeMs() });
  }

  private reuse(cpu: Cpu, program: Program): void {
    if (program.regions === null) {
      program.store?.load(cpu);
      program.image = cpu.cache.image;
      program.regions = cpu.regions.store;
      program.written = program.regions.count;
    } else {
      cpu.cache.image = program.image;
      cpu.regions.use(program.regions);
    }
  }

  /**
   * A process goes on to exact floating point: what it has translated up to now is kept as at its end, and from now on it
   * is a process of another program, whose translations are all for that.
   */
  private exact(cpu: Cpu): () => void {
    const { warmUp } = cpu.regions.store;
    const { recording } = cpu.cache;
    const program = this.running.get(cpu)?.program;
    this.keep(cpu, false);
    if (program === undefined) return () => cpu.regions.use(new RegionStore(warmUp));
    const { key, common } = program;
    const other = this.programOf(cpu.frontEnd, { ...key, variant: `${key.variant} exact` }, common);
    this.running.set(cpu, { program: other, start: uptimeMs() });
    return () => {
      cpu.regions.use(new RegionStore(warmUp));
      this.reuse(cpu, other);
      const { store } = cpu.regions;
      store.warmUp = warmUp;
      if (cpu.cache.flags.cross && !cpu.regions.flagsCross) store.demand('flagsCross');
      cpu.cache.recording = recording;
    };
  }

  /** A child of fork goes on with the program of its parent. */
  private forked(parent: Cpu, child: Cpu): void {
    const run = this.running.get(parent);
    if (run === undefined) return;
    child.cache.recording = parent.cache.recording;
    // what earlier children have translated it may use
    if (parent.cache.recording) child.cache.image = run.program.image;
    child.onExact = () => this.exact(child);
    this.running.set(child, { program: run.program, start: uptimeMs() });
  }

  /** A processor is left by its last thread (or goes on otherwise): keep what it has for other processes and for later runs. */
  private keep(cpu: Cpu, ends = true): void {
    const run = this.running.get(cpu);
    if (run === undefined) return;
    this.running.delete(cpu);
    // who sent a signal that ends all waits for that
    const end = this.kernel.first?.exited;
    if (end && 'signal' in end) return;
    const { program, start } = run;
    // the last process of all: its memory may be written from, and changed for that
    const last = ends && this.running.size === 0;
    if (!this.isHurried(cpu)) this.take(cpu, program, uptimeMs() - start, last);
    if (ends && cpu === this.first) program.common?.writeCommon(cpu);
    program.store?.write([...this.running.values()].some((other) => other.program === program));
  }

  /**
   * Whether a process other than the first was killed right after a signal of the host: one often kills many at once,
   * each with translations that would take some 30 ms to keep, and whoever sent it waits.
   */
  private isHurried(cpu: Cpu): boolean {
    const { hostSignals, processes } = this.kernel;
    if (cpu === this.first || hostSignals?.recent !== true) return false;
    for (const { space, exited } of processes.values()) {
      if (space === cpu.space && exited !== null) return 'signal' in exited;
    }
    return false;
  }

  /** Take over what a process has translated in so many milliseconds. */
  private take(cpu: Cpu, program: Program, ms: number, last: boolean): void {
    const { cache } = cpu;
    if (!cache.recording) return;
    // others may have kept more than there was when this one started
    cache.image = program.image;
    const worth = worthKeeping(cache);
    if (program.store === null) {
      const words = worth ? cache.save(0) : null;
      if (words !== null) program.image = BlockImage.of(words, 0);
      return;
    }
    const count = program.regions?.count ?? 0;
    if (cpu !== this.first && !worth && count - program.written <= 8 && ms < LONG_MS) return;
    program.written = count;
    program.image = program.store.keep(cpu, last) ?? program.image;
  }
}

/** Stack of a program whose limit is infinite. */
const DEFAULT_STACK = 8 << 20;
