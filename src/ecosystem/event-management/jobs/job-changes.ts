/**
 * What has happened to the jobs of one queue and is not on disk yet: for each the record that is there and the one that is to be. Many changes of one
 * job become one write. Pure.
 *
 * One batch is on its way at a time; what happens meanwhile gathers for the next, and is seen at once by whoever asks here first.
 */
import type { JobRecord, RecordChange } from './job-record.ts';

/** Changes for which somebody waits together; jobs that are enqueued together get to the disk together, or not at all. */
export type Group = number;
const NO_GROUP: Group = 0;

interface Gathered extends RecordChange {
  readonly group: Group;
}

/** Jobs that are gone, each as it was last. */
export type Dropped = ReadonlyMap<string, JobRecord | undefined>;
export type Batch = ReadonlyMap<string, RecordChange>;

export class JobChanges {
  #gathering = new Map<string, Gathered>();
  #underWay: ReadonlyMap<string, Gathered> | undefined;
  #lastGroup = NO_GROUP;

  /** How many jobs wait to be written, those under way not among them. */
  get size(): number {
    return this.#gathering.size;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined;
  }

  /** What it will be, where that is not on disk yet. `removed`: nothing. */
  latest(id: string): JobRecord | 'removed' | undefined {
    const change = this.#gathering.get(id) ?? this.#underWay?.get(id);
    return change && (change.to ?? 'removed');
  }

  /** It has gathered, and nothing of it is on disk, or on its way there. */
  isNew(id: string): boolean {
    const change = this.#gathering.get(id);
    return change !== undefined && change.from === undefined;
  }

  newGroup(): Group {
    return ++this.#lastGroup;
  }

  /** The group with which what is known of the job gets to the disk; undefined where nobody waits for it, or it is there. */
  groupOf(id: string): Group | undefined {
    const { group } = this.#gathering.get(id) ?? this.#underWay?.get(id) ?? {};
    return group === NO_GROUP ? undefined : group;
  }

  /** `from` is what was known until now. Answers with the group that it goes with. */
  change(id: string, { from, to }: RecordChange, group = NO_GROUP): Group {
    const known = this.#gathering.get(id);
    const gathered = known ? { from: known.from, to, group: known.group || group } : { from, to, group };
    this.#gathering.set(id, gathered);
    return gathered.group;
  }

  /** The group with which what has gathered of the job gets to the disk; undefined where nothing has. */
  await(id: string): Group | undefined {
    const known = this.#gathering.get(id);
    if (!known) return undefined;
    const group = known.group || this.newGroup();
    this.#gathering.set(id, { ...known, group });
    return group;
  }

  /** The first ones, in the order of their first changes: about `limit` of them, since what follows each other in one group is not torn. */
  begin(limit: number): Batch {
    const all = this.#gathering;
    if (all.size <= limit) {
      this.#gathering = new Map();
      this.#underWay = all;
      return all;
    }
    const batch = new Map<string, Gathered>();
    let last = NO_GROUP;
    for (const [id, change] of all) {
      if (batch.size >= limit && (change.group === NO_GROUP || change.group !== last)) break;
      batch.set(id, change);
      all.delete(id);
      last = change.group;
    }
    this.#underWay = batch;
    return batch;
  }

  /** Answers with the groups that are on disk now. */
  succeeded(): Iterable<Group> {
    const groups = groupsIn(this.#underWay);
    this.#underWay = undefined;
    return groups;
  }

  /** Nothing of it has happened. What was new is dropped, whatever came of it; all else goes with the next batch. */
  failed(): { readonly dropped: Dropped; readonly groups: Iterable<Group> } {
    const batch = this.#underWay ?? new Map<string, Gathered>();
    this.#underWay = undefined;
    const dropped = new Map<string, JobRecord | undefined>();
    const again = new Map<string, Gathered>();
    for (const [id, change] of batch) {
      const later = this.#gathering.get(id);
      this.#gathering.delete(id);
      if (!change.from) dropped.set(id, later ? later.to : change.to);
      else again.set(id, { ...change, to: later ? later.to : change.to });
    }
    for (const [id, change] of this.#gathering) again.set(id, change);
    this.#gathering = again;
    return { dropped, groups: groupsIn(batch) };
  }
}

function groupsIn(batch: ReadonlyMap<string, Gathered> | undefined): Set<Group> {
  const groups = new Set<Group>();
  if (batch) for (const { group } of batch.values()) if (group !== NO_GROUP) groups.add(group);
  return groups;
}
