/**
 * The states of an instance and the only ways between them: `spare -> specialising -> ready <-> busy -> draining -> stopped`, with
 * `failed` from anywhere that is not an end. Pure.
 */
import type { InstanceState } from './protocol.ts';

const NEXT: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  spare: ['specialising', 'stopped', 'failed'],
  specialising: ['ready', 'draining', 'stopped', 'failed'],
  ready: ['busy', 'draining', 'stopped', 'failed'],
  busy: ['ready', 'draining', 'stopped', 'failed'],
  draining: ['stopped', 'failed'],
  stopped: [],
  failed: [],
};

export function mayBecome(from: InstanceState, to: InstanceState): boolean {
  return NEXT[from].includes(to);
}

export function hasEnded(state: InstanceState): boolean {
  return NEXT[state].length === 0;
}

/** What it shows of itself: an instance that takes calls is busy while any is inside. */
export function shownState(state: InstanceState, inFlight: number): InstanceState {
  return state === 'ready' && inFlight > 0 ? 'busy' : state;
}
