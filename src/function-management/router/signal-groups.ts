/**
 * Which calls an abort signal cancels. It is listened to once for all of its calls, since Node warns of a leak when a signal has more than
 * ten listeners; and not for long after the last of them has settled, since signals outlive calls by far. For a moment, though: a
 * connection that sends one request after another would otherwise pay 2 us for each.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { Call } from './call.ts';

const LINGER_MS = 100;

export interface SignalGroup {
  readonly signal: AbortSignal;
  readonly calls: Set<() => Call>;
  readonly abort: () => void;
}

export class SignalGroups {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #cancel: (call: Call) => void;
  readonly #bySignal = new WeakMap<AbortSignal, SignalGroup>();
  #listening: SignalGroup[] = [];
  #isSweepDue = false;

  constructor(clock: Pick<Clock, 'after'>, cancel: (call: Call) => void) {
    this.#clock = clock;
    this.#cancel = cancel;
  }

  /** Until `leave`, the call is cancelled when the signal aborts. */
  join(signal: AbortSignal, call: () => Call): SignalGroup {
    const group = this.#bySignal.get(signal) ?? this.#listen(signal);
    group.calls.add(call);
    return group;
  }

  leave(group: SignalGroup, call: () => Call): void {
    group.calls.delete(call);
    if (group.calls.size > 0 || this.#isSweepDue) return;
    this.#isSweepDue = true;
    this.#clock.after(LINGER_MS, () => this.#sweep());
  }

  #listen(signal: AbortSignal): SignalGroup {
    const calls = new Set<() => Call>();
    const abort = () => {
      for (const call of calls) this.#cancel(call());
    };
    const group: SignalGroup = { signal, calls, abort };
    this.#bySignal.set(signal, group);
    this.#listening.push(group);
    signal.addEventListener('abort', abort, { once: true });
    return group;
  }

  #sweep(): void {
    this.#isSweepDue = false;
    const isOver = ({ calls }: SignalGroup) => calls.size === 0;
    for (const { signal, abort } of this.#listening.filter(isOver)) {
      this.#bySignal.delete(signal);
      signal.removeEventListener('abort', abort);
    }
    this.#listening = this.#listening.filter((group) => !isOver(group));
  }
}
