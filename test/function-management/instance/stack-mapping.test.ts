import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TraceMap } from '@jridgewell/trace-mapping';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mapStack } from '../../../src/function-management/instance/stack-mapping.ts';

const SOURCE = `type Event = { deep: boolean };

function fail(event: Event): never {
  throw new TypeError(\`cannot \${event.deep}\`);
}
export const handler = (event: Event) => {
  return fail(event);
};
`;
const RUNTIME = fileURLToPath(new URL('../../../src/instance-runtime/loop.ts', import.meta.url));

let directory: string;
let entry: string;
let json: string;
let stack: string;

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'troupe-stack-')));
  entry = join(directory, 'function.cjs');
  writeFileSync(join(directory, 'fn.ts'), SOURCE);
  buildSync({
    entryPoints: [join(directory, 'fn.ts')],
    outfile: entry,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    sourcemap: 'external',
    keepNames: true,
  });
  json = readFileSync(`${entry}.map`, 'utf8').replace('"fn.ts"', JSON.stringify(join(directory, 'fn.ts')));
  const code = `try { require(${JSON.stringify(entry)}).handler({ deep: true }) } catch (error) { console.log(error.stack) }`;
  stack = execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }).trimEnd();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('mapping a stack', () => {
  it('shows where in the source the error was thrown and how it was reached', () => {
    const lines = mapStack(stack, entry, json).split('\n');
    expect(lines[0]).toBe('TypeError: cannot true');
    expect(lines[1]).toBe(`    at fail (${join(directory, 'fn.ts')}:4:9)`);
    expect(lines[2]).toMatch(new RegExp(`at .*handler \\(${join(directory, 'fn.ts')}:7:10\\)$`));
  });

  it('maps places that are written as file URLs, and takes a map that is parsed already', () => {
    const asUrl = stack.replaceAll(entry, pathToFileURL(entry).href);
    expect(mapStack(asUrl, entry, new TraceMap(json))).toBe(mapStack(stack, entry, json));
  });

  it('drops the frames of the runtime and of Node beneath the function, and keeps those of others', () => {
    const foreign = '    at call (/app/node_modules/library/index.js:3:4)';
    const own = stack.split('\n').slice(0, 3).join('\n');
    const full = [
      own,
      foreign,
      `    at InvocationLoop.run (${RUNTIME}:10:5)`,
      `    at async ${pathToFileURL(RUNTIME).href}:20:5`,
      '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    ].join('\n');
    expect(mapStack(full, entry, json)).toBe(`${mapStack(own, entry, json)}\n${foreign}`);
  });

  it('keeps frames of Node above the function', () => {
    const top = '    at JSON.parse (<anonymous>)\n    at readFileSync (node:fs:441:20)';
    const [head, ...frames] = stack.split('\n');
    const mapped = mapStack([head, top, ...frames].join('\n'), entry, json);
    expect(mapped).toContain(`${top}\n    at fail (`);
  });

  it('leaves text alone that is no stack, and every place when the map is damaged', () => {
    expect(mapStack('no stack at all', entry, json)).toBe('no stack at all');
    expect(mapStack('', entry, json)).toBe('');
    expect(mapStack(stack.split('\n').slice(0, 3).join('\n'), entry, '{')).toBe(
      stack.split('\n').slice(0, 3).join('\n'),
    );
    expect(mapStack(`Error\n    at x (${entry}:99999:1)`, entry, json)).toBe(`Error\n    at x (${entry}:99999:1)`);
  });
});
