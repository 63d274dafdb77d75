/** A reflector on a virtual clock, whose server follows a script. */
import * as assert from 'uvu/assert';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { Reflector, type ReflectorOptions, type Sink } from '../../src/kube/reflector.ts';
import { createVirtualClock } from './virtual-clock.ts';

export const object = (name: string, resourceVersion: number): KubeObject => ({
  metadata: { name, namespace: 'a', uid: name, resourceVersion: String(resourceVersion) },
});
export const event = (type: string, name: string, version: number) =>
  JSON.stringify({ type, object: object(name, version) });
export const expired = (code = 410, more: object = {}) =>
  JSON.stringify({ type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', code, message: 'too old', ...more } });
/** The bookmark that ends the initial events of a stream. */
export const initialEnd = (version: number) =>
  JSON.stringify({
    type: 'BOOKMARK',
    object: { metadata: { resourceVersion: String(version), annotations: { 'k8s.io/initial-events-end': 'true' } } },
  });
export const page = (version: number, items: KubeObject[] = [], next?: string) => ({
  metadata: { resourceVersion: String(version), ...(next ? { continue: next } : {}) },
  items,
});
/** An answer of the API server with this code; 0: none at all. */
export const error = (code: number, retryAfter = 0) =>
  new ApiError(`scripted ${code}`, { code, retryAfter, reason: code ? '' : 'NoAnswer' });
/** An answer that broke off. */
export const broken = () => new ApiError('scripted end', { code: 0, reason: 'NoAnswer', begun: true });
/** An answer of something before the API server. */
export const gateway = (code: number) => new ApiError(`scripted gateway ${code}`, { code, reason: 'NotFromApiServer' });

/** A list is answered by a page, or fails with an error. */
export type List = object | Error | null;
/** A watch gives lines and then ends, fails, or stays open (`'open'` as long as it may, `'silent'` 10 s more). */
export type Watch = (string | Error | 'open' | 'silent')[];

type Kind = 'list' | 'watch' | 'stream' | 'probe';

/** A reflector whose server follows a script; the last entry of each list repeats itself for ever. */
export function setUp({
  lists,
  watches = [['open']],
  probes = [page(1_000_000)],
  streams,
  sink = {},
  more = {},
}: {
  lists: List[];
  watches?: Watch[];
  /** Lists of one object, which are asked for their version; by default it is a high one. */
  probes?: List[];
  /** Watches that ask for initial events; without them lists come in pages. */
  streams?: Watch[];
  sink?: Partial<Sink<KubeObject>>;
  more?: Partial<ReflectorOptions<KubeObject>>;
}) {
  const clock = createVirtualClock();
  const abort = new AbortController();
  const requests: {
    kind: Kind;
    query: URLSearchParams;
    at: number;
    deadline: number | undefined;
  }[] = [];
  const seen: string[] = [];
  const restarts: string[] = [];
  const next = <T>(script: T[]): T => {
    const one = script.length > 1 ? script.shift() : script[0];
    if (one === undefined) throw new Error('the script is empty');
    return one;
  };
  const note = (kind: Kind, path: string, deadline: number | undefined) => {
    const url = new URL(path, 'http://server');
    assert.is(url.pathname, '/api/v1/things');
    requests.push({ kind, query: url.searchParams, at: clock.monotonic(), deadline });
  };
  const client: Client = {
    async request<T>({ path, deadline }: Request) {
      const isProbe = path.includes('limit=1&');
      note(isProbe ? 'probe' : 'list', path, deadline);
      await undefined;
      const answer = next(isProbe ? probes : lists);
      if (answer instanceof Error) throw answer;
      return answer as T;
    },
    async *lines({ path, deadline, signal }) {
      const streamed = path.includes('sendInitialEvents=true');
      note(streamed ? 'stream' : 'watch', path, deadline);
      const agreed = 1000 * Number(requests.at(-1)?.query.get('timeoutSeconds'));
      for (const line of next(streamed ? (streams ?? []) : watches)) {
        await undefined;
        if (line instanceof Error) throw line;
        if (line !== 'open' && line !== 'silent') yield line;
        else {
          await new Promise<void>((resolve) => {
            const cancel = clock.after(line === 'open' ? agreed : 10_000, resolve);
            signal?.addEventListener('abort', () => {
              cancel();
              resolve();
            });
          });
          if (signal?.aborted) throw error(0);
        }
      }
    },
    close: async () => {},
  };
  const nameOf = ({ metadata }: KubeObject) => `${metadata.name}@${metadata.resourceVersion}`;
  let syncedTimes = 0;
  const reflector = new Reflector<KubeObject>({
    ...{ client, clock, path: '/api/v1/things', resource: 'things', labelSelector: 'a=b' },
    ...(streams ? {} : { streaming: false }),
    project: (one) => one,
    onRestart: (reason) => restarts.push(reason),
    onSynced: () => syncedTimes++,
    ...more,
    sink: {
      replace: (objects) => seen.push(`list ${objects.map(nameOf)}`),
      put: (one) => seen.push(`put ${nameOf(one)}`),
      remove: (one) => seen.push(`remove ${nameOf(one)}`),
      ...sink,
    },
  });
  let ended = false;
  const running = reflector.run(abort.signal).then(() => {
    ended = true;
  });
  return {
    ...{ clock, reflector, requests, seen, restarts, running },
    synced: () => syncedTimes,
    ended: () => ended,
    watchesFrom: () => requests.filter(({ kind }) => kind === 'watch').map(({ query }) => query.get('resourceVersion')),
    lists: () => requests.filter(({ kind }) => kind === 'list').length,
    probes: () => requests.filter(({ kind }) => kind === 'probe').length,
    kinds: () => requests.map(({ kind }) => kind).join(' '),
    async stop() {
      abort.abort();
      await running;
      assert.is(clock.pending, 0, 'no timer is left');
    },
  };
}
