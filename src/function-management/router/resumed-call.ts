/** What becomes of a call that went from instance to instance and cannot end there. */
import { STAMP } from '../../ledger/protocol.ts';
import type { ResumedCall } from '../../transport/peer-protocol.ts';
import type { InstanceHandle } from '../instance/protocol.ts';
import type { Call } from './call.ts';

/** As if the call had gone to the instance by way of the router. True when it has ended by this; else its instance was lost. */
export function enterResumed(call: Call, resumed: ResumedCall, instance: InstanceHandle | undefined): boolean {
  const { callee, failure, timeoutMs } = resumed;
  const receivedMs = call.row.at(STAMP.received);
  call.row.stamp(STAMP.routed, receivedMs);
  call.functionVersion = callee.functionVersion;
  call.timeoutMs = timeoutMs;
  call.deadlineMs = receivedMs + timeoutMs;
  if (instance) call.enter(instance, receivedMs);
  call.place = failure ? 'left' : 'inside';
  if (!failure) return false;
  call.failed(instance?.peers?.mapError(failure.error) ?? failure.error, failure.runMs);
  return true;
}
