/** R1, the naming service: unique names, leases on them, watches, and settings that hold for the whole cluster. Types only. */
import type { TroupeError } from '../../errors.ts';

export interface NameRecord {
  /** A path of lower-case words, as in `agents/a1` or `instances/thumbnail-3-17`. */
  readonly name: string;
  /** Who holds it; plain data. */
  readonly holder: Readonly<Record<string, string | number>>;
  /** Grows by one with each registration of any name: a fencing token. */
  readonly token: number;
}

export type NameEvent =
  | { readonly type: 'registered'; readonly record: NameRecord }
  | { readonly type: 'released'; readonly record: NameRecord }
  | { readonly type: 'expired'; readonly record: NameRecord };

export type NamingServiceMessages = {
  /** A name lives until it is released or, with a lease, until `leaseMs` pass without a renewal. */
  register: {
    body: { readonly name: string; readonly holder: NameRecord['holder']; readonly leaseMs?: number };
    reply:
      | { readonly kind: 'registered'; readonly record: NameRecord }
      | { readonly kind: 'taken'; readonly by: NameRecord };
  };
  /**
   * Told often; a renewal with an old token, or of a name that has expired, changes nothing. `leaseMs` changes the length of the lease
   * from now on; with `Infinity` the name lives until it is released.
   */
  renew: { body: { readonly name: string; readonly token: number; readonly leaseMs?: number } };
  release: { body: { readonly name: string; readonly token: number } };
  lookup: { body: { readonly name: string }; reply: NameRecord | undefined };
  list: { body: { readonly prefix: string }; reply: readonly NameRecord[] };
  /**
   * Calls back for every later event under the prefix, in order; the callback must only tell. A second watch of the same watcher
   * replaces the first. `refused` is called instead when there are too many watchers.
   */
  watch: {
    body: {
      readonly prefix: string;
      readonly notify: (event: NameEvent) => void;
      readonly watcher: string;
      readonly refused?: (error: TroupeError) => void;
    };
  };
  unwatch: { body: { readonly watcher: string } };
  /** Cluster-wide settings are durable: answered once on disk. */
  setSetting: { body: { readonly key: string; readonly value: unknown }; reply: undefined };
  getSetting: { body: { readonly key: string }; reply: unknown };
};
