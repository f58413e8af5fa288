// reboot: that the session ends before the reboot begins, and that the reboot outlives it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { reboot } from '../../src/modules/system/reboot.ts';
import { complaints } from './support/lint.ts';
import { controller, runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';

describe.each(SHELLS)('under %s', (shell) => {
  const folder = temporaryFolder();

  test('the program has ended before the reboot begins', async () => {
    const mark = join(folder.path, 'rebooted');
    const { program, output, conclusion } = runOnThisMachine(
      reboot,
      { reboot_command: `: >'${mark}'` },
      { shell },
    );
    expect(existsSync(mark)).toBe(false);
    expect(output).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(conclusion).toEqual({ kind: 'changed' });
    expect(program?.then).toMatchObject({ kind: 'reboot', timeoutMs: 600_000 });
    await vi.waitFor(() => expect(existsSync(mark)).toBe(true), 10_000);
  });
});

test('its program is taken by shellcheck', () => {
  const wanted = reboot.prepare({ msg: "it's time" }, controller());
  expect(complaints(reboot.change(wanted, { bootId: 'x' }).script)).toBe('');
});
