/** What people and machines do in a run: each scenario is a list of steps, by the admin, directly at the API server. */
import type { Spec } from '../../src/api/licensesettings.ts';
import { annotations } from '../../src/api/names.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { type Action, drawActions } from '../support/actions.ts';
import type { Random } from '../support/random.ts';
import type { DeletePolicy } from './admin.ts';

export type Step =
  /** `held`: it stays when it is deleted, with a deletionTimestamp, until it is released. */
  | { readonly do: 'create'; readonly name: string; readonly spec: Spec; readonly held?: boolean }
  | { readonly do: 'release'; readonly name: string }
  | { readonly do: 'change'; readonly name: string; readonly spec: Spec }
  | { readonly do: 'annotate'; readonly name: string; readonly annotations: Record<string, string> }
  | { readonly do: 'remove'; readonly name: string; readonly policy?: DeletePolicy }
  /** Fails if there is no ConfigMap of that name, or if it has an owner. */
  | { readonly do: 'survived'; readonly name: string }
  | { readonly do: 'edit-map'; readonly name: string; readonly data: Record<string, string> }
  | { readonly do: 'remove-map'; readonly name: string }
  | { readonly do: 'create-map'; readonly name: string; readonly data: Record<string, string> }
  | { readonly do: 'pause'; readonly milliseconds: number }
  /** Every watch gets a 410: the operator lists again. */
  | { readonly do: 'expire' }
  /** The process of the leader ends, by SIGTERM or SIGKILL, and another starts. */
  | { readonly do: 'restart' | 'kill' }
  /** The leader stands still for so long. */
  | { readonly do: 'freeze'; readonly milliseconds: number }
  | { readonly do: 'act'; readonly action: Action }
  /** Waits until all is as the model says, and quiet. */
  | {
      readonly do: 'settle';
      /** Milliseconds more than L1 grants. */
      readonly patience?: number;
      /** An object that can't be applied, as its status has to say; all others settle without it. */
      readonly except?: string;
    }
  /** From now on every write of this ConfigMap gets a 403. */
  | { readonly do: 'refuse'; readonly name: string };

/** How long the lease of two replicas lasts: the least that the operator takes. */
export const leaseSeconds = 5;

export type Scenario = {
  readonly name: string;
  /** @param n gives an object its name in this run */
  readonly steps: (n: (name: string) => string) => Step[];
};

type Rest = Omit<Spec, 'licenses'>;
const ports = (maximum: number, rest: Rest = {}): Spec => ({
  licenses: { outboundPorts: { minimum: 10, maximum } },
  ...rest,
});
const zone = (name: string, outboundPorts: number, organizations?: [string, number][]) => ({
  name,
  licenses: { outboundPorts },
  ...(organizations
    ? { organizations: organizations.map(([name, ports]) => ({ name, licenses: { outboundPorts: ports } })) }
    : {}),
});
const settle: Step = { do: 'settle' };

/** One object through several specs, each settled before the next. */
const inTurn = (name: string, first: Spec, ...next: readonly Spec[]): Step[] => [
  { do: 'create', name, spec: first },
  settle,
  ...next.flatMap((spec): Step[] => [{ do: 'change', name, spec }, settle]),
];
const afterFailover: Step = { do: 'settle', patience: 2_000 * leaseSeconds };
const approval = (name: string, spec: Spec) => ({ [annotations.apply]: settingsHash(declare(name, spec)) });

export const scenarios: readonly Scenario[] = [
  {
    name: 'create',
    steps(n) {
      const a = n('a');
      return [{ do: 'create', name: a, spec: ports(100) }, settle];
    },
  },
  {
    name: 'change',
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        { do: 'change', name: a, spec: ports(200) },
        { do: 'change', name: a, spec: ports(300) },
        settle,
        { do: 'change', name: a, spec: ports(300, { settleSeconds: 5 }) },
        settle,
      ];
    },
  },
  {
    name: 'invalid',
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        { do: 'change', name: a, spec: ports(5) },
        settle,
        { do: 'remove-map', name: `${a}-licenses` },
        settle,
        { do: 'change', name: a, spec: ports(50) },
        settle,
      ];
    },
  },
  {
    name: 'manual',
    steps(n) {
      const a = n('a');
      const first = ports(100, { applyPolicy: 'Manual' });
      const second = ports(200, { applyPolicy: 'Manual' });
      return [
        { do: 'create', name: a, spec: first },
        settle,
        { do: 'annotate', name: a, annotations: approval(a, first) },
        settle,
        { do: 'change', name: a, spec: second },
        settle,
        { do: 'edit-map', name: `${a}-licenses`, data: { OUTBOUND_PORTS_MAXIMUM: '7' } },
        settle,
        { do: 'annotate', name: a, annotations: approval(a, second) },
        settle,
      ];
    },
  },
  {
    name: 'zones',
    steps(n) {
      const a = n('a');
      const first = ports(100, { settleSeconds: 0, zones: [zone('x', 60, [['o', 30]]), zone('y', 40)] });
      const second = ports(100, { settleSeconds: 0, zones: [zone('x', 20), zone('y', 50), zone('z', 30)] });
      const third = ports(60, { settleSeconds: 0, zones: [zone('z', 60)] });
      return inTurn(a, first, second, third);
    },
  },
  {
    name: 'superseded',
    steps(n) {
      const a = n('a');
      const zones = (x: number, y: number) => ports(100, { settleSeconds: 1, zones: [zone('x', x), zone('y', y)] });
      return [
        { do: 'create', name: a, spec: zones(70, 30) },
        settle,
        { do: 'change', name: a, spec: zones(30, 70) },
        { do: 'change', name: a, spec: zones(50, 50) },
        settle,
      ];
    },
  },
  {
    name: 'to-zones-and-back',
    steps(n) {
      const a = n('a');
      const zones = ports(100, { settleSeconds: 0, zones: [zone('x', 60), zone('y', 40)] });
      const none = ports(100, { settleSeconds: 0 });
      return inTurn(a, none, zones, none);
    },
  },
  {
    name: 'rename',
    steps(n) {
      const a = n('a');
      const named = ports(100, { configMap: { name: `${a}-other` } });
      return inTurn(a, ports(100), named);
    },
  },
  {
    name: 'rename-zones',
    steps(n) {
      const a = n('a');
      const rest: Rest = { settleSeconds: 0, zones: [zone('x', 60), zone('y', 40)] };
      const named = ports(100, { ...rest, configMap: { name: `${a}-other` } });
      return inTurn(a, ports(100, rest), named);
    },
  },
  {
    name: 'delete',
    steps(n) {
      const a = n('a');
      return [{ do: 'create', name: a, spec: ports(100) }, settle, { do: 'remove', name: a }, settle];
    },
  },
  {
    name: 'delete-foreground',
    steps(n) {
      const a = n('a');
      const zones = (maximum: number) => ports(maximum, { settleSeconds: 0, zones: [zone('x', 60)] });
      return [
        { do: 'create', name: a, spec: zones(100), held: true },
        settle,
        { do: 'remove', name: a, policy: 'Foreground' },
        // The garbage collector takes the ConfigMaps: nobody may bring them back, or judge what is saved now.
        { do: 'pause', milliseconds: 300 },
        { do: 'change', name: a, spec: zones(200) },
        { do: 'pause', milliseconds: 300 },
        { do: 'release', name: a },
        settle,
      ];
    },
  },
  {
    name: 'delete-orphan',
    steps(n) {
      const a = n('a');
      const map = `${a}-licenses`;
      return [
        { do: 'create', name: a, spec: ports(100), held: true },
        settle,
        { do: 'remove', name: a, policy: 'Orphan' },
        // An owner that is put back now would take the ConfigMap with it in the end.
        { do: 'pause', milliseconds: 300 },
        { do: 'change', name: a, spec: ports(200) },
        { do: 'edit-map', name: map, data: { OUTBOUND_PORTS_MAXIMUM: '7' } },
        { do: 'pause', milliseconds: 300 },
        { do: 'release', name: a },
        settle,
        { do: 'survived', name: map },
        { do: 'create', name: a, spec: ports(300) },
        settle,
      ];
    },
  },
  {
    name: 'recreate',
    steps(n) {
      const a = n('a');
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        { do: 'change', name: a, spec: ports(200) },
        { do: 'remove', name: a },
        { do: 'create', name: a, spec: ports(300) },
        settle,
      ];
    },
  },
  {
    name: 'two',
    steps(n) {
      const [a, b] = [n('a'), n('b')];
      const zones = ports(100, { settleSeconds: 0, zones: [zone('x', 60)] });
      return [
        { do: 'create', name: a, spec: ports(100) },
        { do: 'create', name: b, spec: zones },
        settle,
        { do: 'change', name: a, spec: ports(200) },
        { do: 'remove', name: b },
        settle,
      ];
    },
  },
  {
    // A poisoned object delays no other: L2.
    name: 'beside',
    steps(n) {
      const [a, b] = [n('a'), n('b')];
      const beside: Step = { do: 'settle', except: a };
      const zones = ports(100, { settleSeconds: 0, zones: [zone('x', 60)] });
      return [
        { do: 'refuse', name: `${a}-licenses` },
        { do: 'create', name: a, spec: ports(100) },
        { do: 'create', name: b, spec: ports(100) },
        beside,
        { do: 'change', name: a, spec: ports(200) },
        { do: 'change', name: b, spec: zones },
        beside,
        { do: 'remove-map', name: `${b}-licenses-x` },
        beside,
      ];
    },
  },
  {
    name: 'drift',
    steps(n) {
      const a = n('a');
      const zones = ports(100, { settleSeconds: 0, zones: [zone('x', 60), zone('y', 40)] });
      return [
        { do: 'create', name: a, spec: zones },
        settle,
        { do: 'edit-map', name: `${a}-licenses-x`, data: { OUTBOUND_PORTS_CAPACITY: '99', extra: 'x' } },
        settle,
        { do: 'remove-map', name: `${a}-licenses` },
        { do: 'remove-map', name: `${a}-licenses-y` },
        settle,
      ];
    },
  },
  {
    name: 'retain',
    steps(n) {
      const a = n('a');
      const retained = ports(100, { deletionPolicy: 'Retain' });
      return [
        ...inTurn(a, ports(100), retained),
        { do: 'remove', name: a },
        { do: 'create', name: a, spec: ports(300) },
        settle,
      ];
    },
  },
  {
    name: 'expired',
    steps(n) {
      const a = n('a');
      const zones = ports(100, { settleSeconds: 0, zones: [zone('x', 60)] });
      return [
        { do: 'create', name: a, spec: ports(100) },
        settle,
        { do: 'change', name: a, spec: ports(200) },
        { do: 'expire' },
        settle,
        { do: 'change', name: a, spec: zones },
        { do: 'expire' },
        settle,
      ];
    },
  },
  {
    name: 'restart',
    steps(n) {
      const a = n('a');
      const zones = ports(100, { settleSeconds: 0, zones: [zone('x', 60)] });
      const moved = ports(100, { settleSeconds: 0, zones: [zone('x', 30), zone('y', 70)] });
      return [
        { do: 'create', name: a, spec: zones },
        settle,
        { do: 'change', name: a, spec: moved },
        { do: 'restart' },
        settle,
      ];
    },
  },
  {
    name: 'conflict',
    steps(n) {
      const a = n('a');
      return [
        { do: 'create-map', name: `${a}-licenses`, data: { theirs: 'x' } },
        { do: 'create', name: a, spec: ports(100) },
        settle,
        { do: 'change', name: a, spec: ports(100, { configMap: { name: `${a}-other` } }) },
        settle,
      ];
    },
  },
];

/** Something befalls the leader in the middle of a plan, which is then superseded. */
function failover(name: string, what: Step): Scenario {
  const zones = (x: number, y: number) => ports(100, { settleSeconds: 0, zones: [zone('x', x), zone('y', y)] });
  return {
    name: `failover-${name}`,
    steps(n) {
      const a = n('a');
      return [
        ...inTurn(a, zones(70, 30)),
        { do: 'change', name: a, spec: zones(30, 70) },
        what,
        { do: 'change', name: a, spec: zones(60, 40) },
        afterFailover,
      ];
    },
  };
}

/** Scenarios for two replicas with a lease of {@link leaseSeconds}. */
export const failovers: readonly Scenario[] = [
  failover('restart', { do: 'restart' }),
  failover('kill', { do: 'kill' }),
  failover('freeze', { do: 'freeze', milliseconds: 1_500 * leaseSeconds }),
];

/** What drawActions draws, under names of the run's own. */
export function randomScenario(seed: number, random: Random, machines: boolean, replicas = 1): Scenario {
  const actions = drawActions(random, { invalidStorable: true, machines });
  // With two replicas there is one failover at least.
  if (replicas > 1) actions.splice(1 + random.below(actions.length), 0, { do: 'kill' });
  return {
    name: `random ${seed}`,
    steps: (n) => [
      ...actions.map((action): Step => {
        switch (action.do) {
          case 'settle':
            return replicas > 1 ? afterFailover : settle;
          case 'pause':
            return { do: 'pause', milliseconds: action.milliseconds };
          case 'fail over':
            if (replicas > 1) return { do: 'freeze', milliseconds: 1_500 * leaseSeconds };
            return { do: 'restart' };
          case 'restart':
            return { do: 'restart' };
          case 'kill':
            return { do: 'kill' };
          default:
            return { do: 'act', action: renamed(action, n) };
        }
      }),
      ...(replicas > 1 ? [afterFailover] : []),
    ],
  };
}

/** Every name in an action, and in the spec that it carries. */
function renamed<T extends Action>(action: T, n: (name: string) => string): T {
  const { name, map, spec } = action as { name?: string; map?: string; spec?: Spec };
  const configMap = spec?.configMap?.name;
  return {
    ...action,
    ...(name === undefined ? {} : { name: n(name) }),
    ...(map === undefined ? {} : { map: n(map) }),
    ...(spec ? { spec: { ...spec, ...(configMap ? { configMap: { name: n(configMap) } } : {}) } } : {}),
  };
}
