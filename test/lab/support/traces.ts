// What a lab is made of on the machine, and what of that is still there: the proof that nothing is left.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface LabTraces {
  readonly folder: string;
  /** As /proc/PID/ns shows them: `net:[4026532008]`. */
  readonly namespaces: ReadonlySet<string>;
}

/** Everything of the lab that runs below this process, apart from what the machine itself has. */
export function tracesOf(folder: string, supervisorPid: number): LabTraces {
  const own = new Set(namespacesOf('self'));
  const family = new Set([supervisorPid]);
  // A child has mostly a higher number than its parent, but numbers wrap: go on until nobody is new.
  for (let before = 0; before !== family.size; ) {
    before = family.size;
    for (const pid of processes()) {
      const parent = Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
      if (family.has(parent)) family.add(pid);
    }
  }
  const namespaces = [...family].flatMap((pid) => namespacesOf(pid)).filter((ns) => !own.has(ns));
  return { folder, namespaces: new Set(namespaces) };
}

/** Sentences; empty = no process, namespace, mount, link or file is left. */
export function leftOf(traces: LabTraces): readonly string[] {
  const left: string[] = [];
  for (const pid of processes()) {
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
    if (command.includes(`${traces.folder}/`) || command.endsWith(traces.folder)) {
      left.push(`process ${pid}: ${command}`);
    }
    const kept = namespacesOf(pid).filter((namespace) => traces.namespaces.has(namespace));
    if (kept.length > 0) left.push(`process ${pid} is in ${kept.join(' ')}: ${command}`);
  }
  for (const line of read('/proc/self/mountinfo').split('\n')) {
    if (line.includes(traces.folder)) left.push(`mount: ${line}`);
  }
  for (const line of read('/proc/self/net/dev').split('\n')) {
    if (/^\s*(host\d+|isp\d|mgmt|lan|hosts|internet):/.test(line)) left.push(`link: ${line}`);
  }
  if (existsSync(traces.folder)) left.push(`folder: ${traces.folder}`);
  return left;
}

function processes(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function namespacesOf(pid: number | 'self'): readonly string[] {
  return ['net', 'mnt', 'pid', 'uts', 'ipc'].flatMap((kind) => {
    try {
      return [readlinkSync(`/proc/${pid}/ns/${kind}`)];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
