/** Draws the next change of a function from chance. Pure. */
import type { Random } from '../../../src/kernel/random.ts';
import { between, pick } from '../support/chance.ts';
import type { Change, Journal } from './journal.ts';

/** Sources that all functions share: their artifacts are one, and removing one function must not take another's. */
const SHARED_BUILDS = ['shared-a', 'shared-b', 'shared-c'];
const ALIASES = ['stable', 'canary', 'current'];

export function nextChange(random: Random, journal: Journal, build: string): Change {
  const { versions, aliases } = journal.state;
  const roll = random();
  const other = pick(random, ALIASES);
  const shared = pick(random, SHARED_BUILDS);
  const targets = [0, 1].map(() => ({
    version: versions[between(random, 0, versions.length - 1)] ?? 0,
    weight: between(random, 1, 9),
  }));
  const [first, second] = targets;
  if (versions.length === 0 || roll < 0.6 || !first || !second) return { kind: 'deploy', build };
  if (roll < 0.7) return { kind: 'deploy', build: shared };
  if (roll < 0.94) {
    const isSplit = other !== 'current' && first.version !== second.version;
    return { kind: 'alias', alias: other, targets: isSplit ? [first, second] : [{ ...first, weight: 1 }] };
  }
  if (roll < 0.97 && other !== 'current' && aliases[other]) return { kind: 'unalias', alias: other };
  return { kind: 'remove' };
}

export function sourceOf(build: string): string {
  return `export default () => ${JSON.stringify(build)};\n`;
}
