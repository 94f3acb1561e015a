import { expect, it } from 'vitest';
import { Exit } from '../../src/cpu/memory/layout.ts';
import type { Kernel } from '../../src/syscalls/kernel/kernel.ts';
import { Scheduler } from '../../src/syscalls/kernel/scheduler.ts';
import type { Task } from '../../src/syscalls/kernel/task.ts';
import { uptimeMs } from '../../src/uptime.ts';

/**
 * The order of turns of tasks that become ready one after the other, `first` ones because of a signal, which have so many
 * turns of guest code that take so long.
 */
async function run(last: readonly string[], first: readonly string[], turns = 0, turnMs = 0): Promise<string> {
  const names = new Set([...last, ...first]);
  let order = '';
  const kernel = {
    over: () => order.length >= names.size && !tasks.values().some((task) => task.runnable),
    enter: ({ comm }: Task) => {
      order += comm;
    },
    leave: () => {},
    currentTask: null,
    hostSignals: null,
    cpuLimit: null,
  } as unknown as Kernel;
  const make = (comm: string): Task => {
    let left = turns;
    const task = {
      comm,
      queued: false,
      away: false,
      blockedInCall: false,
      headStart: 0,
      runnable: turns > 0,
      deliverSignals: () => {},
      space: { memory: null },
      cpu: {
        state: 0,
        endBy: () => {},
        run: () => {
          const end = uptimeMs() + turnMs;
          while (uptimeMs() < end);
          task.runnable = --left > 0;
          return Exit.INTERRUPT;
        },
      },
    };
    return task as unknown as Task;
  };
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

it('lets who got a signal go on before others for some time', async () => {
  expect(await run(['a', 'b'], ['c'], 3)).toBe('cccababab');
  expect(await run(['a', 'b'], ['c'], 2, 60)).toBe('cabcab');
});
