/** Schedules as people see them. Pure, but for what the roster works out on the way. */
import type { ScheduleDetails, ScheduleView } from '../protocol.ts';
import { nextTimes } from './cadence.ts';
import type { Entry, Roster } from './roster.ts';

const SHOWN_TIMES = 5;

export function viewOf(entry: Entry, roster: Roster): ScheduleView {
  const { name, record, state } = entry;
  const { spec, cadence, isPaused } = record;
  const { fired, skipped, missed: missedTimes, last } = state;
  const { function: target, missed, overlap, timeZone: _zone, job: _job, ...timing } = spec;
  const nextAtMs = isPaused ? undefined : roster.next(entry);
  return {
    name,
    function: target,
    ...timing,
    ...(cadence.kind === 'cron' && { timeZone: cadence.timeZone }),
    missed,
    overlap,
    isPaused,
    ...(nextAtMs !== undefined && { nextAtMs }),
    ...(last && { last }),
    counts: { fired, skipped, missed: missedTimes },
  };
}

export function detailsOf(entry: Entry, roster: Roster, payload: unknown): ScheduleDetails {
  const { record } = entry;
  const { job } = record.spec;
  const handledMs = roster.handledMs(entry);
  return {
    ...viewOf(entry, roster),
    payload,
    ...(job && { job }),
    nextTimesMs: record.isPaused ? [] : nextTimes(record.cadence, handledMs, SHOWN_TIMES),
  };
}
