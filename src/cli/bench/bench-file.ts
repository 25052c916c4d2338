/** Benchmarks a function in a file, on hosts of its own in this process, and leaves nothing behind. */
import type { FunctionConfig } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import type { HandlerShape } from '../../transport/instance-control.ts';
import { createTroupe, type Troupe } from '../../troupe.ts';
import { nameOf } from '../invoke-file.ts';
import { orAborted } from '../signals.ts';
import { type Call, callGet, callWith } from './call.ts';
import { type ColdSamples, coldStarts } from './cold-starts.ts';
import { addCounts, type BenchFigures, countReasons, figuresOf } from './figures.ts';
import { BATCH_CALLS, type Subject } from './loops.ts';
import { environment, type Plan, warmAndLoad } from './stages.ts';

export interface FileBench {
  readonly path: string;
  readonly config: FunctionConfig;
  readonly payload: unknown;
  /** The path of a request that a function with `fetch` answers; without it, and without a payload, `/`. */
  readonly get: string | undefined;
  readonly agent: 'inline' | 'process';
  readonly plan: Plan;
}

interface ColdBench {
  readonly name: string;
  readonly call: Call;
  readonly bench: FileBench;
}

const NO_COLD: ColdSamples = { spare: [], fresh: [] };

export async function benchFile(bench: FileBench): Promise<BenchFigures> {
  const { path, config, agent, plan } = bench;
  const { signal, note } = plan;
  const name = nameOf(path);
  const troupe = await startHost(bench);
  try {
    note(`building and deploying ${path}`);
    const deployed = await orAborted(troupe.deploy({ ...config, name, source: path }), signal);
    const { versions } = await troupe.describe(name);
    const call = callOf(bench, versions.at(-1)?.shape);
    // What fails at every call should do so under its own name.
    await orAborted(call(troupe, name), signal);
    const cold = plan.coldStarts > 0 ? await measureCold(troupe, { name, call, bench }) : NO_COLD;
    const subject = subjectOf(troupe, name, call);
    const { warm, met, load } = await orAborted(warmAndLoad(subject, plan), signal);
    return {
      function: name,
      host: null,
      agent,
      isolation: versions.at(-1)?.config.isolation ?? null,
      environment: environment(),
      deploy: { buildMs: deployed.buildMs, bytes: deployed.bytes },
      cold: { ...coldFigures(cold), met },
      warm,
      load,
      coldStarts: addCounts(countReasons([...cold.spare, ...cold.fresh]), await subject.coldStarts()),
      logLines: (await troupe.stats()).logLines,
    };
  } finally {
    await troupe.close();
  }
}

/** A function with `fetch` that is given nothing is asked for its first page. */
function callOf({ payload, get }: FileBench, shape: HandlerShape | undefined): Call {
  if (get === undefined) return shape === 'fetch' && payload === undefined ? callGet('/') : callWith(payload);
  if (shape === 'fetch') return callGet(get);
  throw new TroupeError('INVALID_ARGUMENT', '--get is for a function that exports fetch, and this one does not.');
}

function startHost({ agent }: FileBench, spares?: number): Promise<Troupe> {
  const options = { agent, drainTimeoutMs: 0, keptInvocations: BATCH_CALLS };
  return createTroupe(spares === undefined ? options : { ...options, spares });
}

/** The host without spares is there for this part only. */
async function measureCold(spare: Troupe, { name, call, bench }: ColdBench): Promise<ColdSamples> {
  const { path: source, config, plan } = bench;
  const { signal, note } = plan;
  const fresh = await startHost(bench, 0);
  try {
    await orAborted(fresh.deploy({ ...config, name, source }), signal);
    note(`cold starts, ${plan.coldStarts} from a spare and ${plan.coldStarts} fresh, with pauses between them`);
    const subject = { name, source, config, call, hosts: { spare, fresh } };
    const limits = { calls: plan.coldStarts, durationMs: plan.coldDurationMs, signal };
    return await orAborted(coldStarts(subject, limits), signal);
  } finally {
    await fresh.close();
  }
}

function coldFigures({ spare, fresh }: ColdSamples): Pick<BenchFigures['cold'], 'spare' | 'fresh'> {
  const freshFigures = figuresOf(fresh) ?? null;
  const spareFigures = figuresOf(spare);
  if (!spareFigures || !freshFigures) return { spare: null, fresh: freshFigures };
  // Short of memory, a host keeps fewer spares, or none.
  const startUs = freshFigures.componentsUs.start.p50 / 2;
  const withoutSpare = spare.filter(({ componentsUs }) => componentsUs.start > startUs).length;
  return { spare: { ...spareFigures, withoutSpare }, fresh: freshFigures };
}

/** Calls are made as an embedding program makes them; their phases are read from the ledger afterwards. */
function subjectOf(troupe: Troupe, name: string, call: Call): Subject {
  return {
    call: () => call(troupe, name),
    records(count) {
      const latest = troupe.invocations(BATCH_CALLS, name);
      // A function may call itself.
      return latest
        .filter(({ depth }) => depth === 0)
        .slice(0, count)
        .reverse();
    },
    async coldStarts() {
      const { functions } = await troupe.stats();
      return functions.find((each) => each.name === name)?.coldStarts ?? {};
    },
    instances: async () => (await troupe.describe(name)).instances.length,
  };
}
