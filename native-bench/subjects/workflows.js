/** A host with functions and workflows, and callers of them behind the same shape as their peers. */
import { createTroupe } from '../../dist/index.js';

/**
 * @typedef {import('../../dist/workflows.js').Workflows} Workflows
 * @typedef {import('../../dist/workflow-composition/events.js').Durability} Durability
 * @typedef {import('./subject.js').Caller} Caller
 *
 * @typedef {object} WorkflowHost
 * @property {import('../../dist/index.js').Troupe} troupe
 * @property {Workflows} workflows
 * @property {(workflow: string, input: unknown, durability: Durability) => Promise<unknown>} run  starts one, durably unless told otherwise, and awaits its result
 * @property {() => Promise<void>} close
 *
 * @typedef {object} WorkflowHostOptions
 * @property {Record<string, unknown>} host  its options
 * @property {Record<string, { code: string } & import('../../dist/index.js').FunctionConfig>} functions  by name
 * @property {Record<string, string>} workflows  definitions by name
 */

/** @param {WorkflowHostOptions} options @returns {Promise<WorkflowHost>} */
export async function openWorkflows({ host, functions, workflows: definitions }) {
  const troupe = await createTroupe(host);
  try {
    const { workflows } = troupe;
    for (const [name, { code, ...config }] of Object.entries(functions)) {
      await troupe.deploy({ name, source: { language: 'js', code }, ...config });
    }
    for (const [name, code] of Object.entries(definitions)) {
      await workflows.deploy({ name, source: { language: 'yaml', code } });
    }
    return {
      troupe,
      workflows,
      run: async (workflow, input, durability) => (await workflows.start(workflow, input, { durability })).result(),
      close: () => troupe.close(),
    };
  } catch (error) {
    await troupe.close();
    throw error;
  }
}

/** What its engine and its scheduler count. @param {WorkflowHost} host */
export async function workflowStats({ troupe }) {
  return (await troupe.stats()).workflows;
}

/** Steps one after the other, each with what the one before has put out. @param {readonly string[]} functions  one for each step */
export function chainOf(functions) {
  const tasks = functions.map((name, index) => {
    const rest = index === 0 ? `inputs: "{ param() }"` : `inputs: "{ output('S${index}') }", requires: [S${index}]`;
    return `  S${index + 1}: { run: ${name}, ${rest} }`;
  });
  return `output: S${functions.length}\ntasks:\n${tasks.join('\n')}\n`;
}

/** As many steps at a time as its input, a list, has items. @param {string} name  of the function */
export function fanOutOf(name) {
  return `output: All\ntasks:\n  All:\n    run: foreach\n    inputs:\n      foreach: "{ param() }"\n      do: { run: ${name} }\n`;
}
