/** Every mistake in a definition, each with its place: collected, so that a user sees all of them at once. */
import { TroupeError } from '../../../errors.ts';
import type { WorkflowFault } from '../../language.ts';

export interface Place {
  /** From 1, as the column. */
  readonly line: number;
  readonly column: number;
}

/** More than anybody reads; a file that is no workflow at all has one for each of its lines. */
const MAX_FAULTS = 1_000;

export class Faults {
  readonly #file: string;
  readonly #faults: WorkflowFault[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  get isEmpty(): boolean {
    return this.#faults.length === 0;
  }

  /** Undefined, so that whoever finds a fault can return it for the value that is missing. */
  add(message: string, at?: Place): undefined {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push({ message, ...at });
  }

  /** Throws `WORKFLOW_INVALID` where there is one. */
  check(): void {
    if (this.isEmpty) return;
    const faults = this.#faults.toSorted(inOrder);
    const lines = faults.map(({ message, line, column }) =>
      line === undefined ? `${this.#file}: ${message}` : `${this.#file}:${line}:${column}: ${message}`,
    );
    throw new TroupeError('WORKFLOW_INVALID', lines.join('\n'), { details: { faults } });
  }
}

function inOrder(a: WorkflowFault, b: WorkflowFault): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** ` Did you mean "x"?`, or nothing where no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  let best: string | undefined;
  let bestDistance = Math.floor(word.length / 3) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= bestDistance && distance < Math.max(word.length, candidate.length)) {
      if (distance < bestDistance || best === undefined) best = candidate;
      bestDistance = distance;
    }
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`;
}

/** Levenshtein's, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
