import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('./word-frequency.sh', import.meta.url));
const speech = readFileSync(new URL('./sample-input.txt', import.meta.url), 'utf8');

/** As an instance runs it: an environment with nothing in it but what the function was given. */
function run(input: string, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(program, { input, env, encoding: 'utf8' });
  return { status, stderr, result: stdout === '' ? undefined : JSON.parse(stdout) };
}

/** The same, without a shell. */
function counted(text: string) {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+(?:'+[\p{L}\p{N}]+)*/gu) ?? [];
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const top = [...counts].map(([word, count]) => ({ word, count }));
  top.sort((left, right) => right.count - left.count || (left.word < right.word ? -1 : 1));
  return { words: words.length, distinct: counts.size, top };
}

describe('word-frequency', () => {
  it('counts the words of a famous speech', () => {
    const { status, stderr, result } = run(speech, { TOP: '9999' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(result).toEqual(counted(speech));
    expect(result.top[0]).toEqual({ word: 'that', count: 13 });
  });

  it('lists ten words unless TOP says otherwise', () => {
    expect(run(speech).result.top).toEqual(counted(speech).top.slice(0, 10));
    expect(run(speech, { TOP: '2' }).result.top).toEqual(counted(speech).top.slice(0, 2));
    expect(run(speech, { TOP: '0' }).result.top).toEqual([]);
  });

  it('keeps words of other scripts whole and leaves quotes outside', () => {
    const text = `Don't "stop" 'quoted' Grüße naïve 日本 don't — \\ \u0007 100%`;
    const { result } = run(text);
    expect(result.top[0]).toEqual({ word: "don't", count: 2 });
    expect(result.top.map(({ word }: { word: string }) => word)).toEqual(
      expect.arrayContaining(['stop', 'quoted', 'grüße', 'naïve', '日本', '100']),
    );
  });

  it('stops early on a long list without a fuss', () => {
    const text = Array.from({ length: 50_000 }, (_, at) => `w${at}`).join(' ');
    expect(run(text, { TOP: '1' })).toEqual({
      status: 0,
      stderr: '',
      result: { words: 50_000, distinct: 50_000, top: [{ word: 'w0', count: 1 }] },
    });
  });

  it('fails with a message when there is nothing to count, or TOP is no number', () => {
    for (const text of ['', '  \n', "... ''' !"]) {
      expect(run(text)).toEqual({
        status: 65,
        stderr: expect.stringMatching(/no words .* send a text/),
        result: undefined,
      });
    }
    expect(run('a', { TOP: '-1' })).toMatchObject({ status: 64, stderr: expect.stringMatching(/not '-1'/) });
  });
});
