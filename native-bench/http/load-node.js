/**
 * What load.c does, for machines without a C compiler: the same arguments, the same numbers on standard output. Bare sockets, one prepared
 * request, and of each answer no more than its status, its length and its end.
 */
import { readFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';

const MAX_SAMPLES = 1 << 23;

const [port, connections, warmMs, measureMs] = process.argv.slice(2, 6).map(Number);
if (!port || !connections || warmMs === undefined || !measureMs)
  throw new Error('usage: PORT CONNECTIONS WARM_MS MEASURE_MS REQUEST_FILE');
const request = readFileSync(process.argv[6] ?? '');
const samples = new Uint32Array(MAX_SAMPLES);
let count = 0;
let cpuBefore = process.cpuUsage();
const measureAtMs = performance.now() + warmMs;
const endAtMs = measureAtMs + measureMs;

for (let index = 0; index < connections; index++) open();

function open() {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  let sentAtMs = 0;
  let answer = '';
  const send = () => {
    answer = '';
    sentAtMs = performance.now();
    socket.write(request);
  };
  socket.setEncoding('latin1');
  socket.on('connect', send);
  socket.on('data', (chunk) => {
    answer += chunk;
    if (!isComplete(answer)) return;
    const nowMs = performance.now();
    if (nowMs >= endAtMs) finish();
    if (nowMs >= measureAtMs && count < MAX_SAMPLES) {
      if (count === 0) cpuBefore = process.cpuUsage();
      samples[count++] = (nowMs - sentAtMs) * 1e6;
    }
    send();
  });
  socket.on('error', refuse);
  socket.on('close', () => refuse(new Error(`connection lost: ${answer}`)));
}

/** @param {string} answer */
function isComplete(answer) {
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0) return false;
  if (!answer.startsWith('HTTP/1.1 200')) refuse(new Error(`not 200: ${answer}`));
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, end))?.[1];
  return length === undefined ? answer.endsWith('0\r\n\r\n') : answer.length >= end + 4 + Number(length);
}

/** @param {Error} error */
function refuse(error) {
  console.error(`load: ${error.message}`);
  process.exit(1);
}

function finish() {
  const { user, system } = process.cpuUsage(cpuBefore);
  const used = Buffer.alloc(4);
  used.writeUInt32LE(user + system);
  const bytes = Buffer.concat([used, Buffer.from(samples.buffer, 0, count * 4)]);
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
  process.exit(0);
}
