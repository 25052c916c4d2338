import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { WireDesk } from '../../../src/resource-orchestration/node-agent/wire-desk.ts';
import { encodeFrame } from '../../../src/transport/frame-codec.ts';
import type { StreamChannel } from '../../../src/transport/stream-channel.ts';
import { connectWire, encodeHello } from '../../../src/transport/wire.ts';
import { frame, record } from '../../conformance/channel.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { until } from '../../support/until.ts';

const clock = new VirtualClock();
let desk: WireDesk;
beforeEach(() => {
  desk = new WireDesk({ clock });
});
afterEach(() => {
  desk.close();
  vi.unstubAllEnvs();
});

const claimed = (wire: number) => new Promise<StreamChannel>((resolve) => desk.claim(wire, resolve));

interface Stray {
  readonly socket: Socket;
  isClosed: boolean;
}

/** Connects and writes; `isClosed` tells whether the desk has ended it. */
async function stray(...writes: Uint8Array[]): Promise<Stray> {
  const socket: Socket = connect(desk.address.path);
  const state: Stray = { socket, isClosed: false };
  socket.on('error', () => {});
  socket.on('close', () => {
    state.isClosed = true;
  });
  socket.resume();
  await new Promise((resolve) => socket.once('connect', resolve).once('error', resolve));
  for (const bytes of writes) socket.write(bytes);
  return state;
}

/** A call there and its answer back. */
async function expectToWork(wire: number): Promise<void> {
  const far = await connectWire({ ...desk.address, wire }, {});
  const near = await claimed(wire);
  for (const end of [near, far]) end.ref();
  const [atNear, atFar] = [record(near), record(far)];
  near.send(frame(1));
  await atFar.arrived(1);
  far.send(frame(2));
  await atNear.arrived(1);
  near.close();
  far.close();
}

describe('the desk of an agent', () => {
  it('hands over a wire that comes before it is claimed, and one that comes after', async () => {
    await expectToWork(1);
    const later = claimed(2);
    const far = await connectWire({ ...desk.address, wire: 2 }, {});
    const atFar = record(far);
    (await later).send(frame(3));
    await atFar.arrived(1);
    expect(atFar.order).toEqual([3]);
    far.close();
  });

  it('takes the frames that come in one piece with the hello', async () => {
    const { socket } = await stray(
      Buffer.concat([encodeHello({ ...desk.address, wire: 5 }), ...encodeFrame(frame(9))]),
    );
    const near = record(await claimed(5));
    await near.arrived(1);
    expect(near.order).toEqual([9]);
    socket.destroy();
  });

  it.each([
    ['another secret', () => encodeHello({ path: '', secret: 'ab'.repeat(32), wire: 1 })],
    ['bytes that are no hello', () => Buffer.alloc(200, 'GET / HTTP/1.1\r\n')],
  ])('closes a connection with %s, which harms nothing', async (_what, bytes) => {
    const wire = claimed(1);
    const impostor = await stray(bytes());
    await until(() => impostor.isClosed, { what: 'the end of the impostor' });
    await expectToWork(3);
    const isClaimed = await Promise.race([wire.then(() => true), Promise.resolve(false)]);
    expect(isClaimed).toBe(false);
  });

  it('closes a connection that says nothing, or half a hello, when it has had its time', async () => {
    const strays = [await stray(), await stray(encodeHello({ ...desk.address, wire: 1 }).subarray(0, 20))];
    await expectToWork(2);
    expect(strays.some(({ isClosed }) => isClosed)).toBe(false);
    await clock.advance(5_000);
    await until(() => strays.every(({ isClosed }) => isClosed), { what: 'the end of both' });
  });

  it('has a bound on connections that have said nothing, and takes further ones once these are gone', async () => {
    const strays: Stray[] = [];
    for (let count = 0; count < 80; count++) strays.push(await stray());
    await until(() => strays.filter(({ isClosed }) => isClosed).length === 16, {
      what: 'the end of those over the bound',
    });
    for (const { socket } of strays) socket.destroy();
    await until(() => strays.every(({ isClosed }) => isClosed));
    await expectToWork(1);
  });

  it('has a bound on wires that nobody claims', async () => {
    const strays: Stray[] = [];
    for (let wire = 0; wire < 260; wire++) strays.push(await stray(encodeHello({ ...desk.address, wire })));
    await until(() => strays.filter(({ isClosed }) => isClosed).length === 4, {
      what: 'the end of those over the bound',
    });
    for (const { socket } of strays) socket.destroy();
  });

  it('closes a second wire of the same number, and keeps the first', async () => {
    const far = await connectWire({ ...desk.address, wire: 1 }, {});
    const second = await stray(encodeHello({ ...desk.address, wire: 1 }));
    await until(() => second.isClosed, { what: 'the end of the second' });
    const atFar = record(far);
    (await claimed(1)).send(frame(1));
    await atFar.arrived(1);
    far.close();
  });

  it('lies where only its user can enter, and leaves nothing there', async () => {
    const directory = dirname(desk.address.path);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    desk.close();
    expect(() => readdirSync(directory)).toThrow('ENOENT');
  });

  it('is found elsewhere when the directory for temporary files lies too deep', async () => {
    const deep = join(await temporaryDirectory(), 'd'.repeat(100));
    mkdirSync(deep);
    vi.stubEnv('TMPDIR', deep);
    desk.close();
    desk = new WireDesk({ clock });
    expect(desk.address.path.length).toBeLessThan(104);
    await expectToWork(1);
  });
});
