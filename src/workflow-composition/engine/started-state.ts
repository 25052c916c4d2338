/** The first event of an execution, from what was asked for and what the workflow says. Pure. */
import { TroupeError } from '../../errors.ts';
import type { ExecutionStarted } from '../events.ts';
import type { ExecutionState } from '../execution-state.ts';
import { begin } from '../fold.ts';
import type { CompiledWorkflow } from '../registry/protocol.ts';
import type { StartExecution } from './protocol.ts';

export type NewExecution = Omit<StartExecution, 'id'> & { readonly parent?: ExecutionStarted['parent'] };

/** Throws `CALL_DEPTH_EXCEEDED`. */
export function startedState(
  id: string,
  compiled: CompiledWorkflow,
  request: NewExecution,
  { atMs, maxDepth }: { readonly atMs: number; readonly maxDepth: number },
): ExecutionState {
  const { input, headers, query, depth = 0, parent } = request;
  if (depth > maxDepth) {
    throw new TroupeError(
      'CALL_DEPTH_EXCEEDED',
      `Starting "${compiled.name}" would be more than ${maxDepth} calls deep. Workflows that start each other in a circle end here.`,
      { details: { workflow: compiled.name, maxDepth } },
    );
  }
  const { timeoutMs: ownMs, durability = 'strict' } = compiled.summary;
  const limitMs = Math.min(request.timeoutMs ?? Number.POSITIVE_INFINITY, ownMs ?? Number.POSITIVE_INFINITY);
  return begin(id, {
    type: 'executionStarted',
    workflow: compiled.name,
    version: compiled.version,
    input,
    durability: request.durability ?? durability,
    depth,
    ...(limitMs !== Number.POSITIVE_INFINITY && { deadlineAtMs: atMs + limitMs }),
    ...(headers && { headers }),
    ...(query && { query }),
    ...(parent && { parent }),
    atMs,
  });
}
