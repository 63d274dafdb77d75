import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import * as assert from 'uvu/assert';
import { createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { createCredentials } from '../../src/kube/credentials.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { suite } from '../suite.ts';

const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-test-'));

/** A kubeconfig file with one cluster, user and context a name. */
function file(
  name: string,
  contexts: string[],
  { current = '', server = (one: string) => `https://${one}:6443` } = {},
) {
  const path = join(directory, name);
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': current },
    clusters: contexts.map((one) => ({ name: one, cluster: { server: server(one) } })),
    users: contexts.map((one) => ({ name: one, user: { token: `token-of-${one}` } })),
    contexts: contexts.map((one) => ({ name: one, context: { cluster: one, user: one } })),
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}
const failureOf = (...args: Parameters<typeof loadKubeConfig>): string => {
  try {
    loadKubeConfig(...args);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was loaded');
};
const serverOf = (...args: Parameters<typeof loadKubeConfig>) => loadKubeConfig(...args).getCurrentCluster()?.server;

const one = file('one', ['a', 'b'], { current: 'a' });
const two = file('two', ['c', 'd'], { current: 'd' });

const test = suite('kubeconfig');
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

test('the file given goes before KUBECONFIG', () => {
  assert.is(serverOf({ file: one }, { KUBECONFIG: two }), 'https://a:6443');
  assert.is(serverOf({}, { KUBECONFIG: two }), 'https://d:6443');
});
test('a context can be chosen', () => {
  const config = loadKubeConfig({ file: one, context: 'b' }, {});
  assert.is(config.getCurrentCluster()?.server, 'https://b:6443');
  assert.is(config.getCurrentUser()?.token, 'token-of-b');
});
test('a missing file is named, with where to look', () => {
  const missing = join(directory, 'missing');
  const message = failureOf({ file: missing }, {});
  assert.match(message, missing);
  assert.match(message, 'there is no such file');
  assert.match(message, '--kubeconfig');
  assert.match(message, 'KUBECONFIG');
});
test('a file that is no kubeconfig is named', () => {
  const path = join(directory, 'broken');
  writeFileSync(path, 'clusters: [');
  assert.match(failureOf({ file: path }, {}), `kubeconfig ${path}: `);
});
/** JavaScript makes no text of this one. */
const opaque = { toString: 5 };
for (const [what, wrong] of [
  ['is no map', 5],
  ['is no map', [1]],
  ['is no Config of v1', { apiVersion: 'v1', kind: 'Secret', 'current-context': opaque }],
  ['clusters is no list', { clusters: {} }],
  ['clusters[1] is empty', { clusters: [{ name: 'c', cluster: { server: 'https://c' } }, null] }],
  ['clusters[0] is no map', { clusters: ['c'] }],
  ['clusters[0].name is no text', { clusters: [{ name: opaque, cluster: { server: 'https://c' } }] }],
  ['clusters[0].cluster is no map', { clusters: [{ name: 'c', cluster: 'https://c' }] }],
  ['clusters[0].cluster.server is no text', { clusters: [{ name: 'c', cluster: { server: opaque } }] }],
  [
    'clusters[0].cluster.insecure-skip-tls-verify is not true or false',
    { clusters: [{ name: 'c', cluster: { server: 'https://c', 'insecure-skip-tls-verify': 'yes' } }] },
  ],
  ['users[0].user.token is no text', { users: [{ name: 'u', user: { token: 5 } }] }],
  ['users[0].user.tokenFile is no text', { users: [{ name: 'u', user: { tokenFile: opaque } }] }],
  ['users[0].user.exec.args[1] is no text', { users: [{ name: 'u', user: { exec: { args: ['a', {}] } } }] }],
  [
    'users[0].user.auth-provider.config.tokenFile is no text',
    { users: [{ name: 'u', user: { 'auth-provider': { name: 'a', config: { tokenFile: opaque } } } }] },
  ],
  ['contexts[0].context.namespace is no text', { contexts: [{ name: 'x', context: { namespace: opaque } }] }],
  ['current-context is no text', { 'current-context': opaque }],
] as [string, unknown][])
  test(`${what} (${JSON.stringify(wrong)}): it is named, with its file`, () => {
    const path = join(directory, 'wrong-type');
    writeFileSync(path, JSON.stringify(wrong));
    const failure = failureOf({ file: path }, {});
    assert.is(failure, `kubeconfig ${path}: ${what}: check --kubeconfig or KUBECONFIG`);
  });
for (const [what, cluster] of [
  ['server', { server: 'c:port' }],
  ['server', { server: 'c' }],
  ['proxy-url', { 'proxy-url': 'no url' }],
] as [string, object][])
  test(`a ${what} that is no URL (${Object.values(cluster)}) is named`, () =>
    assert.is(
      failureOf({ file: single('no-url', {}, cluster) }, {}),
      `the kubeconfig's cluster "c" has the ${what} "${Object.values(cluster)}", which is no URL`,
    ));
test('an unknown context: the known ones are listed', () => {
  assert.is(failureOf({ file: one, context: 'x' }, {}), 'the kubeconfig has no context "x": it has a, b');
  assert.match(failureOf({ file: file('empty', []), context: 'x' }, {}), 'it has none');
});
test('no current context: the mend is named', () => {
  const message = failureOf({ file: file('no-current', ['a']) }, {});
  assert.match(message, 'no current context');
  assert.match(message, '--context');
});
test('a current context that is not there, or whose cluster is not', () => {
  const message = failureOf({ file: file('wrong-current', ['a'], { current: 'gone' }) }, {});
  assert.match(message, '"gone"');
  assert.match(message, '--context');
});
test('several files in KUBECONFIG: all contexts, the current one of the first', () => {
  const KUBECONFIG = [one, '', two].join(delimiter);
  assert.is(serverOf({}, { KUBECONFIG }), 'https://a:6443');
  assert.is(serverOf({ context: 'c' }, { KUBECONFIG }), 'https://c:6443');
});
test('several files: the first that has a current context gives it', () => {
  assert.is(serverOf({}, { KUBECONFIG: [file('none', ['x']), two].join(delimiter) }), 'https://d:6443');
});
test('several files with the same names: the first goes first, as with kubectl', () => {
  const again = file('again', ['a', 'z'], { server: () => 'https://second:6443' });
  const KUBECONFIG = [one, again].join(delimiter);
  assert.is(serverOf({}, { KUBECONFIG }), 'https://a:6443');
  assert.is(serverOf({ context: 'z' }, { KUBECONFIG }), 'https://second:6443');
});
test('files of KUBECONFIG that are not there are skipped, as kubectl does; none at all is an error', () => {
  const missing = join(directory, 'missing');
  assert.is(serverOf({}, { KUBECONFIG: [missing, two].join(delimiter) }), 'https://d:6443');
  const message = failureOf({}, { KUBECONFIG: [missing, `${missing}-2`].join(delimiter) });
  assert.match(message, missing);
  assert.match(message, 'there is no such file');
});
/** A kubeconfig file of one cluster `c`, user `u` and context. */
function single(name: string, user: object, cluster: object = {}) {
  const path = join(directory, name);
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
    clusters: [{ name: 'c', cluster: { server: 'https://c:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}
test('tokenFile of a user is read, relative to the kubeconfig, and goes before token', async () => {
  writeFileSync(join(directory, 'my-token'), 'of-the-file\n');
  for (const tokenFile of ['my-token', join(directory, 'my-token')]) {
    const config = loadKubeConfig({ file: single('token-file', { tokenFile, token: 'of-the-user' }) }, {});
    const { authorization } = await createCredentials(config, systemClock).get();
    assert.is(authorization, 'Bearer of-the-file');
  }
});
for (const [what, user, cluster] of [
  ['tokenFile', { tokenFile: 'gone' }, {}],
  ['client-key', { 'client-key': 'gone' }, {}],
  ['client-certificate', { 'client-certificate': 'gone' }, {}],
  ['certificate-authority', {}, { 'certificate-authority': 'gone' }],
] as const) {
  test(`${what}: a file that is not there is named`, () => {
    const message = failureOf({ file: single('names-file', user, cluster) }, {});
    assert.match(message, `${what} ${join(directory, 'gone')}: there is no such file`);
  });
}
for (const impersonation of [{ as: 'root' }, { 'as-groups': ['system:masters'] }, { 'as-uid': '1' }]) {
  test(`impersonation (${Object.keys(impersonation)}) is refused, not ignored`, async () => {
    const config = loadKubeConfig({ file: single('as', { token: 't', ...impersonation }) }, {});
    try {
      await createClient(config, { clock: systemClock, connections: 1 });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, 'impersonates another');
    }
  });
}
test('the command of a plugin with a slash is relative to the kubeconfig', async () => {
  writeFileSync(join(directory, 'plugin'), '#!/bin/sh\necho \'{"status":{"token":"given"}}\'\n', { mode: 0o700 });
  const config = loadKubeConfig({ file: single('exec', { exec: { command: './plugin' } }) }, {});
  assert.is((await createCredentials(config, systemClock).get()).authorization, 'Bearer given');
});
