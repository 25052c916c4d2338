/**
 * A Markdown file to a whole HTML page, with marked. Exports `handler`, as AWS Lambda names it.
 *
 * Safe to serve, whoever wrote the Markdown:
 * - raw HTML is shown as text, never passed on: comments, `<br>` and `<details>` included;
 * - links lead to http, https, mailto, or somewhere on the same site; pictures load from http, https or the same site. With any other
 *   address (`javascript:`, `data:`, also when disguised with character references or control characters) only the text stays;
 * - the page forbids scripts by its own policy, should all of this fail.
 * Not judged: what texts say and where links lead. Pictures from other sites tell these sites who reads the page.
 */
import type { Context, FunctionConfig } from 'troupe';
import { escapeText } from './escape.ts';
import { type Heading, render } from './render.ts';

export const config = {
  timeoutMs: 5_000,
  idempotent: true,
  description: 'A Markdown file to an HTML page',
} satisfies FunctionConfig;

/** The text of a Markdown file; or the same with a title that wins over the file's own. */
export type MarkdownEvent = string | { readonly markdown: string; readonly title?: string };

export interface MarkdownPage {
  /** `title:` of the front matter, else the first heading of level 1, else `Untitled`. Plain text. */
  readonly title: string;
  readonly html: string;
  /** In order: enough for a table of contents. */
  readonly headings: readonly Heading[];
}

/** Throws a `TypeError` for an event that holds no Markdown. */
export const handler = async (event: MarkdownEvent, _context?: Context): Promise<MarkdownPage> => {
  const given = typeof event === 'string' ? { markdown: event } : event;
  if (typeof given?.markdown !== 'string')
    throw new TypeError('Send the text of a Markdown file: as a string, or as { markdown, title? }.');
  const { frontTitle, body } = splitFrontMatter(given.markdown.replace(/^\uFEFF/, ''));
  const { html, headings } = render(body);
  const title = given.title ?? frontTitle ?? headings.find(({ level }) => level === 1)?.text ?? 'Untitled';
  return { title, html: page(title, html), headings };
};

/** Front matter is what stands between two lines of `---` at the very start. Only `title: …` of it is understood; the rest is dropped. */
function splitFrontMatter(markdown: string): { frontTitle: string | undefined; body: string } {
  const matter = /^---[ \t]*\r?\n((?:(?!---).*\r?\n)*)---[ \t]*(?:\r?\n|$)/.exec(markdown);
  if (!matter) return { frontTitle: undefined, body: markdown };
  const title = /^title:[ \t]*(.*?)[ \t]*$/m.exec(matter[1] ?? '')?.[1]?.replace(/^(["'])(.*)\1$/, '$2');
  return { frontTitle: title || undefined, body: markdown.slice(matter[0].length) };
}

const STYLE = `body{max-width:44rem;margin:2rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif;color:#222}
pre{overflow:auto;padding:1rem;background:#f5f5f5}code{font-size:.9em}img{max-width:100%}
table{border-collapse:collapse}td,th{padding:.3rem .6rem;border:1px solid #ccc}blockquote{margin:0;padding-left:1rem;border-left:3px solid #ccc}
a.anchor{margin-left:.4em;color:#bbb;text-decoration:none}`;

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src *; style-src 'unsafe-inline'">
<title>${escapeText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}</body>
</html>
`;
}
