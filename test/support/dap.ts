/** A client of the Debug Adapter Protocol that speaks as VS Code's Go extension does (https://microsoft.github.io/debug-adapter-protocol/specification). */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

type Body = Readonly<Record<string, unknown>>;

interface Message {
  readonly type: string;
  readonly event?: string;
  readonly request_seq?: number;
  readonly success?: boolean;
  readonly message?: string;
  readonly body?: Body;
}

/** A client that is connected. */
export interface Dap {
  /** Rejects with what the server says when it refuses. */
  ask(command: string, args?: object): Promise<Body>;
  /** Waits for the next event of the name, from the last one on that was waited for. */
  event(name: string, seconds?: number): Promise<Body>;
  /** Goes without a word. */
  vanish(): void;
}

/** Connects to `127.0.0.1:PORT` or `unix:PATH`. */
export async function dap(address: string): Promise<Dap> {
  const socket = await connected(address);
  const events: Message[] = [];
  const asked = new Map<number, (message: Message | undefined) => void>();
  let [seq, over] = [0, false];
  receive(socket, (message) => {
    if (message.type === 'event') events.push(message);
    else if (message.request_seq !== undefined) asked.get(message.request_seq)?.(message);
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    over = true;
    for (const answer of asked.values()) answer(undefined);
  });
  return {
    async ask(command, args = {}) {
      seq += 1;
      const content = JSON.stringify({ seq, type: 'request', command, arguments: args });
      const answer = new Promise<Message | undefined>((resolve) => asked.set(seq, resolve));
      socket.write(`Content-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`);
      const message = await answer;
      if (message === undefined) throw new Error(`the connection ended before ${command} was answered`);
      if (message.success !== true) throw new Error(`${message.message}: ${JSON.stringify(message.body)}`);
      return message.body ?? {};
    },
    async event(name, seconds = 120) {
      for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(10)) {
        const at = events.findIndex(({ event }) => event === name);
        if (at >= 0) return events.splice(at, 1)[0]?.body ?? {};
        if (over) break;
      }
      throw new Error(`there was no ${name}${over ? ': the connection ended' : ''}`);
    },
    vanish: () => socket.destroy(),
  };
}

function connected(address: string): Promise<Socket> {
  const socket = address.startsWith('unix:')
    ? connect(address.slice(5))
    : connect(Number(address.split(':')[1]), address.split(':')[0] as string);
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function receive(socket: Socket, take: (message: Message) => void): void {
  let buffer = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    buffer = Buffer.concat([buffer, bytes]);
    for (;;) {
      const head = buffer.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, Math.max(0, head)).toString())?.[1]);
      if (head < 0 || buffer.length < head + 4 + length) return;
      take(JSON.parse(buffer.subarray(head + 4, head + 4 + length).toString('utf8')) as Message);
      buffer = buffer.subarray(head + 4 + length);
    }
  });
}

/** What VS Code says first, up to a process that runs with a breakpoint at each of these functions. */
export async function attach(client: Dap, functions: readonly string[], more: object = {}): Promise<void> {
  await client.ask('initialize', {
    clientID: 'vscode',
    clientName: 'Visual Studio Code',
    adapterID: 'go',
    pathFormat: 'path',
    linesStartAt1: true,
    columnsStartAt1: true,
    supportsVariableType: true,
    supportsRunInTerminalRequest: true,
    locale: 'en',
  });
  // The answer to it comes behind the configuration.
  const attached = client.ask('attach', { name: 'kprof', type: 'go', request: 'attach', mode: 'remote', debugAdapter: 'dlv-dap', ...more });
  await client.event('initialized');
  await client.ask('setFunctionBreakpoints', { breakpoints: functions.map((name) => ({ name })) });
  await client.ask('configurationDone');
  await attached;
}
