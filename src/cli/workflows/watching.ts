/** `troupe wf watch`: an execution as it goes on, until it has ended: drawn anew at each change for people, else an event a line. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionDetails, HistoryEvent } from '../../workflows.ts';
import type { HostClient } from '../host-client.ts';
import type { HostFlags } from '../options.ts';
import type { Terminal } from '../terminal.ts';
import { Painter } from '../workflow-view/painter.ts';

/** Between two drawings: at least so long, and at most, for the times in it go on too. */
const LEAST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 1_000;

interface Watching {
  readonly client: HostClient;
  readonly id: string;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export async function watch(watching: Watching, { json }: HostFlags): Promise<void> {
  const { client, id, terminal } = watching;
  const path = `${client.executionPath(id)}/events`;
  if (!json && terminal.isInteractive) return draw(watching, path);
  const { eventLine } = await import('../workflow-view/event-words.ts');
  let startedAtMs: number | undefined;
  await client.lines({ method: 'GET', path }, async (text) => {
    if (json) terminal.out(text);
    else {
      const event = JSON.parse(text) as HistoryEvent;
      startedAtMs ??= event.atMs;
      terminal.out(eventLine(event, startedAtMs, terminal.outColors));
    }
    await terminal.drained();
  });
}

async function draw({ client, id, terminal, signal }: Watching, path: string): Promise<void> {
  const { executionLines } = await import('../workflow-view/execution-view.ts');
  const painter = new Painter(terminal);
  const events: HistoryEvent[] = [];
  let isOver = false;
  let failure: { readonly thrown: unknown } | undefined;
  let wake = () => {};
  const take = async (text: string) => {
    events.push(JSON.parse(text) as HistoryEvent);
    wake();
  };
  const end = () => {
    isOver = true;
    wake();
  };
  const fail = (thrown: unknown) => {
    failure = { thrown };
    wake();
  };
  client.lines({ method: 'GET', path }, take).then(end, fail);
  for (;;) {
    // Of what has ended before it is asked for, the drawing is the last one.
    const isLast = isOver;
    const seen = events.length;
    const details = await client.json<ExecutionDetails>({ method: 'GET', path: client.executionPath(id) });
    const view = { columns: terminal.columns, colors: terminal.outColors, nowMs: Date.now() };
    painter.paint(executionLines(details, view, events), isLast);
    if (isLast) return;
    await pause(LEAST_PAUSE_MS, undefined, { signal });
    if (failure) throw failure.thrown;
    if (isOver || events.length > seen) continue;
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const waiting = new AbortController();
    const stop = AbortSignal.any([signal, waiting.signal]);
    await Promise.race([changed, pause(MOST_PAUSE_MS, undefined, { signal: stop }).catch(() => {})]);
    waiting.abort();
  }
}
