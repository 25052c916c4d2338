/** The mistakes of a workflow's definition, each as `file:line:column: text`, so that editors find the place. Pure. */
import { TroupeError } from '../../errors.ts';
import type { WorkflowFault } from '../../workflow-composition/language.ts';

/** Any other error as it is. `hint` ends the message. */
export function withFaults(error: TroupeError, file: string, hint?: string): TroupeError {
  if (error.code !== 'WORKFLOW_INVALID') return error;
  const { faults } = error.details as { readonly faults?: unknown };
  const lines = Array.isArray(faults) ? faults.filter(isFault).map((fault) => faultLine(fault, file)) : [];
  if (lines.length === 0) lines.push(`${file}: ${error.message}`);
  const count = lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`;
  const message = [`${file} has ${count}:`, ...lines, ...(hint === undefined ? [] : [hint])].join('\n');
  return new TroupeError('WORKFLOW_INVALID', message, { details: { ...error.details, file }, cause: error.cause });
}

function isFault(fault: unknown): fault is WorkflowFault {
  return typeof fault === 'object' && fault !== null && 'message' in fault;
}

function faultLine({ message, line, column }: WorkflowFault, file: string): string {
  const place = [file, line, line === undefined ? undefined : column].filter((part) => part !== undefined);
  return `${place.join(':')}: ${message}`;
}
