/** Paths of the API, and lists that come in pages. */
import * as assert from 'uvu/assert';
import { ApiError, collectionPath, listAll, objectPath, type Request, withQuery } from '../../src/kube/index.ts';
import { suite } from '../suite.ts';

const core = { group: '', version: 'v1', plural: 'configmaps' };
const widgets = { group: 'example.dev', version: 'v1beta1', plural: 'widgets' };

const paths = suite('paths of the API');

for (const [what, path, expected] of [
  ['the core API', collectionPath(core), '/api/v1/configmaps'],
  ['a group', collectionPath(widgets), '/apis/example.dev/v1beta1/widgets'],
  ['one namespace', collectionPath(widgets, 'a'), '/apis/example.dev/v1beta1/namespaces/a/widgets'],
  ['an empty namespace: all', collectionPath(core, ''), '/api/v1/configmaps'],
  ['an object', objectPath(core, { namespace: 'a', name: 'b' }), '/api/v1/namespaces/a/configmaps/b'],
  ['a cluster-scoped object', objectPath(widgets, { name: 'b' }), '/apis/example.dev/v1beta1/widgets/b'],
  ['a subresource', objectPath(widgets, { name: 'b' }, 'status'), '/apis/example.dev/v1beta1/widgets/b/status'],
  [
    'a name that is no path',
    objectPath(core, { namespace: 'a/b', name: '../x?y' }),
    '/api/v1/namespaces/a%2Fb/configmaps/..%2Fx%3Fy',
  ],
  [
    'a query',
    withQuery('/api', { limit: '5', labelSelector: 'a=b', continue: undefined }),
    '/api?limit=5&labelSelector=a%3Db',
  ],
  ['no query', withQuery('/api', { limit: undefined }), '/api'],
] as const)
  paths(what, () => assert.is(path, expected));

/** A client that answers with these pages, one after the other, and notes the queries. */
function answering(pages: readonly unknown[]) {
  const queries: string[] = [];
  return {
    queries,
    async request<T>({ path }: Request): Promise<T> {
      queries.push(path.split('?')[1] ?? '');
      return pages[queries.length - 1] as T;
    },
  };
}
const page = (items: unknown, next?: string) => ({ metadata: { resourceVersion: '7', continue: next }, items });
const options = { path: '/api/v1/configmaps', resource: 'configmaps', pageSize: 2 };

const lists = suite('lists in pages');

lists('all pages are asked for, each with the token of the one before', async () => {
  const client = answering([page([1, 2], 'next'), page([3, 4], 'last'), page([5])]);
  assert.equal(await listAll<number>(client, options), [1, 2, 3, 4, 5]);
  assert.equal(client.queries, ['limit=2', 'limit=2&continue=next', 'limit=2&continue=last']);
});

lists('without a size the list comes whole', async () => {
  const client = answering([page(null)]);
  assert.equal(await listAll(client, { path: '/api/v1/configmaps', resource: 'configmaps' }), []);
  assert.equal(client.queries, ['']);
});

for (const [what, pages] of [
  ['pages that never end', [page([1], 'same'), page([2], 'same')]],
  ['items that are no list', [page('items')]],
  ['no version', [{ items: [] }]],
] as const)
  lists(`${what}: an ApiError`, async () => {
    try {
      await listAll(answering(pages), options);
    } catch (error) {
      assert.ok(error instanceof ApiError && error.reason === 'BadEvent');
      return;
    }
    assert.unreachable();
  });
