/**
 * Durable state: what the rest of the runtime may ask of it. Types only. Two drivers implement it, on LMDB and in memory, and one
 * conformance suite (test/conformance) holds both to the same behaviour.
 *
 * Reads are synchronous and see whole commits only. A commit resolves once it is on disk; before that a read may or may not see it.
 */

/** Numbers are finite and sort before strings; strings sort by code point; a key sorts before the longer keys that begin with it. */
export type KeyPart = string | number;
export type Key = readonly KeyPart[];

export interface Entry {
  readonly key: Key;
  /** The reader's own copy: changing it changes nothing that is stored. */
  readonly value: unknown;
  /** Grows with every commit of the store; the entry's is that of the commit that last put it. */
  readonly revision: number;
}

/** What must hold of a key for a commit to happen: that it has no entry, that it has one, or that the revision of its entry is this one. */
type Expectation = number | 'absent' | 'present';

/** Values are plain data: null, booleans, numbers, 64-bit bigints, strings, bytes, dates, arrays and objects of these. */
export type Operation =
  | { readonly kind: 'put'; readonly key: Key; readonly value: unknown; readonly expect?: Expectation }
  | { readonly kind: 'delete'; readonly key: Key; readonly expect?: Expectation }
  | { readonly kind: 'check'; readonly key: Key; readonly expect: Expectation };

export type CommitOutcome =
  | { readonly kind: 'committed'; readonly revision: number }
  /** Nothing was changed. `key` is the first whose expectation did not hold; `revision` is absent when it has no entry. */
  | { readonly kind: 'conflict'; readonly key: Key; readonly revision?: number };

export interface RangeOptions {
  /** Only keys that begin with these parts. */
  readonly prefix?: Key;
  /** The lowest key, inclusive. */
  readonly start?: Key;
  /** The highest key, exclusive. */
  readonly end?: Key;
  readonly limit?: number;
  /** From the highest to the lowest; `start` and `end` keep their meaning. */
  readonly reverse?: boolean;
  /** Told of each damaged entry on the way, in its place: for who must know that there was one. */
  readonly onDamaged?: (key: Key) => void;
}

/** An ordered map. A damaged entry counts as absent everywhere: it is quarantined, never served. */
export interface KeyValueStore {
  get(key: Key): Entry | undefined;
  /** Lazy; consume it in the same turn, without an `await` in between. */
  range(options?: RangeOptions): Iterable<Entry>;
  /**
   * All operations or none. All expectations are judged against the state before the commit; then the operations apply in order.
   * Rejects with `OVERLOADED`, `STORE_WRITE_FAILED`, `INVALID_ARGUMENT` (a bad key or value) or `SHUTTING_DOWN`.
   */
  commit(operations: readonly Operation[]): Promise<CommitOutcome>;
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly length: number }
  /** The stream does not have the expected length but this one. Nothing was appended. */
  | { readonly kind: 'conflict'; readonly length: number };

export interface EventSlice {
  readonly events: readonly unknown[];
  /** The index of a damaged event: reading ends before it, since what follows cannot be understood without it. */
  readonly damagedAt?: number;
}

/** Append-only streams of events, each an ordered list that starts at index 0. */
export interface EventLog {
  append(
    stream: string,
    events: readonly unknown[],
    options: { readonly expectedLength: number },
  ): Promise<AppendOutcome>;
  /** From index `from` (default 0), at most `limit` events. An unknown stream is empty. */
  read(stream: string, from?: number, limit?: number): EventSlice;
  length(stream: string): number;
  /** The stream is empty afterwards, and may be appended to again. */
  delete(stream: string): Promise<void>;
  /** Names of the streams that have events, in order, after `after`. */
  streams(options?: { readonly after?: string; readonly limit?: number }): readonly string[];
}

/** A record that failed its checksum. Its bytes are kept for a look; the record itself is served no more. */
export interface QuarantinedRecord {
  readonly database: string;
  readonly key: Key;
  readonly reason: string;
  readonly bytes: Uint8Array;
  readonly detectedAtMs: number;
}

/** A record that fails its checksum, or cannot be decoded, and still lies where it was. */
export interface DamagedRecord {
  readonly database: string;
  readonly key: Key;
  readonly reason: string;
}

/** Some records of one database, read one after the other. */
export interface ScannedPage {
  readonly database: string;
  readonly records: number;
  readonly damaged: readonly DamagedRecord[];
}

export interface StoreStats {
  readonly driver: 'lmdb' | 'memory';
  readonly outstandingWrites: number;
  readonly commits: number;
  readonly conflicts: number;
  readonly failedCommits: number;
  readonly quarantined: number;
}

/** The databases that components may have; their keys are in `keys.ts`. */
export type DatabaseName =
  | 'functions'
  | 'settings'
  | 'forecasts'
  | 'history'
  | 'workflows'
  | 'executions'
  | 'jobs'
  | 'schedules'
  | 'cloud-events';

export interface Store {
  database(name: DatabaseName): KeyValueStore;
  readonly events: EventLog;
  quarantined(): readonly QuarantinedRecord[];
  stats(): StoreStats;
  /**
   * Reads every record of every database, a page for each step: whoever takes a step per turn lets others have theirs. What is written meanwhile may
   * or may not be read. What is damaged is quarantined as ever.
   */
  scan(): Iterable<ScannedPage>;
  /**
   * Writes what is on disk at one moment, and so everything that was acknowledged before, into the directory, which then opens as a store. Others
   * go on writing. Rejects with `CONFLICT` where the store has no disk, or with `DATA_DIR_UNUSABLE`.
   */
  backup(directory: string): Promise<void>;
  /** Waits for outstanding commits, then frees the data directory. Whatever is asked later is refused with `SHUTTING_DOWN`. */
  close(): Promise<void>;
}
