import { expect, test } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { inMemory } from '../../src/cpu/image-bytes.ts';
import { PROT_READ } from '../../src/cpu/memory/types.ts';
import { readRegions, writeRegions } from '../../src/cpu/region-image.ts';
import { RegionStore, StoredModule, StoredRegion } from '../../src/cpu/region-store.ts';
import { joined, keptRegions } from '../support/kept-regions.ts';
import { CODE, processor, registerOf, setRegisters } from '../support/run-words.ts';

/** sum: add x0, x0, x1; subs x1, x1, #1; b.ne sum; svc #0 */
const PROGRAM = [0x8b010000, 0xf1000421, 0x54ffffc1, 0xd4000001];
const VERSION = 7;

function machine(program: readonly number[] = PROGRAM): Cpu {
  const cpu = processor(program);
  cpu.onSyscall = () => 1;
  return cpu;
}

/** The sum 1 … n that the program computes. */
function sum(cpu: Cpu, n: bigint): bigint {
  cpu.pc = CODE;
  setRegisters(cpu, { 0: 0n, 1: n });
  cpu.run();
  return registerOf(cpu, 0);
}

/** Words with one bit changed. */
const changed = (words: Uint32Array, i: number): Uint32Array => words.with(i, (words[i] as number) ^ 0x100);

function written(): Uint32Array {
  const cpu = machine();
  cpu.cache.recordFor(CODE, -1);
  expect(cpu.regions.compile([CODE])).toHaveLength(1);
  return joined(writeRegions(cpu.regions.store, VERSION)) as Uint32Array;
}

/** The same as it is read again, compiled: of its machine code, or by a process before. */
function ready(): RegionStore {
  const store = keptRegions(written(), VERSION) as RegionStore;
  for (const { module } of store.regions()) expect(module.compiled).toBeDefined();
  return store;
}

test('a region that was kept is used by another process, without compiling', () => {
  const cpu = machine();
  cpu.regions.use(ready());
  const compiled: unknown[] = [];
  cpu.regions.onModule = (_, pcs) => compiled.push(pcs);
  expect(cpu.regions.isStored(CODE)).toBe(true);
  expect(sum(cpu, 1000n)).toBe(500500n);
  expect(cpu.regions.slotOf(CODE)).toBeDefined();
  expect(compiled).toEqual([]);
  // and goes on to work: its loop is compiled anew once it was seen to run long
  expect(sum(cpu, 100_000n)).toBe(5_000_050_000n);
});

test('one that V8 has still to compile waits until compiling it is worth that', () => {
  const cpu = machine();
  const store = keptRegions(written(), VERSION) as RegionStore;
  cpu.regions.use(store);
  expect([cpu.regions.isStored(CODE), cpu.regions.isReady(CODE)]).toEqual([true, false]);
  expect(sum(cpu, 20_000n)).toBe(200_010_000n);
  expect(cpu.regions.slotOf(CODE)).toBeUndefined();
  for (let n = 0; n < 40 && cpu.regions.slotOf(CODE) === undefined; n++) sum(cpu, 20_000n);
  // executed often enough by then, it came into use as it was kept
  expect(cpu.regions.slotOf(CODE)).toBeDefined();
  expect([...store.regions()]).toHaveLength(1);
});

test('a region is not used where memory holds other code, or none that may be executed', () => {
  const other = machine(PROGRAM.with(0, 0xcb010000));
  other.regions.use(keptRegions(written(), VERSION) as never);
  expect(other.regions.load(CODE)).toEqual([]);
  expect(sum(other, 1000n)).toBe(BigInt.asUintN(64, -500500n));
  const protectedOne = machine();
  protectedOne.regions.use(keptRegions(written(), VERSION) as never);
  protectedOne.space.protect(CODE, 0x1000, PROT_READ);
  expect(protectedOne.regions.load(CODE)).toEqual([]);
});

test('a region whose code changes is dropped, and comes back with the code', () => {
  const cpu = machine();
  cpu.regions.use(ready());
  expect(sum(cpu, 1000n)).toBe(500500n);
  cpu.space.view.setUint32(CODE, 0xcb010000, true);
  cpu.invalidateCode(CODE, 4);
  expect(sum(cpu, 1000n)).toBe(BigInt.asUintN(64, -500500n));
  cpu.space.view.setUint32(CODE, PROGRAM[0] as number, true);
  cpu.invalidateCode(CODE, 4);
  expect(sum(cpu, 1000n)).toBe(500500n);
  expect(cpu.regions.slotOf(CODE)).toBeDefined();
});

test('an index that is cut off, changed, or of another build is none', () => {
  const good = written();
  expect(keptRegions(good, VERSION)?.count).toBe(1);
  expect(keptRegions(good, VERSION + 1)).toBeNull();
  const index = good[2] as number;
  expect(index).toBeGreaterThan(20);
  for (let n = 0; n < index; n++) expect(keptRegions(good.slice(0, n), VERSION)).toBeNull();
  for (let i = 0; i < index; i++) expect(keptRegions(changed(good, i), VERSION)).toBeNull();
});

test('of a module that is cut off or changed nothing is used, nor is it written again', () => {
  const good = written();
  const bad: Uint32Array[] = [good.slice(0, -1)];
  for (let i = good[2] as number; i < good.length; i += 5) bad.push(changed(good, i));
  for (const words of bad) {
    const cpu = machine();
    const store = keptRegions(words, VERSION) as RegionStore;
    cpu.regions.use(store);
    expect(writeRegions(store, VERSION)).toBeNull();
    expect(cpu.regions.isStored(CODE)).toBe(true);
    expect(cpu.regions.load(CODE)).toEqual([]);
    expect([cpu.regions.isStored(CODE), store.count]).toEqual([false, 0]);
    expect(sum(cpu, 1000n)).toBe(500500n);
    // the next one has its numbers
    const [region] = cpu.regions.compile([CODE]);
    expect(region?.stored).toMatchObject({ pc: CODE, slot: 2, id: 1 });
    expect(keptRegions(joined(writeRegions(store, VERSION)), VERSION)?.count).toBe(1);
  }
});

test('modules are read when the first of their regions is wanted', () => {
  const words = written();
  const image = inMemory([words]);
  const reads: number[] = [];
  const store = new RegionStore();
  readRegions(store, { ...image, read: (at, into) => reads.push(at) > 0 && image.read(at, into) }, VERSION);
  const cpu = machine();
  cpu.regions.use(store);
  expect(reads).toEqual([0, 0]);
  expect(cpu.regions.load(CODE)).toHaveLength(1);
  expect(cpu.regions.load(CODE)).toHaveLength(1);
  expect(reads).toEqual([0, 0, 4 * (words[2] as number)]);
});

test('a module is read when its blocks have been executed as long as that takes', () => {
  const small = new StoredModule(1, 10_000, () => null);
  expect([small.want(1, 0), small.want(1, 0)]).toEqual([false, true]);
  const large = new StoredModule(1, 400_000, () => null);
  for (let i = 0; i < 79; i++) expect(large.want(1, 0)).toBe(false);
  expect(large.want(1, 0)).toBe(true);
  // much code
  expect(new StoredModule(1, 400_000, () => null).want(80 * 256, 0)).toBe(true);
  // or long loops
  expect(new StoredModule(1, 400_000, () => null).want(1, 12)).toBe(true);
  const [{ module }] = [...(keptRegions(written(), VERSION) as RegionStore).regions()] as [StoredRegion];
  expect([module.compiled instanceof WebAssembly.Module, module.want(0, 0)]).toEqual([true, true]);
});

test('what is ready is taken into use by a process that executes it, once that is worth it', () => {
  const words = written();
  const { contents } = ((keptRegions(words, VERSION) as RegionStore).get(CODE) as StoredRegion).module;
  /** Whether a process that executes its loop 350 times reads a module of so many bytes. */
  const reads = (bytes: number): [boolean, number | undefined] => {
    const store = keptRegions(words, VERSION) as RegionStore;
    const region = store.get(CODE) as StoredRegion;
    let isRead = false;
    const module = new StoredModule(1, bytes, () => {
      isRead = true;
      return contents;
    });
    store.add(new StoredRegion({ module, index: region.index }, region));
    const cpu = machine();
    cpu.regions.use(store);
    expect(sum(cpu, 350n)).toBe(61_425n);
    return [isRead, cpu.regions.slotOf(CODE)];
  };
  expect(reads(5000)).toEqual([true, 2]);
  // it would take half a minute
  expect(reads(1e9)).toEqual([false, undefined]);
});

test('small modules are put together, those made at one time side by side', () => {
  const store = new RegionStore();
  // one loop after the other
  const cpu = machine(Array.from({ length: 6 }, () => PROGRAM).flat());
  cpu.regions.use(store);
  const pcs = Array.from({ length: 6 }, (_, i) => CODE + 16 * i);
  for (const pc of pcs) {
    cpu.cache.recordFor(pc, -1);
    expect(cpu.regions.compile([pc])).toHaveLength(1);
  }
  expect(new Set([...store.regions()].map(({ module }) => module)).size).toBe(6);
  const kept = keptRegions(joined(writeRegions(store, VERSION)), VERSION) as RegionStore;
  const regions = pcs.map((pc) => kept.get(pc) as StoredRegion);
  expect(new Set(regions.map(({ module }) => module)).size).toBe(1);
  expect(regions.map(({ index, id }) => [index, id])).toEqual(pcs.map((_, i) => [i, i]));
  const other = machine(Array.from({ length: 6 }, () => PROGRAM).flat());
  other.regions.use(kept);
  for (const pc of pcs) {
    expect(other.regions.load(pc)).toHaveLength(1);
    other.pc = pc;
    setRegisters(other, { 0: 0n, 1: 1000n });
    other.run();
    expect(registerOf(other, 0)).toBe(500500n);
  }
});

test('machine code is kept once V8 has made some, and used', async () => {
  const cpu = machine();
  const { regions } = cpu;
  cpu.cache.recordFor(CODE, -1);
  regions.compile([CODE]);
  regions.takeMachineCode();
  expect(regions.store.machineCode.size).toBe(0);
  for (let i = 0; i < 200 && regions.newlyOptimised() === 0; i++) {
    sum(cpu, 1_000_000n);
    await new Promise((resolve) => setImmediate(resolve));
  }
  regions.takeMachineCode();
  expect(regions.store.unsavedOptimised).toBeGreaterThan(0);
  // another process, which has not run it, takes nothing away
  const idle = machine();
  idle.regions.use(regions.store);
  idle.regions.takeMachineCode();
  const store = keptRegions(joined(writeRegions(regions.store, VERSION)), VERSION);
  expect(store?.get(CODE)?.module.contents.code).not.toBeNull();
  expect(store?.get(CODE)?.module.isReady).toBe(true);
  const other = machine();
  other.regions.use(store as never);
  expect(sum(other, 1_000_000n)).toBe(500_000_500_000n);
  expect(other.regions.newlyOptimised()).toBe(0);
});

test('machine code that V8 does not take is no harm', () => {
  const words = written();
  const store = keptRegions(words, VERSION) as RegionStore;
  const region = store.get(CODE) as StoredRegion;
  const { contents } = region.module;
  const module = new StoredModule(1, 0, () => ({ ...contents, code: new Uint8Array(64) }));
  store.add(new StoredRegion({ module, index: region.index }, region));
  const cpu = machine();
  cpu.regions.use(store);
  expect(sum(cpu, 1000n)).toBe(500500n);
  expect(cpu.regions.slotOf(CODE)).toBeDefined();
});
