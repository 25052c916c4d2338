/** A page that shows all thumbnails, and names the photographs that could not be read. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { FunctionConfig } from 'troupe';
import { escapeText } from '../markdown/escape.ts';
import type { Shrunk } from './shrink.ts';

export const config = { idempotent: true, description: 'A page of thumbnails' } satisfies FunctionConfig;

export interface Unreadable {
  readonly from: string;
  readonly problem: string;
}

export interface ContactSheetEvent {
  readonly thumbnails: readonly (Shrunk | Unreadable)[];
  readonly to: string;
}

export interface ContactSheet {
  readonly page: string;
  readonly images: number;
  readonly unreadable: readonly string[];
  /** Of all photographs that could be read, before and after. */
  readonly bytesFrom: number;
  readonly bytes: number;
}

export default async ({ thumbnails, to }: ContactSheetEvent): Promise<ContactSheet> => {
  if (typeof to !== 'string' || to === '') throw new TypeError('`to` is missing: the directory for the sheet.');
  const shrunk = thumbnails.filter((each): each is Shrunk => 'file' in each);
  const unreadable = thumbnails.filter((each): each is Unreadable => 'problem' in each);
  const page = join(resolve(to), 'index.html');
  await mkdir(to, { recursive: true });
  await writeFile(page, html(shrunk, unreadable));
  return {
    page,
    images: shrunk.length,
    unreadable: unreadable.map(({ from }) => basename(from)),
    bytesFrom: shrunk.reduce((sum, { bytesFrom }) => sum + bytesFrom, 0),
    bytes: shrunk.reduce((sum, { bytes }) => sum + bytes, 0),
  };
};

function html(shrunk: readonly Shrunk[], unreadable: readonly Unreadable[]): string {
  const figures = shrunk.map(({ from, file, width, height }) => {
    const address = escapeText(encodeURIComponent(basename(file)));
    const image = `<img src="${address}" width="${width}" height="${height}" alt="">`;
    return `<figure>${image}<figcaption>${escapeText(basename(from))}</figcaption></figure>`;
  });
  const problems = unreadable.map(
    ({ from, problem }) => `<li><b>${escapeText(basename(from))}</b>: ${escapeText(problem)}</li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self'; style-src 'unsafe-inline'">
<title>Contact sheet</title>
<style>body{font:1rem system-ui,sans-serif}figure{display:inline-block;margin:.5rem}figcaption{font-size:.8rem}</style>
</head>
<body>
${figures.join('\n')}
${problems.length > 0 ? `<h2>Not readable</h2>\n<ul>${problems.join('\n')}</ul>` : ''}
</body>
</html>
`;
}
