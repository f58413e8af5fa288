import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/roles/**', 'test/scenarios/**', 'test/vm/**'],
          setupFiles: ['test/support/property-seed.ts', 'test/support/working-folder.ts'],
          testTimeout: 30_000, // a machine may be busy
          maxWorkers: 4, // by itself it leaves one of two cores free
          isolate: false, // most files run for less time than they take to be imported
        },
      },
      {
        test: {
          name: 'roles',
          include: ['test/roles/**/*.test.ts'],
          setupFiles: ['test/support/property-seed.ts'],
          testTimeout: 60_000, // a machine may be busy
          hookTimeout: 60_000,
          maxWorkers: 6, // they wait for kernels and timers more than they compute
        },
      },
      {
        test: {
          name: 'scenarios',
          include: ['test/scenarios/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 5, // guards' windows are waited for, not computed
          disableConsoleIntercept: true, // figures are lines of their own
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          maxWorkers: 3, // more of them, and each takes longer
          disableConsoleIntercept: true,
        },
      },
    ],
  },
});
