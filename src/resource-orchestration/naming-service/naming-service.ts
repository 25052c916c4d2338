/**
 * R1, the naming service: who holds which name, for how long, and who wants to know.
 *
 * Names, leases and watches live in memory and end with the host: what they name (agents, instances) ends with it too. Settings are
 * durable. Invariants (numbers as in README.md):
 * 1. A name has one holder at a time.
 * 2. Tokens grow with every registration, so whoever compares tokens never takes an earlier holder for a later one.
 * 3. A lease that is not renewed ends, and its watchers hear of it. One timer is armed, for the earliest end.
 * 4. Watchers hear events in the order in which they happened.
 */
import { TroupeError, toTroupeError } from '../../errors.ts';
import { later } from '../../kernel/actor-system.ts';
import type { CancelTimer, Clock } from '../../kernel/clock.ts';
import type { ActorContext, ActorDefinition } from '../../kernel/protocol.ts';
import { settingKeys } from '../../store/keys.ts';
import type { KeyValueStore } from '../../store/protocol.ts';
import { LeaseTable } from './lease-table.ts';
import type { NameEvent, NameRecord, NamingServiceMessages } from './protocol.ts';

export interface NamingServiceOptions {
  readonly clock: Clock;
  /** Where settings are kept; without it they live as long as the host. */
  readonly settings?: KeyValueStore;
  /** Invariant 6. 100,000: ten times the workers that a large host runs. */
  readonly maxNames?: number;
  /** 1,000: watchers are components, not requests. */
  readonly maxWatchers?: number;
}

interface HeldName {
  readonly record: NameRecord;
  leaseMs: number;
}

type Watch = Pick<NamingServiceMessages['watch']['body'], 'prefix' | 'notify'>;
type Body<T extends keyof NamingServiceMessages> = NamingServiceMessages[T]['body'];

export function namingServiceActor(options: NamingServiceOptions): ActorDefinition<NamingServiceMessages> {
  return {
    name: 'naming-service',
    // Forgetting every name would break uniqueness, which is worse than one message that was not handled.
    supervision: { onFailure: 'resume' },
    start: (context) => {
      const names = new NameBook(options, context);
      const settings = new Settings(options.settings);
      return {
        register: (body) => names.register(body),
        renew: (body) => names.renew(body),
        release: (body) => names.release(body),
        lookup: ({ name }) => names.lookup(name),
        list: ({ prefix }) => names.list(prefix),
        watch: (body) => names.watch(body),
        unwatch: ({ watcher }) => names.unwatch(watcher),
        // Invariant 5. The mailbox is not held while the disk works; the store keeps writes in order.
        setSetting: ({ key, value }) => later(settings.set(key, value)),
        getSetting: ({ key }) => settings.get(key),
      };
    },
  };
}

class NameBook {
  readonly #clock: Clock;
  readonly #context: ActorContext<NamingServiceMessages>;
  readonly #maxNames: number;
  readonly #maxWatchers: number;
  readonly #names = new Map<string, HeldName>();
  readonly #leases = new LeaseTable();
  readonly #watches = new Map<string, Watch>();
  #lastToken = 0;
  #cancelTimer: CancelTimer = () => {};
  #armedAtMs = Number.POSITIVE_INFINITY;

  constructor(options: NamingServiceOptions, context: ActorContext<NamingServiceMessages>) {
    this.#clock = options.clock;
    this.#context = context;
    this.#maxNames = options.maxNames ?? 100_000;
    this.#maxWatchers = options.maxWatchers ?? 1_000;
  }

  register({ name, holder, leaseMs }: Body<'register'>): NamingServiceMessages['register']['reply'] {
    this.#expire();
    const held = this.#names.get(name);
    if (held) return { kind: 'taken', by: held.record };
    if (this.#names.size >= this.#maxNames) {
      throw new TroupeError('OVERLOADED', `The naming service holds ${this.#maxNames} names, its limit.`);
    }
    const record: NameRecord = { name, holder, token: ++this.#lastToken };
    this.#names.set(name, { record, leaseMs: leaseMs ?? Number.POSITIVE_INFINITY });
    this.#startLease(name, leaseMs ?? Number.POSITIVE_INFINITY);
    this.#announce({ type: 'registered', record });
    return { kind: 'registered', record };
  }

  renew({ name, token, leaseMs }: Body<'renew'>): void {
    this.#expire();
    const held = this.#heldWith(name, token);
    if (!held) return;
    if (leaseMs !== undefined) held.leaseMs = leaseMs;
    this.#startLease(name, held.leaseMs);
  }

  release({ name, token }: Body<'release'>): void {
    this.#expire();
    const held = this.#heldWith(name, token);
    if (!held) return;
    this.#names.delete(name);
    this.#leases.delete(name);
    this.#announce({ type: 'released', record: held.record });
  }

  lookup(name: string): NameRecord | undefined {
    this.#expire();
    return this.#names.get(name)?.record;
  }

  list(prefix: string): readonly NameRecord[] {
    this.#expire();
    return [...this.#names.values()]
      .map(({ record }) => record)
      .filter(({ name }) => name.startsWith(prefix))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  watch({ watcher, prefix, notify, refused }: Body<'watch'>): void {
    if (!this.#watches.has(watcher) && this.#watches.size >= this.#maxWatchers) {
      refused?.(new TroupeError('OVERLOADED', `The naming service has ${this.#maxWatchers} watchers, its limit.`));
      return;
    }
    this.#watches.set(watcher, { prefix, notify });
  }

  unwatch(watcher: string): void {
    this.#watches.delete(watcher);
  }

  #heldWith(name: string, token: number): HeldName | undefined {
    const held = this.#names.get(name);
    return held?.record.token === token ? held : undefined;
  }

  #startLease(name: string, leaseMs: number): void {
    this.#leases.set(name, this.#clock.nowMs() + leaseMs);
    this.#arm();
  }

  /** Every message looks first, so that an answer never depends on how late a timer is. */
  #expire(): void {
    for (const name of this.#leases.takeExpired(this.#clock.nowMs())) {
      const held = this.#names.get(name);
      if (!held) continue;
      this.#names.delete(name);
      this.#announce({ type: 'expired', record: held.record });
    }
  }

  #arm(): void {
    const nextMs = this.#leases.nextMs ?? Number.POSITIVE_INFINITY;
    if (nextMs >= this.#armedAtMs) return;
    this.#cancelTimer();
    this.#armedAtMs = nextMs;
    this.#cancelTimer = this.#context.after(nextMs - this.#clock.nowMs(), () => {
      this.#armedAtMs = Number.POSITIVE_INFINITY;
      this.#expire();
      this.#arm();
    });
  }

  #announce(event: NameEvent): void {
    for (const { prefix, notify } of this.#watches.values()) {
      if (!event.record.name.startsWith(prefix)) continue;
      try {
        notify(event);
      } catch {
        // A watcher that throws has broken its own contract; the others are still told.
      }
    }
  }
}

class Settings {
  readonly #store: KeyValueStore | undefined;
  readonly #inMemory = new Map<string, unknown>();

  constructor(store: KeyValueStore | undefined) {
    this.#store = store;
  }

  async set(key: string, value: unknown): Promise<undefined> {
    if (!this.#store) {
      this.#inMemory.set(key, structuredClone(value));
      return undefined;
    }
    try {
      await this.#store.commit([{ kind: 'put', key: settingKeys.setting(key), value }]);
    } catch (error) {
      throw toTroupeError(error);
    }
    return undefined;
  }

  get(key: string): unknown {
    return this.#store ? this.#store.get(settingKeys.setting(key))?.value : structuredClone(this.#inMemory.get(key));
  }
}
