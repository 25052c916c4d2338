/** Which of a task's inputs can run in its place, and the name that their steps get. */
import { type Body, itemsOf, MAIN_INPUT, memberOf, type Runnable, type Value } from './definition.ts';

export const caseLabel = (index: number): string => `case_${index}`;
/** Of whatever a task or function puts out that is to run. */
export const outputLabel = (body: Body): string => (body.kind === 'task' ? 'task' : 'workflow');

export function nestedBodies(runs: Runnable, inputs: ReadonlyMap<string, Value>): ReadonlyMap<string, Body> {
  const bodies = new Map<string, Body>();
  const add = (label: string, value: Value | undefined): void => {
    if (value?.kind === 'body') bodies.set(label, value.body);
  };
  switch (runs.kind === 'builtin' ? runs.name : undefined) {
    case 'if':
      add('then', inputs.get('then'));
      add('else', inputs.get('else'));
      break;
    case 'switch':
      for (const [index, item] of (itemsOf(inputs.get('cases')) ?? []).entries()) {
        add(caseLabel(index), memberOf(item, 'action'));
      }
      add('default', inputs.get('default'));
      break;
    case 'foreach':
    case 'repeat':
    case 'while':
      add('do', inputs.get('do'));
      break;
    case 'noop':
      addMain(bodies, inputs);
      break;
    case 'compose':
      if (inputs.size === 1) addMain(bodies, inputs);
      break;
    default:
  }
  return bodies;
}

function addMain(bodies: Map<string, Body>, inputs: ReadonlyMap<string, Value>): void {
  const value = inputs.get(MAIN_INPUT);
  if (value?.kind === 'body') bodies.set(outputLabel(value.body), value.body);
}
