// Whoever changes the working folder leaves it again: test files share a process, and the folder may be gone.
import process from 'node:process';
import { afterEach } from 'vitest';

const home = process.cwd();
afterEach(() => process.chdir(home));
