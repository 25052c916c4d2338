/** What a round found wrong. Counts all, keeps the first few: one fault often shows a thousand times. */
const KEPT = 12;

export class Findings {
  #count = 0;
  readonly #kept: string[] = [];

  add(what: string): void {
    this.#count++;
    if (this.#kept.length < KEPT) this.#kept.push(what);
  }

  check(holds: boolean, what: () => string): void {
    if (!holds) this.add(what());
  }

  get count(): number {
    return this.#count;
  }

  lines(): readonly string[] {
    const more = this.#count - this.#kept.length;
    return more > 0 ? [...this.#kept, `... and ${more} more`] : this.#kept;
  }
}

export function describeThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = 'code' in thrown ? `${String(thrown.code)}: ` : '';
  return `${code}${thrown.message}`;
}
