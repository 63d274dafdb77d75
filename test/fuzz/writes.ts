/**
 * Judges what the operator wrote among hostile objects. Who wrote is told by the API server's audit log: managedFields can be
 * forged. What was there before is told by etcd. The judge of the other campaigns (`test/support/judge.ts`) takes the word of
 * the objects for both.
 */
import type { Declaration, Status } from '../../src/api/licensesettings.ts';
import { annotations, labels, manager } from '../../src/api/names.ts';
import { isApproved } from '../../src/settings/approval.ts';
import { declare, readDeclaration } from '../../src/settings/declaration.ts';
import { dataHash, settingsHash } from '../../src/settings/hash.ts';
import { configMapNames, renderSystem } from '../../src/settings/render.ts';
import { validate } from '../../src/settings/validate.ts';
import type { AuditEvent } from '../controlplane/audit.ts';
import type { Committed, StoredObject } from '../faults/revisions.ts';

/** A LicenseSettings from its creation to its end, and what may be live for it. */
type Life = {
  readonly name: string;
  /** By the wall clock, in milliseconds; infinite while it is there. */
  goneAt: number;
  /** Names of ConfigMaps that a declaration of it gives. */
  readonly names: Set<string>;
  readonly settings: Set<string>;
  /** Hashes of the data of system ConfigMaps; by zone the most that one may hold of a type. */
  readonly systems: Set<string>;
  readonly zones: Map<string, number>;
};

/** Whose a ConfigMap was in a version, and what it held. */
type Version = {
  readonly uid: string;
  readonly controller: string | undefined;
  readonly ownerUid: string | undefined;
  readonly managedBy: string | undefined;
  readonly settings: string | undefined;
  readonly dataHash: string;
};

/** A write that was decided before an object went may still come so long after, in milliseconds. */
const inFlight = 2_000;

export type WriteJudge = {
  /** Each revision of LicenseSettings and ConfigMaps, whoever wrote it. */
  take(committed: Committed): void;
  /** Gives what is wrong with a write of the operator's, when every revision has been taken. */
  judge(event: AuditEvent): string | undefined;
};

export function createWriteJudge(): WriteJudge {
  /** By namespace and uid. */
  const lives = new Map<string, Life>();
  /** By namespace, name and resourceVersion. */
  const versions = new Map<string, Version>();

  return {
    take({ kind, type, object }) {
      const { namespace, name, uid, resourceVersion } = object.metadata;
      const key = `${namespace}/${uid}`;
      if (kind === 'ConfigMap') {
        if (type !== 'DELETED') versions.set(`${namespace}/${name}@${resourceVersion}`, versionOf(object));
        for (const life of recordedFor(object, lives)) learnRecord(life, object);
        return;
      }
      const life = lives.get(key) ?? newLife(name);
      lives.set(key, life);
      if (type === 'DELETED' || object.metadata.deletionTimestamp) life.goneAt = Math.min(life.goneAt, Date.now());
      else learn(life, object);
    },
    judge(event) {
      const { objectRef, verb, responseStatus } = event;
      const { resource, subresource, namespace = '', name = '' } = objectRef ?? {};
      if (resource === 'events' && verb === 'create') return undefined;
      const what = `${verb} ${resource} ${namespace}/${name || nameIn(event)}`;
      if (resource === 'licensesettings' && subresource === 'status' && verb === 'update') return undefined;
      if (resource !== 'configmaps') return `${what}: nothing of the kind is its to write`;
      // What was refused has changed nothing.
      if ((responseStatus?.code ?? 0) >= 300) return undefined;
      const wrong = verb === 'delete' ? judgeDelete(event, lives, versions) : judgeWrite(event, lives, versions);
      return wrong && `${what}: ${wrong}`;
    },
  };
}

const nameIn = ({ requestObject }: AuditEvent): string =>
  (requestObject as { metadata?: { name?: string } } | undefined)?.metadata?.name ?? '';

const newLife = (name: string): Life => ({
  ...{ name, goneAt: Number.POSITIVE_INFINITY },
  ...{ names: new Set(), settings: new Set(), systems: new Set(), zones: new Map() },
});

/** What a revision of a LicenseSettings lets go live: its spec, and what its status says, as nobody else should write it. */
function learn(life: Life, { metadata, spec, status }: StoredObject & { spec?: unknown; status?: Status }): void {
  const { spec: valid } = validate({ name: life.name, spec });
  const declared = valid && declare(life.name, valid);
  if (declared && (valid.applyPolicy !== 'Manual' || isApproved(metadata.annotations, settingsHash(declared))))
    allow(life, declared);
  for (const one of [status?.applied, status?.applying]) {
    const stored = one && readDeclaration(one.settings, one.settingsHash, life.name);
    if (stored) allow(life, stored);
  }
}

/** Who may write ConfigMaps may forge a record: docs/security.md. It counts for the object whose uid it carries. */
function recordedFor({ metadata }: StoredObject, lives: ReadonlyMap<string, Life>): Life[] {
  const uid = metadata.annotations?.[annotations.ownerUid];
  const life = lives.get(`${metadata.namespace}/${uid}`);
  return life ? [life] : [];
}

function learnRecord(life: Life, object: StoredObject): void {
  const { 'licenses.json': text } = (object['data'] ?? {}) as { 'licenses.json'?: string };
  let record: unknown;
  try {
    record = JSON.parse(text ?? '');
  } catch {
    return;
  }
  const stored = (record as { declaration?: unknown } | null)?.declaration;
  const declared = readDeclaration(stored, object.metadata.annotations?.[annotations.settingsHash], life.name);
  if (declared?.configMap.name === object.metadata.name) allow(life, declared);
}

function allow(life: Life, declared: Declaration): void {
  const hash = settingsHash(declared);
  if (life.settings.has(hash)) return;
  life.settings.add(hash);
  for (const name of configMapNames(declared)) life.names.add(name);
  life.systems.add(renderSystem(declared).dataHash);
  for (const { name, licenses } of declared.zones ?? [])
    life.zones.set(name, Math.max(life.zones.get(name) ?? 0, ...Object.values(licenses ?? {}).map((one) => one ?? 0)));
}

/** A ConfigMap on the wire, or as stored. */
type Map_ = {
  readonly metadata: {
    readonly uid?: string;
    readonly name: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string; readonly controller?: boolean }[];
  };
  readonly data?: Readonly<Record<string, string>>;
};

function versionOf(object: Map_): Version {
  const { uid = '', labels: all = {}, annotations: notes = {}, ownerReferences = [] } = object.metadata;
  return {
    ...{ uid, controller: ownerReferences.find(({ controller }) => controller)?.uid },
    ...{ ownerUid: notes[annotations.ownerUid], managedBy: all[labels.managedBy], settings: all[labels.settings] },
    dataHash: dataHash(object.data ?? {}),
  };
}

type Lives = ReadonlyMap<string, Life>;
type Versions = ReadonlyMap<string, Version>;

function judgeDelete({ objectRef, requestObject }: AuditEvent, lives: Lives, versions: Versions): string | undefined {
  const { namespace, name } = objectRef ?? {};
  const { preconditions } = (requestObject ?? {}) as { preconditions?: { uid?: string; resourceVersion?: string } };
  const before = versions.get(`${namespace}/${name}@${preconditions?.resourceVersion}`);
  if (!before || before.uid !== preconditions?.uid)
    return 'deleted without the uid and version that it was decided from';
  const uid = before.controller ?? before.ownerUid;
  const life = lives.get(`${namespace}/${uid}`);
  if (life && before.managedBy === manager && before.settings === life.name) return undefined;
  return `deleted, though it was nobody's of ours: ${JSON.stringify(before)}`;
}

function judgeWrite(event: AuditEvent, lives: Lives, versions: Versions): string | undefined {
  const { namespace } = event.objectRef ?? {};
  const sent = event.requestObject as Map_;
  const { name, annotations: notes, resourceVersion } = sent.metadata;
  const uid = notes?.[annotations.ownerUid] ?? '';
  const life = lives.get(`${namespace}/${uid}`);
  if (!life) return `written for an object that is not there: ${uid}`;
  const late = Date.parse(event.requestReceivedTimestamp) - life.goneAt;
  if (late > inFlight) return `written ${late.toFixed(0)} ms after its object had gone`;
  const before = versions.get(`${namespace}/${name}@${resourceVersion}`);
  if (event.verb === 'create' && !life.names.has(name)) return `created under a name that nobody declared`;
  if (event.verb === 'update') {
    if (!before) return `written from version ${resourceVersion}, which there never was`;
    const isOurs =
      (before.controller ?? before.ownerUid) === uid ||
      (before.controller === undefined && before.managedBy === manager && before.settings === life.name);
    if (!isOurs) return `written over, though it was not ours: ${JSON.stringify(before)}`;
  }
  return judgeData(sent, life, before);
}

/** Nothing but a rendering of what may be live, or a step of a move between such; or the data are those that were there. */
function judgeData({ metadata, data = {} }: Map_, life: Life, before: Version | undefined): string | undefined {
  const hash = dataHash(data);
  if (hash === before?.dataHash || life.systems.has(hash)) return undefined;
  const zone = metadata.labels?.[labels.zone];
  // What is no zone of any settings, or none any more, is brought to zero before it is deleted; one that carries the object's uid
  // under another name is that of before a rename, and holds no more than the zone may.
  const most = (zone !== undefined && life.zones.get(zone)) || 0;
  const held = Object.entries(data).flatMap(([key, value]) => (key.endsWith('_CAPACITY') ? [Number(value)] : []));
  if (zone === undefined) return 'it holds what nobody declared';
  return held.every((count) => count <= most) ? undefined : `zone ${zone} gets ${Math.max(...held)}, above ${most}`;
}
