/** `kubectl license` as people use it: the bundle, found by the real kubectl on the PATH, against the real API server. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { parse, parseAllDocuments } from 'yaml';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Desk, type Operator, until, withoutRules } from '../operator.ts';
import { suite } from '../suite.ts';
import { closeStage, openStage } from '../support/stage.ts';

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
let directory: string;
const test = suite('plugin');
const bundle = fileURLToPath(new URL('../../dist/kubectl-license.js', import.meta.url));
const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const approval = 'licensing.dialer.dev/apply';

test.before(async () => {
  ({ plane, desk, operator } = await openStage('plugin'));
  directory = mkdtempSync(join(plane.directory, 'plugin-'));
  symlinkSync(bundle, join(directory, 'kubectl-license'));
});
test.after(async () => {
  rmSync(directory, { recursive: true, force: true });
  await closeStage({ plane, desk, operator });
});

type Result = { code: number; out: string; err: string };
/** Runs kubectl with the plugin on its PATH. */
function kubectl(args: string[], { kubeconfig = plane.kubeconfig, input = '', env = {} } = {}): Promise<Result> {
  // The plugin's first line asks the PATH for node.
  const path = [directory, dirname(process.execPath), process.env['PATH']].join(delimiter);
  return new Promise((resolve) => {
    const options = {
      env: { PATH: path, HOME: directory, KUBECONFIG: kubeconfig, LC_ALL: 'C.UTF-8', ...env },
      timeout: 60_000,
    };
    const child = execFile(plane.kubectlPath, args, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err });
    });
    child.stdin?.end(input);
  });
}
const license = (line: string, options = {}) => kubectl(['license', ...line.split(' ')], options);
const spec = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 100, maximum } },
  applyPolicy: 'Manual',
  ...more,
});

/** Something live, and a higher maximum that is pending. */
async function pending(name: string): Promise<string> {
  await desk.create(name, spec(500, { applyPolicy: 'Automatic' }));
  await desk.settled(name);
  await desk.patch(name, { spec: spec(700) });
  return (await desk.waitFor(name, 'Applied', 'False', 'ApplyPending')).status?.pending?.settingsHash ?? '';
}

test('kubectl finds the plugin', async () => {
  assert.match((await kubectl(['plugin', 'list'])).out, join(directory, 'kubectl-license'));
  const help = await license('--help');
  assert.is(help.code, 0);
  assert.match(help.out, 'Usage: kubectl license COMMAND');
});

test('status: numbers, zones and organizations as the operator reports them', async () => {
  await desk.create('sites', {
    licenses: { outboundPorts: { minimum: 100, maximum: 500 } },
    zones: [
      {
        name: 'emea',
        licenses: { outboundPorts: 300 },
        organizations: [{ name: 'retail', licenses: { outboundPorts: 200 } }],
      },
      { name: 'apac', licenses: { outboundPorts: 100 } },
    ],
  });
  await desk.settled('sites');
  const { code, out, err } = await license('status sites -n plugin', { env: { COLUMNS: '80' } });
  assert.equal([code, err], [0, '']);
  assert.match(out, /^plugin\/sites {2}✔ Applied\n/);
  assert.match(out, /Maximum Outbound Ports {2}█{21}░{5} +500 +400 +100\n/);
  assert.match(
    out,
    /├─ apac\n.*100\n└─ emea\n.*300: 200 allocated, 100 unallocated\n +└─ retail {2}Maximum Outbound Ports 200/,
  );
  assert.not.match(out, '\u001b');
  const ascii = await license('status sites -n plugin', { env: { LC_ALL: 'C', FORCE_COLOR: '1' } });
  assert.match(ascii.out, '`- ');
  assert.match(ascii.out, '\u001b[1m');
  const json = JSON.parse((await license('status -A -o json')).out) as { items: { name: string }[] };
  assert.ok(json.items.some(({ name }) => name === 'sites'));
});

test('diff and apply: what was shown is approved, goes live, and the exit codes say what they should', async () => {
  const hash = await pending('pom');
  const different = await license('diff pom -n plugin');
  assert.is(different.code, 1);
  assert.match(different.out, '~ licenses.outboundPorts.maximum: 500 → 700 (+200)');
  const unasked = await license('apply pom -n plugin');
  assert.is(unasked.code, 1);
  assert.match(unasked.err, 'give --yes');
  assert.is((await desk.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '500');
  const { code, out, err } = await license('apply pom -n plugin --yes --wait --timeout 30s');
  assert.is(code, 0, err);
  assert.is(out, `licensesettings/pom approved: ${hash}\nlicensesettings/pom applied\n`);
  assert.is((await desk.configMap('pom-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '700');
  assert.equal(await license('diff pom -n plugin'), { code: 0, out: '', err: '' });
  assert.match((await license('apply pom -n plugin --yes')).out, 'is live: nothing is pending');
  assert.is((await license('diff nothere -n plugin')).code, 2);
});

test('A4 an approval is neither taken back nor fought over by server-side apply of GitOps tools', async () => {
  const manifest = (maximum: number) =>
    JSON.stringify({
      apiVersion: 'licensing.dialer.dev/v1',
      kind: 'LicenseSettings',
      metadata: { name: 'git', namespace: 'plugin' },
      spec: spec(maximum),
    });
  for (const manager of ['kustomize-controller', 'argocd-controller']) {
    const apply = (maximum: number) =>
      kubectl(['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'], {
        input: manifest(maximum),
      });
    assert.is((await apply(500)).code, 0);
    await until('it is judged', async () => (await license('diff git -n plugin')).code !== 2);
    assert.is((await license('apply git -n plugin --yes --wait --timeout 30s')).code, 0);
    const before = (await desk.get('git')) as {
      metadata: {
        resourceVersion: string;
        annotations?: Record<string, string>;
        managedFields?: { manager: string; operation: string }[];
      };
    };
    assert.match(before.metadata.annotations?.[approval] ?? '', /^[0-9a-f]{64}$/);
    assert.is((await apply(500)).code, 0);
    const after = (await desk.get('git')) as typeof before;
    assert.is(after.metadata.annotations?.[approval], before.metadata.annotations?.[approval]);
    assert.is(after.metadata.resourceVersion, before.metadata.resourceVersion, 'nothing changed at all');
    const owners = after.metadata.managedFields?.map((one) => `${one.manager} ${one.operation}`) ?? [];
    assert.ok(owners.includes('license-plugin Update'), owners.join());
    await desk.remove('git');
    await until('it is gone', async () => (await desk.get('git')) === undefined);
  }
});

test('without rights: what is missing and where to ask, for each verb', async () => {
  await plane.kubectl(['-n', 'plugin', 'create', 'serviceaccount', 'nobody']);
  const nobody = await plane.serviceAccountKubeconfig('plugin', 'nobody');
  const status = await license('status pom -n plugin', { kubeconfig: nobody });
  assert.equal([status.code, status.out], [1, '']);
  assert.match(
    status.err,
    'kubectl license: you may not get LicenseSettings here: licensesettings.licensing.dialer.dev "pom" is forbidden',
  );
  assert.match(status.err, 'kubectl auth can-i get licensesettings -n plugin');
  assert.match((await license('status -A', { kubeconfig: nobody })).err, 'you may not list LicenseSettings');
  assert.is((await license('diff pom -n plugin', { kubeconfig: nobody })).code, 2);

  const hash = await pending('guarded');
  await plane.kubectl([
    '-n',
    'plugin',
    'create',
    'role',
    'see',
    '--verb=get,list',
    '--resource=licensesettings.licensing.dialer.dev',
  ]);
  await plane.kubectl(['-n', 'plugin', 'create', 'rolebinding', 'see', '--role=see', '--serviceaccount=plugin:nobody']);
  await until(
    'it may read',
    async () => (await license('status guarded -n plugin', { kubeconfig: nobody })).code === 0,
  );
  const refused = await license('apply guarded -n plugin --yes', { kubeconfig: nobody });
  assert.equal([refused.code, refused.out], [1, '']);
  assert.match(refused.err, 'you may not approve here');
  assert.match(refused.err, hash);
  assert.is((await desk.get('guarded'))?.status?.pending?.settingsHash, hash);
});

test('no such object, no such kind, no kubeconfig, no server', async () => {
  const gone = await license('status nothere -n plugin');
  assert.equal([gone.code, gone.out], [1, '']);
  assert.match(gone.err, 'LicenseSettings plugin/nothere: there is none');
  assert.match((await license('status --kubeconfig /nowhere')).err, 'kubeconfig /nowhere: there is no such file');
  assert.match((await license('status --context other')).err, 'the kubeconfig has no context "other"');
  const dead = join(directory, 'dead');
  const cluster = {
    clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    users: [{ name: 'x', user: { token: 'x' } }],
  };
  writeFileSync(dead, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'x', ...cluster }));
  assert.match((await license('status', { kubeconfig: dead })).err, 'the cluster does not answer: ');
});

test('validate says what the API server says; render gives what the operator writes', async () => {
  const text = (maximum: number) =>
    JSON.stringify(
      {
        apiVersion: 'licensing.dialer.dev/v1',
        kind: 'LicenseSettings',
        metadata: { name: 'offline', namespace: 'plugin' },
        spec: {
          licenses: { outboundPorts: { minimum: 100, maximum } },
          zones: [{ name: 'emea', licenses: { outboundPorts: 50 } }],
        },
      },
      null,
      2,
    );
  const bad = await license('validate -f -', { input: text(40) });
  assert.is(bad.code, 1);
  const refused = await kubectl(['apply', '-f', '-'], { input: text(40) });
  for (const field of ['spec.licenses.outboundPorts.minimum', 'spec.licenses.outboundPorts.maximum']) {
    assert.match(bad.out, field);
    assert.match(refused.err, field);
  }
  assert.is((await license('validate -f - -o sarif', { input: text(40) })).code, 1);
  assert.is((await license('validate -f -', { input: text(400) })).code, 0);
  const { out } = await license('render -f -', { input: text(400) });
  await kubectl(['apply', '-f', '-'], { input: text(400) });
  const stored = await desk.settled('offline');
  assert.is(
    `${stored.status?.applied?.settingsHash}\n`,
    (await license('render -f - -o hash', { input: text(400) })).out,
  );
  type Map = { metadata: { name: string; labels: object; annotations: Record<string, string> }; data: object };
  const maps = parseAllDocuments(out).flatMap((document) => (document.toJS() as Map | null) ?? []);
  assert.is(maps.length, 2);
  for (const { metadata, data } of maps) {
    const written = await desk.configMap(metadata.name);
    assert.equal(written?.data, data);
    assert.equal(written?.metadata.labels, metadata.labels);
    for (const [key, value] of Object.entries(metadata.annotations))
      assert.is(written?.metadata.annotations?.[key], value);
  }
});

test('completion: kubectl asks the shim, and names come from the cluster', async () => {
  const shim = join(directory, 'kubectl_complete-license');
  writeFileSync(shim, (await license('completion kubectl')).out, { mode: 0o755 });
  const asked = await kubectl(['__complete', 'license', 'status', '-n', 'plugin', 'po']);
  assert.match(asked.out, /^pom\n/);
  assert.match((await kubectl(['__complete', 'license', 'val'])).out, /^validate\n/);
});

test('errors of a spec that got past the API server are shown, and keep an approval from being given', async () => {
  await pending('broken');
  await withoutRules(plane, () => desk.patch('broken', { spec: { licenses: { outboundPorts: { minimum: 900 } } } }));
  await desk.waitFor('broken', 'Valid', 'False', 'Invalid');
  const { out } = await license('status broken -n plugin');
  assert.match(out, /ERRORS \(1\)\n✘ spec\.licenses\.outboundPorts\.minimum\n/);
  const refused = await license('apply broken -n plugin --yes');
  assert.is(refused.code, 1);
  assert.match(refused.err, "has mistakes and can't go live");
});

test('with deploy/policies, the role license-applier is enough to approve, and license-editor is not', async () => {
  const hash = await pending('duties');
  const kubeconfigs: Record<string, string> = {};
  await plane.kubectl(['apply', '-k', `${deploy}roles`]);
  for (const role of ['license-editor', 'license-applier']) {
    await plane.kubectl(['-n', 'plugin', 'create', 'serviceaccount', role]);
    await plane.kubectl([
      '-n',
      'plugin',
      'create',
      'rolebinding',
      role,
      `--clusterrole=${role}`,
      `--serviceaccount=plugin:${role}`,
    ]);
    kubeconfigs[role] = await plane.serviceAccountKubeconfig('plugin', role);
  }
  await plane.kubectl(['apply', '-k', `${deploy}policies`]);
  try {
    const dryRun = ['-n', 'plugin', 'annotate', 'lics', 'duties', `${approval}=${hash}`, '--dry-run=server'];
    await until('the policy is in force', async () => {
      const { code } = await kubectl(dryRun, { kubeconfig: kubeconfigs['license-editor'] ?? '' });
      return code !== 0;
    });
    const editor = await license('apply duties -n plugin --yes', { kubeconfig: kubeconfigs['license-editor'] ?? '' });
    assert.equal([editor.code, editor.out], [1, '']);
    assert.match(editor.err, 'you may not approve here');
    assert.match(editor.err, 'you need the verb "apply" on licensesettings');
    const applier = await license('apply duties -n plugin --yes --wait --timeout 30s', {
      kubeconfig: kubeconfigs['license-applier'] ?? '',
    });
    assert.is(applier.code, 0, applier.err);
    assert.is((await desk.configMap('duties-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '700');
  } finally {
    await plane.kubectl(['delete', '-k', `${deploy}policies`]);
  }
});

test('packed for krew: the archive is what the manifest says, and what is in it runs', async () => {
  const url = 'https://example.com/kubectl-license.tar.gz';
  const script = fileURLToPath(new URL('../../scripts/krew.ts', import.meta.url));
  await promisify(execFile)(process.execPath, [script, url, directory]);
  const archive = join(directory, 'kubectl-license.tar.gz');
  const manifest = parse(readFileSync(join(directory, 'license.yaml'), 'utf8')) as {
    metadata: { name: string };
    spec: { version: string; platforms: { uri: string; sha256: string; bin: string; files: { from: string }[] }[] };
  };
  const [platform] = manifest.spec.platforms;
  assert.is(manifest.metadata.name, 'license');
  assert.is(platform?.uri, url);
  assert.is(platform?.sha256, createHash('sha256').update(readFileSync(archive)).digest('hex'));
  const unpacked = mkdtempSync(join(directory, 'unpacked-'));
  await promisify(execFile)('tar', ['-xzf', archive, '-C', unpacked]);
  assert.equal(readdirSync(unpacked).sort(), platform?.files.map(({ from }) => from).sort());
  const env = { PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };
  const { stdout } = await promisify(execFile)(join(unpacked, platform?.bin ?? ''), ['version'], { env });
  assert.is(manifest.spec.version, `v${stdout.trim()}`);
});

test('a cluster without the kind: the operator has to be installed', async () => {
  const name = 'crd/licensesettings.licensing.dialer.dev';
  const serve = (value: boolean) =>
    plane.kubectl([
      'patch',
      name,
      '--type=json',
      '-p',
      JSON.stringify([{ op: 'replace', path: '/spec/versions/0/served', value }]),
    ]);
  await serve(false);
  try {
    await until('the kind is not served', async () => {
      const { err } = await license('status pom -n plugin');
      return err.includes('this cluster does not know the kind LicenseSettings');
    });
    const { code, err } = await license('status -A');
    assert.is(code, 1);
    assert.match(err, 'kubectl apply --server-side -k crds');
  } finally {
    await serve(true);
    await until('the kind is served', async () => (await license('status pom -n plugin')).code === 0);
  }
});
