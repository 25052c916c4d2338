/** A gateway on a free port in front of a host made of functions, and a bare client that sees every byte. */

import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { type Gateway, startGateway } from '../../../src/ecosystem/gateway/gateway.ts';
import type {
  GatewayEvents,
  GatewayExecution,
  GatewayHost,
  GatewayJobs,
  GatewaySchedules,
  GatewayWorkflows,
} from '../../../src/ecosystem/gateway/protocol.ts';
import type { FunctionLogLine } from '../../../src/ecosystem/monitoring/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import type { InvocationRecord } from '../../../src/ledger/protocol.ts';
import type { StreamHead } from '../../../src/transport/protocol.ts';

export const RECORD: InvocationRecord = {
  id: 'call-1',
  functionName: 'hello',
  functionVersion: 1,
  instanceId: 'hello-1-1',
  status: 'succeeded',
  attempt: 1,
  depth: 0,
  receivedAtMs: 0,
  phasesUs: { route: 10, queue: 20, place: 0, start: 0, specialise: 0, deliver: 30, run: 1_500, reply: 40 },
  totalUs: 1_600,
};

/** Refuses everything that a test does not give it. */
export function fakeHost(parts: Partial<GatewayHost> = {}): GatewayHost {
  const refuse = (what: string) => () => {
    throw new TroupeError('INTERNAL', `The test gave no ${what}.`);
  };
  return {
    workflows: fakeWorkflows(),
    schedules: fakeSchedules(),
    events: fakeEvents(),
    jobs: fakeJobs(),
    check: refuse('check'),
    backup: refuse('backup'),
    deploy: refuse('deploy'),
    invokeWithDetails: async (_, payload) => ({ result: payload, invocation: RECORD }),
    stream: refuse('stream'),
    http: refuse('http'),
    list: async () => [],
    describe: async (name) => ({
      name,
      versions: [],
      aliases: [],
      instances: [],
      targets: [],
      policy: 'reactive',
      latest: [],
    }),
    setAlias: async () => {},
    removeAlias: async () => {},
    remove: async () => {},
    logs: () => [],
    followLogs: () => () => {},
    history: refuse('history'),
    stats: refuse('stats'),
    metrics: async () => '# nothing\n',
    isReady: true,
    payloadLimitBytes: 65_536,
    ...parts,
  };
}

/** Refuses everything that a test does not give it. */
export function fakeWorkflows(parts: Partial<GatewayWorkflows> = {}): GatewayWorkflows {
  const refuse = (what: string) => () => Promise.reject(new TroupeError('INTERNAL', `The test gave no ${what}.`));
  return {
    deploy: refuse('deploy'),
    list: refuse('list'),
    describe: refuse('describe'),
    setAlias: refuse('setAlias'),
    remove: refuse('remove'),
    start: refuse('start'),
    execution: (id) => fakeExecution(id),
    executions: refuse('executions'),
    watch: refuse('watch'),
    ...parts,
  };
}

/** Refuses everything that a test does not give it. */
export function fakeSchedules(parts: Partial<GatewaySchedules> = {}): GatewaySchedules {
  const refuse = (what: string) => () => Promise.reject(new TroupeError('INTERNAL', `The test gave no ${what}.`));
  return {
    set: refuse('set'),
    list: refuse('list'),
    get: refuse('get'),
    pause: refuse('pause'),
    resume: refuse('resume'),
    remove: refuse('remove'),
    backfill: refuse('backfill'),
    ...parts,
  };
}

/** Refuses everything that a test does not give it. */
export function fakeEvents(parts: Partial<GatewayEvents> = {}): GatewayEvents {
  const refuse = (what: string) => () => Promise.reject(new TroupeError('INTERNAL', `The test gave no ${what}.`));
  return {
    publishReceived: refuse('publishReceived'),
    list: refuse('list'),
    get: refuse('get'),
    async *follow() {
      yield* [];
      return undefined;
    },
    on: refuse('on'),
    off: refuse('off'),
    triggers: refuse('triggers'),
    trigger: refuse('trigger'),
    ...parts,
  };
}

/** Refuses everything that a test does not give it. */
export function fakeJobs(parts: Partial<GatewayJobs> = {}): GatewayJobs {
  const refuse = (what: string) => () => Promise.reject(new TroupeError('INTERNAL', `The test gave no ${what}.`));
  return {
    enqueue: refuse('enqueue'),
    enqueueMany: refuse('enqueueMany'),
    get: (id) => Promise.reject(new TroupeError('JOB_NOT_FOUND', `There is no job "${id}".`)),
    list: refuse('list'),
    result: refuse('result'),
    cancel: refuse('cancel'),
    retry: refuse('retry'),
    retryDead: refuse('retryDead'),
    purgeDead: refuse('purgeDead'),
    pause: refuse('pause'),
    resume: refuse('resume'),
    queues: refuse('queues'),
    queue: (name) => Promise.reject(new TroupeError('FUNCTION_NOT_FOUND', `No function "${name}" is deployed.`)),
    watch: () => () => {},
    ...parts,
  };
}

/** One that is not there, but for what a test gives it. */
export function fakeExecution(id: string, parts: Partial<GatewayExecution> = {}): GatewayExecution {
  const missing = () => Promise.reject(new TroupeError('EXECUTION_NOT_FOUND', `There is no execution "${id}".`));
  return {
    id,
    result: missing,
    status: missing,
    signal: missing,
    cancel: missing,
    pause: missing,
    resume: missing,
    redrive: missing,
    history: missing,
    ...parts,
  };
}

const gateways: Gateway[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close({ timeoutMs: 0 })));
});

export async function gatewayFor(parts: Partial<GatewayHost> = {}, clock?: Clock): Promise<Gateway> {
  const options = { host: fakeHost(parts), port: 0, address: '127.0.0.1', ...(clock && { clock }) };
  const gateway = await startGateway(options);
  gateways.push(gateway);
  return gateway;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
  readonly text: string;
  readonly json: unknown;
}

export interface Ask extends RequestOptions {
  readonly body?: string | Uint8Array;
}

/** Sends no header that it is not told to, but Host and Connection. */
export function open(gateway: Gateway, path: string, { body, ...options }: Ask = {}): ClientRequest {
  const outgoing = httpRequest({ host: '127.0.0.1', port: gateway.port, path, agent: false, ...options });
  if (body !== undefined && !outgoing.hasHeader('content-length') && !outgoing.hasHeader('transfer-encoding')) {
    outgoing.setHeader('content-length', Buffer.byteLength(body));
  }
  outgoing.end(body);
  return outgoing;
}

export function responseTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => outgoing.on('response', resolve).on('error', reject));
}

export async function readWhole(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const { statusCode: status = 0, headers, rawHeaders, trailers } = response;
  return {
    status,
    headers,
    rawHeaders,
    trailers,
    body,
    text: body.toString('utf8'),
    get json(): unknown {
      return JSON.parse(body.toString('utf8'));
    },
  };
}

export async function ask(gateway: Gateway, path: string, options: Ask = {}): Promise<Answer> {
  return readWhole(await responseTo(open(gateway, path, options)));
}

export function invoke(gateway: Gateway, options: Ask & { readonly query?: string } = {}): Promise<Answer> {
  const { query = '', ...rest } = options;
  return ask(gateway, `/functions/hello/invocations${query}`, { method: 'POST', ...rest });
}

/** A connection on which a test writes HTTP, or what is none, by hand. */
export function rawConnection(gateway: Gateway): {
  readonly socket: Socket;
  received(): string;
  readonly closed: Promise<void>;
} {
  const socket = connect(gateway.port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, received: () => text, closed };
}

/** An answer to `/fn/` as the host gives it. */
export function httpAnswer(head: StreamHead, body: AsyncIterableIterator<Uint8Array, undefined> = bytesOf()) {
  return { head: Promise.resolve(head), body };
}

export async function* bytesOf(...chunks: string[]): AsyncGenerator<Uint8Array, undefined> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

export function logLine(sequence: number, message = `line ${sequence}`): FunctionLogLine {
  return { sequence, wallMs: 0, level: 'info', message, functionName: 'hello', functionVersion: 1, instanceId: 'i' };
}

export function errorOf(answer: Answer): {
  code: string;
  message: string;
  details: Record<string, unknown>;
  cause?: Record<string, unknown>;
} {
  return (answer.json as { error: never }).error;
}
