import { build } from 'esbuild';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { createTroupe, defineFunction, TroupeError } from '../src/guest.ts';
import { FUNCTION_BRAND } from '../src/handler.ts';

describe('defineFunction', () => {
  it('returns what the runtime recognises, across copies of the guest', () => {
    const input = z.object({ n: z.number() });
    const handler = () => 1;
    const defined = defineFunction({ handler, input, config: { timeoutMs: 5 } });
    expect(FUNCTION_BRAND).toBe(Symbol.for('troupe.function'));
    expect(defined).toEqual({ [FUNCTION_BRAND]: true, handler, input, config: { timeoutMs: 5 } });
    expect('output' in defined).toBe(false);
  });

  it('types the event from the input schema and checks the result against the output schema', () => {
    const input = z.object({ n: z.string().transform(Number) });
    const output = z.object({ twice: z.number().default(0) });
    const defined = defineFunction({
      input,
      output,
      handler: (event, { invocationId }) => {
        expectTypeOf(event).toEqualTypeOf<{ n: number }>();
        expectTypeOf(invocationId).toBeString();
        return { twice: event.n * 2 };
      },
    });
    expect(defined.input).toBe(input);
    // @ts-expect-error: the output schema takes a number
    defineFunction({ output, handler: () => ({ twice: 'two' }) });
    // @ts-expect-error: there is no such option
    defineFunction({ handler: () => 1, config: { timeout: 5 } });
  });

  it('takes streams and web-standard handlers', async () => {
    const stream = defineFunction({
      output: z.number(),
      handler: async function* () {
        yield 1;
      },
    });
    const web = defineFunction({ handler: { fetch: (request: Request) => new Response(request.url) } });
    expect(stream.handler).toBeTypeOf('function');
    expect(web.handler).toHaveProperty('fetch');
  });

  it.each([[undefined], [{}], ['handler'], [{ fetch: 1 }], [null]])('refuses %j as a handler', (handler) => {
    expect(() => defineFunction({ handler: handler as never })).toThrow(
      expect.objectContaining({ code: 'HANDLER_INVALID', message: expect.stringContaining('handler') }),
    );
  });
});

describe('the guest entry', () => {
  it('has a createTroupe that says why there is none', () => {
    expect(() => createTroupe()).toThrow(expect.objectContaining({ code: 'GUEST_ONLY' }));
    expect(() => createTroupe()).toThrow(TroupeError);
  });

  it('is small and loads nothing of the host', async () => {
    const { metafile } = await build({
      entryPoints: ['src/guest.ts'],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      write: false,
      metafile: true,
      outfile: 'guest.js',
    });
    expect(Object.keys(metafile.inputs).sort()).toEqual(['src/errors.ts', 'src/guest.ts', 'src/handler.ts']);
    expect(metafile.outputs['guest.js']?.imports).toEqual([]);
    expect(metafile.outputs['guest.js']?.bytes).toBeLessThan(24_000);
  });
});
