/** From stamps to phases. Pure. */
import { PHASES, type Phase, STAMPS, type Stamps } from './protocol.ts';

export function newStamps(receivedMs: number): Stamps {
  return {
    received: receivedMs,
    routed: 0,
    dequeued: 0,
    placed: 0,
    started: 0,
    specialised: 0,
    delivered: 0,
    finished: 0,
    replied: 0,
  };
}

/**
 * The phases in microseconds; they add up to `replied - received`. A stamp that was never made, or that lies before its predecessor
 * (the instance was started before the call came in), counts as equal to its predecessor: that phase cost this call nothing.
 */
export function phasesUs(stamps: Stamps): Record<Phase, number> {
  const phases = {} as Record<Phase, number>;
  let previous = stamps.received;
  for (const [index, phase] of PHASES.entries()) {
    const stampName = STAMPS[index + 1];
    const stamp = Math.min(Math.max(stampName ? stamps[stampName] : previous, previous), stamps.replied);
    // The clock's resolution; what lies beyond it is only noise of the binary fraction.
    phases[phase] = Math.round((stamp - previous) * 1e6) / 1e3;
    previous = stamp;
  }
  return phases;
}
