import type { Outcome } from '../../src/controller/conclude.ts';
/** An outcome in the words of older tests. */
export function legacy(outcome: Outcome & { readonly requests: number }) {
  const { said, again, halt, ...rest } = outcome;
  const error = halt && 'error' in halt ? halt.error : halt;
  return {
    ...rest,
    halt,
    result: said as string,
    ...(error ? { error: error as never } : {}),
    ...(again.after === 'time' ? { again: again.milliseconds } : {}),
    ...(again.after === 'backoff'
      ? {
          retry: {
            kind: again.kind as string,
            atLeast: again.atLeast,
            ...(again.atMost === undefined ? {} : { atMost: again.atMost }),
          },
        }
      : {}),
  };
}
