// npm run bench: fairlead's run of playbooks/split-access.yml on a lab fleet, against
//   ssh2  the floor: a plain ssh2 client, connect and one exec of one script that does all of it, per host
//   ssh   the system's ssh with the same script, as many at a time
//   unguarded   fairlead with --guard off
// First run and no-change run, 1, 10 and 50 hosts; medians of rounds in which they take turns, as ratios to the floor.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLab } from '../../dist/create-lab.js';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, '..', '..');
const MAIN = join(ROOT, 'dist', 'main.js');
const PLAYBOOK = join(ROOT, 'playbooks', 'split-access.yml');
const ROUNDS = 3;
const CONCURRENCY = 50;
const SIZES = process.argv.slice(2).map(Number);

/** Undoes the role on a host, so that the next run is a first one. */
const RESET = `script=/etc/init.d/fairlead-split-access
[ ! -x "$script" ] || "$script" stop
update-rc.d -f fairlead-split-access remove >/dev/null 2>&1
rm -rf /etc/init.d/fairlead-split-access /etc/network/if-*.d/fairlead-split-access /etc/rc*.d/*fairlead-split-access \\
  /etc/iproute2/rt_tables.d/fairlead* /etc/iproute2/rt_protos.d/fairlead* /var/lib/fairlead`;

const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
try {
  for (const size of SIZES.length > 0 ? SIZES : [1, 10, 50]) await benchFleet(size);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function benchFleet(size) {
  const lab = await createLab({ name: `bench-${process.pid}`, hostCount: size, owner: 'this-process' });
  try {
    const contenders = prepare(lab);
    const figures = new Map();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { name, argv } of contenders) {
        await onAllHosts(lab, RESET);
        for (const kind of ['first run', 'no change']) {
          const figure = measure(lab, argv);
          const key = `${name} ${kind}`;
          figures.set(key, [...(figures.get(key) ?? []), figure]);
        }
      }
    }
    print(size, figures);
  } finally {
    await lab.down();
  }
}

function prepare(lab) {
  const rendered = join(folder, 'rendered');
  execFileSync(process.execPath, [MAIN, 'render', '-i', lab.paths.inventory, '--out', rendered, PLAYBOOK]);
  const hosts = lab.hosts.map((host) => ({
    address: host.managementAddress,
    script: scriptOf(join(rendered, host.name)),
  }));
  const job = join(folder, 'job.json');
  writeFileSync(job, JSON.stringify({ hosts, key: lab.paths.key, concurrency: CONCURRENCY }));
  const scripts = hosts.map(({ address, script }) => {
    const path = join(folder, `${address}.sh`);
    writeFileSync(path, script);
    return `${address} ${path}`;
  });
  const list = join(folder, 'list');
  writeFileSync(list, `${scripts.join('\n')}\n`);
  const ssh = `ssh -o UserKnownHostsFile=${lab.paths.knownHosts} -o BatchMode=yes -i ${lab.paths.key}`;
  return [
    { name: 'ssh2', argv: [process.execPath, join(HERE, 'floor.mjs'), job] },
    {
      name: 'ssh',
      argv: [
        'sh',
        '-c',
        `xargs -P ${CONCURRENCY} -L 1 sh -c '${ssh} root@$0 /bin/sh <$1 >/dev/null' <${list}`,
      ],
    },
    { name: 'fairlead', argv: fairlead(lab) },
    { name: 'unguarded', argv: fairlead(lab, '--guard', 'off') },
  ];
}

function fairlead(lab, ...words) {
  return [process.execPath, MAIN, 'run', '-i', lab.paths.inventory, ...words, PLAYBOOK];
}

/** One script that does what the role does: writes the files where they differ, registers, starts. */
function scriptOf(hostFolder) {
  const parts = ['set -eu', 'changed=no'];
  for (const path of filesIn(hostFolder)) {
    const target = path.slice(hostFolder.length);
    const mode = (statSync(path).mode & 0o777).toString(8);
    parts.push(
      `mkdir -p '${dirname(target)}'`,
      `cat >'${target}.new' <<'END_OF_FILE'\n${readFileSync(path, 'utf8')}END_OF_FILE`,
      `if cmp -s '${target}.new' '${target}'; then rm '${target}.new'; else chmod ${mode} '${target}.new'; mv '${target}.new' '${target}'; changed=yes; fi`,
    );
  }
  const script = '/etc/init.d/fairlead-split-access';
  parts.push(
    `if [ $changed = yes ]; then update-rc.d fairlead-split-access defaults >/dev/null 2>&1; ${script} start; else ${script} status; fi`,
  );
  return `${parts.join('\n')}\n`;
}

function filesIn(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Wall and CPU seconds and peak memory of the controller's side, by time(1). */
function measure(lab, argv) {
  const report = join(folder, 'time');
  const [program, ...words] = lab.controllerCommand([
    '/usr/bin/time',
    '-o',
    report,
    '-f',
    '%e %U %S %M',
    ...argv,
  ]);
  const { status, stderr, stdout } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${argv.join(' ')} exited ${status}\n${stdout}${stderr}`);
  const [wall, user, system, kilobytes] = readFileSync(report, 'utf8')
    .trim()
    .split('\n')
    .at(-1)
    .split(' ')
    .map(Number);
  return { wallS: wall, cpuS: user + system, memoryMb: kilobytes / 1024 };
}

async function onAllHosts(lab, script) {
  await Promise.all(
    lab.hosts.map(async (host) => {
      const { exitCode, stderr } = await lab.inHost(host.name, ['sh', '-c', script]);
      if (exitCode !== 0) throw new Error(`${host.name}: reset failed: ${stderr}`);
    }),
  );
}

function print(size, figures) {
  const middle = (key, unit) => {
    const values = figures
      .get(key)
      .map((each) => each[unit])
      .sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)];
  };
  console.log(
    `\n${size} hosts, medians of ${ROUNDS}, × is against ssh2     wall            cpu             memory`,
  );
  for (const kind of ['first run', 'no change']) {
    for (const name of ['ssh2', 'ssh', 'fairlead', 'unguarded']) {
      const cells = ['wallS', 'cpuS', 'memoryMb'].map((unit) => {
        const value = middle(`${name} ${kind}`, unit);
        const ratio = value / middle(`ssh2 ${kind}`, unit);
        const text = unit === 'memoryMb' ? `${value.toFixed(0)} MB` : `${value.toFixed(2)} s`;
        return `${text.padStart(7)}  ${`${ratio.toFixed(2)} ×`.padEnd(7)}`;
      });
      console.log(`  ${kind.padEnd(10)} ${name.padEnd(10)}${' '.repeat(24)}${cells.join('')}`);
    }
    const [guarded, unguarded] = ['fairlead', 'unguarded'].map((name) => middle(`${name} ${kind}`, 'wallS'));
    console.log(`  ${kind.padEnd(10)} the guard costs ${(100 * (guarded / unguarded - 1)).toFixed(0)} %`);
  }
}
