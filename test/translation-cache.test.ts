import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Cpu } from '../src/cpu/cpu.ts';
import { TranslationCache } from '../src/translation-cache.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tsqemu-kept-'));
  vi.stubGlobal('TSQEMU_BUILD', 1);
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
  vi.unstubAllGlobals();
});

/** Whether the blocks of a run with so many, of which so many are new, are written at its end. */
function isWritten(count: number, freshCount: number): boolean {
  const cache = { recording: true, freshCount, image: { count }, save: () => [Uint32Array.of(1)] };
  const regions = { store: { unsavedMs: 0, unsavedOptimised: 0 }, newlyOptimised: () => 0 };
  const key = { dev: 1, ino: 2, size: 3, variant: 'some guest' };
  const store = TranslationCache.open(folder, key, 'interpreter', 'composer') as TranslationCache;
  store.keep({ cache, regions } as unknown as Cpu, true);
  store.write(false);
  const file = path.join(folder, 'code', '1-2-3-some-guest.blocks');
  const written = fs.existsSync(file);
  fs.rmSync(file, { force: true });
  return written;
}

test('a few new blocks are written at once where there are few, and beside many when enough runs had some', () => {
  expect([isWritten(10_000, 1), isWritten(10_000, 0), isWritten(40_000, 1000)]).toEqual([true, false, true]);
  const runs = (): boolean[] => Array.from({ length: 6 }, () => isWritten(40_000, 1));
  expect(runs()).toEqual([false, false, true, false, false, true]);
  expect(isWritten(40_000, 0)).toBe(false);
});

/** Whether the regions of a run that spent so many milliseconds on compiling them are taken over at its end. */
function areTaken(unsavedMs: number, isLast = true): boolean {
  const cache = { recording: true, freshCount: 0, image: null };
  const takeMachineCode = vi.fn();
  const regions = { store: { unsavedMs, unsavedOptimised: 0 }, newlyOptimised: () => 0, takeMachineCode };
  const key = { dev: 1, ino: 2, size: 3, variant: 'some guest' };
  const store = TranslationCache.open(folder, key, 'interpreter', 'composer') as TranslationCache;
  store.keep({ cache, regions } as unknown as Cpu, isLast);
  return takeMachineCode.mock.calls.length > 0;
}

test('regions are written when compiling them took longer than that, in one run or in several together', () => {
  // 15 ms
  expect([areTaken(16), areTaken(0), areTaken(16, false), areTaken(14, false)]).toEqual([true, false, true, false]);
  const runs = (): boolean[] => Array.from({ length: 6 }, () => areTaken(5));
  expect(runs()).toEqual([false, false, true, false, false, true]);
  expect(fs.readdirSync(path.join(folder, 'code'))).toEqual([]);
});
