/** The functions that the suite `calls` deploys, again and again, and their source. */

export type KillKind = 'exit' | 'loop' | 'sigkill' | 'agent';

export interface Target {
  readonly name: string;
  readonly shape: 'value' | 'nested' | 'stream';
  readonly isolation: 'thread' | 'process';
  readonly concurrency: number;
  readonly maxInstances: number;
  readonly idempotent: boolean;
  /** How long a call may wait inside, at most, in ms. */
  readonly longestMs: number;
  /** Of 100 calls, how many go here. */
  readonly share: number;
  readonly kills: readonly KillKind[];
}

const BASE = { shape: 'value', isolation: 'thread', idempotent: false } as const;

/** `leaf` is never killed by itself, so what calls it fails for reasons of its own. */
export const TARGETS: readonly Target[] = [
  { ...BASE, name: 'value', concurrency: 1, maxInstances: 2, longestMs: 5, share: 25, kills: ['exit', 'loop'] },
  { ...BASE, name: 'waiter', concurrency: 16, maxInstances: 2, longestMs: 150, share: 25, kills: ['exit', 'loop'] },
  {
    ...BASE,
    name: 'caller',
    shape: 'nested',
    concurrency: 8,
    maxInstances: 1,
    longestMs: 20,
    share: 15,
    kills: ['exit'],
  },
  {
    ...BASE,
    name: 'ticker',
    shape: 'stream',
    concurrency: 8,
    maxInstances: 1,
    longestMs: 10,
    share: 10,
    kills: ['exit'],
  },
  {
    ...BASE,
    name: 'steady',
    idempotent: true,
    concurrency: 8,
    maxInstances: 2,
    longestMs: 60,
    share: 15,
    kills: ['exit'],
  },
  {
    ...BASE,
    name: 'boxed',
    isolation: 'process',
    concurrency: 8,
    maxInstances: 1,
    longestMs: 60,
    share: 10,
    kills: ['exit', 'loop', 'sigkill'],
  },
  { ...BASE, name: 'leaf', concurrency: 16, maxInstances: 1, longestMs: 5, share: 0, kills: [] },
];

/** What a call carries. `kill` ends the instance that it is in, at the first attempt only. */
export interface Event {
  readonly n: number;
  readonly ms: number;
  readonly chunks: number;
  readonly kill?: 'exit' | 'loop';
}

/** What every answer, and every chunk, says of itself. */
export interface Answer {
  readonly n: number;
  readonly version: number;
  readonly build: string;
  readonly attempt: number;
  readonly pid: number;
  readonly leaf?: Answer;
}

const BODIES: Readonly<Record<Target['shape'], string>> = {
  value: 'export default async (event, context) => { await begin(event, context); return answer(event, context); };',
  nested: `export default async (event, context) => {
    await begin(event, context);
    return { ...answer(event, context), leaf: await context.invoke('leaf', { n: event.n, ms: 1 }) };
  };`,
  stream: `export default async function* (event, context) {
    for (let chunk = 0; chunk < event.chunks; chunk++) {
      await begin(event, context);
      yield answer(event, context);
    }
  }`,
};

export function sourceOf({ shape }: Target, build: string): { readonly code: string; readonly language: 'js' } {
  const code = `const BUILD = ${JSON.stringify(build)};
const begin = async ({ ms, kill }, { attempt }) => {
  if (kill === 'exit' && attempt === 1) process.exit(7);
  while (kill === 'loop');
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
};
const answer = ({ n }, { functionVersion, attempt }) =>
  ({ n, version: Number(functionVersion), build: BUILD, attempt, pid: process.pid });
${BODIES[shape]}
`;
  return { code, language: 'js' };
}
