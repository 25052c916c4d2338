/** Whether what a step has put out is itself a task or a workflow, told without decoding what cannot be one. */
import { FLOW_FIELDS, TASK_FIELDS } from './parse-values.ts';
import { isPlainMap } from './source.ts';

const TASKS = new Set(TASK_FIELDS);
const FLOWS = new Set(FLOW_FIELDS);
/** MessagePack: a map of so many entries, and a text of so many bytes. */
const FIX_MAP = 0x80;
const FIX_TEXT = 0xa0;

/** Reads the first key only: 10 MB of something else are not decoded for this. */
export function mayBeBody(payload: Uint8Array): boolean {
  const entries = (payload[0] ?? 0) - FIX_MAP;
  const length = (payload[1] ?? 0) - FIX_TEXT;
  if (entries < 1 || entries > TASK_FIELDS.length || length < 2 || length > 31) return false;
  const key = String.fromCharCode(...payload.subarray(2, 2 + length));
  return TASKS.has(key) || FLOWS.has(key);
}

/** All of its keys are those of a task, with the name of what to run, or those of a workflow, with a map of tasks. */
export function isBodyShape(value: unknown): boolean {
  if (!isPlainMap(value)) return false;
  const keys = Object.keys(value);
  if (typeof value['run'] === 'string') return keys.every((key) => TASKS.has(key));
  return isPlainMap(value['tasks']) && keys.every((key) => FLOWS.has(key));
}
