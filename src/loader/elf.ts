import elfy, { type Header, type Parser, type Program } from 'elfy';
import { PAGE_SIZE } from '../cpu/memory/layout.ts';
import { type MapSource, PROT_EXEC, PROT_READ, PROT_WRITE } from '../cpu/memory/types.ts';
import { LoadError, printable } from './load-error.ts';
import { MACHINES } from './machines.ts';

/** One PT_LOAD segment (elf(5)); addresses before the load bias. */
export interface Segment {
  readonly vaddr: number;
  readonly memsz: number;
  readonly offset: number;
  readonly filesz: number;
  readonly prot: number;
}

/** A checked ELF executable or shared object. */
export interface ElfImage {
  readonly is64: boolean;
  /** e_machine. */
  readonly machine: number;
  readonly flags: number;
  /** ET_DYN: may go anywhere. */
  readonly relocatable: boolean;
  readonly entry: number;
  /** Address of the program headers in memory, or 0 when no segment holds them. */
  readonly phdr: number;
  readonly phentsize: number;
  readonly phnum: number;
  /** In ascending order, at least one, never overlapping. */
  readonly segments: readonly Segment[];
  /** PT_INTERP as a byte string. */
  readonly interp: string | null;
  /** PT_GNU_STACK's PROT_EXEC; undefined when there is none. */
  readonly execStack: boolean | undefined;
  /** Largest p_align. */
  readonly align: number;
}

const PT_LOAD = 1;
const PT_INTERP = 3;
const PT_GNU_STACK = 0x6474_e551;
/** The kernel refuses larger tables (ELF_MIN_ALIGN … load_elf_phdrs). */
const MAX_TABLE = 0x1_0000;
const MAX_ALIGN = 0x4000_0000;
const PATH_MAX = 4096;
const LIMIT = 2 ** 32;

const TYPES: Readonly<Record<number, string>> = { 0: 'no type', 1: 'a relocatable object', 4: 'a core dump' };

/** What a machine number means to a person. */
export function machineName(machine: number): string {
  return MACHINES[machine] ?? `machine ${machine}`;
}

/** Read exactly `length` bytes, or fewer at the end of the file. */
export function readBytes(file: MapSource, offset: number, length: number, path: string): Buffer {
  const buffer = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const n = file.read(buffer.subarray(at), offset + at);
    if (n < 0) throw new LoadError(path, `cannot be read (errno ${-n})`, -n);
    if (n === 0) break;
    at += n;
  }
  return buffer.subarray(0, at);
}

/** Whether a file starts as an ELF file does. */
export function isElf(start: Uint8Array): boolean {
  return start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46;
}

/** Parse and check an ELF file as the kernel's load_elf_binary would; throws only LoadError. */
export function parseElf(file: MapSource, path: string): ElfImage {
  const refuse = (reason: string): LoadError => new LoadError(path, reason);
  const head = readBytes(file, 0, 64, path);
  if (!isElf(head)) throw refuse('not an ELF file');
  const is64 = head[4] === 2;
  if (!is64 && head[4] !== 1) throw refuse(`invalid ELF class ${head[4]}`);
  if (head[5] !== 1)
    throw refuse(head[5] === 2 ? 'big-endian programs are not supported' : 'invalid ELF data encoding');
  if (head.length < (is64 ? 64 : 52)) throw refuse('truncated ELF header');
  const raw = new DataView(head.buffer, head.byteOffset, head.length);
  const word = (view: DataView, offset: number): number =>
    is64 ? Number(view.getBigUint64(offset, true)) : view.getUint32(offset, true);

  const parser = new elfy.Parser();
  const header = parser.parseHeader(head);
  const type = raw.getUint16(16, true);
  const machine = raw.getUint16(18, true);
  if (header.type !== 'exec' && header.type !== 'dyn') {
    throw refuse(`not a program: ELF type ${type}${TYPES[type] ? ` (${TYPES[type]})` : ''}`);
  }
  const entry = word(raw, 24);
  const phoff = word(raw, is64 ? 32 : 28);
  const { phentsize, phnum } = header;
  const size = is64 ? 56 : 32;
  if (phentsize !== size) throw refuse(`program headers of ${phentsize} bytes instead of ${size}`);
  if (phnum === 0) throw refuse('no program headers');
  if (phnum * size > MAX_TABLE) throw refuse(`${phnum} program headers are too many`);
  const fileSize = file.size();
  if (phoff + phnum * size > fileSize) throw refuse('truncated: the program headers lie past the end of the file');
  const table = readBytes(file, phoff, phnum * size, path);
  if (table.length < phnum * size) throw refuse('truncated: the program headers lie past the end of the file');
  const programs = parsePrograms(parser, header, table);

  const view = new DataView(table.buffer, table.byteOffset, table.length);
  const segments: Segment[] = [];
  let interp: string | null = null;
  let execStack: boolean | undefined;
  let align = PAGE_SIZE;
  for (const [i, program] of programs.entries()) {
    const at = i * size;
    const pType = view.getUint32(at, true);
    const offset = word(view, at + (is64 ? 8 : 4));
    const filesz = word(view, at + (is64 ? 32 : 16));
    if (pType === PT_GNU_STACK) execStack = program.flags.x === true;
    else if (pType === PT_INTERP && interp === null) {
      if (filesz < 2 || filesz > PATH_MAX) throw refuse('the name of the interpreter has an invalid length');
      const name = offset + filesz > fileSize ? Buffer.alloc(0) : readBytes(file, offset, filesz, path);
      const end = name.indexOf(0);
      if (end <= 0 || name[filesz - 1] !== 0) throw refuse('the name of the interpreter is not a string');
      interp = name.toString('latin1', 0, end);
    } else if (pType === PT_LOAD) {
      const vaddr = word(view, at + (is64 ? 16 : 8));
      const memsz = word(view, at + (is64 ? 40 : 20));
      const pAlign = word(view, at + (is64 ? 48 : 28));
      const where = `segment ${i}`;
      if (filesz > memsz) throw refuse(`${where} is larger in the file than in memory`);
      if (vaddr + memsz > LIMIT) throw refuse(`${where} lies above 4 GiB (at 0x${vaddr.toString(16)})`);
      if (filesz > 0 && offset + filesz > fileSize) throw refuse(`truncated: ${where} lies past the end of the file`);
      if (filesz > 0 && vaddr % PAGE_SIZE !== offset % PAGE_SIZE) {
        throw refuse(`${where} has a file offset that fits no page`);
      }
      if (pAlign > 1 && (!Number.isInteger(Math.log2(pAlign)) || pAlign > MAX_ALIGN)) {
        throw refuse(`${where} has the invalid alignment ${pAlign}`);
      }
      if (memsz === 0) continue;
      align = Math.max(align, pAlign);
      const { flags } = program;
      const prot = (flags.r ? PROT_READ : 0) | (flags.w ? PROT_WRITE : 0) | (flags.x ? PROT_EXEC : 0);
      segments.push({ vaddr, memsz, offset, filesz, prot });
    }
  }
  if (segments.length === 0) throw refuse('nothing to load: no PT_LOAD segment');
  segments.sort((a, b) => a.vaddr - b.vaddr);
  for (const [i, next] of segments.entries()) {
    const before = segments[i - 1];
    if (before !== undefined && before.vaddr + before.memsz > next.vaddr) throw refuse('its segments overlap');
  }
  if (entry >= LIMIT) throw refuse(`the entry point 0x${entry.toString(16)} lies above 4 GiB`);
  const holder = segments.find((s) => s.offset <= phoff && phoff + phnum * size <= s.offset + s.filesz);
  return {
    is64,
    machine,
    flags: raw.getUint32(is64 ? 48 : 36, true),
    relocatable: header.type === 'dyn',
    entry,
    phdr: holder === undefined ? 0 : phoff - holder.offset + holder.vaddr,
    phentsize,
    phnum,
    segments,
    interp: interp === null ? null : interp,
    execStack,
    align,
  };
}

/** A one-line description of what an image needs, for messages. */
export function describeMachine(image: ElfImage): string {
  return printable(`${image.is64 ? 64 : 32}-bit ${machineName(image.machine)}`);
}

/** elfy slices the table out of the file; it gets the table alone, so that nothing large is read. */
function parsePrograms(parser: Parser, header: Header, table: Buffer): Program[] {
  // One spare byte in front: elfy takes offset 0 for "no table".
  return parser.parsePrograms(Buffer.concat([Buffer.alloc(1), table]), { ...header, phoff: 1 });
}
