/** What a step that has succeeded puts out to run in its place, if anything. Throws a `TroupeError` where that is no valid work. */
import { TroupeError } from '../../../errors.ts';
import { decodePayload } from '../../../transport/codec.ts';
import type { Body, Task } from './definition.ts';
import { isBodyShape, mayBeBody } from './dynamic-output.ts';
import { type Marker, markerIn } from './markers.ts';
import { outputLabel } from './nested-bodies.ts';
import type { Node, Run } from './node.ts';
import { isControl } from './outputs.ts';
import { parseBody } from './parse.ts';
import { MAX_NESTING } from './parsing.ts';

export type Work =
  | { readonly kind: 'place'; readonly label: string; readonly body: Body }
  | { readonly kind: 'each'; readonly body: Body; readonly marker: Marker & { $flow: 'each' } }
  | { readonly kind: 'times'; readonly body: Body; readonly marker: Marker & { $flow: 'times' } }
  | { readonly kind: 'while'; readonly body: Body; readonly marker: Marker & { $flow: 'while' } };

export function workOf(run: Run, node: Node): Work | undefined {
  const { task } = node;
  const payload = run.state.steps.get(node.step)?.output;
  if (task === undefined || payload === undefined || node.duty !== 'run') return undefined;
  const work = isControl(node) ? markedWork(run, task, payload) : putOut(run, task, payload);
  if (work !== undefined && node.depth >= MAX_NESTING) {
    throw new TroupeError(
      'EXPANSION_TOO_DEEP',
      `What task "${node.step}" puts out would run ${node.depth + 1} tasks deep, and the limit is ${MAX_NESTING}.`,
    );
  }
  return work;
}

function markedWork(run: Run, task: Task, payload: Uint8Array): Work | undefined {
  const marker = markerIn(payload);
  switch (marker?.$flow) {
    case 'branch':
      return { kind: 'place', label: marker.at, body: bodyAt(run, task, { label: marker.at, plain: marker.plain }) };
    case 'each':
      return { kind: 'each', marker, body: bodyAt(run, task, { label: 'do', plain: marker.plain }) };
    case 'times':
      return { kind: 'times', marker, body: bodyAt(run, task, { label: 'do', plain: marker.plain }) };
    case 'while':
      return { kind: 'while', marker, body: bodyAt(run, task, { label: 'do', plain: marker.plain }) };
    default:
      return undefined;
  }
}

function bodyAt(run: Run, task: Task, { label, plain }: { readonly label: string; readonly plain: unknown }): Body {
  const known = plain === undefined ? task.bodies.get(label) : undefined;
  return known ?? parseBody(plain, `what "${label}" of task "${task.id}" puts out`, run.expressions);
}

/** Answers from outside (of a signal, of a server) are data whatever they look like: nobody out there says what runs here. */
function putOut(run: Run, task: Task, payload: Uint8Array): Work | undefined {
  const { runs } = task;
  if (task.awaits !== undefined || runs.kind === 'url' || (runs.kind === 'builtin' && runs.name === 'http'))
    return undefined;
  const [known] = task.bodies;
  if (known !== undefined) return { kind: 'place', label: known[0], body: known[1] };
  if (!mayBeBody(payload)) return undefined;
  const plain = decodePayload(payload);
  if (!isBodyShape(plain)) return undefined;
  const body = parseBody(plain, `what task "${task.id}" puts out`, run.expressions);
  return { kind: 'place', label: outputLabel(body), body };
}
