/** Where the fuzz happens: a real API server that stores whatever is written, the operator within its limits, and a neighbour. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Agent, request } from 'undici';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { storesJson } from '../faults/revisions.ts';
import { createDesk, install, type Operator, operatorUser, serviceAccount, startOperator, until } from '../operator.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import type { Address, Seen } from './neighbour.ts';

/** Where hostile objects are, and where nothing hostile is. */
export const namespaces = ['fuzz-0', 'fuzz-1', 'fuzz-2', 'fuzz-3'] as const;
export const neighbourNamespace = 'fuzz-neighbour';
/** How long a neighbour's change is waited for, in milliseconds: far longer than it may take. */
const patience = 60_000;

/** The bodies of all that the operator writes, and nothing else: hostile objects are large. */
const auditPolicy = {
  ...{ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'] },
  rules: [
    { level: 'Request', users: [operatorUser], verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] },
    { level: 'None' },
  ],
};

/** A control plane whose CRD takes a spec of any shape, and the namespaces of {@link namespaces}. */
export async function openPlane(): Promise<ControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), 'license-settings-fuzz-'));
  const policy = join(directory, 'audit.json');
  writeFileSync(policy, JSON.stringify(auditPolicy));
  try {
    const plane = await startControlPlane({
      apiServerArgs: [storesJson, `--audit-policy-file=${policy}`],
      managerArgs: ['--kube-api-qps=500', '--kube-api-burst=1000'],
    });
    await install(plane);
    for (const namespace of [...namespaces, neighbourNamespace]) await createDesk(plane, namespace).open();
    await takeAnySpec(plane);
    // The garbage collector looks for new kinds at its start, and then only twice a minute.
    await plane.restart('kube-controller-manager');
    return plane;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** As under a CRD of somebody else's: specs of any shape, and no rules. The schema of the status stays. */
async function takeAnySpec(plane: ControlPlane): Promise<void> {
  const schema = '/spec/versions/0/schema/openAPIV3Schema';
  const patch = [
    { op: 'replace', path: `${schema}/properties/spec`, value: { 'x-kubernetes-preserve-unknown-fields': true } },
    { op: 'remove', path: `${schema}/x-kubernetes-validations` },
  ];
  const crd = 'licensesettings.licensing.dialer.dev';
  await plane.kubectl(['patch', 'crd', crd, '--type=json', '-p', JSON.stringify(patch)]);
  const desk = createDesk(plane, namespaces[0]);
  await until('the API server takes any spec', async () => {
    const { code } = await desk.request('POST', '/apis/licensing.dialer.dev/v1/namespaces/fuzz-0/licensesettings', {
      ...{ apiVersion: 'licensing.dialer.dev/v1', kind: 'LicenseSettings', metadata: { name: 'probe' }, spec: 'any' },
    });
    return code === 201;
  });
  await desk.remove('probe');
}

/** The operator's way to the API server. */
export async function openWay(plane: ControlPlane) {
  const proxy = await startCuttingProxy(Number(new URL(plane.server).port));
  const direct = await plane.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name);
  const config = JSON.parse(readFileSync(direct, 'utf8').replaceAll(plane.server, `https://127.0.0.1:${proxy.port}`));
  // A campaign may take longer than the hour that such a token lasts.
  const { namespace, name } = serviceAccount;
  const { stdout } = await plane.kubectl(['create', 'token', name, '--namespace', namespace, '--duration=24h']);
  config.users[0].user.token = stdout.trim();
  const kubeconfig = `${direct}.proxy`;
  writeFileSync(kubeconfig, JSON.stringify(config));
  return {
    kubeconfig,
    /** Cuts it for so short a time that nobody waits for it, and so long that all is listed anew: whatever lies there. */
    async interrupt(): Promise<void> {
      proxy.cut();
      await sleep(300);
      proxy.mend();
    },
    close: proxy.close,
  };
}
export type Way = Awaited<ReturnType<typeof openWay>>;

/** Sends bodies as they are, which no JavaScript value may stand for. */
export function createSender(plane: ControlPlane) {
  const dispatcher = new Agent({ connect: { ca: readFileSync(plane.ca) }, connections: 32 });
  return {
    async send(method: 'POST' | 'PATCH' | 'DELETE', path: string, body: string | null): Promise<Answer> {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const headers = { authorization: `Bearer ${plane.adminToken}`, 'content-type': type };
      const answer = await request(`${plane.server}${path}`, { method, dispatcher, headers, body });
      return { code: answer.statusCode, text: await answer.body.text() };
    },
    close: () => dispatcher.destroy(),
  };
}
export type Sender = ReturnType<typeof createSender>;
export type Answer = { readonly code: number; readonly text: string };

/** Starts the operator, without a line for each of thousands of looks. */
export const startFuzzed = (plane: ControlPlane, { kubeconfig }: Way): Promise<Operator> =>
  startOperator(plane, { kubeconfig, flags: ['--log-level', 'info'] });

/** Starts the neighbour's thread; `seen` grows with each of its changes. */
export function startNeighbour(plane: ControlPlane, onSeen: (seen: Seen) => void) {
  const { server, ca, adminToken: token } = plane;
  const workerData: Address = { server, ca, token, namespace: neighbourNamespace, patience };
  const worker = new Worker(fileURLToPath(new URL('neighbour.ts', import.meta.url)), { workerData });
  worker.on('message', onSeen);
  // It can't go on: whoever waits for its next change must hear of it.
  worker.on('error', () => onSeen({ told: 0, live: patience }));
  return { stop: () => worker.terminate() };
}
