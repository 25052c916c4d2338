import { describe, expect, it } from 'vitest';
import { ChangeDesk } from '../../../../src/ecosystem/event-management/jobs/change-desk.ts';
import type { JobChange } from '../../../../src/ecosystem/event-management/protocol.ts';

function desk() {
  const followers = new Set<(change: JobChange) => void>();
  const changes = new ChangeDesk((listener) => {
    followers.add(listener);
    return () => void followers.delete(listener);
  });
  const tell = (id: string, name = 'work') => {
    for (const follower of followers) follower({ id, function: name, status: 'running', attempts: 1 });
  };
  return { followers, changes, tell };
}

describe('The desk of changes', () => {
  it('tells each who asked what it asked for', () => {
    const { changes, tell } = desk();
    const told: string[] = [];
    changes.add(({ id }) => told.push(`all ${id}`));
    changes.add(({ id }) => told.push(`one ${id}`), { id: 'a' });
    changes.add(({ id }) => told.push(`mail ${id}`), { function: 'mail' });
    tell('a');
    tell('b', 'mail');
    expect(told).toEqual(['all a', 'one a', 'all b', 'mail b']);
  });

  it('is one follower however many listen, and none when nobody does', () => {
    const { changes, followers } = desk();
    const stops = ['a', 'a', 'b', undefined].map((id) => changes.add(() => {}, id === undefined ? {} : { id }));
    expect(followers.size).toBe(1);
    for (const stop of stops) stop();
    expect(followers.size).toBe(0);
    changes.add(() => {});
    expect(followers.size).toBe(1);
  });

  it('tells the same listener as often as it was added, until each is ended', () => {
    const { changes, tell } = desk();
    let told = 0;
    const listener = () => void told++;
    const stop = changes.add(listener, { id: 'a' });
    changes.add(listener, { id: 'a' });
    tell('a');
    stop();
    stop();
    tell('a');
    expect(told).toBe(3);
  });
});
