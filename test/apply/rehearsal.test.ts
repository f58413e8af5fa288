// In check mode a boot script that would be written is asked for its check, on a host that plays along.
import { expect, test } from 'vitest';
import { FakeHost } from '../../src/host/fake-host.ts';
import type { Program, ProgramOutcome } from '../../src/host/host.ts';
import { type PlaybookRun, runPlaybook, story } from '../support/playbook-run.ts';

const SCRIPT = '#!/bin/sh\n### BEGIN INIT INFO\n### END INIT INFO\n';
const task = (name: string) => ({ boot_script: { name, content: `${SCRIPT}# ${name}\n`, hooks: false } });
const play = (...names: readonly string[]) => JSON.stringify([{ hosts: 'all', tasks: names.map(task) }]);

/** Its files are not there, its init system is SysV; what `check` says is given. */
function host(check: { readonly exitCode: number; readonly stdout: string; readonly stderr: string }) {
  const answer = (program: Program): ProgramOutcome => {
    const steps = program.steps.map(({ id, script }) => {
      const isCheck = script.startsWith('sh -c ') && script.includes(' check <');
      const files = id === 'files' ? { stdout: '' } : { stdout: 'init=sysv\nenabled=yes\n' };
      const said = isCheck ? check : { exitCode: 0, stderr: '', ...files };
      return [id, { kind: 'exited', ...said }] as const;
    });
    return { kind: 'finished', steps: new Map(steps) };
  };
  return new FakeHost({ name: 'here', connects: [{ kind: 'connected' }], programs: [answer] });
}

const check = (here: FakeHost, text: string): Promise<PlaybookRun> =>
  runPlaybook(text, { hostFor: () => here, mode: 'check' });

test('its notes are told, in one program that only looks', async () => {
  const here = host({ exitCode: 0, stdout: 'noise\nnote: moves 500 of 1000 flows\n', stderr: '' });
  const run = await check(here, play('a'));
  expect(story(run)).toEqual([
    'here would-change boot_script: write /etc/init.d/a, start; moves 500 of 1000 flows',
  ]);
  expect(here.programs.map(({ kind }) => kind)).toEqual(['inspect', 'inspect']);
});

test('what is in its way is a failure, before anything is changed', async () => {
  const here = host({ exitCode: 1, stdout: '', stderr: 'a: table 801 is not empty\n' });
  const run = await check(here, play('a', 'b'));
  expect(story(run)).toEqual(['here failed boot_script: it would fail: a: table 801 is not empty']);
});

test('nobody is asked who stands on what an earlier task would change', async () => {
  const here = host({ exitCode: 0, stdout: '', stderr: '' });
  const run = await check(here, play('a', 'b'));
  expect(story(run)).toEqual([
    'here would-change boot_script: write /etc/init.d/a, start',
    'here would-change boot_script: write /etc/init.d/b, start',
  ]);
  const [, rehearsal] = here.programs;
  expect(rehearsal?.steps.map(({ id }) => id)).toEqual(['rehearse-0']);
});
