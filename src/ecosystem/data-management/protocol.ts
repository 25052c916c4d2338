/** Data management: checks and copies of everything that is on disk. Types only. */

/** Who knows more of what is stored than that it is whole. */
export interface FaultSource {
  readonly name: string;
  /** What is wrong, for people; `undefined` stands where others may have a turn. */
  faults(): Iterable<string | undefined> | AsyncIterable<string | undefined>;
}

export interface DataFault {
  /** The database, or what it is about: `artifacts` and the like. */
  readonly database: string;
  /** Of the record, its parts with slashes between; absent where the fault is not one of a single record. */
  readonly key?: string;
  readonly reason: string;
}

/** A record that was found damaged at some time, and is not where it was any more. */
export interface QuarantinedFact extends DataFault {
  readonly detectedAtMs: number;
}

export interface DataCheck {
  readonly isSound: boolean;
  /** How many were read, by database. */
  readonly records: Readonly<Record<string, number>>;
  /** At most 1,000. */
  readonly faults: readonly DataFault[];
  /** How many there are beyond these. */
  readonly furtherFaults: number;
  /** Evidence of the past, at most 1,000: no fault any more. */
  readonly quarantined: readonly QuarantinedFact[];
  readonly tookMs: number;
}

export interface Backup {
  /** Absolute: a data directory of its own. */
  readonly directory: string;
  readonly bytes: number;
  readonly tookMs: number;
}
