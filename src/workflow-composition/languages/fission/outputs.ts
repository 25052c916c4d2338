/** What a node has put out in the end: the output of whatever ran in its place. Decoded when it is looked at, and once. */
import { decodePayload } from '../../../transport/codec.ts';
import { asMarker, markerIn } from './markers.ts';
import type { Node, Run } from './node.ts';

const CONTROL = new Set(['if', 'switch', 'foreach', 'repeat', 'while']);

/** Whether its raw output may be a marker. */
export function isControl({ task, duty }: Node): boolean {
  if (duty !== 'run') return duty === 'check';
  return task !== undefined && task.awaits === undefined && task.runs.kind === 'builtin' && CONTROL.has(task.runs.name);
}

/** Null while there is none. */
export function outputValue(run: Run, node: Node): unknown {
  if (node.value) return node.value.value;
  const value = made(run, node) ?? null;
  if (node.status === 'succeeded') node.value = { value };
  return value;
}

function made(run: Run, node: Node): unknown {
  if (node.catching) return outputValue(run, node.catching);
  if (node.status !== 'succeeded') return null;
  const { expansion } = node;
  if (expansion === undefined) return rawOutput(run, node);
  switch (expansion.kind) {
    case 'place':
      return outputValue(run, expansion.child);
    case 'flow': {
      const output = expansion.members.get(expansion.flow.output);
      return output && outputValue(run, output);
    }
    case 'each':
      return expansion.collects ? expansion.children.map((child) => outputValue(run, child)) : null;
    case 'times':
      return lastOf(run, expansion.children, undefined);
    case 'while':
      return lastOf(run, expansion.children, expansion.initial);
  }
}

function lastOf(run: Run, turns: readonly Node[], initial: { readonly value: unknown } | undefined): unknown {
  const last = turns.at(-1);
  return last ? outputValue(run, last) : initial?.value;
}

function rawOutput(run: Run, node: Node): unknown {
  const output = decodedOutput(run, node);
  const marker = isControl(node) ? asMarker(output) : undefined;
  return marker?.$flow === 'value' ? marker.value : output;
}

/** The step that holds the output as it is; undefined where it has to be put together. */
export function outputStepOf(run: Run, node: Node): string | undefined {
  if (node.catching) return outputStepOf(run, node.catching);
  const { expansion } = node;
  if (expansion === undefined)
    return isControl(node) && markerIn(run.state.steps.get(node.step)?.output) ? undefined : node.step;
  switch (expansion.kind) {
    case 'place':
      return outputStepOf(run, expansion.child);
    case 'flow': {
      const output = expansion.members.get(expansion.flow.output);
      return output && outputStepOf(run, output);
    }
    case 'each':
      return undefined;
    default: {
      const last = expansion.children.at(-1);
      return last && outputStepOf(run, last);
    }
  }
}

/** As the journal has it, a marker where it is one. */
function decodedOutput(run: Run, node: Node): unknown {
  const payload = run.state.steps.get(node.step)?.output;
  return payload && decodePayload(payload);
}
