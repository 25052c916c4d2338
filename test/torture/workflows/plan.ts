/** What a round does, drawn from its seed before it begins. Pure. */
import { type Random, seededRandom } from '../../../src/kernel/random.ts';
import type { Durability } from '../../../src/workflow-composition/events.ts';
import { between, pick, shuffled } from '../support/chance.ts';
import { type Input, SHAPES } from './shapes.ts';

const EXECUTIONS = 44;
const LIVES = { least: 4, most: 6 };
/** The part of the executions that is called as functions are: nobody is told of their start, and their result answers the call. */
const CALLED = 0.4;
const CALLABLE = new Set(['chain', 'fan-out', 'nested', 'retries', 'undo']);
const STARTED_WITHIN_MS = 80;
/** Long enough that an execution leaves memory meanwhile. */
const LONG_NAP_MS = 1_150;

export interface PlannedExecution {
  readonly id: string;
  readonly shape: string;
  readonly input: Input;
  readonly durability: Durability;
  /** Its call carries this key, and its id follows from it. */
  readonly callKey?: string;
  /** The life of the host in which it is first started, and when in it. */
  readonly life: number;
  readonly afterMs: number;
  /** Its start, or call, is sent twice at once: it is one all the same, and no answer comes before it is on disk. */
  readonly isTwice: boolean;
  /** Between what is sent to it. */
  readonly pauseMs: number;
}

/** How a life of the host ends. All but the last end with SIGKILL. */
export type Ending =
  /** So long after its program was loaded: while it opens the store and takes up again what it finds. */
  | { readonly kind: 'start-up'; readonly afterMs: number }
  /** In the turn in which the answer is written. */
  | { readonly kind: 'answer'; readonly answers: number }
  /** By a function, at its beginning, or before it returns, after so many bytes of notes. */
  | { readonly kind: 'begin' | 'end'; readonly bytes: number }
  | { readonly kind: 'time'; readonly afterMs: number }
  /** It is told to close after a while, and killed while it does, where it has not ended. */
  | { readonly kind: 'closing'; readonly afterMs: number; readonly graceMs: number };

export interface Plan {
  readonly agent: 'inline' | 'process';
  readonly executions: readonly PlannedExecution[];
  /** Of every life but the last one, which goes on until all is done. */
  readonly endings: readonly Ending[];
}

export function planRound(seed: number): Plan {
  const random = seededRandom(seed);
  const endings = Array.from({ length: between(random, LIVES.least, LIVES.most) - 1 }, (_, life) =>
    drawEnding(random, life),
  );
  const names = Object.keys(SHAPES).filter((name) => name !== 'swift');
  // Each shape at least once.
  const shapes = [...names, ...Array.from({ length: EXECUTIONS - names.length }, () => pick(random, names))];
  const executions = shuffled(random, shapes).map((shape, index) =>
    drawExecution(random, { shape, index, lives: endings.length }),
  );
  return { agent: seed % 2 === 0 ? 'inline' : 'process', executions, endings };
}

function drawEnding(random: Random, life: number): Ending {
  const roll = random();
  if (roll < 0.2 && life > 0) return { kind: 'start-up', afterMs: random() * 130 };
  if (roll < 0.45) return { kind: 'answer', answers: between(random, 1, 24) };
  if (roll < 0.7) return { kind: 'begin', bytes: between(random, 1, 3_000) };
  if (roll < 0.8) return { kind: 'end', bytes: between(random, 1, 3_000) };
  if (roll < 0.9) return { kind: 'time', afterMs: random() * 300 };
  return { kind: 'closing', afterMs: random() * 200, graceMs: random() * 60 };
}

function drawExecution(
  random: Random,
  { shape, index, lives }: { readonly shape: string; readonly index: number; readonly lives: number },
): PlannedExecution {
  const life = Math.min(lives - 1, Math.floor(random() * lives));
  const isCalled = random() < CALLED && CALLABLE.has(shape);
  const isPipelined = random() < 0.4;
  const naps = life < 2 ? [5, 60, 250, LONG_NAP_MS] : [5, 60, 250];
  const input: Input = {
    n: between(random, 1, 1_000),
    ms: pick(random, naps),
    items: Array.from({ length: between(random, 1, 6) }, () => between(random, 1, 100)),
    times: between(random, 1, 4),
    failures: between(random, 0, 3),
    sequential: random() < 0.5,
  };
  const callKey = `k${index}`;
  return {
    id: isCalled ? `${shape}:${callKey}` : `x${index}`,
    shape,
    input,
    durability: isPipelined && !isCalled ? 'pipelined' : 'strict',
    ...(isCalled && { callKey }),
    life,
    afterMs: random() * STARTED_WITHIN_MS,
    isTwice: random() < 0.4,
    pauseMs: random() < 0.5 ? 0 : random() * 60,
  };
}
