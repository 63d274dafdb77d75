/** What people and machines do in a run: each scenario is a list of steps, by the admin, directly at the API server. */
import type { Spec } from '../../src/api/licensesettings.ts';
import { annotations } from '../../src/api/names.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { type Action, drawActions } from '../support/actions.ts';
import { isActor } from '../support/actors.ts';
import type { Random } from '../support/random.ts';
import type { DeletePolicy } from './admin.ts';
import type { Place } from './places.ts';

export type Step =
  /** `held`: it stays when it is deleted, with a deletionTimestamp, until it is released. */
  | { readonly do: 'create'; readonly name: string; readonly spec: Spec; readonly held?: boolean }
  | { readonly do: 'release'; readonly name: string }
  | { readonly do: 'change'; readonly name: string; readonly spec: Spec }
  | { readonly do: 'annotate'; readonly name: string; readonly annotations: Record<string, string> }
  | { readonly do: 'remove'; readonly name: string; readonly policy?: DeletePolicy }
  /** Fails if there is no ConfigMap of that name, or if it has an owner. At home where no place is given. */
  | { readonly do: 'survived'; readonly name: string; readonly place?: Place }
  /** Fails unless as many applies stand in the history. */
  | { readonly do: 'history'; readonly name: string; readonly entries: number }
  | {
      readonly do: 'edit-map';
      readonly name: string;
      readonly data: Record<string, string>;
      readonly immutable?: boolean;
    }
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
  /**
   * Waits until those who act for a while have let go. `says`: what the status of the object has to name before that,
   * while it is neither Ready nor Applied.
   */
  | { readonly do: 'endure'; readonly name: string; readonly says?: readonly string[] }
  /** From now on each request takes so much longer, in milliseconds: none is lost. */
  | { readonly do: 'slow'; readonly from: number; readonly to: number }
  /** The operators' rights in the twin namespace go, and come back. */
  | { readonly do: 'forbid' | 'permit' }
  /** The twin namespace itself goes, and comes back with the rights. */
  | { readonly do: 'close' | 'reopen' }
  /** Waits until all is as the model says, and quiet. */
  | {
      readonly do: 'settle';
      /** Milliseconds more than L1 grants. */
      readonly patience?: number;
      /** An object that can't be applied, as its status has to say; all others settle without it. */
      readonly except?: string;
      /** True where those who act for a while are no excuse. */
      readonly meanwhile?: boolean;
    }
  /** From now on every write of this ConfigMap gets a 403. */
  | { readonly do: 'refuse'; readonly name: string };

/** How long the lease of two replicas lasts: the least that the operator takes. */
export const leaseSeconds = 5;

/** What a scenario needs of its slot, where that is not what all have. */
export type Needs = {
  readonly replicas?: 2;
  readonly leaseSeconds?: number;
  readonly ownAccount?: true;
  /** See stepping-clock.ts. */
  readonly clockSteps?: true;
  /** Lists in pages, as an API server without WatchList has them. */
  readonly pages?: boolean;
};

export type Scenario = {
  readonly name: string;
  /** @param n gives an object its name in this run */
  readonly steps: (n: (name: string) => string) => Step[];
  /** True without an object of the same name, and copies, in other namespaces. */
  readonly alone?: boolean;
  /** True where it mostly waits, or is unruly: it is not run again with faults at each request. */
  readonly plain?: boolean;
  readonly needs?: Needs;
};

export type Rest = Omit<Spec, 'licenses'>;
export const ports = (maximum: number, rest: Rest = {}): Spec => ({
  licenses: { outboundPorts: { minimum: 10, maximum } },
  ...rest,
});
export const zone = (name: string, outboundPorts: number, organizations?: [string, number][]) => ({
  name,
  licenses: { outboundPorts },
  ...(organizations
    ? { organizations: organizations.map(([name, ports]) => ({ name, licenses: { outboundPorts: ports } })) }
    : {}),
});
export const settle: Step = { do: 'settle' };

/** One object through several specs, each settled before the next. */
export const inTurn = (name: string, first: Spec, ...next: readonly Spec[]): Step[] => [
  { do: 'create', name, spec: first },
  settle,
  ...next.flatMap((spec): Step[] => [{ do: 'change', name, spec }, settle]),
];
export const afterFailover: Step = { do: 'settle', patience: 2_000 * leaseSeconds };
export const approval = (name: string, spec: Spec) => ({ [annotations.apply]: settingsHash(declare(name, spec)) });

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
    needs: { replicas: 2 },
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

/** Nobody acts for longer than that beside people, in milliseconds: those who do it for minutes have scenarios of their own. */
const longestAct = 10_000;

export type Draw = {
  readonly seed: number;
  readonly random: Random;
  readonly machines: boolean;
  readonly replicas: 1 | 2;
  /** `twin`: objects of the same names in two namespaces, and copies. `actors`: and others who act beside people. */
  readonly world?: 'twin' | 'actors' | undefined;
};

const worlds = {
  twin: { namespaces: ['home', 'twin'], elsewhere: ['aside'] },
  actors: {
    ...{ namespaces: ['home', 'twin'], elsewhere: ['aside'] },
    actors: ['hold', 'fight', 'fight status', 'police', 'limit'],
  },
} as const;

/** What drawActions draws, under names of the run's own. */
export function randomScenario({ seed, random, machines, replicas, world }: Draw): Scenario {
  const actions = drawActions(random, { invalidStorable: true, machines, ...(world ? worlds[world] : {}) });
  // With two replicas there is one failover at least.
  if (replicas > 1) actions.splice(1 + random.below(actions.length), 0, { do: 'kill' });
  const acts = actions.some(isActor);
  return {
    name: `random ${seed}`,
    ...(world ? { alone: true } : {}),
    ...(acts ? { plain: true } : {}),
    steps: (n) => [...actions.map((action) => stepOf(action, n, replicas)), ...(replicas > 1 ? [afterFailover] : [])],
  };
}

function stepOf(action: Action, n: (name: string) => string, replicas: number): Step {
  switch (action.do) {
    case 'settle':
      return replicas > 1 ? afterFailover : settle;
    case 'pause':
      return { do: 'pause', milliseconds: action.milliseconds };
    case 'fail over':
      return replicas > 1 ? { do: 'freeze', milliseconds: 1_500 * leaseSeconds } : { do: 'restart' };
    case 'restart':
    case 'kill':
      return { do: action.do };
    default: {
      const own = renamed(action, n);
      const brief = isActor(own) ? { ...own, milliseconds: Math.min(own.milliseconds, longestAct) } : own;
      return { do: 'act', action: brief };
    }
  }
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
