/**
 * The host is killed at random points while executions of every shape run, several times in a round, and started again on the same data: what was
 * acknowledged is there, what is on disk does not happen again, nothing has seen what a kill took back, and all comes to its right end.
 */

import { cp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Distribution } from '../support/distribution.ts';
import { HostProcess } from '../support/host-process.ts';
import type { Round, Suite, SuiteRun } from '../support/suite.ts';
import { DiskReader } from './disk.ts';
import { type Bench, Game } from './game.ts';
import { planRound } from './plan.ts';

interface SuiteBench extends Bench {
  /** Where everything is deployed. */
  readonly prepared: string;
  readonly sums: {
    executions: number;
    acknowledged: number;
    kills: number;
    runs: number;
    repeated: number;
    midway: number;
  };
}

export const workflowsSuite: Suite = {
  name: 'workflows',
  purpose:
    'the host killed at random points during workflows: what is acknowledged is there, what is on disk happens once, all ends rightly',
  roundLimitMs: 120_000,
  async open({ root, directory }): Promise<SuiteRun> {
    const path = (name: string) => join(directory, name);
    const bench: SuiteBench = {
      prepared: path('prepared'),
      paths: { data: path('data'), notes: path('notes'), fuse: path('fuse') },
      reader: await DiskReader.make(root, path('copy')),
      upAfter: new Distribution(),
      sums: { executions: 0, acknowledged: 0, kills: 0, runs: 0, repeated: 0, midway: 0 },
    };
    await prepare(bench);
    return {
      round: (round) => playRound(bench, round),
      async close() {
        const { executions, acknowledged, kills, runs, repeated, midway } = bench.sums;
        return [
          `${executions} executions, ${acknowledged} requests acknowledged; ${kills} kills, which found ${midway} executions midway`,
          `${runs} runs, of which ${repeated} repeated one that a kill had cut off, or that was to fail`,
          `from its beginning to ready ${bench.upAfter}`,
        ];
      },
    };
  },
};

/** A data directory in which everything is deployed, for each round to begin with: deploys are the business of another suite. */
async function prepare({ prepared, paths }: SuiteBench): Promise<void> {
  const host = new HostProcess('workflows-host');
  await host.begin({ dataDir: prepared, agent: 'inline', mostAnswers: 0 });
  if (!(await host.isUp())) throw new Error(`The host ended before it was up: ${host.stderr}`);
  const answer = await host.request('deploy', { env: { NOTES: paths.notes, FUSE: paths.fuse } });
  if (answer.kind !== 'value') throw new Error(`The workflows cannot be deployed: ${JSON.stringify(answer)}`);
  await host.stop();
}

async function playRound(bench: SuiteBench, { seed, findings }: Round): Promise<string> {
  const { prepared, paths, sums } = bench;
  const plan = planRound(seed);
  await rm(paths.data, { recursive: true, force: true });
  // A lock is a socket, of a host that is gone.
  await cp(prepared, paths.data, { recursive: true, filter: (path) => basename(path) !== 'lock' });
  const game = new Game(bench, plan, findings);
  try {
    for (let life = 0; life < plan.endings.length; life++) await game.live(life);
    await game.finish();
  } finally {
    await game.clear();
  }
  const { acknowledged, runs, repeated, midway } = game.figures();
  sums.executions += plan.executions.length;
  sums.kills += plan.endings.length;
  sums.acknowledged += acknowledged;
  sums.runs += runs;
  sums.repeated += repeated;
  sums.midway += midway;
  const kills = plan.endings.map(({ kind }) => kind).join(' ');
  return `${plan.agent.padEnd(7)}  ${plan.executions.length} executions, ${midway} midway, ${runs} runs, ${repeated} repeated, killed at ${kills}`;
}
