/** Which failures a round excuses, and what a host must look like once it is over. */
import type { HostStats, TroupeError } from 'troupe';
import { until } from '../../support/until.ts';
import type { Findings } from '../support/findings.ts';
import { isService, markedProcesses, orphans, showProcess } from '../support/processes.ts';
import type { FailedCall, Load } from './load.ts';
import type { Subject } from './subject.ts';
import { TARGETS } from './targets.ts';
import type { Killed } from './trouble.ts';

/** A looping instance with other calls inside is given up this long after the call that looped has timed out. */
const AFTERMATH_MS = 2_500;
const QUIET_LIMIT_MS = 15_000;

export function judgeFailures(failed: readonly FailedCall[], kills: readonly Killed[], findings: Findings): void {
  const lost = new Map<string, Set<unknown>>();
  for (const call of failed) {
    const { target, error } = call;
    findings.check(isExcused(call, kills), () => `${describe(call)}, and nothing was done to it`);
    if (error.code !== 'INSTANCE_CRASHED') continue;
    const instances = lost.get(target.name) ?? new Set();
    lost.set(target.name, instances.add(error.details['instanceId']));
  }
  // Whoever was killed is named by each call that it took along: no more instances than kills.
  for (const [name, instances] of lost) {
    const count = kills.filter((kill) => kill.name === name).length;
    findings.check(
      instances.size <= count,
      () => `${count} kills in ${name} took ${instances.size} instances: ${[...instances].join(', ')}`,
    );
  }
}

function isExcused({ target, error, fromMs, toMs }: FailedCall, kills: readonly Killed[]): boolean {
  if (target.idempotent) return false;
  return kills.some((kill) => {
    if (kill.fromMs > toMs || kill.toMs + AFTERMATH_MS < fromMs) return false;
    return kill.name === undefined
      ? error.code === 'AGENT_LOST'
      : kill.name === target.name && error.code === 'INSTANCE_CRASHED';
  });
}

function describe({ target, n, error, fromMs, toMs }: FailedCall): string {
  return `${target.name} #${n} failed after ${(toMs - fromMs).toFixed(0)} ms with ${showError(error)}`;
}

function showError({ code, message, details }: TroupeError): string {
  return `${code}: ${message} ${JSON.stringify(details).slice(0, 200)}`;
}

/** Waits until nothing moves any more, then looks at every count. */
export async function judgeHost(
  { subject, subjects }: { readonly subject: Subject; readonly subjects: readonly Subject[] },
  before: HostStats,
  load: Load,
  findings: Findings,
): Promise<void> {
  let unrest: readonly string[] = [];
  const isQuiet = async () => {
    unrest = [...(await unrestOf(subject)), ...(await unrestOfProcesses(subjects))];
    return unrest.length === 0;
  };
  try {
    await until(isQuiet, { timeoutMs: QUIET_LIMIT_MS, intervalMs: 20 });
  } catch {
    for (const what of unrest) findings.add(`still so ${QUIET_LIMIT_MS} ms after the last call: ${what}`);
  }
  const after = await subject.troupe.stats();
  judgeLedger(before, after, load, findings);
  judgeActors(after, findings);
}

async function unrestOf(subject: Subject): Promise<string[]> {
  const stats = await subject.troupe.stats();
  const unrest: string[] = [];
  for (const { name, version, queued, inFlight } of stats.routes) {
    if (queued > 0 || inFlight > 0) unrest.push(`${name}@${version} has ${queued} waiting and ${inFlight} inside`);
  }
  for (const { name } of TARGETS) {
    const { instances, targets } = await subject.troupe.describe(name);
    const current = subject.version(name);
    const target = targets.find(({ version }) => version === current)?.instances ?? 0;
    if (instances.length > target) {
      const states = instances.map(({ functionVersion, state }) => `@${functionVersion} ${state}`).join(', ');
      unrest.push(`${name}@${current} should have ${target} instances and there are ${states}`);
    }
  }
  const { claims } = stats.resources;
  const instances = stats.instances.length;
  if (claims.length !== instances) unrest.push(`${claims.length} claims for ${instances} instances`);
  return unrest;
}

/** What one node agent keeps unless told otherwise. */
const SPARES = 4;

/** Every process belongs to somebody: an agent, or an instance that has one of its own; or it was started as a spare, which are few. */
async function unrestOfProcesses(subjects: readonly Subject[]): Promise<string[]> {
  const all = await Promise.all(subjects.map(({ troupe }) => troupe.stats()));
  const boxed = new Set(TARGETS.filter(({ isolation }) => isolation === 'process').map(({ name }) => name));
  const instances = all.flatMap((stats) => stats.instances).filter(({ functionName }) => boxed.has(functionName));
  const agents = all.flatMap((stats) => stats.resources.nodes).filter(({ kind }) => kind === 'process');
  const unrest = orphans().map((orphan) => `an orphan, ${showProcess(orphan)}`);
  const found = markedProcesses().filter((process) => !isService(process));
  const spares = found.filter(({ command }) => command.endsWith('--spare')).length;
  const nodes = all.flatMap((stats) => stats.resources.nodes).length;
  const extra = found.length - instances.length - agents.length;
  if (process.platform === 'linux' && (extra < 0 || extra > Math.min(spares, nodes * SPARES))) {
    const shown = found.map(showProcess).join('; ');
    unrest.push(`${found.length} processes for ${instances.length} instances and ${agents.length} agents: ${shown}`);
  }
  return unrest;
}

/** Each call leaves one entry, however often it was tried. */
function judgeLedger(before: HostStats, after: HostStats, { sent }: Load, findings: Findings): void {
  const count = ({ functions }: HostStats, name: string) =>
    functions.find((each) => each.name === name)?.invocations ?? 0;
  for (const [name, calls] of sent) {
    const recorded = count(after, name) - count(before, name);
    findings.check(recorded === calls, () => `${calls} calls of ${name}, and the ledger has ${recorded}`);
  }
}

/**
 * Dead letters: an instance's actor ends with its instance, while its worker, its channel and the router may still be telling it so. Those
 * letters are nobody's loss. Any other lost letter is a call, an instance or a claim that somebody forgets.
 */
function judgeActors({ actors, deadLetters, latestDeadLetters }: HostStats, findings: Findings): void {
  for (const { path, failures, restarts } of actors) {
    findings.check(
      failures === 0 && restarts === 0,
      () => `${path} failed ${failures} times, restarted ${restarts} times`,
    );
  }
  const { stopped, ...others } = deadLetters;
  for (const [reason, count] of Object.entries(others)) {
    findings.check(count === 0, () => `${count} dead letters because of ${reason}`);
  }
  for (const { path, type, reason } of latestDeadLetters) {
    const isBenign = path.startsWith('/deployer/') && reason === 'stopped';
    findings.check(isBenign, () => `dead letter ${type} to ${path} (${reason}; ${stopped} in all)`);
  }
}
