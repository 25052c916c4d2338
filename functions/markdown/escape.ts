/** Text into HTML, and addresses into attributes. */

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For text and for attribute values in quotes. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** As above, but leaves character references such as `&copy;` alone: in Markdown they are a way to write a character. */
export function escapeMarkdownText(text: string): string {
  return text.replace(/&(?!(?:#\d{1,7}|#[Xx][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)|[<>"']/g, (character) => {
    return ESCAPES[character] ?? character;
  });
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00A0' };

/** Resolves numeric references and the common names. A name it does not know stays as it is written. */
export function decodeReferences(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[Xx]([0-9a-fA-F]{1,6})|([a-z]+));/g, (reference, decimal, hexadecimal, name) => {
    if (name !== undefined) return NAMED[name] ?? reference;
    const codePoint = decimal === undefined ? Number.parseInt(hexadecimal, 16) : Number(decimal);
    return codePoint > 0 && codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : '\uFFFD';
  });
}

/**
 * An address that is safe in an attribute, escaped; `undefined` when its scheme is not among `protocols`. The scheme is read by the URL
 * parser that browsers use too, so what they skip (tabs, line breaks, leading control characters) hides nothing. References that
 * `decodeReferences` does not know are escaped, so a browser does not know them either.
 */
export function safeAddress(href: string, protocols: readonly string[]): string | undefined {
  const decoded = decodeReferences(href);
  const url = URL.canParse(decoded, 'https://same.site') ? new URL(decoded, 'https://same.site') : undefined;
  return url && protocols.includes(url.protocol) ? escapeText(decoded) : undefined;
}
