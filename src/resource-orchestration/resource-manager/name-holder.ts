/**
 * The names that the resource manager holds in the naming service. Registration is asked and never waited for: a worker starts while
 * its name is on its way. What is done to a name before its token is known takes effect when it is.
 */
import type { ActorRef } from '../../kernel/protocol.ts';
import type { NameRecord, NamingServiceMessages } from '../naming-service/protocol.ts';

interface Held {
  token?: number;
  leaseMs: number;
}

export class NameHolder {
  readonly #naming: ActorRef<NamingServiceMessages>;
  readonly #taken: (name: string) => void;
  readonly #held = new Map<string, Held>();

  /** `taken` is called, outside of any actor's turn, when somebody else holds a name. */
  constructor(naming: ActorRef<NamingServiceMessages>, taken: (name: string) => void) {
    this.#naming = naming;
    this.#taken = taken;
  }

  hold(name: string, holder: NameRecord['holder'], leaseMs = Number.POSITIVE_INFINITY): void {
    const held: Held = { leaseMs };
    this.#held.set(name, held);
    this.#naming.ask('register', { name, holder, leaseMs }).then(
      (outcome) => {
        if (outcome.kind === 'taken') return this.#taken(name);
        const { token } = outcome.record;
        if (this.#held.get(name) !== held) {
          this.#naming.tell('release', { name, token });
          return;
        }
        held.token = token;
        if (held.leaseMs !== leaseMs) this.#naming.tell('renew', { name, token, leaseMs: held.leaseMs });
      },
      // Without a name the worker is harder to find, and works all the same; the naming service counts what it refused.
      () => undefined,
    );
  }

  /** Keeps the name for its present lease, or for another from now on. */
  renew(name: string, leaseMs?: number): void {
    const held = this.#held.get(name);
    // Most names have no lease; each event of their agent would otherwise send a message that changes nothing.
    if (!held) return;
    const isUnlimited = held.leaseMs === Number.POSITIVE_INFINITY;
    if (isUnlimited && (leaseMs ?? held.leaseMs) === held.leaseMs) return;
    held.leaseMs = leaseMs ?? held.leaseMs;
    if (held.token !== undefined) {
      this.#naming.tell('renew', { name, token: held.token, leaseMs: held.leaseMs });
    }
  }

  drop(name: string): void {
    const held = this.#held.get(name);
    this.#held.delete(name);
    if (held?.token !== undefined) this.#naming.tell('release', { name, token: held.token });
  }
}
