/**
 * How slow the machine is at this moment, told by how long it takes to start a bare Node process. The limits of the suites hold on a machine
 * that does so in `NOMINAL_START_MS`. What is over its limit is judged again with the limit multiplied by the slowness just measured, and
 * the report says how often that was needed and by how much: it is never widened silently.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Findings } from './findings.ts';

const run = promisify(execFile);
/** Two idle cores of 2020 or later, with room for a little noise. */
const NOMINAL_START_MS = 60;
const SAMPLES = 3;
const MOST = 5;

export class Tolerance {
  #used = 0;
  #worst = 1;

  /** Adds a finding when `valueMs` is over the limit and no slowness of the machine accounts for it. */
  async check(valueMs: number, limitMs: number, findings: Findings, what: string): Promise<void> {
    if (valueMs <= limitMs) return;
    const slowness = await measureSlowness();
    const allowedMs = limitMs * slowness;
    if (valueMs > allowedMs) {
      const by = slowness > 1 ? ` (${allowedMs.toFixed(0)} on this machine now)` : '';
      findings.add(`${what} took ${valueMs.toFixed(0)} ms; ${limitMs} ms are allowed${by}`);
      return;
    }
    this.#used++;
    this.#worst = Math.max(this.#worst, slowness);
  }

  toString(): string {
    if (this.#used === 0) return 'no limit was stretched';
    return `${this.#used} limits were stretched because the machine was slow, by up to ${this.#worst.toFixed(1)} times`;
  }
}

/** 1 on a machine as fast as the limits expect, or faster. */
async function measureSlowness(): Promise<number> {
  let longestMs = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const fromMs = performance.now();
    await run(process.execPath, ['-e', '0']);
    longestMs = Math.max(longestMs, performance.now() - fromMs);
  }
  return Math.min(MOST, Math.max(1, longestMs / NOMINAL_START_MS));
}
