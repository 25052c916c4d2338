/**
 * The host is killed while functions are deployed, aliased and removed as fast as it can, and started again on the same data: what it has
 * acknowledged is there, what it has not is there whole or not at all, and it serves.
 */
import { join } from 'node:path';
import { type Random, seededRandom } from '../../../src/kernel/random.ts';
import { until } from '../../support/until.ts';
import { between, shuffled } from '../support/chance.ts';
import { Distribution } from '../support/distribution.ts';
import { describeThrown, type Findings } from '../support/findings.ts';
import { markedProcesses, showProcess } from '../support/processes.ts';
import type { Suite, SuiteRun } from '../support/suite.ts';
import { within } from '../support/within.ts';
import { nextChange, sourceOf } from './changes.ts';
import { HostProcess, RefusedRequest } from './host-process.ts';
import { ABSENT, type Change, Journal } from './journal.ts';

const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
/** Acknowledgements before the kill, and the random wait after the last of them, so that it falls anywhere in a change. */
const ACKNOWLEDGED = { least: 8, most: 18 };
const LONGEST_WAIT_MS = 150;
const CHANGES_LIMIT_MS = 30_000;
/** What a killed host had started must notice and end. */
const LEFTOVERS_LIMIT_MS = 5_000;
const SERVES_LIMIT_MS = 10_000;

interface Bench {
  readonly root: string;
  readonly dataDir: string;
  readonly journals: readonly Journal[];
  host: HostProcess | undefined;
  readonly servesAfter: Distribution;
  readonly sums: { acknowledged: number; deploys: number; cut: number; landed: number; called: number };
}

export const deploysSuite: Suite = {
  name: 'deploys',
  purpose:
    'the host killed at a random moment during deploys and alias moves: nothing acknowledged is lost, nothing is half there',
  roundLimitMs: 120_000,
  async open({ root, directory }): Promise<SuiteRun> {
    const bench: Bench = {
      root,
      dataDir: join(directory, 'data'),
      journals: NAMES.map((name) => new Journal(name)),
      host: undefined,
      servesAfter: new Distribution(),
      sums: { acknowledged: 0, deploys: 0, cut: 0, landed: 0, called: 0 },
    };
    return {
      round: ({ seed, index, findings }) => round(bench, { seed, index, findings }),
      async close(findings) {
        const exitCode = await bench.host?.stop();
        findings.check(exitCode === 0, () => `the host ended with exit code ${exitCode} after SIGTERM`);
        const { sums, servesAfter } = bench;
        return [
          `${sums.acknowledged} changes acknowledged, ${sums.deploys} of them deploys; ${sums.cut} cut off, of which ${sums.landed} were there after the restart`,
          `${sums.called} versions called; from start to first answer ${servesAfter} (allowed ${SERVES_LIMIT_MS})`,
        ];
      },
    };
  },
};

interface Session {
  readonly seed: number;
  readonly index: number;
  readonly findings: Findings;
}

async function round(bench: Bench, { seed, index, findings }: Session): Promise<string> {
  const random = seededRandom(seed);
  const { journals, sums } = bench;
  if (!bench.host) {
    bench.host = HostProcess.spawn(bench.root, bench.dataDir);
    await bench.host.ready();
  }
  const before = { ...sums };
  await changeAndKill(bench, bench.host, { random, findings, buildName: `${index}-${seed}` });
  await judgeLeftovers(findings);

  // A restart may be cut short as well.
  if (random() < 0.2) await cutStart(bench, between(random, 0, 600));
  const startedMs = performance.now();
  const host = HostProcess.spawn(bench.root, bench.dataDir);
  bench.host = host;
  await host.ready();
  const listed = await host.list();
  for (const name of listed.keys())
    findings.check(NAMES.includes(name), () => `a function that nobody deployed: ${name}`);
  const changed = new Map(journals.map((journal) => [journal, new Set(journal.state.versions)]));
  for (const journal of journals) {
    const { wrong, hasLanded } = journal.reconcile(listed.get(journal.name) ?? ABSENT);
    if (wrong) findings.add(wrong);
    if (hasLanded) sums.landed++;
  }
  await judgeVersions(host, bench, { random, changed, startedMs, findings });
  const acknowledged = sums.acknowledged - before.acknowledged;
  return `${acknowledged} changes, ${sums.cut - before.cut} cut off, ${sums.landed - before.landed} of these landed, ${sums.called - before.called} versions called`;
}

interface Trouble {
  readonly random: Random;
  readonly findings: Findings;
  readonly buildName: string;
}

/** Each function has a lane of its own, so that at most one change of it is under way when the host dies. */
async function changeAndKill(bench: Bench, host: HostProcess, trouble: Trouble): Promise<void> {
  const { random, findings, buildName } = trouble;
  const killAfter = between(random, ACKNOWLEDGED.least, ACKNOWLEDGED.most);
  // Half of the kills come on the heels of an acknowledgement: what was committed together with it is on disk and not yet told.
  const waitMs = random() < 0.5 ? random() * 3 : random() * LONGEST_WAIT_MS;
  let acknowledged = 0;
  let reached: () => void = () => {};
  const due = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const lane = async (journal: Journal, chance: Random) => {
    for (let step = 0; !host.isKilled; step++) {
      const change = nextChange(chance, journal, `${buildName}-${journal.name}-${step}`);
      const outcome = await attempt(host, journal, change);
      if (outcome.kind === 'wrong') {
        findings.add(`${journal.name}: ${outcome.what}`);
        return;
      }
      if (outcome.kind === 'cut') {
        bench.sums.cut++;
        return;
      }
      bench.sums.acknowledged++;
      if (change.kind === 'deploy') bench.sums.deploys++;
      if (++acknowledged >= killAfter) reached();
    }
  };
  const lanes = bench.journals.map((journal) => lane(journal, seededRandom(Math.floor(random() * 2 ** 32))));
  await Promise.race([within(due, CHANGES_LIMIT_MS, `${killAfter} changes`), Promise.all(lanes)]);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  await host.kill();
  await Promise.all(lanes);
}

type Outcome = { readonly kind: 'acknowledged' | 'cut' } | { readonly kind: 'wrong'; readonly what: string };

async function attempt(host: HostProcess, journal: Journal, change: Change): Promise<Outcome> {
  journal.begin(change);
  try {
    const answer = await send(host, journal.name, change);
    const wrong = journal.acknowledge(answer.version);
    return wrong === undefined ? { kind: 'acknowledged' } : { kind: 'wrong', what: wrong };
  } catch (thrown) {
    if (host.isKilled && !(thrown instanceof RefusedRequest)) return { kind: 'cut' };
    return { kind: 'wrong', what: `${JSON.stringify(change)} failed: ${describeThrown(thrown)}` };
  }
}

async function send(host: HostProcess, name: string, change: Change): Promise<{ readonly version?: number }> {
  switch (change.kind) {
    case 'deploy':
      return (await host.deploy(name, sourceOf(change.build))) as { readonly version: number };
    case 'alias':
      await host.setAlias(name, change.alias, change.targets);
      return {};
    case 'unalias':
      await host.removeAlias(name, change.alias);
      return {};
    case 'remove':
      await host.remove(name);
      return {};
  }
}

async function cutStart(bench: Bench, afterMs: number): Promise<void> {
  const host = HostProcess.spawn(bench.root, bench.dataDir);
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await host.kill();
}

async function judgeLeftovers(findings: Findings): Promise<void> {
  const gone = () => markedProcesses().length === 0;
  try {
    await until(gone, { timeoutMs: LEFTOVERS_LIMIT_MS, intervalMs: 20 });
  } catch {
    for (const left of markedProcesses())
      findings.add(`${LEFTOVERS_LIMIT_MS} ms after the kill there is ${showProcess(left)}`);
  }
}

interface Check {
  readonly random: Random;
  /** The versions that each function had before the restart was looked at. */
  readonly changed: ReadonlyMap<Journal, ReadonlySet<number>>;
  readonly startedMs: number;
  readonly findings: Findings;
}

/** Calls each function, each of its versions from this run of the host, and some older ones. */
async function judgeVersions(
  host: HostProcess,
  bench: Bench,
  { random, changed, startedMs, findings }: Check,
): Promise<void> {
  const calls: { readonly journal: Journal; readonly version: number | undefined }[] = [];
  for (const journal of bench.journals) {
    const { versions } = journal.state;
    if (versions.length === 0) continue;
    calls.push({ journal, version: undefined });
    const newest = versions.slice(-3);
    const landed = versions.filter((version) => !changed.get(journal)?.has(version));
    const older = shuffled(random, versions).slice(0, 1);
    for (const version of new Set([...newest, ...landed, ...older])) calls.push({ journal, version });
  }
  const queue = shuffled(random, calls).values();
  let firstMs: number | undefined;
  const lane = async () => {
    for (const { journal, version } of queue) {
      const { name, builds, current } = journal;
      const expected = builds.get(version ?? current ?? 0);
      const answer = await host.invoke(name, version).catch(describeThrown);
      bench.sums.called++;
      firstMs ??= performance.now() - startedMs;
      findings.check(
        answer === expected,
        () => `${name}@${version ?? 'current'} answers ${JSON.stringify(answer)}, its source says ${expected}`,
      );
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  if (firstMs === undefined) return;
  const servesAfterMs = firstMs;
  bench.servesAfter.add(servesAfterMs);
  findings.check(
    servesAfterMs <= SERVES_LIMIT_MS,
    () => `the first answer came ${servesAfterMs.toFixed(0)} ms after the restart`,
  );
}
