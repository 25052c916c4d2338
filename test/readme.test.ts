import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from './support/temporary-directory.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const run = promisify(execFile);

function blocks(language: string): string[] {
  return [...README.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, code = '']) => code);
}

/** What a line of the example says it prints: the comment after a `console.log`, where that is not a remark. */
function promisedOutput(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)]
    .map(([, text = '']) => text)
    .filter((text) => !text.startsWith('where'));
}

/** Each says in its first line which file it is. */
function workflowFiles(): { name: string; code: string }[] {
  return blocks('yaml').map((code) => ({ name: /^# (\S+\.wf\.yaml)$/m.exec(code)?.[1] ?? '', code }));
}

describe('README', () => {
  const examples = blocks('js');

  it('has examples of embedding', () => {
    expect(examples.length).toBeGreaterThanOrEqual(3);
  });

  it.each(examples.map((code, index) => [index + 1, code] as const))(
    'example %i runs as it stands in a project that depends on troupe, and prints what it promises',
    async (_, code) => {
      const project = await temporaryDirectory();
      mkdirSync(join(project, 'node_modules'));
      symlinkSync(ROOT, join(project, 'node_modules', 'troupe'));
      writeFileSync(join(project, 'example.mjs'), code);
      for (const { name, code } of workflowFiles()) writeFileSync(join(project, name), code);
      const { stdout } = await run(process.execPath, ['example.mjs'], { cwd: project });
      for (const line of promisedOutput(code)) expect(stdout).toContain(line);
    },
  );

  it('runs the samples that it runs from a file', async () => {
    const commands = [
      ...blocks('sh')
        .join('\n')
        .matchAll(/^npx troupe (invoke \S+\.wf\.yaml) -d '(.+)'$/gm),
    ];
    expect(commands.length).toBe(1);
    for (const [, command = '', data = ''] of commands) {
      const parameters = [join(ROOT, 'bin/troupe.js'), ...command.split(' '), '-d', data];
      const { stdout } = await run(process.execPath, parameters, { cwd: ROOT });
      expect(JSON.parse(stdout)).toMatchObject({ order: 'A-1' });
    }
  });

  it('has no workflow that no example deploys', () => {
    for (const { name } of workflowFiles()) {
      expect(name).not.toBe('');
      expect(examples.join('\n')).toContain(`source: '${name}'`);
    }
  });

  it('names only routes that exist', async () => {
    const { createRoutes } = await import('../src/ecosystem/gateway/routes.ts');
    const routes = createRoutes();
    const named = [...README.matchAll(/`((?:(?:GET|PUT|POST|DELETE) )+)(\/\S*)`/g)];
    expect(named.length).toBeGreaterThan(8);
    for (const [, methods = '', path = ''] of named) {
      for (const method of methods.trim().split(' ')) {
        expect(() => routes.match(method, path.replaceAll(':', ''))).not.toThrow();
      }
    }
  });

  it('names only commands and options that exist', async () => {
    const commands = blocks('sh')
      .join('\n')
      .matchAll(/npx troupe ((?:fn|wf|events|trigger) \S+|\S+)/g);
    for (const [, command = ''] of commands) {
      const { stdout } = await run(process.execPath, [join(ROOT, 'bin/troupe.js'), ...command.split(' '), '--help']);
      expect(stdout).toContain(`troupe ${command}`);
    }
  });

  it('names every option of a function with its default', async () => {
    const { functionConfigSchema } = await import('../src/config.ts');
    for (const option of Object.keys(functionConfigSchema.shape)) {
      if (option !== 'description') expect(README).toContain(`\`${option}\``);
    }
  });

  it('shows a tree in which every folder exists', () => {
    const tree = /```\nsrc\/\n(.*?)```/s.exec(README)?.[1] ?? '';
    const folders = [...tree.matchAll(/^ {2}(\S+\/?) {2,}/gm)].map(([, name = '']) => name);
    expect(folders.length).toBeGreaterThan(8);
    for (const folder of folders) expect(existsSync(join(ROOT, 'src', folder)), folder).toBe(true);
  });
});
