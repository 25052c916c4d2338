/**
 * Where what a policy has learned outlives the host: one record for each function. It is a hint: what cannot be read is learned again.
 */
import type { Clock } from '../../kernel/clock.ts';
import { forecastKeys } from '../../store/keys.ts';
import type { KeyValueStore } from '../../store/protocol.ts';
import type { Learned } from './protocol.ts';

export interface Recalled {
  readonly learned: readonly Learned[];
  /** Since it was saved, by the wall clock; never below 0. */
  readonly awayMs: number;
}

export class ForecastMemory {
  readonly #store: KeyValueStore;
  readonly #clock: Pick<Clock, 'wallMs'>;

  constructor(store: KeyValueStore, clock: Pick<Clock, 'wallMs'>) {
    this.#store = store;
    this.#clock = clock;
  }

  load(): Recalled | undefined {
    const savedAtMs = this.#store.get(forecastKeys.savedAt)?.value;
    if (typeof savedAtMs !== 'number') return undefined;
    const learned: Learned[] = [];
    for (const { key, value } of this.#store.range({ prefix: forecastKeys.all })) {
      const name = key[1];
      if (typeof name === 'string' && value instanceof Uint8Array) learned.push({ name, state: value });
    }
    return { learned, awayMs: Math.max(0, this.#clock.wallMs() - savedAtMs) };
  }

  /** A state without bytes is one to be forgotten. */
  async save(learned: readonly Learned[]): Promise<void> {
    if (learned.length === 0) return;
    await this.#store.commit([
      ...learned.map(({ name, state }) =>
        state.length > 0
          ? ({ kind: 'put', key: forecastKeys.of(name), value: state } as const)
          : ({ kind: 'delete', key: forecastKeys.of(name) } as const),
      ),
      { kind: 'put', key: forecastKeys.savedAt, value: this.#clock.wallMs() },
    ]);
  }
}
