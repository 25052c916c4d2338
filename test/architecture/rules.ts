/** The rules of the house, each a pure function from the source model to what breaks it. */
import { dirname } from 'node:path/posix';
import { findCycles } from './cycles.ts';
import type { Import, SourceModel } from './source-model.ts';

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

export type Rule = (model: SourceModel) => Violation[];

/** Each may import what stands before it. */
const LAYERS = [
  'errors',
  'config',
  'handler',
  'kernel',
  'transport',
  'instance-runtime',
  'ledger',
  'store',
  'resource-orchestration',
  'function-management',
  'workflow-composition',
  'ecosystem',
  'guest',
  'data-care',
  'place',
  'runtime',
  'host-stats',
  'workflows',
  'jobs',
  'schedules',
  'events',
  'fetch-function',
  'troupe',
  'index',
  'testing',
  'developer-environment',
  'cli',
];

const COMPONENT_LAYERS = new Set([
  'resource-orchestration',
  'function-management',
  'workflow-composition',
  'ecosystem',
]);
/** Not a component: pure policies that the engine is given. */
const NO_COMPONENTS = new Set(['src/workflow-composition/languages']);
const MAX_LINES = 400;
const README_HEADINGS = ['Owns', 'Never does', 'Invariants'];
const CLOCK_AND_CHANCE = new Set([
  'Date.now',
  'new Date()',
  'Math.random',
  'performance.now',
  'setTimeout',
  'setInterval',
]);
const TIMER_MODULES = new Set(['timers', 'timers/promises']);

const layerOf = (path: string): string => (path.split('/')[1] ?? '').replace(/\.ts$/, '');
const isOurs = ({ target }: Import): boolean => target.startsWith('src/');

function componentOf(path: string): string | undefined {
  const [root, layer = '', folder, file] = path.split('/');
  if (!COMPONENT_LAYERS.has(layer) || folder === undefined || file === undefined) return undefined;
  const component = `${root}/${layer}/${folder}`;
  return NO_COMPONENTS.has(component) ? undefined : component;
}

const at = ({ file, line }: { file: string; line: number }, why: string): Violation => ({ file, line, why });

/** Every file belongs to a layer, and a layer imports only layers that stand before it. */
export const importsGoOneWay: Rule = ({ files, imports }) => [
  ...files
    .filter((file) => !LAYERS.includes(layerOf(file)))
    .map((file) => at({ file, line: 1 }, `"${layerOf(file)}" is not in the list of layers`)),
  ...imports
    .filter(
      (each) =>
        isOurs(each) &&
        LAYERS.includes(layerOf(each.file)) &&
        LAYERS.indexOf(layerOf(each.target)) > LAYERS.indexOf(layerOf(each.file)),
    )
    .map((each) => at(each, `${layerOf(each.file)} may not import ${layerOf(each.target)}, which stands after it`)),
];

export const noFileCycles: Rule = ({ imports }) => cycleViolations(imports.filter(isOurs), (path) => path);

export const componentsMeetAtProtocols: Rule = ({ imports }) =>
  imports
    .filter(({ file, target }) => {
      const [from, to] = [componentOf(file), componentOf(target)];
      return from !== undefined && to !== undefined && from !== to && target !== `${to}/protocol.ts`;
    })
    .map((each) => at(each, `one component imports from another only its protocol.ts, not ${each.target}`));

/** Types of a protocol are free: they order nothing at run time. */
export const noComponentCycles: Rule = ({ imports }) =>
  cycleViolations(
    imports.filter(
      (each) =>
        componentOf(each.file) !== undefined &&
        componentOf(each.target) !== undefined &&
        !(each.isTypeOnly && each.target.endsWith('/protocol.ts')),
    ),
    (path) => componentOf(path) ?? path,
  );

export const instanceRuntimeStandsAlone: Rule = ({ imports }) =>
  imports.filter(isOurs).flatMap((each) => {
    const [from, to] = [layerOf(each.file), layerOf(each.target)];
    if (from === to) return [];
    if (to === 'instance-runtime') return [at(each, 'instance-runtime is started by URL and imported by nobody')];
    if (from !== 'instance-runtime' || to === 'transport' || to === 'errors') return [];
    if (to === 'handler' || (to === 'config' && each.isTypeOnly)) return [];
    return [at(each, `instance-runtime imports transport, errors, handler and types of config; not ${each.target}`)];
  });

export const onlyStoreImportsLmdb: Rule = ({ imports }) =>
  imports
    .filter(({ file, target }) => /^lmdb(\/|$)/.test(target) && layerOf(file) !== 'store')
    .map((each) => at(each, 'only store/ imports lmdb'));

export const environmentIsReadInOnePlace: Rule = ({ imports, uses }) => {
  const isAllowed = (file: string) => layerOf(file) === 'config' || layerOf(file) === 'instance-runtime';
  const why = 'process.env is read only in config.ts';
  return [
    ...uses.filter(({ file, what }) => what === 'process.env' && !isAllowed(file)).map((use) => at(use, why)),
    ...imports
      .filter(({ file, target, names }) => target === 'process' && names.includes('env') && !isAllowed(file))
      .map((each) => at(each, why)),
  ];
};

export const filesAreShort: Rule = ({ files, tree }) =>
  files
    .map((file) => ({ file, line: (tree[file] ?? '').trimEnd().split('\n').length }))
    .filter(({ line }) => line > MAX_LINES)
    .map((file) => at(file, `a source file has at most ${MAX_LINES} lines, this one ${file.line}`));

export const componentsAreFurnished: Rule = ({ files, tree }) => {
  const components = [...new Set(files.map(componentOf).filter((component) => component !== undefined))];
  return components.flatMap((component) => {
    const readme = tree[`${component}/README.md`];
    const headings = (readme ?? '').split('\n').map((line) => /^#+\s+(.*?)\s*$/.exec(line)?.[1]);
    const missing = README_HEADINGS.filter((heading) => !headings.includes(heading));
    return [
      ...(Object.hasOwn(tree, `${component}/protocol.ts`)
        ? []
        : [at({ file: component, line: 1 }, 'has no protocol.ts')]),
      ...(readme === undefined ? [at({ file: component, line: 1 }, 'has no README.md')] : []),
      ...(readme !== undefined && missing.length > 0
        ? [at({ file: `${component}/README.md`, line: 1 }, `lacks the headings ${missing.join(', ')}`)]
        : []),
    ];
  });
};

export const exportsAreNamed: Rule = ({ uses }) =>
  uses.filter(({ what }) => what === 'export *').map((use) => at(use, 'exports are named one by one, not with *'));

/**
 * The real clock, the composition root that hands out the real chance, and the ring, which spins: what it decides is in `spin-policy.ts`, with
 * times as arguments; how long it has spun, only the real clock can say.
 */
const REAL_TIME_AND_CHANCE = new Set([
  'src/kernel/clock.ts',
  'src/kernel/process-hold.ts',
  'src/runtime.ts',
  'src/transport/ring-channel.ts',
  'src/transport/spinner.ts',
]);

export const timeAndChanceAreArguments: Rule = ({ imports, uses }) => {
  const isAllowed = (file: string) =>
    REAL_TIME_AND_CHANCE.has(file) || layerOf(file) === 'instance-runtime' || layerOf(file) === 'cli';
  return [
    ...uses
      .filter(({ file, what }) => CLOCK_AND_CHANCE.has(what) && !isAllowed(file))
      .map((use) => at(use, `${use.what}: time comes from a Clock, chance from a Random`)),
    ...imports
      .filter(({ file, target }) => TIMER_MODULES.has(target) && !isAllowed(file))
      .map((each) => at(each, `${each.target}: time comes from a Clock`)),
  ];
};

/** One violation per cycle, at an import that is part of it. */
function cycleViolations(imports: readonly Import[], nodeOf: (path: string) => string): Violation[] {
  const edges = new Map<string, Map<string, Import>>();
  for (const each of imports) {
    const [from, to] = [nodeOf(each.file), nodeOf(each.target)];
    if (from === to && each.file !== each.target) continue;
    const known = edges.get(from) ?? new Map<string, Import>();
    if (!known.has(to)) known.set(to, each);
    edges.set(from, known);
  }
  return findCycles(edges).flatMap((cycle) => {
    const [from = '', to = from] = cycle;
    const each = edges.get(from)?.get(to);
    const circle = [...cycle, from].map((path) => path.slice(dirname(dirname(path)).length + 1));
    return each ? [at(each, `a circle of imports: ${circle.join(' -> ')}`)] : [];
  });
}
