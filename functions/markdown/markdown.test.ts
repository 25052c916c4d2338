import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handler, type MarkdownEvent } from './index.ts';

const bodyOf = (html: string) => html.slice(html.indexOf('<body>\n') + 7, html.indexOf('</body>'));
const rendered = async (markdown: string) => bodyOf((await handler(markdown)).html);

describe('markdown', () => {
  it('turns a real guide into a whole page with title, anchors, tables, code and task lists', async () => {
    const { title, html, headings } = await handler(await readFile(new URL('./guide.md', import.meta.url), 'utf8'));
    expect(title).toBe('A short guide to functions');
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html).toContain('<title>A short guide to functions</title>');
    expect(html).not.toContain('The troupe authors');
    expect(headings.map(({ level, id }) => `${level} ${id}`)).toEqual([
      '1 functions-briefly',
      '2 three-shapes',
      '3 value',
      '3 stream',
      '3 fetch',
      '2 what-happens-when-you-call-one',
      '2 limits',
      '2 questions',
      '3 where-does-consolelog-go',
      '3 may-i-write-html-in-here',
      '2 questions-1',
    ]);
    for (const { level, id } of headings) expect(html).toContain(`<h${level} id="${id}">`);
    expect(html).toContain('<pre><code class="language-ts">export default async (event: { name: string })');
    expect(html).toContain('{event.name} &amp; friends &lt;3`;');
    expect(html).toContain('<th align="right">What it costs</th>');
    expect(html).toContain('<del>Unlimited</del>');
    expect(html).toContain('<input checked="" disabled="" type="checkbox">');
    expect(html).toContain('<a href="https://fetch.spec.whatwg.org/" title="WHATWG">the Fetch standard</a>');
    expect(html).toContain('<a href="#limits">Limits</a>');
    expect(html).toContain('Grüße &copy; 2026');
    expect(html).toContain('href="https://example.com/a?b=1&amp;c=2"');
    expect(html).toContain('&lt;b&gt;it is shown as you wrote it&lt;/b&gt;');
    expect(html).toContain('&lt;script&gt;document.title');
    expect(html).not.toContain('<script');
  });

  it('takes the title from the caller, else the front matter, else the first heading', async () => {
    const titleOf = async (event: MarkdownEvent) => (await handler(event)).title;
    expect(await titleOf({ markdown: '---\ntitle: "Front"\n---\n# Head', title: 'Given' })).toBe('Given');
    expect(await titleOf('\uFEFF---\r\ntitle: "Front"\r\n---\r\n# Head')).toBe('Front');
    expect(await titleOf('text\n\n# Ben & *Jerry*')).toBe('Ben & Jerry');
    expect(await titleOf('no heading')).toBe('Untitled');
    expect((await handler({ markdown: '', title: '</title><script>' })).html).toContain(
      '<title>&lt;/title&gt;&lt;script&gt;',
    );
  });

  it('drops addresses that run something, however they are disguised', async () => {
    for (const address of [
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)',
      'javascript&#58;alert(1)',
      'javascript&#x3a;alert(1)',
      '&#106;avascript:alert(1)',
      '<java\tscript:alert(1)>',
      '<\u0001javascript:alert(1)>',
      'vbscript:msgbox(1)',
      'data:text/html;base64,PHNjcmlwdD4=',
      'file:///etc/passwd',
    ]) {
      expect(await rendered(`[click](${address})`), address).toBe('<p>click</p>\n');
      expect(await rendered(`![picture](${address})`), address).toBe('<p>picture</p>\n');
    }
    expect(await rendered('<javascript:alert(1)>')).toBe('<p>javascript:alert(1)</p>\n');
    // A browser knows `&colon;`; escaped, it is part of a relative path.
    expect(await rendered('[click](javascript&colon;alert(1))')).toBe(
      '<p><a href="javascript&amp;colon;alert(1)">click</a></p>\n',
    );
  });

  it('keeps addresses that lead somewhere', async () => {
    expect(await rendered('[a](/b?c=1&d=2&amp;e=3)')).toBe('<p><a href="/b?c=1&amp;d=2&amp;e=3">a</a></p>\n');
    expect(await rendered('[a](mailto:a@example.com)')).toBe('<p><a href="mailto:a@example.com">a</a></p>\n');
    expect(await rendered('![a "b"](c.png "d \'e\'")')).toBe(
      '<p><img src="c.png" alt="a &quot;b&quot;" title="d &#39;e&#39;"></p>\n',
    );
  });

  it('lets no tag or attribute through but its own, whatever the Markdown', async () => {
    const fragments = [
      '<script>',
      '</script>',
      '<pre>',
      '</pre>',
      '<img src=x onerror=alert(1)//',
      '<!--',
      '-->',
      '<a\nhref="x">',
      '"',
      "'",
      '`',
      '```',
      '[',
      '](',
      ')',
      '![',
      '](javascript:',
      ' onload=x ',
      '\n',
      '\n\n',
      '# ',
      '- [ ] ',
      '> ',
      '|a|b|\n|-|-|\n|',
      '&lt;',
      '&#60;',
      '<',
      '>',
      '\\',
      '*',
      '<x:y>',
      '[r]: <javascript:1>\n',
      '[r]',
      'https://a.b/"<>',
      '<![CDATA[',
      '~~',
      '    ',
      'text',
      '\t',
      '---\n',
      '1. ',
    ];
    const allowed =
      /^<(?:(?:p|em|strong|del|code|pre|ul|ol|li|blockquote|table|thead|tbody|tr|th|td|h[1-6]|a|img|input)(?: (?:id|class|href|src|alt|title|align|start|checked|disabled|type|aria-hidden)="[^"<>]*")*|(?:br|hr)|\/[a-z0-9]+)>/;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...fragments), { maxLength: 25 }), async (parts) => {
        const html = await rendered(parts.join(''));
        for (let at = html.indexOf('<'); at >= 0; at = html.indexOf('<', at + 1))
          expect(html.slice(at)).toMatch(allowed);
        expect(html).not.toMatch(/(?:href|src)="\s*javascript:/i);
      }),
      { numRuns: 2_000 },
    );
  });

  it('says what it wants when it gets no Markdown', async () => {
    for (const event of [undefined, null, 7, {}, { markdown: 7 }])
      await expect(handler(event as MarkdownEvent)).rejects.toThrow(/Send the text of a Markdown file/);
  });
});
