import { expect, it } from 'vitest';
import type { Kernel } from '../../src/syscalls/kernel/kernel.ts';
import { Scheduler } from '../../src/syscalls/kernel/scheduler.ts';
import type { Task } from '../../src/syscalls/kernel/task.ts';

/** The order of turns of tasks that become ready one after the other, `first` ones because of a signal. */
async function run(last: readonly string[], first: readonly string[]): Promise<string> {
  const names = new Set([...last, ...first]);
  let order = '';
  const kernel = {
    over: () => order.length === names.size,
    enter: ({ comm }: Task) => {
      order += comm;
    },
    leave: () => {},
    currentTask: null,
    hostSignals: null,
    cpuLimit: null,
  } as unknown as Kernel;
  const make = (comm: string): Task =>
    ({
      comm,
      queued: false,
      away: false,
      blockedInCall: false,
      runnable: false,
      deliverSignals: () => {},
    }) as unknown as Task;
  const tasks = new Map([...names].map((name) => [name, make(name)]));
  const scheduler = new Scheduler(kernel);
  for (const name of last) scheduler.enqueue(tasks.get(name) as Task);
  for (const name of first) scheduler.enqueue(tasks.get(name) as Task, true);
  await scheduler.run();
  return order;
}

it('gives turns in the order in which tasks became ready', async () => {
  expect(await run(['a', 'b', 'c'], [])).toBe('abc');
});

it('lets who got a signal go first, ready already or not', async () => {
  expect(await run(['a', 'b', 'c'], ['d'])).toBe('dabc');
  expect(await run(['a', 'b', 'c'], ['c'])).toBe('cab');
});

it('lets eight go first in a row, and then one for each that is put last', async () => {
  expect(await run(['a', 'b'], [...'cdefghijkl'])).toBe('ljihgfedcabk');
});
