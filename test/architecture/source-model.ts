/**
 * What the rules see of the source tree: every file with its imports and the few expressions that some rule forbids, each with its line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** Path below the repository, with `/`, to content. */
export type SourceTree = Readonly<Record<string, string>>;

export interface Import {
  readonly file: string;
  readonly line: number;
  /** A path of the tree, or the name of a package with its subpath. */
  readonly target: string;
  readonly isTypeOnly: boolean;
  /** Names imported from a package or file; `*` for all. */
  readonly names: readonly string[];
}

export interface Use {
  readonly file: string;
  readonly line: number;
  /** For instance `process.env`, `Date.now`, `setTimeout`, `export *`. */
  readonly what: string;
}

export interface SourceModel {
  readonly tree: SourceTree;
  readonly files: readonly string[];
  readonly imports: readonly Import[];
  readonly uses: readonly Use[];
}

/** Reads every file below `root/folder`. */
export function readTree(root: string, folder: string): SourceTree {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .filter((entry) => entry.isFile() && /\.(ts|md)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(root.length + 1).replaceAll('\\', '/'), readFileSync(path, 'utf8')]),
  );
}

export function modelOf(tree: SourceTree): SourceModel {
  const files = Object.keys(tree).filter((path) => path.endsWith('.ts'));
  const imports: Import[] = [];
  const uses: Use[] = [];
  for (const file of files) {
    const source = ts.createSourceFile(file, tree[file] ?? '', ts.ScriptTarget.ES2022, false);
    const lineOf = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    const visit = (node: ts.Node): void => {
      const found = importIn(node);
      if (found) imports.push({ ...found, file, line: lineOf(node), target: resolve(file, found.target) });
      const what = useIn(node);
      if (what) uses.push({ file, line: lineOf(node), what });
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return { tree, files, imports, uses };
}

function resolve(file: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier.replace(/^node:/, '');
}

function importIn(node: ts.Node): Pick<Import, 'target' | 'isTypeOnly' | 'names'> | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const clause = node.importClause;
    const bindings = clause?.namedBindings;
    const elements = bindings && ts.isNamedImports(bindings) ? bindings.elements : undefined;
    const isTypeOnly =
      clause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
      (!clause?.name && elements !== undefined && elements.length > 0 && elements.every((each) => each.isTypeOnly));
    return { target: node.moduleSpecifier.text, isTypeOnly, names: namesOf(elements) };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    const elements = node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : undefined;
    const isTypeOnly =
      node.isTypeOnly || (elements?.length !== 0 && elements?.every((each) => each.isTypeOnly)) === true;
    return { target: node.moduleSpecifier.text, isTypeOnly, names: namesOf(elements) };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [specifier] = node.arguments;
    if (specifier && ts.isStringLiteralLike(specifier))
      return { target: specifier.text, isTypeOnly: false, names: ['*'] };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { target: node.argument.literal.text, isTypeOnly: true, names: ['*'] };
  }
  return undefined;
}

function namesOf(elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[] | undefined): string[] {
  return elements?.map((each) => (each.propertyName ?? each.name).text) ?? ['*'];
}

const TIMERS = new Set(['setTimeout', 'setInterval']);

function useIn(node: ts.Node): string | undefined {
  if (ts.isExportDeclaration(node) && (!node.exportClause || ts.isNamespaceExport(node.exportClause)))
    return 'export *';
  if (ts.isPropertyAccessExpression(node)) {
    const owner = ownerOf(node.expression);
    return owner && `${owner}.${node.name.text}`;
  }
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
    const owner = ownerOf(node.expression);
    return owner && `${owner}.${node.argumentExpression.text}`;
  }
  if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && node.initializer) {
    const owner = ownerOf(node.initializer);
    const [first] = node.name.elements.map((each) => (each.propertyName ?? each.name) as ts.Identifier);
    return owner && first && `${owner}.${first.text}`;
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && TIMERS.has(node.expression.text)) {
    return node.expression.text;
  }
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'Date') {
    return node.arguments?.length ? undefined : 'new Date()';
  }
  return undefined;
}

/** The global behind an expression, written with or without `globalThis.`. */
function ownerOf(expression: ts.Expression): string | undefined {
  if (ts.isIdentifier(expression)) return expression.text;
  if (ts.isPropertyAccessExpression(expression) && ts.isIdentifier(expression.expression)) {
    return expression.expression.text === 'globalThis' ? expression.name.text : undefined;
  }
  return undefined;
}
