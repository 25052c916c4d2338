/** One round: hosts that live one after the other on the same data, what they are asked for, how they end, and what must hold in between. */
import { rmSync, writeFileSync } from 'node:fs';
import { until } from '../../support/until.ts';
import type { Distribution } from '../support/distribution.ts';
import type { Findings } from '../support/findings.ts';
import { type Answer, CUT, HostProcess } from '../support/host-process.ts';
import { markedProcesses, showProcess } from '../support/processes.ts';
import { within } from '../support/within.ts';
import { type Disk, type DiskReader, EMPTY_DISK } from './disk.ts';
import { Judge } from './judge.ts';
import { Notes } from './notes.ts';
import type { Ending, Plan } from './plan.ts';
import { Ticket } from './ticket.ts';

/** What a life that was to end otherwise is ended after, once it is up. */
const LONGEST_LIFE_MS = 450;
/** Of the last life: the longest nap, several times. */
const END_LIMIT_MS = 15_000;
const LEFTOVERS_LIMIT_MS = 5_000;

const PROGRAM = 'workflows-host';

export interface Bench {
  readonly paths: Readonly<Record<'data' | 'notes' | 'fuse', string>>;
  readonly reader: DiskReader;
  readonly upAfter: Distribution;
}

export class Game {
  readonly #bench: Bench;
  readonly #plan: Plan;
  readonly #findings: Findings;
  readonly #tickets: readonly Ticket[];
  readonly #judge: Judge;
  readonly #notes: Notes;
  #disk: Disk = EMPTY_DISK;
  #runs = 0;
  /** Executions that a kill found with something done, and not at their end. */
  #midway = 0;
  readonly #keys = new Set<string>();
  #host: HostProcess | undefined;
  /** Loads its program while its predecessor lives: a round is mostly waiting, and starts of Node would be most of it. */
  #next: HostProcess | undefined = new HostProcess(PROGRAM);

  constructor(bench: Bench, plan: Plan, findings: Findings) {
    this.#bench = bench;
    this.#plan = plan;
    this.#findings = findings;
    this.#tickets = plan.executions.map((execution) => new Ticket(execution, findings));
    this.#judge = new Judge(plan.executions, findings);
    this.#notes = new Notes(bench.paths.notes);
  }

  figures() {
    const acknowledged = this.#tickets.reduce((sum, ticket) => sum + ticket.acknowledged, 0);
    return { acknowledged, runs: this.#runs, repeated: this.#runs - this.#keys.size, midway: this.#midway };
  }

  /** From a start of the host to its being killed, and what must hold then. */
  async live(life: number): Promise<void> {
    const ending = this.#plan.endings[life];
    if (!ending) return;
    const host = await this.#begin(ending);
    const lanes = this.#lanes(host, life, () => ending.kind === 'closing');
    await this.#killed(host, ending);
    await Promise.all(lanes);
    const isOwn = host.endedBy === 'SIGKILL' || (ending.kind === 'closing' && host.endedBy === '0');
    this.#findings.check(isOwn, () => `life ${life}: the host ended by itself, with ${host.endedBy}: ${host.stderr}`);
    rmSync(this.#bench.paths.fuse, { force: true });
    await this.#look(`life ${life} (${ending.kind})`);
  }

  /** The last host goes on until all is done. */
  async finish(): Promise<void> {
    const host = await this.#begin();
    const lanes = this.#lanes(host, this.#plan.endings.length, () => false);
    try {
      await within(Promise.all([host.isUp(), ...lanes]), END_LIMIT_MS, 'The rest of the executions');
    } catch (thrown) {
      await this.#tellUndone(host);
      throw thrown;
    }
    this.#findings.check(!host.isOver, () => `the last host ended by itself, with ${host.endedBy}: ${host.stderr}`);
    for (const ticket of this.#tickets) ticket.judgeAgain(await host.request('result', { id: ticket.plan.id }));
    const histories = await this.#histories(host);
    const stats = valueIn<{ store: { quarantined: number; failedCommits: number } }>(await host.request('stats'));
    this.#findings.check(
      stats?.store.quarantined === 0 && stats.store.failedCommits === 0,
      () => `the store says ${JSON.stringify(stats?.store)}`,
    );
    const endedBy = await host.stop();
    this.#findings.check(endedBy === '0', () => `the last host ended with ${endedBy}: ${host.stderr}`);
    await this.#look('the last life');
    this.#judge.end(this.#disk, histories);
  }

  /** Whatever has happened, no host is left. */
  async clear(): Promise<void> {
    for (const host of [this.#host, this.#next]) host?.kill();
    await Promise.all([this.#host?.ended, this.#next?.ended]);
  }

  async #begin(ending?: Ending): Promise<HostProcess> {
    const { paths, upAfter } = this.#bench;
    const host = this.#next ?? new HostProcess(PROGRAM);
    this.#host = host;
    this.#next = undefined;
    if (ending?.kind === 'begin' || ending?.kind === 'end')
      writeFileSync(paths.fuse, `${host.pid} ${this.#notes.bytes + ending.bytes} ${ending.kind}`);
    const mostAnswers = ending?.kind === 'answer' ? ending.answers : 0;
    await host.begin({ dataDir: paths.data, agent: this.#plan.agent, mostAnswers });
    const begunMs = performance.now();
    void host.ready.then(() => {
      upAfter.add(performance.now() - begunMs);
      if (ending) this.#next = new HostProcess(PROGRAM);
    });
    return host;
  }

  #lanes(host: HostProcess, life: number, isClosing: () => boolean): Promise<void>[] {
    const due = this.#tickets.filter(({ plan, isDone }) => plan.life <= life && !isDone);
    return due.map(async (ticket) => {
      if (await host.isUp()) await ticket.drive(host, isClosing);
    });
  }

  /** Kills it as planned, or after a while; resolves when it has ended and all that it said is heard. */
  async #killed(host: HostProcess, ending: Ending): Promise<void> {
    if (ending.kind === 'start-up') {
      await passed(host, ending.afterMs);
    } else if (await host.isUp()) {
      await passed(host, 'afterMs' in ending ? ending.afterMs : LONGEST_LIFE_MS);
      if (ending.kind === 'closing') {
        host.beginClosing();
        await passed(host, ending.graceMs);
      }
    }
    host.kill();
    await host.ended;
  }

  /** Between two hosts. */
  async #look(name: string): Promise<void> {
    const { reader, paths } = this.#bench;
    await this.#judgeLeftovers(name);
    const notes = this.#notes.next();
    for (const { what, key } of notes) {
      if (what !== 'begin') continue;
      this.#runs++;
      this.#keys.add(key);
    }
    await reader.copy(paths.data);
    const disk = await reader.read();
    this.#judge.life(name, this.#disk, disk, notes);
    for (const id of disk.open) if ((disk.journals.get(id)?.length ?? 0) > 1) this.#midway++;
    for (const ticket of this.#tickets) ticket.reconcile(disk, name);
    this.#disk = disk;
  }

  /** All that a killed host has started must notice and end: only then nobody notes, or writes, any more. */
  async #judgeLeftovers(name: string): Promise<void> {
    const left = () => markedProcesses().filter(({ pid }) => pid !== this.#next?.pid);
    try {
      await until(() => left().length === 0, { timeoutMs: LEFTOVERS_LIMIT_MS, intervalMs: 5 });
    } catch {
      for (const each of left())
        this.#findings.add(`${name}: ${LEFTOVERS_LIMIT_MS} ms after the end there is ${showProcess(each)}`);
    }
  }

  async #histories(host: HostProcess): Promise<Map<string, never[]>> {
    const listed = valueIn<{ id: string; status: string }[]>(await host.request('executions')) ?? [];
    const histories = new Map<string, never[]>();
    for (const { id, status } of listed) {
      const isOver = status === 'succeeded' || status === 'failed' || status === 'cancelled';
      this.#findings.check(isOver, () => `${id} is ${status} when all is done`);
      histories.set(id, valueIn<never[]>(await host.request('history', { id })) ?? []);
    }
    return histories;
  }

  async #tellUndone(host: HostProcess): Promise<void> {
    for (const { plan, isDone } of this.#tickets) {
      if (isDone) continue;
      const limit = new Promise<Answer>((resolve) => setTimeout(resolve, 1_000, CUT));
      const answer = await Promise.race([host.request('status', { id: plan.id }), limit]);
      const { status, running, known } = valueIn<Record<string, unknown>>(answer) ?? {};
      const told = status === undefined ? answer : { status, running, known };
      this.#findings.add(
        `${plan.id} (${plan.shape}, ${plan.durability}) is not done: ${JSON.stringify(told).slice(0, 500)}`,
      );
    }
  }
}

function valueIn<T>(answer: Answer): T | undefined {
  return answer.kind === 'value' ? (answer.value as T) : undefined;
}

/** Or the host has ended. */
async function passed(host: HostProcess, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([late, host.ended]);
  clearTimeout(timer);
}
