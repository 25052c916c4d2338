/**
 * Entry point of an instance in a worker thread. It ends when its control port closes, by `worker.terminate`, by `process.exit` of the
 * function or by an uncaught error; the `Worker` object reports which.
 */
import { workerData } from 'node:worker_threads';
import { type Endpoint, expose } from 'comlink';
import type { InstanceControl, ThreadInstanceData } from '../transport/instance-control.ts';
import { RingChannel } from '../transport/ring-channel.ts';
import { MAX_IDLE_SPIN_MS, MAX_SPIN_MS, SpinPolicy } from '../transport/spin-policy.ts';
import { Gauges } from './gauges.ts';
import { Instance } from './instance.ts';
import { ProcessGroups } from './process-groups.ts';

/**
 * Between two calls of a loop inside another instance. One that comes after more comes from outside by way of that instance: then three threads
 * would spin, for one that works.
 */
const LOOPED_CALL_MS = 0.04;

const data: ThreadInstanceData = workerData;
const groups = new ProcessGroups();
const calls = new RingChannel({
  port: data.calls,
  incoming: data.callsIn,
  outgoing: data.callsOut,
  spinsFor: 'calls',
  policy: new SpinPolicy({ isAllowed: data.spin, maxSpinMs: MAX_IDLE_SPIN_MS }),
});
const gauges = new Gauges(new Float64Array(data.gauges), { intervalMs: 50, shortestMs: 5 });
// A thread shares nothing of its host's environment.
const instance = new Instance({ calls, gauges, groups, hostEnv: {} });

// The control port keeps the thread alive, and ends it: its agent closes it when the instance is to leave.
data.control.ref();
data.control.once('close', () => process.exit());
process.once('exit', () => {
  instance.flush();
  groups.killAll();
});

if (data.isSpare) await (await import('./thread-rehearsal.ts')).rehearseThread();
const control: InstanceControl = {
  specialise: (image) => instance.specialise(image),
  async join(end) {
    const { port, incoming, outgoing, role } = end;
    const spinsFor = role === 'caller' ? 'answers' : 'calls';
    const policy = new SpinPolicy({
      isAllowed: data.spin,
      maxSpinMs: role === 'caller' ? MAX_SPIN_MS : LOOPED_CALL_MS,
    });
    instance.join(end, new RingChannel({ port, incoming, outgoing, spinsFor, policy }));
  },
};
// Node's MessagePort has the methods of an EventTarget that comlink needs; only the types differ.
expose(control, data.control as unknown as Endpoint);
