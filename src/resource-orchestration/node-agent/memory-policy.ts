/**
 * Decides which worker is over its memory limit. Pure: every reading is an argument.
 *
 * A process is measured from outside, so its rule is simple. Threads share the memory of their process, so theirs has two parts:
 * - A thread that reports is judged by its report: heap plus external memory. V8 itself limits the heap; Buffers nobody limits. V8 lets
 *   up to 64 MiB of external garbage gather before it collects, hence `GARBAGE_MB`: more than the limit and that is the function's own
 *   doing at once, more than the limit alone only when it lasts.
 * - A thread that is busy and silent (its loop is blocked) is judged by what the process has grown since it fell silent and nobody who
 *   reports accounts for. Silent threads are each allowed their limit; beyond all of that, the one silent for longest is the suspect.
 *
 * `residentMb` is the memory of the process, `ownMb` what its main thread says it holds itself.
 */

const GARBAGE_MB = 64;
/** Reports over the limit for this long are no garbage: a busy thread collects within it. */
const LASTING_MS = 1_000;
/** Node itself, without any function: about 10 MiB of anonymous memory, and room for garbage outside of the heap. */
export const PROCESS_BASE_MB = 64;
/** Stacks, code and tables of a thread that its own report does not hold. */
const THREAD_BASE_MB = 8;

export interface ThreadReading {
  readonly workerId: string;
  readonly memoryMb: number;
  readonly isBusy: boolean;
  /** Absent until it first reports. */
  readonly report: { readonly beat: number; readonly usedMb: number } | undefined;
}

export interface ProcessReading {
  readonly residentMb: number | undefined;
  readonly ownMb: number;
  readonly threads: readonly ThreadReading[];
  readonly nowMs: number;
}

export interface MemoryVerdict {
  readonly workerId: string;
  readonly why: string;
}

interface ThreadHistory {
  beat: number;
  /** The most that it has reported since the last moment without silent threads: freed memory seldom goes back to the system. */
  peakMb: number;
  silentSinceMs: number;
  /** Memory that nobody accounted for when it fell silent. */
  silentSinceUnexplainedMb: number | undefined;
  overSinceMs: number | undefined;
}

export class ThreadMemoryPolicy {
  readonly #histories = new Map<string, ThreadHistory>();
  #ownPeakMb = 0;
  /** What threads that are gone had reported. */
  #departedMb = 0;

  /** At most one verdict for each thread; the caller ends the thread and reads again. */
  judge(reading: ProcessReading): MemoryVerdict[] {
    this.#forgetDeparted(reading.threads);
    const verdicts: MemoryVerdict[] = [];
    for (const thread of reading.threads) {
      const why = this.#judgeReport(thread, reading.nowMs);
      if (why) verdicts.push({ workerId: thread.workerId, why });
    }
    const suspect = this.#suspect(reading);
    if (suspect && !verdicts.some(({ workerId }) => workerId === suspect.workerId)) verdicts.push(suspect);
    return verdicts;
  }

  #judgeReport({ workerId, memoryMb, report }: ThreadReading, nowMs: number): string | undefined {
    const history = this.#history(workerId, nowMs);
    if (!report) return undefined;
    const isFresh = report.beat !== history.beat;
    history.beat = report.beat;
    history.peakMb = Math.max(history.peakMb, report.usedMb);
    if (isFresh) history.silentSinceUnexplainedMb = undefined;
    const why = `It holds ${Math.round(report.usedMb)} MiB in its heap and in Buffers; its limit is ${memoryMb} MiB.`;
    if (report.usedMb > memoryMb + GARBAGE_MB) return why;
    if (report.usedMb <= memoryMb) history.overSinceMs = undefined;
    else if (isFresh) {
      history.overSinceMs ??= nowMs;
      if (nowMs - history.overSinceMs >= LASTING_MS) return why;
    }
    return undefined;
  }

  #suspect({ residentMb, ownMb, threads, nowMs }: ProcessReading): MemoryVerdict | undefined {
    if (residentMb === undefined) return undefined;
    this.#ownPeakMb = Math.max(this.#ownPeakMb, ownMb);
    for (const { workerId, isBusy } of threads) {
      if (!isBusy) this.#history(workerId, nowMs).silentSinceUnexplainedMb = undefined;
    }
    const silent = threads
      .map((thread) => ({ ...thread, ...this.#history(thread.workerId, nowMs) }))
      .filter(({ silentSinceUnexplainedMb }) => silentSinceUnexplainedMb !== undefined);
    if (silent.length === 0) this.#forgetPeaks(ownMb, threads);
    const unexplainedMb = residentMb - this.#explainedMb();
    this.#startSilences(unexplainedMb, nowMs);
    const allowedMb = silent.reduce((sum, { memoryMb }) => sum + memoryMb, GARBAGE_MB);
    const [oldest] = silent
      .map((thread) => ({ ...thread, grownMb: unexplainedMb - (thread.silentSinceUnexplainedMb ?? 0) }))
      .filter(({ grownMb }) => grownMb > allowedMb)
      .sort((a, b) => a.silentSinceMs - b.silentSinceMs);
    if (!oldest) return undefined;
    const why = `It blocks its event loop, and memory has grown by ${Math.round(oldest.grownMb)} MiB meanwhile; its limit is ${oldest.memoryMb} MiB.`;
    return { workerId: oldest.workerId, why };
  }

  /** A thread that has just reported, or is idle, is silent from now on until it reports again. */
  #startSilences(unexplainedMb: number, nowMs: number): void {
    for (const history of this.#histories.values()) {
      if (history.silentSinceUnexplainedMb !== undefined) continue;
      history.silentSinceMs = nowMs;
      // Below zero the others have freed what they last reported; it may come back, and is not this thread's doing then.
      history.silentSinceUnexplainedMb = Math.max(0, unexplainedMb);
    }
  }

  #explainedMb(): number {
    let explainedMb = this.#ownPeakMb + this.#departedMb;
    for (const { peakMb } of this.#histories.values()) explainedMb += peakMb + THREAD_BASE_MB;
    return explainedMb;
  }

  #forgetPeaks(ownMb: number, threads: readonly ThreadReading[]): void {
    this.#ownPeakMb = ownMb;
    this.#departedMb = 0;
    for (const { workerId, report } of threads) {
      const history = this.#histories.get(workerId);
      if (history) history.peakMb = report?.usedMb ?? 0;
    }
  }

  #forgetDeparted(threads: readonly ThreadReading[]): void {
    const present = new Set(threads.map(({ workerId }) => workerId));
    for (const [workerId, { peakMb }] of this.#histories) {
      if (present.has(workerId)) continue;
      this.#histories.delete(workerId);
      this.#departedMb += peakMb + THREAD_BASE_MB;
    }
  }

  #history(workerId: string, nowMs: number): ThreadHistory {
    let history = this.#histories.get(workerId);
    if (!history) {
      history = {
        beat: -1,
        peakMb: 0,
        silentSinceMs: nowMs,
        silentSinceUnexplainedMb: undefined,
        overSinceMs: undefined,
      };
      this.#histories.set(workerId, history);
    }
    return history;
  }
}

/** `usedMb` is the anonymous memory of the process and of all that it has started. */
export function judgeProcess(usedMb: number, memoryMb: number): string | undefined {
  if (usedMb <= memoryMb + PROCESS_BASE_MB) return undefined;
  return `It and what it started hold ${Math.round(usedMb)} MiB; its limit is ${memoryMb} MiB and ${PROCESS_BASE_MB} MiB for Node itself.`;
}
