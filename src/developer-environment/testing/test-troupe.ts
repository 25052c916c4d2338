/** A host for tests: one inside the process of the test, in memory, whose time and chance are the test's. */
import { checkFunctionName, type HostConfig, type HostOptions, resolveHostConfig } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import { type Clock, delay, systemClock } from '../../kernel/clock.ts';
import { holdProcess } from '../../kernel/process-hold.ts';
import { seededRandom } from '../../kernel/random.ts';
import { type Runtime, type RuntimeVariations, startRuntime } from '../../runtime.ts';
import { Troupe } from '../../troupe.ts';
import { durationMs } from './duration.ts';
import { HostClock } from './host-clock.ts';
import { Mocks } from './mocks.ts';
import type { MockHandler, TestClock, TestTroupeOptions } from './protocol.ts';
import { watchedAgent, watchedStore } from './watched-parts.ts';

const FIRST_DAY_MS = Date.UTC(2026, 0, 1);
/** What never comes is then known within a few seconds. */
const RUN_WITHIN_MS = 100 * 86_400_000;

/** Many hosts of tests share one machine, and none of them lives long. */
const TEST_DEFAULTS = { spares: 2, spin: false, drainTimeoutMs: 1_000 } satisfies HostOptions;

/** As `createTroupe`; also rejects with `INVALID_ARGUMENT` for what only tests may say. */
export async function createTestTroupe(options: TestTroupeOptions = {}): Promise<TestTroupe> {
  const { clock: kind, startAt, seed, callPatienceMs, stallTimeoutMs, ...given } = options;
  const config = resolveHostConfig({ ...TEST_DEFAULTS, ...given });
  checkTestOptions(options, config);
  const clock =
    kind === 'real'
      ? undefined
      : new HostClock({
          startMs: Number(startAt ?? FIRST_DAY_MS),
          callPatienceMs: callPatienceMs ?? 2_000,
          stallTimeoutMs: stallTimeoutMs ?? 4_000,
          cancelGraceMs: config.cancelGraceMs,
        });
  const mocks = new Mocks(clock ?? systemClock);
  const variations: RuntimeVariations = {
    random: seededRandom(seed ?? 1),
    aroundDoor: (door) => mocks.before(door),
    ...(clock && variationsOf(clock)),
  };
  return new TestTroupe(await holdProcess(startRuntime(config, variations)), { mocks, clock });
}

interface TestParts {
  readonly mocks: Mocks;
  readonly clock: HostClock | undefined;
}

export class TestTroupe extends Troupe {
  /** The time of the host. */
  readonly clock: TestClock;
  readonly #parts: TestParts;

  /** @internal Use `createTestTroupe`. */
  constructor(runtime: Runtime, parts: TestParts) {
    super(runtime);
    this.#parts = parts;
    this.clock = parts.clock ? virtual(parts.clock) : REAL;
  }

  /**
   * Calls of the function, deployed or not, go to the handler, in the process of the test: a workflow or a job is tested without what it calls. The
   * answer takes it away again.
   */
  mock(name: string, handler: MockHandler): () => void {
    checkFunctionName(name);
    return this.#parts.mocks.set(name, handler);
  }

  /** Takes no more calls, lets those inside finish for up to `drainTimeoutMs` of real time, then stops everything. Idempotent. */
  override async close(): Promise<void> {
    const { clock } = this.#parts;
    clock?.release();
    try {
      await super.close();
    } finally {
      clock?.stop();
    }
  }
}

function variationsOf(clock: HostClock): RuntimeVariations {
  const hold: NonNullable<Clock['hold']> = (what, whose) => clock.hold(what, whose);
  return {
    clock,
    callWatcher: clock.calls,
    aroundStore: (store) => watchedStore(store, hold),
    aroundAgent: (agent) => watchedAgent(agent, hold),
  };
}

function virtual(clock: HostClock): TestClock {
  return {
    now: () => clock.wallMs(),
    advance: async (duration) => clock.advance(durationMs(duration)),
    runUntil: async (promise, { within = RUN_WITHIN_MS } = {}) => clock.runUntil(promise, durationMs(within)),
  };
}

const REAL: TestClock = {
  now: () => systemClock.wallMs(),
  advance: (duration) => holdProcess(delay(systemClock, durationMs(duration))),
  runUntil: (promise) => holdProcess(promise),
};

function checkTestOptions(
  { clock = 'virtual', startAt, seed, callPatienceMs, stallTimeoutMs }: TestTroupeOptions,
  { agent }: HostConfig,
): void {
  const faults: string[] = [];
  const isNumber = (value: unknown, min: number) =>
    value === undefined || (Number.isFinite(value) && Number(value) >= min);
  if (clock !== 'virtual' && clock !== 'real') faults.push("clock must be 'virtual' or 'real'");
  if (startAt !== undefined && !Number.isFinite(Number(startAt)))
    faults.push('startAt must be a Date or ms since the Unix epoch');
  if (startAt !== undefined && clock === 'real') faults.push('startAt goes with the virtual clock');
  if (!isNumber(seed, Number.NEGATIVE_INFINITY)) faults.push('seed must be a number');
  if (!isNumber(callPatienceMs, 0)) faults.push('callPatienceMs must be a number of ms');
  if (!isNumber(stallTimeoutMs, 1)) faults.push('stallTimeoutMs must be a number of ms');
  if (clock === 'virtual' && agent !== 'inline')
    faults.push(
      "agent must be 'inline' with the virtual clock: an agent in a process of its own has a clock of its own",
    );
  if (faults.length > 0)
    throw new TroupeError('INVALID_ARGUMENT', `Wrong option: ${faults.join('; ')}.`, { details: { faults } });
}
