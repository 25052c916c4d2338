/**
 * QuickJS with a deadline and a memory limit, for one expression after the other. Each sees the machine as it was when it was made: the memory is
 * put back after each (`memory-snapshot.ts`), so nothing that one leaves behind is there for the next.
 *
 * A machine wears out: its memory has grown and cannot shrink, or it was left in the middle of something. Then it answers no more.
 */
import { randomInt, randomUUID } from 'node:crypto';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSSyncVariant,
  type QuickJSWASMModule,
} from 'quickjs-emscripten-core';
import { serializeError } from '../../../../errors.ts';
import type { Clock } from '../../../../kernel/clock.ts';
import { type LinearMemory, MemorySnapshot } from './memory-snapshot.ts';
import { asFunction, PRELUDE } from './sandbox-prelude.ts';
import type { SandboxAnswer, SandboxFailure, SandboxOptions, SandboxRequest } from './sandbox-protocol.ts';

/** In QuickJS' own count; the thread has a stack of many times that, so it is never the thread's that overflows. */
const STACK_BYTES = 524_288;
const WASM_PAGE_BYTES = 65_536;
/** What the module starts with; it refuses less. */
const FIRST_PAGES = 256;
/** Of the memory: static data, and a stack of 5 MiB. */
const OWN_BYTES = 6_291_456;
/** For the source and for calls, while data fills the rest. */
const RESERVE_BYTES = 1_048_576;
/** A memory that grew by more is not kept for expressions that do not need it. */
const KEPT_GROWTH_BYTES = 16_777_216;
const RANDOM_STEPS = 2 ** 47;
const DATA_WHAT = 'looks at more data than its memory holds';
const MEMORY_WHAT = 'needs more memory than it may have';

export interface MachineOptions extends SandboxOptions {
  readonly tag: string;
  readonly clock: Clock;
}

type Result = { readonly value: QuickJSHandle; readonly error?: undefined } | { readonly error: QuickJSHandle };
type Calls = Readonly<Record<'load' | 'evaluate' | 'execute' | 'describe' | 'bytesAt', QuickJSHandle>>;

export class QuickJsMachine {
  readonly #context: QuickJSContext;
  readonly #memory: LinearMemory;
  readonly #firstBytes: number;
  readonly #options: MachineOptions;
  readonly #calls: Calls;
  readonly #snapshot: MemorySnapshot;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #isOverdue = false;
  #isBroken = false;

  static async create(options: MachineOptions): Promise<QuickJsMachine> {
    const variant = newVariant(await loadVariant(), { wasmMemory: limitedMemory(options.memoryBytes) });
    const module = await newQuickJSWASMModuleFromVariant(variant);
    return new QuickJsMachine(module, options);
  }

  constructor(module: QuickJSWASMModule, options: MachineOptions) {
    this.#options = options;
    this.#memory = module.getWasmMemory();
    this.#firstBytes = this.#memory.buffer.byteLength;
    const runtime = module.newRuntime({ memoryLimitBytes: options.memoryBytes, maxStackSizeBytes: STACK_BYTES });
    runtime.setInterruptHandler(() => this.#interrupts());
    this.#context = runtime.newContext();
    this.#calls = installPrelude(this.#context, options);
    // The library keeps this handle from its first use on: it has to be part of the snapshot.
    void this.#context.global;
    this.#snapshot = new MemorySnapshot(this.#memory);
    for (const request of WARM_UP) this.evaluate(request, () => {});
  }

  get isWorn(): boolean {
    return this.#isBroken || this.#memory.buffer.byteLength > this.#firstBytes + KEPT_GROWTH_BYTES;
  }

  /** Calls `beat` whenever a part of the work begins that may take as long as an expression may. */
  evaluate(request: SandboxRequest, beat: () => void): SandboxAnswer {
    try {
      return this.#answer(request, beat);
    } catch (error) {
      // Thrown by the host through QuickJS, which has not cleaned up: nothing that is there can be relied upon.
      this.#isBroken = true;
      const { name, message } = serializeError(error);
      return failed(request.id, 'thrown', `broke the sandbox: ${name}: ${message}`);
    } finally {
      if (!this.#isBroken) this.#snapshot.restore();
    }
  }

  #answer(request: SandboxRequest, beat: () => void): SandboxAnswer {
    beat();
    this.#isOverdue = false;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    const context = this.#context;
    if (!this.#hasRoom(request)) return failed(request.id, 'memory', DATA_WHAT);
    // Before the data, which may leave no room: the library does not notice when there is none for a text.
    const code: Result =
      request.kind === 'script'
        ? { value: context.newString(request.source) }
        : context.evalCode(asFunction(request.source), 'expression', { type: 'global' });
    if (code.error) return this.#failure(request.id, code.error);
    const bytes = request.bytes.map((each) => context.newArrayBuffer(each.slice().buffer));
    // What it is given is not its own doing: taking that in does not count.
    const loaded = this.#call('load', context.newString(request.data), ...bytes);
    if (loaded.error) return failed(request.id, 'memory', DATA_WHAT);
    beat();
    this.#deadlineMs = this.#options.clock.nowMs() + this.#options.timeoutMs;
    const ran = this.#call(request.kind === 'script' ? 'execute' : 'evaluate', code.value);
    return ran.error ? this.#failure(request.id, ran.error) : this.#read(request.id, context.getString(ran.value));
  }

  /** For the text as it travels, as QuickJS has it (two bytes for a character, at most), and the bytes. */
  #hasRoom({ data, bytes }: SandboxRequest): boolean {
    const size = bytes.reduce((sum, each) => sum + each.length, Buffer.byteLength(data) * 3);
    return size <= this.#options.memoryBytes - RESERVE_BYTES;
  }

  #call(name: keyof Calls, ...args: QuickJSHandle[]): Result {
    return this.#context.callFunction(this.#calls[name], this.#context.undefined, ...args);
  }

  #read(id: number, answer: string): SandboxAnswer {
    const rest = answer.slice(1);
    // Empty: there was no room to write it.
    if (answer === '' || answer.startsWith('m')) return failed(id, 'memory', MEMORY_WHAT);
    if (answer.startsWith('l')) return this.#tooLarge(id);
    if (!answer.startsWith('v')) return failed(id, 'thrown', `threw ${rest}`);
    const end = rest.indexOf(';');
    const json = rest.slice(end + 1);
    const bytes = Array.from({ length: Number(rest.slice(0, end)) }, (_, index) => this.#bytesAt(index));
    const size = bytes.reduce((sum, each) => sum + each.length, Buffer.byteLength(json));
    return size > this.#options.resultLimitBytes ? this.#tooLarge(id) : { id, kind: 'value', json, bytes };
  }

  #bytesAt(index: number): Uint8Array {
    const buffer = this.#call('bytesAt', this.#context.newNumber(index));
    if (buffer.error) throw new Error('The prelude does not hold the bytes that it told of.');
    return this.#context.getArrayBuffer(buffer.value).value.slice();
  }

  #tooLarge(id: number): SandboxAnswer {
    return failed(id, 'too-large', `has a result of more than ${this.#options.resultLimitBytes} bytes`);
  }

  /** Of what even the prelude could not catch. */
  #failure(id: number, error: QuickJSHandle): SandboxAnswer {
    if (this.#isOverdue) return failed(id, 'timeout', `took more than ${this.#options.timeoutMs} ms`);
    const described = this.#call('describe', error);
    if (described.error) return failed(id, 'memory', MEMORY_WHAT);
    return this.#read(id, this.#context.getString(described.value));
  }

  #interrupts(): boolean {
    this.#isOverdue ||= this.#options.clock.nowMs() > this.#deadlineMs;
    return this.#isOverdue;
  }
}

/** The package declares a CommonJS module, and is an ES module here. */
async function loadVariant(): Promise<QuickJSSyncVariant> {
  const { default: found } = await import('@jitl/quickjs-wasmfile-release-sync');
  return 'default' in found ? found.default : found;
}

/** QuickJS' own limit counts allocations, not their size, in this build: only a memory that cannot grow bounds it. */
function limitedMemory(memoryBytes: number): LinearMemory {
  const { WebAssembly } = globalThis as unknown as {
    readonly WebAssembly: { readonly Memory: new (pages: { initial: number; maximum: number }) => LinearMemory };
  };
  const maximum = Math.max(FIRST_PAGES, Math.ceil((memoryBytes + OWN_BYTES) / WASM_PAGE_BYTES));
  return new WebAssembly.Memory({ initial: FIRST_PAGES, maximum });
}

/** Kept for good: the handles of the prelude's functions are part of every snapshot. */
function installPrelude(context: QuickJSContext, { tag, resultLimitBytes }: MachineOptions): Calls {
  const uid = context.newFunction('uid', () => context.newString(randomUUID()));
  const random = context.newFunction('random', () => context.newNumber(randomInt(RANDOM_STEPS) / RANDOM_STEPS));
  const install = context.unwrapResult(context.evalCode(PRELUDE, 'prelude', { type: 'global' }));
  const made = context.unwrapResult(
    context.callFunction(
      install,
      context.undefined,
      uid,
      random,
      context.newString(tag),
      context.newNumber(resultLimitBytes),
    ),
  );
  const get = (name: keyof Calls) => context.getProp(made, name);
  return {
    load: get('load'),
    evaluate: get('evaluate'),
    execute: get('execute'),
    describe: get('describe'),
    bytesAt: get('bytesAt'),
  };
}

/** WebAssembly is compiled, and the paths of the host become warm, before anybody waits. */
const WARM_UP: readonly SandboxRequest[] = [
  {
    id: 0,
    kind: 'expression',
    source: '[1].map((x) => String(x).replace(/1/, "2") + output("a") + uid() + Math.random())',
    data: '{"taskId":"a","$":{"Tasks":{"a":{"Output":1}}}}',
    bytes: [],
  },
  { id: 0, kind: 'script', source: 'throw new Error(a)', data: '{"a":1}', bytes: [] },
];

function failed(id: number, reason: SandboxFailure, what: string): SandboxAnswer {
  return { id, kind: 'failed', reason, what };
}
