import { describe, expect, it } from 'vitest';
import page from './index.ts';

const ORIGIN = 'http://localhost:4460';
const get = (path: string, init: RequestInit = {}) => page.fetch(new Request(ORIGIN + path, init));
const post = (form: Record<string, string>, path = '/notes') =>
  get(path, { method: 'POST', body: new URLSearchParams(form) });

async function notes(): Promise<{ name: string; text: string; at: string }[]> {
  const body = (await (await get('/api/notes')).json()) as { notes: { name: string; text: string; at: string }[] };
  return body.notes;
}

describe('page', () => {
  it('shows a page with a form whose links stay below the address it is reached at', async () => {
    const response = await get('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await response.text();
    expect(html).toContain('<form method="post" action="/notes">');
    const below = await (await get('/fn/page')).text();
    expect(below).toContain('action="/fn/page/notes"');
    expect(below).toContain('href="/fn/page/api/notes"');
    expect(await (await get('/fn/page/')).text()).toBe(below);
  });

  it('takes a note from the form, redirects, and shows it as page and as JSON', async () => {
    const response = await post({ name: ' Ada ', text: 'Hello & welcome' }, '/fn/page/notes');
    expect([response.status, response.headers.get('location')]).toEqual([303, '/fn/page/']);
    expect((await notes())[0]).toEqual({
      name: 'Ada',
      text: 'Hello & welcome',
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(await (await get('/')).text()).toContain('<strong>Ada</strong>');
  });

  it('shows what visitors write as text, wherever they write it', async () => {
    const attack = `"><script>alert('x')</script>`;
    await post({ name: attack.slice(0, 40), text: attack });
    const pages = [await get('/'), await get('/%22%3E%3Cscript%3E'), await get(`/fn/a"onload=x'/`)];
    for (const response of pages) {
      const html = await response.text();
      expect(html).not.toContain('<script');
      expect(html).not.toMatch(/action="[^"]*"[^>]*onload/);
      expect(html).toContain('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;');
    }
  });

  it('refuses what is no note, says why, and keeps nothing of it', async () => {
    const before = await notes();
    const answers = [
      [await post({ name: '', text: 'x' }), 422, 'A name has 1 to 40 characters.'],
      [await post({ name: 'x', text: 'y'.repeat(501) }), 422, 'A note has 1 to 500 characters.'],
      [await post({ name: 'x', text: 'y'.repeat(9_000) }), 413, 'too much'],
      [
        await get('/notes', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }),
        415,
        'Send a form',
      ],
    ] as const;
    for (const [response, status, fault] of answers) {
      expect(response.status).toBe(status);
      expect(await response.text()).toContain(fault);
    }
    expect(await notes()).toEqual(before);
  });

  it('answers 404 for unknown pages, names of its own objects included, and 405 for wrong methods', async () => {
    for (const path of ['/nothing', '/constructor', '/fn/page/nothing']) expect((await get(path)).status).toBe(404);
    const response = await get('/notes');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await get('/', { method: 'HEAD' })).status).toBe(200);
  });

  it('streams, one piece for each time that the reader asks', async () => {
    const { body } = await get('/countdown');
    const pieces: string[] = [];
    if (body) for await (const piece of body) pieces.push(new TextDecoder().decode(piece));
    expect(pieces).toEqual(['10\n', '9\n', '8\n', '7\n', '6\n', '5\n', '4\n', '3\n', '2\n', '1\n', 'lift-off\n']);
  });

  it('keeps the last 50 notes', async () => {
    for (let at = 0; at < 60; at++) await post({ name: 'n', text: String(at) });
    const kept = await notes();
    expect(kept.length).toBe(50);
    expect([kept[0]?.text, kept.at(-1)?.text]).toEqual(['59', '10']);
  });
});
