/**
 * The words of the native subset of JavaScript: names, numbers, simple strings, and a few signs. Whatever is not among them (comments, operators,
 * templates, escapes in names) ends the reading, and the expression goes to the sandbox, which knows all of JavaScript.
 */

export type Token =
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'literal'; readonly value: string | number }
  | { readonly kind: 'sign'; readonly text: string };

// One alternative each: white space, name, number, string in either quotes, sign. `?.` before a digit is a question and a fraction.
const TOKEN =
  /(\s+)|([A-Za-z_$][\w$]*)|((?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w$.])|'((?:[^'\\\r\n]|\\[\\'"nrtbf/])*)'|"((?:[^"\\\r\n]|\\[\\'"nrtbf/])*)"|(\?\.(?!\d)|[.()[\]{},:-])/y;

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

/** Undefined where it is not of the subset. */
export function readTokens(source: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < source.length) {
    const match = pattern.exec(source);
    if (!match) return undefined;
    const [, space, name, number, single, double, sign = ''] = match;
    const text = single ?? double;
    if (space !== undefined) continue;
    if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (number !== undefined) tokens.push({ kind: 'literal', value: Number(number) });
    else if (text !== undefined) tokens.push({ kind: 'literal', value: withoutEscapes(text) });
    else tokens.push({ kind: 'sign', text: sign });
  }
  return tokens;
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(.)/g, (_, letter: string) => ESCAPED[letter] ?? letter);
}
