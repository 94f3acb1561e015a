import { describe, expect, test } from 'vitest';
import { createAddressSpace } from '../../../src/cpu/memory/address-space.ts';
import { GUEST_TOP, PAGE_SIZE, PageByte, READ_BYTES, WRITE_BYTES } from '../../../src/cpu/memory/layout.ts';
import { MemoryFile } from './fake-file.ts';

const R = 1;
const RW = 3;
const RX = 5;
const P = PAGE_SIZE;

describe('placement', () => {
  test('mappings go top-down and touch each other', () => {
    const space = createAddressSpace();
    const a = space.map({ addr: 0, length: 3 * P, prot: RW });
    const b = space.map({ addr: 0, length: P, prot: RW });
    expect(b).toBe(a - P);
    expect(space.mappings()).toHaveLength(1);
  });

  test('a hint is taken when free, ignored when not', () => {
    const space = createAddressSpace();
    expect(space.map({ addr: 0x50_0123, length: P, prot: R })).toBe(0x50_0000);
    expect(space.map({ addr: 0x50_0000, length: P, prot: R })).not.toBe(0x50_0000);
  });

  test('MAP_FIXED replaces, MAP_FIXED_NOREPLACE refuses', () => {
    const space = createAddressSpace();
    space.map({ addr: 0x50_0000, length: 3 * P, prot: RW, fixed: true });
    space.u8[0x50_1000] = 9;
    expect(space.map({ addr: 0x50_1000, length: P, prot: R, noReplace: true })).toBe(-17);
    expect(space.map({ addr: 0x50_1000, length: P, prot: R, fixed: true })).toBe(0x50_1000);
    expect(space.u8[0x50_1000]).toBe(0);
    expect(space.mappings().map((m) => [m.start, m.prot])).toEqual([
      [0x50_0000, RW],
      [0x50_1000, R],
      [0x50_2000, RW],
    ]);
  });

  test.each([
    ['length 0', { addr: 0, length: 0, prot: R }, -22],
    ['a fixed address that is not aligned', { addr: 5, length: P, prot: R, fixed: true }, -22],
    ['page zero', { addr: 0, length: P, prot: R, fixed: true }, -1],
    ['above the top', { addr: GUEST_TOP, length: P, prot: R, fixed: true }, -12],
    ['more than there is', { addr: 0, length: 2 ** 33, prot: R }, -12],
  ])('%s fails', (_name, request, errno) => {
    expect(createAddressSpace().map(request)).toBe(errno);
  });

  test('RLIMIT_AS', () => {
    const space = createAddressSpace({ limits: { stack: 0, data: 0, as: 4 * P } });
    expect(space.map({ addr: 0, length: 4 * P, prot: R })).toBeGreaterThan(0);
    expect(space.map({ addr: 0, length: P, prot: R })).toBe(-12);
  });
});

describe('page bytes and faults', () => {
  const bytes = (space: ReturnType<typeof createAddressSpace>, addr: number): number[] => [
    space.host.getUint8(READ_BYTES + addr / P),
    space.host.getUint8(WRITE_BYTES + addr / P),
  ];

  test('follow the protection', () => {
    const space = createAddressSpace();
    const at = space.map({ addr: 0, length: P, prot: 0 });
    expect(bytes(space, at)).toEqual([PageByte.PROTECTED, PageByte.PROTECTED]);
    space.protect(at, P, R);
    expect(bytes(space, at)).toEqual([PageByte.PLAIN, PageByte.PROTECTED]);
    space.protect(at, P, 2);
    expect(bytes(space, at)).toEqual([PageByte.PLAIN, PageByte.PLAIN]);
    space.protect(at, P, 4);
    expect(bytes(space, at)).toEqual([PageByte.PROTECTED, PageByte.PROTECTED]);
    space.unmap(at, P);
    expect(bytes(space, at)).toEqual([PageByte.UNMAPPED, PageByte.UNMAPPED]);
  });

  test('the signal says why and where', () => {
    const space = createAddressSpace();
    space.map({ addr: 0x50_0000, length: P, prot: R, fixed: true });
    expect(space.resolveFault(0, 8, 1)).toEqual({ signal: 11, code: 1, addr: 0 });
    expect(space.resolveFault(0x50_0ff8, 8, 1)).toBe(0);
    expect(space.resolveFault(0x50_0ffc, 8, 1)).toEqual({ signal: 11, code: 1, addr: 0x50_1000 });
    expect(space.resolveFault(0x50_0010, 4, 2)).toEqual({ signal: 11, code: 2, addr: 0x50_0010 });
    expect(space.resolveFault(0x50_0010, 4, 4)).toEqual({ signal: 11, code: 2, addr: 0x50_0010 });
    expect(space.resolveFault(2 ** 40, 4, 1)).toEqual({ signal: 11, code: 1, addr: 2 ** 40 });
  });

  test('code pages report before they change', () => {
    const space = createAddressSpace();
    const changes: [number, number][] = [];
    space.onCodeChange = (start, end) => changes.push([start, end]);
    const at = space.map({ addr: 0, length: 4 * P, prot: 7 });
    space.host.setUint8(WRITE_BYTES + at / P, PageByte.CODE);
    const stores: [number, number][] = [];
    space.onCodeStore = (start, end) => stores.push([start, end]) > 1;
    // none of the bytes is code at first: the page stays watched
    for (const bytes of [8, 16, 24]) expect(space.resolveFault(at + bytes, 4, 2)).toBe(0);
    expect(stores).toEqual([[at + 8, at + 12], [at + 16, at + 20]]); // biome-ignore format: one line
    space.protect(at, P, RX);
    space.unmap(at + P, P);
    space.map({ addr: at + 2 * P, length: P, prot: RW, fixed: true });
    space.unmap(at + 2 * P, P);
    expect(changes).toEqual([
      [at, at + P],
      [at + P, at + 2 * P],
      [at + 2 * P, at + 3 * P],
    ]);
  });

  test('a stack grows down to its limit and stops before a neighbour', () => {
    const space = createAddressSpace({ limits: { stack: 16 * P, data: 0, as: Infinity } });
    const top = 0x5000_0000;
    space.map({ addr: top - P, length: P, prot: RW, fixed: true, growsDown: true, name: '[stack]' });
    expect(space.resolveFault(top - 4 * P, 8, 2)).toBe(0);
    expect(space.findMapping(top - 1)?.start).toBe(top - 4 * P);
    expect(space.resolveFault(top - 16 * P, 8, 2)).toBe(0);
    expect(space.resolveFault(top - 17 * P, 8, 2)).toMatchObject({ signal: 11, code: 1 });
    space.limits.stack = 2 ** 30;
    space.map({ addr: top - 300 * P, length: P, prot: RW, fixed: true });
    expect(space.resolveFault(top - 43 * P, 8, 2)).toBe(0);
    expect(space.resolveFault(top - 44 * P, 8, 2)).toMatchObject({ signal: 11, code: 1 });
  });
});

describe('files', () => {
  const content = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i % 251) + 1);

  test('private: contents, zeroes after the end, SIGBUS past the last page', () => {
    const space = createAddressSpace();
    const file = new MemoryFile(content(P + 10));
    const at = space.map({ addr: 0, length: 3 * P, prot: RW, source: file });
    expect([...space.u8.subarray(at + P, at + P + 11)]).toEqual([...file.bytes.subarray(P), 0]);
    expect(space.resolveFault(at + 2 * P, 1, 1)).toEqual({ signal: 7, code: 2, addr: at + 2 * P });
    expect(space.readable(at + P, P + 1)).toBe(false);
    file.bytes = content(2 * P + 5);
    expect(space.resolveFault(at + 2 * P, 1, 1)).toBe(0);
    expect(space.u8[at + 2 * P + 4]).toBe(file.bytes[2 * P + 4]);
    expect(file.writes).toEqual([]);
  });

  test('shared: only changed bytes go back, never past the end', () => {
    const space = createAddressSpace();
    const file = new MemoryFile(content(P + 10));
    const at = space.map({ addr: 0, length: 2 * P, prot: RW, shared: true, source: file });
    expect(space.writeRange(at + 100, 4)?.fill(7)).toBeDefined();
    expect(space.sync(at, 2 * P)).toBe(0);
    expect(file.writes.splice(0)).toEqual([{ offset: 100, length: 4 }]);
    expect(space.writable(at + P, 100)).toBe(true);
    space.u8.fill(9, at + P + 8, at + P + 50);
    expect(space.unmap(at, 2 * P)).toBe(0);
    expect(file.writes).toEqual([{ offset: P + 8, length: 2 }]);
    expect(file.bytes).toHaveLength(P + 10);
    expect(file.refs).toBe(0);
  });

  test('references follow splits, merges, moves and release', () => {
    const space = createAddressSpace();
    const file = new MemoryFile(content(8 * P));
    const at = space.map({ addr: 0, length: 8 * P, prot: R, source: file });
    space.protect(at + 2 * P, P, RW);
    expect(file.refs).toBe(3);
    space.protect(at + 2 * P, P, R);
    expect(file.refs).toBe(1);
    const to = space.remap(at + 4 * P, 4 * P, 4 * P, 3, 0x50_0000);
    expect(to).toBe(0x50_0000);
    expect(file.refs).toBe(2);
    expect(space.findMapping(to)?.offset).toBe(4 * P);
    space.release();
    expect(file.refs).toBe(0);
    expect(space.mapped).toBe(0);
  });

  test('MADV_DONTNEED throws private changes away', () => {
    const space = createAddressSpace();
    const file = new MemoryFile(content(P));
    const at = space.map({ addr: 0, length: P, prot: RW, source: file });
    space.u8[at] = 99;
    expect(space.madvise(at, P, 4)).toBe(0);
    expect(space.u8[at]).toBe(1);
    expect(space.madvise(at, 2 * P, 4)).toBe(-12);
    expect(space.madvise(at, P, 77)).toBe(-22);
  });

  test('a failing read fails the mapping and leaves nothing', () => {
    const space = createAddressSpace();
    const file = new MemoryFile(content(P));
    file.read = () => -5;
    expect(space.map({ addr: 0, length: P, prot: R, source: file })).toBe(-5);
    expect(space.mappings()).toEqual([]);
    expect(file.refs).toBe(0);
  });

  test('a system call that writes the file shows in its shared mapping', () => {
    const space = createAddressSpace();
    const file = new MemoryFile(content(P));
    const at = space.map({ addr: 0, length: P, prot: RW, shared: true, source: file });
    space.writeRange(at, 1)?.fill(200);
    space.syncFile(1, 1);
    expect(file.bytes[0]).toBe(200);
    file.bytes[1] = 201;
    space.refreshFile(1, 1);
    expect([...space.u8.subarray(at, at + 2)]).toEqual([200, 201]);
  });
});

describe('large mappings without a file', () => {
  const AT = 0x50_0000;
  const LENGTH = 0x4000_0000;
  const large = (prot: number = RW): ReturnType<typeof createAddressSpace> => {
    const space = createAddressSpace();
    expect(space.map({ addr: AT, length: LENGTH, prot, fixed: true })).toBe(AT);
    return space;
  };
  const at = (space: ReturnType<typeof createAddressSpace>, page: number): number | undefined =>
    space.readRange(AT + page * P, 1)?.[0];
  const put = (space: ReturnType<typeof createAddressSpace>, page: number): void => {
    (space.writeRange(AT + page * P, 1) as Uint8Array)[0] = page & 0xff;
  };

  test('cost what is used of them', () => {
    const space = large();
    expect(space.touched).toBe(0);
    put(space, 1000);
    expect(space.touched).toBeLessThan(1000 * P);
    for (let page = 2000; page < 4000; page++) put(space, page);
    expect(space.touched).toBeLessThan(6000 * P);
    // several arrays, each from its beginning: ever more pages at once
    let faults = 0;
    for (let i = 0; i < 0x4000; i++) {
      for (const first of [0x8000, 0x10000, 0x18000]) {
        const absent = space.host.getUint8(READ_BYTES + AT / P + first + i) === PageByte.ABSENT;
        if (absent) faults++;
        expect(at(space, first + i)).toBe(0);
      }
    }
    expect(faults).toBeLessThan(3 * 12);
    space.unmap(AT, LENGTH);
    expect(space.map({ addr: AT, length: LENGTH, prot: RW, fixed: true })).toBe(AT);
    expect([at(space, 1000), at(space, 1001), at(space, 3999)]).toEqual([0, 0, 0]);
    put(space, 1000);
    expect(space.madvise(AT, LENGTH, 4)).toBe(0);
    expect(at(space, 1000)).toBe(0);
  });

  test('are copied, moved and protected with what is in them', () => {
    const space = large(0);
    expect(space.resolveFault(AT + 5 * P, 1, 1)).toMatchObject({ signal: 11, code: 2 });
    space.protect(AT, 0x1000 * P, RW);
    for (const page of [3, 700]) put(space, page);
    const child = createAddressSpace();
    // what an earlier process left
    child.map({ addr: AT, length: 0x200 * P, prot: RW, fixed: true });
    for (const page of [3, 4, 200]) (child.writeRange(AT + page * P, 1) as Uint8Array)[0] = 99;
    child.reset();
    child.copyFrom(space);
    expect([3, 4, 200, 700, 701].map((page) => at(child, page))).toEqual([3, 0, 0, 700 & 0xff, 0]);
    expect(child.touched).toBeLessThan(0x800 * P);
    const to = AT + LENGTH;
    const length = 0x1000 * P;
    expect(space.remap(AT, length, length, 3, to)).toBe(to);
    const moved = [3, 4, 700].map((page) => space.readRange(to + page * P, 1)?.[0]);
    expect([moved, at(space, 3)]).toEqual([[3, 0, 700 & 0xff], undefined]);
    expect(space.resolveFault(to + 0x900 * P, 8, 2)).toBe(0);
  });
});

describe('files that are read when they are wanted', () => {
  const AT = 0x50_0000;
  const PAGES = 64;
  const byteOf = (page: number): number => (page * 7 + 1) & 0xff;
  const mapped = (prot = R, pages = PAGES): { space: ReturnType<typeof createAddressSpace>; file: MemoryFile } => {
    const bytes = new Uint8Array(pages * P - 100);
    for (let page = 0; page < pages; page++) bytes.fill(byteOf(page), page * P, (page + 1) * P);
    const file = new MemoryFile(bytes);
    const space = createAddressSpace();
    expect(space.map({ addr: AT, length: pages * P, prot, fixed: true, source: file })).toBe(AT);
    return { space, file };
  };
  const read = (space: ReturnType<typeof createAddressSpace>, page: number): number | undefined =>
    space.readRange(AT + page * P + 5, 1)?.[0];

  test('nothing is read before, and a few pages around the one that is', () => {
    const { space, file } = mapped();
    expect(file.bytesRead).toBe(0);
    const bytes = (page: number): number => space.host.getUint8(READ_BYTES + AT / P + page);
    expect(bytes(20)).toBe(PageByte.ABSENT);
    expect(space.resolveFault(AT + 20 * P, 8, 1)).toBe(0);
    expect(space.u8[AT + 20 * P]).toBe(byteOf(20));
    expect(file.bytesRead).toBeGreaterThanOrEqual(P);
    expect(file.bytesRead).toBeLessThan(16 * P);
    expect([bytes(20), bytes(40)]).toEqual([PageByte.PLAIN, PageByte.ABSENT]);
  });

  test('one after the other, ever more pages are read at once', () => {
    const { space, file } = mapped(R, 4096);
    let reads = 0;
    for (let page = 0; page < 4096; page++) {
      const before = file.bytesRead;
      expect(read(space, page)).toBe(byteOf(page));
      if (file.bytesRead !== before) reads++;
    }
    expect(reads).toBeLessThan(12);
    expect(file.bytesRead).toBe(4096 * P - 100);
    expect(space.u8[AT + 4096 * P - 100]).toBe(0);
  });

  test('whoever executes, writes, moves or copies finds what the file has', () => {
    const { space } = mapped(7);
    expect([space.mayExecute(AT + 3 * P), space.u8[AT + 3 * P]]).toEqual([true, 0]);
    expect([space.executable(AT + 3 * P), space.u8[AT + 3 * P]]).toEqual([true, byteOf(3)]);
    space.writeRange(AT + 30 * P, 1)?.set([9]);
    expect([space.u8[AT + 30 * P], read(space, 30)]).toEqual([9, byteOf(30)]);
    const child = createAddressSpace();
    child.copyFrom(space);
    expect([read(child, 3), read(child, 30), child.u8[AT + 30 * P], read(child, 60)]).toEqual([
      byteOf(3),
      byteOf(30),
      9,
      byteOf(60),
    ]);
    const to = 0x80_0000;
    expect(space.remap(AT, PAGES * P, PAGES * P, 3, to)).toBe(to);
    for (const page of [0, 3, 50]) expect(space.u8[to + page * P + 5]).toBe(byteOf(page));
    expect(space.u8[to + 30 * P]).toBe(9);
  });

  test('protection, unmapping and other mappings know nothing of absent pages', () => {
    const { space, file } = mapped();
    space.protect(AT, 16 * P, 0);
    expect(space.resolveFault(AT, 1, 1)).toMatchObject({ signal: 11, code: 2 });
    space.protect(AT, 16 * P, RW);
    expect([read(space, 0), space.host.getUint8(WRITE_BYTES + AT / P + 15)]).toEqual([byteOf(0), PageByte.ABSENT]);
    // a page byte that says that it cannot be read says nothing of its being absent
    space.protect(AT + 16 * P, 16 * P, 4);
    expect(space.u8[AT + 31 * P]).toBe(byteOf(31));
    space.unmap(AT + 40 * P, 8 * P);
    expect(space.map({ addr: AT + 40 * P, length: 8 * P, prot: RW, fixed: true })).toBe(AT + 40 * P);
    expect(read(space, 40)).toBe(0);
    const before = file.bytesRead;
    space.madvise(AT, 4 * P, 4);
    expect(read(space, 0)).toBe(byteOf(0));
    expect(file.bytesRead).toBeGreaterThan(before);
  });

  test('a file that was cut off meanwhile ends in SIGBUS, as on Linux', () => {
    const { space, file } = mapped();
    file.bytes = file.bytes.slice(0, 10 * P);
    expect(space.resolveFault(AT + 30 * P, 1, 1)).toEqual({ signal: 7, code: 2, addr: AT + 30 * P });
    expect(space.executable(AT + 30 * P)).toBe(false);
    expect(read(space, 9)).toBe(byteOf(9));
  });

  test('an address space tells whether code is as the file with a stamp has it', () => {
    const { space, file } = mapped(RX);
    const holds = (from: number, end: number, offset: number): boolean =>
      space.holdsFile(AT + from * P, AT + end * P, offset * P, [1, 2]);
    expect(holds(0, 8, 0)).toBe(false);
    file.stamp = [1, 2];
    expect([holds(0, 8, 0), holds(8, 9, 8), holds(8, 9, 0)]).toEqual([true, true, false]);
    file.stamp = [1, 3];
    expect(holds(0, 8, 0)).toBe(false);
    file.stamp = [1, 2];
    space.protect(AT + 4 * P, P, RW);
    space.protect(AT + 4 * P, P, RX);
    expect([holds(0, 8, 0), holds(0, 4, 0), holds(4, 5, 4)]).toEqual([false, true, false]);
    space.protect(AT, P, R);
    expect(holds(0, 1, 0)).toBe(false);
  });
});

describe('brk, mremap, strings', () => {
  test('brk grows, shrinks, reads as zero and stops at a neighbour', () => {
    const space = createAddressSpace();
    space.setBrkStart(0x10_0000);
    expect(space.brk(0)).toBe(0x10_0000);
    expect(space.brk(0x10_1800)).toBe(0x10_1800);
    space.u8[0x10_1000] = 5;
    expect(space.brk(0x10_0800)).toBe(0x10_0800);
    expect(space.readable(0x10_1000, 1)).toBe(false);
    expect(space.brk(0x10_2000)).toBe(0x10_2000);
    expect(space.u8[0x10_1000]).toBe(0);
    expect(space.mappings()).toMatchObject([{ name: '[heap]', start: 0x10_0000, end: 0x10_2000 }]);
    space.map({ addr: 0x10_4000, length: P, prot: R, fixed: true });
    expect(space.brk(0x10_5000)).toBe(0x10_2000);
  });

  test('mremap grows in place, else moves, else fails', () => {
    const space = createAddressSpace();
    const at = space.map({ addr: 0x50_0000, length: P, prot: RW, fixed: true });
    space.u8[at] = 42;
    expect(space.remap(at, P, 2 * P, 0, 0)).toBe(at);
    space.map({ addr: at + 2 * P, length: P, prot: R, fixed: true });
    expect(space.remap(at, 2 * P, 3 * P, 0, 0)).toBe(-12);
    const to = space.remap(at, 2 * P, 3 * P, 1, 0);
    expect(space.u8[to]).toBe(42);
    expect(space.writable(to, 3 * P)).toBe(true);
    expect(space.findMapping(at)).toBeNull();
    expect(space.remap(to, 3 * P, P, 0, 0)).toBe(to);
    expect(space.readable(to + P, 1)).toBe(false);
    expect(space.remap(0x70_0000, P, 2 * P, 1, 0)).toBe(-14);
  });

  test('cstring crosses pages and stops at holes and at max', () => {
    const space = createAddressSpace();
    const at = space.map({ addr: 0x50_0000, length: 2 * P, prot: RW, fixed: true });
    space.u8.set([104, 105, 33], at + P - 2);
    expect(space.cstring(at + P - 2)).toBe('hi!');
    expect(space.cstring(at + P - 2, 2)).toBeNull();
    expect(space.cstring(at + P - 2, 3)).toHaveLength(3);
    space.u8.fill(1, at, at + 2 * P);
    expect(space.cstring(at)).toBeNull();
  });

  test('mincore knows holes', () => {
    const space = createAddressSpace();
    const at = space.map({ addr: 0, length: 2 * P, prot: RW });
    expect(space.mincore(at, 2 * P)).toEqual(Uint8Array.of(1, 1));
    expect(space.mincore(at, 3 * P)).toBe(-12);
  });
});
