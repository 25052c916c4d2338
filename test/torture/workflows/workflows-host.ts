/**
 * The host under torture, as a program: takes requests as lines on its standard input, answers in lines on its standard output, and ends when its
 * input does. Bundled beside the runner, and started in a process group of its own.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createTroupe, type Durability, type Troupe } from 'troupe';
import { STEP, STEP_SOURCE } from './notes.ts';
import { SHAPES } from './shapes.ts';

let answers = 0;
let mostAnswers = 0;

/** At once and synchronously: who reads it may rely on it, even if this process is gone by then. */
function say(line: unknown): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/** The first line. It is waited for with everything loaded, so that a host begins when it is told to. */
export interface Life {
  readonly dataDir: string;
  readonly agent: 'inline' | 'process';
  /** After so many it kills itself, in the turn of the last of them; 0: never. */
  readonly mostAnswers: number;
}

interface Body {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly payload: number;
  readonly durability: Durability;
  readonly callKey: string;
  readonly env: Readonly<Record<string, string>>;
}

async function perform(troupe: Troupe, operation: string, body: Body): Promise<unknown> {
  const { id, name, input, payload, durability, callKey, env } = body;
  const execution = () => troupe.workflows.execution(id);
  switch (operation) {
    case 'deploy': {
      const source = { language: 'js' as const, code: STEP_SOURCE };
      await troupe.deploy({ name: STEP, source, env, concurrency: 16, maxInstances: 2, memoryMb: 64 });
      for (const [shape, { yaml: code }] of Object.entries(SHAPES)) {
        await troupe.workflows.deploy({ name: shape, source: { language: 'yaml', code } });
      }
      return;
    }
    case 'start':
      return (await troupe.workflows.start(name, input, { id, durability })).isNew;
    case 'call':
      return troupe.invoke(name, input, { idempotencyKey: callKey });
    case 'signal':
      return execution().signal('go', payload);
    case 'cancel':
      return execution().cancel();
    case 'result':
      return execution().result();
    case 'status':
      return execution().status();
    case 'history':
      return execution().history();
    case 'executions':
      return troupe.workflows.executions({ limit: 1_000 });
    case 'stats':
      return troupe.stats();
    default:
      throw new Error(`There is no operation ${operation}.`);
  }
}

function answer(line: unknown): void {
  say(line);
  if (++answers === mostAnswers) process.kill(-process.pid, 'SIGKILL');
}

say({ said: 'loaded' });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { value: first, done: isUnused } = await lines.next();
if (isUnused) process.exit(0);
const life: Life = JSON.parse(first);
mostAnswers = life.mostAnswers;
const { dataDir, agent } = life;
const troupe = await createTroupe({ dataDir, agent, memoryBudgetMb: 2_048, drainTimeoutMs: 2_000 });
say({ said: 'ready' });
for await (const line of lines) {
  const { number, operation, body } = JSON.parse(line);
  perform(troupe, operation, body).then(
    (value) => answer({ number, value: value ?? null }),
    (error) => answer({ number, error: { code: String(error.code), message: String(error.message) } }),
  );
}
await troupe.close();
process.exit(0);
