/**
 * Plans against S9: whatever zones there were and are wanted, whatever hands did to their ConfigMaps, and wherever a plan was
 * interrupted, superseded or taken over, no write gives out more than the total, and it comes to its end.
 */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { render, renderZone } from '../../src/settings/render.ts';
import { type Counts, capacitiesOf, type Document, keys, readData } from '../contract/document.ts';
import type { Revision, Stored } from '../contract/revision.ts';
import { suite } from '../suite.ts';
import { createWalk, type Walk } from '../support/walk.ts';

const seed = Number(process.env['TEST_SEED'] ?? 20_261_124);
const numRuns = 250;
const test = suite('plans');

/** Types of which there are some; the others are off. */
const types = ['outboundPorts', 'manualAgents'] as const;
const zones = ['a', 'b', 'c', 'd'];
const count = fc.integer({ min: 0, max: 12 });
const shares = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: zones.length, maxLength: zones.length });

/** A valid spec: without zones, or with zones that hold all that there is, or less. */
const specUnder = (names: readonly string[]) =>
  fc
    .record({
      maxima: fc.tuple(count, count),
      there: fc.subarray(zones),
      given: fc.tuple(shares, shares),
      tenants: fc.boolean(),
      name: fc.constantFrom(...names),
      settleSeconds: fc.constantFrom(0, 100),
    })
    .map(({ maxima, there, given, tenants, name, settleSeconds }) => {
      const left = [...maxima];
      const countsOf = (index: number) =>
        Object.fromEntries(
          types.map((type, t) => {
            const held = Math.min(left[t] ?? 0, given[t]?.[index] ?? 0);
            left[t] = (left[t] ?? 0) - held;
            return [type, held];
          }),
        );
      return {
        licenses: Object.fromEntries(types.map((type, t) => [type, { minimum: 0, maximum: maxima[t] }])),
        zones: there.map((zone, index) => {
          const licenses = countsOf(index);
          return { name: zone, licenses, ...(tenants ? { organizations: [{ name: 'x', licenses }] } : {}) };
        }),
        ...{ configMap: { name }, settleSeconds },
      };
    });

/** What hands do to the ConfigMap of a zone; to that of a system all but the first. */
const edits: Readonly<Record<string, (map: Stored) => Stored>> = {
  'its data are gone': (map) => ({ ...map, data: {} }),
  'its label is gone': ({ metadata, ...map }) => ({ ...map, metadata: { ...metadata, labels: {} } }),
  'it has binaryData': (map) => ({ ...map, binaryData: { x: '' } }),
  'it is immutable': (map) => ({ ...map, immutable: true }),
};
/** As the operator would render it, with other numbers. */
const holding = (zone: string, outboundPorts: number) => (map: Stored) => ({
  ...map,
  data: renderZone(map.metadata.name, { name: zone, licenses: { outboundPorts } }).data,
});

/** Something that happens; the words are what a failure shows. */
type Action = { readonly words: string; readonly act: (walk: Walk) => unknown };
const edited = (name: string, words: string, change: (map: Stored) => Stored): Action => ({
  words: `${name}: ${words}`,
  act: (walk) => walk.maps.has(name) && walk.edit(name, change),
});

/** What happens besides: hands change ConfigMaps; or other terms take over, and writes have no answer and land later. */
type Trouble = 'hands' | 'takeovers and lost answers';

function actionsUnder(names: readonly string[], trouble: Trouble): fc.Arbitrary<Action> {
  const zone = fc.constantFrom(...zones);
  const mapOfZone = fc.tuple(fc.constantFrom(...names), zone).map(([name, one]) => `${name}-${one}`);
  const said = fc.constantFrom(...Object.entries(edits));
  const saved = specUnder(names).map((spec) => ({ words: JSON.stringify(spec), act: (walk: Walk) => walk.save(spec) }));
  const goes = fc.integer({ min: 0, max: 9 }).map((n) => ({ words: `go ${n}`, act: (walk: Walk) => walk.go(n) }));
  const waits = fc.constantFrom(1, 64, 100).map((s) => ({ words: `${s} s`, act: (walk: Walk) => walk.pass(s) }));
  const term = fc.constant({
    words: 'another term',
    act: (walk: Walk) => {
      // What the last term sent but for a plan nobody else knows of.
      if (!walk.status()?.applying) walk.land();
      walk.nextTerm();
    },
  });
  const spoiled = fc.tuple(mapOfZone, said).map(([name, [words, change]]) => edited(name, words, change));
  const system = fc
    .tuple(fc.constantFrom(...names), said)
    .map(([name, [words, change]]) =>
      words === 'its data are gone' ? edited(name, 'as it is', (map) => map) : edited(name, words, change),
    );
  const moved = fc
    .tuple(fc.constantFrom(...names), zone, fc.integer({ min: 0, max: 20 }))
    .map(([name, one, ports]) => edited(`${name}-${one}`, `holds ${ports}`, holding(one, ports)));
  const gone = fc
    .oneof(mapOfZone, fc.constantFrom(...names))
    .map((name) => ({ words: `${name} is gone`, act: (walk: Walk) => walk.remove(name) }));
  const lost = mapOfZone.map((name) => ({
    words: `no answer for ${name}`,
    act: (walk: Walk) => walk.befall(name, 'no answer'),
  }));
  const landed = fc.constant({ words: 'what had no answer lands', act: (walk: Walk) => walk.land() });
  return fc.oneof(
    ...[
      { weight: 3, arbitrary: saved },
      { weight: 6, arbitrary: goes },
      { weight: 2, arbitrary: waits },
    ],
    ...(trouble === 'hands' ? [spoiled, system, moved, gone] : [term, lost, landed]).map((arbitrary) => ({
      weight: 1,
      arbitrary,
    })),
  );
}

const totalsOf = ({ licenses }: Document): Counts =>
  Object.fromEntries(keys.map((key) => [key, licenses[key]?.['total'] ?? 0]));
const each = (of: (key: string) => number): Counts => Object.fromEntries(keys.map((key) => [key, of(key)]));

/**
 * Judges S9 alone, and knows nothing of what is wanted: what the zones hold, as the operator wrote it last, less what hands
 * took of it since, against the total of the system that the operator wrote last.
 */
function createSums() {
  const given = new Map<string, { readonly document: Document; readonly counts: Counts }>();
  let totals: Counts = {};
  const wrong: string[] = [];

  function take({ type, kind, object, by }: Revision): void {
    if (kind === 'LicenseSettings') {
      const { applying } = object.status ?? {};
      const there = applying && given.get(applying.settings.configMap.name)?.document;
      // A plan that was superseded may have left a system under the name that is wanted now.
      const left = there?.scope === 'System' ? totalsOf(there) : {};
      totals = each((key) => Math.max(totals[key] ?? 0, left[key] ?? 0));
      return;
    }
    const { name, resourceVersion } = object.metadata;
    if (type === 'DELETED') given.delete(name);
    else if (by === 'operator') takeWrite(object);
    else takeEdit(object);
    for (const key of keys) sum(`revision ${resourceVersion}, ${key}`, key);
  }

  function takeWrite({ metadata, data }: Stored): void {
    const { document } = readData(data);
    if (!document) return;
    given.set(metadata.name, { document, counts: capacitiesOf(document) });
    if (document.scope === 'System') totals = totalsOf(document);
  }

  /** What is no whole document of the zone is not believed. */
  function takeEdit({ metadata: { name }, data }: Stored): void {
    const { document, problems } = readData(data);
    const known = given.get(name);
    if (!known || !document || problems.length > 0 || document.zone !== known.document.zone) return;
    const now = capacitiesOf(document);
    given.set(name, { ...known, counts: each((key) => Math.min(known.counts[key] ?? 0, now[key] ?? 0)) });
  }

  function sum(where: string, key: string): void {
    const held = new Map<string, number>();
    for (const { document, counts } of given.values())
      if (document.zone !== undefined)
        held.set(document.zone, Math.max(held.get(document.zone) ?? 0, counts[key] ?? 0));
    const all = [...held.values()].reduce((a, b) => a + b, 0);
    const obeyed = [...given].flatMap(([name, { document }]) => (document.scope === 'Default' ? [name] : []));
    if (all > 0 && obeyed.length > 0) wrong.push(`${where}: zones hold ${all} while ${obeyed} has CAPACITY keys`);
    else if (all > (totals[key] ?? 0)) wrong.push(`${where}: zones hold ${all} of ${totals[key] ?? 0}`);
  }
  return { take, wrong };
}

for (const [trouble, names] of [
  ['hands', ['pom', 'pom-new']],
  ['takeovers and lost answers', ['pom', 'pom-new']],
] as const)
  test(`S9 with ${trouble}: never above the total after any write, and all end as the last settings say`, () => {
    const spec = specUnder(names);
    const actions = fc.array(actionsUnder(names, trouble), { minLength: 5, maxLength: 30 });
    let writes = 0;
    fc.assert(
      fc.property(spec, actions, spec, (first, between, last) => {
        const sums = createSums();
        const walk = createWalk((revision) => {
          writes++;
          sums.take(revision);
        });
        walk.save(first);
        for (const { act } of between) act(walk);
        walk.forgive();
        walk.land();
        walk.save(last);
        for (let rounds = 0; !walk.go().includes('done'); rounds++) {
          assert.ok(rounds < 8, 'it comes to its end');
          walk.pass(100);
        }
        assert.equal(sums.wrong, []);
        const { declaration } = walk.judgement().applied ?? {};
        assert.ok(declaration);
        const held = [...walk.views.values()].map(({ metadata, dataHash }) => `${metadata.name} ${dataHash}`);
        assert.equal(
          held.sort(),
          render(declaration)
            .map(({ name, dataHash }) => `${name} ${dataHash}`)
            .sort(),
        );
      }),
      { numRuns, seed },
    );
    assert.ok(writes > 10 * numRuns, `${writes} writes are judged`);
  });
