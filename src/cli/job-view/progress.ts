/** What a function says of how far it has come: a bar where it can be one, else a short text. Pure. */
import { toJson } from '../terminal.ts';
import { cut, oneLine } from '../workflow-view/words.ts';

/** A number from 0 to 1, or `{ done, total }`, is a bar with so many columns. */
export function progressText(progress: unknown, columns: number): string {
  if (typeof progress === 'number' && progress >= 0 && progress <= 1)
    return `${bar(progress, columns)} ${percent(progress)}`;
  if (isCount(progress)) {
    const { done, total } = progress;
    const part = Math.min(1, done / total);
    return `${bar(part, columns)} ${done}/${total}`;
  }
  return cut(oneLine(typeof progress === 'string' ? progress : toJson(progress)), columns * 2);
}

function isCount(value: unknown): value is { readonly done: number; readonly total: number } {
  if (typeof value !== 'object' || value === null) return false;
  const { done, total } = value as { done?: unknown; total?: unknown };
  return typeof done === 'number' && typeof total === 'number' && done >= 0 && total > 0;
}

function bar(part: number, columns: number): string {
  const full = Math.round(part * columns);
  return `${'█'.repeat(full)}${'░'.repeat(columns - full)}`;
}

function percent(part: number): string {
  return `${Math.floor(part * 100)} %`;
}
