/** From stamps to phases. Pure. */
import { PHASES, type Phase, STAMPS } from './protocol.ts';

/**
 * The phases in microseconds, of times in the order of `STAMPS`; they add up to the last less the first. A stamp that was never made, or
 * that lies before its predecessor (the instance was started before the call came in), counts as equal to its predecessor: that phase
 * cost this call nothing.
 */
export function phasesUs(timesMs: ArrayLike<number>): Record<Phase, number> {
  const phases = {} as Record<Phase, number>;
  const repliedMs = timesMs[STAMPS.length - 1] ?? 0;
  let previousMs = timesMs[0] ?? 0;
  for (const [index, phase] of PHASES.entries()) {
    const atMs = Math.min(Math.max(timesMs[index + 1] ?? 0, previousMs), repliedMs);
    // The clock's resolution; what lies beyond it is only noise of the binary fraction.
    phases[phase] = Math.round((atMs - previousMs) * 1e6) / 1e3;
    previousMs = atMs;
  }
  return phases;
}
