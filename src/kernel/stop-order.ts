/**
 * Which of several siblings must have ended before another is stopped. Pure.
 *
 * A sibling depends on another when it, or any actor below it, names the other, or any actor below that, in `dependsOn`.
 */

export interface StopNode {
  readonly path: string;
  readonly children: ReadonlySet<StopNode>;
  readonly definition: { readonly dependsOn?: readonly { readonly path: string }[] };
}

/** Dependants of each sibling that has any. Of a circle of dependencies one edge is left out, so the result has none. */
export function dependantsOf<Node extends StopNode>(siblings: readonly Node[]): Map<Node, Set<Node>> {
  const byPath = new Map(siblings.map((sibling) => [sibling.path, sibling]));
  const dependants = new Map<Node, Set<Node>>();
  for (const sibling of siblings) {
    for (const path of neededBelow(sibling)) {
      const needed = atOrAbove(byPath, path);
      if (!needed || needed === sibling) continue;
      const known = dependants.get(needed);
      if (known) known.add(sibling);
      else dependants.set(needed, new Set([sibling]));
    }
  }
  cutCircles(dependants);
  return dependants;
}

function* neededBelow(node: StopNode): Generator<string> {
  for (const { path } of node.definition.dependsOn ?? []) yield path;
  for (const child of node.children) yield* neededBelow(child);
}

function atOrAbove<Node>(byPath: ReadonlyMap<string, Node>, path: string): Node | undefined {
  for (let prefix = path; prefix !== ''; prefix = prefix.slice(0, prefix.lastIndexOf('/'))) {
    const node = byPath.get(prefix);
    if (node) return node;
    if (!prefix.includes('/')) return undefined;
  }
  return undefined;
}

/** Depth first; an edge back to a node that is still being visited closes a circle and is removed. */
function cutCircles<Node>(edges: Map<Node, Set<Node>>): void {
  const visiting = new Set<Node>();
  const visited = new Set<Node>();
  const visit = (node: Node): void => {
    visiting.add(node);
    const next = edges.get(node);
    for (const to of next ?? []) {
      if (visiting.has(to)) next?.delete(to);
      else if (!visited.has(to)) visit(to);
    }
    visiting.delete(node);
    visited.add(node);
  };
  for (const node of edges.keys()) if (!visited.has(node)) visit(node);
}
