import { describe, expect, it } from 'vitest';
import { Machine } from './machine.ts';

/** Recorded from Linux 6.18 as root: what the same calls answered in a C program. */
describe('ids of a process', () => {
  it("keeps the file system's ids until the effective ones are set", () => {
    const m = new Machine({ uid: 0 });
    expect(m.call('setfsuid', 9)).toBe(0);
    expect(m.call('setfsuid', 10)).toBe(9);
    expect(m.call('setfsuid', -1)).toBe(10);
    expect(m.call('setfsgid', 9)).toBe(m.process.gids[1]);
    expect(m.call('setfsgid', -1)).toBe(9);
    expect(m.call('setresuid', -1, 4, -1)).toBe(0);
    expect(m.call('setfsuid', -1)).toBe(4);
    expect(m.call('setfsgid', -1)).toBe(9);
    expect(m.call('setfsuid', 0)).toBe(4);
    expect(m.call('setfsuid', 77)).toBe(0);
    expect(m.call('setfsuid', -1)).toBe(0);
  });

  it('sorts supplementary groups', () => {
    const m = new Machine({ uid: 0 });
    const list = m.alloc(32);
    for (const [i, gid] of [5, 3, 4].entries()) m.space.view.setUint32(list + 4 * i, gid, true);
    expect(m.call('setgroups', 3, list)).toBe(0);
    expect(m.call('getgroups', 0, 0)).toBe(3);
    expect(m.call('getgroups', 2, list)).toBe(-22);
    expect(m.call('getgroups', 8, list)).toBe(3);
    expect([0, 1, 2].map((i) => m.space.view.getUint32(list + 4 * i, true))).toEqual([3, 4, 5]);
  });

  it('has an empty set of ambient capabilities', () => {
    const m = new Machine({ uid: 0 });
    const ambient = (operation: number, capability: number, more = 0): number =>
      m.call('prctl', 47, operation, capability, more, 0);
    const [IS_SET, RAISE, LOWER, CLEAR_ALL, EPERM, EINVAL] = [1, 2, 3, 4, -1, -22];
    expect([ambient(IS_SET, 3), ambient(LOWER, 3), ambient(CLEAR_ALL, 0)]).toEqual([0, 0, 0]);
    expect(ambient(RAISE, 3)).toBe(EPERM);
    expect([ambient(IS_SET, 99), ambient(LOWER, 99), ambient(CLEAR_ALL, 1)]).toEqual([EINVAL, EINVAL, EINVAL]);
    expect([ambient(9, 1), ambient(IS_SET, 3, 1)]).toEqual([EINVAL, EINVAL]);
  });

  it('brings the threads of a process to the kernel for membarrier', () => {
    const m = new Machine();
    expect(m.call('membarrier', 8, 0, 0)).toBe(-1);
    expect(m.call('membarrier', 16, 0, 0)).toBe(0);
    expect(m.cpu.barriers).toBe(0);
    expect(m.call('membarrier', 8, 0, 0)).toBe(0);
    expect(m.call('membarrier', 1, 0, 0)).toBe(0);
    expect(m.cpu.barriers).toBe(2);
  });
});
