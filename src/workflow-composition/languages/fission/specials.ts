/** What loops give to their turns, and what work that is nested in a turn sees of it: `_item`, `_prev`, `_count`, and the error that is caught. */
import type { SerializedError } from '../../../errors.ts';
import type { Node, Run } from './node.ts';
import { outputValue } from './outputs.ts';

export interface Specials {
  /** They win over an input of that name. */
  readonly own: Readonly<Record<string, unknown>>;
  /** Of what it is nested in: an input of that name wins. */
  readonly inherited: Readonly<Record<string, unknown>>;
}

export function specialsOf(run: Run, node: Node): Specials {
  const own = givenTo(run, node);
  const inherited: Record<string, unknown> = {};
  const inLoop = isTurn(node);
  collect(run, { node: node.owner, into: inherited, withoutTurns: inLoop });
  for (const name of Object.keys(own)) delete inherited[name];
  return { own, inherited };
}

/** A loop within a turn of another one begins anew, but goes on with the item that it is about. */
function collect(
  run: Run,
  { node, into, withoutTurns }: { node: Node | undefined; into: Record<string, unknown>; withoutTurns: boolean },
): void {
  let isCut = withoutTurns;
  for (let each = node; each; each = each.owner) {
    for (const [name, value] of Object.entries(givenTo(run, each))) {
      if (!Object.hasOwn(into, name) && (!isCut || name === '_item')) into[name] = value;
    }
    isCut ||= isTurn(each);
  }
}

function isTurn({ owner, relation }: Node): boolean {
  const kind = relation === 'member' ? owner?.expansion?.kind : undefined;
  return kind === 'times' || kind === 'while';
}

function givenTo(run: Run, { owner, relation, index, duty }: Node): Readonly<Record<string, unknown>> {
  const expansion = relation === 'member' ? owner?.expansion : undefined;
  switch (expansion?.kind) {
    case 'each':
      return { _item: expansion.items[index] };
    case 'times':
      return previous(run, expansion.children[index - 1], undefined);
    case 'while': {
      // The step that checks is about the turns so far, a turn about itself too.
      const _count = duty === 'run' ? index + 1 : index;
      return { ...previous(run, expansion.children[index - 1], expansion.initial), _count };
    }
    default:
      return {};
  }
}

function previous(
  run: Run,
  turn: Node | undefined,
  initial: { readonly value: unknown } | undefined,
): Readonly<Record<string, unknown>> {
  if (turn) return { _prev: outputValue(run, turn) };
  return initial ? { _prev: initial.value } : {};
}

/** Of what failed and is being caught around it. */
export function caughtError(node: Node): SerializedError | undefined {
  for (let each: Node | undefined = node; each; each = each.owner) {
    if (each.relation === 'catch') return each.owner?.error;
  }
  return undefined;
}
