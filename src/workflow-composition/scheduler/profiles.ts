/**
 * What was learned of workflows: how long their steps run, how often each runs for each decision on it, how long functions take to start cold.
 *
 * Boundary: remembers and forgets; what follows from it is the policies'. Pure but for its memory. Invariants (numbers as in README.md):
 * 4. All of it is bounded; the workflows, and the functions, that were not heard of for longest go first.
 * 5. A new version of a workflow begins with what the one before knew; what only the new one does, the old one never learns.
 */
import type { Profiles, StepProfile, StepReport, TargetProfile, WorkflowSchedulerMessages } from './protocol.ts';
import { RecentSample } from './recent-sample.ts';

const MOST_WORKFLOWS = 1_000;
const MOST_VERSIONS = 4;
const MOST_STEPS = 256;
/** Of all workflows: about 25 MB. */
const MOST_STEPS_IN_ALL = 50_000;
const MOST_TARGETS = 10_000;
/** Of what was counted, for each further execution: the last hundred or so count. */
const KEPT = 0.99;
/** Of the latest attempt, in how many of them are cold; the first few count evenly. */
const LATEST = 1 / 8;

type ExecutionReport = WorkflowSchedulerMessages['executionEnded']['body'];

interface StepMemory {
  readonly runs: RecentSample;
  coldPart: number;
  /** How often it ran, and how often what decides on it did. */
  ran: number;
  decided: number;
  decidedBy: string | undefined;
  profile: StepProfile | undefined;
}

/** Steps by key. */
type VersionMemory = Map<string, StepMemory>;

interface WorkflowMemory {
  readonly versions: Map<number, VersionMemory>;
  /** Counts messages. */
  heardOf: number;
}

interface TargetMemory {
  readonly coldStarts: RecentSample;
  profile: TargetProfile | undefined;
  heardOf: number;
}

/** Plain data: what `restore` takes. */
export interface SavedProfiles {
  readonly workflows: readonly (readonly [name: string, versions: readonly SavedVersion[]])[];
  readonly targets: readonly (readonly [name: string, coldStartsMs: readonly number[]])[];
}

export type SavedVersion = readonly [version: number, steps: readonly SavedStep[]];

/** What is to be saved, and what was saved and is to go. */
export interface ProfileChanges extends SavedProfiles {
  readonly forgottenWorkflows: readonly string[];
  readonly forgottenTargets: readonly string[];
}

export interface SavedStep {
  readonly key: string;
  readonly runsMs: readonly number[];
  readonly seen: number;
  readonly coldPart: number;
  readonly ran: number;
  readonly decided: number;
  readonly decidedBy?: string;
}

export class LearnedProfiles implements Profiles {
  readonly #workflows = new Map<string, WorkflowMemory>();
  readonly #targets = new Map<string, TargetMemory>();
  readonly #forgotten = { workflows: new Set<string>(), targets: new Set<string>() };
  #stepCount = 0;
  #messages = 0;
  #savedMessages = 0;

  step(workflow: string, version: number, key: string): StepProfile | undefined {
    const step = this.#known(workflow, version)?.get(key);
    if (!step) return undefined;
    step.profile ??= profileOf(step);
    return step.profile;
  }

  target(functionName: string): TargetProfile | undefined {
    const target = this.#targets.get(functionName);
    if (!target) return undefined;
    target.profile ??= { coldStartMs: target.coldStarts.quantiles() };
    return target.profile;
  }

  observeStep({ workflow, version, key, runMs, coldStartMs }: StepReport): void {
    const step = this.#step(this.#version(workflow, version), key);
    if (!step) return;
    step.runs.add(runMs);
    const isCold = coldStartMs === undefined ? 0 : 1;
    step.coldPart += (isCold - step.coldPart) * Math.max(LATEST, 1 / Math.max(1, step.runs.seen));
    step.profile = undefined;
  }

  /** What a step has waited is less: of an instance that was ordered too late it has seen the end only. */
  observeColdStart(functionName: string, tookMs: number): void {
    let target = this.#targets.get(functionName);
    if (!target) {
      if (this.#targets.size >= MOST_TARGETS) forgetOldest(this.#targets, this.#forgotten.targets);
      target = { coldStarts: new RecentSample(), profile: undefined, heardOf: 0 };
      this.#targets.set(functionName, target);
    }
    target.coldStarts.add(tookMs);
    target.profile = undefined;
    target.heardOf = ++this.#messages;
  }

  observeExecution({ workflow, version, runs }: ExecutionReport): void {
    const memory = this.#version(workflow, version);
    let decisions: Map<string, number> | undefined;
    for (const { key, times, decidedBy } of runs) {
      if (decidedBy === undefined) continue;
      decisions ??= new Map(runs.map((run) => [run.key, run.times]));
      const step = this.#step(memory, key);
      if (step) learnFrequency(step, decidedBy, { times, decisions: decisions.get(decidedBy) ?? 0 });
    }
    this.#observeUntaken(memory, runs);
  }

  /** Since it was last asked. */
  takeChanges(): ProfileChanges {
    const since = this.#savedMessages;
    this.#savedMessages = this.#messages;
    const isNew = ([, { heardOf }]: readonly [string, { readonly heardOf: number }]) => heardOf > since;
    const workflows = [...this.#workflows].filter(isNew).map(([name, { versions }]) => {
      const saved = [...versions].map(([version, steps]): SavedVersion => [version, [...steps].map(saveStep)]);
      return [name, saved] as const;
    });
    const targets = [...this.#targets]
      .filter(isNew)
      .map(([name, { coldStarts }]) => [name, coldStarts.values()] as const);
    const forgottenWorkflows = takeGone(this.#forgotten.workflows, this.#workflows);
    const forgottenTargets = takeGone(this.#forgotten.targets, this.#targets);
    return { workflows, targets, forgottenWorkflows, forgottenTargets };
  }

  restore({ workflows, targets }: SavedProfiles): void {
    for (const [name, versions] of workflows) {
      for (const [version, steps] of versions) {
        const memory = this.#version(name, version);
        this.#stepCount -= memory.size;
        memory.clear();
        for (const saved of steps.slice(0, MOST_STEPS)) memory.set(saved.key, restoreStep(saved));
        this.#stepCount += memory.size;
      }
    }
    for (const [name, coldStartsMs] of targets) {
      for (const coldStartMs of coldStartsMs) this.observeColdStart(name, coldStartMs);
    }
    this.#savedMessages = this.#messages;
  }

  /** A step that was decided on before, and is not in the report though its decider is: it did not run. */
  #observeUntaken(memory: VersionMemory, runs: ExecutionReport['runs']): void {
    let decisions: Map<string, number> | undefined;
    for (const [key, step] of memory) {
      if (step.decidedBy === undefined) continue;
      decisions ??= new Map(runs.map((run) => [run.key, run.times]));
      const times = decisions.get(step.decidedBy) ?? 0;
      if (times > 0 && !decisions.has(key)) learnFrequency(step, step.decidedBy, { times: 0, decisions: times });
    }
  }

  /** To be read: that of a version not heard of yet is that of the one before. */
  #known(workflow: string, version: number): VersionMemory | undefined {
    const memory = this.#workflows.get(workflow);
    return memory && (memory.versions.get(version) ?? before(memory, version));
  }

  #version(workflow: string, version: number): VersionMemory {
    let memory = this.#workflows.get(workflow);
    if (!memory) {
      if (this.#workflows.size >= MOST_WORKFLOWS || this.#stepCount >= MOST_STEPS_IN_ALL) this.#forgetWorkflows();
      memory = { versions: new Map(), heardOf: 0 };
      this.#workflows.set(workflow, memory);
    }
    memory.heardOf = ++this.#messages;
    const known = memory.versions.get(version);
    if (known) return known;
    const steps: VersionMemory = new Map();
    for (const [key, step] of before(memory, version) ?? []) steps.set(key, restoreStep(saveStep([key, step])));
    memory.versions.set(version, steps);
    this.#stepCount += steps.size;
    if (memory.versions.size > MOST_VERSIONS) {
      const oldest = Math.min(...memory.versions.keys());
      this.#stepCount -= memory.versions.get(oldest)?.size ?? 0;
      memory.versions.delete(oldest);
    }
    return steps;
  }

  #forgetWorkflows(): void {
    forgetOldest(this.#workflows, this.#forgotten.workflows);
    this.#stepCount = 0;
    for (const { versions } of this.#workflows.values())
      for (const steps of versions.values()) this.#stepCount += steps.size;
  }

  /** Undefined where it has too many already. */
  #step(memory: VersionMemory, key: string): StepMemory | undefined {
    const known = memory.get(key);
    if (known || memory.size >= MOST_STEPS || this.#stepCount >= MOST_STEPS_IN_ALL + MOST_STEPS * MOST_VERSIONS)
      return known;
    const step = {
      runs: new RecentSample(),
      coldPart: 0,
      ran: 0,
      decided: 0,
      decidedBy: undefined,
      profile: undefined,
    };
    memory.set(key, step);
    this.#stepCount++;
    return step;
  }
}

function profileOf({ runs, coldPart, ran, decided }: StepMemory): StepProfile {
  return { runMs: runs.quantiles(), perDecision: decided > 0 ? ran / decided : 1, coldPart, seen: runs.seen };
}

function learnFrequency(
  step: StepMemory,
  decidedBy: string,
  { times, decisions }: { readonly times: number; readonly decisions: number },
): void {
  if (decisions === 0) return;
  step.decidedBy = decidedBy;
  step.ran = step.ran * KEPT + times;
  step.decided = step.decided * KEPT + decisions;
  step.profile = undefined;
}

/** The nearest one below, or any. */
function before({ versions }: WorkflowMemory, version: number): VersionMemory | undefined {
  const numbers = [...versions.keys()];
  const below = numbers.filter((number) => number < version);
  return versions.get(Math.max(...(below.length > 0 ? below : numbers)));
}

function saveStep([key, { runs, coldPart, ran, decided, decidedBy }]: readonly [string, StepMemory]): SavedStep {
  const saved = { key, runsMs: runs.values(), seen: runs.seen, coldPart, ran, decided };
  return decidedBy === undefined ? saved : { ...saved, decidedBy };
}

function restoreStep({ runsMs, seen, coldPart, ran, decided, decidedBy }: SavedStep): StepMemory {
  return { runs: new RecentSample(runsMs, seen), coldPart, ran, decided, decidedBy, profile: undefined };
}

/** An eighth of them at once: to look for one among thousands is not for each message. */
function forgetOldest(memories: Map<string, { readonly heardOf: number }>, forgotten: Set<string>): void {
  const oldest = [...memories].sort(([, one], [, other]) => one.heardOf - other.heardOf);
  for (const [name] of oldest.slice(0, Math.ceil(oldest.length / 8))) {
    memories.delete(name);
    // Nobody takes them where nothing is saved.
    if (forgotten.size < MOST_TARGETS) forgotten.add(name);
  }
}

function takeGone(names: Set<string>, known: ReadonlyMap<string, unknown>): readonly string[] {
  const gone = [...names].filter((name) => !known.has(name));
  names.clear();
  return gone;
}
