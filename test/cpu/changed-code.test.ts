import { expect, test, vi } from 'vitest';
import { Cpu } from '../../src/cpu/cpu.ts';
import { createArm } from '../../src/cpu/frontend/arm/frontend.ts';
import type { FrontEnd } from '../../src/cpu/frontend/frontend.ts';
import { createX86_64 } from '../../src/cpu/frontend/x86/frontend.ts';
import { createAddressSpace } from '../../src/cpu/memory/address-space.ts';
import { Exit, State } from '../../src/cpu/memory/layout.ts';
import { PROT_EXEC, PROT_READ } from '../../src/cpu/memory/types.ts';
import { CODE, PAGE, processor, RWX } from '../support/run-words.ts';
import { MemoryFile } from './memory/fake-file.ts';

const SVC = 0xd4000001;
const RET = 0xd65f03c0;
const movz = (register: number, n: number): number => 0x52800000 | (n << 5) | register;

/** Page 0: mov w0, #1; svc. Page 1: mov w0, #2; svc. */
const TWO_PAGES: Readonly<Record<number, number>> = { 0: movz(0, 1), 4: SVC, [PAGE]: movz(0, 2), [PAGE + 4]: SVC };

function put(cpu: Cpu, words: Readonly<Record<number, number>>): void {
  for (const [at, word] of Object.entries(words)) cpu.space.view.setUint32(CODE + Number(at), word, true);
}

function machine(words: Readonly<Record<number, number>>, frontEnd?: FrontEnd): Cpu {
  const cpu = processor([], { length: 4 * PAGE, ...(frontEnd ? { frontEnd } : {}) });
  cpu.onSyscall = () => 1;
  put(cpu, words);
  return cpu;
}

/** The first register at the system call that follows from `pc` on. */
function run(cpu: Cpu, pc: number): number {
  cpu.pc = CODE + pc;
  expect(cpu.run()).toBe(Exit.SYSCALL);
  return cpu.view.getUint32(cpu.state + State.REGS, true);
}

test('a change drops the blocks and regions that it is in, and no others', () => {
  const cpu = machine(TWO_PAGES);
  const flush = vi.spyOn(cpu.cache, 'flush');
  expect([run(cpu, 0), run(cpu, PAGE)]).toEqual([1, 2]);
  const enter = (pc: number): number => cpu.cache.recordFor(CODE + pc, -1);
  const [first, second] = [enter(0), enter(PAGE)];
  for (const pc of [0, PAGE]) {
    const [region] = cpu.regions.compile([CODE + pc]);
    cpu.cache.entries.enter(CODE + pc, region?.stored.slot as number);
  }
  put(cpu, { [PAGE]: movz(0, 3) });
  expect(cpu.invalidateCode(CODE + PAGE, 4)).toBe(true);
  expect([run(cpu, 0), run(cpu, PAGE)]).toEqual([1, 3]);
  expect(cpu.regions.slotOf(CODE)).toBeDefined();
  expect(cpu.regions.slotOf(CODE + PAGE)).toBeUndefined();
  // what leads to a block leads to what became of it
  expect([enter(0), enter(PAGE)]).toEqual([first, second]);
  // and once more, the other way round
  put(cpu, { 0: movz(0, 4), [PAGE]: movz(0, 5) });
  for (const pc of [0, PAGE]) expect(cpu.invalidateCode(CODE + pc, 4)).toBe(true);
  expect([run(cpu, 0), run(cpu, PAGE)]).toEqual([4, 5]);
  expect(flush).not.toHaveBeenCalled();
});

test('a change beside what was translated drops nothing', () => {
  const cpu = machine(TWO_PAGES);
  expect(run(cpu, 0)).toBe(1);
  expect(cpu.invalidateCode(CODE + 8, PAGE)).toBe(false);
  expect(cpu.invalidateCode(CODE + 7, 1)).toBe(true);
});

test('a block that begins before the change, in another page, goes as well', () => {
  const cpu = machine({ [PAGE - 8]: movz(0, 1), [PAGE - 4]: movz(1, 1), [PAGE]: movz(0, 2), [PAGE + 4]: SVC });
  expect(run(cpu, PAGE - 8)).toBe(2);
  put(cpu, { [PAGE]: movz(0, 3) });
  expect(cpu.invalidateCode(CODE + PAGE, 4)).toBe(true);
  expect(run(cpu, PAGE - 8)).toBe(3);
});

test('a block whose code lies in two mappings is linked with others, and changes with either', () => {
  const cpu = machine({ 0: 0x14000000 | ((2 * PAGE - 4) >> 2), [2 * PAGE - 4]: movz(1, 1) });
  // b page 2 − 4
  const bytes = new Uint8Array(PAGE);
  new DataView(bytes.buffer).setUint32(0, movz(0, 6), true);
  new DataView(bytes.buffer).setUint32(4, SVC, true);
  const source = new MemoryFile(bytes);
  cpu.cache.recording = true;
  cpu.space.map({ addr: CODE + 2 * PAGE, length: PAGE, prot: PROT_READ | PROT_EXEC, fixed: true, source });
  for (let i = 0; i < 3; i++) expect(run(cpu, 0)).toBe(6);
  cpu.space.map({ addr: CODE + 2 * PAGE, length: PAGE, prot: RWX, fixed: true });
  put(cpu, { [2 * PAGE]: movz(0, 7), [2 * PAGE + 4]: SVC });
  for (let i = 0; i < 3; i++) expect(run(cpu, 0)).toBe(7);
});

test('a link to a block that changes leads to what is there then', () => {
  // page 0: mov w2, #3; loop: bl page 1; subs w2, w2, #1; b.ne loop; svc; page 1: mov w0, #1; ret
  const [bl, subs, bne] = [0x94000000 | ((PAGE - 4) >> 2), 0x71000442, 0x54ffffc1];
  const cpu = machine({ 0: movz(2, 3), 4: bl, 8: subs, 12: bne, 16: SVC, [PAGE]: movz(0, 1), [PAGE + 4]: RET });
  for (let n = 2; n < 6; n++) {
    expect(run(cpu, 0)).toBe(n - 1);
    put(cpu, { [PAGE]: movz(0, n) });
    cpu.invalidateCode(CODE + PAGE, 4);
  }
  // one copy was made of it
  expect(cpu.cache.linked(CODE + PAGE, -1)).toBe(cpu.cache.recordFor(CODE + PAGE, -1));
});

test('a child goes on with the translations of its parent, but for what has changed', () => {
  const parent = machine(TWO_PAGES);
  expect([run(parent, 0), run(parent, PAGE)]).toEqual([1, 2]);
  put(parent, { [PAGE]: movz(0, 3) });
  parent.invalidateCode(CODE + PAGE, 4);
  const space = createAddressSpace();
  const child = new Cpu(space, parent.frontEnd, parent.interpreter);
  child.onSyscall = () => 1;
  space.copyFrom(parent.space);
  child.inherit(parent);
  const translate = vi.fn();
  child.cache.onTranslate = translate;
  expect([run(child, 0), run(child, PAGE)]).toEqual([1, 3]);
  expect(translate.mock.calls.map(([{ pc }]) => pc)).toEqual([CODE + PAGE]);
  expect([run(parent, 0), run(parent, PAGE)]).toEqual([1, 3]);
});

test("a file's blocks are kept though other code changed; those of a mapping that is gone are not", () => {
  const cpu = machine(TWO_PAGES);
  const bytes = new Uint8Array(PAGE);
  new DataView(bytes.buffer).setUint32(0, movz(0, 6), true);
  new DataView(bytes.buffer).setUint32(4, SVC, true);
  const source = new MemoryFile(bytes);
  const map = (at: number): void => {
    cpu.space.map({ addr: CODE + at, length: PAGE, prot: PROT_READ | PROT_EXEC, fixed: true, source });
  };
  cpu.cache.recording = true;
  for (const at of [2 * PAGE, 3 * PAGE]) map(at);
  expect([2, 3, 0].map((page) => run(cpu, page * PAGE))).toEqual([6, 6, 1]);
  put(cpu, { 0: movz(0, 9) });
  cpu.invalidateCode(CODE, 4);
  expect(run(cpu, 0)).toBe(9);
  expect(cpu.cache.freshCount).toBe(2);
  cpu.space.unmap(CODE + 3 * PAGE, PAGE);
  expect(run(cpu, 0)).toBe(9);
  expect(cpu.cache.freshCount).toBe(1);
  // another mapping there is looked at anew
  map(3 * PAGE);
  expect(run(cpu, 3 * PAGE)).toBe(6);
  expect(run(cpu, 2 * PAGE)).toBe(6);
});

test('what a region left to the cold tier changes as well', () => {
  const cpu = machine(TWO_PAGES);
  const record = cpu.cache.slowRecordFor(CODE);
  expect(cpu.cache.slowRecordFor(CODE)).toBe(record);
  expect(cpu.invalidateCode(CODE, 4)).toBe(true);
  cpu.settle();
  expect(cpu.cache.slowRecordFor(CODE)).not.toBe(record);
});

test('code that is called and changes to read flags from before is looked at again', () => {
  // page 0: bl page 1; svc; page 1: ret, later b.eq
  const cpu = machine({ 0: 0x94000000 | (PAGE >> 2), 4: SVC, [PAGE]: RET });
  run(cpu, 0);
  expect(cpu.cache.flags.cross).toBe(false);
  put(cpu, { [PAGE]: 0x54000040, [PAGE + 4]: RET, [PAGE + 8]: RET });
  cpu.invalidateCode(CODE + PAGE, 4);
  expect(cpu.cache.flags.cross).toBe(true);
});

test('x86: a store to code drops the page, which can be stored to freely then', () => {
  const cpu = machine({}, createX86_64());
  const { space } = cpu;
  // mov eax, imm32; syscall
  const code = (at: number, n: number): void => space.u8.set([0xb8, n, 0, 0, 0, 0x0f, 0x05], CODE + at);
  code(0, 1);
  code(PAGE, 2);
  const flush = vi.spyOn(cpu.cache, 'flush');
  expect([run(cpu, 0), run(cpu, PAGE)]).toEqual([1, 2]);
  const translate = vi.fn();
  cpu.cache.onTranslate = translate;
  // beside code: nothing is to be dropped
  expect(space.writable(CODE + PAGE + 0x800, 4)).toBe(true);
  expect(cpu.cache.isChanged).toBe(false);
  expect(space.writable(CODE + PAGE + 1, 1)).toBe(true);
  expect(cpu.cache.isChanged).toBe(true);
  code(PAGE, 3);
  expect(cpu.cache.code.holdsBytes(CODE + PAGE, CODE + PAGE + 7)).toBe(true);
  expect(run(cpu, 0)).toBe(1);
  expect(cpu.cache.code.holdsBytes(CODE + PAGE, CODE + PAGE + 7)).toBe(false);
  expect(translate).not.toHaveBeenCalled();
  expect(run(cpu, PAGE)).toBe(3);
  expect(cpu.cache.code.holdsBytes(CODE + PAGE, CODE + PAGE + 7)).toBe(true);
  expect(translate.mock.calls.map(([{ pc }]) => pc)).toEqual([CODE + PAGE]);
  expect(flush).not.toHaveBeenCalled();
});

test('jumps to the first and the last address are faults, not what empty entries of the jump cache say', () => {
  // mvn r0, #0 or mov r0, #0; bx r0
  for (const mov of [0xe3e00000, 0xe3a00000]) {
    const cpu = machine({ 0: mov, 4: 0xe12fff10 }, createArm());
    cpu.pc = CODE;
    expect(cpu.run()).toBe(Exit.FAULT);
    expect(cpu.fault.signal).toBe(11);
  }
});

test('a block that reads flags no more is still the one at its pc', () => {
  // cset w0, eq; svc. In another page: cmp x1, x1; b to that
  const [cset, cmp, b] = [0x1a9f17e0, 0xeb01003f, 0x14000000 | (((-PAGE - 4) >> 2) & 0x3ff_ffff)];
  const cpu = machine({ 0: cset, 4: SVC, [PAGE]: cmp, [PAGE + 4]: b });
  const change = (n: number): void => {
    put(cpu, { 0: movz(0, n) });
    expect(cpu.invalidateCode(CODE, 4)).toBe(true);
  };
  expect(run(cpu, 0)).toBe(0);
  change(2);
  // from where flags are known, then from where they are not
  expect([run(cpu, PAGE), run(cpu, 0)]).toEqual([2, 2]);
  change(3);
  expect([run(cpu, 0), run(cpu, PAGE)]).toEqual([3, 3]);
});
