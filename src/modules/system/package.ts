// Installs and removes packages with apt, dnf (or yum) or apk, whichever the host has. All names in one question
// and in one command.
import { words } from '../../shell.ts';
import type { Conclusion, HostModule, Inspected, Output, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';

interface Args {
  readonly name: string | readonly string[];
  readonly state?: 'present' | 'installed' | 'absent' | 'removed' | 'latest';
  readonly update_cache?: boolean;
}

export interface WantedPackages {
  readonly packages: readonly WantedPackage[];
  readonly state: 'present' | 'absent' | 'latest';
  readonly updateCache: boolean;
}

interface WantedPackage {
  readonly name: string;
  /** `name=version`: exactly this one. */
  readonly version: string | undefined;
}

export interface PackageChanges {
  readonly manager: Manager;
  readonly action: 'install' | 'remove';
  /** As the manager takes them, with versions. */
  readonly packages: readonly string[];
  readonly updateCache: boolean;
  /** `latest` with fresh lists: only the run itself can tell whether something changes. */
  readonly before: string;
}

type Manager = 'apt' | 'dnf' | 'yum' | 'apk';
const MANAGERS: readonly Manager[] = ['apt', 'dnf', 'yum', 'apk'];

export const packageModule: HostModule<Args, WantedPackages, PackageChanges> = {
  kind: 'host',
  name: 'package',
  summary: 'Installs, upgrades or removes packages with apt, dnf, yum or apk.',
  schema: {
    type: 'object',
    properties: {
      name: {
        description: 'Name of a package, or a list of names; name=version asks for a version.',
        anyOf: [
          { type: 'string', minLength: 1 },
          { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
        ],
      },
      state: {
        enum: ['present', 'installed', 'absent', 'removed', 'latest'],
        default: 'present',
        description: 'installed is present, removed is absent.',
      },
      update_cache: {
        type: 'boolean',
        default: false,
        description: 'Fetch the lists of packages first, where there is something to install.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  prepare(args) {
    const names = typeof args.name === 'string' ? args.name.split(',') : args.name;
    const packages = names.map((name) => parsePackage(name.trim()));
    return { packages, state: stateOf(args.state), updateCache: args.update_cache ?? false };
  },

  reads: () => ['package'],
  // An installation may start services and write anywhere.
  writes: () => ['*'],
  inspect: (wanted) => ({ script: `set +eu\n${DETECT_MANAGER}\n${queryScript(wanted)}` }),
  decide,
  change: (wanted, changes) => ({ script: changeScript(wanted, changes) }),
  conclude,
};

function stateOf(state: Args['state']): WantedPackages['state'] {
  if (state === 'installed') return 'present';
  return state === 'removed' ? 'absent' : (state ?? 'present');
}

function parsePackage(text: string): WantedPackage {
  const match = /^([A-Za-z0-9][A-Za-z0-9.+_:@/-]*)(?:=(\S+))?$/.exec(text);
  if (match?.[1] === undefined) {
    throw new ArgumentError('name', `${JSON.stringify(text)} cannot be the name of a package`);
  }
  return { name: match[1], version: match[2] };
}

const DETECT_MANAGER = `LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin
manager=none
for one in apt-get dnf yum apk; do
  if command -v "$one" >/dev/null 2>&1; then
    manager=\${one%-get}
    break
  fi
done`;

/** Prints `manager=…`, `installed NAME VERSION` and, for latest, `candidate NAME VERSION` lines. */
function queryScript(wanted: WantedPackages): string {
  const names = words(...wanted.packages.map(({ name }) => name));
  const latest = wanted.state === 'latest';
  return `printf 'manager=%s\\n' "$manager"
query() {
  case $manager in
    apt)
      dpkg-query -W -f '\${db:Status-Status} \${Package} \${Version}\\n' -- ${names} 2>/dev/null |
        while read -r status name version; do
          if [ "$status" = installed ]; then printf 'installed %s %s\\n' "$name" "$version"; fi
        done
      ;;
    dnf | yum) rpm -q --qf 'installed %{NAME} %{VERSION}-%{RELEASE}\\n' ${names} 2>/dev/null ;;
    apk)
      apk info -e -v ${names} 2>/dev/null |
        while read -r line; do
          base=\${line%-*-*}
          printf 'installed %s %s\\n' "$base" "\${line#"$base"-}"
        done
      ;;
  esac
}
query
${latest ? candidateScript(names) : ''}exit 0`;
}

function candidateScript(names: string): string {
  return `case $manager in
  apt)
    apt-cache policy ${names} 2>/dev/null |
      while read -r key value; do
        case $key in
          Candidate:) printf 'candidate %s %s\\n' "$package" "$value" ;;
          [a-z0-9]*:) package=\${key%:} ;;
        esac
      done
    ;;
  dnf | yum)
    "$manager" -q check-update ${names} 2>/dev/null |
      while read -r name version _; do
        if [ -n "$version" ]; then printf 'candidate %s %s\\n' "\${name%.*}" "$version"; fi
      done
    ;;
  apk)
    apk version -l '<' ${names} 2>/dev/null |
      while read -r line sign version; do
        if [ "$sign" = '<' ]; then printf 'candidate %s %s\\n' "\${line%-*-*}" "$version"; fi
      done
    ;;
esac
`;
}

interface Actual {
  readonly manager: Manager | undefined;
  readonly installed: ReadonlyMap<string, string>;
  readonly candidates: ReadonlyMap<string, string>;
}

function parse(stdout: string): Actual {
  const installed = new Map<string, string>();
  const candidates = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [kind = '', name = '', version = ''] = line.split(' ');
    if (kind === 'installed') installed.set(name, version);
    if (kind === 'candidate' && version !== '(none)') candidates.set(name, version);
  }
  const manager = /^manager=(\w+)$/m.exec(stdout)?.[1];
  return { manager: MANAGERS.find((one) => one === manager), installed, candidates };
}

function decide(wanted: WantedPackages, inspected: Inspected): Verdict<PackageChanges> {
  const actual = parse(inspected.output.stdout);
  const { manager } = actual;
  if (manager === undefined) {
    return { kind: 'failed', message: 'the host has none of apt-get, dnf, yum and apk' };
  }
  const differing = wanted.packages.filter((one) => differs(wanted, one, actual));
  const blind = wanted.state === 'latest' && wanted.updateCache;
  if (differing.length === 0 && !blind) return { kind: 'unchanged' };
  const targets = blind ? wanted.packages : differing;
  const packages = targets.map((one) => argumentOf(one, manager));
  const action = wanted.state === 'absent' ? 'remove' : 'install';
  const sure = differing.map(({ name }) => name).join(', ');
  return {
    kind: 'change',
    changes: {
      manager,
      action,
      packages,
      updateCache: wanted.updateCache && action === 'install',
      before: versionsText(wanted, actual),
    },
    message: sure === '' ? 'look for upgrades in fresh lists' : `${action} ${sure} (${manager})`,
    diffs: [
      {
        title: 'packages',
        before: versionsText(wanted, actual),
        after: wanted.packages.map((one) => `${one.name} ${wished(wanted, one, actual)}\n`).join(''),
      },
    ],
  };
}

function differs(wanted: WantedPackages, one: WantedPackage, actual: Actual): boolean {
  const version = actual.installed.get(plainName(one.name));
  if (wanted.state === 'absent') return version !== undefined;
  if (version === undefined) return true;
  if (one.version !== undefined) return !sameVersion(version, one.version);
  const candidate = actual.candidates.get(plainName(one.name));
  return wanted.state === 'latest' && candidate !== undefined && candidate !== version;
}

/** rpm's release may be left out: `1.2` is 1.2-3.el9 too. */
function sameVersion(installed: string, wished: string): boolean {
  return installed === wished || installed.startsWith(`${wished}-`);
}

/** dpkg prints a foreign architecture's packages without it. */
function plainName(name: string): string {
  return name.replace(/:[a-z0-9]+$/, '');
}

function argumentOf(one: WantedPackage, manager: Manager): string {
  if (one.version === undefined) return one.name;
  return manager === 'dnf' || manager === 'yum' ? `${one.name}-${one.version}` : `${one.name}=${one.version}`;
}

function versionsText(wanted: WantedPackages, actual: Actual): string {
  return wanted.packages
    .map(({ name }) => `${name} ${actual.installed.get(plainName(name)) ?? '(absent)'}\n`)
    .join('');
}

function wished(wanted: WantedPackages, one: WantedPackage, actual: Actual): string {
  if (wanted.state === 'absent') return '(absent)';
  const name = plainName(one.name);
  const { installed, candidates } = actual;
  if (wanted.state === 'latest') return candidates.get(name) ?? installed.get(name) ?? '(latest)';
  return one.version ?? installed.get(name) ?? '(present)';
}

function changeScript(wanted: WantedPackages, changes: PackageChanges): string {
  const { manager, action } = changes;
  const names = words(...changes.packages);
  const lines = [DETECT_MANAGER];
  if (manager === 'apt') {
    lines.push(
      'DEBIAN_FRONTEND=noninteractive\nexport DEBIAN_FRONTEND',
      'apt() { apt-get -q -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -y "$@" </dev/null >&2; }',
      ...(changes.updateCache ? ['apt update'] : []),
      `apt ${action} -- ${names}`,
    );
  } else if (manager === 'apk') {
    const verb = action === 'remove' ? 'del' : wanted.state === 'latest' ? 'add -u' : 'add';
    lines.push(
      ...(changes.updateCache ? ['apk --wait 60 update >&2'] : []),
      `apk --wait 60 ${verb} ${names} >&2`,
    );
  } else {
    // Neither upgrades by install, nor installs by upgrade.
    lines.push(
      ...(changes.updateCache ? [`${manager} -q -y makecache >&2`] : []),
      `${manager} -q -y ${action} ${names} </dev/null >&2`,
      ...(wanted.state === 'latest'
        ? [`${manager} -q -y ${manager === 'dnf' ? 'upgrade' : 'update'} ${names} </dev/null >&2`]
        : []),
    );
  }
  return `${lines.join('\n')}\nset +e\n${queryScript({ ...wanted, state: 'present' })}`;
}

function conclude(wanted: WantedPackages, changes: PackageChanges, output: Output): Conclusion {
  if (output.exitCode !== 0) {
    const message = lastLines(output.stderr) || `${changes.manager} exited ${output.exitCode}`;
    const stale =
      changes.action === 'install' &&
      !changes.updateCache &&
      /unable to locate|no such package/i.test(message);
    return { kind: 'failed', message, ...(stale && { hint: 'fetch the lists first: update_cache: true' }) };
  }
  const actual = parse(output.stdout);
  const left = wanted.packages.filter(({ name }) => actual.installed.has(plainName(name)));
  if (wanted.state === 'absent' && left.length > 0) {
    const names = left.map(({ name }) => name).join(', ');
    return { kind: 'failed', message: `${changes.manager} succeeded, and still there is ${names}` };
  }
  return { kind: versionsText(wanted, actual) === changes.before ? 'unchanged' : 'changed' };
}

/** Package managers say a lot; what matters comes last. */
function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^(E:|ERROR:|Error:)/.test(line));
  return (errors.length > 0 ? errors : lines.slice(-5)).join('\n');
}
