/**
 * YAML text -> source tree. Bounded in size, depth and in what aliases unfold to, whatever the text is; its own faults (syntax, keys written
 * twice) are collected like all others.
 */
import { isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Faults, Place } from './faults.ts';
import { describeSource, type MapEntry, NOTHING, type Source } from './source.ts';

export const MAX_SOURCE_BYTES = 1_048_576;
const MAX_DEPTH = 400;
/** Nodes that aliases may add. A file without aliases is bounded by its size. */
const MAX_ALIASED_NODES = 100_000;

export function readYaml(text: string, faults: Faults): Source | undefined {
  if (Buffer.byteLength(text) > MAX_SOURCE_BYTES)
    return faults.add(`a definition has at most ${MAX_SOURCE_BYTES} bytes`);
  const lines = new LineCounter();
  try {
    // Its own check for double keys compares each key with each other one.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    for (const { message, pos } of [...document.errors, ...document.warnings]) {
      faults.add(`YAML: ${message.replace(/\.?$/, '')}`, placeOf(lines, pos[0]));
    }
    // What could be read of a broken text has mistakes that nobody made.
    if (!faults.isEmpty) return undefined;
    return new Reader(lines, faults).read(document.contents, 0);
  } catch (thrown) {
    if (thrown instanceof RangeError) return faults.add('is nested too deeply');
    throw thrown;
  }
}

function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

class Reader {
  readonly #lines: LineCounter;
  readonly #faults: Faults;
  /** By its name, what was anchored last; undefined while it is being read. */
  readonly #anchored = new Map<string, Source | undefined>();
  readonly #sizes = new Map<Source, number>();
  #aliasedNodes = 0;

  constructor(lines: LineCounter, faults: Faults) {
    this.#lines = lines;
    this.#faults = faults;
  }

  read(node: unknown, depth: number): Source {
    if (isAlias(node)) return this.#alias(node, node.source);
    if (!isScalar(node) && !isCollection(node)) return NOTHING;
    if (depth > MAX_DEPTH) {
      this.#faults.add('is nested too deeply', this.#at(node));
      return NOTHING;
    }
    if (node.anchor !== undefined) this.#anchored.set(node.anchor, undefined);
    const source = this.#plain(node, depth);
    if (node.anchor !== undefined) this.#anchored.set(node.anchor, source);
    return source;
  }

  #plain(node: Node, depth: number): Source {
    const at = this.#at(node);
    if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => this.read(item, depth + 1)), at };
    if (!isMap(node)) return { kind: 'scalar', value: isScalar(node) ? node.value : null, at };
    const entries = new Map<string, MapEntry>();
    const merged: (() => void)[] = [];
    for (const { key, value } of node.items) {
      const at = this.#at(key as Node);
      if (isScalar(key) && key.value === '<<') {
        const source = this.read(value, depth + 1);
        merged.push(() => this.#merge(entries, source, at));
      } else {
        this.#entry(entries, key as Node, value, depth);
      }
    }
    for (const merge of merged) merge();
    return { kind: 'map', entries, at };
  }

  #entry(entries: Map<string, MapEntry>, keyNode: Node, valueNode: unknown, depth: number): void {
    const keyAt = this.#at(keyNode);
    const keySource = this.read(keyNode, depth + 1);
    if (keySource.kind !== 'scalar') {
      this.#faults.add(`the name of a field is a text, not ${describeSource(keySource)}`, keyAt);
      return;
    }
    const key = String(keySource.value);
    const value = this.read(valueNode, depth + 1);
    if (entries.has(key)) this.#faults.add(`"${key}" stands here a second time`, keyAt);
    else entries.set(key, { keyAt, value });
  }

  /** `<<: *other`, as YAML 1.1 has it: what stands in the map itself wins. */
  #merge(entries: Map<string, MapEntry>, value: Source, at: Place | undefined): void {
    for (const each of value.kind === 'list' ? value.items : [value]) {
      if (each.kind !== 'map') {
        this.#faults.add(`only a map can be merged into one, not ${describeSource(each)}`, at);
        continue;
      }
      for (const [key, entry] of each.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  #alias(node: Node, name: string): Source {
    const source = this.#anchored.get(name);
    if (source === undefined) {
      const isInside = this.#anchored.has(name);
      const why = isInside ? 'stands inside what it names' : 'names nothing that stands before it';
      this.#faults.add(`the alias "${name}" ${why}`, this.#at(node));
      return NOTHING;
    }
    const before = this.#aliasedNodes;
    this.#aliasedNodes += this.#sizeOf(source);
    if (this.#aliasedNodes <= MAX_ALIASED_NODES) return source;
    if (before <= MAX_ALIASED_NODES) {
      this.#faults.add(`aliases unfold to more than ${MAX_ALIASED_NODES} parts`, this.#at(node));
    }
    return NOTHING;
  }

  #sizeOf(source: Source): number {
    if (source.kind === 'scalar') return 1;
    const known = this.#sizes.get(source);
    if (known !== undefined) return known;
    const parts = source.kind === 'list' ? source.items : [...source.entries.values()].map(({ value }) => value);
    const size = parts.reduce((sum, part) => sum + this.#sizeOf(part), 1);
    this.#sizes.set(source, size);
    return size;
  }

  #at(node: Node | null): Place | undefined {
    const offset = node?.range?.[0];
    return offset === undefined ? undefined : placeOf(this.#lines, offset);
  }
}
