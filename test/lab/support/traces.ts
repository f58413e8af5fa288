// What a lab is made of on the machine, and what of that is still there: the proof that nothing is left.
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface LabTraces {
  readonly folder: string;
  /** As /proc/PID/ns shows them, `net:[4026532008]`; the numbers are nobody else's until they are forgotten. */
  readonly namespaces: ReadonlySet<string>;
  forget(): void;
}

/** Of a lab that never came to have a process. */
export function tracesOfFolder(folder: string): LabTraces {
  return { folder, namespaces: new Set(), forget: () => {} };
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
  // The kernel gives a number that is free to the next namespace at once. One that is held open keeps its own.
  const held = new Map<string, number>();
  for (const pid of family) {
    for (const kind of KINDS) {
      const fd = opened(`/proc/${pid}/ns/${kind}`);
      if (fd === undefined) continue;
      const namespace = readlinkSync(`/proc/self/fd/${fd}`);
      if (own.has(namespace) || held.has(namespace)) closeSync(fd);
      else held.set(namespace, fd);
    }
  }
  return {
    folder,
    namespaces: new Set(held.keys()),
    forget() {
      for (const fd of held.values()) closeSync(fd);
      held.clear();
    },
  };
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

const KINDS = ['net', 'mnt', 'pid', 'uts', 'ipc'];

function namespacesOf(pid: number | 'self'): readonly string[] {
  return KINDS.flatMap((kind) => {
    try {
      return [readlinkSync(`/proc/${pid}/ns/${kind}`)];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

/** Undefined where the process ended meanwhile. */
function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
