/** What the inputs of built-ins have to be. */
import { durationMs } from '../duration.ts';

export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
export const isText = (value: unknown): value is string => typeof value === 'string';
export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
export const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value);
export const isDuration = (value: unknown): value is number | string => durationMs(value) !== undefined;
export const DURATION = 'a duration such as 500ms or 1m30s, or a number of milliseconds';
