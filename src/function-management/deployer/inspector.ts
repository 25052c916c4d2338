/**
 * Loads an artifact once, in a worker of its own, to learn what it exports: a source that cannot be loaded is refused before anything
 * changes. Uses a claim like any instance, so whatever the module does at its top level, it does to a worker and not to the host.
 */
import { deserializeError, type SerializedError, TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ActorRef } from '../../kernel/protocol.ts';
import type { ResourceManagerMessages, Worker } from '../../resource-orchestration/resource-manager/protocol.ts';
import type { InstanceImage } from '../../transport/instance-control.ts';
import type { Artifact, FunctionManifest, Inspect } from '../builder/protocol.ts';

export interface InspectorOptions {
  readonly manager: ActorRef<ResourceManagerMessages>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly payloadLimitBytes: number;
}

/** Enough for any bundle that an instance of the default size can load. */
const INSPECTION_MEMORY_MB = 256;

export function makeInspect(options: InspectorOptions): Inspect {
  let count = 0;
  return (artifact, env) => {
    const claimId = `inspect-${artifact.hash.slice(0, 12)}#${++count}`;
    return inspect(options, claimId, imageOf(artifact, env, options.payloadLimitBytes));
  };
}

function inspect(options: InspectorOptions, claimId: string, image: InstanceImage): Promise<FunctionManifest> {
  const { manager, clock, timeoutMs } = options;
  return new Promise<FunctionManifest>((resolve, reject) => {
    const cancelTimer = clock.after(timeoutMs, () =>
      fail(`Loading the function took longer than ${timeoutMs} ms. Look for work at the top level of the module.`),
    );
    const finish = () => {
      cancelTimer();
      manager.tell('release', { claimId, graceMs: 0 });
    };
    const fail = (message: string, error?: SerializedError) => {
      finish();
      const cause = error && deserializeError(error);
      reject(cause instanceof TroupeError ? cause : new TroupeError('INSTANCE_START_FAILED', message, { cause }));
    };
    const loaded = async (worker: Worker) => {
      const outcome = await worker.control.specialise(image);
      if (outcome.kind === 'failed') return fail('The function does not load.', outcome.error);
      finish();
      resolve(outcome.manifest);
    };
    manager.tell('claim', {
      claimId,
      spec: {
        group: claimId.split('#', 1)[0] ?? claimId,
        kind: 'thread',
        memoryMb: INSPECTION_MEMORY_MB,
        cpuShares: 1,
        priority: 'normal',
      },
      listener: {
        workerStarted: (worker) => void loaded(worker).catch((thrown) => fail(String(thrown))),
        workerLost: ({ reason, error }) =>
          fail(`The function's module ended its worker while it loaded: ${reason}.`, error),
        claimDelayed: ({ reason }) => {
          if (reason === 'impossible')
            fail(`Loading a function takes ${INSPECTION_MEMORY_MB} MiB, more than the memory budget.`);
        },
        roomNeeded: () => undefined,
        evict: () => fail('The function was not loaded: its worker had to make room.'),
      },
    });
  });
}

function imageOf(artifact: Artifact, env: InstanceImage['env'], payloadLimitBytes: number): InstanceImage {
  return {
    functionName: 'inspection',
    functionVersion: 0,
    format: artifact.format,
    entry: artifact.entry,
    env,
    memoryMb: INSPECTION_MEMORY_MB,
    payloadLimitBytes,
  };
}
