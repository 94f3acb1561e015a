import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/e2e/setup.ts'],
    testTimeout: 30_000,
    // Guests are busy processes of their own; more files at once only makes timings jump.
    maxWorkers: 2,
  },
});
