/** What stands for a worker that is gone by the time somebody asks for it. */
import { TroupeError } from '../../errors.ts';
import type { WorkerControl } from '../../transport/instance-control.ts';
import { createLocalChannelPair } from '../../transport/local-channel.ts';
import type { Channel } from '../../transport/protocol.ts';
import { failedOutcome } from './supervised-worker.ts';

export function endedChannel(workerId: string): Channel {
  const [channel] = createLocalChannelPair();
  channel.close(endedError(workerId));
  return channel;
}

export function endedControl(workerId: string): WorkerControl {
  return { specialise: async () => failedOutcome(endedError(workerId)) };
}

function endedError(workerId: string): TroupeError {
  return new TroupeError('INSTANCE_CRASHED', `Instance ${workerId} has ended.`);
}
