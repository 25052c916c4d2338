export interface Sample {
  /** The name to deploy it under. */
  readonly name: string;
  readonly source: URL;
  /** For `deploy`, over what the function's own `config` says. */
  readonly options: {
    readonly runtime?: 'node' | 'exec';
    readonly isolation?: 'thread' | 'process';
    readonly env?: Readonly<Record<string, string>>;
  };
  /** `value`: one result. `stream`: chunks. `http`: the input is a request as the gateway encodes it. */
  readonly kind: 'value' | 'stream' | 'http';
  /** What it does, in a few words. */
  readonly about: string;
  input(): Promise<unknown>;
  /**
   * One line about what came out. It is given the result of a `value`, the array of all chunks of a `stream`, and
   * `{ status, body }` with the body as text for `http`.
   */
  // biome-ignore lint/suspicious/noExplicitAny: each sample has a result of its own
  describe(result: any): string;
}

export const samples: readonly Sample[];
