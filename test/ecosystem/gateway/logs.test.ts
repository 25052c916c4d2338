import { describe, expect, it } from 'vitest';
import type { FunctionLogLine, LogFilter } from '../../../src/ecosystem/monitoring/protocol.ts';
import { until } from '../../support/until.ts';
import { ask, errorOf, gatewayFor, logLine, open, responseTo } from './gateway-harness.ts';

const linesOf = (text: string): FunctionLogLine[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/** A gateway whose log a test writes. */
async function followed(kept: FunctionLogLine[] = []) {
  const followers = new Set<(line: FunctionLogLine) => void>();
  const asked: (string | undefined)[] = [];
  const gateway = await gatewayFor({
    logs: () => kept,
    followLogs(follower, functionName) {
      asked.push(functionName);
      followers.add(follower);
      return () => void followers.delete(follower);
    },
  });
  const write = (line: FunctionLogLine) => {
    for (const follower of followers) follower(line);
  };
  return { gateway, write, followers, asked };
}

describe('GET /logs', () => {
  it('gives the kept lines as lines of JSON, filtered by the host', async () => {
    const filters: (LogFilter | undefined)[] = [];
    const gateway = await gatewayFor({
      logs(filter) {
        filters.push(filter);
        return [logLine(1), logLine(2, 'two\nlines')];
      },
    });
    const answer = await ask(gateway, '/logs?function=hello&limit=2');
    expect(answer.headers['content-type']).toBe('application/x-ndjson');
    expect(linesOf(answer.text)).toEqual([logLine(1), logLine(2, 'two\nlines')]);
    await ask(gateway, '/logs');
    expect(filters).toEqual([{ functionName: 'hello', limit: 2 }, {}]);
    const wrong = await ask(gateway, '/logs?limit=-1');
    expect([wrong.status, errorOf(wrong).code]).toEqual([400, 'INVALID_ARGUMENT']);
  });

  it('goes on with what is written, until its reader leaves', async () => {
    const { gateway, write, followers, asked } = await followed([logLine(1)]);
    const outgoing = open(gateway, '/logs?follow=1&function=hello');
    const response = await responseTo(outgoing);
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    response.on('error', () => {});
    await until(() => text.includes('line 1'));
    write(logLine(2));
    write(logLine(3));
    await until(() => text.includes('line 3'));
    expect(linesOf(text)).toEqual([logLine(1), logLine(2), logLine(3)]);
    expect(asked).toEqual(['hello']);
    outgoing.destroy();
    await until(() => followers.size === 0);
  });

  it('counts what a slow reader misses, in a line at the place of the gap', async () => {
    const { gateway, write, followers } = await followed();
    const response = await responseTo(open(gateway, '/logs?follow=1'));
    response.pause();
    const written = 20_000;
    const filler = 'x'.repeat(4_096);
    for (let sequence = 0; sequence < written; sequence++) {
      write(logLine(sequence, filler));
      // What is kept for this reader would be 80 MB; the loop turns so that the sockets take what they can.
      if (sequence % 1_000 === 0) await new Promise(setImmediate);
    }
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    response.resume();
    await until(() => text.includes('"notice":"dropped"'));
    write(logLine(written, 'after the gap'));
    await until(() => text.includes('after the gap'));
    await gateway.close();
    expect(followers.size).toBe(0);
    const lines = linesOf(text) as (FunctionLogLine & { notice?: string })[];
    let expected = 0;
    for (const { notice, sequence, fields } of lines) {
      if (notice) expected += Number(fields?.['dropped']);
      else expect(sequence).toBe(expected++);
      if (notice) expect(sequence).toBe(expected - 1);
    }
    expect(expected).toBe(written + 1);
    expect(lines.length).toBeLessThan(written);
  });

  it('does not follow for HEAD', async () => {
    const { gateway, followers } = await followed();
    expect((await ask(gateway, '/logs?follow=1', { method: 'HEAD' })).status).toBe(200);
    expect(followers.size).toBe(0);
  });
});
