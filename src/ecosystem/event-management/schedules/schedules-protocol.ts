/** Schedules, to their neighbours. Types only. */
import type {
  Backfilled,
  BackfillRange,
  ScheduleDetails,
  ScheduleQuery,
  ScheduleSet,
  ScheduleView,
} from '../protocol.ts';
import type { Firing, FiringEnd } from './firings.ts';
import type { SetRequest } from './schedule-options.ts';

type Named = { readonly name: string };

/** Whatever names a schedule that is not there is refused with `SCHEDULE_NOT_FOUND`; what changes one is answered once that is on disk. */
export type SchedulesMessages = {
  set: { body: SetRequest; reply: ScheduleSet };
  remove: { body: Named; reply: undefined };
  get: { body: Named; reply: ScheduleDetails };
  list: { body: ScheduleQuery; reply: readonly ScheduleView[] };
  pause: { body: Named; reply: ScheduleView };
  resume: { body: Named; reply: ScheduleView };
  /** In ms since the Unix epoch; fewer where there are no more. */
  next: { body: Named & { readonly count: number }; reply: readonly number[] };
  backfill: { body: Named & { readonly range: BackfillRange }; reply: Backfilled };
  /** All that was deployed can be called: schedules fire from now on, and not before. */
  begin: { body: undefined };
  /** Nothing fires any more. */
  drain: { body: undefined };
  /** There may be more that is due. */
  goOn: { body: undefined };
  /** A firing that was refused is tried again. */
  again: { body: Firing };
  ended: { body: FiringEnd };
};
