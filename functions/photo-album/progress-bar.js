// @ts-check
/** How far many jobs have come, from what they say themselves: one line that is drawn again in a terminal, and a line for each quarter elsewhere. */

const WIDTH = 30;
const QUARTERS = 4;

export class ProgressBar {
  /** @type {Map<string, number>} the part of each job that is done, 0 to 1 */
  #parts = new Map();
  #total;
  #stream;
  #shown = '';

  /** @param {{ total: number, stream: { write(text: string): unknown, isTTY?: boolean } }} options */
  constructor({ total, stream }) {
    this.#total = total;
    this.#stream = stream;
  }

  /** @param {import('troupe').JobChange} change */
  changed({ id, status, progress }) {
    const said = /** @type {{ done: number, of: number } | undefined} */ (progress);
    if (status === 'succeeded' || status === 'failed') this.#parts.set(id, 1);
    else if (said) this.#parts.set(id, said.done / said.of);
    this.#draw();
  }

  end() {
    if (this.#stream.isTTY && this.#shown !== '') this.#stream.write('\n');
  }

  #draw() {
    let sum = 0;
    let ended = 0;
    for (const part of this.#parts.values()) {
      sum += part;
      if (part === 1) ended++;
    }
    const share = sum / this.#total;
    const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
    const filled = Math.round(share * WIDTH);
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${percent}, ${ended} of ${this.#total}`;
    const line = this.#stream.isTTY ? bar : `${Math.floor(share * QUARTERS) * (100 / QUARTERS)} % done`;
    if (line === this.#shown || (!this.#stream.isTTY && share < 1 / QUARTERS)) return;
    this.#shown = line;
    this.#stream.write(this.#stream.isTTY ? `\r${line}` : `${line}\n`);
  }
}
