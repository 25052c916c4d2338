/** The calls of a host that have not been answered: which of them run, and which wait for an instance. */
import type { Call, CallWatcher } from '../../function-management/router/call.ts';
import { systemClock } from '../../kernel/clock.ts';

export interface OpenCallsOptions {
  readonly patienceMs: number;
  /** What a call that was cancelled, or is too late, gets to leave its instance. */
  readonly cancelGraceMs: number;
  /** A call was opened, or has settled. */
  readonly changed: () => void;
}

export class OpenCalls implements CallWatcher {
  readonly #options: OpenCallsOptions;
  /** With the real time since when they have been seen to run. */
  readonly #open = new Map<Call, number | undefined>();
  /** Settled, and still in their instance. */
  readonly #leaving = new Map<Call, number>();

  constructor(options: OpenCallsOptions) {
    this.#options = options;
  }

  opened(call: Call): void {
    this.#open.set(call, undefined);
    this.#options.changed();
  }

  settled(call: Call): void {
    this.#open.delete(call);
    if (call.place === 'inside' && call.runMs === undefined) this.#leaving.set(call, systemClock.nowMs());
    this.#options.changed();
  }

  get size(): number {
    return this.#open.size;
  }

  /** One waits for an instance: that takes time, and the host's own timers. */
  get isAnyWaiting(): boolean {
    for (const call of this.#open.keys()) if (!call.workflow && call.place !== 'inside') return true;
    return false;
  }

  /** By the real time. Those that wait for calls of their own do not count: these do. */
  isAnyRunning(nowMs: number): boolean {
    const { patienceMs, cancelGraceMs } = this.#options;
    const callers = this.#callers();
    for (const [call, sinceMs] of this.#open) {
      if (call.workflow || call.place !== 'inside') continue;
      if (callers.size > 0 && callers.has(`${call.instance?.instanceId} ${call.channelNumber}`)) continue;
      if (sinceMs === undefined) this.#open.set(call, nowMs);
      if (nowMs - (sinceMs ?? nowMs) < patienceMs) return true;
    }
    for (const [call, sinceMs] of this.#leaving) {
      if (call.place === 'inside' && nowMs - sinceMs < Math.min(patienceMs, cancelGraceMs)) return true;
      this.#leaving.delete(call);
    }
    return false;
  }

  #callers(): Set<string> {
    const callers = new Set<string>();
    for (const { request } of this.#open.keys()) {
      if (request.from) callers.add(`${request.from.instanceId} ${request.from.call}`);
    }
    return callers;
  }
}
