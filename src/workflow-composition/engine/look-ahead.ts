/** Tells the workflow scheduler what may come next in one execution, how long its steps took, and in the end which of them ran. */
import type { ExecutionOutlook } from '../scheduler/protocol.ts';
import type { ExecutionParts, Run } from './execution-protocol.ts';
import type { StepOutcome } from './protocol.ts';
import type { StepRunner } from './step-runner.ts';
import { outlookOf, runsOf } from './views.ts';

export class LookAhead {
  readonly #parts: Pick<ExecutionParts, 'host' | 'compiled' | 'state'>;
  readonly #steps: StepRunner;
  /** Which step decides on which, as outlooks have told. */
  readonly #decidedBy = new Map<string, string>();

  constructor(parts: Pick<ExecutionParts, 'host' | 'compiled' | 'state'>, steps: StepRunner) {
    this.#parts = parts;
    this.#steps = steps;
  }

  outlook(): ExecutionOutlook {
    const { compiled, host, state } = this.#parts;
    return outlookOf(state, compiled, { running: this.#steps.all(), limit: host.horizon });
  }

  changed(): void {
    const { host } = this.#parts;
    if (host.horizon === 0) return;
    const outlook = this.outlook();
    for (const { key, decidedBy } of outlook.upcoming) {
      if (decidedBy !== undefined) this.#decidedBy.set(key, decidedBy);
    }
    if (outlook.upcoming.length > 0) host.tellScheduler('outlookChanged', outlook);
  }

  stepEnded({ step, action }: Run, { timing, isCold }: StepOutcome): void {
    const { host, compiled } = this.#parts;
    if (host.horizon === 0 || action?.kind !== 'call') return;
    host.tellScheduler('stepEnded', {
      workflow: compiled.name,
      version: compiled.version,
      key: compiled.language.profileKey(step),
      target: action.target,
      runMs: timing.runMs,
      coldStartMs: isCold ? timing.coldStartMs : undefined,
    });
  }

  ended(): void {
    const { host, compiled, state } = this.#parts;
    if (host.horizon > 0) host.tellScheduler('executionEnded', runsOf(state, compiled, this.#decidedBy));
  }
}
