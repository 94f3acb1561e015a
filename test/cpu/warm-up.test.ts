import { expect, test } from 'vitest';
import { WarmUp } from '../../src/cpu/compile-budget.ts';

test('nothing is compiled for a run of less than a second', () => {
  let now = 5000;
  const clock = (): number => now;
  const warmUp = new WarmUp(clock, clock);
  expect(warmUp.waited).toBe(false);
  now += 900;
  expect(warmUp.isOver(1, 8000)).toBe(false);
  expect(warmUp.waited).toBe(true);
  now += 200;
  expect(warmUp.isOver(2, 8000)).toBe(true);
  expect([warmUp.waited, warmUp.usedMs]).toEqual([false, 1100]);
});

test('but for one that does the same very often', () => {
  const warmUp = new WarmUp(
    () => 0,
    () => 0,
  );
  for (let n = 1; n < 10; n++) {
    expect(warmUp.isOver(1, 50_000)).toBe(false);
    expect(warmUp.isOver(2, 50_000)).toBe(false);
  }
  expect(warmUp.isOver(1, 50_000)).toBe(true);
  expect(warmUp.isOver(3, 1)).toBe(true);
});

test('earlier runs that were over before count', () => {
  let now = 0;
  const clock = (): number => now;
  const warmUp = new WarmUp(clock, clock);
  warmUp.earlierMs = 9800;
  now = 100;
  expect(warmUp.isOver(1, 8000)).toBe(false);
  now = 300;
  expect(warmUp.isOver(1, 8000)).toBe(true);
});

test('a run in which blocks waited counts as their share of the executions that are enough in all runs', () => {
  const warmUp = new WarmUp(
    () => 0,
    () => 0,
  );
  for (let n = 0; n < 450; n++) expect(warmUp.isOver(n % 30, 8000)).toBe(false);
  // a loop of a region waits for nothing, also where it runs long enough to end it for others
  for (let n = 1; n < 10; n++) expect(warmUp.isOver(100, 50_000, false)).toBe(false);
  expect(warmUp.isOver(100, 50_000, false)).toBe(true);
  expect([warmUp.waited, warmUp.usedMs]).toEqual([true, 4500]);
  warmUp.hasCompiled = true;
  expect(warmUp.waited).toBe(false);
});

test('loops of regions alone are nothing that waits', () => {
  const warmUp = new WarmUp(
    () => 0,
    () => 0,
  );
  expect(warmUp.isOver(1, 50_000, false)).toBe(false);
  expect([warmUp.waited, warmUp.usedMs]).toEqual([false, 0]);
});
