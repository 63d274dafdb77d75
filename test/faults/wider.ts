/**
 * The wider world: other namespaces that mirror, controllers that hold and heal, policies and quotas, scopes that are
 * forbidden or gone, an API server that is slow, and leaders that know nothing of the last one. Each scenario is a fault
 * that was seen.
 */
import type { Spec } from '../../src/api/licensesettings.ts';
import type { Action, CopyChange, PolicyEffect } from '../support/actions.ts';
import { holder } from '../support/actors.ts';
import {
  afterFailover,
  approval,
  inTurn,
  ports,
  type Rest,
  type Scenario,
  type Step,
  settle,
  zone,
} from './scenarios.ts';

/** What L1 grants where something is tried again slowly, less what it grants always. */
const slowly: Step = { do: 'settle', patience: 58_000 };

const act = (action: Action): Step => ({ do: 'act', action });
const copy = (map: string, to: 'twin' | 'aside', change: CopyChange = 'none', owned = false): Step =>
  act({ do: 'copy', map, to, without: owned ? [] : ['owners'], change });
const shared = (first: string, a: number, second: string, b: number, rest: Rest = {}): Spec =>
  ports(a + b, { settleSeconds: 0, zones: [zone(first, a), zone(second, b)], ...rest });

/** Tools that mirror ConfigMaps, and restores into other namespaces. */
const copies: readonly Scenario[] = [
  {
    name: 'copies-renamed',
    alone: true,
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        copy(map, 'twin'),
        copy(map, 'aside'),
        settle,
        { do: 'change', name: a, spec: ports(100, { configMap: { name: `${a}-limits` } }) },
        settle,
        { do: 'survived', name: map, place: 'twin' },
        { do: 'survived', name: map, place: 'aside' },
      ];
    },
  },
  {
    // The garbage collector takes copies whose owner is not in their namespace.
    name: 'copies-owned',
    alone: true,
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      return [
        { do: 'create', name: a, spec: shared('x', 60, 'y', 40) },
        settle,
        copy(map, 'twin', 'none', true),
        copy(`${map}-x`, 'twin', 'zero', true),
        copy(`${map}-y`, 'aside', 'raise', true),
        { do: 'change', name: a, spec: shared('x', 30, 'y', 70) },
        settle,
      ];
    },
  },
  ...(['zero', 'none'] as const).map(
    (change): Scenario => ({
      // A zone goes, and another one gets its licenses, while a copy of its ConfigMap says something of its own.
      name: `copies-${change === 'zero' ? 'at-zero' : 'with-numbers'}`,
      alone: true,
      steps(n) {
        const a = n('a');
        const moved = ports(400, { settleSeconds: 1, zones: [zone('emea', 400)] });
        return [
          { do: 'create', name: a, spec: shared('apac', 100, 'emea', 300, { settleSeconds: 1 }) },
          settle,
          copy(`${a}-licenses-apac`, 'twin', change),
          settle,
          { do: 'change', name: a, spec: moved },
          settle,
          { do: 'survived', name: `${a}-licenses-apac`, place: 'twin' },
        ];
      },
    }),
  ),
  {
    name: 'copies-forged',
    alone: true,
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      const first = ports(100, { applyPolicy: 'Manual' });
      return [
        { do: 'create', name: a, spec: first },
        settle,
        { do: 'annotate', name: a, annotations: approval(a, first) },
        settle,
        // What nobody has approved is saved: a record of that generation would be of what is live.
        { do: 'change', name: a, spec: ports(200, { applyPolicy: 'Manual' }) },
        settle,
        copy(map, 'twin', 'forge'),
        settle,
        { do: 'remove-map', name: map },
        settle,
      ];
    },
  },
  {
    // A backup of one namespace, in another one that is watched too: each object goes its own way from there.
    name: 'copies-restored',
    alone: true,
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: shared('x', 60, 'y', 40) },
        settle,
        act({ do: 'restore backup', name: a, to: 'twin' }),
        settle,
        { do: 'change', name: a, spec: shared('x', 20, 'z', 80) },
        settle,
        act({ do: 'delete', name: a, namespace: 'twin' }),
        settle,
      ];
    },
  },
];

/** Finalizers of other controllers. */
const held = (fightFor: number): readonly Scenario[] => [
  {
    name: 'held-immutable',
    plain: true,
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        act({ do: 'hold', kind: 'ConfigMap', name: map, milliseconds: fightFor }),
        { do: 'edit-map', name: map, data: { OUTBOUND_PORTS_MAXIMUM: '7' }, immutable: true },
        { do: 'endure', name: a, says: [map, holder] },
        slowly,
      ];
    },
  },
  {
    name: 'held-renamed',
    plain: true,
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        act({ do: 'hold', kind: 'ConfigMap', name: map, milliseconds: fightFor }),
        { do: 'change', name: a, spec: ports(100, { configMap: { name: `${a}-limits` } }) },
        { do: 'endure', name: a },
        slowly,
      ];
    },
  },
  {
    name: 'held-zone-removed',
    plain: true,
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: shared('x', 60, 'y', 40) },
        settle,
        act({ do: 'hold', kind: 'ConfigMap', name: `${a}-licenses-y`, milliseconds: fightFor }),
        { do: 'change', name: a, spec: ports(100, { settleSeconds: 0, zones: [zone('x', 100)] }) },
        { do: 'endure', name: a },
        slowly,
      ];
    },
  },
  {
    // The collector's deletion is held; the next object of that name wants the ConfigMap.
    name: 'held-recreated',
    plain: true,
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        act({ do: 'hold', kind: 'ConfigMap', name: map, milliseconds: fightFor }),
        { do: 'remove', name: a },
        { do: 'pause', milliseconds: 500 },
        { do: 'create', name: a, spec: ports(300) },
        { do: 'endure', name: a, says: [map] },
        slowly,
      ];
    },
  },
  {
    name: 'held-settings',
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      return [
        { do: 'create', name: a, spec: ports(100), held: true },
        settle,
        { do: 'remove', name: a },
        // With a deletionTimestamp nothing is written.
        { do: 'edit-map', name: map, data: { OUTBOUND_PORTS_MAXIMUM: '7' } },
        { do: 'change', name: a, spec: ports(200) },
        { do: 'pause', milliseconds: 300 },
        { do: 'release', name: a },
        settle,
        { do: 'create', name: a, spec: ports(300) },
        settle,
      ];
    },
  },
];

type Policed = {
  readonly name: string;
  readonly effect: PolicyEffect;
  /** What the status has to name. */
  readonly says: string;
  readonly spec: (maximum: number) => Spec;
};

/** A policy is in force for a while, in which something changes. */
const policed = (fightFor: number, { name, effect, says, spec }: Policed): Scenario => ({
  name,
  plain: true,
  steps(n) {
    const a = n('a');
    return [
      { do: 'create', name: a, spec: spec(100) },
      settle,
      act({ do: 'police', effect, milliseconds: fightFor }),
      { do: 'change', name: a, spec: spec(200) },
      { do: 'endure', name: a, says: [`${a}-licenses`, says] },
      slowly,
    ];
  },
});
/** What a policy adds that is nobody's business: settings go live under it. */
const tolerated = (name: string, effect: PolicyEffect): Scenario => ({
  name,
  plain: true,
  steps(n) {
    const a = n('a');
    return [
      { do: 'create', name: a, spec: shared('x', 60, 'y', 40) },
      settle,
      act({ do: 'police', effect, milliseconds: 8_000 }),
      { do: 'change', name: a, spec: shared('x', 30, 'y', 70) },
      { do: 'pause', milliseconds: 4_000 },
      act({ do: 'edit', map: `${a}-licenses-x`, edit: 'raise' }),
      { do: 'endure', name: a },
      settle,
    ];
  },
});
const zoned = (maximum: number) => shared('x', maximum - 40, 'y', 40);

const policies = (fightFor: number): readonly Scenario[] => [
  ...(
    [
      { name: 'policy-immutable', effect: 'make immutable', says: 'immutable', spec: zoned },
      { name: 'policy-key', effect: 'add key', says: 'policy', spec: ports },
      { name: 'policy-key-zones', effect: 'add key', says: 'policy', spec: zoned },
      { name: 'policy-number', effect: 'change number', says: 'OUTBOUND_PORTS_MAXIMUM', spec: ports },
      { name: 'policy-refuses', effect: 'refuse', says: 'no ConfigMaps today', spec: zoned },
    ] as const
  ).map((one) => policed(fightFor, one)),
  tolerated('policy-label', 'add label'),
  tolerated('policy-annotation', 'add annotation'),
];

const quotas = (fightFor: number): readonly Scenario[] => [
  {
    // "One, and one more for each zone": a zone gets another name.
    name: 'quota-exact',
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: shared('x', 60, 'y', 40) },
        settle,
        act({ do: 'limit', spare: 0, milliseconds: 12_000 }),
        { do: 'change', name: a, spec: shared('x', 60, 'z', 40) },
        { do: 'settle', meanwhile: true },
        { do: 'endure', name: a },
        settle,
      ];
    },
  },
  {
    name: 'quota-short',
    plain: true,
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: shared('x', 60, 'y', 40) },
        settle,
        act({ do: 'limit', spare: 0, milliseconds: fightFor }),
        {
          do: 'change',
          name: a,
          spec: ports(100, { settleSeconds: 0, zones: ['x', 'y', 'z'].map((one) => zone(one, 33)) }),
        },
        { do: 'endure', name: a, says: ['quota'] },
        slowly,
      ];
    },
  },
];

/** Others who write what the operator writes. */
const healers = (fightFor: number): readonly Scenario[] => [
  {
    name: 'second-healer',
    plain: true,
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        act({ do: 'fight', map, edit: 'raise', milliseconds: fightFor }),
        { do: 'endure', name: a, says: [map] },
        slowly,
      ];
    },
  },
  {
    name: 'second-healer-zones',
    plain: true,
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: shared('x', 60, 'y', 40) },
        settle,
        act({ do: 'fight', map: `${a}-licenses-x`, edit: 'add key', milliseconds: fightFor }),
        act({ do: 'fight', map: `${a}-licenses-y`, edit: 'delete', milliseconds: fightFor }),
        { do: 'endure', name: a, says: [`${a}-licenses-`] },
        slowly,
      ];
    },
  },
  {
    name: 'status-rewritten',
    plain: true,
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        act({ do: 'fight status', name: a, milliseconds: fightFor }),
        { do: 'change', name: a, spec: ports(200) },
        { do: 'endure', name: a },
        slowly,
      ];
    },
  },
];

/** A plan that goes back to where it began. */
const takenBack: Scenario = {
  name: 'taken-back',
  steps(n) {
    const a = n('a');
    const first = shared('x', 70, 'y', 30, { settleSeconds: 3 });
    return [
      { do: 'create', name: a, spec: first },
      settle,
      { do: 'change', name: a, spec: shared('x', 30, 'y', 70, { settleSeconds: 3 }) },
      { do: 'pause', milliseconds: 1_500 },
      { do: 'change', name: a, spec: first },
      settle,
      { do: 'history', name: a, entries: 1 },
    ];
  },
};

/** One of two scopes is forbidden, or its namespace goes, and the leader changes; later it is back. */
function scope(name: string, what: 'forbidden' | 'gone', how: 'restart' | 'kill'): Scenario {
  const steps = {
    forbidden: { away: [{ do: 'forbid' }], back: [{ do: 'permit' }] },
    gone: { away: [{ do: 'close' }], back: [{ do: 'reopen' }] },
  } as const;
  return {
    name,
    plain: true,
    needs: { ownAccount: true, ...(how === 'kill' ? { replicas: 2 } : {}) },
    steps(n) {
      const a = n('a');
      return [
        ...inTurn(a, shared('x', 70, 'y', 30)),
        ...steps[what].away,
        { do: how },
        { do: 'change', name: a, spec: shared('x', 30, 'y', 70) },
        afterFailover,
        { do: 'edit-map', name: `${a}-licenses-x`, data: { OUTBOUND_PORTS_CAPACITY: '99' } },
        settle,
        ...steps[what].back,
        act({ do: 'create', name: n('b'), what: 'back', spec: ports(50), namespace: 'twin' }),
        slowly,
      ];
    },
  };
}

/** What a leader does not know counts as just taken away, whatever its wall clock says. */
const takeovers: readonly Scenario[] = [
  {
    name: 'takeover-after-decrease',
    plain: true,
    needs: { replicas: 2, clockSteps: true },
    steps(n) {
      const a = n('a');
      const zones = (x: number, y: number) => ports(100, { settleSeconds: 20, zones: [zone('x', x), zone('y', y)] });
      return [
        ...inTurn(a, zones(70, 30), zones(30, 30)),
        { do: 'kill' },
        { do: 'change', name: a, spec: zones(30, 70) },
        { do: 'settle', patience: 35_000 },
      ];
    },
  },
  {
    name: 'takeover-in-a-plan',
    plain: true,
    needs: { replicas: 2, clockSteps: true },
    steps(n) {
      const a = n('a');
      const zones = (x: number, y: number) => ports(100, { settleSeconds: 90, zones: [zone('x', x), zone('y', y)] });
      return [
        ...inTurn(a, zones(70, 30)),
        { do: 'change', name: a, spec: zones(30, 70) },
        { do: 'pause', milliseconds: 2_000 },
        { do: 'kill' },
        { do: 'settle', patience: 110_000 },
      ];
    },
  },
];

/** Every request takes seconds, for more than a minute, and none is lost. */
const slow: Scenario = {
  name: 'slow-requests',
  plain: true,
  needs: { replicas: 2, leaseSeconds: 15 },
  steps(n) {
    const a = n('a');
    return [
      ...inTurn(a, shared('x', 70, 'y', 30)),
      { do: 'slow', from: 3_500, to: 9_000 },
      { do: 'change', name: a, spec: shared('x', 30, 'y', 70) },
      { do: 'settle', patience: 100_000 },
      { do: 'slow', from: 0, to: 0 },
      { do: 'change', name: a, spec: shared('x', 50, 'y', 50) },
      { do: 'settle', patience: 15_000 },
    ];
  },
};

/** All of them. @param fightFor how long somebody undoes what the operator does, in milliseconds */
const scenariosOf = (fightFor: number): readonly Scenario[] => [
  ...copies,
  ...held(fightFor),
  ...policies(fightFor),
  ...quotas(fightFor),
  ...healers(fightFor),
  takenBack,
  scope('scope-forbidden-restart', 'forbidden', 'restart'),
  scope('scope-gone-restart', 'gone', 'restart'),
  scope('scope-forbidden-failover', 'forbidden', 'kill'),
  scope('scope-gone-failover', 'gone', 'kill'),
  ...takeovers,
  slow,
];

/** L4 counts in 60 s. */
export const widerScenarios = scenariosOf(62_000);
/** One of each kind is enough there. */
const variants = ['held-zone-removed', 'policy-key-zones', 'policy-number', 'quota-short', 'second-healer-zones'];
/**
 * The same in short, for each `npm test`: fights are as long as a status may be silent, and those that wait for minutes or
 * need slots of their own are left out, but for one.
 */
export const shortScenarios = scenariosOf(17_000).filter(
  ({ name, needs }) => !variants.includes(name) && (needs === undefined || name === 'scope-forbidden-restart'),
);
