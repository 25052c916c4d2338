/** An instance that answers when the test says so. */
import type { InstanceCall, InstanceHandle, InstanceLoss } from '../../src/function-management/instance/protocol.ts';

export interface FakeHandle extends InstanceHandle {
  readonly calls: InstanceCall[];
  readonly cancelled: { readonly call: InstanceCall; readonly reason: string }[];
  readonly retired: { readonly graceMs: number; readonly reason: InstanceLoss['reason'] }[];
}

export function fakeHandle(facts: Partial<InstanceHandle> & { readonly takes?: () => boolean } = {}): FakeHandle {
  const { takes = () => true, ...rest } = facts;
  const calls: InstanceCall[] = [];
  const cancelled: FakeHandle['cancelled'] = [];
  const retired: FakeHandle['retired'] = [];
  return {
    instanceId: 'f-1-1',
    claimId: 'f@1#1',
    agentId: 'agent-1',
    functionName: 'f',
    functionVersion: 1,
    concurrency: 1,
    memoryMb: 128,
    origin: { reason: 'first', claimedAtMs: 0, placedAtMs: 0, startedAtMs: 0, specialisedAtMs: 0 },
    ...rest,
    calls,
    cancelled,
    retired,
    dispatch(call) {
      if (!takes()) return false;
      calls.push(call);
      return true;
    },
    cancel: (call, reason) => void cancelled.push({ call, reason }),
    grant: () => undefined,
    retire: (graceMs, reason) => void retired.push({ graceMs, reason }),
  };
}
