/** The plan that moves licenses, as a pure function: thousands of moves, judged after every single write. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { Declaration } from '../../src/api/licensesettings.ts';
import type { ConfigMapView } from '../../src/settings/configmap.ts';
import { declare } from '../../src/settings/declaration.ts';
import { dataHash } from '../../src/settings/hash.ts';
import {
  liveNumbers,
  type Rendered,
  render,
  renderSystem,
  renderZone,
  zoneNumbers,
} from '../../src/settings/render.ts';
import { holdOthers, holdsLess, lower, planZones } from '../../src/settings/zones.ts';
import { suite } from '../suite.ts';

type Present = Map<string, ConfigMapView>;
const view = ({ name, data, zone }: Rendered, change: Partial<ConfigMapView> = {}): ConfigMapView => ({
  metadata: { name, uid: name, resourceVersion: '1', labels: zone ? { 'licensing.dialer.dev/zone': zone } : {} },
  dataHash: dataHash({ ...data }),
  binary: false,
  immutable: false,
  record: data['licenses.json'] ?? '',
  ...change,
});
const presentOf = (declaration: Declaration): Present =>
  new Map(render(declaration).map((one) => [one.name, view(one)]));
const zones = (held: Record<string, number>, name = 'pom'): Declaration =>
  declare('pom', {
    licenses: { outboundPorts: { minimum: 0, maximum: 500 } },
    zones: Object.entries(held).map(([zone, count]) => ({ name: zone, licenses: { outboundPorts: count } })),
    configMap: { name },
  });
const none = declare('pom', { licenses: { outboundPorts: { minimum: 0, maximum: 500 } }, configMap: { name: 'pom' } });
const portsIn = ({ data }: Rendered) => data['OUTBOUND_PORTS_CAPACITY'] ?? '-';
const shown = (from: Declaration, to: Declaration, change?: (present: Present) => void) => {
  const present = presentOf(from);
  change?.(present);
  const plan = planZones({ target: to, before: [from], present });
  const list = (steps: Rendered[]) => steps.map((one) => `${one.name}=${portsIn(one)}`);
  return {
    decreases: list(plan.decreases),
    system: plan.system && `${plan.system.name}=${portsIn(plan.system)}`,
    increases: list(plan.increases),
    emptied: plan.emptied,
    creations: list(plan.creations),
    obsolete: plan.obsolete,
  };
};

const test = suite('zone plan');

test('what is right needs nothing', () => {
  const same = zones({ a: 1, b: 2 });
  assert.equal(shown(same, same), {
    decreases: [],
    system: undefined,
    increases: [],
    emptied: [],
    creations: [],
    obsolete: [],
  });
});
test('a move: the giver goes down, the taker goes up', () => {
  assert.equal(shown(zones({ a: 300, b: 200 }), zones({ a: 200, b: 300 })), {
    decreases: ['pom-a=200'],
    system: 'pom=-',
    increases: ['pom-a=200', 'pom-b=300'].slice(0, 2),
    emptied: [],
    creations: [],
    obsolete: [],
  });
});
test('a zone holds less than what was live and what is on its way both give it, or it does not', () => {
  const before = [zones({ a: 3, b: 2, none: 0 }), zones({ a: 2, b: 4, c: 1 })];
  const holds = (held: Record<string, number>, change?: (present: Present) => void) => {
    const present = presentOf(zones(held));
    change?.(present);
    return holdsLess({ before, present });
  };
  assert.equal([holds({ a: 3, b: 2 }), holds({ a: 2, b: 4 }), holds({ a: 9, b: 9 })], [false, false, false]);
  assert.equal([holds({ a: 1, b: 2 }), holds({ a: 3, b: 1 }), holds({ a: 3 })], [true, true, true]);
  const unreadable = (present: Present) => {
    present.set('pom-a', { ...(present.get('pom-a') as ConfigMapView), record: '{' });
  };
  assert.is(holds({ a: 3, b: 2 }, unreadable), true);
  assert.is(holdsLess({ before: [], present: presentOf(none) }), false);
});
test('zones hold what other settings gave them, or what these did', () => {
  const unedited = (declaration: Declaration) =>
    [...presentOf(declaration).values()].map((one) => ({
      ...one,
      metadata: { ...one.metadata, annotations: { 'licensing.dialer.dev/data-hash': one.dataHash } },
    }));
  const [target, other] = [zones({ a: 1, b: 2 }), zones({ a: 2, b: 2 })];
  assert.is(holdOthers(unedited(target), target), false);
  assert.is(holdOthers(unedited(other), target), true);
  assert.is(holdOthers(unedited(zones({ a: 1, b: 2, c: 0 })), target), true, 'a zone that is not wanted');
  assert.is(holdOthers([...presentOf(other).values()], target), false, 'edited: that is drift');
  const known = unedited(other).map(({ metadata: { name }, dataHash }) => ({ name, dataHash }));
  assert.is(holdOthers(unedited(other), target, known), false, 'what an older release made of these settings');
  assert.is(holdOthers(unedited(none), target), false, 'the system is no zone');
  const leaving = (declaration: Declaration) =>
    unedited(declaration).map((one) => ({ ...one, metadata: { ...one.metadata, deletionTimestamp: 'now' } }));
  const [gone, kept] = [0, 1].map((c) => leaving(zones({ c })).filter(({ metadata }) => metadata.name === 'pom-c'));
  assert.is(holdOthers([...unedited(target), ...(gone ?? [])], target), false, 'it goes, and holds nothing');
  assert.is(holdOthers([...unedited(target), ...(kept ?? [])], target), true, 'it goes, and holds something');
});
test('a removed zone goes to zero before it is deleted', () => {
  const { decreases, emptied, obsolete } = shown(zones({ a: 300, b: 200 }), zones({ a: 300 }));
  assert.equal([decreases, emptied, obsolete], [['pom-b=0'], ['pom-b'], []]);
});
test('no zones to zones: the system loses its CAPACITY keys; zones to none: it gets them back after the zones are at zero', () => {
  assert.equal(shown(none, zones({ a: 500 })), {
    decreases: [],
    system: 'pom=-',
    increases: [],
    emptied: [],
    creations: ['pom-a=500'],
    obsolete: [],
  });
  assert.equal(shown(zones({ a: 500 }), none), {
    decreases: ['pom-a=0'],
    system: undefined,
    increases: ['pom=500'],
    emptied: ['pom-a'],
    creations: [],
    obsolete: [],
  });
});
test('no zones to zones under a new name: the old system must not be obeyed beside the zones', () => {
  const plan = shown(none, zones({ a: 500 }, 'pom-new'));
  assert.equal([plan.decreases, plan.system, plan.obsolete], [['pom=-'], 'pom-new=-', ['pom']]);
});
test('a rename moves nothing', () => {
  const plan = shown(zones({ a: 300 }), zones({ a: 300 }, 'pom-new'));
  assert.equal(plan, {
    decreases: [],
    system: 'pom-new=-',
    increases: [],
    emptied: [],
    creations: ['pom-new-a=300'],
    obsolete: ['pom', 'pom-a'],
  });
});
test('a zone that goes with a rename makes room before the new names are there, the others stay until then', () => {
  const { emptied, obsolete } = shown(zones({ a: 300, b: 200 }), zones({ a: 300, c: 200 }, 'pom-new'));
  assert.equal([emptied, obsolete], [['pom-b'], ['pom', 'pom-a']]);
});
test('a zone that was edited by hand counts as the smaller of what was live and what is on its way', () => {
  const edited = (present: Present) => {
    const forged = renderZone('pom-a', { name: 'a', licenses: { outboundPorts: 499 } });
    present.set('pom-a', view(forged));
  };
  assert.equal(shown(zones({ a: 100, b: 200 }), zones({ a: 400, b: 100 }), edited).decreases, [
    'pom-a=100',
    'pom-b=100',
  ]);
  const broken = (present: Present) => {
    const one = present.get('pom-a') as ConfigMapView;
    present.set('pom-a', { ...one, dataHash: 'x', record: 'not JSON' });
  };
  assert.equal(shown(zones({ a: 100, b: 200 }), zones({ a: 400, b: 100 }), broken).decreases, [
    'pom-a=100',
    'pom-b=100',
  ]);
});
test('organizations: one that goes, or shrinks, gives back before another gets', () => {
  const one = {
    name: 'a',
    licenses: { outboundPorts: 10 },
    organizations: [{ name: 'x', licenses: { outboundPorts: 6 } }, { name: 'y' }],
  };
  const other = {
    name: 'a',
    licenses: { outboundPorts: 10 },
    organizations: [
      { name: 'x', licenses: { outboundPorts: 2 } },
      { name: 'z', licenses: { outboundPorts: 8 } },
    ],
  };
  assert.equal(lower(one, other), {
    name: 'a',
    licenses: { outboundPorts: 10 },
    organizations: [{ name: 'x', licenses: { outboundPorts: 2 } }],
  });
  assert.equal(lower(one, undefined), { name: 'a' });
});

test('a zone edited in the middle of a plan counts as the smallest of what was live and what is on its way', () => {
  const present = presentOf(zones({ a: 100 }));
  present.set('pom-a', view(renderZone('pom-a', { name: 'a', licenses: { outboundPorts: 499 } })));
  const { decreases } = planZones({ target: zones({ a: 80 }), before: [zones({ a: 100 }), zones({ a: 50 })], present });
  assert.equal(decreases.map(portsIn), ['50']);
});
test('an organization edited by hand counts as what was live, although its zone holds no more than it may', () => {
  const of = (x: number, y: number) =>
    declare('pom', {
      licenses: { outboundPorts: { minimum: 0, maximum: 500 } },
      zones: [
        {
          name: 'a',
          licenses: { outboundPorts: 100 },
          organizations: [
            { name: 'x', licenses: { outboundPorts: x } },
            { name: 'y', licenses: { outboundPorts: y } },
          ],
        },
      ],
      configMap: { name: 'pom' },
    });
  const present = presentOf(of(90, 10));
  const { decreases } = planZones({ target: of(50, 50), before: [of(10, 90)], present });
  assert.equal(
    decreases.map(({ data }) => data['licenses.properties']?.match(/^license\.organization\..*outboundPorts.*$/gm)),
    [['license.organization.x.outboundPorts.capacity=10', 'license.organization.y.outboundPorts.capacity=50']],
  );
});
test('a zone that lost its label is still a zone: it goes to zero before it is deleted', () => {
  const plan = shown(zones({ a: 300, b: 200 }), zones({ a: 300 }), (present) => {
    const b = present.get('pom-b') as ConfigMapView;
    present.set('pom-b', { ...b, metadata: { ...b.metadata, labels: {} } });
  });
  assert.equal(plan.decreases, ['pom-b=0']);
});
test('a zone that lost its label and its data is still a zone, by its name: it is not written as a system', () => {
  const bare = (name: string) => (present: Present) => {
    const { record: _, ...rest } = present.get(name) as ConfigMapView;
    present.set(name, { ...rest, dataHash: 'edited', metadata: { ...rest.metadata, labels: {} } });
  };
  assert.equal(shown(zones({ a: 300, b: 200 }), zones({ a: 200, b: 300 }), bare('pom-b')).decreases, [
    'pom-a=200',
    'pom-b=200',
  ]);
  assert.equal(shown(zones({ a: 300, b: 200 }), none, bare('pom-b')).decreases, ['pom-a=0', 'pom-b=0']);
  const system = declare('pom', { licenses: {}, configMap: { name: 'pom-b' } });
  const target = zones({ b: 200 });
  const present = presentOf(system);
  bare('pom-b')(present);
  const plan = planZones({ target, before: [system, target], present });
  assert.equal(plan.decreases.map(portsIn), ['-'], 'one that was the system is none');
});
test('binary data in a zone are drift, although its data are right', () => {
  const same = zones({ a: 1 });
  const plan = shown(same, same, (present) => {
    present.set('pom-a', { ...(present.get('pom-a') as ConfigMapView), binary: true });
  });
  assert.equal(plan.decreases, ['pom-a=1']);
});
test('CAPACITY keys are taken away where the system had some, and only there', () => {
  const taken = (from: Declaration, to: Declaration) =>
    planZones({ target: to, before: [from], present: presentOf(from) }).systemTakesAway;
  assert.is(taken(none, zones({ a: 500 })), true);
  assert.is(taken(zones({ a: 500 }), zones({ a: 400 })), false);
  assert.is(taken(zones({ a: 500 }), none), false);
});

/** Random settings of one object: with and without zones, under one of two names. */
const declaration = fc
  .record({
    maximum: fc.integer({ min: 0, max: 20 }),
    names: fc.subarray(['a', 'b', 'c', 'd'], { minLength: 0 }),
    shares: fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 4, maxLength: 4 }),
    name: fc.constantFrom('pom', 'pom-new'),
  })
  .map(({ maximum, names, shares, name }) => {
    let left = maximum;
    const list = names.map((zone, index) => {
      const held = Math.min(left, shares[index] ?? 0);
      left -= held;
      return { name: zone, licenses: { outboundPorts: held } };
    });
    return declare('pom', { licenses: { outboundPorts: { minimum: 0, maximum } }, zones: list, configMap: { name } });
  });

type Document = { scope: string; zone?: string; licenses: { outboundPorts: { capacity?: number; total?: number } } };
const documentOf = ({ record }: ConfigMapView) => JSON.parse(record ?? '') as Document;

/** Rule S9: the zones, each counted once with its larger ConfigMap, and a system that dialers obey, never exceed the total. */
function judge(present: Present, target: Declaration, context: () => string): void {
  const systems = [...present].filter(([, one]) => documentOf(one).scope !== 'Zone');
  // What a superseded plan left under the new name says nothing yet: the system that zones were given from counts.
  const totalOf = (one: ConfigMapView) => {
    const { total, capacity } = documentOf(one).licenses.outboundPorts;
    return total ?? capacity ?? 0;
  };
  const isNew = ([name, one]: [string, ConfigMapView]) =>
    name === target.configMap.name && one.dataHash === renderSystem(target).dataHash;
  const [systemName, system] = systems.find(isNew) ?? systems.sort(([, a], [, b]) => totalOf(b) - totalOf(a))[0] ?? [];
  if (!system) return;
  const { scope: systemScope, licenses: whole } = documentOf(system);
  const { total, capacity } = whole.outboundPorts;
  const held = new Map<string, number>();
  for (const [name, one] of present) {
    const { scope, zone = 'default', licenses } = documentOf(one);
    // A rename without zones publishes the same settings under both names for a moment: no zone holds anything.
    if (scope === 'System' || (scope === 'Default' && systemScope === 'Default' && name !== systemName)) continue;
    held.set(zone, Math.max(held.get(zone) ?? 0, licenses.outboundPorts.capacity ?? 0));
  }
  const sum = [...held.values()].reduce((a, b) => a + b, 0);
  assert.ok(sum <= (total ?? capacity ?? 0), `${sum} of ${total ?? capacity}: ${context()}`);
}

test('3,000 random moves, with newer settings in the middle: never above the total after any write, and all end settled', () => {
  let moves = 0;
  let judged = 0;
  const sequence = fc.array(fc.record({ target: declaration, writes: fc.integer({ min: 0, max: 12 }) }), {
    minLength: 5,
    maxLength: 20,
  });
  fc.assert(
    fc.property(declaration, sequence, (first, targets) => {
      const present = presentOf(first);
      let applied = first;
      let applying: Declaration | undefined;
      for (const [index, { target, writes }] of targets.entries()) {
        moves++;
        const written = new Map<string, number>();
        const trail = [`${JSON.stringify(applied)} -> ${JSON.stringify(target)}`];
        // All but the last are interrupted after some writes, and superseded.
        let left = index === targets.length - 1 ? Number.POSITIVE_INFINITY : writes;
        for (let round = 0; ; round++) {
          assert.ok(round < 100, `comes to an end: ${trail.slice(0, 12).join('\n')}`);
          const before = applying ? [applied, applying] : [applied];
          const plan = planZones({ target, before, present });
          const leftovers = [...plan.emptied, ...plan.obsolete];
          const created = plan.emptied.length > 0 ? [] : plan.creations;
          const writing = [plan.decreases, plan.system ? [plan.system] : [], plan.increases, created];
          const step = writing.find(({ length }) => length > 0) ?? [];
          if (step.length === 0 && leftovers.length === 0) {
            [applied, applying] = [target, undefined];
            break;
          }
          if (left-- <= 0) {
            applying = target;
            break;
          }
          const [write] = step;
          const times = (written.get(write?.name ?? '') ?? 0) + 1;
          written.set(write?.name ?? '', times);
          if (write) assert.ok(times <= 2, `${write.name} is written at most twice: ${trail.join('\n')}`);
          if (write) present.set(write.name, view(write));
          else present.delete(leftovers[0] as string);
          trail.push(write ? `${write.name}=${portsIn(write)}` : `delete ${leftovers[0]}`);
          judged++;
          judge(present, target, () => trail.join('\n'));
        }
      }
      const expected = new Map(render(applied).map(({ name, dataHash: hash }) => [name, hash]));
      assert.equal(
        new Map([...present].sort().map(([name, one]) => [name, one.dataHash])),
        new Map([...expected].sort()),
      );
    }),
    { numRuns: 300, seed: 20_261_124 },
  );
  assert.ok(moves > 3_000 && judged > 6_000, `${moves} moves, ${judged} writes judged`);
});

test('what zones hold is allocated, what their organizations hold too; the rest is unused and unallocated', () => {
  const declared = declare('pom', {
    licenses: { outboundPorts: { minimum: 10, maximum: 500 } },
    zones: [
      {
        name: 'a',
        licenses: { outboundPorts: 300, manualAgents: 0 },
        organizations: [
          { name: 'x', licenses: { outboundPorts: 120 } },
          { name: 'y', licenses: { outboundPorts: 80 } },
        ],
      },
      { name: 'b', licenses: { outboundPorts: 50 } },
    ],
  });
  assert.equal(liveNumbers(declared).outboundPorts, {
    minimum: 10,
    maximum: 500,
    capacity: 500,
    allocated: 350,
    unused: 150,
  });
  assert.equal(zoneNumbers(declared), [
    { name: 'a', licenses: { outboundPorts: { capacity: 300, unallocated: 100 } } },
    { name: 'b', licenses: { outboundPorts: { capacity: 50, unallocated: 50 } } },
  ]);
});

test('the system is rendered with zones but without CAPACITY keys; its JSON says total', () => {
  const { data } = renderSystem(zones({ a: 1 }));
  assert.not.ok(Object.keys(data).some((key) => key.endsWith('_CAPACITY')));
  assert.not.match(data['licenses.properties'] ?? '', /^license\.outboundPorts\.capacity/m);
  assert.match(data['licenses.properties'] ?? '', '\nlicense.zone.a.outboundPorts.capacity=1\n');
});
