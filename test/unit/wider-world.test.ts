/** The judges of several namespaces, of what the status says (S10) and of what an object costs (L4); and who acts there. */
import * as assert from 'uvu/assert';
import { createCostJudge } from '../contract/costs.ts';
import type { Revision, Stored } from '../contract/revision.ts';
import { createSafetyJudges } from '../contract/safety/namespaces.ts';
import { createTruthJudge } from '../contract/truth.ts';
import { contentOf } from '../simulation/costs.ts';
import type { Stored as SimulatedStored } from '../simulation/server.ts';
import { suite } from '../suite.ts';
import { type Action, carryOut, drawActions } from '../support/actions.ts';
import { actFor, isActor } from '../support/actors.ts';
import { createRandom } from '../support/random.ts';
import { createTinyWorld } from '../support/tiny-world.ts';

const test = suite('wider world');
const spec = { licenses: { outboundPorts: { minimum: 0, maximum: 5 } } };
const create: Action = { do: 'create', name: 'pom', what: '', spec };

/** What happens when an object is created and the operator is right. */
async function history(): Promise<{ steps: Revision[]; world: ReturnType<typeof createTinyWorld> }> {
  const steps: Revision[] = [];
  const world = createTinyWorld((revision) => steps.push(revision));
  await carryOut(create, world.desk);
  await world.converge();
  return { steps, world };
}
const { steps } = await history();
const written = steps.find(({ kind, by }) => kind === 'ConfigMap' && by === 'operator') as Revision;
const isSettings = ({ kind }: Revision) => kind === 'LicenseSettings';
const finalStatus = steps.findLast(isSettings) as Revision;

const elsewhere = (revision: Revision, change: Partial<Revision> = {}): Revision => ({
  ...revision,
  ...change,
  object: { ...revision.object, metadata: { ...revision.object.metadata, namespace: 'copies' } },
});
const verdictOn = (revisions: readonly Revision[]) => {
  const judges = createSafetyJudges();
  for (const one of revisions) judges.take(one);
  judges.finish();
  return judges.violations;
};

test('S6: what the operator writes or deletes in a namespace that holds no object of that uid', () => {
  assert.equal(verdictOn(steps), []);
  const copy = elsewhere(written, { by: 'other' });
  assert.equal(verdictOn([...steps, copy]), [], "a copy that somebody made is nobody's fault");
  for (const wrong of [
    [elsewhere(written)],
    [copy, elsewhere(written, { type: 'MODIFIED' })],
    [copy, elsewhere(written, { type: 'DELETED' })],
  ])
    assert.match(verdictOn([...steps, ...wrong]).join('\n'), /^copies: revision .*: S6: /);
});

test('C1 objects of the same name in two namespaces are judged apart', () => {
  const twice = [...steps, ...steps.map((one) => elsewhere(one))];
  assert.equal(verdictOn(twice), []);
  const judges = createSafetyJudges();
  for (const one of twice) judges.take(one);
  assert.is(judges.judged, twice.length);
  assert.is(judges.of('copies').judged, steps.length);
});

test('a deletion that a finalizer holds is judged when the operator asks for it', () => {
  const marked = (revision: Revision): Revision => ({
    ...{ ...revision, type: 'MODIFIED' },
    object: {
      ...revision.object,
      metadata: { ...revision.object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    },
  });
  assert.match(verdictOn([...steps, marked(written)]).join('\n'), /: S1: it is deleted, but wanted by/);
  const immutable: Revision = {
    ...written,
    type: 'MODIFIED',
    by: 'other',
    object: { ...written.object, immutable: true },
  };
  const asked = marked({ ...immutable, by: 'operator' });
  const gone: Revision = { ...asked, type: 'DELETED', by: 'other' };
  assert.equal(verdictOn([...steps, immutable, asked, gone, { ...written, type: 'ADDED' }]), []);
});

test('the store goes back: the judges know what they knew then, and what may still come of what is lost', () => {
  const judges = createSafetyJudges({ mayGoBack: true });
  for (const one of steps) judges.take(one);
  judges.settled();
  const later = (revision: Revision, change: (object: Stored) => Stored = (object) => object): Revision => {
    const object = change(structuredClone(revision.object));
    return { ...revision, object: { ...object, metadata: { ...object.metadata, resourceVersion: '900' } } };
  };
  judges.take(later({ ...written, type: 'DELETED', by: 'other' }));
  judges.wentBack(Number(finalStatus.object.metadata.resourceVersion));
  // It is there, as if it had never been deleted: whoever writes it for an object that is there does no wrong.
  judges.take(later({ ...written, type: 'MODIFIED' }));
  assert.equal(judges.violations, []);
  judges.wentBack(0);
  judges.take(later(written));
  assert.equal(judges.violations, [], 'the object is lost, and nobody knows it yet');
  judges.take(later({ ...written, type: 'MODIFIED' }));
  assert.match(judges.violations.join('\n'), /S6: its owner-uid/);
});

/** S10, with the contents of the ConfigMap at each moment; undefined: as wanted. A look each second. */
function untruths(seconds: number, dataAt: (second: number) => Stored['data'] | undefined, excused = -1): string[] {
  const judge = createTruthJudge();
  judge.take(written, 0);
  judge.take(finalStatus, 0);
  const found: string[] = [];
  for (let second = 0; second < seconds; second++) {
    const data = dataAt(second) ?? written.object.data ?? {};
    judge.take({ ...written, type: 'MODIFIED', object: { ...written.object, data } }, second * 1000);
    found.push(...judge.look(second * 1000, () => second === excused));
  }
  return found;
}

test('S10: Ready for longer than 15 s while a ConfigMap holds something else', () => {
  const raised = { ...written.object.data, OUTBOUND_PORTS_CAPACITY: '6' };
  assert.equal(
    untruths(60, () => undefined),
    [],
  );
  assert.equal(
    untruths(15, () => raised),
    [],
  );
  assert.match(untruths(40, () => raised).join('\n'), /^pom: S10: for 16.0 s .*CAPACITY/);
  assert.is(untruths(100, () => raised).length, 1, 'told once');
  assert.equal(
    untruths(30, () => raised, 14),
    [],
    'nobody could look at it until then',
  );
  assert.equal(
    untruths(60, (second) => (second % 10 < 7 ? raised : undefined)),
    [],
    'each time whole again',
  );
});

test('S10: labels, the owner and `immutable` are part of what is wanted', () => {
  const look = (change: Partial<Stored> & { readonly less?: Partial<Stored['metadata']> }) => {
    const judge = createTruthJudge();
    judge.take(finalStatus, 0);
    const { less, ...more } = change;
    const object = { ...written.object, ...more, metadata: { ...written.object.metadata, ...less } };
    judge.take({ ...written, object }, 0);
    return judge.look(60_000, () => false).join();
  };
  assert.is(look({}), '');
  assert.match(look({ immutable: true }), /S10: .* is immutable/);
  assert.match(look({ less: { labels: {} } }), /S10: .* lacks the label/);
  assert.match(look({ less: { ownerReferences: [] } }), /S10: .* lacks its owner/);
});

test('S10: right for a moment only, between two who undo each other, is not right', () => {
  const raised = { ...written.object.data, OUTBOUND_PORTS_CAPACITY: '6' };
  assert.match(untruths(60, (second) => (second % 3 < 2 ? raised : undefined)).join('\n'), /S10: .*again and again/);
});

test('S10: who says that it is not so tells the truth; so does who is suspended, or whose status others wrote', () => {
  const data = { mine: 'too' };
  const look = (change: (object: Stored) => Stored, ...later: Revision[]) => {
    const judge = createTruthJudge();
    judge.take({ ...finalStatus, object: change(structuredClone(finalStatus.object)) }, 0);
    judge.take({ ...written, object: { ...written.object, data } }, 0);
    for (const one of later) judge.take(one, 0);
    return judge.look(60_000, () => false).length;
  };
  assert.is(
    look((object) => object),
    1,
  );
  assert.is(
    look((object) => ({ ...object, spec: { ...spec, suspend: true } })),
    0,
  );
  const untrue = (object: Stored) => {
    for (const one of object.status?.conditions ?? []) Object.assign(one, { status: 'False' });
    return object;
  };
  assert.is(look(untrue), 0);
  // The same words, with another time.
  const theirs: Revision = { ...finalStatus, by: 'other', object: structuredClone(finalStatus.object) };
  Object.assign(theirs.object.status?.applied ?? {}, { time: '2020-01-01T00:00:00Z' });
  assert.is(
    look((object) => object, theirs),
    0,
  );
  assert.is(
    look((object) => object, theirs, finalStatus),
    1,
  );
});

test('L4: 30 requests a minute that repeat others, and no more; what people change begins anew', () => {
  const count = (each: number, changedAt = -1, by = (_: number) => 'one') => {
    const judge = createCostJudge();
    const found: string[] = [];
    for (let n = 0; n < 100; n++) {
      if (n === changedAt) judge.changed('pom');
      found.push(...[judge.request({ object: 'pom', by: by(n), what: 'PUT it', at: n * each }) ?? []].flat());
    }
    return found;
  };
  assert.equal(count(2_100), []);
  assert.match(count(1_900).join('\n'), /^pom: L4: 31 requests .*31 × PUT it/);
  assert.is(count(100).length, 1, 'told once');
  assert.is(count(1_900, 20).length, 1);
  assert.equal(
    count(100, -1, (n) => `process ${n % 4}`),
    [],
    'who begins anew may ask once more',
  );
  // Who is not answered comes back every few seconds, and no more often.
  const inVain = (each: number) => {
    const failing = createCostJudge();
    return Array.from({ length: 200 }, (_, n) => {
      failing.failed('pom', 'one', n * each);
      return failing.request({ object: 'pom', by: 'one', what: 'PUT it', at: n * each });
    }).find(Boolean);
  };
  assert.is(inVain(700), undefined);
  assert.match(inVain(500) ?? '', /L4: 91 requests/);
  const judge = createCostJudge();
  for (let n = 0; n < 100; n++)
    assert.is(
      judge.request({ object: 'pom', by: 'one', what: `PUT zone ${n}`, at: n }),
      undefined,
      'each write of a plan',
    );
});

test('L4: what differs each time is bounded too, and words and terms are no difference', () => {
  const judge = createCostJudge();
  const ask = (n: number, target: string) =>
    judge.request({ object: 'pom', by: 'one', what: `${target} {"counter":${n}}`, target, at: n });
  const found = Array.from({ length: 100 }, (_, n) => ask(n, `PUT zone ${n % 4}`)).find(Boolean);
  assert.match(found ?? '', /^pom: L4: 35 requests for 4 things within 60 s/);
  const body = (message: string, epoch: string) => ({
    ...(written.object as object as SimulatedStored),
    status: { conditions: [{ type: 'Ready', message }] },
    metadata: { ...written.object.metadata, annotations: { 'licensing.dialer.dev/epoch': epoch } },
  });
  assert.is(contentOf(body('once', 'one') as SimulatedStored), contentOf(body('twice', 'two') as SimulatedStored));
});

test('copies carry what they are told to, and a forged one is a record by every hash', async () => {
  const { world } = await history();
  const copies: Stored[] = [];
  const there = {
    ...world.desk,
    get: async () => undefined,
    create: async (_: string, object: object) => copies.push(object as Stored),
  };
  const desk = { ...world.desk, in: () => there as unknown as typeof world.desk };
  const copy = (more: object): Action => ({
    do: 'copy',
    map: 'pom-licenses',
    to: 'copies',
    without: [],
    change: 'none',
    ...more,
  });
  for (const more of [
    {},
    { without: ['owners', 'labels'] },
    { change: 'zero' },
    { change: 'raise' },
    { change: 'forge' },
  ])
    assert.is(await carryOut(copy(more), desk), 'done');
  const [whole, bare, , raised, forged] = copies as [Stored, Stored, Stored, Stored, Stored];
  assert.equal(whole.data, written.object.data);
  assert.is(whole.metadata.ownerReferences?.length, 1);
  assert.is(bare.metadata.ownerReferences, undefined);
  assert.is(bare.metadata.labels?.['licensing.dialer.dev/settings'], undefined);
  assert.is(raised.data?.['OUTBOUND_PORTS_CAPACITY'] === '6' || raised.data?.['OUTBOUND_PORTS_MAXIMUM'] === '6', true);
  assert.is(forged.data?.['OUTBOUND_PORTS_CAPACITY'], '999999');
  assert.is(forged.metadata.annotations?.['licensing.dialer.dev/generation'], '2');
});

test('a second operator writes its version again and again, and a finalizer goes when its time is over', async () => {
  const { world } = await history();
  const get = () => world.desk.get('ConfigMap', 'pom-licenses');
  let n = 0;
  const seen: unknown[] = [];
  const desk = {
    ...world.desk,
    async pause() {
      n++;
      seen.push((await get())?.data?.['mine'], (await get())?.metadata.finalizers?.length ?? 0);
      world.see();
      await world.reconcile('pom');
    },
  };
  await actFor({ do: 'fight', map: 'pom-licenses', edit: 'add key', milliseconds: 500 }, desk);
  assert.is(n, 5);
  assert.equal(seen, ['too', 0, 'too', 0, 'too', 0, 'too', 0, 'too', 0]);
  // The pause of the operator ends at the latest a minute after the fight.
  await world.clock.advance(60_000);
  world.see();
  await world.reconcile('pom');
  assert.equal((await get())?.data, written.object.data);
  seen.length = 0;
  await actFor({ do: 'hold', kind: 'ConfigMap', name: 'pom-licenses', milliseconds: 200 }, desk);
  assert.equal(seen, [undefined, 1, undefined, 1]);
  assert.equal((await get())?.metadata.finalizers ?? [], []);
});

test('who strips metadata, or makes immutable, does so again after each heal', async () => {
  const { world } = await history();
  const get = () => world.desk.get('ConfigMap', 'pom-licenses');
  for (const [edit, isDone] of [
    ['strip labels', (map?: Stored) => Object.keys(map?.metadata.labels ?? {}).length === 0],
    ['strip owner', (map?: Stored) => (map?.metadata.ownerReferences ?? []).length === 0],
    [
      'strip annotations',
      (map?: Stored) => map?.metadata.annotations?.['licensing.dialer.dev/owner-uid'] === undefined,
    ],
    ['make immutable', (map?: Stored) => map?.immutable === true],
  ] as const) {
    const seen: boolean[] = [];
    const desk = {
      ...world.desk,
      async pause() {
        seen.push(isDone(await get()));
        const whole = {
          ...((await get()) as Stored),
          metadata: { ...written.object.metadata, ...(await get())?.metadata },
        };
        if (edit === 'make immutable') await world.desk.delete('ConfigMap', whole);
        const { resourceVersion: _, uid: __, ...fresh } = written.object.metadata;
        const { labels, ownerReferences, annotations } = fresh;
        const metadata = { ...whole.metadata, labels, ownerReferences, annotations } as Stored['metadata'];
        if (edit === 'make immutable')
          await world.desk.create('ConfigMap', { ...written.object, metadata: fresh as Stored['metadata'] });
        else await world.desk.update('ConfigMap', { ...whole, metadata });
      },
    };
    await actFor({ do: 'fight', map: 'pom-licenses', edit, milliseconds: 300 }, desk);
    assert.equal(seen, [true, true, true], edit);
  }
});

test('what is drawn for two namespaces: copies, actors, and the same names in both', () => {
  const kinds = new Map<string, number>();
  for (let seed = 1; seed <= 40; seed++) {
    const options = { namespaces: ['one', 'two'], elsewhere: ['three'], actors: ['hold', 'fight', 'police'] as const };
    for (const action of drawActions(createRandom(seed), options)) {
      const kind = `${action.do}${isActor(action) ? '' : ` ${action.namespace ?? 'one'}`}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  }
  for (const kind of ['create one', 'create two', 'copy one', 'copy two', 'hold', 'fight', 'police', 'remove copy two'])
    assert.ok(kinds.has(kind), `${kind} is not among ${[...kinds.keys()].join(', ')}`);
  assert.ok(!kinds.has('limit'));
});
