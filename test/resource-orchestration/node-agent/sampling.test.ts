import { expect, it } from 'vitest';
import {
  CpuMeter,
  parseChildren,
  parseCpuMs,
  parseOwnMemoryMb,
  readGauges,
} from '../../../src/resource-orchestration/node-agent/sampling.ts';
import { INSTANCE_GAUGES } from '../../../src/transport/instance-control.ts';

it('reads CPU time past a process name with blanks and parentheses', () => {
  const stat = '4711 (a) R (b) c) S 1 4711 4711 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 7 0 12345 1000 200';
  expect(parseCpuMs(stat)).toBe(2_000);
  expect(parseCpuMs('not a stat file')).toBeUndefined();
});

it('counts anonymous and shared memory, and all resident memory where the kernel does not tell them apart', () => {
  const status =
    'Name:\tnode\nVmRSS:\t  51200 kB\nRssAnon:\t   10240 kB\nRssFile:\t   38912 kB\nRssShmem:\t    2048 kB\n';
  expect(parseOwnMemoryMb(status)).toBe(12);
  expect(parseOwnMemoryMb('Name:\tnode\nVmRSS:\t  51200 kB\n')).toBe(50);
  expect(parseOwnMemoryMb('Name:\tkthreadd\n')).toBeUndefined();
});

it('reads the children of a process', () => {
  expect(parseChildren('12 345 ')).toEqual([12, 345]);
  expect(parseChildren('')).toEqual([]);
});

it('reads gauges once they are written, and counts array buffers once', () => {
  const values = new Float64Array(INSTANCE_GAUGES.length);
  expect(readGauges(values)).toBeUndefined();
  values[INSTANCE_GAUGES.beat] = 1;
  values[INSTANCE_GAUGES.heapUsedBytes] = 3 * 1_048_576;
  values[INSTANCE_GAUGES.externalBytes] = 5 * 1_048_576;
  values[INSTANCE_GAUGES.arrayBufferBytes] = 4 * 1_048_576;
  expect(readGauges(values)).toMatchObject({ beat: 1, heapUsedMb: 3, externalMb: 5 });
});

it('gives CPU use as cores since the last reading, and nothing without one', () => {
  const meter = new CpuMeter();
  expect(meter.rate(100, 1_000)).toBeUndefined();
  expect(meter.rate(600, 2_000)).toBe(0.5);
  expect(meter.rate(undefined, 3_000)).toBeUndefined();
  expect(meter.rate(700, 4_000)).toBeUndefined();
  expect(meter.rate(1_700, 4_500)).toBe(2);
});
