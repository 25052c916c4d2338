/**
 * Loads an artifact once, in a worker of its own, to learn what it exports: a source that cannot be loaded is refused before anything
 * changes. Uses a claim like any instance, so whatever the module does at its top level, it does to a worker and not to the host.
 */
import { functionConfigSchema } from '../../config.ts';
import { deserializeError, type SerializedError, TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ActorRef } from '../../kernel/protocol.ts';
import type {
  ClaimListener,
  ResourceManagerMessages,
  Worker,
} from '../../resource-orchestration/resource-manager/protocol.ts';
import type { InstanceImage } from '../../transport/instance-control.ts';
import type { FunctionManifest, Inspect } from '../builder/protocol.ts';

export interface InspectorOptions {
  readonly manager: ActorRef<ResourceManagerMessages>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly payloadLimitBytes: number;
  /** The budget of one node agent: on a small one a function has to load in less. */
  readonly agentBudgetMb: number;
  /** Idle instances have to give way to what is being deployed as they do to calls. Must only tell. */
  readonly roomNeeded: ClaimListener['roomNeeded'];
}

/** The default size of a function: its spares serve inspections too. */
const INSPECTION_MEMORY_MB = functionConfigSchema.shape.memoryMb.parse(undefined);
/** For what does not load in that: the function may be given more. */
const LARGE_INSPECTION_MEMORY_MB = 4 * INSPECTION_MEMORY_MB;

export function makeInspect(options: InspectorOptions): Inspect {
  const { agentBudgetMb, payloadLimitBytes } = options;
  let count = 0;
  return async (artifact, env) => {
    const { format, entry, permanentEntry } = artifact;
    const inspectIn = (wantedMb: number) => {
      const claimId = `inspect-${artifact.hash.slice(0, 12)}#${++count}`;
      const memoryMb = Math.min(wantedMb, agentBudgetMb);
      const image: InstanceImage = {
        functionName: 'inspection',
        functionVersion: 0,
        format,
        entry,
        ...(permanentEntry === undefined ? {} : { filename: permanentEntry }),
        env,
        codeCache: 'make',
        memoryMb,
        payloadLimitBytes,
      };
      return inspect(options, claimId, image);
    };
    try {
      return await inspectIn(INSPECTION_MEMORY_MB);
    } catch (thrown) {
      const isTooSmall = thrown instanceof TroupeError && thrown.code === 'OUT_OF_MEMORY';
      if (!isTooSmall || agentBudgetMb <= INSPECTION_MEMORY_MB) throw thrown;
      return await inspectIn(LARGE_INSPECTION_MEMORY_MB);
    }
  };
}

function inspect(options: InspectorOptions, claimId: string, image: InstanceImage): Promise<FunctionManifest> {
  const { manager, clock, timeoutMs, roomNeeded } = options;
  const { memoryMb } = image;
  return new Promise<FunctionManifest>((resolve, reject) => {
    let isLoading = false;
    const cancelTimer = clock.after(timeoutMs, () => {
      if (!isLoading) return refuse(noRoom(memoryMb, timeoutMs));
      fail(`Loading the function took longer than ${timeoutMs} ms. Look for work at the top level of the module.`);
    });
    const finish = () => {
      cancelTimer();
      manager.tell('release', { claimId, graceMs: 0 });
    };
    const refuse = (error: TroupeError) => {
      finish();
      reject(error);
    };
    const fail = (message: string, error?: SerializedError) => {
      const cause = error && deserializeError(error);
      refuse(cause instanceof TroupeError ? cause : new TroupeError('INSTANCE_START_FAILED', message, { cause }));
    };
    const loaded = async (worker: Worker) => {
      isLoading = true;
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
        memoryMb,
        cpuShares: 1,
        priority: 'normal',
      },
      listener: {
        workerStarted: (worker) => void loaded(worker).catch((thrown) => fail(String(thrown))),
        workerLost: ({ reason, error }) =>
          fail(`The function's module ended its worker while it loaded: ${reason}.`, error),
        claimDelayed: ({ reason }) => {
          if (reason === 'impossible') refuse(noRoom(memoryMb, 0));
        },
        roomNeeded,
        evict: () => fail('The function was not loaded: its worker had to make room.'),
      },
    });
  });
}

function noRoom(memoryMb: number, waitedMs: number): TroupeError {
  return new TroupeError(
    'NO_CAPACITY',
    `Loading the function takes ${memoryMb} MiB, and in ${waitedMs} ms no node agent had room for that. Raise memoryBudgetMb, or deploy when less is running.`,
    { details: { memoryMb, waitedMs } },
  );
}
