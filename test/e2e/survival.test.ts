/** What the operator outlives, and what it says while it waits. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, install, type Operator, operatorUser, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';

const spec = (maximum = 500) => ({ licenses: { outboundPorts: { minimum: 100, maximum } } });
const crd = 'licensesettings.licensing.dialer.dev';

let plane: ControlPlane;
let desk: Desk;
const running: Operator[] = [];
const start = async (...args: Parameters<typeof startOperator>) => {
  const operator = await startOperator(...args);
  running.push(operator);
  return operator;
};
const stopAll = async () => {
  await Promise.all(running.splice(0).map((operator) => operator.stop('SIGKILL')));
};
const ready = async (operator: Operator) => (await fetch(`${await operator.health()}/readyz`)).status;

const test = suite('survival');
test.before(async () => {
  plane = await startControlPlane();
  await install(plane);
  desk = createDesk(plane, 'survival');
  await desk.open();
});
test.after.each(stopAll);
test.after(async () => {
  await stopAll();
  await plane?.stop();
});

test('R11.2, R11.4 no CRD yet: it says so, is not ready, and goes on by itself when the CRD is there', async () => {
  await plane.kubectl(['delete', 'crd', crd]);
  const operator = await start(plane);
  await operator.logged(({ msg }) => msg.includes('kubectl apply --server-side -k crds'), 'it names the mend');
  assert.is(await ready(operator), 503);
  assert.is((await fetch(`${await operator.health()}/healthz`)).status, 200);
  await install(plane);
  await until('it is ready', async () => (await ready(operator)) === 200, 30_000);
  await desk.create('late-crd', spec());
  await desk.settled('late-crd');
});

test('R11.2, R11.5 no permission: it says so, and goes on when the role is there', async () => {
  await plane.kubectl(['delete', 'clusterrolebinding', 'license-settings-operator']);
  const operator = await start(plane);
  await operator.logged(({ msg }) => msg.includes('kubectl apply -k deploy/rights/all'), 'it names the mend');
  assert.is(await ready(operator), 503);
  await install(plane);
  await until('it is ready', async () => (await ready(operator)) === 200, 30_000);
});

test('T14, R9.2 writes refused for want of permission are told in the status, and tried again', async () => {
  const operator = await start(plane);
  const path = '/rules/2/verbs';
  const role = ['clusterrole', 'license-settings-operator', '--type=json', '-p'];
  await plane.kubectl(['patch', ...role, JSON.stringify([{ op: 'replace', path, value: ['get', 'list', 'watch'] }])]);
  await desk.create('refused', spec());
  const stored = await desk.waitFor('refused', 'Applied', 'False', 'WriteRejected');
  assert.is(desk.conditionOf(stored, 'Stalled')?.status, 'True');
  assert.match(desk.conditionOf(stored, 'Ready')?.message ?? '', 'cannot create resource "configmaps"');
  await install(plane);
  await desk.waitFor('refused', 'Applied', 'True', 'Applied', 65_000);
  assert.is(await operator.stop(), 0);
});

test('R11.2 an API server that is away at the start is waited for', async () => {
  const kubeconfig = await plane.serviceAccountKubeconfig('license-settings-system', 'license-settings-operator');
  await plane.kill('kube-apiserver');
  const operator = await start(plane, { kubeconfig });
  await operator.logged(({ msg }) => msg.startsWith('the API server does not answer'), 'it says so');
  assert.is(await ready(operator), 503);
  await plane.restart('kube-apiserver');
  await until('it is ready', async () => (await ready(operator)) === 200, 30_000);
});

test('R11.2 an API server that restarts is survived: changes made meanwhile go live', async () => {
  const operator = await start(plane);
  await desk.create('restart', spec());
  await desk.settled('restart');
  await plane.restart('kube-apiserver');
  await desk.patch('restart', { spec: spec(600) });
  await desk.settled('restart');
  assert.is((await desk.configMap('restart-licenses'))?.data?.['OUTBOUND_PORTS_CAPACITY'], '600');
  assert.is(operator.process.exitCode, null, 'it is still the same process');
});

test('R11.2 a server that was away, and does not know our version any more: it lists again and misses nothing', async () => {
  await desk.create('expired', spec());
  const proxy = await startCuttingProxy(Number(new URL(plane.server).port));
  const file = await plane.serviceAccountKubeconfig('license-settings-system', 'license-settings-operator');
  const through = `${file}.proxy`;
  writeFileSync(through, readFileSync(file, 'utf8').replaceAll(plane.server, `https://127.0.0.1:${proxy.port}`));
  await start(plane, { kubeconfig: through });
  await desk.settled('expired');
  // Away long enough for the version to be compacted away: then a fresh watch cache can't resume from it.
  const mark = plane.audit().mark();
  proxy.cut();
  await desk.remove('expired');
  await desk.create('expired-2', spec());
  for (let n = 0; n < 30; n++) await desk.create(`filler-${n}`, spec());
  await compact();
  await plane.restart('kube-apiserver');
  proxy.mend();
  await desk.settled('expired-2');
  // It does not wait to be told 410: what was away may be another server now.
  const lists = await plane
    .audit()
    .since(
      mark,
      ({ user, requestURI = '' }) => user.username === operatorUser && requestURI.includes('sendInitialEvents'),
    );
  assert.is(new Set(lists.map(({ objectRef }) => objectRef?.resource)).size, 2, 'both are listed anew');
  await proxy.close();
});

test('R11.2 a closed watch is opened again, and nothing is missed', async () => {
  const proxy = await startCuttingProxy(Number(new URL(plane.server).port));
  const file = await plane.serviceAccountKubeconfig('license-settings-system', 'license-settings-operator');
  const through = `${file}.proxy2`;
  writeFileSync(through, readFileSync(file, 'utf8').replaceAll(plane.server, `https://127.0.0.1:${proxy.port}`));
  const operator = await start(plane, { kubeconfig: through });
  await until('it is ready', async () => (await ready(operator)) === 200);
  for (let n = 0; n < 5; n++) {
    proxy.reset();
    await desk.create(`cut-${n}`, spec());
    await desk.settled(`cut-${n}`);
  }
  await proxy.close();
});

test('R11.1 SIGTERM ends it with exit code 0 within 5 seconds, also while the API server is away', async () => {
  const operator = await start(plane);
  await until('it is ready', async () => (await ready(operator)) === 200);
  await plane.kill('kube-apiserver');
  const ended = operator.stop();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
  }, 5_000);
  assert.is(await ended, 0);
  clearTimeout(timer);
  assert.not.ok(late, 'within 5 seconds');
  await plane.restart('kube-apiserver');
});

test('R11.2, R11.5 a wrong CA: it says what is not trusted, and goes on waiting', async () => {
  const file = await plane.serviceAccountKubeconfig('license-settings-system', 'license-settings-operator');
  const config = JSON.parse(
    (await plane.kubectl(['config', 'view', '--raw', '-o', 'json'], { kubeconfig: file })).stdout,
  );
  for (const { cluster } of config.clusters) {
    delete cluster['certificate-authority'];
    cluster['certificate-authority-data'] = Buffer.from(otherCertificate).toString('base64');
  }
  const wrong = `${file}.wrong-ca`;
  writeFileSync(wrong, JSON.stringify(config));
  const operator = await start(plane, { kubeconfig: wrong });
  await operator.logged(({ msg }) => msg.startsWith("the API server's certificate is not trusted"), 'it says so');
  assert.is(await ready(operator), 503);
});

test('R11.5 a wrong token: it says so', async () => {
  const file = await plane.serviceAccountKubeconfig('license-settings-system', 'license-settings-operator');
  const config = JSON.parse(
    (await plane.kubectl(['config', 'view', '--raw', '-o', 'json'], { kubeconfig: file })).stdout,
  );
  for (const { user } of config.users) user.token = 'not-a-token';
  const wrong = `${file}.wrong-token`;
  writeFileSync(wrong, JSON.stringify(config));
  const operator = await start(plane, { kubeconfig: wrong });
  const line = await operator.logged(
    ({ msg }) => msg.startsWith('the API server does not accept the credentials'),
    'it says so',
  );
  assert.not.match(JSON.stringify(line), 'not-a-token');
});

for (const [what, flags, words] of [
  [
    'a kubeconfig that is not there',
    ['--kubeconfig', '/nonexistent/config'],
    'there is no such file: check --kubeconfig',
  ],
  ['an unknown context', ['--context', 'nowhere'], 'the kubeconfig has no context "nowhere": it has'],
] as const) {
  test(`${what}: one clear message, exit code 2`, async () => {
    const operator = await start(plane, { flags: [...flags] });
    assert.is(await operator.exit(), 2);
    assert.ok(
      operator.log.some(({ msg }) => msg.includes(words)),
      JSON.stringify(operator.log),
    );
  });
}

test('wrong flags: every mistake is listed, exit code 2', async () => {
  const operator = await start(plane, { flags: ['--workers', '0', '--log-level', 'loud', '--nonsense'] });
  assert.is(await operator.exit(), 2);
  const text = operator.log.map(({ msg }) => msg).join('\n');
  for (const word of ['--workers is "0"', '--log-level is "loud"', '--nonsense']) assert.match(text, word);
});

test('with --watch-namespaces others are left alone', async () => {
  const other = createDesk(plane, 'survival-other');
  await other.open();
  await start(plane, { flags: ['--watch-namespaces', 'survival-other,survival-none'] });
  await other.create('mine', spec());
  await desk.create('not-mine', spec());
  await other.settled('mine');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.is((await desk.get('not-mine'))?.status?.observedGeneration, -1);
});

test('/metrics tells of reconciles, requests and objects', async () => {
  const operator = await start(plane);
  await until('it is ready', async () => (await ready(operator)) === 200);
  await desk.create('metrics', spec());
  await desk.settled('metrics');
  const page = await (await fetch(`${await operator.metrics()}/metrics`)).text();
  assert.match(page, /license_settings_reconciles_total\{outcome="written"\} \d+/);
  assert.match(page, /license_settings_requests_total\{verb="put",resource="licensesettings\/status",code="200"\} \d+/);
  assert.match(page, /license_settings_objects\{namespace="",reason="Applied"\} \d+/);
});

test('every request of the operator was allowed by its role', async () => {
  await plane.kubectl(['get', 'clusterrole', 'license-settings-operator']);
  const operator = await start(plane);
  await until('it is ready', async () => (await ready(operator)) === 200);
  const mark = plane.audit().mark();
  await desk.create('allowed', spec());
  await desk.settled('allowed');
  await desk.patch('allowed', { spec: { configMap: { name: 'allowed-x' } } });
  await until('the rename is done', async () => (await desk.configMap('allowed-licenses')) === undefined);
  const events = await plane.audit().since(mark, ({ user }) => user.username === operatorUser);
  assert.ok(events.length > 3);
  assert.equal(
    events.filter(({ responseStatus }) => responseStatus?.code === 403),
    [],
  );
});

/** Compacts etcd at its newest revision, so that no older version can be resumed from. */
async function compact(): Promise<void> {
  const url = plane.etcd;
  const post = async (path: string, body: unknown) =>
    (await (await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })).json()) as {
      header?: { revision?: string };
    };
  const { header } = await post('/v3/kv/range', { key: Buffer.from('x').toString('base64') });
  await post('/v3/kv/compaction', { revision: header?.revision, physical: true });
}

/** The certificate of a CA that signed nothing here; its key was thrown away. */
const otherCertificate = `-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUCv7bpHOrr/KGIA4uFCIpR1v/nlwwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKYW5vdGhlci1jYTAgFw0yNjExMjQxMjIyNTlaGA8yMTI2MTAz
MTEyMjI1OVowFTETMBEGA1UEAwwKYW5vdGhlci1jYTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABIhQBVW7wb8jTyCfUBdDTyingniCKpQ/vqSiKNmCb2OzkYF0rp7t
YUV8Foz7Rnz2/SKG2YknImZL69wJBdzuAkmjUzBRMB0GA1UdDgQWBBTJCBL9GuWV
seW2K8RZ7qSjCRimuzAfBgNVHSMEGDAWgBTJCBL9GuWVseW2K8RZ7qSjCRimuzAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQD2LINPNGs+Trbq/x45
rF6laiC1wwE/2UsXIqKeXHqlSwIgQWhEOgPNCATqXJf84yHAC7pnu0HC8qHtF6BH
JVlgwX8=
-----END CERTIFICATE-----
`;
