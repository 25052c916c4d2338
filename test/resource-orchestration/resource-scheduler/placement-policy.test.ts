import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeAll } from '../../../src/resource-orchestration/resource-scheduler/placement-policy.ts';
import type { NodeState, PendingPlacement } from '../../../src/resource-orchestration/resource-scheduler/protocol.ts';

const node = (agentId: string, state: Partial<NodeState> = {}): NodeState => ({
  agentId,
  budgetMb: 1_000,
  chargedMb: 0,
  cpuShares: 2,
  chargedCpuShares: 0,
  measuredCpu: 0,
  schedulable: true,
  ...state,
});

const pending = (
  claimId: string,
  { siblingsOn = [], ...spec }: Partial<PendingPlacement['spec']> & { siblingsOn?: readonly string[] } = {},
): PendingPlacement => ({
  claimId,
  siblingsOn,
  spec: { group: claimId, kind: 'thread', memoryMb: 100, cpuShares: 0.1, priority: 'normal', ...spec },
});

const agentsOf = (placements: ReturnType<typeof placeAll>) =>
  placements.map((placement) => (placement.kind === 'bound' ? placement.agentId : placement.kind));

describe('placement policy', () => {
  it('prefers the node with more free memory, then the smaller id', () => {
    expect(agentsOf(placeAll([pending('c')], [node('a', { chargedMb: 500 }), node('b')]))).toEqual(['b']);
    expect(agentsOf(placeAll([pending('c')], [node('b'), node('a')]))).toEqual(['a']);
  });

  it('avoids a node that is measured busy although little was promised there', () => {
    expect(agentsOf(placeAll([pending('c')], [node('a', { measuredCpu: 1.9 }), node('b')]))).toEqual(['b']);
  });

  it('takes CPU as a soft limit: an overloaded node is used when only it has memory', () => {
    const nodes = [node('a', { chargedCpuShares: 8 }), node('b', { chargedMb: 950 })];
    expect(agentsOf(placeAll([pending('c')], nodes))).toEqual(['a']);
  });

  it('takes memory as a hard limit, and counts what the batch has bound before', () => {
    const placements = placeAll([pending('c1'), pending('c2'), pending('c3')], [node('a', { budgetMb: 250 })]);
    expect(placements).toEqual([
      { kind: 'bound', claimId: 'c1', agentId: 'a' },
      { kind: 'bound', claimId: 'c2', agentId: 'a' },
      { kind: 'no-room', claimId: 'c3', agentId: 'a', shortMb: 50 },
    ]);
  });

  it('spreads a group over nodes, with those that run and those that the batch binds', () => {
    const nodes = [node('a', { budgetMb: 4_000 }), node('b', { budgetMb: 4_000 })];
    const group = { group: 'g', siblingsOn: ['a'] };
    expect(agentsOf(placeAll([pending('c1', group)], nodes))).toEqual(['b']);
    expect(
      agentsOf(
        placeAll(
          [1, 2, 3, 4].map((n) => pending(`c${n}`, { group: 'g' })),
          nodes,
        ),
      ),
    ).toEqual(['a', 'b', 'a', 'b']);
  });

  it('binds by priority first, and keeps the room for which a higher priority waits', () => {
    const nodes = [node('a', { budgetMb: 300, chargedMb: 200 })];
    const batch = [
      pending('background', { priority: 'background', memoryMb: 50 }),
      pending('high', { priority: 'high', memoryMb: 200 }),
    ];
    expect(placeAll(batch, nodes)).toEqual([
      { kind: 'no-room', claimId: 'high', agentId: 'a', shortMb: 100 },
      { kind: 'no-room', claimId: 'background', agentId: 'a', shortMb: 0 },
    ]);
  });

  it('tells what fits nowhere now from what can never fit', () => {
    const nodes = [node('a', { schedulable: false, budgetMb: 2_000 }), node('b', { chargedMb: 1_000 })];
    expect(placeAll([pending('c1', { memoryMb: 1_500 }), pending('c2', { memoryMb: 2_001 })], nodes)).toEqual([
      { kind: 'no-room', claimId: 'c1', shortMb: 1_500 },
      { kind: 'impossible', claimId: 'c2' },
    ]);
    expect(placeAll([pending('c')], [])).toMatchObject([{ kind: 'no-room' }]);
  });

  it('never exceeds a budget, answers each claim once, and binds whatever fits on an empty node', () => {
    const nodesOf = fc
      .array(fc.record({ budgetMb: fc.integer({ min: 1, max: 500 }), chargedMb: fc.integer({ min: 0, max: 500 }) }), {
        minLength: 1,
        maxLength: 5,
      })
      .map((states) => states.map((state, index) => node(`a${index}`, state)));
    const batchOf = fc
      .array(
        fc.record({
          memoryMb: fc.integer({ min: 1, max: 300 }),
          priority: fc.constantFrom('high', 'normal', 'background'),
        }),
        { maxLength: 20 },
      )
      .map((specs) => specs.map((spec, index) => pending(`c${index}`, spec)));
    fc.assert(
      fc.property(nodesOf, batchOf, (nodes, batch) => {
        const placements = placeAll(batch, nodes);
        expect(placements.map(({ claimId }) => claimId).sort()).toEqual(batch.map(({ claimId }) => claimId).sort());
        for (const { agentId, budgetMb, chargedMb } of nodes) {
          const boundMb = batch
            .filter(({ claimId }) =>
              placements.some(
                (placement) =>
                  placement.kind === 'bound' && placement.claimId === claimId && placement.agentId === agentId,
              ),
            )
            .reduce((sum, { spec }) => sum + spec.memoryMb, 0);
          if (boundMb > 0) expect(boundMb + chargedMb).toBeLessThanOrEqual(budgetMb);
        }
        const [first] = placements;
        const firstMb = batch.find(({ claimId }) => claimId === first?.claimId)?.spec.memoryMb ?? 0;
        const isRoom = nodes.some(({ budgetMb, chargedMb }) => budgetMb - chargedMb >= firstMb);
        if (first) expect(first.kind === 'bound').toBe(isRoom);
      }),
    );
  });
});
