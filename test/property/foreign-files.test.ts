/** Files that people write: kubeconfigs and manifests. A mistake in one is told in words, and never a crash. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { check } from '../../src/cli/check.ts';
import { readManifests } from '../../src/cli/manifests.ts';
import { createClient, homeNamespace, loadKubeConfig, systemClock } from '../../src/kube/index.ts';
import { suite } from '../suite.ts';
import { anyJson, anyText, spoiled } from '../support/hostile.ts';

const test = suite('foreign files');
const directory = mkdtempSync(join(tmpdir(), 'foreign-files-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const path = join(directory, 'config');

/** Loads a kubeconfig of this text; an Error in words where that can't be done. */
function load(text: string) {
  writeFileSync(path, text);
  try {
    return loadKubeConfig({ file: path }, {});
  } catch (error) {
    isInWords(error);
    return undefined;
  }
}

/** Words about a mistake, and no crash of JavaScript. */
function isInWords(error: unknown): void {
  assert.is((error as Error).name, 'Error', `${(error as Error).stack}`);
  assert.match((error as Error).message, /kubeconfig| is http, not https/);
}

/** The same JSON, which is YAML too, with one of its values replaced by one that holds itself. */
const endless = (value: unknown): fc.Arbitrary<string> => {
  const parts = JSON.stringify(value).split(/("[^"]*"|\d+)(?=[,}\]])/);
  return fc
    .tuple(fc.nat(1_000), fc.constantFrom('&a [*a]', '&a {b: *a}', '&a {toString: *a}'))
    .map(([at, loop]) =>
      parts.map((part, i) => (i === 1 + 2 * (at % ((parts.length - 1) / 2)) ? loop : part)).join(''),
    );
};

const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/), { minLength: 1, maxLength: 4 });
const kubeconfigs = fc.tuple(names, fc.nat(3)).map(([all, current]) => ({
  ...{ apiVersion: 'v1', kind: 'Config', 'current-context': all[current % all.length] },
  clusters: all.map((name) => ({ name, cluster: { server: `https://${name}:6443` } })),
  users: all.map((name) => ({ name, user: { token: `token-of-${name}` } })),
  contexts: all.map((name) => ({ name, context: { cluster: name, user: name, namespace: name } })),
}));

test('a kubeconfig says which server, and who asks', () => {
  fc.assert(
    fc.property(kubeconfigs, (config) => {
      for (const text of [JSON.stringify(config), stringify(config)]) {
        const loaded = load(text);
        assert.is(loaded?.getCurrentCluster()?.server, `https://${config['current-context']}:6443`);
        assert.is(loaded?.getCurrentUser()?.token, `token-of-${config['current-context']}`);
      }
    }),
    { numRuns: 40 },
  );
});

/** Of the right shape, with any texts in it. */
const anyWords = fc
  .tuple(
    fc.oneof({ arbitrary: fc.constantFrom('https://a', 'http://a:8001', 'a:1'), weight: 4 }, anyText('https://a')),
    fc.oneof({ arbitrary: fc.constantFrom('', 'socks5://a:1', 'a:1'), weight: 4 }, anyText('https://a:1')),
    anyText(),
    fc.boolean(),
  )
  .map(([url, proxy, word, flag]) => ({
    'current-context': 'a',
    clusters: [
      { name: 'a', cluster: { server: url || 'https://a', 'proxy-url': proxy, 'insecure-skip-tls-verify': flag } },
    ],
    users: [{ name: 'a', user: { token: word, username: word, password: word, as: flag ? '' : word } }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a', namespace: word } }],
  }));
const hostileConfigs = fc.oneof(
  anyWords.map((config) => JSON.stringify(config)),
  anyText('clusters:\n', 'users:\n', '- name: a\n', '  cluster: {server: b}\n', 'current-context: a\n', '&a', '*a'),
  anyJson.map((value) => JSON.stringify(value)),
  kubeconfigs.chain((config) => spoiled(config)).map((value) => JSON.stringify(value)),
  kubeconfigs
    .chain((config) => spoiled(config))
    .chain((value) => spoiled(value))
    .map((value) => stringify(value)),
  kubeconfigs.chain((config) => endless(config)),
);

test('a kubeconfig of any shape is loaded and makes a client, or is refused in words', async () => {
  let loadedOnes = 0;
  await fc.assert(
    fc.asyncProperty(hostileConfigs, async (text) => {
      const config = load(text);
      if (!config) return;
      loadedOnes++;
      assert.type(homeNamespace(config), 'string');
      await createClient(config, { clock: systemClock, connections: 1 }).then((client) => client.close(), isInWords);
    }),
    { numRuns: 400 },
  );
  assert.ok(loadedOnes > 10, `${loadedOnes} loaded`);
});

const manifest = {
  ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings' },
  metadata: { name: 'pom', namespace: 'dialer', annotations: { 'a.b/c': 'd' } },
  spec: {
    licenses: { outboundPorts: { minimum: 1, maximum: 20 } },
    zones: [{ name: 'emea', licenses: { outboundPorts: 12 }, organizations: [{ name: 'retail' }] }],
  },
};
const words = [
  'spec:',
  '\n',
  '  ',
  '- ',
  'kind: List\n',
  'items:\n',
  '---\n',
  '&a ',
  '*a',
  '<<: ',
  '? ',
  '|',
  '{',
  '}',
  '!!binary ',
];
const texts = fc.oneof(
  anyText(...words),
  spoiled(manifest).map((value) => stringify(value)),
  fc.tuple(spoiled(manifest), anyText(...words)).map(([value, more]) => `${stringify(value)}---\n${more}`),
  fc.array(spoiled(manifest), { maxLength: 3 }).map((items) => stringify({ kind: 'LicenseSettingsList', items })),
  endless(manifest),
);
const fields = fc.oneof(
  fc.constantFrom('', 'spec.licenses.outboundPorts.maximum', 'spec.zones[0].organizations[0].name', 'spec.zones[9].x'),
  anyText('spec', '.', '[0]', '[', ']', 'zones', 'metadata'),
);

test('manifests of any text are read, and every place that is shown lies in the text', () => {
  fc.assert(
    fc.property(texts, fields, (text, field) => {
      const { manifests, problems } = readManifests({ name: 'a.yaml', text });
      const lines = text.split('\n');
      const places = [...problems.map(({ position }) => position), ...manifests.map(({ position }) => position(field))];
      for (const { line, column, endColumn } of places) {
        assert.ok(line >= 1 && line <= lines.length + 1, `line ${line} of ${lines.length}`);
        assert.ok(column >= 1 && column <= (lines[line - 1] ?? '').length + 1, `column ${column} of line ${line}`);
        assert.ok(endColumn > column, `${column} to ${endColumn}`);
      }
    }),
    { numRuns: 150 },
  );
});

test('whatever a manifest holds, the check of it says what is wrong, and where', () => {
  fc.assert(
    fc.property(texts, (text) => {
      for (const { position, message, reason } of check([{ name: 'a.yaml', text }]).findings) {
        assert.ok(position.line >= 1 && message !== '' && reason !== '');
      }
    }),
    { numRuns: 150 },
  );
});

test('JSON is read as what it is, alone and as items of a list', () => {
  const values = anyJson.filter((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  const isPlain = (text: string) => !/"(<<|kind)"|__proto__|[^\x20-\x7e]/.test(text);
  fc.assert(
    fc.property(values, (value) => {
      const text = JSON.stringify(value);
      fc.pre(isPlain(text));
      const read = (one: string) => readManifests({ name: 'a.json', text: one }).manifests.map((each) => each.value);
      // As text: the comparison of objects takes a field `constructor` for what made the object.
      assert.is(JSON.stringify(read(text)), `[${text}]`);
      assert.is(JSON.stringify(read(`{"kind":"List","items":[${text},${text}]}`)), `[${text},${text}]`);
    }),
    { numRuns: 150 },
  );
});
