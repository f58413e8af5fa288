// What users run: a few large files, which Node reads faster than six hundred small ones; a run starts in 0.3 s instead of 0.6.
// Each command is imported when it is asked for, so that nobody waits for what another one needs.
import { build } from 'rolldown';

await build({
  input: {
    main: 'src/main.ts',
    index: 'src/index.ts',
    'create-lab': 'src/lab/create-lab.ts',
  },
  platform: 'node',
  // It looks for its compiled parts beside itself.
  external: ['ssh2'],
  output: { dir: 'dist', cleanDir: true, chunkFileNames: '[name].js' },
});
