/** Markdown to the inside of a page's body. Whatever marked would pass on unescaped is overridden here. */
import { Marked, type RendererObject, type Tokens } from 'marked';
import { decodeReferences, escapeMarkdownText, escapeText, safeAddress } from './escape.ts';

export interface Heading {
  readonly level: number;
  /** Unique on the page: the address is `#id`. */
  readonly id: string;
  /** Plain text. */
  readonly text: string;
}

const LINKS = ['http:', 'https:', 'mailto:'];
const PICTURES = ['http:', 'https:'];

export function render(markdown: string): { html: string; headings: Heading[] } {
  const headings: Heading[] = [];
  const takenIds = new Set<string>();

  const renderer: RendererObject = {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escapeText(text),
    // marked takes text between raw `<script>` and its end for escaped already; here that tag is text itself, so nothing is.
    text(token: Tokens.Text | Tokens.Escape) {
      return 'tokens' in token && token.tokens ? this.parser.parseInline(token.tokens) : escapeMarkdownText(token.text);
    },
    heading({ tokens, depth }) {
      const text = decodeReferences(plainText(tokens)).trim();
      const id = uniqueId(slug(text), takenIds);
      headings.push({ level: depth, id, text });
      const anchor = `<a class="anchor" href="#${id}" aria-hidden="true">#</a>`;
      return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}${anchor}</h${depth}>\n`;
    },
    link({ href, title, tokens }) {
      const inside = this.parser.parseInline(tokens);
      const address = safeAddress(href, LINKS);
      return address === undefined ? inside : `<a href="${address}"${titleAttribute(title)}>${inside}</a>`;
    },
    image({ href, title, text }) {
      const address = safeAddress(href, PICTURES);
      const alt = escapeMarkdownText(text);
      return address === undefined ? alt : `<img src="${address}" alt="${alt}"${titleAttribute(title)}>`;
    },
  };

  const html = new Marked({ gfm: true, renderer }).parse(markdown, { async: false });
  return { html, headings };
}

function titleAttribute(title: string | null | undefined): string {
  return title ? ` title="${escapeMarkdownText(title)}"` : '';
}

function plainText(tokens: readonly Tokens.Generic[]): string {
  return tokens.map((token) => (token.tokens ? plainText(token.tokens) : String(token['text'] ?? ''))).join('');
}

/** As GitHub makes them: lower case, letters, digits, `-` and `_` kept, spaces to `-`. Letters of every script count. */
function slug(text: string): string {
  const kept = text.toLowerCase().replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, '');
  return kept.trim().replace(/\s/g, '-') || 'section';
}

function uniqueId(wanted: string, taken: Set<string>): string {
  let id = wanted;
  for (let copy = 1; taken.has(id); copy++) id = `${wanted}-${copy}`;
  taken.add(id);
  return id;
}
