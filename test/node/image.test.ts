/** The image that the Dockerfile makes, and that it makes the same one each time. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { billOfMaterials } from '../../scripts/sbom.ts';
import { suite } from '../suite.ts';
import { buildOperatorImage, makeBuilderImage, nodeImage, openImageStore, operatorImage } from './image.ts';
import { prepared } from './prepared.ts';

const root = join(import.meta.dirname, '..', '..');
const { store: directory } = prepared();
const store = openImageStore(directory);
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Every file of an image, by its path, with its size in bytes. */
const filesOf = (name: string) =>
  store.look(name, (folder) => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
    const paths = files.map((entry) => join(entry.parentPath, entry.name));
    return new Map(paths.map((path) => [path.slice(folder.length), lstatSync(path).size] as const));
  });
const sum = (sizes: Iterable<number>) => [...sizes].reduce((total, size) => total + size, 0);

const test = suite('image');

test('it runs the bundle as a user that is not root, and says what it is', async () => {
  const { User, Entrypoint, Labels } = await store.config(operatorImage);
  assert.is(User, '65532:65532');
  const flags = ['--max-semi-space-size=2', '--max-old-space-size-percentage=60'];
  assert.equal(Entrypoint, ['/nodejs/bin/node', ...flags, '/app/operator.js'], 'no shell in between');
  const labels = Object.entries(Labels).filter(([name]) => name.startsWith('org.opencontainers.image.'));
  assert.equal(Object.fromEntries(labels), {
    'org.opencontainers.image.title': 'license-settings-operator',
    'org.opencontainers.image.description': 'Keeps the license settings of outbound dialers',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.version': '0.1.0',
    'org.opencontainers.image.revision': 'test',
  });
});

test('to its base it adds the bundle, its list of parts and the licences: no shell, no package manager', async () => {
  const [base, image] = [await filesOf(nodeImage), await filesOf(operatorImage)];
  const added = [...image].filter(([path]) => !base.has(path));
  const names = ['LICENSE', 'licences.txt', 'operator.js', 'operator.js.LEGAL.txt', 'sbom.cdx.json'];
  assert.equal(
    added.map(([path]) => path).sort(),
    names.map((name) => `/app/${name}`),
  );
  assert.equal(
    [...base.keys()].filter((path) => !image.has(path)),
    [],
    'and it takes nothing away',
  );
  assert.equal(
    [...image.keys()].filter((path) => /\/(sh|bash|dash|busybox|npm|apt|apk)$/.test(path)),
    [],
  );
  const all = sum(image.values());
  console.log(`        ${mebibytes(all)}, of which the operator is ${mebibytes(sum(added.map(([, size]) => size)))}`);
});

test('its list of parts is that of the lockfile', async () => {
  const inside = await store.look(operatorImage, (folder) => readFileSync(`${folder}/app/sbom.cdx.json`, 'utf8'));
  assert.equal(JSON.parse(inside), billOfMaterials(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))));
});

test('built again from the same files it has the same digest', async () => {
  await buildOperatorImage(store, 'prebuilt', 'localhost/again');
  const digest = await store.digest(operatorImage);
  console.log(`        ${digest}`);
  assert.is(await store.digest('localhost/again'), digest);
});

test('built from the sources, with packages from the registry, it has the same digest too', async () => {
  await makeBuilderImage(store);
  const begun = performance.now();
  await buildOperatorImage(store, 'build', 'localhost/from-sources');
  console.log(`        both stages, with npm ci: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  assert.is(await store.digest('localhost/from-sources'), await store.digest(operatorImage));
});
