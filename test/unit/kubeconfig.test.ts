import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import * as assert from 'uvu/assert';
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
test.after(() => rmSync(directory, { recursive: true }));

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
