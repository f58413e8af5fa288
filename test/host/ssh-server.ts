// A real SSH server inside the test's process, for faults that a well-behaved sshd does not make.
// It runs commands with a real shell and writes down what its clients asked for.
import { type ChildProcess, spawn } from 'node:child_process';
import { connect as connectTcp, createServer, type Socket, type Server as TcpServer } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';

type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface TestKey {
  readonly private: string;
  /** `TYPE BASE64`. */
  readonly public: string;
}

export interface ServerOptions {
  readonly hostKeys?: readonly TestKey[];
  /** Who is let in; default: anybody who tries. */
  readonly letIn?: (context: AuthContext) => boolean;
  readonly methods?: readonly ('publickey' | 'password' | 'keyboard-interactive')[];
  /** What runs the command that the client asks for; default `/bin/sh -c`. */
  readonly loginShell?: readonly string[];
  readonly maxSessions?: number;
  /** With `mute`: what to do when a command is sent its first input. `cut` drops all connections. */
  readonly onInput?: (cut: () => void) => void;
  /** Commands are accepted and never answered. */
  readonly mute?: boolean;
}

export interface TestServer {
  readonly port: number;
  readonly hostKey: TestKey;
  /** `connection`, `auth METHOD`, `exec`, `forward HOST:PORT`, in order. */
  readonly events: string[];
  /** Drops all connections without a word. */
  cut(): void;
  openConnections(): number;
  /** Stays connected and reads no more: what a host looks like whose network is gone. */
  freeze(): void;
  close(): Promise<void>;
}

/** A pair that ssh2 can read: of the ed25519 keys that it makes, a few are malformed. */
export function newKey(type: KeyType = 'ed25519'): TestKey {
  const pair =
    type === 'rsa'
      ? ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 })
      : type === 'ecdsa'
        ? ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 })
        : ssh2.utils.generateKeyPairSync('ed25519');
  if (ssh2.utils.parseKey(pair.private) instanceof Error) return newKey(type);
  return { private: pair.private, public: pair.public.split(' ').slice(0, 2).join(' ') };
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const hostKeys = options.hostKeys ?? [newKey()];
  const events: string[] = [];
  const sockets = new Set<Socket>();
  const children = new Set<ChildProcess>();
  const server = new ssh2.Server({ hostKeys: hostKeys.map((key) => key.private) }, (client) => {
    events.push('connection');
    serve(client, { options, events, children, cut });
  });
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    server.injectSocket(socket);
  });
  const port = await listen(tcp);
  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }
  const [hostKey = newKey()] = hostKeys;
  return {
    port,
    hostKey,
    events,
    cut,
    openConnections: () => sockets.size,
    freeze: () => {
      for (const socket of sockets) socket.removeAllListeners('data');
    },
    close: async () => {
      cut();
      for (const child of children) killGroup(child);
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const tcp = createServer();
  const port = await listen(tcp);
  await new Promise((resolve) => tcp.close(resolve));
  return port;
}

/** Accepts connections and says nothing. */
export async function startSilentServer(): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<{ destroy(): void }>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  const port = await listen(tcp);
  return {
    port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      tcp.close();
    },
  };
}

interface Serving {
  readonly options: ServerOptions;
  readonly events: string[];
  readonly children: Set<ChildProcess>;
  cut(): void;
}

function serve(client: Connection, { options, events, children, cut }: Serving): void {
  let sessions = 0;
  client.on('error', () => {});
  client.on('authentication', (context) => {
    events.push(`auth ${context.method}`);
    if (options.letIn?.(context) ?? true) context.accept();
    else context.reject([...(options.methods ?? ['publickey'])]);
  });
  client.on('ready', () => {
    client.on('session', (accept, reject) => {
      if (++sessions > (options.maxSessions ?? 10)) return reject();
      const session = accept();
      session.on('exec', (acceptExec, _reject, { command }) => {
        events.push('exec');
        const channel = acceptExec();
        if (options.mute) channel.once('data', () => options.onInput?.(cut));
        else run(channel, [...(options.loginShell ?? ['/bin/sh', '-c']), command], children);
        channel.on('close', () => {
          sessions--;
        });
      });
    });
    client.on('tcpip', (accept, reject, { destIP, destPort }) => {
      events.push(`forward ${destIP}:${destPort}`);
      const socket = connectTcp(destPort, destIP);
      socket.once('connect', () => {
        const channel = accept();
        channel.pipe(socket).pipe(channel);
        channel.on('close', () => socket.destroy());
        channel.on('error', () => socket.destroy());
      });
      socket.once('error', () => reject());
    });
  });
}

function run(channel: ServerChannel, argv: readonly string[], children: Set<ChildProcess>): void {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { detached: true, stdio: 'pipe' });
  children.add(child);
  channel.pipe(child.stdin);
  child.stdin.on('error', () => {});
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.on('close', (code, signal) => {
    children.delete(child);
    if (signal === null) channel.exit(code ?? 1);
    else channel.exit(signal.slice(3));
    channel.end();
  });
  channel.on('close', () => child.stdin.end());
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

function listen(tcp: TcpServer): Promise<number> {
  return new Promise((resolve) => {
    tcp.listen(0, '127.0.0.1', () => {
      const address = tcp.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
