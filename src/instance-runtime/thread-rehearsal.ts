/** The rehearsal of a thread: also over the wires that a thread has, both ends in this one. */
import { MessageChannel } from 'node:worker_threads';
import { type Endpoint, expose, type Remote, releaseProxy, wrap } from 'comlink';
import type { InstanceControl } from '../transport/instance-control.ts';
import { MessagePortChannel } from '../transport/message-port-channel.ts';
import { REHEARSAL_IMAGE, rehearse } from './rehearsal.ts';

export async function rehearseThread(): Promise<void> {
  const calls = new MessageChannel();
  await rehearse([new MessagePortChannel(calls.port1), new MessagePortChannel(calls.port2)]);
  await rehearseControl();
}

async function rehearseControl(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const control: InstanceControl = {
    specialise: async () => ({ kind: 'ready', manifest: { shape: 'value', config: {} }, tookMs: 0 }),
  };
  expose(control, port2 as unknown as Endpoint);
  const remote = wrap(port1 as unknown as Endpoint) as unknown as Remote<InstanceControl>;
  await remote.specialise(REHEARSAL_IMAGE);
  remote[releaseProxy]();
  port1.close();
}
