/** Why an instance is being started. Pure. */
import type { ColdStartReason } from '../../ledger/protocol.ts';

export interface StartCircumstances {
  /** It stands in for an instance that was lost. */
  readonly replaces: boolean;
  /** Other instances of this version that live or are being started. */
  readonly others: number;
  /** This version has had an instance before. */
  readonly versionHadInstances: boolean;
  /** Some version of this function has had an instance before. */
  readonly functionHadInstances: boolean;
}

export function coldStartReason(circumstances: StartCircumstances): ColdStartReason {
  if (circumstances.replaces) return 'replaced';
  if (circumstances.others > 0) return 'burst';
  if (circumstances.versionHadInstances) return 'scaled-to-zero';
  return circumstances.functionHadInstances ? 'new-version' : 'first';
}
