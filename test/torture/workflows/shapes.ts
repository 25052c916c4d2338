/** The workflows under torture: what each is, what it must put out, which functions it must run, and what must be on disk before each of these. */
import { STEP } from './notes.ts';

export interface Input {
  readonly n: number;
  readonly ms: number;
  readonly items: readonly number[];
  readonly times: number;
  readonly failures: number;
  readonly sequential: boolean;
}

/** Something that has to be on disk: how a step has ended, or that an execution has. */
export interface Need {
  readonly id: string;
  readonly step?: string;
}

/** A step that runs the function. */
export interface Run {
  readonly id: string;
  readonly step: string;
  /** Whether its own execution is. */
  readonly isStrict: boolean;
  readonly needs: readonly Need[];
  /** The timer of the same execution that has to have run out before. */
  readonly timer?: string;
}

/** An execution whose runs are to be told. */
export interface Scene {
  readonly id: string;
  readonly input: Input;
  readonly isStrict: boolean;
  /** What had to be on disk before it was started. */
  readonly after: readonly Need[];
}

export type Outcome = { readonly value: unknown } | { readonly code: string };
/** What is sent to an execution after its start, in this order. */
export type Sent = { readonly kind: 'signal'; readonly payload: number } | { readonly kind: 'cancel' };

export interface Shape {
  readonly yaml: string;
  readonly outcome: (input: Input) => Outcome;
  readonly runs: (scene: Scene) => readonly Run[];
  readonly sent?: (input: Input) => readonly Sent[];
  /** It is told to stop at a moment that nobody knows: some of its steps may not run. */
  readonly isPartial?: boolean;
}

const value = (what: unknown): Outcome => ({ value: what });
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const count = (length: number): number[] => Array.from({ length }, (_, index) => index);

export const keyOf = ({ id, step }: { readonly id: string; readonly step: string }): string => `${id}/${step}`;

/** Where nothing waits for the disk, nothing is needed there but what whoever started this needs there. */
function run({ id, isStrict, after }: Scene, step: string, needs: readonly string[], timer?: string): Run {
  const own = isStrict ? needs.map((each) => ({ id, step: each })) : [];
  return { id, step, isStrict, needs: [...after, ...own], ...(timer !== undefined && isStrict && { timer }) };
}

/** The execution that a step of this one starts. */
function child(scene: Scene, step: string, rest: { input: Input; isStrict: boolean; needs: readonly string[] }): Scene {
  const { needs } = run(scene, step, rest.needs);
  return { id: `${scene.id}:${step}`, input: rest.input, isStrict: rest.isStrict, after: needs };
}

const CHAIN: Shape = {
  yaml: `
output: E
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().n }", add: 1 } }
  B: { run: ${STEP}, inputs: { n: "{ output('A') }", add: 2 }, requires: [A] }
  C: { run: ${STEP}, inputs: { n: "{ output('B') }", add: 3 }, requires: [B] }
  D: { run: ${STEP}, inputs: { n: "{ output('A') }", add: 4 }, requires: [A] }
  E: { run: ${STEP}, inputs: { n: "{ output('C') }", add: "{ output('D') }" }, requires: [C, D] }
`,
  outcome: ({ n }) => value(2 * n + 11),
  runs: (scene) => [
    run(scene, 'A', []),
    run(scene, 'B', ['A']),
    run(scene, 'C', ['B']),
    run(scene, 'D', ['A']),
    run(scene, 'E', ['C', 'D']),
  ],
};

const FAN_OUT: Shape = {
  yaml: `
output: Sum
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().items }" } }
  Each:
    run: foreach
    requires: [A]
    inputs:
      foreach: "{ param().items }"
      sequential: "{ param().sequential }"
      do: { run: ${STEP}, inputs: { n: "{ task().Inputs._item }", add: "{ param().n }" } }
  Sum: { run: ${STEP}, inputs: { n: "{ output('Each') }", add: "{ output('A') }" }, requires: [Each, A] }
`,
  outcome: ({ n, items }) => value(2 * sum(items) + n * items.length),
  runs: (scene) => {
    const { items, sequential } = scene.input;
    const turns = items.map((_, turn) => {
      const before = sequential && turn > 0 ? [`Each/do_${turn - 1}`] : [];
      return run(scene, `Each/do_${turn}`, ['A', 'Each', ...before]);
    });
    return [
      run(scene, 'A', []),
      ...turns,
      run(
        scene,
        'Sum',
        items.map((_, turn) => `Each/do_${turn}`),
      ),
    ];
  },
};

const LOOP: Shape = {
  yaml: `
output: Loop
tasks:
  Loop:
    run: while
    inputs:
      expr: "{ task().Inputs._count < param().times }"
      limit: 20
      delay: 5ms
      _prev: "{ param().n }"
      do: { run: ${STEP}, inputs: { n: "{ task().Inputs._prev }", add: 2 } }
`,
  outcome: ({ n, times }) => value(n + 2 * times),
  runs: (scene) =>
    count(scene.input.times).map((turn) => {
      const before = turn === 0 ? ['Loop'] : [`Loop/do_${turn - 1}`, `Loop/check_${turn}`];
      return run(scene, `Loop/do_${turn}`, [...before, `Loop/wait_${turn}`], `Loop/wait_${turn}`);
    }),
};

const NESTED: Shape = {
  yaml: `
output: Each
tasks:
  Each:
    run: foreach
    inputs:
      foreach: "{ param().items }"
      do:
        run: repeat
        inputs:
          times: "{ param().times }"
          do: { run: ${STEP}, inputs: { _prev: "{ task().Inputs._item }", n: "{ task().Inputs._prev }", add: 3 } }
`,
  outcome: ({ items, times }) => value(items.map((item) => item + 3 * times)),
  runs: (scene) =>
    scene.input.items.flatMap((_, item) =>
      count(scene.input.times).map((turn) => {
        const outer = `Each/do_${item}`;
        return run(scene, `${outer}/do_${turn}`, ['Each', outer, ...(turn > 0 ? [`${outer}/do_${turn - 1}`] : [])]);
      }),
    ),
};

const NAP: Shape = {
  yaml: `
output: B
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().n }", add: 1 } }
  Nap: { run: sleep, inputs: "{ param().ms }", requires: [A] }
  B: { run: ${STEP}, inputs: { n: "{ output('A') }", add: 2 }, requires: [Nap, A] }
`,
  outcome: ({ n }) => value(n + 3),
  runs: (scene) => [run(scene, 'A', []), run(scene, 'B', ['A', 'Nap'], 'Nap')],
};

const SIGNALS: Shape = {
  yaml: `
output: C
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().n }" } }
  One: { await: { signal: go }, requires: [A] }
  Two: { await: { signal: go }, requires: [One] }
  B: { run: ${STEP}, inputs: { n: "{ output('One') }", add: "{ output('Two') }" }, requires: [Two, One] }
  C: { run: compose, inputs: { one: "{ output('One') }", two: "{ output('Two') }", sum: "{ output('B') }" }, requires: [B, One, Two] }
`,
  outcome: ({ n }) => value({ one: n + 1, two: n + 2, sum: 2 * n + 3 }),
  runs: (scene) => [run(scene, 'A', []), run(scene, 'B', ['A', 'One', 'Two'])],
  sent: ({ n }) => [1, 2].map((each) => ({ kind: 'signal', payload: n + each })),
};

const PATIENCE: Shape = {
  yaml: `
output: C
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().n }", add: 1 } }
  Ask: { await: { signal: never, timeout: 150ms }, requires: [A], catch: 7 }
  C: { run: ${STEP}, inputs: { n: "{ output('A') }", add: "{ output('Ask') }" }, requires: [A, Ask] }
`,
  outcome: ({ n }) => value(n + 8),
  runs: (scene) => [run(scene, 'A', []), run(scene, 'C', ['A', 'Ask', 'Ask/catch'], 'Ask')],
};

const FAMILY: Shape = {
  yaml: `
output: Sum
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().n }" } }
  Kid: { run: nap, inputs: { n: "{ output('A') }", ms: "{ param().ms }" }, requires: [A] }
  Each: { run: foreach, inputs: { foreach: "{ param().items }", do: { run: swift, inputs: { n: "{ task().Inputs._item }" } } } }
  Sum: { run: ${STEP}, inputs: { n: "{ output('Each') }", add: "{ output('Kid') }" }, requires: [Each, Kid] }
`,
  outcome: ({ n, items }) => value(n + 3 + sum(items.map((item) => 2 * item + 11))),
  runs: (scene) => {
    const { input, isStrict } = scene;
    const kid = child(scene, 'Kid', { input, isStrict: true, needs: ['A'] });
    const each = input.items.map((item, turn) =>
      child(scene, `Each/do_${turn}`, { input: { ...input, n: item }, isStrict: false, needs: ['Each'] }),
    );
    const last = run(scene, 'Sum', ['Kid', ...input.items.map((_, turn) => `Each/do_${turn}`)]);
    const ended = isStrict ? [kid, ...each].map((one) => ({ id: one.id })) : [];
    return [
      run(scene, 'A', []),
      ...NAP.runs(kid),
      ...each.flatMap((one) => CHAIN.runs(one)),
      { ...last, needs: [...last.needs, ...ended] },
    ];
  },
};

const RETRIES: Shape = {
  yaml: `
output: C
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().n }", add: 1, failures: "{ param().failures }" }, retry: { attempts: 6, delay: 25ms, backoff: 1, jitter: none } }
  B: { run: ${STEP}, inputs: { n: 0, fatal: true }, requires: [A], catch: 7, retry: { attempts: 2, delay: 10ms } }
  C: { run: ${STEP}, inputs: { n: "{ output('A') }", add: "{ output('B') }" }, requires: [A, B] }
`,
  outcome: ({ n }) => value(n + 8),
  runs: (scene) => [run(scene, 'A', []), run(scene, 'B', ['A']), run(scene, 'C', ['A', 'B', 'B/catch'])],
};

const UNDO: Shape = {
  yaml: `
output: B
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().n }" }, compensate: { run: ${STEP}, inputs: { n: "{ output('A') }", add: -1 } } }
  B: { run: ${STEP}, inputs: { n: "{ output('A') }", fatal: true }, requires: [A] }
`,
  outcome: () => ({ code: 'STEP_FAILED' }),
  runs: (scene) => [run(scene, 'A', []), run(scene, 'B', ['A']), run(scene, 'A/compensate', ['A', 'B'])],
};

const STUCK: Shape = {
  yaml: `
output: Ask
tasks:
  A: { run: ${STEP}, inputs: { n: "{ param().n }" }, compensate: { run: ${STEP}, inputs: { n: "{ output('A') }", add: -1 } } }
  Ask: { await: { signal: never }, requires: [A] }
`,
  outcome: () => ({ code: 'CANCELLED' }),
  runs: (scene) => [run(scene, 'A', []), run(scene, 'A/compensate', ['A'])],
  sent: () => [{ kind: 'cancel' }],
  isPartial: true,
};

/** In the order in which they can be deployed. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  chain: CHAIN,
  swift: { ...CHAIN, yaml: `durability: pipelined${CHAIN.yaml}` },
  'fan-out': FAN_OUT,
  loop: LOOP,
  nested: NESTED,
  nap: NAP,
  signals: SIGNALS,
  patience: PATIENCE,
  family: FAMILY,
  retries: RETRIES,
  undo: UNDO,
  stuck: STUCK,
};

export function shapeOf(name: string): Shape {
  const shape = SHAPES[name];
  if (!shape) throw new Error(`There is no shape ${name}.`);
  return shape;
}
