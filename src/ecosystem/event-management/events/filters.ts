/**
 * Filters of triggers: the dialects of the CNCF CloudEvents Subscriptions API 1.0 (section 3.2.4), but for `sql`. Checked when a trigger is set,
 * compiled once to closures, and asked for each event. Pure.
 */
import { isRecord } from '../../../store/shape.ts';
import type { CloudEvent, Filter } from '../protocol.ts';
import { ATTRIBUTE_NAME, MAX_ATTRIBUTE_LENGTH } from './cloud-event.ts';

export type Matcher = (event: CloudEvent) => boolean;

/** A filter in a filter in a filter: people lose track before. */
const MAX_DEPTH = 8;
/** Of one trigger, nested ones included. */
const MAX_FILTERS = 200;
/** Attributes that one `exact`, `prefix` or `suffix` may name. */
const MAX_ATTRIBUTES = 50;

const ATTRIBUTE_DIALECTS = ['exact', 'prefix', 'suffix'] as const;
type AttributeDialect = (typeof ATTRIBUTE_DIALECTS)[number];
const LIST_DIALECTS = ['any', 'all'] as const;
const DIALECTS: readonly string[] = [...ATTRIBUTE_DIALECTS, ...LIST_DIALECTS, 'not'];

/** What is wrong with the filters of a trigger, each fault with its path; nothing where they are an array of `Filter`. */
export function filterFaults(filters: unknown): string[] {
  if (!Array.isArray(filters)) return ['filters: must be an array of filters'];
  const faults: string[] = [];
  const budget = { left: MAX_FILTERS };
  filters.forEach((filter, index) => {
    check(filter, { path: `filters[${index}]`, depth: 1, budget, faults });
  });
  if (budget.left < 0) faults.push(`filters: at most ${MAX_FILTERS} filters, nested ones included`);
  return faults;
}

interface Checking {
  readonly path: string;
  readonly depth: number;
  readonly budget: { left: number };
  readonly faults: string[];
}

function check(filter: unknown, checking: Checking): void {
  const { path, depth, budget, faults } = checking;
  // The faults of thousands of filters are not worth their reading.
  if (--budget.left < 0) return;
  if (depth > MAX_DEPTH) return void faults.push(`${path}: filters may be nested ${MAX_DEPTH} deep, and not deeper`);
  if (!isRecord(filter)) return void faults.push(`${path}: must be an object such as { exact: { type: '...' } }`);
  const [dialect, ...others] = Object.keys(filter);
  if (dialect === undefined || others.length > 0) {
    const found = Object.keys(filter).slice(0, 5).join(', ') || 'none';
    return void faults.push(`${path}: must have one dialect, which is one of ${DIALECTS.join(', ')}; it has ${found}`);
  }
  const inner = { ...checking, path: `${path}.${dialect}` };
  const value = filter[dialect];
  if (isAttributeDialect(dialect)) checkAttributes(value, inner);
  else if (dialect === 'any' || dialect === 'all') checkList(value, inner);
  else if (dialect === 'not') check(value, { ...inner, depth: depth + 1 });
  else if (dialect === 'sql') faults.push(`${path}.sql: SQL is not supported; use ${DIALECTS.join(', ')}`);
  else faults.push(`${path}.${dialect.slice(0, 50)}: is no dialect; there are ${DIALECTS.join(', ')}`);
}

function checkList(value: unknown, checking: Checking): void {
  const { path, depth, faults } = checking;
  if (!Array.isArray(value) || value.length === 0) {
    return void faults.push(`${path}: must be an array of at least one filter`);
  }
  value.forEach((each, index) => {
    check(each, { ...checking, path: `${path}[${index}]`, depth: depth + 1 });
  });
}

function checkAttributes(value: unknown, { path, faults }: Checking): void {
  const names = isRecord(value) ? Object.keys(value) : [];
  if (!isRecord(value) || names.length === 0 || names.length > MAX_ATTRIBUTES) {
    return void faults.push(`${path}: must be an object of 1 to ${MAX_ATTRIBUTES} attributes, such as { type: '...' }`);
  }
  for (const name of names) {
    const text = value[name];
    if (name === 'data') faults.push(`${path}.data: is no attribute; filters see attributes only`);
    else if (!ATTRIBUTE_NAME.test(name)) {
      faults.push(`${path}.${name.slice(0, 50)}: names of attributes are lower-case letters and digits`);
    } else if (typeof text !== 'string' || text === '' || text.length > MAX_ATTRIBUTE_LENGTH) {
      faults.push(`${path}.${name}: must be a string of 1 to ${MAX_ATTRIBUTE_LENGTH} characters`);
    }
  }
}

function isAttributeDialect(dialect: string): dialect is AttributeDialect {
  return (ATTRIBUTE_DIALECTS as readonly string[]).includes(dialect);
}

/** All of them must match; without any, every event does. */
export function compile(filters: readonly Filter[]): Matcher {
  return every(filters.map(compileOne));
}

function compileOne(filter: Filter): Matcher {
  if ('exact' in filter) return attributes(filter.exact, (text, wanted) => text === wanted);
  if ('prefix' in filter) return attributes(filter.prefix, (text, wanted) => text.startsWith(wanted));
  if ('suffix' in filter) return attributes(filter.suffix, (text, wanted) => text.endsWith(wanted));
  if ('all' in filter) return every(filter.all.map(compileOne));
  if ('any' in filter) {
    const matchers = filter.any.map(compileOne);
    return (event) => matchers.some((matches) => matches(event));
  }
  const matches = compileOne(filter.not);
  return (event) => !matches(event);
}

function every(matchers: readonly Matcher[]): Matcher {
  const [only] = matchers;
  if (only && matchers.length === 1) return only;
  return (event) => matchers.every((matches) => matches(event));
}

function attributes(
  wanted: Readonly<Record<string, string>>,
  compare: (text: string, wanted: string) => boolean,
): Matcher {
  return every(
    Object.entries(wanted).map(([name, value]) => (event) => {
      const text = attributeText(event, name);
      return text !== undefined && compare(text, value);
    }),
  );
}

/** In the canonical form of its type; undefined where the event has no such attribute. */
function attributeText(event: CloudEvent, name: string): string | undefined {
  // Names such as `constructor` are allowed, and are members of every object.
  if (!Object.hasOwn(event, name)) return undefined;
  const value = event[name];
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** The types of which an event must be one for the filters to match it; undefined where they say nothing about it. */
export function typesOf(filters: readonly Filter[]): ReadonlySet<string> | undefined {
  let fewest: ReadonlySet<string> | undefined;
  for (const filter of filters) {
    const types = typesOfOne(filter);
    if (types && (!fewest || types.size < fewest.size)) fewest = types;
  }
  return fewest;
}

function typesOfOne(filter: Filter): ReadonlySet<string> | undefined {
  if ('exact' in filter) return Object.hasOwn(filter.exact, 'type') ? new Set([filter.exact['type'] ?? '']) : undefined;
  if ('all' in filter) return typesOf(filter.all);
  if (!('any' in filter)) return undefined;
  const types = new Set<string>();
  for (const each of filter.any) {
    const some = typesOfOne(each);
    if (!some) return undefined;
    for (const type of some) types.add(type);
  }
  return types;
}
