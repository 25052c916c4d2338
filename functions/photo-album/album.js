// @ts-check
/** A directory of photographs as jobs: one for each, a few at a time as the function itself says, with a bar that shows how far they are. */
import { ProgressBar } from './progress-bar.js';

/**
 * @param {import('troupe').Troupe} troupe
 * @param {object} options
 * @param {readonly string[]} options.photographs paths
 * @param {string} options.to a directory
 * @param {{ write(text: string): unknown, isTTY?: boolean }} options.stream where the bar is drawn
 * @returns {Promise<{ photographs: import('./index.ts').AlbumPhotograph[], damaged: { from: string, why: string }[] }>}
 */
export async function makeAlbum(troupe, { photographs, to, stream }) {
  await troupe.deploy({ name: 'photo-album', source: new URL('./index.ts', import.meta.url) });
  const bar = new ProgressBar({ total: photographs.length, stream });
  const stop = troupe.jobs.watch((change) => {
    if (change.function === 'photo-album') bar.changed(change);
  });
  try {
    const jobs = await troupe.jobs.enqueueMany(
      'photo-album',
      photographs.map((from) => ({ payload: { from, to }, maxAttempts: 2, backoff: 100 })),
    );
    const outcomes = await Promise.allSettled(jobs.map(({ id }) => troupe.jobs.result(id)));
    const made = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [/** @type {import('./index.ts').AlbumPhotograph} */ (outcome.value)] : [],
    );
    const damaged = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [{ from: photographs[index] ?? '', why: outcome.reason.message }] : [],
    );
    return { photographs: made, damaged };
  } finally {
    stop();
    bar.end();
  }
}
