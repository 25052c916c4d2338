/** Draws over what it has drawn before, on a terminal. */
import type { Terminal } from '../terminal.ts';

const CLEAR_LINE_REST = '\u001B[K';
const CLEAR_BELOW = '\u001B[J';
const up = (lines: number) => (lines > 0 ? `\r\u001B[${lines}A` : '\r');

export class Painter {
  readonly #terminal: Pick<Terminal, 'raw' | 'rows' | 'outColors'>;
  #paintedLines = 0;

  constructor(terminal: Pick<Terminal, 'raw' | 'rows' | 'outColors'>) {
    this.#terminal = terminal;
  }

  /** What has no room is left out, for one cannot go up beyond the first row; but the last drawing stays, and is whole. */
  paint(lines: readonly string[], isLast: boolean): void {
    const { rows, outColors } = this.#terminal;
    const room = Math.max(2, rows - 1);
    const isCut = !isLast && lines.length > room;
    const shown = isCut ? lines.slice(0, room - 1) : [...lines];
    if (isCut) shown.push(outColors.dim(`… ${lines.length - shown.length} more lines`));
    const text = shown.map((line) => `${line}${CLEAR_LINE_REST}\n`).join('');
    this.#terminal.raw(`${up(this.#paintedLines)}${text}${CLEAR_BELOW}`);
    this.#paintedLines = shown.length;
  }
}
