import type { Block, Terminal } from './block.ts';
import type { Value } from './value.ts';

/** Names a register by its offset in the CPU state. */
export type RegisterName = (offset: number) => string;

export interface PrintOptions {
  readonly register?: RegisterName | undefined;
  /** Assembly of the guest instruction at a pc, put above its operations. */
  readonly instruction?: ((pc: number) => string) | undefined;
}

const hex = (n: number): string => `0x${(n >>> 0).toString(16)}`;
const byOffset: RegisterName = (offset) => `[${hex(offset)}]`;

/** Text of a constant: integers in decimal, floats by their shortest form, vectors as 16 bytes. */
const constant = (v: Value): string => {
  if (v.type === 'i64') return String((BigInt(v.hi) << 32n) | BigInt(v.imm >>> 0));
  if (v.type === 'v128') return (v.lanes ?? []).map((b) => b.toString(16).padStart(2, '0')).join('');
  return Object.is(v.imm, -0) ? '-0' : String(v.imm);
};

/** What an operation carries besides its operands. */
const immediates = (v: Value, register: RegisterName): string[] => {
  const { kind, name } = v.info;
  switch (kind) {
    case 'const':
      return [constant(v)];
    case 'get':
    case 'set':
    case 'peek':
    case 'poke':
      return [register(v.imm)];
    case 'load':
    case 'store':
      return [
        ...(v.imm === 0 ? [] : [v.imm < 0 ? `-${-v.imm}` : `+${v.imm}`]),
        ...(v.hi === 0 ? [] : [`aligned ${v.hi + 1}`]),
      ];
    case 'cc':
      return [`kind ${v.imm}`];
    case 'helper':
      return [`#${v.imm}`, hex(v.hi)];
    case 'native':
      return [`n${v.imm >>> 16}`, `#${v.imm & 0xffff}`, hex(v.hi)];
    default:
      if (v.lanes) return [v.lanes.join(' ')];
      return name.includes('_lane') ? [`lane ${v.imm}`] : [];
  }
};

const terminalText = (t: Terminal, name: (v: Value) => string): string =>
  t.guard ? `if ${name(t.guard.cond)}: ${ownText(t, name)}, else ${hex(t.guard.next)}` : ownText(t, name);

const ownText = (t: Terminal, name: (v: Value) => string): string => {
  switch (t.kind) {
    case 'jump':
      return `jump ${hex(t.target)}`;
    case 'branch':
      return `branch ${name(t.cond)} ? ${hex(t.taken)} : ${hex(t.next)}`;
    case 'call':
      return `call ${hex(t.target)}, back at ${hex(t.ret)}`;
    case 'callIndirect':
      return `call ${t.target ? name(t.target) : 'what is left'}, back at ${hex(t.ret)}`;
    case 'choice':
      return `call ${name(t.target)}, one of ${t.among.map(hex).join(' ')}`;
    case 'jumpIndirect':
      return `${t.isReturn ? 'return' : 'jump'} ${name(t.target)}`;
    case 'syscall':
      return `syscall, next ${hex(t.next)}`;
    case 'exit':
      return `exit ${t.reason} at ${hex(t.pc)}`;
    default:
      return t satisfies never;
  }
};

/** Operations as text, one line each; `%n` is the n-th value. The terminal is left out when null. */
export const printOps = (ops: readonly Value[], terminal: Terminal | null, options: PrintOptions = {}): string => {
  const register = options.register ?? byOffset;
  const names = new Map<Value, string>();
  const name = (v: Value): string => names.get(v) ?? '%?';
  const lines: string[] = [];
  let pc = -1;
  for (const v of ops) {
    if (v.pc !== pc) {
      pc = v.pc;
      lines.push(` ---- ${hex(pc)}${options.instruction ? `  ${options.instruction(pc)}` : ''}`);
    }
    const operands = [v.a, v.b, v.c].filter((x) => x !== null).map(name);
    const rest = [...immediates(v, register), ...operands].join(', ');
    const result = v.info.result === 'void' ? '' : `%${names.size} = `;
    if (result !== '') names.set(v, `%${names.size}`);
    lines.push(`  ${result}${v.info.name}${rest === '' ? '' : ` ${rest}`}`);
  }
  if (terminal) lines.push(`  ${terminalText(terminal, name)}`);
  return lines.map((line) => `${line}\n`).join('');
};

const kindText = (kind: number): string => (kind < 0 ? '?' : String(kind));

/** A block as text: a head line, its operations, its terminal. */
export const printBlock = (block: Block, options: PrintOptions = {}): string => {
  const flags = `flags ${kindText(block.flagsIn)}${block.readsFlags ? ' (read)' : ''} -> ${kindText(block.flagsOut)}`;
  const head = `block ${hex(block.pc)}..${hex(block.end)}, ${block.count} instructions, ${flags}\n`;
  return head + printOps(block.ops, block.terminal, options);
};
