/** Settings from Git with Flux's own kustomize-controller, and the Kustomization of deploy/gitops/flux as it is. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { findFlux } from '../controlplane/binaries.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import {
  createDesk,
  type Desk,
  install,
  type Operator,
  removeRules,
  type Stored,
  startOperator,
  until,
} from '../operator.ts';
import { suite } from '../suite.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const kustomization = 'license-settings';
const inFlux = ['-n', 'flux-system'];
const approval = 'licensing.dialer.dev/apply';
type Condition = { type: string; status: string; reason: string; message: string };
type Kustomization = {
  status?: { conditions?: Condition[]; lastAppliedRevision?: string; lastHandledReconcileAt?: string };
};

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
let flux: ChildProcess;
let server: Server;
let repository: string;
let commits = 0;

const test = suite('flux');
test.before(async () => {
  const { controller, definitions } = await findFlux(); // built before anything is timed
  plane = await startControlPlane();
  await install(plane);
  await plane.kubectl(['apply', '--server-side', ...definitions.flatMap((file) => ['-f', file])]);
  // Else the garbage collector learns of the new kinds only after half a minute.
  await plane.restart('kube-controller-manager');
  for (const name of ['flux-system', 'dialer']) await plane.kubectl(['create', 'namespace', name]);
  desk = createDesk(plane, 'dialer');
  operator = await startOperator(plane);

  repository = join(plane.directory, 'repository');
  mkdirSync(join(repository, 'settings'), { recursive: true });
  server = createServer((request, response) => {
    response.end(readFileSync(join(plane.directory, (request.url ?? '').slice(1))));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await plane.kubectl(['apply', '-f', '-'], {
    input: stringify({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'dialer-settings', namespace: 'flux-system' },
      spec: { interval: '1h', url: 'https://git.example.com/dialer/settings.git' },
    }),
  });

  const log = openSync(join(plane.directory, 'flux.log'), 'a');
  const addresses = ['--metrics-addr=127.0.0.1:0', '--health-addr=127.0.0.1:0'];
  flux = spawn(controller, [...addresses, '--enable-leader-election=false', '--requeue-dependency=1s'], {
    env: { PATH: process.env['PATH'], TMPDIR: plane.directory, HOME: plane.directory, KUBECONFIG: plane.kubeconfig },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
});
test.after(async () => {
  flux?.kill('SIGKILL');
  await operator?.stop();
  server?.close();
  await plane?.stop();
});

const manifest = (name: string, spec: object, annotations?: object) =>
  stringify({
    apiVersion: 'licensing.dialer.dev/v1',
    kind: 'LicenseSettings',
    metadata: { name, ...(annotations ? { annotations } : {}) },
    spec,
  });
const ports = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 100, maximum } },
  ...more,
});

/** What source-controller does after a push: the folder as an archive, announced in the status. Undefined deletes a file. */
async function push(files: Record<string, string | undefined>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    const file = join(repository, 'settings', name);
    if (text === undefined) rmSync(file);
    else writeFileSync(file, text);
  }
  commits++;
  const archive = `commit-${commits}.tar.gz`;
  await promisify(execFile)('tar', ['-czf', join(plane.directory, archive), '-C', repository, '.']);
  const digest = createHash('sha256')
    .update(readFileSync(join(plane.directory, archive)))
    .digest('hex');
  const revision = `main@sha1:${commits.toString(16).padStart(40, '0')}`;
  const time = new Date().toISOString().replace(/\.\d+/, '');
  const { port } = server.address() as AddressInfo;
  const status = {
    observedGeneration: 1,
    artifact: {
      ...{ path: archive, url: `http://127.0.0.1:${port}/${archive}`, revision },
      ...{ digest: `sha256:${digest}`, lastUpdateTime: time },
    },
    conditions: [
      ...[{ type: 'Ready', status: 'True', reason: 'Succeeded', message: revision, lastTransitionTime: time }],
    ],
  };
  await plane.kubectl([
    ...['patch', 'gitrepository', 'dialer-settings', ...inFlux, '--subresource=status', '--type=merge'],
    ...['-p', JSON.stringify({ status })],
  ]);
  return revision;
}

const read = async () =>
  JSON.parse(
    (await plane.kubectl(['get', 'kustomization', kustomization, ...inFlux, '-o', 'json'])).stdout,
  ) as Kustomization;
const readyOf = ({ status }: Kustomization) => status?.conditions?.find(({ type }) => type === 'Ready');
const fluxLog = () => readFileSync(join(plane.directory, 'flux.log'), 'utf8').split('\n').slice(-6).join('\n');
/** Waits until Flux says this of a revision. */
async function says(status: string, reason: string, revision?: string, timeout = 30_000): Promise<Condition> {
  let found: Kustomization = {};
  await until(
    `the Kustomization is Ready=${status} ${reason} ${revision ?? ''}`,
    async () => {
      found = await read();
      const ready = readyOf(found);
      if (ready?.status !== status || ready.reason !== reason) return false;
      return (
        revision === undefined || ready.message.includes(revision) || found.status?.lastAppliedRevision === revision
      );
    },
    timeout,
    () => `${JSON.stringify(found.status, null, 1)}\n${fluxLog()}`,
  );
  return readyOf(found) as Condition;
}
/** As `flux reconcile kustomization` asks for it; resolves when it is done. */
async function reconcile(): Promise<void> {
  const at = new Date().toISOString();
  const note = `reconcile.fluxcd.io/requestedAt=${at}`;
  await plane.kubectl(['annotate', 'kustomization', kustomization, ...inFlux, '--overwrite', note]);
  let found: Kustomization = {};
  await until(
    'Flux has reconciled',
    async () => {
      found = await read();
      return found.status?.lastHandledReconcileAt === at && readyOf(found)?.status !== 'Unknown';
    },
    30_000,
    () => `${JSON.stringify(found.status, null, 1)}\n${fluxLog()}`,
  );
}
const capacity = async (name: string) => (await desk.configMap(`${name}-licenses`))?.data?.['OUTBOUND_PORTS_CAPACITY'];
const annotationsOf = async (name: string) =>
  ((await desk.get(name)) as (Stored & { metadata: { annotations?: Record<string, string> } }) | undefined)?.metadata
    .annotations ?? {};

test('T20 a sync: the Kustomization is Ready when the settings are live', async () => {
  const revision = await push({
    'pom.yaml': readFileSync(`${root}deploy/samples/licensesettings.yaml`, 'utf8'),
    'other.yaml': manifest('other', ports(300)),
  });
  await plane.kubectl(['apply', '-f', `${root}deploy/gitops/flux/kustomization.yaml`]);
  await says('True', 'ReconciliationSucceeded', revision);
  assert.is(await capacity('pom'), '500');
  assert.is(await capacity('other'), '300');
  const { metadata } = (await desk.configMap('pom-licenses')) ?? {};
  assert.not.match(
    JSON.stringify([metadata?.labels, metadata?.annotations]),
    'fluxcd',
    'no copy of labels that Flux prunes by',
  );
});

test('T1, T10 it is not Ready before: without the operator it waits', async () => {
  await operator.stop();
  const revision = await push({ 'waiting.yaml': manifest('waiting', ports(150)) });
  await until('Flux has applied it', async () => (await desk.get('waiting')) !== undefined, 20_000, fluxLog);
  await new Promise((resolve) => setTimeout(resolve, 2_500)); // Flux polls each second or so
  assert.is(readyOf(await read())?.status, 'Unknown', 'it waits, and has not failed');
  operator = await startOperator(plane);
  await says('True', 'ReconciliationSucceeded', revision);
});

test('V1 nothing changes when Flux applies the same again', async () => {
  const versions = async () =>
    (await plane.kubectl(['get', 'lics,cm', '-n', 'dialer', '-o', 'jsonpath={.items[*].metadata.resourceVersion}']))
      .stdout;
  const before = await versions();
  await reconcile();
  await reconcile();
  assert.is(await versions(), before);
});

test('drift: what somebody edits by hand is put back, and the ConfigMap follows', async () => {
  await plane.kubectl([
    ...['patch', 'lics', 'pom', '-n', 'dialer', '--type=merge'],
    ...['-p', JSON.stringify({ spec: { licenses: { outboundPorts: { maximum: 999 } } } })],
  ]);
  await until('the edit is live', async () => (await capacity('pom')) === '999');
  await reconcile();
  await until('the edit is gone', async () => (await capacity('pom')) === '500');
  await says('True', 'ReconciliationSucceeded');
});

test('a spec that the API server refuses: nothing of the commit is applied, and Flux says why', async () => {
  const revision = await push({
    'other.yaml': manifest('other', ports(50)),
    'waiting.yaml': manifest('waiting', ports(160)),
  });
  const { message } = await says('False', 'ReconciliationFailed');
  assert.match(message, 'spec.licenses.outboundPorts.minimum: Invalid value');
  assert.match(message, 'minimum is above maximum');
  assert.is(await capacity('other'), '300');
  assert.is(await capacity('waiting'), '150');
  assert.is.not((await read()).status?.lastAppliedRevision, revision);
});

test('T12 a spec that an older CRD lets through: HealthCheckFailed at once, long before the timeout', async () => {
  await push({ 'other.yaml': manifest('other', ports(300)) });
  await says('True', 'ReconciliationSucceeded', `main@sha1:${commits.toString(16).padStart(40, '0')}`);
  await removeRules(plane);
  try {
    const started = performance.now();
    await push({ 'other.yaml': manifest('other', ports(50)) });
    // The first tries may meet the rules that are on their way out.
    const again = setInterval(() => void push({}).catch(() => {}), 5_000);
    try {
      const { message } = await says('False', 'HealthCheckFailed');
      assert.match(message, "LicenseSettings/dialer/other status: 'Failed'");
    } finally {
      clearInterval(again);
    }
    assert.ok(performance.now() - started < 30_000, 'the sample gives up after 5 minutes');
    assert.is(await capacity('other'), '300', 'the last good settings stay');
  } finally {
    await install(plane);
  }
  const revision = await push({ 'other.yaml': manifest('other', ports(310)) });
  await says('True', 'ReconciliationSucceeded', revision);
  assert.is(await capacity('other'), '310');
});

test("T13 a ConfigMap of that name is someone else's: HealthCheckFailed too", async () => {
  await desk.createMap({ metadata: { name: 'taken-licenses' }, data: { mine: 'yes' } });
  await push({ 'taken.yaml': manifest('taken', ports(200)) });
  const { message } = await says('False', 'HealthCheckFailed');
  assert.match(message, "LicenseSettings/dialer/taken status: 'Failed'");
  await push({ 'taken.yaml': undefined });
  await until('it is pruned', async () => (await desk.get('taken')) === undefined);
  await says('True', 'ReconciliationSucceeded', `main@sha1:${commits.toString(16).padStart(40, '0')}`);
  assert.equal((await desk.configMap('taken-licenses'))?.data, { mine: 'yes' });
});

test('A4 an approval by `kubectl license apply` survives Flux; one by `kubectl annotate` does not', async () => {
  const revision = await push({ 'other.yaml': manifest('other', ports(400, { applyPolicy: 'Manual' })) });
  await desk.waitFor('other', 'Applied', 'False', 'ApplyPending');
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  assert.is(readyOf(await read())?.status, 'Unknown', 'what waits for its approval is not current');
  const bin = join(plane.directory, 'bin');
  mkdirSync(bin);
  symlinkSync(`${root}dist/kubectl-license.js`, join(bin, 'kubectl-license'));
  const path = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter);
  await promisify(execFile)(plane.kubectlPath, ['license', 'apply', 'other', '-n', 'dialer', '--yes', '--wait'], {
    env: { PATH: path, HOME: plane.directory, KUBECONFIG: plane.kubeconfig },
  });
  await says('True', 'ReconciliationSucceeded', revision);
  assert.is(await capacity('other'), '400');
  const hash = (await desk.get('other'))?.status?.applied?.settingsHash;
  await plane.kubectl(['annotate', 'lics', 'waiting', '-n', 'dialer', `${approval}=0123456789ab`]);
  await reconcile();
  await reconcile();
  assert.is((await annotationsOf('other'))[approval], hash);
  assert.is((await annotationsOf('waiting'))[approval], undefined);
  assert.is(await capacity('other'), '400');
});

test('R5.5 prune: what is removed from Git goes, and its ConfigMaps with it; under Retain they stay', async () => {
  const kept = await push({ 'kept.yaml': manifest('kept', ports(120, { deletionPolicy: 'Retain' })) });
  await says('True', 'ReconciliationSucceeded', kept);
  const revision = await push({ 'other.yaml': undefined, 'kept.yaml': undefined });
  await says('True', 'ReconciliationSucceeded', revision);
  await until('object and ConfigMap are gone', async () => {
    return [await desk.get('other'), await desk.configMap('other-licenses')].every((one) => one === undefined);
  });
  await until('the kept one is gone', async () => (await desk.get('kept')) === undefined);
  assert.is(await capacity('kept'), '120');
  assert.is(await capacity('pom'), '500', 'the others are as they were');
});
