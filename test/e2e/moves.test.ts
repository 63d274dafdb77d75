/** Random moves between 64 zones, the operator killed among them: no license is ever given out twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { licenseTypes } from '../../src/api/license-types.ts';
import type { Spec } from '../../src/api/licensesettings.ts';
import { lateness } from '../../src/controller/memory.ts';
import { declare } from '../../src/settings/declaration.ts';
import { render } from '../../src/settings/render.ts';
import { createSafetyJudge } from '../contract/safety.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import {
  createDesk,
  type Desk,
  install,
  type Operator,
  type StoredMap,
  serviceAccount,
  startOperator,
} from '../operator.ts';
import { suite } from '../suite.ts';
import { createRandom, type Random } from '../support/random.ts';
import { type Watcher, watchNamespace } from '../support/watcher.ts';

const seed = Number(process.env['TEST_SEED'] ?? 20_261_124);
const wantedMoves = Number(process.env['TEST_MOVES'] ?? 60);
/** How often a move is followed by a kill. One that meets a removed zone costs a minute: a late create is kept out for 65 s. */
const killed = Number(process.env['TEST_KILLS'] ?? 0.06);
/** For a move to end, in milliseconds: as long as a late create is kept out, and some more. */
const patience = lateness + 30_000;
const zoneCount = 64;
const keys = licenseTypes.map(({ key }) => key);

const test = suite('moves');
let plane: ControlPlane;
let kubeconfig: string;
let operator: Operator | undefined;
let desk: Desk;
let watcher: Watcher;
const judge = createSafetyJudge({ quiet: false });
test.before(async () => {
  // One of its own: it takes minutes, and others may run meanwhile.
  plane = await startControlPlane({ audit: false });
  await install(plane);
  desk = createDesk(plane, 'moves');
  await desk.open();
  kubeconfig = await plane.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name);
  watcher = await watchNamespace(plane, 'moves', judge);
  operator = await startOperator(plane, { kubeconfig });
});
test.after(async () => {
  await watcher?.stop();
  await operator?.stop();
  await desk?.close();
  await plane?.stop();
});

type Counts = Record<string, number>;
type Zone = { licenses: Counts; organizations: Map<string, Counts> };

/** The settings as they change. What the zones hold is always exactly the maximum: one license more is too many. */
function createWorld({ below, chance, pick }: Random) {
  const maximum: Counts = Object.fromEntries(keys.map((key) => [key, 64_000]));
  const zones = new Map<string, Zone>();
  let serial = 0;
  let mapName = 'many-licenses';
  let without = false;
  const name = () => `z${String(serial++).padStart(4, '0')}`;
  const some = () => pick([...zones.values()]);
  const give = (zone: Zone, key: string, count: number) => {
    zone.licenses[key] = (zone.licenses[key] ?? 0) + count;
  };
  /** Up to half of what a zone holds, now and then all of it. */
  const takeFrom = (zone: Zone, key: string): number => {
    const held = zone.licenses[key] ?? 0;
    const count = chance(0.2) ? held : below(Math.floor(held / 2) + 1);
    give(zone, key, -count);
    return count;
  };
  const organize = (zone: Zone) => {
    zone.organizations.clear();
    for (let i = below(5); i > 0; i--) {
      zone.organizations.set(
        pick(['retail', 'sales', 'care', 'debt', 'night']),
        Object.fromEntries(keys.map((key) => [key, below(Math.floor((zone.licenses[key] ?? 0) / 4) + 1)])),
      );
    }
  };
  /** Takes from organizations what their zone has no more. */
  const fit = (zone: Zone) => {
    for (const key of keys) {
      let left = zone.licenses[key] ?? 0;
      for (const held of zone.organizations.values()) {
        held[key] = Math.min(held[key] ?? 0, left);
        left -= held[key];
      }
    }
  };
  const add = () => {
    const zone: Zone = { licenses: {}, organizations: new Map() };
    zones.set(name(), zone);
    return zone;
  };
  for (let i = 0; i < zoneCount; i++) {
    const zone = add();
    for (const key of keys) zone.licenses[key] = 1_000;
    organize(zone);
  }

  const changes: Record<string, { weight: number; change: () => void }> = {
    between: {
      weight: 50,
      change: () => {
        for (let i = 1 + below(8); i > 0; i--) {
          const key = pick(keys);
          give(some(), key, takeFrom(some(), key));
        }
      },
    },
    replace: {
      weight: 15,
      change: () => {
        for (let i = 1 + below(3); i > 0; i--) {
          const gone = pick([...zones.keys()]);
          const { licenses } = zones.get(gone) as Zone;
          zones.delete(gone);
          for (const key of keys) give(some(), key, licenses[key] ?? 0);
          const fresh = add();
          for (const key of keys) give(fresh, key, takeFrom(some(), key));
          organize(fresh);
        }
      },
    },
    organizations: {
      weight: 15,
      change: () => {
        for (let i = 1 + below(6); i > 0; i--) organize(some());
      },
    },
    raise: {
      weight: 10,
      change: () => {
        const key = pick(keys);
        const more = 1 + below(5_000);
        maximum[key] = (maximum[key] ?? 0) + more;
        give(some(), key, more);
      },
    },
    lower: {
      weight: 10,
      change: () => {
        const key = pick(keys);
        for (let i = 1 + below(4); i > 0; i--) maximum[key] = (maximum[key] ?? 0) - takeFrom(some(), key);
      },
    },
    turn: {
      weight: 5,
      change: () => {
        without = !without;
      },
    },
    rename: {
      weight: 5,
      change: () => {
        mapName = `many-${mapName === 'many-licenses' ? 'other' : 'licenses'}`;
      },
    },
  };
  const drawn = Object.entries(changes).flatMap(([kind, { weight }]) => Array.from({ length: weight }, () => kind));

  return {
    /** One change, or a few in one; gives their names. */
    move(): string {
      // Soon back to zones: nothing can move without them.
      if (without && chance(0.7)) without = false;
      const kinds = [pick(drawn)];
      while (chance(0.3)) kinds.push(pick(drawn));
      for (const kind of kinds) changes[kind]?.change();
      for (const zone of zones.values()) fit(zone);
      return kinds.join('+');
    },
    spec: (): Spec => ({
      licenses: Object.fromEntries(keys.map((key) => [key, { minimum: 0, maximum: maximum[key] ?? 0 }])),
      zones: without
        ? []
        : [...zones].map(([zone, { licenses, organizations }]) => ({
            name: zone,
            licenses: { ...licenses },
            organizations: [...organizations].map(([tenant, held]) => ({ name: tenant, licenses: { ...held } })),
          })),
      configMap: { name: mapName },
      settleSeconds: chance(0.1) ? 1 : 0,
    }),
  };
}

test('S9 random moves between 64 zones with kills: the sum over the zones never exceeds the total, at no revision', async () => {
  const random = createRandom(seed);
  const world = createWorld(random);
  const started = performance.now();
  const kinds: Record<string, number> = {};
  let spec = world.spec();
  let moves = 0;
  let kills = 0;
  let settled = 0;
  let kind = 'first';
  const where = () =>
    `seed ${seed}, move ${moves} (${kind}), ${kills} kills: ${judge.violations.length} violations, the first:\n${judge.violations.slice(0, 5).join('\n')}`;
  await desk.create('many', spec);
  await desk.waitFor('many', 'Applied', 'True', 'Applied', patience);
  while (moves < wantedMoves) {
    kind = world.move();
    for (const one of kind.split('+')) kinds[one] = (kinds[one] ?? 0) + 1;
    spec = world.spec();
    await desk.patch('many', { spec });
    moves++;
    if (random.chance(killed)) {
      await sleep(random.below(301));
      await operator?.stop('SIGKILL');
      kills++;
      operator = await startOperator(plane, { kubeconfig });
    }
    if (random.chance(0.6)) {
      await desk.waitFor('many', 'Applied', 'True', 'Applied', patience).catch((error: unknown) => {
        throw new Error(`${where()}\n${error}`);
      });
      // From here on it is judged strictly: nothing is in flight.
      await watcher.caughtUp();
      judge.settled();
      settled++;
    } else await sleep(random.below(400));
    assert.ok(judge.violations.length === 0, where());
  }
  await desk.waitFor('many', 'Applied', 'True', 'Applied', patience);
  await watcher.caughtUp();
  judge.settled();
  judge.finish();
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `seed ${seed}: ${moves} moves ${JSON.stringify(kinds)}, ${settled} of them settled before the next, ${kills} kills, ${judge.judged} revisions judged, ${judge.tight} of them with no license to spare, ${seconds.toFixed(0)} s`,
  );
  assert.ok(judge.violations.length === 0, where());

  const path = `/api/v1/namespaces/${desk.namespace}/configmaps`;
  const { items } = (await desk.request('GET', path)).json as { items: StoredMap[] };
  const found = items.filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt');
  const contents = (list: readonly { name: string; data: unknown }[]) =>
    Object.fromEntries(list.map(({ name, data }) => [name, data]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
  assert.equal(
    contents(found.map(({ metadata, data }) => ({ name: metadata.name, data }))),
    contents(render(declare('many', spec))),
    `seed ${seed}: what is there in the end`,
  );
  assert.is(moves, wantedMoves);
  assert.ok(kills >= (wantedMoves * killed) / 2, `${kills} kills`);
  assert.ok(judge.judged >= wantedMoves * 5, `${judge.judged} revisions`);
  assert.ok(judge.tight >= judge.judged / 10, `${judge.tight} revisions without a license to spare`);
});
