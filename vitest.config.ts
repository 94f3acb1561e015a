import { defineConfig } from 'vitest/config';
import { LongFirst } from './test/support/long-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporary-files.ts', 'test/e2e/setup.ts'],
    testTimeout: 30_000,
    // Guests are busy processes of their own; more files at once only makes timings jump.
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
  },
});
