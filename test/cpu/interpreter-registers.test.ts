import { expect, test } from 'vitest';
import { decodeModule, printFunction } from '../../src/cpu/backend/wasm/print.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { Request } from '../../src/cpu/workers/protocol.ts';
import { CODE, processor, registerOf, setRegisters } from '../support/run-words.ts';

/** ldr x16, [x20], #8; br x16 */
const NEXT = [0xf8408690, 0xd61f0200];
/** add xD, xD, xM */
const add = (d: number, m: number): number => (0x8b000000 | (m << 16) | (d << 5) | d) >>> 0;
/** Operations begin at every fourth word behind the first jump, their program in the upper half of the page. */
const opAt = (n: number): number => 4 + 8 * n;
const PROGRAM = 0x200;
const FUNCTION = opAt(14);
const bl = (from: number): number => (0x94000000 | ((FUNCTION - from) & 0x3ffffff)) >>> 0;

const OPERATIONS = [
  ...Array.from({ length: 9 }, (_, n) => [add(n, (n + 1) % 10), add(21 + n, n), ...NEXT]),
  [bl(opAt(9)), ...NEXT],
  [0xf1000400, bl(opAt(10) + 1), ...NEXT], // subs x0, x0, #1
  [0xf940016c, ...NEXT], // ldr x12, [x11]
  // subs x19, x19, #1; b.eq done; sub x20, x20, #104; …; done: brk #0
  [0xf1000673, 0x54000080, 0xd101a294, ...NEXT, 0xd4200000],
];
const WORDS = new Array<number>(PROGRAM + 2 * OPERATIONS.length).fill(0);
WORDS.splice(0, 2, ...NEXT);
for (const [n, words] of OPERATIONS.entries()) {
  WORDS.splice(opAt(n), words.length, ...words);
  WORDS[PROGRAM + 2 * n] = CODE + 4 * opAt(n);
}
// add x10, x10, x0; add x1, x1, #3; ret
WORDS.splice(FUNCTION, 3, 0x8b00014a, 0x91000c21, 0xd65f03c0);

const registers = (cpu: Cpu): bigint[] => Array.from({ length: 31 }, (_, n) => registerOf(cpu, n));
const start = (cpu: Cpu, turns: bigint, address: number): void => {
  setRegisters(cpu, Object.fromEntries(Array.from({ length: 31 }, (_, n) => [n, BigInt(n + 1)])));
  setRegisters(cpu, { 11: BigInt(address), 19: turns, 20: BigInt(CODE + 4 * PROGRAM) });
  cpu.pc = CODE;
};
const run = (cpu: Cpu): { pc: number; registers: bigint[] } => {
  for (let exit = cpu.run(); exit !== Exit.FAULT; exit = cpu.run()) expect(exit).toBe(Exit.INTERRUPT);
  return { pc: cpu.pc, registers: registers(cpu) };
};

/** With the interpreter as one region, and its text. */
const compiled = (): { cpu: Cpu; text: string } => {
  const cpu = processor(WORDS);
  cpu.setTier('cold');
  start(cpu, 3n, CODE);
  run(cpu);
  let text = '';
  cpu.regions.onModule = (bytes) => {
    const module = decodeModule(bytes);
    text = module.functions.map((f) => printFunction(module, f)).join('');
  };
  cpu.setTier('hot');
  const root = CODE + 4 * opAt(0);
  cpu.serve(Request.HOT, cpu.cache.recordFor(root, -1), 0);
  cpu.setTier('cold');
  expect(cpu.regions.store.rootedAt(root)?.entries.length).toBe(OPERATIONS.length - 1);
  return { cpu, text };
};

test('operations of an interpreter that call find registers in memory, those that others leave behind too', () => {
  const [cold, { cpu }] = [processor(WORDS), compiled()];
  cold.setTier('cold');
  for (const [turns, address] of [
    [30_000n, CODE],
    [5n, 0x5000_0000],
  ] as const) {
    for (const each of [cold, cpu]) start(each, turns, address);
    expect(run(cpu)).toEqual(run(cold));
  }
});

test('such an operation loads what it uses itself, no more', () => {
  const { text } = compiled();
  const [before] = text.split(/\n +loop/) as [string];
  expect(before).not.toBe(text);
  const loads = (part: string): number[] =>
    [...part.matchAll(/i64\.load offset=(\d+)/g)].map(([, offset]) => Number(offset)).filter((at) => at >= State.REGS);
  expect(loads(before)).toEqual([]);
  // most operations use two of ten registers, and the program's counter
  expect(loads(text).filter((at) => at < State.REGS + 80).length).toBeLessThan(40);
});
