/** Schedules in words: when they fire, what comes next and what came last. Pure. */
import { InvalidArgumentError } from 'commander';
import type { ScheduleDetails, ScheduleView } from '../../ecosystem/event-management/protocol.ts';
import { oneLine, timeSpan } from '../workflow-view/words.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `90s`, `5m`, `1h30m`. */
export function spanMs(text: string): number {
  if (/^(?:\d+(?:ms|s|m|h|d))+$/.test(text)) {
    let sum = 0;
    for (const [, count, unit = ''] of text.matchAll(/(\d+)(ms|s|m|h|d)/g))
      sum += Number(count) * (UNITS_MS[unit] ?? 0);
    return sum;
  }
  throw new InvalidArgumentError('It must be a length of time, as 90s, 5m, 1h30m or 7d.');
}

/** Reads a date, or a date and time: of this machine's time zone where it names none. */
export function timeMs(text: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00`) : Date.parse(text);
  if (/^\d{4}-/.test(text) && !Number.isNaN(ms)) return ms;
  throw new InvalidArgumentError('It must be a time, as 2030-01-31, 2030-01-31T18:00 or 2030-01-31T18:00:00Z.');
}

export function whenOf({ cron, timeZone, everyMs, atMs }: ScheduleView): string {
  if (cron !== undefined) return `${oneLine(cron)} ${timeZone ?? ''}`.trimEnd();
  if (everyMs !== undefined) return `every ${timeSpan(everyMs)}`;
  return `once, ${iso(atMs ?? 0)}`;
}

/** `in 5 min 20 s`, `paused`, or `never again`. */
export function nextOf({ isPaused, nextAtMs }: ScheduleView, nowMs: number): string {
  if (isPaused) return 'paused';
  return nextAtMs === undefined ? 'never again' : fromNow(nextAtMs, nowMs);
}

export function lastOf({ last }: ScheduleView, nowMs: number): string {
  return last ? `${last.outcome} ${timeSpan(Math.max(0, nowMs - last.atMs))} ago` : '-';
}

export function detailLines(details: ScheduleDetails, nowMs: number): string[] {
  const { name, function: target, missed, overlap, counts, last, startAtMs, endAtMs, nextTimesMs, job } = details;
  const [first, ...others] = nextTimesMs;
  const lines = [
    `${oneLine(name)} calls ${target}`,
    `  when     ${whenOf(details)}`,
    ...(startAtMs === undefined ? [] : [`  from     ${iso(startAtMs)}`]),
    ...(endAtMs === undefined ? [] : [`  until    ${iso(endAtMs)}`]),
    `  next     ${first === undefined ? nextOf(details, nowMs) : runLine(first, nowMs)}`,
    ...others.map((each) => `           ${runLine(each, nowMs)}`),
    `  last     ${last ? `${iso(last.scheduledAtMs)} ${last.outcome}${becauseOf(last)}` : '-'}`,
    `  so far   ${counts.fired} fired, ${counts.skipped} skipped, ${counts.missed} missed`,
    `  missed   ${missed === 'once' ? 'one job for the latest time' : 'no job'}`,
    `  overlap  ${overlap}`,
  ];
  if (job) lines.push(`  job      ${JSON.stringify(job)}`);
  return lines;
}

/** `2030-01-31T18:00:00.000Z  in 3 h 5 min` */
export function runLine(atMs: number, nowMs: number): string {
  return `${iso(atMs)}  ${fromNow(atMs, nowMs)}`;
}

function becauseOf({ jobId, reason }: NonNullable<ScheduleView['last']>): string {
  if (jobId !== undefined) return ` as job ${jobId}`;
  return reason === undefined ? '' : `: ${oneLine(reason)}`;
}

function fromNow(atMs: number, nowMs: number): string {
  return atMs <= nowMs ? 'now' : `in ${timeSpan(atMs - nowMs)}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
