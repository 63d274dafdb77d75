/** The npm package: what is in it, and that it installs into an empty folder and runs there. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { allowed, bundledPackages, isAllowed, licencesPage } from '../../scripts/licences.ts';
import type { Lockfile } from '../../scripts/sbom.ts';
import { suite } from '../suite.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sample = `${root}deploy/samples/zones.yaml`;
const directory = mkdtempSync(join(tmpdir(), 'license-settings-package-'));
const test = suite('package');
test.after(() => rmSync(directory, { recursive: true, force: true }));

type Packed = { filename: string; version: string; files: { path: string; mode: number }[] };
let packed: Packed | undefined;

/** Runs a program in the empty folder. The pinned Node goes first, since the package needs a newer one than machines may have. */
async function run(program: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  const options = { cwd: directory, env: { ...process.env, PATH: path, NO_COLOR: '1' }, maxBuffer: 2 ** 24 };
  try {
    return { code: 0, ...(await promisify(execFile)(program, args, options)) };
  } catch (error) {
    const { code, stdout = '', stderr = String(error) } = error as { code: number; stdout?: string; stderr?: string };
    return { code, stdout, stderr };
  }
}

test('npm pack: the two programs, the CRD with its schemas, and the licences; nothing else', async () => {
  // Without prepack, which builds the bundles: the runner has, and other tests are running them.
  const args = ['--json', '--ignore-scripts', '--pack-destination', directory];
  const { code, stdout, stderr } = await run('npm', 'pack', root, ...args);
  assert.is(code, 0, stderr);
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> };
  assert.is(scripts['prepack'], scripts['build']);
  // Some releases of npm give a list, others an object by name.
  const parsed = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  packed = Object.values(parsed)[0];
  assert.equal(packed?.files.map(({ path }) => path).sort(), [
    'LICENSE',
    'README.md',
    'crds/kustomization.yaml',
    'crds/licenses-json.schema.json',
    'crds/licensesettings.schema.json',
    'crds/licensesettings.yaml',
    'dist/kubectl-license.js',
    'dist/licences.txt',
    'dist/operator.js',
    'package.json',
  ]);
  const bin = packed?.files.find(({ path }) => path === 'dist/kubectl-license.js');
  assert.is((bin?.mode ?? 0) & 0o111, 0o111, 'it may be run');
});

test('it installs into an empty folder, and its command runs there', async () => {
  writeFileSync(join(directory, 'package.json'), '{"private": true}\n');
  const flags = ['--no-audit', '--no-fund', '--prefer-offline'];
  const installed = await run('npm', 'install', ...flags, join(directory, packed?.filename ?? ''));
  assert.is(installed.code, 0, installed.stderr);

  const help = await run('npx', '--no-install', 'kubectl-license', '--help');
  assert.is(help.code, 0, help.stderr);
  assert.match(help.stdout, 'kubectl license');
  const version = await run('npx', '--no-install', 'kubectl-license', 'version');
  assert.is(version.stdout.trim(), packed?.version);

  const good = await run('npx', '--no-install', 'kubectl-license', 'validate', '-f', sample);
  assert.is(good.code, 0, good.stderr);
  const bad = await run('npx', '--no-install', 'kubectl-license', 'validate', '-f', `${root}docs/broken.yaml`);
  assert.is(bad.code, 1);
  assert.match(bad.stdout, 'spec.licenses.');

  const operator = await run('node', 'node_modules/license-settings-operator/dist/operator.js', '--version');
  assert.is(operator.stdout.trim(), packed?.version);
});

test('the bundles need none of the packages that npm installs beside them', async () => {
  const alone = mkdtempSync(join(tmpdir(), 'license-settings-alone-'));
  try {
    for (const name of ['kubectl-license', 'operator']) {
      copyFileSync(`${root}dist/${name}.js`, join(alone, `${name}.mjs`));
      const { code, stderr } = await run('node', join(alone, `${name}.mjs`), '--help');
      assert.is(code, 0, stderr);
    }
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});

test('licences: the texts of what is bundled are in the package; one that is not allowed fails the check', () => {
  const texts = readFileSync(`${root}dist/licences.txt`, 'utf8');
  for (const name of [
    'zod',
    'pino',
    'undici',
    'yaml',
    '@kubernetes/client-node',
    'canonicalize',
    '@prometheus-io/client',
  ])
    assert.match(texts, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: `, 'm'));
  assert.match(texts, 'Permission is hereby granted');
  assert.not.match(texts, /^typescript /m);

  const lockfile = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as Lockfile;
  assert.is(licencesPage(lockfile), readFileSync(`${root}docs/licences.md`, 'utf8'));
  const with_ = (license: string | undefined, more: object = {}) => ({
    ...lockfile,
    packages: {
      ...lockfile.packages,
      'node_modules/new': { version: '1.0.0', ...(license ? { license } : {}), ...more },
    },
  });
  assert.throws(() => licencesPage(with_('GPL-3.0-only')), 'new 1.0.0: GPL-3.0-only');
  assert.throws(() => licencesPage(with_(undefined)), 'new 1.0.0: none');
  assert.match(licencesPage(with_('(MIT OR GPL-3.0-only)')), '| new | 1.0.0 | (MIT OR GPL-3.0-only) |');
  assert.not.match(licencesPage(with_('GPL-3.0-only', { dev: true })), 'GPL', 'development is not shipped');
  assert.is(isAllowed('MIT AND GPL-3.0-only'), false);
  assert.ok(allowed.every(isAllowed));
});

test('a package is bundled when a byte of it is in a bundle', () => {
  const inputs = (bytes: Record<string, number>) =>
    Object.fromEntries(Object.entries(bytes).map(([file, bytesInOutput]) => [file, { bytesInOutput }]));
  const output = { bytes: 0, imports: [], exports: [] };
  const outputs = {
    'dist/a.js': {
      ...output,
      inputs: inputs({ 'src/main.ts': 9, 'node_modules/zod/v4/index.js': 5, 'node_modules/ws/a.js': 0 }),
    },
    'dist/b.js': {
      ...output,
      inputs: inputs({
        '../node_modules/@a/b/node_modules/c/d.js': 1,
        'node_modules/@a/b/x/y.js': 1,
        'node_modules/zod/z.js': 1,
      }),
    },
  };
  assert.equal(bundledPackages({ outputs }), [
    '../node_modules/@a/b/node_modules/c',
    'node_modules/@a/b',
    'node_modules/zod',
  ]);
});
