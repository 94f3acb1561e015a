import { expect, test } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { PROT_READ } from '../../src/cpu/memory/types.ts';
import { openRegions, REGIONS_HEAD, writeRegions } from '../../src/cpu/region-image.ts';
import { compiledModule, RegionStore, type StoredRegion } from '../../src/cpu/region-store.ts';
import { readRegions } from '../support/kept-regions.ts';
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

function written(): Uint32Array<ArrayBuffer> {
  const cpu = machine();
  cpu.cache.recordFor(CODE, -1);
  expect(cpu.regions.compile([CODE])).toHaveLength(1);
  return writeRegions(cpu.regions.store, VERSION) as Uint32Array<ArrayBuffer>;
}

/** The same as it is read again, compiled: of its machine code, or by a process before. */
function ready(): RegionStore {
  const store = readRegions(written(), VERSION) as RegionStore;
  for (const { module } of store.regions()) compiledModule(module);
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
  const store = readRegions(written(), VERSION) as RegionStore;
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
  other.regions.use(readRegions(written(), VERSION) as never);
  expect(other.regions.load(CODE)).toEqual([]);
  expect(sum(other, 1000n)).toBe(BigInt.asUintN(64, -500500n));
  const protectedOne = machine();
  protectedOne.regions.use(readRegions(written(), VERSION) as never);
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

test('words that are cut off, changed, or of another build are no image', () => {
  const good = written();
  expect(readRegions(good, VERSION)?.count).toBe(1);
  expect(readRegions(good, VERSION + 1)).toBeNull();
  for (let n = 0; n < good.length; n += 3) expect(readRegions(good.slice(0, n), VERSION)).toBeNull();
  for (let i = 0; i < good.length; i++) {
    const bad = good.slice();
    bad[i] = (bad[i] as number) ^ 0x100;
    expect(readRegions(bad, VERSION)).toBeNull();
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
  const store = readRegions(writeRegions(regions.store, VERSION) as Uint32Array<ArrayBuffer>, VERSION);
  expect(store?.get(CODE)?.module.code).not.toBeNull();
  const other = machine();
  other.regions.use(store as never);
  expect(sum(other, 1_000_000n)).toBe(500_000_500_000n);
  expect(other.regions.newlyOptimised()).toBe(0);
});

test('machine code that V8 does not take is no harm', () => {
  const words = written();
  const store = readRegions(words, VERSION) as RegionStore;
  const region = store.get(CODE) as StoredRegion;
  store.add({ ...region, module: { ...region.module, code: new Uint8Array(64) } });
  const cpu = machine();
  cpu.regions.use(store);
  expect(sum(cpu, 1000n)).toBe(500500n);
});

test('kept regions are read when blocks were hot as often as that is worth', () => {
  const store = new RegionStore();
  const words = written();
  let reads = 0;
  openRegions(store, words.subarray(0, REGIONS_HEAD / 4), VERSION, () => {
    reads++;
    return words;
  });
  const cpu = machine();
  cpu.regions.use(store);
  // blocks are hot after 8,000 executions; the cold tier counts one for each turn
  expect(sum(cpu, 1000n)).toBe(500500n);
  expect([reads, store.count]).toEqual([0, 0]);
  for (let n = 0; n < 20; n++) sum(cpu, 20_000n);
  expect([reads, store.count]).toEqual([1, 1]);
  for (let n = 0; n < 40 && cpu.regions.slotOf(CODE) === undefined; n++) sum(cpu, 20_000n);
  expect(cpu.regions.slotOf(CODE)).toBeDefined();
});

test('nothing is taken of a file that another one has replaced, or of regions that turn out to be wrong before', () => {
  const words = written();
  const replaced = new RegionStore();
  openRegions(replaced, words, VERSION, () => words.slice(0, -1));
  replaced.isThere(Number.POSITIVE_INFINITY);
  expect([replaced.kept, replaced.count, replaced.nextSlot]).toEqual([null, 0, new RegionStore().nextSlot]);
  const demanded = new RegionStore();
  openRegions(demanded, words, VERSION, () => words);
  demanded.demand('precise');
  demanded.isThere(Number.POSITIVE_INFINITY);
  expect(demanded.count).toBe(0);
});

test('a head with a damaged length does not keep hot code in the cold tier', () => {
  const store = new RegionStore();
  openRegions(store, written().with(2, 0xffff_ffff), VERSION, () => null);
  expect([store.isThere(1), store.isThere(100), store.count]).toEqual([false, true, 0]);
});
