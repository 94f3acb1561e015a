import { PAGE_SIZE } from '../cpu/memory/layout.ts';
import { type AddressSpace, type MapSource, PROT_EXEC, PROT_READ, PROT_WRITE } from '../cpu/memory/types.ts';
import type { Ids } from './auxv.ts';
import { describeMachine, type ElfImage, isElf, machineName, parseElf, readBytes } from './elf.ts';
import { E2BIG, ELOOP, ENOENT, ENOEXEC, ENOMEM, LoadError, openError, printable } from './load-error.ts';
import { isScript, parseScript, SCRIPT_HEAD } from './script.ts';
import { stackBytes, writeStack } from './stack.ts';
import { SymbolTable } from './symbols.ts';
import type { Vdso } from './vdso.ts';

/** Opens a guest path for execution: the file, or a negative errno. Paths are byte strings. */
export type OpenFileFn = (path: string) => MapSource | number;

/** What to run; everything that execve knows. */
export interface ExecRequest {
  /** Guest path as the user gave it. */
  readonly path: string;
  /** argv[0] included. */
  readonly argv: readonly string[];
  readonly open: OpenFileFn;
  /** The e_machine values that the caller can run; none = any. */
  readonly machines?: readonly number[];
}

/** A program that was found and checked, interpreter included; nothing is mapped yet. */
export interface Executable {
  /** Path of the ELF file: the script's interpreter for a script. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly file: MapSource;
  readonly image: ElfImage;
  readonly interpreter: { readonly path: string; readonly file: MapSource; readonly image: ElfImage } | null;
}

/** What the new process is given. */
export interface LoadOptions {
  readonly envp: readonly string[];
  readonly ids: Ids;
  /** AT_HWCAP, AT_HWCAP2, AT_PLATFORM: of the guest architecture's data. */
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly platform: string;
  /** 16 bytes for AT_RANDOM. */
  readonly random: Uint8Array;
  readonly stackSize?: number;
  readonly taskSize: number;
  readonly vdso?: Vdso | undefined;
  readonly minSigStackSize?: number | undefined;
}

/** A program in memory, ready to start. */
export interface LoadedProgram {
  /** Where execution starts: the interpreter's entry if there is one. */
  readonly entry: number;
  readonly sp: number;
  readonly brk: number;
  readonly bias: number;
  readonly phdr: number;
  readonly machine: number;
  readonly flags: number;
  readonly is64: boolean;
  readonly path: string;
  readonly argv: readonly string[];
  readonly auxv: Uint8Array;
  /** Where the vDSO lies; 0: there is none. */
  readonly vdso: number;
  readonly args: readonly [number, number];
  readonly env: readonly [number, number];
  readonly interpreter: { readonly path: string; readonly base: number } | null;
  /** Name and offset of the function at a guest address; reads the tables at the first use. */
  symbol(address: number): string | null;
}

/** Preferred place of position-independent programs: stable, so that translated code can be kept. */
const PROGRAM_BASE = 0x1000_0000;
const MAX_SCRIPTS = 5;
const DEFAULT_STACK = 0x80_0000;

const pageDown = (n: number): number => n - (n % PAGE_SIZE);
const pageUp = (n: number): number => pageDown(n + PAGE_SIZE - 1);

/** Find and check a program: `#!` lines are followed, PT_INTERP is opened. Throws only LoadError. */
export function openProgram(request: ExecRequest): Executable {
  let { path, argv } = request;
  for (let depth = 0; ; depth++) {
    const file = request.open(path);
    if (typeof file === 'number') throw openError(path, -file);
    const start = readBytes(file, 0, SCRIPT_HEAD, path);
    if (isElf(start)) return openElf(request, path, argv, file);
    if (start.length === 0) throw new LoadError(path, 'the file is empty');
    const line = isScript(start) ? parseScript(start) : null;
    if (line === null) throw new LoadError(path, 'neither an ELF program nor a script with a #! line', ENOEXEC);
    if (depth === MAX_SCRIPTS) throw new LoadError(request.path, 'too many levels of #! interpreters', ELOOP);
    argv = [line.interpreter, ...(line.argument === null ? [] : [line.argument]), path, ...argv.slice(1)];
    path = line.interpreter;
  }
}

function openElf(request: ExecRequest, path: string, argv: readonly string[], file: MapSource): Executable {
  const image = parseElf(file, path);
  if (request.machines !== undefined && !request.machines.includes(image.machine)) {
    const wanted = request.machines.map(machineName).join(', ');
    throw new LoadError(path, `a program for ${describeMachine(image)}; this emulator runs ${wanted}`);
  }
  if (image.interp === null) return { path, argv, file, image, interpreter: null };
  const interpPath = image.interp;
  const interp = request.open(interpPath);
  if (typeof interp === 'number') {
    if (interp !== -ENOENT) throw openError(interpPath, -interp);
    const hint = 'give the root of its libraries with -L DIR';
    throw new LoadError(path, `its interpreter ${printable(interpPath)} was not found: ${hint}`, ENOENT);
  }
  const interpImage = parseElf(interp, interpPath);
  if (interpImage.machine !== image.machine || interpImage.is64 !== image.is64) {
    throw new LoadError(path, `its interpreter ${printable(interpPath)} is for ${describeMachine(interpImage)}`);
  }
  return { path, argv, file, image, interpreter: { path: interpPath, file: interp, image: interpImage } };
}

/** Map a checked program into an empty address space and build its stack (man 2 execve). Throws only LoadError. */
export function mapProgram(space: AddressSpace, exe: Executable, options: LoadOptions): LoadedProgram {
  const { image, path } = exe;
  const stackTop = options.taskSize;
  const bias = mapImage(space, image, exe.file, path, PROGRAM_BASE);
  const last = image.segments.at(-1);
  const brk = bias + pageUp((last?.vaddr ?? 0) + (last?.memsz ?? 0));
  space.setBrkStart(brk);
  const vdso = options.vdso ? mapVdso(space, options.vdso, path) : 0;
  const sysinfo = options.vdso?.symbols.__kernel_vsyscall;
  let base = 0;
  if (exe.interpreter !== null)
    base = mapImage(space, exe.interpreter.image, exe.interpreter.file, exe.interpreter.path, 0);

  const input = {
    is64: image.is64,
    argv: exe.argv,
    envp: options.envp,
    execfn: path,
    platform: options.platform,
    random: options.random,
    aux: {
      phdr: image.phdr === 0 ? 0 : bias + image.phdr,
      phentsize: image.phentsize,
      phnum: image.phnum,
      base,
      entry: bias + image.entry,
      ids: options.ids,
      hwcap: options.hwcap,
      hwcap2: options.hwcap2,
      vdso: vdso === 0 ? undefined : vdso,
      sysinfo: sysinfo === undefined ? undefined : vdso + sysinfo,
      minSigStackSize: options.minSigStackSize,
    },
  };
  const stackSize = pageUp(Math.max(options.stackSize ?? DEFAULT_STACK, 32 * PAGE_SIZE));
  // As Linux: arguments and environment may fill a quarter of the stack.
  if (stackBytes(input) > stackSize / 4) throw new LoadError(path, 'Argument list too long', E2BIG);
  // Mapped whole at once: nothing is touched yet, and deep recursion needs no faults.
  const mapped = space.map({
    addr: stackTop - stackSize,
    length: stackSize,
    prot: PROT_READ | PROT_WRITE | (image.execStack === true ? PROT_EXEC : 0),
    noReplace: true,
    growsDown: true,
    name: '[stack]',
  });
  if (mapped < 0) throw new LoadError(path, 'no room for the stack', ENOMEM);
  const stack = writeStack(space, stackTop, input);
  let symbols: { address: number; table: SymbolTable; path: string }[] | undefined;
  return {
    ...stack,
    entry: exe.interpreter === null ? bias + image.entry : base + exe.interpreter.image.entry,
    brk,
    bias,
    phdr: input.aux.phdr,
    machine: image.machine,
    flags: image.flags,
    vdso,
    is64: image.is64,
    path,
    argv: exe.argv,
    interpreter: exe.interpreter === null ? null : { path: exe.interpreter.path, base },
    symbol(address) {
      symbols ??= [{ address: bias, table: SymbolTable.read(exe.file, image.is64), path }].concat(
        exe.interpreter === null
          ? []
          : [{ address: base, table: SymbolTable.read(exe.interpreter.file, image.is64), path: exe.interpreter.path }],
      );
      for (const entry of symbols) {
        const found = entry.table.lookup(address - entry.address);
        if (found !== null) return found;
      }
      return null;
    },
  };
}

/** Map the vDSO where mappings go; returns its address. */
function mapVdso(space: AddressSpace, { bytes }: Vdso, path: string): number {
  const length = pageUp(bytes.length);
  const at = space.map({ addr: 0, length, prot: PROT_READ | PROT_WRITE, name: '[vdso]' });
  if (at < 0) throw new LoadError(path, 'no room for the vDSO', ENOMEM);
  space.u8.set(bytes, at);
  space.protect(at, length, PROT_READ | PROT_EXEC);
  return at;
}

/** {@link openProgram} and {@link mapProgram} in one. */
export function loadProgram(space: AddressSpace, request: ExecRequest & LoadOptions): LoadedProgram {
  return mapProgram(space, openProgram(request), request);
}

/** Map the segments of one image; returns the load bias. `preferred` 0 = wherever mappings go. */
function mapImage(space: AddressSpace, image: ElfImage, file: MapSource, path: string, preferred: number): number {
  const fail = (errno: number): LoadError =>
    new LoadError(path, errno === 1 ? 'it must lie below the lowest address' : 'its memory cannot be mapped', ENOMEM);
  const first = image.segments[0];
  const last = image.segments.at(-1);
  if (first === undefined || last === undefined) throw fail(ENOMEM);
  const low = pageDown(first.vaddr);
  const span = pageUp(last.vaddr + last.memsz) - low;
  let bias = 0;
  if (image.relocatable) {
    const slack = image.align - PAGE_SIZE;
    const at = space.map({ addr: preferred, length: span + slack, prot: 0 });
    if (at < 0) throw fail(-at);
    space.unmap(at, span + slack);
    bias = Math.ceil((at - low) / image.align) * image.align;
    if (bias + low < at) throw fail(ENOMEM);
  }
  for (const segment of image.segments) {
    const start = pageDown(bias + segment.vaddr);
    const fileEnd = bias + segment.vaddr + segment.filesz;
    const mappedEnd = segment.filesz === 0 ? start : pageUp(fileEnd);
    if (mappedEnd > start) {
      const status = space.map({
        addr: start,
        length: mappedEnd - start,
        prot: segment.prot,
        fixed: true,
        source: file,
        offset: pageDown(segment.offset),
      });
      if (status < 0) throw fail(-status);
      // The rest of the last page is BSS; in a read-only segment it keeps the file's bytes, as on Linux.
      if (segment.memsz > segment.filesz && (segment.prot & PROT_WRITE) !== 0) {
        space.writeRange(fileEnd, mappedEnd - fileEnd)?.fill(0);
      }
    }
    const end = pageUp(bias + segment.vaddr + segment.memsz);
    if (end > mappedEnd) {
      const status = space.map({ addr: mappedEnd, length: end - mappedEnd, prot: segment.prot, fixed: true });
      if (status < 0) throw fail(-status);
    }
  }
  return bias;
}
