/** A schedule as it is kept: what was asked for, and what has come of it so far. The one is written by people, the other by firings. Pure. */
import { fieldsOf, type Guard, isFlag, isNumber, isRecord, isText, maybe, oneOf } from '../../../store/shape.ts';
import {
  MISSED_POLICIES,
  type MissedPolicy,
  OVERLAP_POLICIES,
  type OverlapPolicy,
  type ScheduleFiring,
  type ScheduleJobOptions,
} from '../protocol.ts';
import type { Cadence } from './cadence.ts';

/** As it was asked for, checked: the same again changes nothing. */
export interface ScheduleSpec {
  readonly function: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly everyMs?: number;
  readonly atMs?: number;
  readonly startAtMs?: number;
  readonly endAtMs?: number;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  readonly job?: ScheduleJobOptions;
}

export interface ScheduleRecord {
  readonly spec: ScheduleSpec;
  readonly cadence: Cadence;
  /** What lies up to here is not its business: it was not set then, or paused. */
  readonly fromMs: number;
  readonly isPaused: boolean;
  /** Another one after each change. */
  readonly revision: number;
  /** Of the payload, which has a record of its own; absent where there is none. */
  readonly payloadBytes?: number;
}

export interface ScheduleState {
  /** Nothing up to here fires any more, whatever the clock says. */
  readonly handledMs: number;
  /** What the next time was worked out from; where that has changed, it is worked out anew. */
  readonly nextOf?: string;
  readonly nextMs?: number;
  readonly fired: number;
  readonly skipped: number;
  readonly missed: number;
  readonly last?: ScheduleFiring;
  /** Of the last firing that enqueued one. */
  readonly lastJob?: { readonly id: string; readonly function: string };
}

export function noState(): ScheduleState {
  return { handledMs: 0, fired: 0, skipped: 0, missed: 0 };
}

const isCadence: Guard<Cadence> = (value): value is Cadence => {
  if (!isRecord(value) || !maybe(isNumber)(value['startAtMs']) || !maybe(isNumber)(value['endAtMs'])) return false;
  switch (value['kind']) {
    case 'cron':
      return isText(value['cron']) && isText(value['timeZone']);
    case 'every':
      return isNumber(value['everyMs']) && value['everyMs'] > 0 && isNumber(value['anchorMs']);
    default:
      return value['kind'] === 'once' && isNumber(value['atMs']);
  }
};

const isScheduleRecord = fieldsOf<ScheduleRecord>({
  spec: fieldsOf<ScheduleSpec>({
    function: isText,
    cron: maybe(isText),
    timeZone: maybe(isText),
    everyMs: maybe(isNumber),
    atMs: maybe(isNumber),
    startAtMs: maybe(isNumber),
    endAtMs: maybe(isNumber),
    missed: oneOf(MISSED_POLICIES),
    overlap: oneOf(OVERLAP_POLICIES),
    job: maybe((value): value is ScheduleJobOptions => isRecord(value)),
  }),
  cadence: isCadence,
  fromMs: isNumber,
  isPaused: isFlag,
  revision: isNumber,
  payloadBytes: maybe(isNumber),
});

const isState = fieldsOf<ScheduleState>({
  handledMs: isNumber,
  nextOf: maybe(isText),
  nextMs: maybe(isNumber),
  fired: isNumber,
  skipped: isNumber,
  missed: isNumber,
  last: maybe(
    fieldsOf<ScheduleFiring>({
      scheduledAtMs: isNumber,
      atMs: isNumber,
      outcome: oneOf(['fired', 'skipped']),
      jobId: maybe(isText),
      reason: maybe(isText),
    }),
  ),
  lastJob: maybe(fieldsOf<{ readonly id: string; readonly function: string }>({ id: isText, function: isText })),
});

/** Undefined where it cannot be understood: it passed its checksum, so another program wrote it. */
export function loadedSchedule(value: unknown): ScheduleRecord | undefined {
  return isScheduleRecord(value) ? value : undefined;
}

export function loadedState(value: unknown): ScheduleState | undefined {
  return isState(value) ? value : undefined;
}
