/** The ten ways in which a function goes wrong, their source, and what their caller may be told. */
import type { ErrorCode } from 'troupe';

export const LIMITS = { memoryMb: 64, timeoutMs: 30_000, loopTimeoutMs: 250 } as const;

export interface Shape {
  readonly name: string;
  /** The body of `async (event) => { ... }`. */
  readonly body: string;
  readonly codes: Readonly<Record<'thread' | 'process', readonly ErrorCode[]>>;
  /** Set for what only a timeout ends. */
  readonly timeoutMs?: number;
}

/**
 * Memory that outgrows the heap in one step makes V8 abort the whole process, not the thread: then the agent is lost with the thread, and
 * the caller is told so. A process of its own takes nothing but itself.
 */
const OUT_OF_MEMORY = { thread: ['OUT_OF_MEMORY', 'AGENT_LOST'], process: ['OUT_OF_MEMORY'] } as const;
const CRASH = { thread: ['INSTANCE_CRASHED'], process: ['INSTANCE_CRASHED'] } as const;
const TIMEOUT = { thread: ['TIMEOUT'], process: ['TIMEOUT'] } as const;

export const SHAPES: readonly Shape[] = [
  {
    name: 'array',
    codes: OUT_OF_MEMORY,
    body: 'const kept = []; for (;;) kept.push({ at: kept.length, text: "x" + kept.length });',
  },
  {
    name: 'fill',
    codes: OUT_OF_MEMORY,
    body: 'const kept = []; for (;;) kept.push(new Array(1e8).fill(kept.length));',
  },
  {
    name: 'map',
    codes: OUT_OF_MEMORY,
    body: 'const kept = new Map(); for (let i = 0; ; i++) kept.set("key" + i, { i });',
  },
  {
    name: 'json',
    codes: OUT_OF_MEMORY,
    body: 'const kept = []; const text = "[" + \'{"a":[1,2,3],"b":{}},\'.repeat(4e6) + "0]"; for (;;) kept.push(JSON.parse(text));',
  },
  {
    name: 'buffers',
    codes: OUT_OF_MEMORY,
    body: 'const kept = []; for (;;) kept.push(Buffer.alloc(8 * 1024 * 1024, 1));',
  },
  {
    name: 'buffers-async',
    codes: OUT_OF_MEMORY,
    body: `const kept = [];
      for (;;) {
        kept.push(Buffer.alloc(4 * 1024 * 1024, 1));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }`,
  },
  { name: 'loop', codes: TIMEOUT, timeoutMs: LIMITS.loopTimeoutMs, body: 'for (;;);' },
  { name: 'exit', codes: CRASH, body: 'process.exit(3);' },
  {
    name: 'timer-throw',
    codes: CRASH,
    body: 'setTimeout(() => { throw new Error("from a timer"); }, 5); await new Promise(() => setInterval(() => {}, 1e3));',
  },
  {
    name: 'rejection',
    codes: CRASH,
    body: 'void Promise.reject(new Error("nobody listens")); await new Promise(() => setInterval(() => {}, 1e3));',
  },
  {
    name: 'exec-sync',
    codes: TIMEOUT,
    timeoutMs: LIMITS.loopTimeoutMs,
    body: 'require("node:child_process").execSync("sleep 4");',
  },
];

/** One function that goes wrong as its event says, and answers when the event says nothing. */
export function victimSource(): { readonly code: string; readonly language: 'js' } {
  const cases = SHAPES.map(({ name, body }) => `  ${JSON.stringify(name)}: async () => { ${body} },`);
  const code = `import { createRequire } from 'node:module';
const require = createRequire('file:///');
const shapes = {
${cases.join('\n')}
};
export default async (event) => {
  if (event.shape) await shapes[event.shape]();
  return { n: event.n };
};
`;
  return { code, language: 'js' };
}
