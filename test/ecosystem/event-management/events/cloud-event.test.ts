import { CloudEvent as SdkEvent } from 'cloudevents';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkEvent } from '../../../../src/ecosystem/event-management/events/cloud-event.ts';
import type { CloudEvent } from '../../../../src/ecosystem/event-management/protocol.ts';

const ARRIVAL = { wallMs: Date.UTC(2026, 0, 1), newId: () => 'made' };
const check = (value: unknown) => checkEvent(value, ARRIVAL);
const faultsOf = (value: unknown) => {
  const checked = check(value);
  return checked.kind === 'faulty' ? checked.faults : [];
};
const soundOf = (value: unknown): CloudEvent => {
  const checked = check(value);
  if (checked.kind === 'faulty') throw new Error(checked.faults.join());
  return checked.event;
};
const MINIMAL = { source: '/shop', type: 'order.placed' };

describe('an event', () => {
  it('needs source and type; the rest is filled in', () => {
    expect(soundOf(MINIMAL)).toEqual({
      specversion: '1.0',
      id: 'made',
      source: '/shop',
      type: 'order.placed',
      time: '2026-01-01T00:00:00.000Z',
    });
  });

  it('keeps all that it says, its time to the last digit, and extensions of every kind', () => {
    const whole = {
      specversion: '1.0',
      id: 'A-1',
      source: 'https://example.org/shop?x=1#%C3%A5',
      type: 'no.example.order',
      time: '2026-01-01T01:02:03.123456789+01:00',
      subject: 'order 1',
      datacontenttype: 'application/vnd.order+json; charset=utf-8',
      dataschema: 'https://example.org/order.json',
      traceparent: '00-0af7',
      count: -7,
      urgent: false,
      data: { cents: 3450 },
    };
    expect(soundOf(whole)).toEqual(whole);
  });

  it('has bytes as bytes, whether they came as such or as base64', () => {
    const bytes = new Uint8Array([1, 2, 255]);
    expect(soundOf({ ...MINIMAL, data: bytes }).data).toEqual(bytes);
    expect(soundOf({ ...MINIMAL, data_base64: 'AQL/' })).toMatchObject({ data: bytes });
  });

  it('may be one that the SDK of CloudEvents has made', () => {
    const made = new SdkEvent({ ...MINIMAL, subject: 'x', data: { n: 1 }, region: 'no' });
    expect(soundOf(made)).toEqual({ ...JSON.parse(made.toString()), time: made.time });
    const binary = new SdkEvent({ ...MINIMAL, data: new Uint8Array([1, 2]) });
    expect(soundOf(binary)).toMatchObject({ id: binary.id, data: new Uint8Array([1, 2]) });
  });

  it.each([
    ['no object', 'order.placed', 'must be an object'],
    ['no source', { type: 't' }, 'source: is missing'],
    ['no type', { source: '/s' }, 'type: is missing'],
    ['an empty id', { ...MINIMAL, id: '' }, 'id: must be a string that is not empty'],
    ['a number as id', { ...MINIMAL, id: 7 }, 'id: must be a string'],
    ['a control character', { ...MINIMAL, id: 'a\nb' }, 'id: must have no control characters'],
    ['half a character', { ...MINIMAL, subject: 'a\ud800' }, 'subject: must have no control characters'],
    ['an id that is too long', { ...MINIMAL, id: 'i'.repeat(1_025) }, 'id: must not be longer than 1024 characters'],
    ['a source that is no URI reference', { ...MINIMAL, source: 'my shop' }, 'source: must be a URI reference'],
    ['a broken percent-encoding', { ...MINIMAL, source: '/a%2' }, 'source: must be a URI reference'],
    ['an empty subject', { ...MINIMAL, subject: '' }, 'subject: must be a string that is not empty'],
    ['a time that is none', { ...MINIMAL, time: 'yesterday' }, 'time: must be a time as RFC 3339 has it'],
    ['a time without a zone', { ...MINIMAL, time: '2026-01-01T00:00:00' }, 'time: must be'],
    ['a 13th month', { ...MINIMAL, time: '2026-13-01T00:00:00Z' }, 'time: must be'],
    ['a date that is none', { ...MINIMAL, time: new Date('x') }, 'time: must be'],
    ['another version', { ...MINIMAL, specversion: '0.3' }, "specversion: must be '1.0'"],
    ['no media type', { ...MINIMAL, datacontenttype: 'json' }, 'datacontenttype: must be a media type'],
    ['a schema that is not absolute', { ...MINIMAL, dataschema: '/schema' }, 'dataschema: must be an absolute URI'],
    ['a name with capitals', { ...MINIMAL, traceParent: 'x' }, 'traceParent: is no name of an attribute'],
    ['a name with a hyphen', { ...MINIMAL, 'trace-parent': 'x' }, 'trace-parent: is no name of an attribute'],
    ['a name that is none', JSON.parse('{"source":"/s","type":"t","__proto__":{"time":"x"}}'), '__proto__: is no name'],
    ['an object as extension', { ...MINIMAL, trace: {} }, 'trace: must be a string, a boolean or a 32-bit integer'],
    ['a fraction as extension', { ...MINIMAL, ratio: 0.5 }, 'ratio: must be'],
    ['data twice', { ...MINIMAL, data: 1, data_base64: 'AQ==' }, 'data_base64: excludes data'],
    ['base64 that is none', { ...MINIMAL, data_base64: 'A' }, 'data_base64: must be base64'],
  ])('with %s is refused, and the attribute is named', (_, value, message) => {
    const faults = faultsOf(value);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(message);
  });

  it('is told all its faults at once', () => {
    expect(faultsOf({ id: '', Type: 't', data_base64: 1 }).map((fault) => fault.split(':')[0])).toEqual([
      'id',
      'source',
      'type',
      'Type',
      'data_base64',
    ]);
  });

  it('is let in only if the SDK of CloudEvents would let it in', () => {
    const value = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.constantFrom('/a', 'a b', '', 'é', '2026-01-01T00:00:00Z', 'a/b'),
    );
    const names = ['id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'dataschema', 'extension'] as const;
    const event = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
    fc.assert(
      fc.property(event, (given) => {
        const checked = check({ ...MINIMAL, ...given });
        if (checked.kind === 'sound') expect(() => new SdkEvent({ ...checked.event }, true)).not.toThrow();
      }),
      { numRuns: 1_000 },
    );
  });
});
