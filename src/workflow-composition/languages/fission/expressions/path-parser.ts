/**
 * Reads the native subset: literals, lists and records of them, and paths that begin with `$`, `taskId` or a call of one of the functions with
 * literal arguments. What it does not understand is not wrong, it is left to the sandbox; so where in doubt it gives up.
 */
import { readTokens, type Token } from './path-tokens.ts';

export const FUNCTIONS = ['uid', 'input', 'output', 'outputHeaders', 'param', 'task'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

export type Node =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'record'; readonly entries: readonly (readonly [string, Node])[] }
  | { readonly kind: 'scope' }
  | { readonly kind: 'taskId' }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly args: readonly (string | undefined)[] }
  | { readonly kind: 'path'; readonly root: Node; readonly steps: readonly Step[] };

export interface Step {
  readonly key: string;
  /** `?.`: ends the path where there is nothing to step into. */
  readonly isOptional: boolean;
}

const MOST_ARGUMENTS: Readonly<Record<FunctionName, number>> = {
  uid: 0,
  input: 2,
  output: 1,
  outputHeaders: 1,
  param: 1,
  task: 1,
};
const WORDS = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['undefined', undefined],
]);
/** Nested deeper, the sandbox may say what it thinks of it. */
const MAX_DEPTH = 50;

/** Undefined where the source, which is known to be an expression, is not of the subset. */
export function parsePath(source: string): Node | undefined {
  const tokens = readTokens(source);
  if (!tokens) return undefined;
  const parser = new Parser(tokens);
  try {
    return parser.whole();
  } catch (error) {
    if (error === NOT_NATIVE) return undefined;
    throw error;
  }
}

const NOT_NATIVE = Symbol('not native');

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Node {
    const node = this.#expression();
    if (this.#at < this.#tokens.length) throw NOT_NATIVE;
    return node;
  }

  #expression(): Node {
    if (++this.#depth > MAX_DEPTH) throw NOT_NATIVE;
    const root = this.#root();
    const steps = this.#steps();
    this.#depth--;
    return steps.length > 0 ? { kind: 'path', root, steps } : root;
  }

  #root(): Node {
    const token = this.#next();
    if (token.kind === 'literal') return { kind: 'literal', value: token.value };
    if (token.kind === 'name') return this.#named(token.text);
    if (token.text === '(') return this.#parenthesised();
    if (token.text === '[') return { kind: 'list', items: this.#until(']', () => this.#expression()) };
    if (token.text === '{') return { kind: 'record', entries: this.#until('}', () => this.#entry()) };
    if (token.text === '-') return this.#negative();
    throw NOT_NATIVE;
  }

  #named(name: string): Node {
    if (WORDS.has(name)) return { kind: 'literal', value: WORDS.get(name) };
    if (name === '$') return { kind: 'scope' };
    if (name === 'taskId') return { kind: 'taskId' };
    const called = FUNCTIONS.find((each) => each === name);
    if (!called || !this.#skip('(')) throw NOT_NATIVE;
    const args = this.#until(')', () => this.#argument());
    if (args.length > MOST_ARGUMENTS[called]) throw NOT_NATIVE;
    return { kind: 'call', name: called, args };
  }

  #argument(): string | undefined {
    const token = this.#next();
    if (token.kind === 'literal') return String(token.value);
    if (token.kind === 'name' && token.text === 'undefined') return undefined;
    throw NOT_NATIVE;
  }

  #parenthesised(): Node {
    const node = this.#expression();
    if (!this.#skip(')')) throw NOT_NATIVE;
    return node;
  }

  /** The minus belongs to the whole path: it is only read where there is none. */
  #negative(): Node {
    const token = this.#next();
    if (token.kind !== 'literal' || typeof token.value !== 'number' || this.#isStep()) throw NOT_NATIVE;
    return { kind: 'literal', value: -token.value };
  }

  #entry(): readonly [string, Node] {
    const token = this.#next();
    if (token.kind === 'sign' || !this.#skip(':')) throw NOT_NATIVE;
    const key = token.kind === 'name' ? token.text : String(token.value);
    // In a literal this one sets the prototype.
    if (key === '__proto__') throw NOT_NATIVE;
    return [key, this.#expression()];
  }

  #steps(): readonly Step[] {
    const steps: Step[] = [];
    while (this.#isStep()) {
      const isOptional = this.#skip('?.');
      if (this.#skip('[')) steps.push({ key: this.#index(), isOptional });
      else if (isOptional || this.#skip('.')) steps.push({ key: this.#name(), isOptional });
      else throw NOT_NATIVE;
    }
    return steps;
  }

  #isStep(): boolean {
    return ['.', '?.', '['].includes(this.#sign());
  }

  #name(): string {
    const token = this.#next();
    if (token.kind !== 'name') throw NOT_NATIVE;
    return token.text;
  }

  #index(): string {
    const token = this.#next();
    if (token.kind !== 'literal' || !this.#skip(']')) throw NOT_NATIVE;
    return String(token.value);
  }

  /** Items between commas, the last of which may be followed by one. */
  #until<T>(end: string, item: () => T): readonly T[] {
    const items: T[] = [];
    while (!this.#skip(end)) {
      items.push(item());
      if (this.#skip(',')) continue;
      if (this.#skip(end)) break;
      throw NOT_NATIVE;
    }
    return items;
  }

  #next(): Token {
    const token = this.#tokens[this.#at++];
    if (!token) throw NOT_NATIVE;
    return token;
  }

  #sign(): string {
    const token = this.#tokens[this.#at];
    return token?.kind === 'sign' ? token.text : '';
  }

  #skip(sign: string): boolean {
    if (this.#sign() !== sign) return false;
    this.#at++;
    return true;
  }
}
