/** Benchmarks a function on a host that is running, through its gateway: what HTTP shows, and the phases from the answers. */
import { setMaxListeners } from 'node:events';
import type { FunctionDetails } from '../../ecosystem/monitoring/protocol.ts';
import type { HostClient } from '../host-client.ts';
import { defined } from '../options.ts';
import type { BenchFigures, CallRecord } from './figures.ts';
import { BATCH_CALLS, type Subject } from './loops.ts';
import { environment, type Plan, warmAndLoad } from './stages.ts';

export interface HostBench {
  readonly client: HostClient;
  readonly name: string;
  readonly version?: number;
  readonly alias?: string;
  readonly payload: unknown;
  readonly plan: Plan;
}

export async function benchHost(bench: HostBench): Promise<BenchFigures> {
  const { client, name, version, plan } = bench;
  const path = client.functionPath(name);
  // Each request that is under way listens to it, and more than ten are no leak.
  setMaxListeners(0, plan.signal);
  const subject = subjectOf(bench, path);
  const { warm, met, load } = await warmAndLoad(subject, plan);
  const { versions } = await client.json<FunctionDetails>({ method: 'GET', path });
  const called = versions.find((each) => each.version === version) ?? versions.at(-1);
  return {
    function: name,
    host: client.address,
    agent: null,
    isolation: called?.config.isolation ?? null,
    environment: environment(),
    deploy: null,
    cold: { spare: null, fresh: null, met },
    warm,
    load,
    coldStarts: await subject.coldStarts(),
    logLines: null,
  };
}

function subjectOf({ client, version, alias, payload }: HostBench, functionPath: string): Subject {
  const query = new URLSearchParams({ ...defined({ version: version?.toString(), alias }), details: '1' });
  const request = { method: 'POST', path: `${functionPath}/invocations?${query}`, body: payload } as const;
  const latest: CallRecord[] = [];
  const coldStarts: Record<string, number> = {};
  return {
    async call() {
      const { invocation } = await client.json<{ readonly invocation: CallRecord }>(request);
      const { coldStart } = invocation;
      if (coldStart) coldStarts[coldStart] = (coldStarts[coldStart] ?? 0) + 1;
      if (latest.length >= 2 * BATCH_CALLS) latest.splice(0, BATCH_CALLS);
      latest.push(invocation);
    },
    records: (count) => latest.slice(-count),
    coldStarts: async () => coldStarts,
    async instances() {
      const { instances } = await client.json<FunctionDetails>({ method: 'GET', path: functionPath });
      return instances.length;
    },
  };
}
