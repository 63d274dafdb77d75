/**
 * L4 and S10 of docs/contract.md on a real API server: what an object costs while somebody stands in the way, counted in
 * the audit log; what its status says, within 15 s; that it is whole 65 s after. All states at once, each in a namespace
 * of its own. It prints the table of docs/testing.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { definePolicies, police } from '../faults/policies.ts';
import { limit } from '../faults/quotas.ts';
import {
  createDesk,
  type Desk,
  install,
  type Operator,
  operatorUser,
  type Stored,
  type StoredMap,
  startOperator,
  until,
} from '../operator.ts';
import { suite } from '../suite.ts';

const minute = 60_000;
const capacity = 'OUTBOUND_PORTS_CAPACITY';
const maximum = 'OUTBOUND_PORTS_MAXIMUM';
const ports = { licenses: { outboundPorts: { minimum: 0, maximum: 5 } } };
const zoned = {
  licenses: { outboundPorts: { minimum: 0, maximum: 400 } },
  zones: Array.from({ length: 20 }, (_, n) => ({ name: `z${n}`, licenses: { outboundPorts: 10 } })),
  settleSeconds: 0,
};
const [map, firstZone] = ['pom-licenses', 'pom-licenses-z0'];

type State = {
  readonly name: string;
  readonly what: string;
  readonly spec: object;
  /** Begins it; gives what ends it. */
  readonly begin: (desk: Desk) => Promise<() => unknown>;
  /** Reason of Ready meanwhile, and who or what its message names; undefined: all is well. */
  readonly says: readonly [reason: string, words: RegExp] | undefined;
  /** Begins before the object is there. */
  readonly first?: boolean;
};

/** Does it each time when `isDue`, until it is told to end. */
function again(isDue: () => Promise<boolean>, act: () => Promise<unknown>): () => Promise<void> {
  let going = true;
  const running = (async () => {
    while (going) {
      if (await isDue()) await act().catch(() => {});
      await sleep(100);
    }
  })();
  return async () => {
    going = false;
    await running;
  };
}
const edit = (desk: Desk, name = map) => desk.patchMap(name, { data: { [maximum]: '999' } });
const policed =
  (effect: Parameters<typeof police>[1], name = map) =>
  async (desk: Desk) => {
    await police(desk, effect, true);
    await edit(desk, name).catch(() => desk.removeMap(name));
    return () => police(desk, effect, false);
  };

const states: readonly State[] = [
  { name: 'rest', what: 'at rest', spec: zoned, begin: async () => () => {}, says: undefined },
  {
    name: 'finalizer',
    what: 'a finalizer holds a ConfigMap that is made immutable and edited',
    spec: ports,
    async begin(desk) {
      const finalizers = ['example.com/hold'];
      await desk.patchMap(map, { immutable: true, data: { [maximum]: '999' }, metadata: { finalizers } });
      return () => desk.patchMap(map, { metadata: { finalizers: null } });
    },
    says: ['WriteFailed', /pom-licenses .*being deleted, and example\.com\/hold holds it back/],
  },
  {
    name: 'immutable',
    what: 'a policy makes each ConfigMap immutable, 20 zones',
    spec: zoned,
    begin: policed('make immutable', firstZone),
    says: ['Contested', /pom-licenses\S*: it was made immutable.*policy or webhook/],
  },
  {
    name: 'key',
    what: 'a policy adds a key',
    spec: ports,
    begin: policed('add key'),
    says: ['Contested', /pom-licenses: the key policy of the data was added.*policy or webhook/],
  },
  {
    name: 'number',
    what: 'a policy changes a number',
    spec: ports,
    begin: policed('change number'),
    says: ['Contested', /pom-licenses: the key OUTBOUND_PORTS_MAXIMUM of the data was changed/],
  },
  {
    name: 'refuse',
    what: 'a ValidatingAdmissionPolicy refuses',
    spec: ports,
    async begin(desk) {
      await police(desk, 'refuse', true);
      await desk.removeMap(map);
      return () => police(desk, 'refuse', false);
    },
    says: ['WriteRejected', /no ConfigMaps today/],
  },
  {
    name: 'quota',
    what: 'a quota is exceeded, 20 zones',
    spec: zoned,
    first: true,
    async begin(desk) {
      await limit(desk, 'pom', 3);
      return () => limit(desk, 'pom', undefined);
    },
    says: ['WriteRejected', /exceeded quota/],
  },
  {
    name: 'healer',
    what: 'a second program heals the same ConfigMap',
    spec: ports,
    begin: async (desk) =>
      again(
        async () => (await desk.configMap(map))?.data?.[maximum] === '5',
        () => edit(desk),
      ),
    says: ['Contested', /pom-licenses is changed again after each write, last by \S+ \(key OUTBOUND_PORTS_MAXIMUM\)/],
  },
  {
    name: 'deleter',
    what: 'a program deletes the ConfigMap each time',
    spec: ports,
    begin: async (desk) =>
      again(
        async () => (await desk.configMap(map)) !== undefined,
        () => desk.removeMap(map),
      ),
    says: ['Contested', /pom-licenses is deleted again after each write/],
  },
  {
    name: 'conflict',
    what: "the ConfigMap's name is somebody else's",
    spec: ports,
    first: true,
    async begin(desk) {
      await desk.createMap({ metadata: { name: map }, data: { theirs: '1' } });
      return () => desk.removeMap(map);
    },
    says: ['ConfigMapConflict', /pom-licenses/],
  },
  {
    name: 'status',
    what: 'somebody rewrites the status each time',
    spec: ports,
    async begin(desk) {
      const old = (await desk.get('pom'))?.status;
      const conditions = old?.conditions?.map((one) => ({ ...one, message: 'theirs' }));
      return again(
        async () => (await desk.get('pom'))?.status?.conditions?.[0]?.message !== 'theirs',
        () => desk.patchStatus('pom', { status: { conditions } }),
      );
    },
    says: undefined,
  },
];

let plane: ControlPlane;
let operator: Operator;
const desks = new Map<string, Desk>();
const ends = new Map<string, () => unknown>();
const deskOf = ({ name }: State) => desks.get(name) as Desk;
const each = (what: (state: State, desk: Desk) => Promise<unknown>) =>
  Promise.all(states.map((state) => what(state, deskOf(state))));

const test = suite('brake');
test.before(async () => {
  // One of its own: the shared one has no controller that counts quotas.
  plane = await startControlPlane({ controllers: ['resourcequota-controller'] });
  await install(plane);
  await definePolicies(plane);
  for (const { name } of states) {
    const desk = createDesk(plane, `brake-${name}`);
    await desk.open();
    desks.set(name, desk);
  }
  operator = await startOperator(plane);
});
test.after(async () => {
  for (const end of ends.values()) await end();
  await operator?.stop();
  await plane?.stop();
});

test('S10, T15 the status names what is wrong, and who, within 15 s', async () => {
  await each(async ({ first, spec }, desk) => {
    if (first) return;
    await desk.create('pom', spec);
    await desk.settled('pom');
  });
  await each(async (state, desk) => {
    const { name, spec, begin, says, first } = state;
    ends.set(name, await begin(desk));
    if (first) await desk.create('pom', spec);
    if (!says) return;
    const [reason, words] = says;
    let stored: Stored | undefined;
    await until(
      `${name}: Ready and Applied are False, ${reason}, and the message names it`,
      async () => {
        stored = await desk.get('pom');
        const [ready, applied] = ['Ready', 'Applied'].map((type) => desk.conditionOf(stored, type));
        const isFalse = ready?.status === 'False' && applied?.status === 'False';
        return isFalse && ready.reason === reason && words.test(ready.message);
      },
      15_000,
      () => JSON.stringify(stored?.status?.conditions, null, 1),
    );
  });
});

test('L4 a minute costs at most 30 requests, whatever state it is in', async () => {
  // The first pass has one write for each ConfigMap that drifted.
  const since = plane.audit().mark();
  await sleep(90_000);
  const sent = await plane
    .audit()
    .since(
      since,
      ({ user, stage, verb }) =>
        user.username === operatorUser && stage === 'ResponseComplete' && !['list', 'watch'].includes(verb),
    );
  const rows = states.map(({ name, what }) => {
    const times = sent
      .filter(({ objectRef }) => objectRef?.namespace === `brake-${name}`)
      .filter(({ objectRef }) => !['events', 'leases'].includes(objectRef?.resource ?? ''))
      .map(({ requestReceivedTimestamp }) => Date.parse(requestReceivedTimestamp));
    const most = Math.max(0, ...times.map((at) => times.filter((one) => one >= at && one < at + minute).length));
    return { what, most };
  });
  console.log(
    [
      '| state | most requests in 60 s |',
      '| --- | --- |',
      ...rows.map(({ what, most }) => `| ${what} | ${most} |`),
    ].join('\n'),
  );
  assert.equal(
    rows.filter(({ most }) => most > 30),
    [],
  );
  assert.is(rows[0]?.most, 0, 'at rest nothing is asked');
});

test('L1 whole 65 s after it has ended', async () => {
  await each(async ({ name }) => {
    await ends.get(name)?.();
    ends.delete(name);
  });
  await each(async ({ name }, desk) => {
    let stored: Stored | undefined;
    let one: StoredMap | undefined;
    await until(
      `${name}: whole again`,
      async () => {
        [stored, one] = [await desk.get('pom'), await desk.configMap(map)];
        const isRight = one?.data?.[capacity] !== '999' && one?.data?.[maximum] !== '999' && !one?.immutable;
        const ready = desk.conditionOf(stored, 'Ready');
        return isRight && ready?.status === 'True' && ready.message !== 'theirs';
      },
      65_000,
      () => JSON.stringify([stored?.status?.conditions, one], null, 1),
    );
  });
});

test('R10.1 Restored names the field manager that changed a ConfigMap', async () => {
  const desk = desks.get('rest') as Desk;
  await plane.kubectl([
    '-n',
    desk.namespace,
    'patch',
    'configmap',
    map,
    '--type=merge',
    '-p',
    '{"data":{"EXTRA":"1"}}',
  ]);
  let notes: string[] = [];
  await until(
    'the event names kubectl',
    async () => {
      const { stdout } = await plane.kubectl(['-n', desk.namespace, 'get', 'events.events.k8s.io', '-o', 'json']);
      const { items } = JSON.parse(stdout) as { items: { reason: string; note: string }[] };
      notes = items.flatMap(({ reason, note }) => (reason === 'Restored' ? note : []));
      return notes.some((note) => note.startsWith(`ConfigMap ${map} was changed by kubectl-patch (key EXTRA)`));
    },
    20_000,
    () => notes.join('\n'),
  );
});
