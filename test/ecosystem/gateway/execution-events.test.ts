import { describe, expect, it } from 'vitest';
import type { GatewayWorkflows } from '../../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../../src/errors.ts';
import { until } from '../../support/until.ts';
import {
  ask,
  errorOf,
  fakeExecution,
  fakeWorkflows,
  gatewayFor,
  open,
  readWhole,
  responseTo,
} from './gateway-harness.ts';

type Event = { readonly n: number; readonly text?: string };

/** A journal that a test writes, watched as the host lets it be watched: what there is at once, then what comes. */
class Journal {
  readonly events: Event[] = [];
  readonly #watchers = new Set<{ listener: (event: object) => void; end: () => void }>();
  #isOver = false;
  watches = 0;

  get watchers(): number {
    return this.#watchers.size;
  }

  write(...events: Event[]): void {
    for (const event of events) {
      this.events.push(event);
      for (const { listener } of this.#watchers) listener(event);
    }
  }

  end(): void {
    this.#isOver = true;
    for (const { end } of this.#watchers) end();
  }

  readonly watch: GatewayWorkflows['watch'] = (id, listener, signal) => {
    if (id !== 'a') return Promise.reject(new TroupeError('EXECUTION_NOT_FOUND', 'none'));
    this.watches++;
    return new Promise<void>((resolve) => {
      for (const event of this.events) listener(event);
      const watcher = {
        listener,
        end: () => {
          this.#watchers.delete(watcher);
          resolve();
        },
      };
      this.#watchers.add(watcher);
      signal.addEventListener('abort', watcher.end, { once: true });
      if (this.#isOver || signal.aborted) watcher.end();
    });
  };
}

async function following() {
  const journal = new Journal();
  const execution = (id: string) => fakeExecution(id, { status: async () => ({ status: 'running' }) });
  const gateway = await gatewayFor({ workflows: fakeWorkflows({ watch: journal.watch, execution }) });
  return { journal, gateway };
}

const linesOf = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('GET /executions/:id/events', () => {
  it('gives the events of the past, then those that come, and ends with the execution', async () => {
    const { journal, gateway } = await following();
    journal.write({ n: 1 }, { n: 2, text: 'two\nlines' });
    const response = await responseTo(open(gateway, '/executions/a/events'));
    expect(response.headers['content-type']).toBe('application/x-ndjson');
    const whole = readWhole(response);
    journal.write({ n: 3 });
    journal.end();
    expect(linesOf((await whole).text)).toEqual([{ n: 1 }, { n: 2, text: 'two\nlines' }, { n: 3 }]);
    expect(journal.watchers).toBe(0);
  });

  it('gives them as server-sent events to who asks for those', async () => {
    const { journal, gateway } = await following();
    journal.write({ n: 1 });
    journal.end();
    const answer = await ask(gateway, '/executions/a/events', { headers: { accept: 'text/event-stream' } });
    expect(answer.text).toBe('data: {"n":1}\n\nevent: end\ndata: null\n\n');
  });

  it('ends the watch when its reader leaves', async () => {
    const { journal, gateway } = await following();
    journal.write({ n: 1 });
    const outgoing = open(gateway, '/executions/a/events');
    const response = await responseTo(outgoing);
    response.on('error', () => {});
    expect(journal.watchers).toBe(1);
    outgoing.destroy();
    await until(() => journal.watchers === 0);
  });

  it('keeps little for a slow reader, who misses nothing for all that', async () => {
    const { journal, gateway } = await following();
    const text = 'x'.repeat(4_096);
    const written = 12_000;
    journal.write(...Array.from({ length: written / 2 }, (_, n) => ({ n, text })));
    const response = await responseTo(open(gateway, '/executions/a/events'));
    response.pause();
    for (let n = written / 2; n < written; n++) {
      journal.write({ n, text });
      // The loop turns, so that the sockets take what they can.
      if (n % 1_000 === 0) await new Promise(setImmediate);
    }
    journal.end();
    const { text: whole } = await readWhole(response);
    expect((linesOf(whole) as Event[]).map(({ n }) => n)).toEqual(Array.from({ length: written }, (_, n) => n));
    expect(journal.watches).toBeGreaterThan(1);
    expect(journal.watches).toBeLessThanOrEqual(written / 1_000 + 1);
  });

  it('says that the host closes: the execution has not ended', async () => {
    const { journal, gateway } = await following();
    journal.write({ n: 1 });
    const response = await responseTo(open(gateway, '/executions/a/events'));
    const whole = readWhole(response);
    await gateway.close();
    const { text, trailers } = await whole;
    expect(trailers['x-troupe-error']).toBe('SHUTTING_DOWN');
    expect(linesOf(text)).toEqual([{ n: 1 }, { error: expect.objectContaining({ code: 'SHUTTING_DOWN' }) }]);
    expect(journal.watchers).toBe(0);
  });

  it('is 404 where there is no such execution', async () => {
    const { gateway } = await following();
    const answer = await ask(gateway, '/executions/nope/events');
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'EXECUTION_NOT_FOUND']);
  });

  it('does not follow for HEAD', async () => {
    const { journal, gateway } = await following();
    expect((await ask(gateway, '/executions/a/events', { method: 'HEAD' })).status).toBe(200);
    expect(journal.watches).toBe(0);
  });
});
