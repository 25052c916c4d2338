/**
 * Whose inputs some expression may ask for. Only those are journaled: found in the text of the expressions, without running them, so one that may
 * ask counts as one that does.
 */
import type { AskedInputs } from './definition.ts';

/** `input('X'`, `task("X"`: with the name. */
const BY_CALL = /\b(?:input|task)\s*\(\s*(?:'([^'\\]*)'|"([^"\\]*)"|`([^`\\$]*)`|(\)))?/g;
/** `Tasks.X` and `Tasks['X']`. */
const BY_MEMBER = /\bTasks\b(?:\s*\??\.\s*([A-Za-z_]\w*)|\s*(?:\?\.)?\s*\[\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*\])?/g;
/** The scope as a whole, or with a computed member: not followed by the name of one of its parts. */
const WHOLE_SCOPE = /\$(?![\w$])(?!\s*\??\.\s*(?:Tasks|Workflow|Invocation)\b)/;

/** What follows where the inputs are not what is asked for. */
const OTHER_PART = /^\s*\)?\s*\??\.\s*(?:Id|Status|Output|OutputHeaders|Requires|CreatedAt|UpdatedAt|Error)\b/;

export function askedInputs(texts: readonly string[], aliases: readonly (readonly [string, string])[]): AskedInputs {
  const ids = new Set<string>();
  let all = false;
  for (const text of texts) {
    if (WHOLE_SCOPE.test(text)) all = true;
    for (const match of text.matchAll(BY_CALL)) {
      const [, single, double, backtick, none] = match;
      const id = single ?? double ?? backtick;
      if (id === undefined) all ||= none === undefined;
      else if (!OTHER_PART.test(after(text, match))) ids.add(id);
    }
    for (const match of text.matchAll(BY_MEMBER)) {
      const [, dotted, single, double] = match;
      const id = dotted ?? single ?? double;
      if (id === undefined) all = true;
      else if (!OTHER_PART.test(after(text, match))) ids.add(id);
    }
  }
  for (const [alias, id] of aliases) if (ids.has(alias)) ids.add(id);
  return { all, ids };
}

/** In what takes a task back, its own inputs are those of that task. */
export function asksForOwnInputs(text: string): boolean {
  return /\b(?:input|task)\s*\(\s*\)|\btaskId\b/.test(text);
}

function after(text: string, match: RegExpExecArray): string {
  return text.slice(match.index + match[0].length);
}
