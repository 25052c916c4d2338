import { defineConfig } from 'vitest/config';

// Two forks at most: most tests start threads and processes of their own, and the smallest machine we test on has two cores.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'functions/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
