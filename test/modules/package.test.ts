// package: the question put to this machine's dpkg, and every manager's commands to programs that write them down.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageModule } from '../../src/modules/system/package.ts';
import { complaints } from './support/lint.ts';
import { controller, runOnThisMachine, SHELLS, temporaryFolder } from './support/this-machine.ts';

describe.each(SHELLS)('under %s', (shell) => {
  const folder = temporaryFolder();

  test('what this machine has is there, and what it has not is not', () => {
    const ask = (args: object) =>
      packageModule.decide(...looked({ name: ['iproute2', 'coreutils'], ...args }, shell));
    expect(ask({})).toEqual({ kind: 'unchanged' });
    expect(ask({ state: 'absent' })).toMatchObject({ message: 'remove iproute2, coreutils (apt)' });
    expect(ask({ name: ['coreutils', 'no-such-package-anywhere'] })).toMatchObject({
      message: 'install no-such-package-anywhere (apt)',
    });
  });

  /** A PATH of the manager's stand-in and what sh needs; the stand-in knows of packages by files. */
  function tools(manager: string, query: Readonly<Record<string, string>>): string {
    const path = join(folder.path, `${manager}-${shell.slice(0, 3)}`);
    mkdirSync(join(path, 'installed'), { recursive: true });
    const install = (name: string, text: string) => {
      writeFileSync(join(path, name), `#!/bin/sh\nhere=${path}\n${text}`);
      chmodSync(join(path, name), 0o755);
    };
    install(
      manager,
      `case "$*" in "info -e"*|*check-update*) ;; *) echo "${manager} $*" >>"$here/calls" ;; esac
case " $* " in
  *" info -e "*) ${query.apk ?? ':'} ;;
  *" install "* | *" add "*) for last; do :; done; echo 1.0-r0 >"$here/installed/$last" ;;
  *" remove "* | *" del "*) for last; do :; done; rm -f "$here/installed/$last" ;;
esac
`,
    );
    install(
      'dpkg-query',
      `for n in "$here"/installed/*; do [ ! -f "$n" ] || echo "installed \${n##*/} 1.0"; done\n`,
    );
    install(
      'rpm',
      `for n in "$here"/installed/*; do [ ! -f "$n" ] || echo "installed \${n##*/} 1.0-1"; done\n`,
    );
    return path;
  }

  const apk = `for n in "$here"/installed/*; do [ ! -f "$n" ] || echo "\${n##*/}-1.0-r0"; done`;
  test.each([
    [
      'apt-get',
      ['update', 'install -- toy'],
      'remove -- toy',
      'apt-get -q -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -y ',
    ],
    ['dnf', ['makecache', 'install toy'], 'remove toy', 'dnf -q -y '],
    ['yum', ['makecache', 'install toy'], 'remove toy', 'yum -q -y '],
    ['apk', ['update', 'add toy'], 'del toy', 'apk --wait 60 '],
  ])('%s installs and removes, each once', (manager, installs, remove, prefix) => {
    const path = tools(manager, { apk });
    const apply = (args: object) => {
      const script = (text: string) => hideOthers(text, manager);
      return runOnThisMachine(
        rewritten(script),
        { name: 'toy', update_cache: true, ...args },
        { shell, tools: path },
      );
    };
    const calls = () => {
      const said = readFileSync(join(path, 'calls'), 'utf8').trimEnd().split('\n');
      rmSync(join(path, 'calls'));
      return said;
    };
    expect(apply({}).conclusion).toEqual({ kind: 'changed' });
    expect(calls()).toEqual(installs.map((words) => prefix + words));
    expect(apply({}).verdict).toEqual({ kind: 'unchanged' });
    expect(apply({ state: 'absent' }).conclusion).toEqual({ kind: 'changed' });
    expect(calls()).toEqual([prefix + remove]);
    expect(apply({ state: 'absent' }).verdict).toEqual({ kind: 'unchanged' });
  });

  function looked(args: object, onShell: (typeof SHELLS)[number]) {
    const wanted = packageModule.prepare(args as Parameters<typeof packageModule.prepare>[0], controller());
    const cycle = runOnThisMachine(
      { ...packageModule, decide: (_wanted, actual) => ({ kind: 'unchanged', fields: { actual } }) },
      args as Parameters<typeof packageModule.prepare>[0],
      { shell: onShell },
    );
    const fields = cycle.verdict.fields as { readonly actual: Parameters<typeof packageModule.decide>[1] };
    return [wanted, fields.actual] as const;
  }
});

/** This machine has apt-get: the search for a manager is told to look for one only. */
function hideOthers(script: string, manager: string): string {
  return script.replace('for one in apt-get dnf yum apk; do', `for one in ${manager}; do`);
}

function rewritten(rewrite: (script: string) => string): typeof packageModule {
  return {
    ...packageModule,
    inspect: (wanted) => ({ script: rewrite(packageModule.inspect(wanted).script ?? '') }),
    change: (wanted, changes) => ({ script: rewrite(packageModule.change(wanted, changes).script) }),
  };
}

test.each(['apt', 'dnf', 'yum', 'apk'] as const)('the programs for %s are taken by shellcheck', (manager) => {
  const wanted = packageModule.prepare({ name: ['a', 'b'], state: 'latest' }, controller());
  const changes = { manager, action: 'install', packages: ['a'], updateCache: true, before: '' } as const;
  expect(complaints(packageModule.inspect(wanted).script ?? '')).toBe('');
  expect(complaints(packageModule.change(wanted, changes).script)).toBe('');
});
