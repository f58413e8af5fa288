// The output of factsScript to Facts. Pure and forgiving: what a host says is data, what it does not say is null.
import { INIT_SYSTEMS } from '../../init-system.ts';
import type { Facts, Tool } from './facts.ts';
import { TOOLS, toolOfProgram } from './facts.ts';
import { type NetworkFacts, parseIpJson } from './facts-ip-json.ts';
import { parseIpText } from './facts-ip-text.ts';

/** Never throws: lines that make no sense are left out. */
export function parseFacts(stdout: string): Facts {
  const sections = sectionsOf(stdout);
  const { fields, tools, managers, osRelease } = headOf(sections.get('') ?? []);
  const kernel = kernelOf(fields);
  const network = networkOf(sections);
  const managed = (name: string) => managers.has(name);
  const memory = /^MemTotal:\s+(\d{1,12}) kB/.exec(fields.get('memory') ?? '')?.[1];
  return {
    hostname: said(fields.get('hostname')),
    boot_id: said(fields.get('boot_id')),
    user: said(fields.get('user')),
    uid: integerOf(fields.get('uid')),
    architecture: said(fields.get('architecture')),
    kernel,
    distribution: distributionOf(osRelease, fields.get('redhat')),
    init: INIT_SYSTEMS.find((name) => name === fields.get('init')) ?? 'none',
    memory_bytes: memory === undefined ? null : Number(memory) * 1024,
    cpus: cpusOf(fields.get('cpus')),
    tools: Object.fromEntries(TOOLS.map((tool) => [tool, tools.get(tool) ?? null])) as Facts['tools'],
    iptables: iptablesOf(fields.get('iptables')),
    network_managers: {
      ifupdown: managed('ifupdown'),
      networkmanager: managed('networkmanager'),
      networkd: managed('networkd'),
      netplan: managed('netplan'),
    },
    interfaces: network.interfaces,
    routes: network.routes,
    routes_truncated: network.truncated,
    rules: network.rules,
  };
}

const VALUE_LIMIT = 1024;

/** Lines by the `== name` line above them; the ones before the first have the name ''. */
function sectionsOf(stdout: string): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  sections.set('', current);
  for (const line of stdout.split('\n')) {
    const name = /^== ([a-z]+(?: [46])?)$/.exec(line)?.[1];
    if (name !== undefined && !sections.has(name)) {
      current = [];
      sections.set(name, current);
    } else if (line !== '') {
      current.push(line);
    }
  }
  return sections;
}

interface Head {
  readonly fields: ReadonlyMap<string, string>;
  readonly tools: ReadonlyMap<Tool, string>;
  readonly managers: ReadonlySet<string>;
  readonly osRelease: ReadonlyMap<string, string>;
}

function headOf(lines: readonly string[]): Head {
  const fields = new Map<string, string>();
  const tools = new Map<Tool, string>();
  const managers = new Set<string>();
  const osRelease = new Map<string, string>();
  for (const line of lines) {
    if (line.length > VALUE_LIMIT) continue;
    const os = /^os ([A-Z_]+)=(.*)$/.exec(line);
    if (os?.[1] !== undefined) {
      osRelease.set(os[1], unquoted(os[2] ?? ''));
      continue;
    }
    const match = /^([a-z_]+)=(.*)$/.exec(line);
    const key = match?.[1];
    const value = match?.[2] ?? '';
    if (key === 'tool') {
      const [program = '', path = ''] = value.split(' ', 2);
      const tool = toolOfProgram(program);
      if (tool !== undefined && path.startsWith('/')) tools.set(tool, path);
    } else if (key === 'manager') managers.add(value);
    else if (key !== undefined && !fields.has(key)) fields.set(key, value);
  }
  return { fields, tools, managers, osRelease };
}

/** A value of os-release(5): optional quotes, backslash before \ " $ `. */
function unquoted(value: string): string {
  const inner = /^"(.*)"\s*$/.exec(value)?.[1] ?? /^'(.*)'\s*$/.exec(value)?.[1] ?? value;
  return inner.replace(/\\([\\"$`])/g, '$1');
}

function kernelOf(fields: ReadonlyMap<string, string>): Facts['kernel'] {
  const release = said(fields.get('kernel_release'));
  const parts = /^(\d{1,4})\.(\d{1,5})(?:\.(\d{1,5}))?/.exec(release ?? '');
  return {
    name: said(fields.get('kernel_name')),
    release,
    major: integerOf(parts?.[1]),
    minor: integerOf(parts?.[2]),
    patch: integerOf(parts?.[3]),
  };
}

function distributionOf(
  osRelease: ReadonlyMap<string, string>,
  redhat: string | undefined,
): Facts['distribution'] {
  // Before os-release (2012): `CentOS release 6.10 (Final)`.
  const old = /^(\S+).* release (\d[\d.]*)/.exec(redhat ?? '');
  return {
    id: said(osRelease.get('ID')) ?? said(old?.[1]?.toLowerCase()),
    version: said(osRelease.get('VERSION_ID')) ?? said(old?.[2]),
    name: said(osRelease.get('NAME')) ?? said(old?.[1]),
    like: (osRelease.get('ID_LIKE') ?? '').split(' ').filter((word) => word !== ''),
    codename: said(osRelease.get('VERSION_CODENAME')) ?? said(osRelease.get('UBUNTU_CODENAME')),
  };
}

function iptablesOf(line: string | undefined): Facts['iptables'] {
  const match = /^iptables v([0-9.]+)(?: \((nf_tables|legacy)\))?/.exec(line ?? '');
  if (match?.[1] === undefined) return { version: null, backend: null };
  // Before 1.8 there was one backend, and it did not say its name.
  return { version: match[1], backend: match[2] === 'nf_tables' ? 'nf_tables' : 'legacy' };
}

/** The kernel's list format: `0-3,8`. */
function cpusOf(list: string | undefined): number | null {
  if (list === undefined || !/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/.test(list)) return null;
  let count = 0;
  for (const range of list.split(',')) {
    const [first = '0', last = first] = range.split('-');
    count += Math.max(0, Number(last) - Number(first) + 1);
  }
  return count;
}

function networkOf(sections: ReadonlyMap<string, readonly string[]>): NetworkFacts {
  const lines = (name: string) => sections.get(name) ?? [];
  if (sections.has('addresses')) {
    return parseIpText({
      names: lines('names'),
      addresses: lines('addresses'),
      rules: { ipv4: lines('rules 4'), ipv6: lines('rules 6') },
      routes: { ipv4: lines('routes 4'), ipv6: lines('routes 6') },
    });
  }
  return parseIpJson(lines('json'));
}

function said(value: string | undefined): string | null {
  return value === undefined || value === '' ? null : value;
}

function integerOf(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,10}$/.test(value) ? Number(value) : null;
}
