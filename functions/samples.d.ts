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

export interface SampleWorkflow {
  /** The name to deploy it under, once its functions are. */
  readonly name: string;
  readonly source: URL;
  /** What it runs, by the name to deploy it under. Their options are in their `config`. */
  readonly functions: Readonly<Record<string, URL>>;
  /** What it does, in a few words. */
  readonly about: string;
  /** Another one each time, where that matters. What it reads and writes lies in the directory, which is there. */
  input(directory: string): Promise<unknown>;
  /** What it waits for. It may be sent at once. */
  readonly signal?: { readonly name: string; readonly payload: unknown };
  /** One line about the result. */
  // biome-ignore lint/suspicious/noExplicitAny: each sample has a result of its own
  describe(result: any): string;
}

export const workflows: readonly SampleWorkflow[];

export interface SampleJobs {
  /** Of the function that the jobs call. */
  readonly name: string;
  readonly source: URL;
  /** What it does, in a few words. */
  readonly about: string;
  /**
   * Deploys the function, enqueues its jobs and waits for them: one line about what came out. What it reads and writes lies in the directory, which is
   * there; how far it has come it shows on the stream.
   */
  run(
    troupe: import('troupe').Troupe,
    options: {
      readonly directory: string;
      readonly stream: { write(text: string): unknown; readonly isTTY?: boolean };
    },
  ): Promise<string>;
}

export const jobs: readonly SampleJobs[];
