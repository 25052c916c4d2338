/** What a suite is to the runner. */
import type { Findings } from './findings.ts';

export interface Round {
  readonly seed: number;
  /** 0 for the first of this run; for naming things, never for choices: a round is repeated from its seed alone. */
  readonly index: number;
  readonly findings: Findings;
}

export interface SuiteRun {
  /** Resolves with one line of figures. What is violated goes to `round.findings`; a rejection counts as one more. */
  round(round: Round): Promise<string>;
  /** Stops everything and looks for what was left behind. Resolves with lines for the end of the report. */
  close(findings: Findings): Promise<readonly string[]>;
}

export interface Suite {
  readonly name: string;
  readonly purpose: string;
  /** Longer, and the round hangs. */
  readonly roundLimitMs: number;
  open(place: Place): Promise<SuiteRun>;
}

export interface Place {
  /** The root of the package under torture. */
  readonly root: string;
  /** An empty directory, removed at the end. */
  readonly directory: string;
}
