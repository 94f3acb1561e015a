import { decodeModule, printFunction, printModule } from './cpu/backend/wasm/print.ts';
import type { Cpu } from './cpu/cpu.ts';
import { addressOf, fetchWord } from './cpu/frontend/form.ts';
import type { Block } from './cpu/ir/block.ts';
import { type PrintOptions, printBlock, printOps } from './cpu/ir/print.ts';
import { verifyBlock } from './cpu/ir/verify.ts';
import { State } from './cpu/memory/layout.ts';
import { type Mapping, PROT_EXEC, PROT_READ, PROT_WRITE } from './cpu/memory/types.ts';

/** Guest addresses from `first` to `last`, both included. */
export interface LogRange {
  readonly first: number;
  readonly last: number;
}

/** What -d, -dfilter and -D ask for. */
export interface LogSettings {
  /** Items of -d. */
  readonly items: readonly string[];
  /** Only code in these ranges is logged; empty = all. */
  readonly ranges: readonly LogRange[];
  readonly write: (text: string) => void;
}

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');

/** Names of the CPU state's fields, the same for every guest (see memory/layout.ts). */
export const registerName = (offset: number): string => {
  if (offset >= State.CC_OP && offset < State.EXCL_ADDR) return `cc${offset - State.CC_OP}`;
  if (offset >= State.REGS && offset < State.REGS + 8 * 32 && offset % 8 === 0) return `r${(offset - State.REGS) / 8}`;
  if (offset >= State.VREGS && offset < State.VREGS + 16 * 32 && offset % 16 === 0) {
    return `v${(offset - State.VREGS) / 16}`;
  }
  return `[0x${offset.toString(16)}]`;
};

/** Log what a task's processor does. Nothing here is reached unless -d asks for it. */
export function attachLog(cpu: Cpu, settings: LogSettings): void {
  const log = new Log(cpu, settings);
  const wants = (...items: string[]): boolean => items.some((item) => settings.items.includes(item));
  if (wants('in_asm', 'op', 'op_opt', 'verify')) cpu.cache.onTranslate = (block) => log.translated(block);
  if (wants('out_asm')) {
    cpu.regions.onModule = (bytes, pcs) => log.module(bytes, pcs);
  }
  if (wants('exec', 'cpu')) cpu.onEnter = (pc) => log.entered(pc);
  if (wants('page')) log.watchMappings();
}

class Log {
  private readonly cpu: Cpu;
  private readonly settings: LogSettings;
  private readonly print: PrintOptions;

  constructor(cpu: Cpu, settings: LogSettings) {
    this.cpu = cpu;
    this.settings = settings;
    this.print = { register: registerName, instruction: (pc) => this.text(pc) };
  }

  private wants(item: string): boolean {
    return this.settings.items.includes(item);
  }

  private inRange(first: number, last: number = first): boolean {
    const { ranges } = this.settings;
    return ranges.length === 0 || ranges.some((r) => first <= r.last && last >= r.first);
  }

  translated(block: Block): void {
    if (this.wants('verify')) {
      const problems = verifyBlock(block);
      if (problems.length > 0) throw new Error(`bad IR:\n${problems.join('\n')}\n${printBlock(block, this.print)}`);
    }
    if (!this.inRange(block.pc, block.end - 1)) return;
    if (this.wants('in_asm')) this.settings.write(this.assembly(block));
    if (this.wants('op')) this.settings.write(this.lifted(block));
    if (this.wants('op_opt')) this.settings.write(`OP after optimization:\n${printBlock(block, this.print)}\n`);
  }

  /** Whether a pc lies in the kernel's page, whose bytes no memory has. */
  private isKernels(pc: number): boolean {
    const { vectorsBase } = this.cpu.frontEnd;
    return vectorsBase !== undefined && pc >= vectorsBase;
  }

  /** One line of assembly. */
  private text(pc: number): string {
    const { frontEnd, space } = this.cpu;
    return this.isKernels(pc) ? "a function of the kernel's" : frontEnd.disassemble(space.view, pc);
  }

  private assembly(block: Block): string {
    const { space, frontEnd } = this.cpu;
    const { view } = space;
    const lines = ['----------------', 'IN:'];
    if (this.isKernels(block.pc)) return `${lines.join('\n')}\n0x${hex(block.pc, 8)}:  ${this.text(block.pc)}\n\n`;
    for (let pc = block.pc, length = 0; pc < block.end; pc += length) {
      length = frontEnd.lengthOf(view, pc);
      const [address, code] = frontEnd.single
        ? [addressOf(pc), hex(fetchWord(view, pc) >>> 0, 8).slice(0, 2 * length)]
        : [pc, Buffer.from(view.buffer, view.byteOffset + pc, length).toString('hex')];
      lines.push(`0x${hex(address, 8)}:  ${code}  ${this.text(pc)}`);
    }
    return `${lines.join('\n')}\n\n`;
  }

  /** Every instruction lifted by itself: what the table says, before one instruction sees another. */
  private lifted(block: Block): string {
    const { frontEnd, space } = this.cpu;
    let text = `OP:\nblock 0x${block.pc.toString(16)}\n`;
    if (this.isKernels(block.pc)) return `${text}${printOps(block.ops, block.terminal, this.print)}\n`;
    let flags = block.flagsIn;
    for (let pc = block.pc, next = pc; pc < block.end; pc = next) {
      next = pc + frontEnd.lengthOf(space.view, pc);
      const one = frontEnd.liftBlock(space.view, pc, flags, next);
      const last = next >= block.end;
      const head = one.ops.length === 0 ? ` ---- 0x${pc.toString(16)}  ${this.print.instruction?.(pc)}\n` : '';
      text += head + printOps(one.ops, last ? one.terminal : null, this.print);
      flags = one.flagsOut;
    }
    return `${text}\n`;
  }

  module(bytes: Uint8Array, pcs: readonly number[]): void {
    const { ranges, write } = this.settings;
    if (ranges.length > 0 && !pcs.some((pc) => this.inRange(pc))) return;
    const decoded = decodeModule(bytes);
    const first = decoded.functions[0]?.index ?? 0;
    const comment = (index: number): string => `region 0x${pcs[index - first]?.toString(16)}`;
    write(`OUT: [size=${bytes.length}]\n`);
    if (ranges.length === 0) {
      write(`${printModule(bytes, comment)}\n`);
      return;
    }
    for (const [i, f] of decoded.functions.entries()) {
      if (this.inRange(pcs[i] as number)) write(`${printFunction(decoded, f, comment(f.index))}\n`);
    }
  }

  entered(pc: number): void {
    if (!this.inRange(pc)) return;
    if (this.wants('exec')) this.settings.write(`Trace 0x${hex(pc, 8)}\n`);
    if (this.wants('cpu')) this.settings.write(this.registers(pc));
  }

  private registers(pc: number): string {
    const { view, state, frontEnd } = this.cpu;
    const cells = [`pc=${hex(pc, 16)}`];
    for (let n = 0; n < 32; n++) {
      const offset = State.REGS + 8 * n;
      const name = offset === frontEnd.sp ? 'sp' : `r${n}`;
      cells.push(
        `${name}=${view
          .getBigUint64(state + offset, true)
          .toString(16)
          .padStart(16, '0')}`,
      );
    }
    cells.push(`flags=${hex(frontEnd.readFlags(view, state), 8)}`);
    let text = '';
    for (let i = 0; i < cells.length; i += 4) text += ` ${cells.slice(i, i + 4).join(' ')}\n`;
    return text;
  }

  watchMappings(): void {
    const { space } = this.cpu;
    this.settings.write(`page layout at start\n${mappingText(space.mappings())}`);
    const after =
      <A extends unknown[]>(name: string, call: (...args: A) => number): ((...args: A) => number) =>
      (...args) => {
        const result = call(...args);
        // Addresses are below 4 GiB, so a negative result is an errno.
        if (result >= 0) this.settings.write(`page layout changed following ${name}\n${mappingText(space.mappings())}`);
        return result;
      };
    space.map = after('mmap', space.map.bind(space));
    space.unmap = after('munmap', space.unmap.bind(space));
    space.protect = after('mprotect', space.protect.bind(space));
    space.remap = after('mremap', space.remap.bind(space));
  }
}

const mappingText = (mappings: readonly Mapping[]): string => {
  const lines = mappings.map(({ start, end, prot, shared, name }) => {
    const bits = `${prot & PROT_READ ? 'r' : '-'}${prot & PROT_WRITE ? 'w' : '-'}${prot & PROT_EXEC ? 'x' : '-'}`;
    return `${hex(start, 8)}-${hex(end, 8)} ${hex(end - start, 8)} ${bits}${shared ? 's' : 'p'} ${name}`.trimEnd();
  });
  return `start    end      size     prot\n${lines.join('\n')}\n`;
};
