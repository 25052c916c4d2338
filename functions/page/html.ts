/** The page. Everything that a visitor wrote goes through `escapeHtml`. */
import type { Note } from './index.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For text and for attribute values in quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

const STYLE = `body{max-width:36rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif}
form{display:grid;gap:.5rem}.fault{color:#b00}li{margin:.5rem 0}time{color:#777;font-size:.85em}`;

export interface NotePage {
  /** What stands in front of every path of this site; empty or starting with `/`. */
  readonly base: string;
  readonly notes: readonly Note[];
  readonly fault?: string;
}

export function notePage({ base, notes, fault }: NotePage): string {
  const root = escapeHtml(base);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Guest book</title><style>${STYLE}</style></head>
<body>
<h1>Guest book</h1>
${fault === undefined ? '' : `<p class="fault">${escapeHtml(fault)}</p>`}
<form method="post" action="${root}/notes">
<input name="name" placeholder="Your name" maxlength="40" required>
<textarea name="text" placeholder="Your note" maxlength="500" required></textarea>
<button>Leave a note</button>
</form>
<ul>
${notes.map(item).join('\n')}
</ul>
<p>${notes.length} ${notes.length === 1 ? 'note' : 'notes'}. Also as <a href="${root}/api/notes">JSON</a>; and a <a href="${root}/countdown">countdown</a>.</p>
</body>
</html>
`;
}

function item({ name, text, at }: Note): string {
  return `<li><strong>${escapeHtml(name)}</strong> <time>${escapeHtml(at)}</time><br>${escapeHtml(text)}</li>`;
}
