/**
 * What is wrong with a cron pattern, field by field, in words that name the field, the value and what the field is. It takes what croner takes: 5 fields,
 * 6 with seconds first, 7 with years last; names, ranges, steps, lists, `?`, `L`, `LW`, `15W`, `FRI#2`, `FRIL`, `+FRI`, and nicknames. Pure.
 */

interface Field {
  readonly name: string;
  readonly article: 'a' | 'an';
  readonly lowest: number;
  readonly highest: number;
  /** In a step: how many values there are. */
  readonly size: number;
  /** In place of numbers, from `firstName` on. */
  readonly names?: readonly string[];
  readonly firstName?: number;
  readonly example: string;
}

const SECOND: Field = { name: 'second', article: 'a', lowest: 0, highest: 59, size: 60, example: '0 to 59' };
const MINUTE: Field = { name: 'minute', article: 'a', lowest: 0, highest: 59, size: 60, example: '0 to 59' };
const HOUR: Field = { name: 'hour', article: 'an', lowest: 0, highest: 23, size: 24, example: '0 to 23' };
const DAY: Field = { name: 'day', article: 'a', lowest: 1, highest: 31, size: 31, example: '1 to 31, L, LW or 15W' };
const MONTH: Field = {
  name: 'month',
  article: 'a',
  lowest: 1,
  highest: 12,
  size: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  firstName: 1,
  example: '1 to 12, or JAN to DEC',
};
const WEEKDAY: Field = {
  name: 'weekday',
  article: 'a',
  lowest: 0,
  highest: 7,
  size: 7,
  names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
  firstName: 0,
  example: '0 to 7, or SUN to SAT, FRI#2, FRIL',
};
const YEAR: Field = { name: 'year', article: 'a', lowest: 1, highest: 9_999, size: 10_000, example: '1 to 9999' };

const FIELDS = [MINUTE, HOUR, DAY, MONTH, WEEKDAY];
const NICKNAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const LONGEST = 1_000;

/** Every fault; none where it is a pattern. Whether it ever fires is another question. */
export function cronFaults(cron: string): readonly string[] {
  const text = cron.trim();
  if (text.length > LONGEST) return [`it has more than ${LONGEST} characters`];
  if (text.startsWith('@')) {
    if (NICKNAMES.includes(text.toLowerCase())) return [];
    return [`${text} is not one of ${NICKNAMES.join(', ')}`];
  }
  const values = text === '' ? [] : text.split(/\s+/);
  if (values.length < 5 || values.length > 7) {
    const count = values.length === 1 ? '1 field' : `${values.length} fields`;
    return [
      `it has ${count}, and needs 5: minute, hour, day, month, weekday; or 6, with seconds first; or 7, with a year last`,
    ];
  }
  const fields = [...(values.length > 5 ? [SECOND] : []), ...FIELDS, ...(values.length > 6 ? [YEAR] : [])];
  return fields.flatMap((field, index) => {
    const fault = fieldFault(field, values[index] ?? '');
    return fault === undefined ? [] : [`field ${index + 1}: ${fault}`];
  });
}

function fieldFault(field: Field, value: string): string | undefined {
  if (field === DAY && value.toUpperCase() === 'LW') return undefined;
  const list = field === WEEKDAY && value.startsWith('+') ? value.slice(1) : value;
  if (list === '') return `after + a weekday is missing (${field.example})`;
  for (const part of list.split(',')) {
    const fault = partFault(field, part, list);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function partFault(field: Field, part: string, list: string): string | undefined {
  if (part === '') return `${list} has a comma with nothing beside it`;
  if (field === DAY) {
    if (part.toUpperCase() === 'L') return undefined;
    if (part.toUpperCase() === 'LW') return 'LW stands alone, not in a list';
    const nearest = /^([^-/]*)W$/i.exec(part)?.[1];
    if (nearest !== undefined) return numberFault(field, nearest, part);
  }
  const { base, nth } = field === WEEKDAY ? nthOf(part) : { base: part, nth: undefined };
  if (nth !== undefined && !/^[1-5L]$/i.test(nth)) {
    return `${part}: after # comes which one of the month, 1 to 5 or L, not ${nth || 'nothing'}`;
  }
  const [range = '', step, ...more] = base.split('/');
  if (more.length > 0) return `${part} has more than one /`;
  const isAll = range === '*' || range === '?';
  if (isAll && nth !== undefined && step === undefined) return `${part}: before # or L comes a weekday, not ${range}`;
  return (isAll ? undefined : rangeFault(field, range, part)) ?? stepFault(field, { range, step, part });
}

/** `FRI#2` is the second one of the month, `FRIL` the last. */
function nthOf(part: string): { readonly base: string; readonly nth: string | undefined } {
  const at = part.indexOf('#');
  if (at >= 0) return { base: part.slice(0, at), nth: part.slice(at + 1) };
  // L alone means nothing here.
  return part.length > 1 && /L$/i.test(part) ? { base: part.slice(0, -1), nth: 'L' } : { base: part, nth: undefined };
}

function rangeFault(field: Field, range: string, part: string): string | undefined {
  const [from = '', to, ...more] = range.split('-');
  if (more.length > 0) return notOne(field, part);
  const fault = numberFault(field, from, part) ?? (to === undefined ? undefined : numberFault(field, to, part));
  if (fault !== undefined || to === undefined) return fault;
  const [first, last] = [numberOf(field, from), numberOf(field, to)];
  // Sunday ends a range as 7.
  const end = field === WEEKDAY && to.toLowerCase() === 'sun' ? 7 : last;
  return first !== undefined && end !== undefined && first > end
    ? `${range} runs backwards: write the earlier ${field.name} first, or two ranges`
    : undefined;
}

function stepFault(
  field: Field,
  { range, step, part }: { readonly range: string; readonly step: string | undefined; readonly part: string },
): string | undefined {
  if (step === undefined) return undefined;
  if (range !== '*' && range !== '?' && !range.includes('-')) {
    return `${part}: a step follows * or a range, as in */10 or ${field.lowest}-${field.highest}/10`;
  }
  const every = /^\d{1,5}$/.test(step) ? Number(step) : 0;
  return every >= 1 && every <= field.size
    ? undefined
    : `${step || 'nothing'} is not a step of ${field.name}s (1 to ${field.size})`;
}

function numberFault(field: Field, text: string, part: string): string | undefined {
  if (text === '') return notOne(field, part);
  return numberOf(field, text) === undefined ? notOne(field, text) : undefined;
}

function notOne(field: Field, text: string): string {
  return `${text} is not ${field.article} ${field.name} (${field.example})`;
}

function numberOf({ lowest, highest, names = [], firstName = 0 }: Field, text: string): number | undefined {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + firstName;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  return value >= lowest && value <= highest ? value : undefined;
}
