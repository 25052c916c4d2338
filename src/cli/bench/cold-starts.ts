/**
 * Brings about cold starts, one at a time, through the public API: the same source is deployed under a name that no function had yet, so
 * that its first call finds no instance, but code that is built, and its code cache. The build is not part of it.
 *
 * Two hosts take turns: one that keeps spares, and one that keeps none, so that every start on it is a fresh thread or process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionConfig } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import type { Troupe } from '../../troupe.ts';
import type { Call } from './call.ts';
import { type Sample, toSample } from './figures.ts';
import type { Limits } from './loops.ts';

export interface ColdSubject {
  /** What the names of the functions begin with. */
  readonly name: string;
  readonly source: string;
  readonly config: FunctionConfig;
  readonly call: Call;
  /** The source is deployed on both under some other name: what holds the built code and its cache. */
  readonly hosts: { readonly spare: Troupe; readonly fresh: Troupe };
}

export interface ColdSamples {
  readonly spare: readonly Sample[];
  readonly fresh: readonly Sample[];
}

const KINDS = ['spare', 'fresh'] as const;
/** Before each call: spares are complete again, code caches written, and everything else is quiet. Starts farther apart are no burst. */
const LEAST_PAUSE_MS = 300;
/** A spare takes as long to start as a fresh worker, and two may be missing. */
const PAUSE_PER_START = 6;
/** A name has 63 characters at most. */
const LONGEST_PREFIX = 50;

/**
 * The first start on each host does not count: there are no spares yet. `durationMs` counts the calls, not the pauses. Ends early with its
 * signal, or when the hosts are closed.
 */
export async function coldStarts(subject: ColdSubject, { calls, durationMs, signal }: Limits): Promise<ColdSamples> {
  const samples = { spare: [] as Sample[], fresh: [] as Sample[] };
  let pauseMs = LEAST_PAUSE_MS;
  let leftMs = durationMs;
  for (let round = 0; round <= calls && (leftMs > 0 || round < 2); round++) {
    for (const kind of KINDS) {
      const sample = await coldStart(subject, { kind, round, pauseMs, signal });
      pauseMs = Math.max(pauseMs, (PAUSE_PER_START * sample.componentsUs.start) / 1_000);
      leftMs -= sample.totalUs / 1_000;
      if (round > 0) samples[kind].push(sample);
    }
  }
  return samples;
}

interface ColdStart {
  readonly kind: 'spare' | 'fresh';
  readonly round: number;
  readonly pauseMs: number;
  readonly signal: AbortSignal;
}

async function coldStart(subject: ColdSubject, { kind, round, pauseMs, signal }: ColdStart): Promise<Sample> {
  const { source, config, call, hosts } = subject;
  const troupe = hosts[kind];
  const name = `${subject.name.slice(0, LONGEST_PREFIX)}-cold-${round}`;
  // An instance that is kept ready would make its first call a warm one.
  await troupe.deploy({ ...config, name, source, minInstances: 0 });
  await sleep(pauseMs, undefined, { signal });
  const startedMs = performance.now();
  await call(troupe, name);
  const tookUs = (performance.now() - startedMs) * 1_000;
  const [record] = troupe.invocations(1, name);
  if (!record) throw new TroupeError('INTERNAL', `The ledger has no record of the call of ${name}.`);
  await troupe.remove(name);
  return toSample(tookUs, record);
}
