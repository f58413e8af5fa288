// Waits on the host until a port answers or no longer does, a file is there or gone, or a text is in it.
// One look while inspecting; only where that is not enough, one bounded loop as the change.
import { quote } from '../../shell.ts';
import { absolutePath } from '../file/file-attributes.ts';
import type { Conclusion, HostModule, Inspected, Output, Verdict } from '../module.ts';
import { ArgumentError } from '../module.ts';

type State = 'started' | 'stopped' | 'present' | 'absent' | 'drained';

interface Args {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly search_regex?: string;
  readonly state?: State;
  readonly timeout?: number;
  readonly delay?: number;
  readonly sleep?: number;
  readonly connect_timeout?: number;
  readonly msg?: string;
}

export interface WantedWait {
  readonly target:
    | { readonly kind: 'port'; readonly host: string; readonly port: number }
    | { readonly kind: 'path'; readonly path: string; readonly regex: string | undefined }
    | { readonly kind: 'time' };
  readonly until: 'there' | 'gone' | 'drained';
  readonly timeoutSeconds: number;
  readonly delaySeconds: number;
  readonly sleepSeconds: number;
  readonly connectSeconds: number;
  readonly message: string | undefined;
}

export const waitFor: HostModule<Args, WantedWait, WantedWait> = {
  kind: 'host',
  name: 'wait_for',
  summary: 'Waits for a port, a file, or a text in a file.',
  returns: { elapsed: 'Seconds that it took.' },
  schema: {
    type: 'object',
    properties: {
      host: {
        type: 'string',
        default: '127.0.0.1',
        description: 'Address or name to connect to, as seen from the managed host.',
      },
      port: { type: 'integer', minimum: 1, maximum: 65535, description: 'TCP port. Excludes path.' },
      path: { type: 'string', description: 'File or folder on the managed host. Excludes port.' },
      search_regex: {
        type: 'string',
        description: 'With path: a line of the file has to match this extended regular expression (POSIX).',
      },
      state: {
        enum: ['started', 'stopped', 'present', 'absent', 'drained'],
        default: 'started',
        description:
          'started and present: there; stopped and absent: gone; drained: no connection to this local port is left.',
      },
      timeout: {
        type: 'integer',
        minimum: 0,
        default: 300,
        description: 'Seconds after which waiting fails.',
      },
      delay: {
        type: 'integer',
        minimum: 0,
        default: 0,
        description: 'Seconds to wait before the first look.',
      },
      sleep: { type: 'integer', minimum: 1, default: 1, description: 'Seconds between two looks.' },
      connect_timeout: {
        type: 'integer',
        minimum: 1,
        default: 5,
        description: 'Seconds to wait for an answer to one attempt to connect.',
      },
      msg: { type: 'string', description: 'Message in place of the usual one when waiting fails.' },
    },
    additionalProperties: false,
  },

  prepare(args) {
    if (args.port !== undefined && args.path !== undefined) {
      throw new ArgumentError('path', 'port and path exclude each other');
    }
    if (args.search_regex !== undefined && args.path === undefined) {
      throw new ArgumentError('search_regex', 'search_regex needs path');
    }
    const state = args.state ?? 'started';
    if (state === 'drained' && args.port === undefined) {
      throw new ArgumentError('state', 'state: drained needs port');
    }
    return {
      target: targetOf(args),
      until: state === 'drained' ? 'drained' : state === 'started' || state === 'present' ? 'there' : 'gone',
      timeoutSeconds: args.timeout ?? 300,
      delaySeconds: args.delay ?? 0,
      sleepSeconds: args.sleep ?? 1,
      connectSeconds: args.connect_timeout ?? 5,
      message: args.msg,
    };
  },

  // Whatever stands behind it in the play relies on what it waited for.
  reads: () => ['*'],
  writes: () => ['*'],

  inspect: (wanted) =>
    wanted.delaySeconds > 0 || wanted.target.kind === 'time'
      ? {}
      : { script: `set +eu\n${lookFunction(wanted)}\nlook` },

  decide(wanted, actual): Verdict<WantedWait> {
    if (actual.output.exitCode === TOOL_MISSING) return { kind: 'failed', message: toolMissing(actual) };
    const looked = wanted.delaySeconds === 0 && wanted.target.kind !== 'time';
    if (looked && actual.output.exitCode === 0) return { kind: 'unchanged', fields: { elapsed: 0 } };
    return { kind: 'change', changes: wanted, message: `wait until ${goal(wanted)}` };
  },

  change: (wanted) => ({ script: loopScript(wanted) }),

  conclude(wanted, _changes, output): Conclusion {
    const elapsed = Number(/^elapsed=(\d{1,9})$/m.exec(output.stdout)?.[1] ?? 0);
    if (output.exitCode === 0) return { kind: 'unchanged', fields: { elapsed } };
    const usual = `timed out after ${wanted.timeoutSeconds} s: waited until ${goal(wanted)}`;
    const said = output.exitCode === TIMED_OUT ? usual : failureText(output);
    return { kind: 'failed', message: wanted.message ?? said, fields: { elapsed } };
  },
};

const TIMED_OUT = 75;
const TOOL_MISSING = 69;

function targetOf(args: Args): WantedWait['target'] {
  if (args.port !== undefined) {
    const host = args.host ?? '127.0.0.1';
    if (!/^[A-Za-z0-9][A-Za-z0-9.:%_-]*$|^::[0-9A-Fa-f:.]*$/.test(host)) {
      throw new ArgumentError('host', `${JSON.stringify(host)} is neither an address nor a name`);
    }
    return { kind: 'port', host, port: args.port };
  }
  if (args.path === undefined) return { kind: 'time' };
  return { kind: 'path', path: absolutePath('path', args.path), regex: args.search_regex };
}

function goal(wanted: WantedWait): string {
  const { target, until } = wanted;
  if (target.kind === 'time') return `${wanted.timeoutSeconds} s have passed`;
  if (target.kind === 'path') {
    if (target.regex !== undefined) {
      const found = until === 'there' ? 'has' : 'no longer has';
      return `${target.path} ${found} a line that matches ${target.regex}`;
    }
    return `${target.path} is ${until === 'there' ? 'there' : 'gone'}`;
  }
  const place = `port ${target.port} of ${target.host}`;
  if (until === 'drained') return `no connection to ${place} is left`;
  return until === 'there' ? `${place} answers` : `${place} no longer answers`;
}

function failureText(output: Output): string {
  return output.stderr.trim() || `the wait exited ${output.exitCode}`;
}

function toolMissing(actual: Inspected): string {
  return actual.output.stderr.trim() || 'nothing on this host can open a connection';
}

/** `/proc/uptime` is a clock that nobody sets, and a builtin reads it. */
function loopScript(wanted: WantedWait): string {
  const delay = wanted.delaySeconds > 0 ? `sleep ${wanted.delaySeconds}\n` : '';
  const clock = `uptime_s() {
  read -r now _ </proc/uptime
  now=\${now%%.*}
}
uptime_s
began=$now
${delay}`;
  if (wanted.target.kind === 'time') {
    return `${clock}sleep ${wanted.timeoutSeconds}\nuptime_s\necho "elapsed=$((now - began))"`;
  }
  return `${lookFunction(wanted)}
${clock}while :; do
  status=0
  look || status=$?
  uptime_s
  case $status in
    0) break ;;
    ${TOOL_MISSING}) exit ${TOOL_MISSING} ;;
  esac
  if [ $((now - began)) -ge ${wanted.timeoutSeconds} ]; then
    echo "elapsed=$((now - began))"
    exit ${TIMED_OUT}
  fi
  sleep ${wanted.sleepSeconds}
done
echo "elapsed=$((now - began))"`;
}

/** Defines `look`: 0 when what is waited for has come, TOOL_MISSING when nothing can tell. */
function lookFunction(wanted: WantedWait): string {
  const { target, until } = wanted;
  if (target.kind === 'time') return 'look() { :; }';
  const check = target.kind === 'path' ? pathCheck(target) : portCheck(target, wanted);
  if (until === 'there' || until === 'drained') return `${check}\nlook() { check; }`;
  return `${check}
look() {
  found=0
  check || found=$?
  case $found in
    0) return 1 ;;
    ${TOOL_MISSING}) return ${TOOL_MISSING} ;;
  esac
}`;
}

function pathCheck(target: { readonly path: string; readonly regex: string | undefined }): string {
  const path = quote(target.path);
  return target.regex === undefined
    ? `check() { [ -e ${path} ] || [ -L ${path} ]; }`
    : `check() { grep -q -E -e ${quote(target.regex)} -- ${path} 2>/dev/null; }`;
}

function portCheck(target: { readonly host: string; readonly port: number }, wanted: WantedWait): string {
  const port = target.port.toString(16).toUpperCase().padStart(4, '0');
  // TIME_WAIT (06) and LISTEN (0A) are not connections that somebody uses.
  if (wanted.until === 'drained') {
    return procNetTcp(`$2 ~ /:${port}$/ && $4 != "06" && $4 != "0A" { found = 1; exit } END { exit found }`);
  }
  const local = localAddresses(target.host);
  if (local !== undefined) {
    return procNetTcp(`$4 == "0A" && $2 ~ /^(${local}):${port}$/ { found = 1; exit } END { exit !found }`);
  }
  return connectCheck(target, wanted.connectSeconds);
}

function procNetTcp(program: string): string {
  return `check() {
  set -- /proc/net/tcp
  if [ -r /proc/net/tcp6 ]; then set -- "$@" /proc/net/tcp6; fi
  awk '${program}' "$@"
}`;
}

/** The ways in which /proc/net/tcp writes what a loopback address reaches, in both byte orders. */
function localAddresses(host: string): string | undefined {
  const any = `${'0'.repeat(8)}|${'0'.repeat(32)}`;
  if (host === '127.0.0.1' || host === 'localhost') {
    const mapped = '0000000000000000FFFF0000';
    const mappedBig = '00000000000000000000FFFF';
    return `${any}|0100007F|7F000001|${mapped}0100007F|${mappedBig}7F000001`;
  }
  if (host === '::1') return `${'0'.repeat(32)}|${'0'.repeat(24)}01000000|${'0'.repeat(31)}1`;
  return undefined;
}

function connectCheck(target: { readonly host: string; readonly port: number }, seconds: number): string {
  const { port } = target;
  const host = quote(target.host);
  const url = quote(`telnet://${target.host.includes(':') ? `[${target.host}]` : target.host}:${port}`);
  return `check() {
  case $way in
    nc) nc -z -w ${seconds} ${host} ${port} </dev/null >/dev/null 2>&1 ;;
    curl)
      case $(curl -s -o /dev/null -w '%{time_connect}' --connect-timeout ${seconds} -m ${seconds} ${url} </dev/null 2>/dev/null || :) in
        *[1-9]*) return 0 ;;
        *) return 1 ;;
      esac
      ;;
    bash) timeout ${seconds} bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash ${host} ${port} 2>/dev/null ;;
    busybox) nc -w ${seconds} -e /bin/true ${host} ${port} </dev/null >/dev/null 2>&1 ;;
    *)
      echo 'nothing on this host can open a connection: nc, curl or bash is needed' >&2
      return ${TOOL_MISSING}
      ;;
  esac
}
way=
if command -v nc >/dev/null 2>&1; then
  case $(nc -h 2>&1 </dev/null || :) in
    *-z*) way=nc ;;
    *-e*) way=busybox ;;
  esac
fi
if [ -z "$way" ] || [ "$way" = busybox ]; then
  if command -v curl >/dev/null 2>&1; then
    way=curl
  elif command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
    way=bash
  fi
fi`;
}
