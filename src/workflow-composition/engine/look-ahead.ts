/**
 * Tells the workflow scheduler what may come next in one execution, how long its steps took, and in the end which of them ran. An outlook costs as much
 * as a short step, so there is at most one in a millisecond: what comes faster than that nobody can be ready for.
 */
import type { CancelTimer } from '../../kernel/clock.ts';
import type { ExecutionEvent } from '../events.ts';
import type { ExecutionOutlook, RunningStep, StepReport } from '../scheduler/protocol.ts';
import type { ExecutionParts, Run } from './execution-protocol.ts';
import type { StepOutcome } from './protocol.ts';
import type { StepRunner } from './step-runner.ts';
import { runsOf } from './views.ts';

const APART_MS = 1;
/** For people who ask, whatever the policy looks at. */
const SHOWN = 64;

export interface LookAheadParts extends Pick<ExecutionParts, 'host' | 'compiled' | 'state'> {
  readonly steps: StepRunner;
  /** Calls back in the execution's own turn. */
  readonly after: (delayMs: number, callback: () => void) => CancelTimer;
}

export class LookAhead {
  readonly #parts: LookAheadParts;
  /** Which step decides on which, as outlooks have told. */
  readonly #decidedBy = new Map<string, string>();
  /** Steps that wait for their time or for a signal, and since when by the wall clock: they run, for whoever looks ahead. */
  readonly #resting = new Map<string, number>();
  #toldMs = Number.NEGATIVE_INFINITY;
  #later: CancelTimer | undefined;

  constructor(parts: LookAheadParts) {
    this.#parts = parts;
    for (const { step, status, atMs } of parts.state.steps.values()) {
      if (status === 'sleeping' || status === 'awaiting') this.#resting.set(step, atMs);
    }
  }

  recorded(event: ExecutionEvent): void {
    if (event.type === 'timerStarted' || event.type === 'signalAwaited') this.#resting.set(event.step, event.atMs);
    if (event.type !== 'stepSucceeded' && event.type !== 'stepFailed') return;
    const { step, atMs, timing } = event;
    // What the language works out by itself takes no time, but what comes after it cannot be foreseen while nobody knows that.
    if (event.type === 'stepSucceeded' && timing === undefined) {
      this.#report(step, {
        target: undefined,
        runMs: atMs - (this.#resting.get(step) ?? atMs),
        coldStartMs: undefined,
      });
    }
    this.#resting.delete(step);
  }

  outlook(limit = SHOWN): ExecutionOutlook {
    const { compiled, state, steps } = this.#parts;
    const { name: workflow, version, language, definition } = compiled;
    const running: RunningStep[] = Array.from(steps.all(), (run) => this.#running(run));
    for (const [step, sinceMs] of this.#resting) running.push(this.#restingStep(step, sinceMs));
    return { executionId: state.id, workflow, version, running, upcoming: language.outlook(definition, state, limit) };
  }

  changed(): void {
    const { host, compiled, after } = this.#parts;
    if (host.gate.horizon === 0 || this.#later) return;
    const nowMs = host.clock.nowMs();
    if (!host.gate.wants(compiled.name, nowMs)) return;
    if (nowMs - this.#toldMs >= APART_MS) return this.#tell(nowMs);
    this.#later = after(APART_MS, () => {
      this.#later = undefined;
      this.#tell(host.clock.nowMs());
    });
  }

  stepEnded({ step, action }: Run, { timing, isCold }: StepOutcome): void {
    const target = action?.kind === 'call' ? action.target : undefined;
    this.#report(step, { target, runMs: timing.runMs, coldStartMs: isCold ? timing.coldStartMs : undefined });
  }

  ended(): void {
    const { host, compiled, state } = this.#parts;
    this.#later?.();
    if (host.gate.horizon > 0) host.tellScheduler('executionEnded', runsOf(state, compiled, this.#decidedBy));
  }

  #tell(nowMs: number): void {
    const { host } = this.#parts;
    this.#toldMs = nowMs;
    const outlook = this.outlook(host.gate.horizon);
    for (const { key, decidedBy } of outlook.upcoming) {
      if (decidedBy !== undefined) this.#decidedBy.set(key, decidedBy);
    }
    if (outlook.upcoming.length > 0) host.tellScheduler('outlookChanged', outlook);
  }

  #report(step: string, report: Pick<StepReport, 'target' | 'runMs' | 'coldStartMs'>): void {
    const { host, compiled } = this.#parts;
    const { name: workflow, version, language } = compiled;
    host.tellScheduler('stepEnded', { workflow, version, key: language.profileKey(step), ...report });
  }

  #running({ step, startedMs, action, phase }: Run): RunningStep {
    const target = phase === 'inside' && action?.kind === 'call' ? action.target : undefined;
    return { key: this.#parts.compiled.language.profileKey(step), startedMs, ...(target !== undefined && { target }) };
  }

  #restingStep(step: string, sinceMs: number): RunningStep {
    const { state, compiled, host } = this.#parts;
    const known = state.steps.get(step);
    const nowMs = host.clock.nowMs();
    const wallMs = host.clock.wallMs();
    const startedMs = nowMs - (wallMs - sinceMs);
    const endsMs =
      known?.status === 'sleeping' && known.dueAtMs !== undefined ? nowMs + known.dueAtMs - wallMs : undefined;
    return { key: compiled.language.profileKey(step), startedMs, ...(endsMs !== undefined && { endsMs }) };
  }
}
