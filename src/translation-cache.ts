import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { append, readAt } from './bounce.ts';
import { BlockImage } from './cpu/block-image.ts';
import { checksum, checksumOf } from './cpu/checksum.ts';
import type { CodeCache } from './cpu/code-cache.ts';
import type { WarmUp } from './cpu/compile-budget.ts';
import type { Cpu } from './cpu/cpu.ts';
import { bytesOf } from './cpu/image-bytes.ts';
import { nativesCode, useNatives } from './cpu/machine-code.ts';
import { readRegions, writeRegions } from './cpu/region-image.ts';
import type { RegionStore } from './cpu/region-store.ts';
import { KeptFile } from './kept-file.ts';
import { uptimeMs } from './uptime.ts';

/** Set by the build: a hash of the sources (u32). Running from the sources, translations are not kept. */
declare const TSQEMU_BUILD: number | undefined;

/** What scripts/build-seed.ts leaves beside the bundles, so that the very first run is like the first one of a program. */
const SEED = path.join(import.meta.dirname, 'seed', 'code');

/** Largest image of one program, and of all together; the least recently used go first. */
const MAX_FILE = 64 << 20;
const MAX_TOTAL = 512 << 20;
/** Suffixes of a program's files: blocks of the cold tier, compiled regions. */
const BLOCKS = '.blocks';
const REGIONS = '.regions';
/** A byte for each so many milliseconds of CPU time of runs that were over before anything was compiled. */
const WAITED = '.waited';
const WAITED_MS = 50;
/** A byte for each run that had new blocks, but too few for a write. */
const FEW = '.few';
/** A byte for each millisecond that runs spent on what others will compile or optimise again, too little for a write. */
const AGAIN = '.again';
/**
 * One new block is worth a write of an image with no more blocks than this, as another run would load the composer for it
 * alone; to larger ones must come at least this part, or there have been as many runs with a few as they are larger.
 */
const SMALL_IMAGE = 15_000;
const MIN_PART = 1 / 256;
/** The part of an image that new blocks have to be for the run to have done what those before it did not. */
const LEARNED_PART = 1 / 8;
/** What it costs to write regions, in milliseconds: anyway, and for each byte there was. */
const WRITE_MS = 15;
const WRITE_MS_PER_BYTE = 1 / 100_000;
/** How long what ended processes have kept waits for the end of the program's others. */
const WRITE_EVERY_MS = 10_000;
/** What V8 spends on a function that it optimises, on the average of regions. */
const OPTIMISE_MS = 5;

/** What tells one program's translations from another's. Blocks are compared with memory besides. */
export interface CacheKey {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  /** Guest architecture and whatever else changes translations (host features). */
  readonly variant: string;
}

/** Whether a process has translated enough new blocks. */
export const worthKeeping = ({ freshCount, image }: CodeCache): boolean => {
  const count = image?.count ?? 0;
  return freshCount > 0 && (count <= SMALL_IMAGE || freshCount >= count * MIN_PART);
};

/** The module of this machine code, or null where V8 does not take it. */
type UseCode = (code: Uint8Array<ArrayBuffer>) => WebAssembly.Module | null;

/** Images of translated code in a folder of the user's: any trouble with it means none. */
export class TranslationCache {
  /** Path without the suffixes of what is kept of the program. */
  private readonly file: string;
  private readonly interpreterFile: string;
  private readonly composerFile: string;
  private readonly nativesFile: string;
  private readonly version: number;
  /** Size of the file of regions. */
  private regionBytes = 0;
  /** Those that are read. */
  private files: readonly (KeptFile | null)[] = [];
  /** What is in no file yet. */
  private regions: RegionStore | null = null;
  private blocks: readonly Uint32Array[] | null = null;
  /** They are many more than there were. */
  private manyBlocks = false;
  /** When files were last written (uptimeMs), or the start. */
  private writtenAt = uptimeMs();
  /** Whether V8 took machine code of an earlier run, or of the build, for them. */
  private hasInterpreter = false;
  private hasComposer = false;

  private constructor(file: string, interpreterFile: string, composerFile: string, version: number) {
    this.file = file;
    this.interpreterFile = interpreterFile;
    this.composerFile = composerFile;
    this.nativesFile = path.join(path.dirname(file), `natives-${process.version}`);
    this.version = version;
  }

  /**
   * `interpreter` and `composer` name modules that programs share. Null when translations are not to be kept, or the
   * folder is not safely ours.
   */
  static open(
    setting: string | null | undefined,
    key: CacheKey,
    interpreter: string,
    composer: string,
  ): TranslationCache | null {
    if (setting === null || typeof TSQEMU_BUILD === 'undefined') return null;
    const base = setting ?? defaultFolder();
    if (base === null) return null;
    const dir = path.join(base, 'code');
    if (!privateFolder(dir)) return null;
    const name = [key.dev, key.ino, key.size, key.variant.replaceAll(' ', '-')].join('-');
    return new TranslationCache(
      path.join(dir, name),
      path.join(dir, interpreter),
      path.join(dir, composer),
      TSQEMU_BUILD,
    );
  }

  /**
   * The cold tier's module with machine code from an earlier run, of whatever program; what reads it is kept beside it. `use`
   * gives null for code that V8 does not take, which is that of another processor, or was made under other flags.
   */
  interpreterModule(use: UseCode): WebAssembly.Module | null {
    const [bytecode] = this.common(this.nativesFile);
    if (bytecode) useNatives(Buffer.from(bytecode.buffer, bytecode.byteOffset, bytecode.length));
    const module = this.moduleOf(this.interpreterFile, use);
    this.hasInterpreter = module !== null;
    return module;
  }

  /** The same of the composer. */
  composerModule(use: UseCode): WebAssembly.Module | null {
    const module = this.moduleOf(this.composerFile, use);
    this.hasComposer = module !== null;
    return module;
  }

  private moduleOf(file: string, use: UseCode): WebAssembly.Module | null {
    for (const code of this.common(file)) {
      const module = use(code);
      if (module) return module;
    }
    return null;
  }

  /** What programs have in common, from an earlier run and from the build: the next is read if one is not taken. */
  private *common(file: string): Generator<Uint8Array<ArrayBuffer>> {
    for (const name of [file, path.join(SEED, path.basename(file))]) {
      const bytes = this.sealed(name);
      if (bytes) yield bytes;
    }
  }

  private sealed(file: string): Uint8Array<ArrayBuffer> | null {
    try {
      const fd = fs.openSync(file, 'r');
      try {
        return unsealed(fd, this.version);
      } finally {
        fs.closeSync(fd);
      }
    } catch {
      return null;
    }
  }

  load(cpu: Cpu): void {
    const blocks = KeptFile.find(this.file + BLOCKS);
    if (blocks) cpu.cache.image = BlockImage.read(blocks, this.version);
    const regions = KeptFile.find(this.file + REGIONS);
    const { store } = cpu.regions;
    if (regions && readRegions(store, regions, this.version)) this.regionBytes = regions.size;
    this.files = [blocks, regions];
    if (cpu.isExact) return;
    const waited = fs.statSync(this.file + WAITED, { throwIfNoEntry: false })?.size ?? 0;
    store.warmUp.earlierMs = waited * WAITED_MS;
  }

  /** Enough runs in which something was hot but not compiled are as good as one long one. */
  private noteWaiting({ waited, usedMs }: WarmUp): void {
    if (!waited) return;
    try {
      fs.appendFileSync(this.file + WAITED, new Uint8Array(Math.ceil(usedMs / WAITED_MS)), { mode: 0o600 });
    } catch {
      // full or read-only: later runs wait as long
    }
  }

  /**
   * Take over what a process translated and compiled, where it is enough to be worth a write; the new image of the
   * program's blocks, if there is one. `inPlace`: `write` follows, and nobody wants the image.
   */
  keep({ cache, regions }: Cpu, inPlace = false): BlockImage | null {
    if (!cache.recording) return null;
    const { store } = regions;
    // what another run like this one would not have to do again
    const saved = store.unsavedMs + OPTIMISE_MS * (store.unsavedOptimised + regions.newlyOptimised());
    const cost = WRITE_MS + this.regionBytes * WRITE_MS_PER_BYTE;
    if (inPlace ? saved > 0 && this.adds(AGAIN, Math.ceil(saved), cost) : saved > cost) {
      regions.takeMachineCode();
      this.regions = store;
    }
    const many = cache.freshCount >= (cache.image?.count ?? 0) * LEARNED_PART;
    const worth = worthKeeping(cache) || (inPlace && this.areOftenFew(cache));
    const blocks = worth ? cache.save(this.version, inPlace) : null;
    if (blocks === null) return null;
    this.blocks = blocks;
    this.manyBlocks ||= many;
    return inPlace ? null : BlockImage.of(blocks, this.version);
  }

  /** Whether a run has new blocks, but few, and enough runs before it had: together they cost what a write does. */
  private areOftenFew({ freshCount, image }: CodeCache): boolean {
    return freshCount > 0 && image !== null && this.adds(FEW, 1, image.count / SMALL_IMAGE);
  }

  /** Whether `amount` and what runs before have left in a file that counts are `enough` together; it begins anew then. */
  private adds(suffix: string, amount: number, enough: number): boolean {
    const file = this.file + suffix;
    const is = amount + (fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= enough;
    try {
      if (is) fs.rmSync(file, { force: true });
      else fs.appendFileSync(file, new Uint8Array(amount), { mode: 0o600 });
    } catch {
      // full or read-only: all is made anew each time
      return false;
    }
    return is;
  }

  /** Write what was taken over: once for processes that run at the same time, but for what goes on for long. */
  write(othersRun: boolean): void {
    if (othersRun && uptimeMs() - this.writtenAt < WRITE_EVERY_MS) return;
    const { regions: store, blocks } = this;
    if (store !== null) {
      const pieces = writeRegions(store, this.version);
      write(this.file + REGIONS, pieces);
      if (pieces) this.regionBytes = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
      store.unsavedMs = 0;
      store.unsavedOptimised = 0;
    }
    write(this.file + BLOCKS, blocks, this.manyBlocks);
    if (store !== null || blocks !== null) this.writtenAt = uptimeMs();
    if (!othersRun) for (const file of this.files) file?.close();
    this.regions = null;
    this.blocks = null;
    this.manyBlocks = false;
  }

  /** Write what all programs have in common, and how long this one waited: at the end of a run's first process. */
  writeCommon({ cache, regions, interpreterCode }: Cpu): void {
    if (!cache.recording) return;
    this.noteWaiting(regions.store.warmUp);
    const cold = this.hasInterpreter ? null : interpreterCode();
    if (cold) write(this.interpreterFile, [seal(cold, this.version)]);
    const composer = this.hasComposer ? null : cache.composerCode();
    if (composer) write(this.composerFile, [seal(composer, this.version)]);
    const natives = nativesCode();
    if (natives) write(this.nativesFile, [seal(natives, this.version)]);
  }
}

let written = false;

/** Whether this run kept much: it did more than those before it, and V8 compiled more of us. */
export const learned = (): boolean => written;

/** Written aside and renamed, so that runs at the same time do no harm. `learns`: see learned. */
const write = (file: string, pieces: readonly Uint32Array[] | null, learns = true): void => {
  if (pieces === null || pieces.reduce((sum, { byteLength }) => sum + byteLength, 0) > MAX_FILE) return;
  const aside = `${file}.${process.pid}.${Date.now()}`;
  try {
    writePieces(aside, pieces);
    fs.renameSync(aside, file);
    written ||= learns;
    evict(path.dirname(file));
  } catch {
    // full or read-only: the next run translates again
    fs.rmSync(aside, { force: true });
  }
};

const writePieces = (file: string, pieces: readonly Uint32Array[]): void => {
  const fd = fs.openSync(file, 'wx', 0o600);
  try {
    for (const { buffer, byteOffset, byteLength } of pieces) {
      append(fd, new Uint8Array(buffer, byteOffset, byteLength));
    }
  } finally {
    fs.closeSync(fd);
  }
};

const SEAL = 0x53717374;
const SEAL_HEAD = 4;

/** Bytes with what tells whether they are whole, as words. */
const seal = (bytes: Uint8Array, version: number): Uint32Array => {
  const words = new Uint32Array(SEAL_HEAD + ((bytes.length + 3) >>> 2));
  new Uint8Array(words.buffer).set(bytes, 4 * SEAL_HEAD);
  words.set([SEAL, version, bytes.length, checksum(words, SEAL_HEAD)]);
  return words;
};

/** What was sealed in a file; in a buffer of its size, which is what V8 takes machine code from. */
const unsealed = (fd: number, version: number): Uint8Array<ArrayBuffer> | null => {
  const head = new Uint32Array(SEAL_HEAD);
  if (readAt(fd, bytesOf(head), 0) !== head.byteLength) return null;
  const [magic, of, length = 0, sum] = head;
  const { size } = fs.fstatSync(fd);
  const padding = new Uint8Array(-length & 3);
  if (magic !== SEAL || of !== version || size !== head.byteLength + length + padding.length) return null;
  const bytes = Buffer.allocUnsafeSlow(length);
  // zeros are behind it
  return readAt(fd, bytes, head.byteLength) === length && sum === checksumOf([bytes, padding]) ? bytes : null;
};

const defaultFolder = (): string | null => {
  const { XDG_CACHE_HOME: xdg } = process.env;
  const home = os.homedir();
  if (xdg) return path.join(xdg, 'tsqemu-user');
  return home === '' ? null : path.join(home, '.cache', 'tsqemu-user');
};

/** Ours alone, and open to us (to write or not): another user's folder could hold code that is not what it says. */
const privateFolder = (dir: string): boolean => {
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    const stat = fs.lstatSync(dir);
    return stat.isDirectory() && (!process.getuid || (stat.uid === process.getuid() && (stat.mode & 0o577) === 0o500));
  } catch {
    return false;
  }
};

const evict = (dir: string): void => {
  const files = fs.readdirSync(dir).flatMap((name) => {
    const stat = fs.statSync(path.join(dir, name), { throwIfNoEntry: false });
    return stat ? [{ name, size: stat.size, used: Math.max(stat.atimeMs, stat.mtimeMs) }] : [];
  });
  let total = files.reduce((sum, f) => sum + f.size, 0);
  for (const f of files.sort((a, b) => a.used - b.used)) {
    if (total <= MAX_TOTAL) return;
    fs.rmSync(path.join(dir, f.name), { force: true });
    total -= f.size;
  }
};
