/** A report as a page, with who approved it. Writes the same file again when it is repeated. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { FunctionConfig } from 'troupe';
import { handler as markdownPage } from '../markdown/index.ts';

export const config = { idempotent: true, description: 'The publication of a report' } satisfies FunctionConfig;

export interface PublishEvent {
  readonly title: string;
  readonly markdown: string;
  readonly approvedBy?: string | null;
  /** A file. */
  readonly to: string;
}

export interface Published {
  readonly published: true;
  readonly page: string;
  readonly approvedBy: string;
}

export default async ({ title, markdown, approvedBy, to }: PublishEvent): Promise<Published> => {
  if (typeof to !== 'string' || to === '') throw new TypeError('`to` is missing: the file of the report.');
  const by = approvedBy ?? 'somebody';
  const { html } = await markdownPage({ title, markdown: `${markdown}\nApproved by ${by}.\n` });
  await writeFile(to, html);
  return { published: true, page: resolve(to), approvedBy: by };
};
