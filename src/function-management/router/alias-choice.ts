/** Which version a call goes to. Pure: chance is an argument. */
import type { FunctionAlias } from '../registry/protocol.ts';

/** `chance` is in [0, 1). Aliases have at least one target, and positive weights. */
export function chooseVersion(alias: FunctionAlias, chance: number): number {
  const [first] = alias.targets;
  if (alias.targets.length === 1 && first) return first.version;
  const total = alias.targets.reduce((sum, { weight }) => sum + weight, 0);
  let rest = chance * total;
  for (const { version, weight } of alias.targets) {
    rest -= weight;
    if (rest < 0) return version;
  }
  // Rounding can leave a rest of zero after the last target.
  return alias.targets.at(-1)?.version ?? 0;
}
