/**
 * What befell clusters, or was seen on a real API server, each as a schedule by name: fixed, so that the mend of each can
 * be shown. test/unit/scenarios.test.ts runs them; `npm run simulate -- --scenario NAME --trace` shows one in words.
 */
import { lateness } from '../../src/controller/memory.ts';
import type { Action, CopyChange, DeletePolicy, Edit, Kind } from '../support/actions.ts';
import type { Fault, TimeFault } from './faults.ts';
import type { Schedule } from './schedule.ts';

export type Scenario = { readonly name: string; readonly schedule: Schedule };

const ports = (maximum: number, more: object = {}) => ({
  ...{ licenses: { outboundPorts: { minimum: 0, maximum } }, settleSeconds: 0 },
  ...more,
});
const zoned = (held: Readonly<Record<string, number>>, more: object = {}) =>
  ports(10, {
    zones: Object.entries(held).map(([name, count]) => ({ name, licenses: { outboundPorts: count } })),
    ...more,
  });

const create = (spec: object, place: object = {}): Action => ({ do: 'create', name: 'pom', what: '', spec, ...place });
const save = (spec: object, place: object = {}): Action => ({ do: 'save', name: 'pom', what: '', spec, ...place });
const touch = (value: string, name = 'pom'): Action => ({ do: 'touch', name, value });
/** Others are busy: the server's version grows. */
const busy = (letters: string): Action[] => letters.split('').map((value) => touch(value, 'night'));
const copy = (map: string, change: CopyChange = 'none'): Action => ({
  ...{ do: 'copy', map, to: 'mirror', without: ['owners'], change },
});
const editMap = (map: string, edit: Edit): Action => ({ do: 'edit', map, edit });
const restoreBackup = (to: string): Action => ({ do: 'restore backup', name: 'pom', to });
const hold = (kind: Kind, name: string, milliseconds: number): Action => ({ do: 'hold', kind, name, milliseconds });
const fight = (map: string, edit: Edit): Action => ({ do: 'fight', map, edit, milliseconds: 90_000 });
const pause = (milliseconds: number): Action => ({ do: 'pause', milliseconds });
const kill: Action = { do: 'kill' };
const settle: Action = { do: 'settle' };
const forEver = Number.MAX_SAFE_INTEGER;
const second = { namespace: 'second' };

type Step = Action | { readonly atOnce: Action };
/** Before anybody can have seen the action before. */
const atOnce = (action: Action): Step => ({ atOnce: action });
type Plan = { readonly actions: readonly Step[] } & Partial<Omit<Schedule, 'actions'>>;

/** One replica without an election, 100 ms between two actions, and nothing that fails, unless it says otherwise. */
function scenario(name: string, { actions, ...more }: Plan): Scenario {
  const timed = actions.map((one) => ('do' in one ? { after: 100, action: one } : { after: 0, action: one.atOnce }));
  const common = { seed: 1, replicas: 1, election: false, rules: true, horizon: 100_000, faults: [] };
  return { name, schedule: { ...common, ...more, actions: timed } };
}

const elected = { election: true, replicas: 2 };
const scope = (how: 'forbidden' | 'gone' | 'slow', from = 0) =>
  ({ kind: 'scope', namespace: 'second', how, for: forEver, from }) as const;
const slow = (least: number, greatest: number) => ({ kind: 'slow', least, greatest, for: forEver }) as const;
const timed = (at: number, fault: TimeFault): Fault => ({ on: 'time', at, fault });
const configMapRequest = (nth: number, fault: Extract<Fault, { on: 'request' }>['fault']): Fault => ({
  ...{ on: 'request', class: 'configmap', nth, fault },
});
/** Both begin with the same object in each of two namespaces that are watched by themselves. */
const twoScopes = { watched: ['dialer', 'second'] };
const both = [create(zoned({ amer: 6, emea: 4 })), create(ports(5), second), settle];
const moved = zoned({ amer: 2, emea: 8 });

/** Copies of an object's ConfigMaps lie in a namespace that is watched too. */
const copies: readonly Scenario[] = [
  scenario('a copy lies there before the first apply, of an object that lives elsewhere', {
    actions: [
      ...[create(ports(9, { configMap: { name: 'pom-b' } })), settle],
      ...[{ ...copy('pom-b'), to: 'second' } as Action, create(ports(6), second), settle],
    ],
  }),
  scenario('a rename, with a copy elsewhere', {
    actions: [
      create(ports(5)),
      settle,
      copy('pom-licenses'),
      save(ports(5, { configMap: { name: 'pom-limits' } })),
      settle,
    ],
  }),
  scenario('a zone is removed, with a copy at zero elsewhere', {
    actions: [
      create(zoned({ amer: 6, apac: 4 }, { settleSeconds: 5 })),
      ...[settle, copy('pom-licenses-apac', 'zero'), pause(500)],
      ...[save(zoned({ amer: 10 }, { settleSeconds: 5 })), settle],
    ],
  }),
  scenario('a zone is removed, with a copy with numbers elsewhere', {
    actions: [
      ...[create(zoned({ amer: 6, apac: 4 })), settle, copy('pom-licenses-apac'), pause(500)],
      ...[save(zoned({ amer: 10 })), settle],
    ],
  }),
  // What is live while the newest spec waits for its approval is what the record says.
  scenario('a record is forged elsewhere', {
    actions: [
      ...[create(ports(5)), settle, save(ports(7, { applyPolicy: 'Manual' })), settle],
      ...[copy('pom-licenses', 'forge'), pause(500), editMap('pom-licenses', 'delete'), settle],
    ],
  }),
  scenario('a backup is restored into another namespace', {
    actions: [
      ...[create(zoned({ amer: 6, apac: 4 })), settle, restoreBackup('second')],
      ...[pause(500), save(zoned({ amer: 10 })), save(moved, second), settle],
    ],
  }),
];

const longFight = { milliseconds: 90_000 };
const police = (effect: Extract<Action, { do: 'police' }>['effect']): Action => ({
  do: 'police',
  effect,
  ...longFight,
});
const underPolicy = (effect: Extract<Action, { do: 'police' }>['effect']) =>
  scenario(`a policy: ${effect}`, {
    actions: [
      ...[create(zoned({ amer: 6, emea: 4 })), settle, police(effect), editMap('pom-licenses-amer', 'raise')],
      ...[pause(60_000), save(moved), settle],
    ],
  });

/** Others undo what the operator does, for a minute and a half. */
const fights: readonly Scenario[] = [
  scenario('a finalizer holds what is made immutable and edited', {
    actions: [
      ...[create(ports(5)), settle, hold('ConfigMap', 'pom-licenses', 90_000), pause(500)],
      ...[editMap('pom-licenses', 'raise'), atOnce(editMap('pom-licenses', 'make immutable')), settle],
    ],
  }),
  scenario('a finalizer holds a LicenseSettings that is recreated', {
    actions: [
      ...[create(zoned({ amer: 6, emea: 4 })), settle, hold('LicenseSettings', 'pom', 20_000), pause(500)],
      ...[{ ...create(moved), do: 'recreate' } as Action, settle],
    ],
  }),
  underPolicy('make immutable'),
  underPolicy('add key'),
  underPolicy('add label'),
  underPolicy('add annotation'),
  underPolicy('change number'),
  underPolicy('refuse'),
  scenario('a second operator heals the same ConfigMap', {
    actions: [create(ports(5)), settle, fight('pom-licenses', 'raise'), settle],
  }),
  scenario('a second operator deletes a zone whenever it is there', {
    actions: [...[create(zoned({ amer: 6, emea: 4 })), settle, fight('pom-licenses-amer', 'delete'), settle]],
  }),
  scenario('somebody rewrites the status', {
    actions: [create(ports(5)), settle, { do: 'fight status', name: 'pom', ...longFight }, save(ports(6)), settle],
  }),
];

/** One of two namespaces can't be worked in. */
const scopes: readonly Scenario[] = [
  scenario('one scope is forbidden at the start', {
    ...twoScopes,
    actions: [...both, save(moved), settle],
    lasting: scope('forbidden'),
  }),
  scenario('one scope is forbidden, and another leader takes over', {
    ...{ ...twoScopes, ...elected, lasting: scope('forbidden', 10_000) },
    actions: [...both, pause(15_000), kill, pause(25_000), save(moved), settle],
  }),
  scenario('one namespace is deleted, and another leader takes over', {
    ...{ ...twoScopes, ...elected, lasting: scope('gone', 10_000) },
    actions: [...both, pause(15_000), kill, pause(25_000), save(moved), settle],
  }),
  scenario('one scope is slow', { ...twoScopes, lasting: scope('slow'), actions: [...both, save(moved), settle] }),
];

const settles = { settleSeconds: 90 };
/** What a plan must not forget, or take from a clock on the wall. */
const retained = { deletionPolicy: 'Retain' };
const plans: readonly Scenario[] = [
  scenario('two replicas, and nobody is elected: both move the licenses', {
    replicas: 2,
    seed: 2,
    actions: [create(zoned({ amer: 6, apac: 4 }, { settleSeconds: 20 })), settle, pause(30_000)].concat([
      save(zoned({ amer: 2, apac: 8 }, { settleSeconds: 20 })),
      pause(30_000),
    ]),
  }),
  scenario('a name is given up while its ConfigMap has lost our labels, and then there are zones', {
    actions: [
      ...[create(ports(6)), settle, editMap('pom-licenses', 'strip labels')],
      atOnce(save(ports(6, { configMap: { name: 'pom-a' } }))),
      ...[pause(5_000), save(zoned({ lab: 6 }, { configMap: { name: 'pom-a' } })), settle],
    ],
  }),
  scenario('what a plan stamped before it was taken back is told by nothing any more', {
    actions: [
      ...[create(ports(10, { settleSeconds: 4 })), settle, save(zoned({ lab: 2, emea: 8 }, { settleSeconds: 4 }))],
      ...[atOnce({ do: 'pause', milliseconds: 17 }), save(ports(10, { settleSeconds: 4 })), pause(4_000)],
      ...[editMap('pom-licenses', 'strip annotations'), settle],
    ],
  }),
  scenario('somebody takes all marks off a zone under Retain, and then zones go', {
    actions: [
      ...[create(zoned({ emea: 0, amer: 1 }, retained)), settle, editMap('pom-licenses-amer', 'strip labels')],
      ...[atOnce(editMap('pom-licenses-amer', 'strip annotations')), pause(500), save(ports(10, retained)), settle],
    ],
  }),
  scenario('a status from before a plan is restored after its end', {
    actions: [
      ...[create(zoned({ amer: 9 })), settle, { do: 'back up status', name: 'pom' } as Action, save(ports(9)), settle],
      ...[{ do: 'restore status', name: 'pom' } as Action, settle],
    ],
  }),
  scenario('a name that begins with that of another object is taken', {
    actions: [
      { do: 'foreign', map: 'pom-east-licenses-lab' },
      create(zoned({ lab: 4 }, { configMap: { name: 'pom-east-licenses' } })),
      { ...create(ports(4, { configMap: { name: 'pom-east-b' } })), name: 'pom-east' } as Action,
      ...[pause(10_000), settle, pause(60_000)],
    ],
  }),
  scenario('a create without an answer, then an update without an answer, of one zone', {
    actions: [
      ...[create(zoned({ emea: 10 })), settle, save(zoned({ amer: 4, emea: 6 })), pause(25_000)],
      ...[save(zoned({ emea: 10 })), pause(60_000), settle],
    ],
    // The first one arrives when its sender has long given it up.
    faults: [
      configMapRequest(4, { kind: 'slow', there: 50_000, back: 0 }),
      configMapRequest(6, { kind: 'hang', arrives: false }),
    ],
  }),
  scenario('a takeover within settleSeconds 90, by a replica whose wall clock was put a day ahead', {
    ...elected,
    actions: [
      ...[create(zoned({ amer: 6, emea: 4 }, settles)), settle, save(zoned({ amer: 2, emea: 4 }, settles)), settle],
      ...[kill, pause(20_000), save(zoned({ amer: 2, emea: 8 }, settles)), settle],
    ],
    faults: [0, 1].map((replica) => timed(7_000, { kind: 'wall', replica, by: 86_400_000 })),
  }),
  scenario('taken back in the middle of a plan', {
    actions: [
      ...[create(zoned({ amer: 6, emea: 4 }, { settleSeconds: 20 })), settle],
      ...[save(zoned({ amer: 2, emea: 8 }, { settleSeconds: 20 })), pause(5_000)],
      ...[save(zoned({ amer: 6, emea: 4 }, { settleSeconds: 20 })), settle],
    ],
  }),
  scenario('a plan that may not write is superseded by one whose name is taken', {
    actions: [
      ...[create(zoned({ amer: 5, apac: 1, emea: 1, lab: 1, north: 1, south: 1 })), pause(3_000)],
      ...[{ do: 'foreign', map: 'pom-licenses' } as Action, atOnce(save(ports(5))), pause(70_000)],
    ],
    lasting: { kind: 'poison', object: 'pom', code: 403, for: forEver },
  }),
  scenario('an exact quota, and a zone is renamed', {
    actions: [create(zoned({ amer: 6, emea: 4 })), settle, pause(3_000), save(zoned({ amer: 6, apac: 4 })), settle],
    lasting: { kind: 'quota', namespace: 'dialer', spare: 0, for: forEver, from: 4_000 },
  }),
];

const away = (fault: TimeFault): Fault[] => [timed(6_000, fault)];
/** One verb is refused for long, or nothing is read any more but what was; and two that lead at once. */
const rights: readonly Scenario[] = [
  ...(['create', 'update', 'delete', 'get', 'status'] as const).map((verb) =>
    scenario(`may not ${verb}`, {
      actions: [
        ...[create(zoned({ amer: 6, emea: 4 })), settle, pause(3_000), save(zoned({ apac: 8, emea: 2 }))],
        ...[pause(20_000), editMap('pom-licenses-emea', 'raise'), pause(20_000), kill, pause(90_000), settle],
      ],
      faults: away({ kind: 'verb', verb, code: 403, for: 90_000 }),
    }),
  ),
  ...(['refused', 'frozen'] as const).map((how) =>
    scenario(`lists and watches of ConfigMaps are ${how}`, {
      ...elected,
      actions: [
        ...[create(zoned({ amer: 6, emea: 4 })), settle, pause(3_000), save(moved), pause(20_000)],
        ...[save(zoned({ apac: 8, emea: 2 })), editMap('pom-licenses-emea', 'raise'), pause(70_000), settle],
        ...[kill, pause(25_000), save(moved), settle],
      ],
      faults: away({ kind: 'reads', how, for: 180_000 }),
    }),
  ),
  // What one keeps out at zero the other deletes, until no create can land any more.
  scenario('two that both think they lead', {
    ...{ replicas: 2, election: false },
    actions: [
      ...[create(zoned({ amer: 6, emea: 4 })), settle, save(moved), settle, save(zoned({ apac: 10 })), settle],
      ...[editMap('pom-licenses-apac', 'raise'), settle, editMap('pom-licenses', 'delete'), settle],
      ...[save(ports(8)), pause(lateness), settle, save(ports(8, { configMap: { name: 'pom-limits' } })), settle],
      ...[{ do: 'delete', name: 'pom' } as Action, settle, create(moved), settle],
    ],
  }),
];

const hurried = [create(zoned({ amer: 6, emea: 4 })), pause(30_000), save(moved), pause(30_000), save(ports(8))];
/** The server is slow, or not the one that it was. */
const servers: readonly Scenario[] = [
  scenario('every request takes 3.5 to 5 s', { ...elected, actions: hurried, lasting: slow(3_500, 5_000) }),
  scenario('every request takes up to 9 s', { ...elected, actions: hurried, lasting: slow(0, 9_000) }),
  scenario('every request takes 5 s, and nobody is elected', { actions: hurried, lasting: slow(5_000, 5_000) }),
  scenario('the store goes back, and soon past what was known', {
    actions: [
      ...[create(ports(5)), { ...create(ports(5)), name: 'night' } as Action, pause(10_000), ...busy('abcdefghij')],
      ...[settle, pause(5_000), save(moved), ...busy('klmnopqrstuvwxyz'), pause(70_000), settle],
    ],
    faults: [timed(16_000, { kind: 'restore', age: 10_000 })],
  }),
  scenario('the store goes back to before a plan', {
    actions: [
      ...[create(zoned({ amer: 6, emea: 4 })), settle, pause(3_000), save(moved), settle],
      ...[pause(10_000), touch('late'), pause(60_000), save(zoned({ amer: 3, emea: 7 })), settle],
    ],
    faults: [timed(20_000, { kind: 'restore', age: 18_000 })],
  }),
  // The ConfigMap of the approved settings is remembered for a second longer than the approval.
  scenario('the store goes back to before an approval, and one list comes late', {
    seed: 2,
    actions: [
      ...[create(ports(5, { applyPolicy: 'Manual' })), settle, pause(10_000)],
      ...[{ do: 'approve', name: 'pom', digits: 64, wrong: false } as Action, settle, pause(20_000), settle],
    ],
    faults: [
      timed(20_000, { kind: 'restore', age: 8_000 }),
      { on: 'request', class: 'list', nth: 4, fault: { kind: 'slow', there: 0, back: 1_000 } },
    ],
  }),
];

const recreate = (spec: object, policy?: DeletePolicy): Action => ({
  ...{ do: 'recreate', name: 'pom', what: '', spec },
  ...(policy ? { policy } : {}),
});
/** Zones of an earlier object of the same name are given back before others get their licenses. */
const recreated: readonly Scenario[] = [
  scenario('recreated with a zone removed, under Retain', {
    actions: [create(zoned({ amer: 6, apac: 4 }, retained)), settle, recreate(zoned({ amer: 10 })), settle],
  }),
  scenario('recreated with a zone removed, under Orphan', {
    actions: [create(zoned({ amer: 6, apac: 4 })), settle, recreate(zoned({ amer: 10 }), 'Orphan'), settle],
  }),
  scenario('recreated without zones, under Orphan', {
    actions: [create(zoned({ amer: 6, apac: 4 })), settle, recreate(ports(10), 'Orphan'), settle],
  }),
  scenario('recreated, while somebody takes the annotations off a zone that is left', {
    actions: [
      ...[create(zoned({ amer: 3, lab: 2 }, { ...retained, configMap: { name: 'pom-a' } })), settle],
      ...[editMap('pom-a-lab', 'strip annotations'), atOnce(recreate(zoned({ amer: 10 }))), settle],
    ],
  }),
  scenario('recreated with a restored status, while a finalizer holds the ConfigMap of a removed zone', {
    actions: [
      ...[create(zoned({ amer: 6, apac: 4 })), settle, { do: 'back up status', name: 'pom' } as Action],
      ...[hold('ConfigMap', 'pom-licenses-apac', 60_000), pause(500), recreate(zoned({ amer: 10 }))],
      ...[atOnce({ do: 'restore status', name: 'pom' }), settle],
    ],
  }),
];

/** Every scenario, in the order of what it is about. */
export const scenarios: readonly Scenario[] = [
  ...copies,
  ...fights,
  ...scopes,
  ...plans,
  ...recreated,
  ...rights,
  ...servers,
];
