/** The service that Restate calls: one handler with five steps that do nothing. Says its port on standard output. */
import { createServer } from 'node:http2';

// The SDK uses it, Node.js has it from 22 on.
/** @type {{ withResolvers?: () => unknown }} */ (Promise).withResolvers ??= () => {
  /** @type {Record<string, unknown>} */
  const parts = {};
  parts['promise'] = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};
const { createEndpointHandler, service } = await import('@restatedev/restate-sdk');

const STEPS = ['step-1', 'step-2', 'step-3', 'step-4', 'step-5'];

const flow = service({
  name: 'flow',
  handlers: {
    run: async (/** @type {import('@restatedev/restate-sdk').Context} */ context, /** @type {unknown} */ event) => {
      let value = event;
      for (const step of STEPS) {
        const input = value;
        value = await context.run(step, async () => input);
      }
      return value;
    },
  },
});

const server = createServer(createEndpointHandler({ services: [flow] }));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});
