/**
 * No call is lost: 2,000 calls a round at 64 in flight, while functions are deployed again 20 times and 10 instances or agents are
 * killed. Two hosts live through all rounds, one with its agent inline (even seeds), one with its agent in a process (odd seeds).
 */
import { join } from 'node:path';
import type { Suite, SuiteRun } from '../support/suite.ts';
import { Load } from './load.ts';
import { CALLS, DEPLOYS, KILLS, type Plan, planRound } from './plan.ts';
import { Subject } from './subject.ts';
import { deployAgain, type Killed, kill } from './trouble.ts';
import { judgeFailures, judgeHost } from './verdict.ts';

export const callsSuite: Suite = {
  name: 'calls',
  purpose: `${CALLS} calls a round at 64 in flight, ${DEPLOYS} deploys and ${KILLS} kills among them: every call settles, rightly`,
  roundLimitMs: 120_000,
  async open({ directory }): Promise<SuiteRun> {
    const subjects = new Map<Plan['agent'], Subject>();
    const sums = { calls: 0, failed: 0, retried: 0 };
    return {
      async round({ seed, index, findings }) {
        const plan = planRound(seed);
        const { agent } = plan;
        const subject = subjects.get(agent) ?? (await Subject.open(agent, join(directory, agent)));
        subjects.set(agent, subject);
        const before = await subject.troupe.stats();
        const load = new Load(subject, findings);
        const kills = await drive(plan, { subject, load, findings }, `${index}-${seed}`);
        load.checkBuilds();
        judgeFailures(load.failed, kills, findings);
        await judgeHost({ subject, subjects: [...subjects.values()] }, before, load, findings);
        const calls = [...load.sent.values()].reduce((sum, each) => sum + each, 0);
        sums.calls += calls;
        sums.failed += load.failed.length;
        sums.retried += load.retried;
        return `${agent.padEnd(7)}  ${calls} calls, ${load.failed.length} failed typed, ${load.retried} retried`;
      },
      async close() {
        await Promise.all([...subjects.values()].map(({ troupe }) => troupe.close()));
        return [`${sums.calls} calls, ${sums.failed} taken along by kills, ${sums.retried} retried`];
      },
    };
  },
};

/** Deploys and kills run beside each other, each in its order; the calls wait for whoever is late. */
async function drive(
  { calls, deploys, kills }: Plan,
  stage: Parameters<typeof kill>[0],
  buildName: string,
): Promise<readonly Killed[]> {
  const { load } = stage;
  const due = { deploys: 0, kills: 0 };
  const next = (what: keyof typeof due, events: readonly { afterCalls: number }[], index: number) => {
    due[what] = events[index]?.afterCalls ?? CALLS;
    load.allow(Math.min(due.deploys, due.kills));
  };
  const killed: Killed[] = [];
  let agentKills = 0;
  const deployAll = async () => {
    for (const [index, planned] of deploys.entries()) {
      next('deploys', deploys, index);
      await load.reached(planned.afterCalls);
      const agentKillsBefore = agentKills;
      const isDisturbed = () => agentKills > agentKillsBefore || killed.some(({ kind }) => kind === 'agent');
      await deployAgain(stage, planned, { build: `${buildName}-${index}`, isDisturbed });
    }
    next('deploys', deploys, deploys.length);
  };
  const killAll = async () => {
    for (const [index, planned] of kills.entries()) {
      next('kills', kills, index);
      await load.reached(planned.afterCalls);
      if (planned.kind === 'agent') agentKills++;
      killed.push(await kill(stage, planned));
    }
    next('kills', kills, kills.length);
  };
  await Promise.all([load.run(calls), deployAll(), killAll()]);
  return killed;
}
