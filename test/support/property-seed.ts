// Property tests look at other values in each run, so that they go on finding things. In CI they look at the same ones:
// there the verdict has to be about the change and not about luck.
import process from 'node:process';
import fc from 'fast-check';

if (process.env.CI === 'true') fc.configureGlobal({ seed: 20_261_121 });
