/** What is stored of an execution beside its journal, and what is believed of it when it is read. Pure. */

import { executionKeys } from '../../store/keys.ts';
import type { Key, Operation } from '../../store/protocol.ts';
import { fieldsOf, isBytes, isError, isFlag, isNumber, isRecord, isText, maybe, oneOf } from '../../store/shape.ts';
import { DURABILITIES } from '../events.ts';
import { EXECUTION_STATUSES } from '../execution-state.ts';
import type { ExecutionSummary, OpenExecution } from './protocol.ts';

/** How an execution can end: the part of its summary's key that is not in its journal's first event. */
export const ENDED_STATUSES = ['succeeded', 'failed', 'cancelled'] as const;

/** `whole`: it has its journal. `compacted`: it had, or its journal cannot be read. */
export type Stage = 'whole' | 'compacted';

/** Where the summary of one that has ended is; itself kept in the order in which they are due. */
export interface Retained {
  readonly id: string;
  readonly stage: Stage;
  readonly endedAtMs: number;
  readonly workflow: string;
  readonly status: string;
  readonly startedAtMs: number;
}

export interface CompactedRecord {
  readonly summary: ExecutionSummary;
  readonly output?: Uint8Array;
}

const isOpenRecord = fieldsOf<OpenExecution>({
  id: isText,
  workflow: isText,
  version: isNumber,
  startedAtMs: isNumber,
  wakeAtMs: maybe(isNumber),
  isWaiting: isFlag,
  status: oneOf(EXECUTION_STATUSES),
});

const isSummary = fieldsOf<ExecutionSummary>({
  id: isText,
  workflow: isText,
  version: isNumber,
  status: oneOf(EXECUTION_STATUSES),
  durability: oneOf(DURABILITIES),
  startedAtMs: isNumber,
  endedAtMs: maybe(isNumber),
  parent: maybe(fieldsOf<NonNullable<ExecutionSummary['parent']>>({ executionId: isText, step: isText })),
  steps: isNumber,
  error: maybe(isError),
  failedStep: maybe(isText),
});

const isCompacted = fieldsOf<CompactedRecord>({ summary: isSummary, output: maybe(isBytes) });

const isPlace = fieldsOf<Pick<Retained, 'workflow' | 'status' | 'startedAtMs'>>({
  workflow: isText,
  status: isText,
  startedAtMs: isNumber,
});

export function loadedOpen(stored: unknown): OpenExecution | undefined {
  return isOpenRecord(stored) ? stored : undefined;
}

export function loadedSummary(stored: unknown): ExecutionSummary | undefined {
  return isSummary(stored) ? stored : undefined;
}

export function loadedCompacted(stored: unknown): CompactedRecord | undefined {
  return isCompacted(stored) ? stored : undefined;
}

/** The id alone where the rest cannot be understood. */
export function loadedRetained(
  key: Key,
  stored: unknown,
): Retained | { readonly id: string; readonly workflow?: never } {
  const id = String(key[3]);
  if (!isRecord(stored) || !isPlace(stored)) return { id };
  const { workflow, status, startedAtMs } = stored;
  return {
    id,
    stage: key[1] === 'whole' ? 'whole' : 'compacted',
    endedAtMs: Number(key[2]),
    workflow,
    status,
    startedAtMs,
  };
}

export function putOpen(open: OpenExecution): Operation {
  return { kind: 'put', key: executionKeys.open(open.id), value: open };
}

/** The summary, and where it is found when its time has come. */
export function putEnded(summary: ExecutionSummary): readonly Operation[] {
  return [
    { kind: 'put', key: executionKeys.ended(summary), value: summary },
    putRetained({ ...summary, stage: 'whole', endedAtMs: endOf(summary) }),
  ];
}

export function putRetained({ id, stage, endedAtMs, workflow, status, startedAtMs }: Retained): Operation {
  return {
    kind: 'put',
    key: executionKeys.retained(stage, endedAtMs, id),
    value: { workflow, status, startedAtMs },
  };
}

export function endOf({ startedAtMs, endedAtMs }: ExecutionSummary): number {
  return endedAtMs ?? startedAtMs;
}
