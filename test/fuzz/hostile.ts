/**
 * What a tenant may store that means harm: LicenseSettings, their metadata and status, ConfigMaps and records, from a seed.
 * Pure: a case is a list of requests as plain data. `@uid@` in a body stands for the uid of the LicenseSettings of the case,
 * `@neighbour@` for that of somebody else's in another namespace.
 */
import type { Declaration } from '../../src/api/licensesettings.ts';
import { annotations, apiVersion, kind, labels, manager } from '../../src/api/names.ts';
import { dataHash, settingsHash } from '../../src/settings/hash.ts';
import { createRandom, type Random } from '../support/random.ts';
import { hostileKey, hostileNumber, hostileText, hostileValue, inherited, jsonOf, nested, own, Raw } from './values.ts';

/** One request: of a create the body is whole, of a change it is a merge patch. */
export type Step = {
  readonly do: 'create' | 'change' | 'delete';
  readonly what: 'settings' | 'status' | 'configMap';
  readonly name: string;
  /** JSON with placeholders. */
  readonly body: string;
};

/** What one hostile object is, and what becomes of it. */
export type Case = {
  readonly seed: number;
  readonly kind: Kind;
  /** Of its LicenseSettings. Each name of a case holds the seed: `seedOf`. */
  readonly name: string;
  readonly steps: readonly Step[];
};

/** The reason of conditions that are forged: the operator gives none of that name. */
export const forged = 'Forged';
/** A mebibyte is what a ConfigMap may hold. */
const mebibyte = 1024 * 1024;

const kinds = {
  /** A spec of any shape. */
  spec: (at: At) => [createSettings(at, hostileSpec(at.random)), ...changes(at, changedSpec)],
  /** A spec of ours, but for a few places. */
  'almost a spec': (at: At) => [createSettings(at, almostSpec(at.random)), ...changes(at, changedSpec)],
  managedFields: (at: At) => [
    createSettings(at, plainSpec(at.random), { managedFields: managedFields(at.random) }),
    ...changes(at, changeFields).slice(0, 1),
  ],
  metadata: (at: At) => [
    createSettings(at, plainSpec(at.random), metadata(at.random)),
    ...changes(at, () => changeSettings(at, { metadata: metadata(at.random) })),
  ],
  status: (at: At) => [createSettings(at, specOf(at.random)), ...changes(at, forgeStatus, 1)],
  ConfigMap: (at: At, map = mapName(at)) => [
    ...(at.random.chance(0.5) ? [createSettings(at, specOf(at.random))] : []),
    createMap(at, map, forgedMap(at)),
    ...changes(at, () => changeMap(at, map, forgedMap(at))),
  ],
  record: (at: At) => [
    createSettings(at, at.random.chance(0.7) ? waitingSpec(at.random) : specOf(at.random)),
    ...recordSteps(at),
    ...changes(at, changedSpec),
  ],
  /** What the operator wrote is written over. */
  fight: (at: At) => [
    createSettings(at, plainSpec(at.random)),
    ...changes(at, () => changeMap(at, `${at.name}-licenses`, fought(at)), 1),
  ],
  all: (at: At) => [
    createSettings(at, specOf(at.random), {
      ...metadata(at.random),
      ...(at.random.chance(0.5) ? { managedFields: managedFields(at.random) } : {}),
    }),
    ...changes(at, () => at.random.pick([changedSpec, forgeStatus, () => recordSteps(at)[0] as Step])(at), 2),
  ],
} as const;

export type Kind = keyof typeof kinds;
export const allKinds = Object.keys(kinds) as Kind[];

/** What a step is made from. */
type At = { readonly random: Random; readonly name: string };

/** The case of a seed. */
export function hostileCase(seed: number): Case {
  const random = createRandom(seed);
  const chosen = random.pick(allKinds);
  const name = nameOf(random, seed);
  return { seed, kind: chosen, name, steps: kinds[chosen]({ random, name }) };
}

/** The seed of the case that a name, of an object or a ConfigMap, belongs to. */
export const seedOf = (name: string): number => Number(/f(\d+)e/.exec(name)?.[1] ?? Number.NaN);

/** Some names are longer than a label value may be, or look like what every JavaScript object has. */
function nameOf(random: Random, seed: number): string {
  const before = random.pick(['', '', 'constructor.', 'a.b-c.', `${'long'.repeat(20)}.`]);
  return `${before}f${seed}e`;
}

function changes(at: At, change: (at: At) => Step, least = 0): Step[] {
  return Array.from({ length: least + at.random.below(4) }, () => change(at));
}

// LicenseSettings

const changeFields = (at: At): Step => changeSettings(at, { metadata: { managedFields: managedFields(at.random) } });

const createSettings = ({ name }: At, spec: unknown, more: object = {}): Step => ({
  ...{ do: 'create', what: 'settings', name },
  body: jsonOf({ apiVersion, kind, metadata: { name, ...more }, spec }),
});
const changeSettings = ({ name }: At, patch: object): Step => ({
  ...{ do: 'change', what: 'settings', name, body: jsonOf(patch) },
});
/** The spec before it is replaced, not merged: null takes a field away. */
const changedSpec = (at: At): Step => changeSettings(at, { spec: specOf(at.random) });

const specOf = (random: Random): unknown =>
  random.pick([plainSpec, plainSpec, almostSpec, waitingSpec, hostileSpec])(random);

/** Null would be no spec at all. */
const hostileSpec = (random: Random): unknown => hostileValue(random) ?? {};

/** A valid one. */
function plainSpec(random: Random) {
  const maximum = 100 + random.below(900);
  const count = random.pick([0, 0, 0, 1, 3, 8]);
  const zones = Array.from({ length: count }, (_, i) => ({
    name: `z${i}`,
    licenses: { outboundPorts: Math.floor(maximum / (count + 1)) },
  }));
  return {
    licenses: { outboundPorts: { minimum: random.below(100), maximum } },
    ...(count > 0 ? { zones, settleSeconds: random.below(2) } : {}),
    ...(random.chance(0.2) ? { deletionPolicy: 'Retain' } : {}),
    ...(random.chance(0.1) ? { suspend: true } : {}),
  };
}

/** One whose settings don't go live: pending, or invalid. */
const waitingSpec = (random: Random) =>
  random.chance(0.5)
    ? { ...plainSpec(random), applyPolicy: 'Manual' }
    : { ...plainSpec(random), licenses: { outboundPorts: { minimum: 2, maximum: 1 } } };

/** A valid one with a few places written over. */
function almostSpec(random: Random): unknown {
  const many = random.pick([65, 65, 129, 600, 2_001]);
  const bad = () => (random.chance(0.3) ? hostileNumber(random) : hostileValue(random, 2));
  const places: (() => object)[] = [
    () => ({ [hostileKey(random)]: bad() }),
    () => own([[random.pick(inherited), bad()]]),
    () => ({ licenses: { outboundPorts: { minimum: bad(), maximum: bad() } } }),
    () => ({ licenses: own([[hostileKey(random), { minimum: 0, maximum: 1 }]]) }),
    () => ({ zones: manyZones(many, random.pick([(i: number) => `z${i}`, () => 'same', () => hostileKey(random)])) }),
    () => ({ zones: [{ name: 'z', organizations: manyZones(many, (i) => `o${i}`) }] }),
    () => ({ zones: [bad(), { name: bad(), licenses: bad(), organizations: bad() }] }),
    () => ({ configMap: { name: random.pick(['other', '..', `${'n'.repeat(300)}`, hostileText(random, 300)]) } }),
    () => ({ settleSeconds: bad(), suspend: bad(), deletionPolicy: bad(), applyPolicy: bad() }),
    () => ({ zones: new Raw(`[{"name":"a","name":"b","licenses":{"outboundPorts":1,"outboundPorts":-1}}]`) }),
  ];
  return Object.assign(
    {},
    plainSpec(random),
    ...random
      .shuffle(places)
      .slice(0, 1 + random.below(3))
      .map((one) => one()),
  );
}

const manyZones = (count: number, name: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => ({ name: name(i), licenses: { outboundPorts: 0 } }));

// What anybody may write into metadata

function metadata(random: Random): object {
  const parts: (() => object)[] = [
    () => ({ annotations: hostileAnnotations(random) }),
    () => ({
      labels: own(Array.from({ length: random.pick([1, 30, 1_000]) }, (_, i) => [`x${i}.dev/constructor`, 'toString'])),
    }),
    () => ({ finalizers: Array.from({ length: random.pick([1, 3, 200]) }, (_, i) => `fuzz.dev/f${i}`) }),
    // The garbage collector takes an object whose owners are all gone.
    () => ({
      ownerReferences: Array.from({ length: random.pick([1, 50, 500]) }, (_, i) =>
        reference(`nobody${i}`, uidLike(random)),
      ),
    }),
    () => ({ annotations: { [annotations.apply]: hostileText(random, 10_000) } }),
  ];
  return Object.assign(
    {},
    ...random
      .shuffle(parts)
      .slice(0, 1 + random.below(2))
      .map((one) => one()),
  );
}

/** All annotations together may have 256 KiB. */
function hostileAnnotations(random: Random): object {
  const count = random.pick([1, 3, 100]);
  const longest = Math.floor(random.pick([100, 5_000, 20_000, 150_000]) / count);
  return own([
    ...inherited.slice(2).map((name) => [name, hostileText(random, 50)] as const),
    ...Array.from({ length: count }, (_, i) => [`x${i}.dev/note`, hostileText(random, longest)] as const),
    ...Object.values(annotations).map((name) => [name, hostileText(random, 200)] as const),
  ]);
}

const reference = (name: string, uid: string, controller = false) => ({
  ...{ apiVersion: 'v1', kind: 'ConfigMap', name, uid },
  ...(controller ? { apiVersion, kind, controller } : {}),
});

const uidLike = (random: Random): string =>
  `${random
    .below(2 ** 31)
    .toString(16)
    .padStart(8, '0')}-1111-4111-8111-111111111111`;

/** Deep or wide or long; entries of a shape that the API server would not take are lost as a whole. */
function managedFields(random: Random): unknown[] {
  const count = random.pick([1, 1, 1, 5, 100]);
  return Array.from({ length: count }, (_, i) => ({
    // The API server takes printable characters alone here.
    ...{ manager: `m${i}${random.pick(['', '٣', '😀', 'constructor'])}` },
    ...{ operation: 'Update', apiVersion, fieldsType: 'FieldsV1', time: '2026-01-01T00:00:00Z' },
    fieldsV1: { 'f:spec': ownedFields(random, count) },
  }));
}

function ownedFields(random: Random, entries: number): unknown {
  const item = (name: string) => `k:${JSON.stringify({ name })}`;
  const wide = Math.floor((random.chance(0.02) ? 5_000 : random.pick([10, 10, 100, 100, 1_000])) / entries) + 1;
  const fields = (name: (i: number) => string) => own(Array.from({ length: wide }, (_, i) => [name(i), {}]));
  // The API server itself takes seconds for the deepest and the widest, and for each change after them.
  const depth = random.chance(0.03) ? 6_500 : random.pick([50, 50, 300, 300, 1_000]);
  const deep = (key: string, most: number) => nest(key, Math.ceil(most / entries));
  const nest = (key: string, depth: number) =>
    new Raw(`${`{${JSON.stringify(key)}:`.repeat(depth)}{}${'}'.repeat(depth)}`);
  return random.pick([
    () => deep('k:{"a":1}', depth),
    () => deep('f:a', depth),
    () => fields((i) => `f:${inherited[i % inherited.length]}${i < inherited.length ? '' : i}`),
    () => fields((i) => `f:${hostileText(random, 60)}${i}`),
    () => ({
      'f:zones': own(
        Array.from({ length: wide }, (_, i) => [item(`z${i}`), { '.': {}, 'f:region': {}, 'f:name': {} }]),
      ),
    }),
    () => ({ 'f:zones': own([[item(hostileText(random, 20_000 / entries)), fields((i) => `f:x${i}`)]]) }),
    () => ({ 'f:licenses': { 'f:outboundPorts': fields((i) => `f:minimum${i}`) }, 'f:suspend': {} }),
    () => ({ 'f:zones': deep(item('z0'), depth) }),
  ])();
}

// Status

const time = '2026-01-01T00:00:00Z';
const counts = (random: Random) => new Raw(random.pick(['0', '1', '1000000', '9223372036854775807', '5']));

/** A status as its schema lets it through; the CRD has no bounds for its lists and texts. */
const forgeStatus = ({ name, random }: At): Step => {
  const many = random.pick([1, 3, 10, 65, 500]);
  const record = () => forgedRecord(random, name, many);
  const parts: (() => object)[] = [
    () => ({ applied: record() }),
    () => ({ applying: record() }),
    () => ({ applied: record(), applying: record() }),
    () => ({ pending: { generation: counts(random), settingsHash: hostileText(random, 1_000) } }),
    () => ({
      history: Array.from({ length: many }, () => ({
        generation: counts(random),
        settingsHash: hostileText(random, 30),
        time,
      })),
    }),
    () => ({
      configMaps: Array.from({ length: many }, (_, i) => ({
        name: `${name}-c${i}`,
        dataHash: 'x',
        retained: random.chance(0.5),
      })),
    }),
    () => ({ configMaps: [{ name: random.pick(['', '../../secrets', hostileText(random, 3_000)]), dataHash: '' }] }),
    () => ({ zones: Array.from({ length: many }, () => ({ name: hostileText(random, 30), licenses: {} })) }),
    () => ({
      errors: Array.from({ length: many }, () => ({ field: hostileText(random, 40), reason: forged, message: '' })),
    }),
    () => ({ observedGeneration: counts(random) }),
  ];
  const chosen = random.shuffle(parts).slice(0, 1 + random.below(3));
  const status = Object.assign({ conditions: forgedConditions(random) }, ...chosen.map((one) => one()));
  return { do: 'change', what: 'status', name, body: jsonOf({ status }) };
};

const forgedConditions = (random: Random) =>
  ['Ready', 'Valid', 'Applied', ...inherited].slice(0, 1 + random.below(9)).map((type) => ({
    ...{ type, status: 'True', observedGeneration: 1, lastTransitionTime: time, reason: forged },
    message: hostileText(random, random.pick([10, 10, 10_000])),
  }));

function forgedRecord(random: Random, name: string, many: number) {
  const settings = forgedDeclaration(random, random.pick([`${name}-licenses`, name, 'other']), many);
  const hash = random.chance(0.7) ? settingsHash(settings) : hostileText(random, 64);
  return { generation: counts(random), settingsHash: hash, time, settings };
}

/** What was never saved, within the bounds of a spec or not. */
function forgedDeclaration(random: Random, configMap: string, zones: number): Declaration {
  const licenses = { outboundPorts: { minimum: 1, maximum: 777_777 } };
  const list = Array.from({ length: zones }, (_, i) => ({ name: `z${i}`, licenses: { outboundPorts: 1 } }));
  const sorted = list.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { licenses, ...(random.chance(0.7) ? { zones: sorted } : {}), configMap: { name: configMap } };
}

// ConfigMaps

const createMap = (_: At, name: string, map: object): Step => ({
  ...{ do: 'create', what: 'configMap', name },
  body: jsonOf({ ...map, apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadataOf(map), name } }),
});
const changeMap = (_: At, name: string, map: object): Step => ({
  ...{ do: 'change', what: 'configMap', name, body: jsonOf(map) },
});
const metadataOf = (map: object): object => (map as { metadata?: object }).metadata ?? {};

/** A name that the object wants, had, or could want. */
const mapName = ({ random, name }: At): string => `${name}${random.pick(['-licenses', '', '-licenses-z0', '-other'])}`;

/** One of ours, or nearly. */
function forgedMap(at: At): object {
  const { random } = at;
  const data = forgedData(random);
  return {
    metadata: forgedMarks(at, data),
    data,
    ...(random.chance(0.1) ? { binaryData: { bin: 'AA==' } } : {}),
  };
}

function forgedMarks({ random, name }: At, data: Record<string, string>, hash = hostileText(random, 64)): object {
  const uid = random.pick(['@uid@', '@uid@', '@neighbour@', uidLike(random), '', 'constructor']);
  const stamp = random.pick(['1', '1', '2', '0', '-1', '1e3', '999999999999999', '9'.repeat(400), '٣', ' 1 ']);
  const shortName = name.slice(0, 63);
  return {
    labels: {
      [labels.managedBy]: random.chance(0.9) ? manager : random.pick([manager.toUpperCase(), '', 'constructor']),
      ...(random.chance(0.8) ? { [labels.settings]: random.pick([shortName, 'neighbour', 'constructor']) } : {}),
      ...(random.chance(0.3) ? { [labels.zone]: random.pick(['z0', 'constructor', 'toString']) } : {}),
    },
    annotations: {
      ...(random.chance(0.9) ? { [annotations.ownerUid]: uid } : {}),
      ...{ [annotations.generation]: stamp, [annotations.settingsHash]: hash },
      [annotations.dataHash]: random.chance(0.8) ? dataHash(data) : hostileText(random, 64),
      ...(random.chance(0.1) ? { [annotations.epoch]: hostileText(random, 5_000) } : {}),
    },
    ...(random.chance(0.4) && uid !== '' ? { ownerReferences: [reference(name, uid, random.chance(0.7))] } : {}),
  };
}

/** Half of a character is no JSON of the API server's: it would store another text than the one that is hashed. */
function forgedData(random: Random): Record<string, string> {
  const record = forgedJson(random);
  const keys = random.pick([0, 3, 3, 300]);
  return Object.fromEntries(
    [
      ...(random.chance(0.9) ? [['licenses.json', record]] : []),
      ...inherited.slice(0, random.below(inherited.length)).map((name) => [name, hostileText(random, 100)]),
      ...Array.from({ length: keys }, (_, i) => [`K${i}_CAPACITY`, hostileText(random, 100)]),
    ].map(([key, text = '']) => [key, text.toWellFormed()]),
  ) as Record<string, string>;
}

/** Texts of a `licenses.json`, of any shape and size. */
function forgedJson(random: Random): string {
  const zone = (organizations: unknown) =>
    jsonOf({ schemaVersion: 1, scope: 'Zone', zone: 'z0', licenses: {}, organizations });
  const declaration = jsonOf({ declaration: forgedDeclaration(random, 'x', random.pick([1, 64, 2_001])) });
  return random.pick([
    () => declaration.slice(0, random.below(declaration.length)),
    () => `{"declaration":{},"declaration":${declaration},"declaration":null,"__proto__":{"declaration":{}}}`,
    () => nested(random, random.pick([100, 3_000, 50_000]), 'zones').text,
    () =>
      jsonOf({
        declaration: {
          licenses: { outboundPorts: { minimum: hostileNumber(random), maximum: hostileNumber(random) } },
        },
      }),
    () => zone(manyZones(random.pick([1, 128, 2_001]), (i) => `o${i}`)),
    () => `{"scope":"Zone",${'"a":1,'.repeat(5_000)}"zone":null}`,
    () => jsonOf(hostileValue(random)),
    () => hostileText(random, random.chance(0.05) ? mebibyte / 4 : 10_000),
    () => (random.chance(0.2) ? 'x'.repeat(mebibyte - 200_000) : 'null'),
  ])();
}

/** A record of settings that nobody saved, as whole as the operator itself would have written it. */
function recordSteps(at: At): Step[] {
  const { random, name } = at;
  const map = random.pick([`${name}-licenses`, name, `${name}-other`, 'other-licenses']);
  const declared = forgedDeclaration(random, map, random.pick([1, 2, 64, 65, 2_001]));
  const record = jsonOf({ schemaVersion: 1, scope: 'Default', licenses: {}, declaration: declared });
  const data = { 'licenses.json': record };
  const marks = forgedMarks(at, data, settingsHash(declared));
  const where = random.chance(0.8) ? map : `${name}-elsewhere`;
  const unique = where.includes(name) ? where : `${where}-${name}`;
  const create = createMap(at, unique, { metadata: marks, data });
  // Where the operator was first, what it wrote is written over.
  return [create, changeMap(at, unique, { metadata: marks, data })];
}

/** What befalls a ConfigMap that is the operator's. */
const fought = (at: At): object =>
  at.random.pick([
    () => forgedMap(at),
    () => ({ data: forgedData(at.random) }),
    () => ({ binaryData: { 'licenses.bin': 'AAAA', toString_: 'AA==' } }),
    () => ({ immutable: true }),
    () => ({ metadata: { labels: null } }),
    () => ({ metadata: { labels: null, ownerReferences: null }, data: null }),
    () => ({ metadata: { annotations: hostileAnnotations(at.random) } }),
    () => ({ metadata: { finalizers: ['fuzz.dev/holds'] } }),
    () => ({ metadata: { ownerReferences: [reference(at.name, uidLike(at.random), true)] } }),
  ])();
