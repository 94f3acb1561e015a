import { expect, test } from 'vitest';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { PROT_READ, PROT_WRITE } from '../../src/cpu/memory/types.ts';
import { Processors } from '../../src/cpu/processor-pool.ts';
import { interpreter } from '../../src/interpreter-bytes.ts';

const MiB = 1 << 20;
const frontEnd = createAarch64();
const limits = { stack: 8 * MiB, data: Number.POSITIVE_INFINITY, as: Number.POSITIVE_INFINITY };

function pool(): { create: () => Cpu; give: (cpu: Cpu) => void; dropped: Cpu[] } {
  const module = interpreter(frontEnd, null);
  const processors = new Processors(() => module);
  const dropped: Cpu[] = [];
  processors.onDrop = (cpu) => dropped.push(cpu);
  return { create: () => processors.create(frontEnd, limits, 2 ** 32), give: (cpu) => processors.give(cpu), dropped };
}

/** Make a processor's memory cost so much. */
function use(cpu: Cpu, bytes: number): void {
  const at = cpu.space.map({ addr: 0, length: bytes, prot: PROT_READ | PROT_WRITE });
  // what is large costs what is touched of it
  expect(cpu.space.writable(at, bytes)).toBe(true);
}

test('a memory that was left is used again, a large one too', () => {
  const { create, give, dropped } = pool();
  const cpu = create();
  use(cpu, 100 * MiB);
  give(cpu);
  expect(create()).toBe(cpu);
  expect(dropped).toEqual([]);
});

test('what is kept is bounded in number and in bytes, and the oldest goes', () => {
  const { create, give, dropped } = pool();
  const small = Array.from({ length: 18 }, create);
  for (const cpu of small) give(cpu);
  expect(dropped).toEqual(small.slice(0, 2));
  const large = create();
  use(large, 300 * MiB);
  give(large);
  // 15 small ones were left, of 12 MiB each
  expect(dropped).toEqual(small.slice(0, 2));
  const larger = create();
  expect(larger).toBe(large);
  use(larger, 450 * MiB);
  give(larger);
  expect(dropped.length).toBeGreaterThan(8);
  expect(dropped).not.toContain(larger);
});
