/** What is done to the host while it is called: functions are deployed again, and instances and agents are killed. */
import { TroupeError } from 'troupe';
import { until } from '../../support/until.ts';
import { describeThrown, type Findings } from '../support/findings.ts';
import type { Load } from './load.ts';
import type { PlannedDeploy, PlannedKill } from './plan.ts';
import type { Subject } from './subject.ts';
import type { Answer } from './targets.ts';

/** A kill that has happened: calls of `name` that were inside between the two times may have been inside what was killed. */
export interface Killed {
  readonly kind: PlannedKill['kind'];
  /** Absent: all of them. */
  readonly name?: string;
  readonly fromMs: number;
  readonly toMs: number;
}

const LOOP_TIMEOUT_MS = 200;
/** A kill may miss: the instance was just drained, or the call did not get an instance in time, as after the kill of an agent. */
const KILL_LIMIT_MS = 10_000;
const TRIES = 5;

interface Stage {
  readonly subject: Subject;
  readonly load: Load;
  readonly findings: Findings;
}

/** `isDisturbed`: an agent was killed meanwhile, so a refusal is no wonder; a refused deploy has changed nothing and is tried again. */
export async function deployAgain(
  { subject, findings }: Stage,
  { target, change }: PlannedDeploy,
  { build, isDisturbed }: { readonly build: string; readonly isDisturbed: () => boolean },
): Promise<void> {
  const { name } = target;
  const current = subject.currentBuild(name);
  const before = subject.version(name);
  const wanted =
    change === 'same' ? current : ((change === 'earlier' ? subject.earlierBuild(name) : undefined) ?? build);
  for (let attempt = 1; ; attempt++) {
    try {
      const deployed = await subject.deploy(target, wanted);
      const isNewer = wanted !== current;
      findings.check(
        deployed.isNew === isNewer && deployed.version === (isNewer ? before + 1 : before),
        () => `deploy of ${name} (${change}) after version ${before} gave ${JSON.stringify(deployed)}`,
      );
      return;
    } catch (thrown) {
      const mayFail = thrown instanceof TroupeError && thrown.retryable && isDisturbed() && attempt < TRIES;
      if (!mayFail) return findings.add(`deploy of ${name} (${change}) failed: ${describeThrown(thrown)}`);
    }
  }
}

export async function kill(stage: Stage, planned: PlannedKill): Promise<Killed> {
  const { findings } = stage;
  const fromMs = performance.now();
  while (!(await killOnce(stage, planned))) {
    if (performance.now() - fromMs < KILL_LIMIT_MS) continue;
    findings.add(`could not kill within ${KILL_LIMIT_MS} ms: ${planned.kind} in ${planned.target.name}`);
    break;
  }
  const { kind, target } = planned;
  return { kind, ...(kind === 'agent' ? {} : { name: target.name }), fromMs, toMs: performance.now() };
}

/** False when it hit nothing. */
async function killOnce(stage: Stage, { kind, target }: PlannedKill): Promise<boolean> {
  if (kind === 'exit') return exitInside(stage, target);
  if (kind === 'loop') return loopInside(stage, target);
  if (kind === 'sigkill') {
    const answer = await stage.load.call(target, { ms: 0, chunks: 1 });
    return isAnswer(answer) && signal(answer.pid);
  }
  const pid = await until(async () => {
    const { nodes } = (await stage.subject.troupe.stats()).resources;
    return nodes.find(({ state }) => state === 'ready')?.pid;
  });
  return signal(pid);
}

async function exitInside({ load, findings }: Stage, target: PlannedKill['target']): Promise<boolean> {
  const answer = await load.call(target, { ms: 0, chunks: 1, kill: 'exit' }, { isKiller: true });
  const isRight = target.idempotent
    ? isAnswer(answer) && answer.attempt === 2
    : answer instanceof TroupeError && answer.code === 'INSTANCE_CRASHED';
  findings.check(isRight, () => `process.exit in ${target.name} gave its caller ${show(answer)}`);
  return isRight;
}

async function loopInside({ load, findings }: Stage, target: PlannedKill['target']): Promise<boolean> {
  const event = { ms: 0, chunks: 1, kill: 'loop' } as const;
  const answer = await load.call(target, event, { isKiller: true, timeoutMs: LOOP_TIMEOUT_MS });
  const isRight = answer instanceof TroupeError && answer.code === 'TIMEOUT';
  findings.check(isRight, () => `an endless loop in ${target.name} gave its caller ${show(answer)}`);
  return isRight && answer.details['place'] === 'inside';
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'pid' in value;
}

function show(answer: Answer | TroupeError | undefined): string {
  return answer instanceof TroupeError ? describeThrown(answer) : JSON.stringify(answer);
}

function signal(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
