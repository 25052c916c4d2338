/**
 * Functions that go wrong, one a round, in a host whose agent is a process as under `troupe serve`: the caller is told what happened, the
 * host and its data stay, the function is back, and the others answer again soon, also when the agent went down.
 */
import { createTroupe, type FunctionDescription, type Troupe, TroupeError } from 'troupe';
import { seededRandom } from '../../../src/kernel/random.ts';
import { until } from '../../support/until.ts';
import { pick } from '../support/chance.ts';
import { Distribution } from '../support/distribution.ts';
import { describeThrown, type Findings } from '../support/findings.ts';
import { Tolerance } from '../support/machine.ts';
import type { Suite, SuiteRun } from '../support/suite.ts';
import { within } from '../support/within.ts';
import { BYSTANDERS, Bystanders, deployBystanders } from './bystanders.ts';
import { LIMITS, SHAPES, type Shape, victimSource } from './shapes.ts';

type Isolation = 'thread' | 'process';

/** The promises: how late a timeout may be, and how soon the others, and the function itself, answer again. */
const LATE_MS: Readonly<Record<Isolation, number>> = { thread: 50, process: 200 };
const OTHERS_BACK_MS = 1_000;
const VICTIM_BACK_MS = 5_000;
const GIVE_UP_MS = 40_000;

interface Measured {
  readonly late: Readonly<Record<Isolation, Distribution>>;
  readonly toldMs: Distribution;
  readonly othersBack: Distribution;
  readonly othersBackAfterLoss: Distribution;
  readonly victimBack: Distribution;
  readonly tolerance: Tolerance;
  agentsLost: number;
  retried: number;
  taken: number;
}

export const faultsSuite: Suite = {
  name: 'faults',
  purpose: `one of ${SHAPES.length} faults a round, in a thread or a process: typed error, data whole, all others back within ${OTHERS_BACK_MS} ms`,
  roundLimitMs: 120_000,
  async open({ directory }): Promise<SuiteRun> {
    const troupe = await createTroupe({ dataDir: directory, agent: 'process', memoryBudgetMb: 2_048 });
    await prepare(troupe);
    const kept = await troupe.list();
    const measured: Measured = {
      late: { thread: new Distribution(), process: new Distribution() },
      toldMs: new Distribution(),
      othersBack: new Distribution(),
      othersBackAfterLoss: new Distribution(),
      victimBack: new Distribution(),
      tolerance: new Tolerance(),
      agentsLost: 0,
      retried: 0,
      taken: 0,
    };
    return {
      round: ({ seed, findings }) => round(troupe, { seed, findings, kept, measured }),
      async close() {
        await troupe.close();
        return report(measured);
      },
    };
  },
};

async function prepare(troupe: Troupe): Promise<void> {
  for (const isolation of ['thread', 'process'] as const) {
    const { memoryMb, timeoutMs } = LIMITS;
    // One instance: what answers afterwards is its replacement, not a neighbour.
    const options = { isolation, memoryMb, timeoutMs, maxInstances: 1 };
    await troupe.deploy({ name: `victim-${isolation}`, source: victimSource(), ...options });
  }
  await deployBystanders(troupe);
  for (const version of [1, 2, 3]) {
    const code = `export default () => ${version};`;
    await troupe.deploy({ name: 'keeper', source: { code, language: 'js' } });
  }
  await troupe.setAlias('keeper', 'stable', 2);
}

interface Fault {
  readonly seed: number;
  readonly findings: Findings;
  readonly kept: readonly FunctionDescription[];
  readonly measured: Measured;
}

async function round(troupe: Troupe, { seed, findings, kept, measured }: Fault): Promise<string> {
  const random = seededRandom(seed);
  const shape = pick(random, SHAPES);
  const isolation = pick(random, ['thread', 'process'] as const);
  const victim = `victim-${isolation}`;
  const what = `${shape.name} in a ${isolation}`;
  const bystanders = new Bystanders(troupe, findings);
  // Everything is warm before anything goes wrong: what is measured is the fault.
  await Promise.all(
    [victim, ...BYSTANDERS.map(({ name }) => name)].map((name) => troupe.invoke(name, { n: 0, ms: 0 })),
  );
  const agentBefore = await agentOf(troupe);

  const fromMs = performance.now();
  const error = await faultOf(troupe, victim, shape);
  const errorMs = performance.now();
  judgeError(error, { shape, isolation, what, findings });
  if (shape.timeoutMs === undefined) measured.toldMs.add(errorMs - fromMs);
  else await judgeLateness(errorMs - fromMs - shape.timeoutMs, { isolation, what, findings, measured });

  const [othersMs, victimMs] = await Promise.all([
    allAnswer(
      troupe,
      BYSTANDERS.map(({ name }) => name),
      errorMs,
    ),
    allAnswer(troupe, [victim], errorMs),
  ]);
  if (shape.name === 'exec-sync' && isolation === 'thread') await sitOutDrain(troupe, agentBefore);
  const agentAfter = await agentOf(troupe);
  const isAgentLost = agentAfter !== agentBefore;
  if (isAgentLost) measured.agentsLost++;
  (isAgentLost ? measured.othersBackAfterLoss : measured.othersBack).add(othersMs);
  measured.victimBack.add(victimMs);
  await measured.tolerance.check(othersMs, OTHERS_BACK_MS, findings, `${what}: until the others answered`);
  await measured.tolerance.check(victimMs, VICTIM_BACK_MS, findings, `${what}: until the function itself answered`);

  await bystanders.stop();
  measured.retried += bystanders.retried;
  measured.taken += bystanders.lost.length;
  const mayLose = isAgentLost || (await isDraining(troupe));
  findings.check(
    mayLose || bystanders.lost.length === 0,
    () => `${what}: the agent stayed, yet calls were lost: ${bystanders.lost}`,
  );
  const listed = JSON.stringify(await troupe.list());
  findings.check(listed === JSON.stringify(kept), () => `${what}: the deployed functions have changed: ${listed}`);
  await judgeActors(troupe, findings);
  const told = error instanceof TroupeError ? error.code : 'nothing';
  const times = `told ${(errorMs - fromMs).toFixed(0)} ms, others ${othersMs.toFixed(0)} ms, itself ${victimMs.toFixed(0)} ms`;
  return `${what.padEnd(24)}  ${told}${isAgentLost ? ', agent replaced' : ''}; ${times}; ${bystanders.answered} others`;
}

async function faultOf(troupe: Troupe, victim: string, { name, timeoutMs }: Shape): Promise<unknown> {
  const options = timeoutMs === undefined ? {} : { timeoutMs };
  return within(troupe.invoke(victim, { shape: name }, options), GIVE_UP_MS, `the fault ${name}`).then(
    (result) => new Error(`it answered ${JSON.stringify(result)}`),
    (thrown: unknown) => thrown,
  );
}

interface Case {
  readonly isolation: Isolation;
  readonly what: string;
  readonly findings: Findings;
}

function judgeError(error: unknown, { shape, isolation, what, findings }: Case & { readonly shape: Shape }): void {
  const isRight = error instanceof TroupeError && shape.codes[isolation].includes(error.code);
  findings.check(isRight, () => `${what}: the caller was told ${describeThrown(error)}`);
}

async function judgeLateness(
  lateMs: number,
  { isolation, what, findings, measured }: Case & { measured: Measured },
): Promise<void> {
  measured.late[isolation].add(lateMs);
  await measured.tolerance.check(lateMs, LATE_MS[isolation], findings, `${what}: its timeout was late and`);
}

/** Resolves with the ms from `sinceMs` until each of the functions has answered a call that was made after that. */
async function allAnswer(troupe: Troupe, names: readonly string[], sinceMs: number): Promise<number> {
  const answers = async (name: string) => {
    for (;;) {
      try {
        await within(troupe.invoke(name, { n: 0, ms: 0 }), GIVE_UP_MS, `${name} after the fault`);
        return;
      } catch (thrown) {
        if (!(thrown instanceof TroupeError) || performance.now() - sinceMs > GIVE_UP_MS) throw thrown;
        // An agent that is lost a moment after the error takes this call along as well.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  };
  await Promise.all(names.map(answers));
  return performance.now() - sinceMs;
}

/** A thread that nothing can interrupt is abandoned after a second: its agent is drained and replaced, and nobody should notice. */
async function sitOutDrain(troupe: Troupe, agentBefore: string): Promise<void> {
  const isReplaced = async () => (await agentOf(troupe)) !== agentBefore && !(await isDraining(troupe));
  await until(isReplaced, {
    timeoutMs: GIVE_UP_MS,
    intervalMs: 20,
    what: 'the agent with an abandoned thread to be replaced',
  });
  await allAnswer(
    troupe,
    BYSTANDERS.map(({ name }) => name),
    performance.now(),
  );
}

async function agentOf(troupe: Troupe): Promise<string> {
  const { nodes } = (await troupe.stats()).resources;
  return nodes.map(({ agentId }) => agentId).join();
}

/** An agent with an abandoned thread drains, and what has not left it in time goes down with it. */
async function isDraining(troupe: Troupe): Promise<boolean> {
  const { nodes } = (await troupe.stats()).resources;
  return nodes.some(({ state }) => state === 'draining');
}

async function judgeActors(troupe: Troupe, findings: Findings): Promise<void> {
  const { actors } = await troupe.stats();
  for (const { path, failures, restarts } of actors) {
    findings.check(
      failures === 0 && restarts === 0,
      () => `${path} failed ${failures} times, restarted ${restarts} times`,
    );
  }
}

function report({
  late,
  toldMs,
  othersBack,
  othersBackAfterLoss,
  victimBack,
  tolerance,
  ...counts
}: Measured): string[] {
  return [
    `timeouts late: threads ${late.thread} (allowed ${LATE_MS.thread}), processes ${late.process} (allowed ${LATE_MS.process})`,
    `other faults told after ${toldMs}`,
    `others answer again after ${othersBack}; where the agent was replaced, after ${othersBackAfterLoss} (allowed ${OTHERS_BACK_MS})`,
    `the function itself answers again after ${victimBack} (allowed ${VICTIM_BACK_MS})`,
    `${tolerance}`,
    `${counts.agentsLost} agents replaced, ${counts.taken} calls lost with them, ${counts.retried} retried`,
  ];
}
