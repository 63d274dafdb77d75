/** The condition table of docs/contract.md, T9 to T20, row by row, on the real API server; kstatus, Argo CD and `kubectl wait` judge too. */
import * as assert from 'uvu/assert';
import { writes } from '../controlplane/audit.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import {
  createDesk,
  type Desk,
  install,
  type Operator,
  operatorUser,
  startOperator,
  until,
  withoutRules,
} from '../operator.ts';
import { suite } from '../suite.ts';
import { argoHealthOf, kstatusOf } from '../support/kstatus.ts';

/** A step towards a situation, for the object of this name. */
type Step = (name: string) => Promise<unknown>;

type Row = {
  readonly situation: string;
  readonly how: readonly Step[];
  /** Status and reason; empty: there is no such condition. */
  readonly Valid: 'True Valid' | 'False Invalid' | '';
  readonly Applied: string;
  readonly Ready: string;
  readonly also?: 'Stalled' | 'Reconciling';
  readonly kstatus: 'Current' | 'InProgress' | 'Failed' | 'Terminating';
  readonly argo: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended';
  /** For which of Ready, Applied and Stalled `kubectl wait` ends well; it runs out of time for the others. */
  readonly waits: string;
  /** What <name>-licenses holds: the outbound ports that a dialer obeys; foreign: what someone else put there. */
  readonly map: '500' | '700' | 'zones' | 'foreign' | 'none';
  /** The generation that was judged; without it the newest one. */
  readonly judged?: number;
  /** What the message of Ready says, in this order. */
  readonly says?: readonly string[];
};

let plane: ControlPlane;
let operator: Operator | undefined;
let desk: Desk;

const outboundPorts = { minimum: 100, maximum: 500 };
const mapOf = (name: string) => `${name}-licenses`;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const operatorUp = async () => {
  operator ??= await startOperator(plane);
};
const operatorDown = async () => {
  await operator?.stop();
  operator = undefined;
};

const create =
  (more: object = {}): Step =>
  (name) =>
    desk.create(name, { licenses: { outboundPorts }, ...more });
const change =
  (spec: object): Step =>
  (name) =>
    desk.patch(name, { spec });
const more = { licenses: { outboundPorts: { maximum: 700 } } };

/** Generation 1 is live, with 500 ports. */
const live: Step = async (name) => {
  await create()(name);
  await desk.settled(name);
};
/** Generation 2, with 700 ports, is saved and waits for its approval. */
const saveMore: Step = async (name) => {
  await change({ ...more, applyPolicy: 'Manual' })(name);
  await desk.waitFor(name, 'Applied', 'False', 'ApplyPending');
};
const approve: Step = async (name) => {
  const annotations = { 'licensing.dialer.dev/apply': (await desk.get(name))?.status?.pending?.settingsHash };
  await desk.patch(name, { metadata: { annotations } });
};

const wrong = { licenses: { outboundPorts: { minimum: 900, maximum: 800 } } };
/** As an older CRD lets it happen. */
const createInvalid: Step = (name) => withoutRules(plane, () => create(wrong)(name));
const invalidate: Step = async (name) => {
  await withoutRules(plane, () => change(wrong)(name));
  if (operator) await desk.waitFor(name, 'Valid', 'False', 'Invalid');
};

const foreignMap: Step = (name) => desk.createMap({ metadata: { name: mapOf(name) }, data: { mine: 'yes' } });
/** Someone takes the ConfigMap over: nothing on it tells that it was ours. */
const takeMap: Step = async (name) => {
  await desk.removeMap(mapOf(name));
  await foreignMap(name);
};
const deleteMap: Step = (name) => desk.removeMap(mapOf(name));
const mapIsBack: Step = (name) =>
  until('the ConfigMap is there again', async () => (await desk.configMap(mapOf(name))) !== undefined);

const finalizer = 'test.dialer.dev/hold';
/** Where the audit log stood when something held the deletion of an object back. */
const deletedAt = new Map<string, number>();
const deleteHeld: Step = async (name) => {
  await desk.patch(name, { metadata: { finalizers: [finalizer] } });
  await desk.remove(name);
  deletedAt.set(name, plane.audit().mark());
};
/** What the operator wrote of an object, or of its ConfigMap, since its deletion. */
async function writtenSince(mark: number, name: string) {
  const events = await plane.audit().since(mark);
  return writes(events, operatorUser).filter(({ objectRef }) => [name, mapOf(name)].includes(objectRef?.name ?? ''));
}
/** Time enough for a write that must not happen. */
const wait: Step = () => pause(1_500);

/** Where an admission rule of the API server holds: the ConfigMaps of one object, and those of probes. */
const concerns = (name: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': desk.namespace } },
  condition: { name: 'of-one-object', expression: `object.metadata.name.startsWith('${mapOf(name)}')` },
});
const configMapWrites = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources: ['configmaps'],
};
const admission = '/apis/admissionregistration.k8s.io/v1';
/** What was set up outside of the namespace: taken away in the end. */
const outside: string[] = [];
async function setUp(kind: string, resource: string, name: string, body: object): Promise<void> {
  const metadata = { name: `${desk.namespace}-${name}` };
  const path = `${admission}/${resource}`;
  outside.push(`${path}/${metadata.name}`);
  const { code, json } = await desk.request('POST', path, {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata },
    ...body,
  });
  assert.is(code, 201, JSON.stringify(json));
}
/** Waits until writes of its ConfigMap are answered with this code. */
const answered = (name: string, expected: number) => {
  const path = `/api/v1/namespaces/${desk.namespace}/configmaps?dryRun=All`;
  let code = 0;
  return until(
    `the API server answers ${expected}`,
    async () => {
      code = (await desk.request('POST', path, { metadata: { name: `${mapOf(name)}-probe` } })).code;
      return code === expected;
    },
    30_000,
    () => `it answers ${code}`,
  );
};

const refusals = { 403: 'Forbidden', 413: 'RequestEntityTooLarge', 422: 'Invalid' } as const;
/** A policy of the cluster refuses its ConfigMap. */
const refuse =
  (code: keyof typeof refusals): Step =>
  async (name) => {
    const { namespaceSelector, condition } = concerns(name);
    await setUp('ValidatingAdmissionPolicy', 'validatingadmissionpolicies', name, {
      spec: {
        matchConstraints: { namespaceSelector, resourceRules: [configMapWrites] },
        matchConditions: [condition],
        validations: [{ expression: 'false', message: 'not today', reason: refusals[code] }],
      },
    });
    await setUp('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', name, {
      spec: { policyName: `${desk.namespace}-${name}`, validationActions: ['Deny'] },
    });
    await answered(name, code);
  };
/** A webhook that nobody answers, before its ConfigMap: 500. */
const breakWrites: Step = async (name) => {
  const { namespaceSelector, condition } = concerns(name);
  await setUp('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', name, {
    webhooks: [
      {
        name: 'nobody.dialer.dev',
        clientConfig: { url: 'https://127.0.0.1:1/' },
        rules: [configMapWrites],
        ...{ namespaceSelector, matchConditions: [condition] },
        ...{ failurePolicy: 'Fail', sideEffects: 'None', admissionReviewVersions: ['v1'], timeoutSeconds: 1 },
      },
    ],
  });
  await answered(name, 500);
};
const writeFailed: Step = (name) =>
  (operator as Operator).logged(
    ({ key, result }) => key === `${desk.namespace}/${name}` && result === 'retry',
    'a write fails',
  );

const table: readonly Row[] = [
  {
    situation: 'T9 being deleted',
    how: [live, deleteHeld, deleteMap, wait],
    ...{ Valid: 'True Valid', Applied: 'True Applied', Ready: 'True Applied', judged: 1 },
    ...{ kstatus: 'Terminating', argo: 'Progressing', waits: '', map: 'none' },
  },
  {
    situation: 'T9 being deleted, and changed',
    how: [live, deleteHeld, change(more), wait],
    ...{ Valid: 'True Valid', Applied: 'True Applied', Ready: 'True Applied', judged: 1 },
    ...{ kstatus: 'Terminating', argo: 'Progressing', waits: '', map: '500' },
  },
  {
    situation: 'T10 not judged yet, observedGeneration -1',
    how: [operatorDown, create()],
    ...{ Valid: '', Applied: '', Ready: '', judged: -1 },
    ...{ kstatus: 'InProgress', argo: 'Progressing', waits: '', map: 'none' },
  },
  {
    situation: 'T10 not judged yet, a new generation over older settings live',
    how: [live, operatorDown, change(more)],
    ...{ Valid: 'True Valid', Applied: 'True Applied', Ready: 'True Applied', judged: 1 },
    ...{ kstatus: 'InProgress', argo: 'Progressing', waits: '', map: '500' },
  },

  {
    situation: 'T11 suspended, live = newest',
    how: [live, change({ suspend: true })],
    ...{ Valid: 'True Valid', Applied: 'True Applied', Ready: 'True Suspended' },
    ...{ kstatus: 'Current', argo: 'Suspended', waits: 'Ready Applied', map: '500' },
    says: ['spec.suspend is true', 'the settings of generation 1 are live'],
  },
  {
    situation: 'T11 suspended, nothing live',
    how: [create({ suspend: true })],
    ...{ Valid: 'True Valid', Applied: 'False Suspended', Ready: 'True Suspended' },
    ...{ kstatus: 'Current', argo: 'Suspended', waits: 'Ready', map: 'none' },
    says: ['spec.suspend is true', 'nothing is live yet'],
  },
  {
    situation: 'T11 suspended, older settings live',
    how: [live, change({ ...more, suspend: true })],
    ...{ Valid: 'True Valid', Applied: 'False Suspended', Ready: 'True Suspended' },
    ...{ kstatus: 'Current', argo: 'Suspended', waits: 'Ready', map: '500' },
    says: ['spec.suspend is true', 'the settings of generation 1 stay live'],
  },
  {
    situation: 'T11 suspended and invalid',
    how: [live, change({ suspend: true }), invalidate],
    ...{ Valid: 'False Invalid', Applied: 'False Suspended', Ready: 'True Suspended' },
    ...{ kstatus: 'Current', argo: 'Suspended', waits: 'Ready', map: '500' },
    says: ['spec.suspend is true', 'the spec has 1 error', 'the settings of generation 1 stay live'],
  },
  {
    situation: 'T11 suspended and pending',
    how: [live, change({ ...more, applyPolicy: 'Manual', suspend: true })],
    ...{ Valid: 'True Valid', Applied: 'False Suspended', Ready: 'True Suspended' },
    ...{ kstatus: 'Current', argo: 'Suspended', waits: 'Ready', map: '500' },
    says: ['spec.suspend is true', 'generation 2 is saved', 'the settings of generation 1 stay live'],
  },

  {
    situation: 'T12 invalid, nothing live',
    how: [createInvalid],
    ...{ Valid: 'False Invalid', Applied: 'False Invalid', Ready: 'False Invalid', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'none' },
    says: ['the spec has 1 error: spec.licenses.outboundPorts.minimum', 'nothing is live yet'],
  },
  {
    situation: 'T12 invalid, older settings live',
    how: [live, invalidate],
    ...{ Valid: 'False Invalid', Applied: 'False Invalid', Ready: 'False Invalid', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: '500' },
    says: ['the spec has 1 error', 'the settings of generation 1 stay live'],
  },
  {
    situation: 'T12, R1.1 invalid, and the ConfigMap deleted: it is rebuilt',
    how: [live, invalidate, deleteMap, mapIsBack],
    ...{ Valid: 'False Invalid', Applied: 'False Invalid', Ready: 'False Invalid', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: '500' },
    says: ['the spec has 1 error', 'the settings of generation 1 stay live'],
  },
  {
    situation: 'T12 invalid, Manual, and an older save was pending',
    how: [live, saveMore, invalidate],
    ...{ Valid: 'False Invalid', Applied: 'False Invalid', Ready: 'False Invalid', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: '500' },
    says: ['the spec has 1 error', 'the settings of generation 1 stay live'],
  },
  {
    situation: "T12 invalid, and the ConfigMap is someone else's",
    how: [live, operatorDown, takeMap, invalidate, operatorUp],
    ...{ Valid: 'False Invalid', Applied: 'False Invalid', Ready: 'False Invalid', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'foreign' },
    says: ['the spec has 1 error', 'belongs to someone else', 'the settings of generation 1 were applied last'],
  },
  {
    situation: 'T12 invalid, and the API server refuses to rebuild the ConfigMap',
    how: [live, invalidate, refuse(403), deleteMap],
    ...{ Valid: 'False Invalid', Applied: 'False Invalid', Ready: 'False Invalid', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'none' },
    says: ['the spec has 1 error', 'the API server refuses the write', 'of generation 1 were applied last'],
  },

  {
    situation: "T13 a ConfigMap of that name is someone else's, nothing live",
    how: [foreignMap, create()],
    ...{ Valid: 'True Valid', Applied: 'False ConfigMapConflict', Ready: 'False ConfigMapConflict', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'foreign' },
    says: ['belongs to someone else', 'nothing is live yet'],
  },
  {
    situation: "T13 a ConfigMap of that name is someone else's, which was ours",
    how: [live, operatorDown, takeMap, operatorUp],
    ...{ Valid: 'True Valid', Applied: 'False ConfigMapConflict', Ready: 'False ConfigMapConflict', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'foreign' },
    says: ['belongs to someone else', 'the settings of generation 1 were applied last'],
  },
  {
    situation: "T13 a ConfigMap of that name is someone else's, and a save is pending",
    how: [live, saveMore, operatorDown, takeMap, operatorUp],
    ...{ Valid: 'True Valid', Applied: 'False ConfigMapConflict', Ready: 'False ConfigMapConflict', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'foreign' },
    says: ['belongs to someone else', 'generation 2 is saved', 'the settings of generation 1 were applied last'],
  },

  {
    situation: 'T14 the API server refuses the write (403), nothing live',
    how: [refuse(403), create()],
    ...{ Valid: 'True Valid', Applied: 'False WriteRejected', Ready: 'False WriteRejected', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'none' },
    says: ['the API server refuses the write', '403', 'not today', 'nothing is live yet'],
  },
  {
    situation: 'T14 the API server refuses the write (413), nothing live',
    how: [refuse(413), create()],
    ...{ Valid: 'True Valid', Applied: 'False WriteRejected', Ready: 'False WriteRejected', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'none' },
    says: ['the API server refuses the write', '413', 'not today', 'nothing is live yet'],
  },
  {
    situation: 'T14 the API server refuses the write (422), older settings live',
    how: [live, refuse(422), change(more)],
    ...{ Valid: 'True Valid', Applied: 'False WriteRejected', Ready: 'False WriteRejected', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: '500' },
    says: ['the API server refuses the write', '422', 'not today', 'of generation 1 were applied last'],
  },
  {
    situation: 'T14 the API server refuses to rebuild the ConfigMap, and a save is pending',
    how: [live, saveMore, refuse(403), deleteMap],
    ...{ Valid: 'True Valid', Applied: 'False WriteRejected', Ready: 'False WriteRejected', also: 'Stalled' },
    ...{ kstatus: 'Failed', argo: 'Degraded', waits: 'Stalled', map: 'none' },
    says: ['the API server refuses the write', 'generation 2 is saved', 'of generation 1 were applied last'],
  },

  {
    situation: 'T7 other write failure for less than 10 s: as it was',
    how: [live, breakWrites, change(more), writeFailed],
    ...{ Valid: 'True Valid', Applied: 'True Applied', Ready: 'True Applied', judged: 1 },
    ...{ kstatus: 'InProgress', argo: 'Progressing', waits: '', map: '500' },
  },
  {
    situation: 'T16 other write failure for more than 10 s, nothing live',
    how: [breakWrites, create()],
    ...{ Valid: 'True Valid', Applied: 'False WriteFailed', Ready: 'False WriteFailed', also: 'Reconciling' },
    ...{ kstatus: 'InProgress', argo: 'Progressing', waits: '', map: 'none' },
    says: ['the write fails', '500', 'nothing is live yet'],
  },
  {
    situation: 'T16 other write failure for more than 10 s, and a save is pending',
    how: [live, saveMore, breakWrites, deleteMap],
    ...{ Valid: 'True Valid', Applied: 'False WriteFailed', Ready: 'False WriteFailed', also: 'Reconciling' },
    ...{ kstatus: 'InProgress', argo: 'Progressing', waits: '', map: 'none' },
    says: ['the write fails', 'generation 2 is saved', 'the settings of generation 1 were applied last'],
  },

  {
    situation: 'T17 a plan is under way',
    how: [live, change({ zones: [{ name: 'emea', licenses: { outboundPorts: 500 } }], settleSeconds: 600 })],
    ...{ Valid: 'True Valid', Applied: 'False Settling', Ready: 'False Settling', also: 'Reconciling' },
    ...{ kstatus: 'InProgress', argo: 'Progressing', waits: '', map: 'zones' },
    says: ['the settings of generation 2 are on their way', 'the settings of generation 1 stay live'],
  },

  {
    situation: 'T18 Manual, not approved, nothing live',
    how: [create({ applyPolicy: 'Manual' })],
    ...{ Valid: 'True Valid', Applied: 'False ApplyPending', Ready: 'False ApplyPending' },
    ...{ kstatus: 'InProgress', argo: 'Suspended', waits: '', map: 'none' },
    says: ['generation 1 is saved', 'nothing is live yet'],
  },
  {
    situation: 'T19 Manual, not approved, older settings live',
    how: [live, saveMore],
    ...{ Valid: 'True Valid', Applied: 'False ApplyPending', Ready: 'True ApplyPending' },
    ...{ kstatus: 'Current', argo: 'Suspended', waits: 'Ready', map: '500' },
    says: ['generation 2 is saved', 'the settings of generation 1 stay live'],
  },

  {
    situation: 'T20 live = newest',
    how: [create()],
    ...{ Valid: 'True Valid', Applied: 'True Applied', Ready: 'True Applied' },
    ...{ kstatus: 'Current', argo: 'Healthy', waits: 'Ready Applied', map: '500' },
    says: ['the settings of generation 1 are live'],
  },
  {
    situation: 'T20 live = newest, by an approval',
    how: [live, saveMore, approve],
    ...{ Valid: 'True Valid', Applied: 'True Applied', Ready: 'True Applied' },
    ...{ kstatus: 'Current', argo: 'Healthy', waits: 'Ready Applied', map: '700' },
    says: ['the settings of generation 2 are live'],
  },
];

const test = suite('conditions');
test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
  desk = createDesk(plane, 'conditions');
  await desk.open();
  await Promise.all([kstatusOf([]), argoHealthOf([])]); // built before anything is timed
});
test.after(async () => {
  await operatorDown();
  for (const path of outside) await desk.request('DELETE', path);
  for (const name of deletedAt.keys()) await desk.patch(name, { metadata: { finalizers: null } }).catch(() => {});
  await desk?.close();
  await plane?.stop();
});

const nameOf = (row: Row) => `row-${table.indexOf(row) + 1}`;

for (const row of table) {
  test(nameFor(row), async () => {
    const name = nameOf(row);
    await operatorUp();
    for (const step of row.how) await step(name);
    const { status, metadata } = await reached(row, name);
    const judged = row.judged ?? metadata.generation;
    assert.is(status?.observedGeneration, judged);
    for (const { type, observedGeneration } of status?.conditions ?? []) assert.is(observedGeneration, judged, type);

    const [verdict] = await kstatusOf([await desk.get(name)]);
    assert.is(verdict?.status, row.kstatus, verdict?.message);
    const [health] = await argoHealthOf([await desk.get(name)]);
    assert.is(health?.status, row.argo, health?.message);
    const types = ['Ready', 'Applied', 'Stalled'];
    const ended = await Promise.all(types.map((type) => kubectlWait(name, type)));
    assert.is(types.filter((_, index) => ended[index]).join(' '), row.waits, 'kubectl wait');

    const map = await desk.configMap(mapOf(name));
    assert.is(
      map ? (map.data?.['OUTBOUND_PORTS_CAPACITY'] ?? (map.data?.['licenses.json'] ? 'zones' : 'foreign')) : 'none',
      row.map,
      'the ConfigMap',
    );
    const { metadata: after } = (await desk.get(name)) ?? {};
    assert.is(after?.resourceVersion, metadata.resourceVersion, 'a status that says nothing new is not written');
    const mark = deletedAt.get(name);
    if (mark !== undefined) assert.equal(await writtenSince(mark, name), [], 'nothing is written');
  });
}

/** Waits until the status of an object is what the row says, in every condition and word. */
async function reached(row: Row, name: string) {
  const expected = conditionsOf(row);
  let stored: Awaited<ReturnType<Desk['get']>>;
  const seen = () => {
    const conditions = stored?.status?.conditions ?? [];
    return conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`).join(', ');
  };
  await until(
    `${name} has ${expected}`,
    async () => {
      stored = await desk.get(name);
      const { observedGeneration } = stored?.status ?? {};
      const message = desk.conditionOf(stored, 'Ready')?.message ?? '';
      return (
        observedGeneration === (row.judged ?? stored?.metadata.generation) &&
        seen() === expected &&
        inOrder(message, row.says ?? [])
      );
    },
    30_000,
    () => `${seen()}\n${JSON.stringify(stored?.status, null, 1)}`,
  );
  if (!stored) throw new Error(`${name} is gone`);
  return stored;
}

function conditionsOf({ Valid, Applied, Ready, also }: Row): string {
  const all = { Ready, Valid, Applied, ...(also ? { [also]: `True ${Ready.split(' ')[1]}` } : {}) };
  return Object.entries(all)
    .filter(([, is]) => is !== '')
    .map(([type, is]) => `${type}=${is}`)
    .join(', ');
}

function inOrder(message: string, words: readonly string[]): boolean {
  let from = 0;
  return words.every((word) => {
    const at = message.indexOf(word, from);
    from = at + word.length;
    return at >= 0;
  });
}

/** Whether `kubectl wait` finds the condition true: exit code 0; it must be 1 when its time is up. */
async function kubectlWait(name: string, type: string): Promise<boolean> {
  const args = ['-n', desk.namespace, 'wait', `--for=condition=${type}`, `lics/${name}`, '--timeout=1s'];
  const { code, stderr } = await plane.kubectl(args, { allowFailure: true });
  if (code !== 0) {
    assert.is(code, 1, stderr);
    assert.match(stderr, 'timed out waiting for the condition');
  }
  return code === 0;
}

function nameFor({ situation, Valid, Applied, Ready, also, kstatus, argo, waits, judged }: Row): string {
  const conditions =
    judged === undefined
      ? [`Valid ${Valid.split(' ')[0]}`, `Applied ${Applied}`, `Ready ${Ready}`, also].filter(Boolean).join(', ')
      : 'untouched';
  return `${situation}: ${conditions}; kstatus ${kstatus}; Argo CD ${argo}; kubectl wait: ${waits || 'none'}`;
}
