/**
 * Many channels over one link: each has a number, its port, which every frame carries. Port 0 is the link's own.
 *
 * A port is closed by a `close` frame, which the other end answers with one of its own; until then the number stays taken, so that a
 * frame on its way can never reach a later channel of the same number. Closing one port leaves the others alone; the end of the link
 * ends all of them.
 *
 * The link is shared, so a receiver that is slow to come cannot hold it back: what is kept for one port is bounded, and over the bound
 * that port is closed as `OVERLOADED`.
 */
import { TroupeError } from '../errors.ts';
import { ChannelCore } from './channel-core.ts';
import { closeFrame, closeReason } from './close-frame.ts';
import { HIGH_WATER_BYTES } from './limits.ts';
import { type Channel, FRAME_KINDS, type Frame, type SendOutcome } from './protocol.ts';

const HIGHEST_PORT = 0xffff_ffff;

export interface MultiplexerOptions {
  /**
   * A frame has come for a port that is not open here. When the callback opens it, the frame is its first; otherwise it is dropped
   * and counted. Without a callback only `open` makes ports.
   */
  readonly onOpen?: (port: number) => void;
  /** Frames that belong to the link itself, port 0. Without a callback they are dropped and counted. */
  readonly onLinkFrame?: (frame: Frame) => void;
  /** What may be kept for one port that has no receiver yet; the default is `HIGH_WATER_BYTES`. */
  readonly maxKeptBytes?: number;
}

export class Multiplexer {
  readonly #link: Channel;
  readonly #options: MultiplexerOptions;
  readonly #ports = new Map<number, PortChannel>();
  /** Closed here, and not yet by the other end. */
  readonly #closing = new Set<number>();
  /** Close frames that the link had no room for. At most one for each port that was open or closing. */
  #unsentCloses: Frame[] = [];
  readonly #refusedPorts = new Set<PortChannel>();
  readonly #refingPorts = new Set<PortChannel>();
  #dropped = 0;
  #linkEnd: { readonly error: TroupeError | undefined } | undefined;

  /** Takes the link over. */
  constructor(link: Channel, options: MultiplexerOptions = {}) {
    this.#link = link;
    this.#options = options;
    link.onWritable(() => this.#writable());
    link.onClose((error) => this.#linkClosed(error));
    link.onFrame((frame) => this.#received(frame));
  }

  get openPorts(): number {
    return this.#ports.size;
  }

  /** Frames for ports that are not open. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Throws `INVALID_ARGUMENT` for a number that is no port and `CONFLICT` for one that is taken. On a closed link it is closed already. */
  open(port: number): Channel {
    if (!Number.isInteger(port) || port < 1 || port > HIGHEST_PORT) {
      throw new TroupeError('INVALID_ARGUMENT', `${port} is no port: use a whole number from 1 to ${HIGHEST_PORT}.`);
    }
    if (this.#ports.has(port) || this.#closing.has(port)) {
      throw new TroupeError('CONFLICT', `Port ${port} is in use. Choose another.`, { details: { port } });
    }
    const channel: PortChannel = new PortChannel(port, {
      send: (frame) => this.#send(channel, frame),
      closed: (error) => this.#portClosed(channel, error),
      setRef: (isRef) => this.#setRef(channel, isRef),
    });
    if (this.#linkEnd) channel.end(this.#linkEnd.error);
    else this.#ports.set(port, channel);
    return channel;
  }

  /** Closes every port and the link. */
  close(error?: TroupeError): void {
    this.#link.close(error);
  }

  #send(channel: PortChannel, frame: Frame): SendOutcome {
    const outcome = this.#link.send(frame);
    if (outcome === 'full') this.#refusedPorts.add(channel);
    return outcome;
  }

  #received(frame: Frame): void {
    const { port } = frame;
    if (port === 0) {
      if (this.#options.onLinkFrame) this.#options.onLinkFrame(frame);
      else this.#dropped++;
      return;
    }
    if (frame.kind === FRAME_KINDS.close) return this.#closedByPeer(frame);
    let channel = this.#ports.get(port);
    if (!channel && !this.#closing.has(port)) {
      this.#options.onOpen?.(port);
      channel = this.#ports.get(port);
    }
    if (!channel) {
      this.#dropped++;
      return;
    }
    channel.accept(frame);
    if (channel.keptBytes > (this.#options.maxKeptBytes ?? HIGH_WATER_BYTES)) {
      channel.close(new TroupeError('OVERLOADED', `Nobody takes the frames of port ${port}; it is closed.`));
    }
  }

  #closedByPeer(frame: Frame): void {
    // It answers our own close, or crosses it: both ends are done.
    if (this.#closing.delete(frame.port)) return;
    const channel = this.#ports.get(frame.port);
    this.#ports.delete(frame.port);
    this.#sendClose(closeFrame(frame.port));
    if (channel) {
      channel.end(closeReason(frame));
      this.#forget(channel);
    }
  }

  #portClosed(channel: PortChannel, error: TroupeError | undefined): void {
    if (this.#linkEnd || !this.#ports.delete(channel.port)) return;
    this.#closing.add(channel.port);
    this.#sendClose(closeFrame(channel.port, error));
    this.#forget(channel);
  }

  #sendClose(frame: Frame): void {
    if (this.#unsentCloses.length > 0 || this.#link.send(frame) === 'full') this.#unsentCloses.push(frame);
  }

  #writable(): void {
    while (this.#unsentCloses.length > 0) {
      const [frame] = this.#unsentCloses;
      if (frame && this.#link.send(frame) === 'full') return;
      this.#unsentCloses.shift();
    }
    // Each port is told once, first come first served; those that are refused again go to the end.
    const refused = [...this.#refusedPorts];
    this.#refusedPorts.clear();
    for (const channel of refused) channel.relieved();
  }

  #linkClosed(error: TroupeError | undefined): void {
    this.#linkEnd = { error };
    const channels = [...this.#ports.values()];
    this.#ports.clear();
    this.#closing.clear();
    this.#refusedPorts.clear();
    this.#refingPorts.clear();
    this.#unsentCloses = [];
    for (const channel of channels) channel.end(error);
  }

  #forget(channel: PortChannel): void {
    this.#refusedPorts.delete(channel);
    this.#setRef(channel, false);
  }

  /** The link keeps the process alive while one of its ports does. */
  #setRef(channel: PortChannel, isRef: boolean): void {
    const wereRefing = this.#refingPorts.size;
    if (isRef && this.#ports.get(channel.port) === channel) this.#refingPorts.add(channel);
    else this.#refingPorts.delete(channel);
    if (wereRefing === 0 && this.#refingPorts.size > 0) this.#link.ref();
    if (wereRefing > 0 && this.#refingPorts.size === 0) this.#link.unref();
  }
}

interface PortHost {
  send(frame: Frame): SendOutcome;
  closed(error: TroupeError | undefined): void;
  setRef(isRef: boolean): void;
}

class PortChannel implements Channel {
  readonly port: number;
  readonly #host: PortHost;
  readonly #core = new ChannelCore();

  constructor(port: number, host: PortHost) {
    this.port = port;
    this.#host = host;
  }

  get isClosed(): boolean {
    return this.#core.isClosed;
  }

  get keptBytes(): number {
    return this.#core.keptBytes;
  }

  send(frame: Frame): SendOutcome {
    if (this.#core.isClosed) return 'closed';
    if (frame.kind === FRAME_KINDS.close) {
      this.close(closeReason(frame));
      return 'sent';
    }
    const { kind, call, argument, meta, payload } = frame;
    const outcome = this.#host.send({ kind, port: this.port, call, argument, meta, payload });
    if (outcome === 'full') this.#core.refused();
    return outcome;
  }

  onFrame(receive: (frame: Frame) => void): void {
    this.#core.onFrame(receive);
  }

  onClose(closed: (error?: TroupeError) => void): void {
    this.#core.onClose(closed);
  }

  onWritable(writable: () => void): void {
    this.#core.onWritable(writable);
  }

  close(error?: TroupeError): void {
    const wasClosed = this.#core.isClosed;
    this.#core.abandon(error);
    if (!wasClosed) this.#host.closed(error);
  }

  ref(): void {
    this.#host.setRef(true);
  }

  unref(): void {
    this.#host.setRef(false);
  }

  accept(frame: Frame): void {
    this.#core.accept(frame);
  }

  end(error?: TroupeError): void {
    this.#core.end(error);
  }

  relieved(): void {
    this.#core.relieved();
  }
}
