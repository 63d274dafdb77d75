/**
 * A simulated API server: what a client can observe of kube-apiserver, etcd and the garbage collector, as a state
 * machine without time, chance or I/O. test/e2e/differential.test.ts holds it against the real one.
 *
 * Left out, because nobody here depends on it: PATCH and server-side apply, managedFields, schemas and CEL (`admit`
 * stands in for them), authentication, resource versions given to a GET or LIST. Namespaces are there without being made.
 */
import { isDeepStrictEqual } from 'node:util';
import { createAdmission } from './policies.ts';

/** An object as stored: frozen, a new one for each revision. */
export type Stored = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
};

export type Metadata = {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly Reference[];
  readonly finalizers?: readonly string[];
};

type Reference = { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string };

/** One committed revision of one object. A deleted object is the last one, at the version of its deletion. */
export type Change = {
  readonly version: number;
  readonly resource: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
  readonly previous: Stored | undefined;
  /** What was sent, where an admission policy made something else of it. */
  readonly sent?: Stored;
  /** Who sent the request: `gc` is the garbage collector. */
  readonly by: string;
};

/** An answer: the HTTP status and the parsed body. */
export type Answer = { readonly code: number; readonly body: unknown };

/** A request as it arrives. `path` has the query. */
export type Arrival = { readonly method: string; readonly path: string; readonly body?: unknown };

/** An open watch. */
export type Watch = {
  /** Sends a bookmark of the newest version, if the client asked for bookmarks. */
  bookmark(): void;
  close(): void;
};

type Resource = {
  readonly plural: string;
  readonly group: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** A custom resource: it has a generation and a status, and no update without a resourceVersion. */
  readonly custom?: boolean;
  readonly createOnUpdate?: boolean;
  readonly unconditionalUpdate?: boolean;
  /** Accepted and forgotten. */
  readonly forgotten?: boolean;
};

const resources: readonly Resource[] = [
  {
    plural: 'licensesettings',
    group: 'licensing.dialer.dev',
    apiVersion: 'licensing.dialer.dev/v1',
    kind: 'LicenseSettings',
    custom: true,
  },
  { plural: 'configmaps', group: '', apiVersion: 'v1', kind: 'ConfigMap', unconditionalUpdate: true },
  {
    plural: 'leases',
    group: 'coordination.k8s.io',
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    createOnUpdate: true,
  },
  { plural: 'events', group: 'events.k8s.io', apiVersion: 'events.k8s.io/v1', kind: 'Event', forgotten: true },
];

export type ServerOptions = {
  /** Wall clock of the server, for timestamps: milliseconds since 1970. */
  readonly now: () => number;
  /** Told of every revision, when it is committed. */
  readonly onChange?: (change: Change) => void;
  /** Judges an object as admission would: a message refuses it with 422. Without it everything is let in. */
  readonly admit?: (object: Stored, sender: string) => string | undefined;
  /** The first version given out is the one after this. */
  readonly version?: number;
};

export type Server = ReturnType<typeof createServer>;

/** What was stored at a moment: `etcdctl snapshot save`. */
export type Backup = { readonly version: number; readonly objects: ReadonlyMap<string, ReadonlyMap<string, Stored>> };

export function createServer({ now, onChange = () => {}, admit = () => undefined, version = 1000 }: ServerOptions) {
  let newest = version;
  let uids = 0;
  /** History before this version is gone: compacted away. */
  let oldest = version;
  const objects = new Map<string, Map<string, Stored>>(resources.map(({ plural }) => [plural, new Map()]));
  const history: Change[] = [];
  /** Custom resources whose default status was never stored: it is added as they are read, and the next write stores it. */
  const defaulted = new WeakSet<Stored>();
  const watches = new Set<(change: Change) => void>();
  const admission = createAdmission();
  /**
   * Versions of objects that are lost since the store went back: none is given out again for the same object. On a real
   * cluster that would be as rare a chance as it is here a common one, and nobody could tell the two apart.
   */
  const lost = new Set<string>();
  const given: { readonly uid: string; readonly version: number }[] = [];

  const storeOf = (resource: Resource) => objects.get(resource.plural) as Map<string, Stored>;
  const time = () => new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');

  function commit(
    resource: Resource,
    sender: string,
    object: Stored | undefined,
    previous: Stored | undefined,
    sent?: Stored,
  ) {
    const from = object ?? (previous as Stored);
    do newest++;
    while (lost.has(`${from.metadata.uid} ${newest}`));
    given.push({ uid: from.metadata.uid, version: newest });
    const committed = deepFreeze({
      ...from,
      metadata: { ...from.metadata, resourceVersion: String(newest) },
    });
    if (resource.forgotten) return committed;
    const key = `${from.metadata.namespace}/${from.metadata.name}`;
    if (object) storeOf(resource).set(key, committed);
    else storeOf(resource).delete(key);
    const type = object ? (previous ? 'MODIFIED' : 'ADDED') : 'DELETED';
    const change: Change = {
      ...{ version: newest, resource: resource.plural, type, object: committed, previous, by: sender },
      ...(sent ? { sent: { ...sent, metadata: { ...sent.metadata, resourceVersion: String(newest) } } } : {}),
    };
    history.push(change);
    onChange(change);
    for (const tell of [...watches]) tell(change);
    return committed;
  }

  /**
   * Answers anything but a watch. `sender` is who the server takes the client for. With `asOf` it reads from what was
   * stored at that version; writes meet what is stored now.
   */
  function handle({ method, path, body }: Arrival, sender: string, asOf = newest): Answer {
    const [where = '', query = ''] = path.split('?');
    const target = route(where);
    if (!target) return failure(404, 'NotFound', 'the server could not find the requested resource', {});
    const { resource, namespace, name, subresource } = target;
    if (method === 'GET' && name === undefined) return list(resource, namespace, new URLSearchParams(query), asOf);
    if (namespace === undefined) return notAllowed();
    const key = `${namespace}/${name}`;
    const store = method === 'GET' && asOf < newest ? at(resource, asOf) : storeOf(resource);
    const known = name === undefined ? undefined : store.get(key);
    switch (method) {
      case 'GET':
        return known ? { code: 200, body: known } : notFound(resource, name ?? '');
      case 'POST':
        return name === undefined ? create(resource, namespace, body, sender) : notAllowed();
      case 'PUT':
        return update(resource, { namespace, name: name ?? '', known, subresource, body, sender });
      case 'DELETE':
        return name === undefined ? notAllowed() : remove(resource, name, known, body, sender);
      default:
        return notAllowed();
    }
  }

  function create(resource: Resource, namespace: string, body: unknown, sender: string): Answer {
    const wrong = misfit(resource, namespace, undefined, body);
    if (wrong) return wrong;
    const given = body as Stored;
    const name = given.metadata.name;
    if (!name) return invalid(resource, '', 'metadata.name: Required value: name or generateName is required');
    if (given.metadata.resourceVersion)
      return failure(500, undefined, 'resourceVersion should not be set on objects to be created', undefined);
    const { status: _, ...rest } = given;
    const fresh = {
      ...shape(resource, resource.custom ? rest : given),
      ...(resource.custom ? { status: unseen } : {}),
      metadata: {
        ...clean(given.metadata),
        namespace,
        uid: uidOf(++uids),
        creationTimestamp: time(),
        ...(resource.custom ? { generation: 1 } : {}),
      },
    } as unknown as Stored;
    const stored = admission.mutate(fresh);
    const refused = admit(fresh, sender);
    if (refused !== undefined) return invalid(resource, name, refused);
    const denied = admission.refusal(stored);
    if (denied !== undefined) return forbidden(resource, name, denied, 422);
    // A quota is asked before the store, where the name may be taken.
    const exceeded = resource.plural === 'configmaps' ? admission.exceeds(namespace, countIn(namespace)) : undefined;
    if (exceeded !== undefined) return forbidden(resource, name, exceeded, 403);
    if (storeOf(resource).has(`${namespace}/${name}`))
      return failure(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, details(resource, name));
    const created = commit(resource, sender, stored, undefined, stored === fresh ? undefined : fresh);
    if (resource.custom) defaulted.add(created);
    return { code: 201, body: created };
  }

  const countIn = (namespace: string): number =>
    [...(objects.get('configmaps') ?? [])].filter(([key]) => key.startsWith(`${namespace}/`)).length;

  type Update = {
    namespace: string;
    name: string;
    known: Stored | undefined;
    subresource: string | undefined;
    body: unknown;
    sender: string;
  };

  function update(resource: Resource, { namespace, name, known, subresource, body, sender }: Update): Answer {
    if (subresource !== undefined && !(resource.custom && subresource === 'status'))
      return failure(404, 'NotFound', 'the server could not find the requested resource', {});
    const wrong = misfit(resource, namespace, name, body);
    if (wrong) return wrong;
    const given = body as Stored;
    const { uid = '', resourceVersion = '' } = given.metadata as Partial<Metadata>;
    if (!known) return resource.createOnUpdate ? create(resource, namespace, body, sender) : notFound(resource, name);
    if (uid !== '' && uid !== known.metadata.uid) {
      const state = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${known.metadata.uid}`;
      return conflict(resource, name, `StorageError: invalid object, Code: 4, ${state}`);
    }
    if (resourceVersion === '' && !resource.unconditionalUpdate)
      return invalid(
        { ...resource, kind: resource.plural },
        name,
        'metadata.resourceVersion: Invalid value: 0: must be specified for an update',
      );
    if (resourceVersion !== '' && resourceVersion !== known.metadata.resourceVersion) {
      return conflict(
        resource,
        name,
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    }
    let next: Stored;
    let sent: Stored | undefined;
    if (subresource === 'status') {
      next = { ...known, status: given['status'] ?? unseen };
    } else {
      const { uid: own, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation } = known.metadata;
      next = {
        ...shape(resource, given),
        ...(resource.custom && known['status'] !== undefined ? { status: known['status'] } : {}),
        metadata: {
          ...clean(given.metadata),
          ...{ namespace, name, uid: own, resourceVersion: known.metadata.resourceVersion },
          ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
          ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
          ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
          ...(generation === undefined ? {} : { generation }),
        },
      } as Stored;
      const added = (next.metadata.finalizers ?? []).filter((one) => !known.metadata.finalizers?.includes(one));
      if (deletionTimestamp !== undefined && added.length > 0)
        return invalid(resource, name, `metadata.finalizers: Forbidden: no new finalizers can be added: ${added}`);
      const policed = admission.mutate(next);
      if (policed !== next) [next, sent] = [policed, next];
      if (known['immutable'] === true) {
        const same = ['data', 'binaryData'].every((field) => isDeepStrictEqual(known[field], next[field]));
        if (!same || next['immutable'] !== true)
          return invalid(
            resource,
            name,
            `${same ? 'immutable' : 'data'}: Forbidden: field is immutable when \`immutable\` is set`,
          );
      }
      if (resource.custom && !isDeepStrictEqual(contentOf(known), contentOf(next)))
        next = { ...next, metadata: { ...next.metadata, generation: (generation ?? 0) + 1 } };
    }
    const refused = admit(next, sender);
    if (refused !== undefined) return invalid(resource, name, refused);
    const denied = subresource === undefined ? admission.refusal(next) : undefined;
    if (denied !== undefined) return forbidden(resource, name, denied, 422);
    // Deleted already, and the last finalizer goes.
    if (next.metadata.deletionTimestamp && !next.metadata.finalizers?.length) {
      // What is told of it is how it was stored last.
      commit(resource, sender, undefined, known);
      return { code: 200, body: next };
    }
    // A write that changes nothing does not move the resourceVersion.
    if (isDeepStrictEqual(next, known) && !defaulted.has(known)) return { code: 200, body: known };
    return { code: 200, body: commit(resource, sender, next, known, sent) };
  }

  function remove(resource: Resource, name: string, known: Stored | undefined, body: unknown, sender: string): Answer {
    if (!known) return notFound(resource, name);
    const { preconditions = {}, propagationPolicy } = (body ?? {}) as {
      preconditions?: { uid?: string; resourceVersion?: string };
      propagationPolicy?: string;
    };
    const { metadata } = known;
    for (const [field, word] of [
      ['uid', 'UID'],
      ['resourceVersion', 'ResourceVersion'],
    ] as const) {
      const wanted = preconditions[field];
      if (wanted === undefined || wanted === metadata[field]) continue;
      return conflict(
        { ...resource, plural: resource.kind },
        name,
        `the ${word} in the precondition (${wanted}) does not match the ${word} in record (${metadata[field]}). The object might have been deleted and then recreated`,
      );
    }
    const policy = { Orphan: 'orphan', Foreground: 'foregroundDeletion' }[propagationPolicy ?? ''];
    const finalizers = [
      ...new Set([
        ...(metadata.finalizers ?? []).filter((one) => one !== 'orphan' && one !== 'foregroundDeletion'),
        ...(policy === undefined ? [] : [policy]),
      ]),
    ];
    if (finalizers.length > 0) {
      const marked = {
        ...known,
        metadata: {
          ...metadata,
          finalizers,
          ...(metadata.deletionTimestamp
            ? {}
            : {
                deletionTimestamp: time(),
                deletionGracePeriodSeconds: 0,
                ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
              }),
        },
      };
      if (isDeepStrictEqual(marked, known)) return { code: 200, body: known };
      return { code: 200, body: commit(resource, sender, marked, known) };
    }
    commit(resource, sender, undefined, known);
    return {
      code: 200,
      body: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { ...details(resource, name), uid: metadata.uid },
      },
    };
  }

  /** The objects of a resource as they were at a version that is not compacted. */
  function at(resource: Resource, when: number): Map<string, Stored> {
    const found = new Map(storeOf(resource));
    for (let i = history.length - 1; i >= 0; i--) {
      const change = history[i] as Change;
      if (change.version <= when) break;
      if (change.resource !== resource.plural) continue;
      const key = `${change.object.metadata.namespace}/${change.object.metadata.name}`;
      if (change.previous) found.set(key, change.previous);
      else found.delete(key);
    }
    return found;
  }

  function list(resource: Resource, namespace: string | undefined, query: URLSearchParams, asOf: number): Answer {
    const limit = Number(query.get('limit') ?? 0);
    const token = query.get('continue');
    let [when, after] = [asOf, ''];
    if (token) {
      const read = parseToken(token);
      if (!read) return failure(400, 'BadRequest', 'continue key is not valid: illegal base64 data', undefined);
      [when, after] = read;
      if (when > newest)
        return failure(500, undefined, 'etcdserver: mvcc: required revision is a future revision', undefined);
      if (when < oldest) {
        const message =
          'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.';
        return failure(410, 'Expired', message, undefined, { continue: tokenOf(newest, after) });
      }
    }
    const matches = selectorOf(query.get('labelSelector'));
    const found = [...at(resource, when)]
      .filter(([key, one]) => key > after && (namespace === undefined || one.metadata.namespace === namespace))
      .filter(([, one]) => matches(one))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const page = limit > 0 ? found.slice(0, limit) : found;
    const left = found.length - page.length;
    const last = page.at(-1);
    return {
      code: 200,
      body: {
        kind: `${resource.kind}List`,
        apiVersion: resource.apiVersion,
        metadata: {
          resourceVersion: String(when),
          ...(left > 0 && last ? { continue: tokenOf(when, last[0]) } : {}),
          ...(left > 0 && !query.get('labelSelector') ? { remainingItemCount: left } : {}),
        },
        items: page.map(([, one]) => {
          if (resource.custom) return one;
          const { kind: _, apiVersion: __, ...rest } = one;
          return rest;
        }),
      },
    };
  }

  /**
   * Opens a watch: `tell` gets each line, with the version that it is at, as soon as it is committed. Gives an answer
   * instead where the request can't be a watch. With `asOf` it begins with what was stored at that version.
   */
  function watch(path: string, tell: (line: string, version: number) => void, asOf = newest): Watch | Answer {
    const [where = '', search = ''] = path.split('?');
    const target = route(where);
    const query = new URLSearchParams(search);
    if (!target || target.name !== undefined)
      return failure(404, 'NotFound', 'the server could not find the requested resource', {});
    const { resource, namespace } = target;
    const matches = selectorOf(query.get('labelSelector'));
    const inView = (one: Stored | undefined) =>
      one !== undefined && (namespace === undefined || one.metadata.namespace === namespace) && matches(one);
    const take = ({ version: when, resource: plural, type, object, previous }: Change) => {
      if (plural !== resource.plural) return;
      const [before, after] = [inView(previous), type !== 'DELETED' && inView(object)];
      if (!before && !after) return;
      if (after) tell(line(before ? 'MODIFIED' : 'ADDED', object), when);
      else tell(line('DELETED', lastSeen(previous as Stored, when)), when);
    };
    const bookmark = (version: number, annotations?: Record<string, string>) => {
      const metadata = { resourceVersion: String(version), ...(annotations ? { annotations } : {}) };
      tell(
        JSON.stringify({
          type: 'BOOKMARK',
          object: { kind: resource.kind, apiVersion: resource.apiVersion, metadata },
        }),
        version,
      );
    };
    const from = query.get('resourceVersion') ?? '';
    const whole = query.get('sendInitialEvents') === 'true';
    if (
      whole &&
      (query.get('resourceVersionMatch') !== 'NotOlderThan' || query.get('allowWatchBookmarks') !== 'true')
    ) {
      return invalid(
        { ...resource, kind: 'ListOptions', group: 'meta.k8s.io' },
        '',
        'sendInitialEvents is not allowed',
      );
    }
    const wantsBookmarks = query.get('allowWatchBookmarks') === 'true';
    const nothing = { bookmark() {}, close() {} };
    if (whole || from === '' || from === '0') {
      const all = [...at(resource, asOf)].filter(([, one]) => inView(one)).sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [, one] of all) tell(line('ADDED', one), Number(one.metadata.resourceVersion));
      if (whole) bookmark(asOf, { 'k8s.io/initial-events-end': 'true' });
      for (const change of since(asOf)) take(change);
    } else if (Number(from) < oldest) {
      const { body } = failure(410, 'Expired', `too old resource version: ${from} (${oldest})`, undefined);
      tell(JSON.stringify({ type: 'ERROR', object: body }), newest);
      return nothing;
    } else {
      for (const change of since(Number(from))) take(change);
    }
    // One of the future is taken without a word, and everything up to that is dropped.
    const told =
      Number(from) > newest ? (change: Change) => void (change.version > Number(from) && take(change)) : take;
    watches.add(told);
    return {
      bookmark() {
        if (wantsBookmarks && newest >= Number(from)) bookmark(newest);
      },
      close: () => watches.delete(told),
    };
  }

  function since(when: number): Change[] {
    let first = history.length;
    while (first > 0 && (history[first - 1] as Change).version > when) first--;
    return history.slice(first);
  }

  /**
   * One step of the garbage collector: one write, as the real one does it for objects whose owners are gone or go.
   * False when there is nothing to do.
   * @param dependantsFirst where an owner is deleted in the foreground: whether its dependants go while it is still there.
   *   They don't block it (`blockOwnerDeletion: false`), so the real one may do either first
   */
  function collect(dependantsFirst = false): boolean {
    const settings = resources[0] as Resource;
    const maps = resources[1] as Resource;
    // An owner in another namespace is none.
    const owners = new Set(
      [...storeOf(settings).values()].map(({ metadata }) => `${metadata.namespace}/${metadata.uid}`),
    );
    const referring = (one: Stored, uid: string) => one.metadata.ownerReferences?.some((ref) => ref.uid === uid);
    const near = (one: Stored, owner: Stored) => one.metadata.namespace === owner.metadata.namespace;
    for (const resource of [settings, maps]) {
      for (const owner of storeOf(resource).values()) {
        const { deletionTimestamp, finalizers = [], uid } = owner.metadata;
        if (!deletionTimestamp) continue;
        const finalizer = finalizers.find((one) => one === 'orphan' || one === 'foregroundDeletion');
        if (!finalizer) continue;
        const dependant = [...storeOf(maps).values()].find((one) => near(one, owner) && referring(one, uid));
        if (dependant && finalizer === 'orphan') {
          release(maps, dependant, (ref) => ref.uid === uid);
          return true;
        }
        if (dependant && dependantsFirst && dependant.metadata.ownerReferences?.length === 1) {
          remove(maps, dependant.metadata.name, dependant, {}, 'gc');
          return true;
        }
        const left = finalizers.filter((one) => one !== finalizer);
        const next = { ...owner, metadata: { ...owner.metadata, finalizers: left } };
        if (left.length > 0) commit(resource, 'gc', next, owner);
        else commit(resource, 'gc', undefined, owner);
        return true;
      }
    }
    for (const one of storeOf(maps).values()) {
      const references = (one.metadata.ownerReferences ?? []).filter(({ kind }) => kind === settings.kind);
      const gone = references.filter(({ uid }) => !owners.has(`${one.metadata.namespace}/${uid}`));
      if (gone.length === 0 || one.metadata.deletionTimestamp) continue;
      if (gone.length < (one.metadata.ownerReferences ?? []).length) {
        release(maps, one, (ref) => gone.includes(ref));
      } else {
        remove(maps, one.metadata.name, one, { preconditions: { uid: one.metadata.uid } }, 'gc');
      }
      return true;
    }
    return false;
  }

  function release(resource: Resource, one: Stored, which: (reference: Reference) => boolean) {
    const { ownerReferences, ...rest } = one.metadata;
    const left = (ownerReferences ?? []).filter((reference) => !which(reference));
    const metadata = { ...rest, ...(left.length > 0 ? { ownerReferences: left } : {}) };
    commit(resource, 'gc', { ...one, metadata }, one);
  }

  return {
    handle,
    watch,
    collect,
    /** Forgets history: watches and continue tokens older than this moment expire. */
    compact(): void {
      oldest = newest;
      history.length = 0;
    },
    admission,
    /** Copies what is stored. */
    backUp: (): Backup => ({
      version: newest,
      objects: new Map([...objects].map(([plural, store]) => [plural, new Map(store)])),
    }),
    /**
     * Goes back to what was stored then, and to its version, without a word to anybody: etcd was restored from a snapshot.
     * Who watches is the network's business; uids are not given out again.
     */
    restore(backup: Backup): void {
      for (const { uid, version: when } of given) if (when > backup.version) lost.add(`${uid} ${when}`);
      for (const [plural, store] of backup.objects) objects.set(plural, new Map(store));
      history.length = 0;
      watches.clear();
      newest = backup.version;
      oldest = backup.version;
    },
    /** Deletes everything in a namespace, as the namespace controller does. */
    empty(namespace: string): void {
      for (const resource of resources)
        for (const one of [...storeOf(resource).values()])
          if (one.metadata.namespace === namespace) commit(resource, 'namespace-controller', undefined, one);
    },
    /** Every object of a resource, in the order of their keys. */
    all: (plural: string, namespace?: string): Stored[] =>
      [...(objects.get(plural) ?? [])]
        .filter(([key]) => namespace === undefined || key.startsWith(`${namespace}/`))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, one]) => one),
    get: (plural: string, namespace: string, name: string): Stored | undefined =>
      objects.get(plural)?.get(`${namespace}/${name}`),
    get version() {
      return newest;
    },
    /** The oldest version that is not compacted away. */
    get oldest() {
      return oldest;
    },
  };
}

/** What the CRD has as default of `status`. */
const unseen = Object.freeze({ observedGeneration: -1 });

type Route = {
  resource: Resource;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
};

function route(path: string): Route | undefined {
  const parts = path.split('/').filter(Boolean);
  const versioned = parts[0] === 'api' ? parts[1] : `${parts[1]}/${parts[2]}`;
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const namespace = rest[0] === 'namespaces' && rest.length > 2 ? rest[1] : undefined;
  const [plural, name, subresource] = namespace === undefined ? rest : rest.slice(2);
  const resource = resources.find((one) => one.apiVersion === versioned && one.plural === plural);
  return resource && { resource, namespace, name, subresource };
}

const qualified = ({ plural, group }: Resource) => (group ? `${plural}.${group}` : plural);
const details = ({ plural, group }: Resource, name: string) => ({ name, ...(group ? { group } : {}), kind: plural });

function failure(
  code: number,
  reason: string | undefined,
  message: string,
  more: object | undefined,
  metadata: object = {},
): Answer {
  const status = { kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure', message };
  return { code, body: { ...status, ...(reason ? { reason } : {}), ...(more ? { details: more } : {}), code } };
}

/** Refused by admission. */
const forbidden = (resource: Resource, name: string, why: string, code: 403 | 422) =>
  failure(
    code,
    code === 403 ? 'Forbidden' : 'Invalid',
    `${qualified(resource)} "${name}" is forbidden: ${why}`,
    code === 403 ? details(resource, name) : { ...details(resource, name), causes: [{ message: why }] },
  );
const notAllowed = () =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
const notFound = (resource: Resource, name: string) =>
  failure(404, 'NotFound', `${qualified(resource)} "${name}" not found`, details(resource, name));
const conflict = (resource: Resource, name: string, why: string) =>
  failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    details(resource, name),
  );
const invalid = (resource: Resource, name: string, why: string) =>
  failure(422, 'Invalid', `${resource.kind} "${name}" is invalid: ${why}`, {
    name,
    ...(resource.group ? { group: resource.group } : {}),
    kind: resource.kind,
    causes: [{ reason: 'FieldValueInvalid', message: why }],
  });

/** Bodies that don't fit the place they are sent to. */
function misfit(resource: Resource, namespace: string, name: string | undefined, body: unknown): Answer | undefined {
  const given = body as Partial<Stored> | undefined;
  const metadata = given?.metadata as Partial<Metadata> | undefined;
  if (typeof given !== 'object' || typeof metadata !== 'object')
    return failure(400, 'BadRequest', 'the body is no object', undefined);
  if (given.apiVersion !== resource.apiVersion || given.kind !== resource.kind)
    return failure(400, 'BadRequest', `it is no ${resource.kind} of ${resource.apiVersion}`, undefined);
  if (metadata.namespace && metadata.namespace !== namespace)
    return failure(
      400,
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
      undefined,
    );
  if (name !== undefined && metadata.name !== name)
    return failure(
      400,
      'BadRequest',
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
      undefined,
    );
  return undefined;
}

/** Metadata that a client may set, empty ones dropped, as typed objects lose them on the way. */
function clean({ name, labels, annotations, ownerReferences, finalizers }: Metadata) {
  const some = (value: object | undefined) => value !== undefined && Object.keys(value).length > 0;
  return {
    name,
    ...(some(labels) ? { labels } : {}),
    ...(some(annotations) ? { annotations } : {}),
    ...(some(ownerReferences) ? { ownerReferences } : {}),
    ...(some(finalizers) ? { finalizers } : {}),
  };
}

/** The rest of an object, with what a typed object drops. */
function shape(resource: Resource, { metadata: _, ...rest }: Omit<Stored, 'status'>): Record<string, unknown> {
  if (resource.plural !== 'configmaps') return rest;
  const kept = Object.entries(rest).filter(
    ([field, value]) =>
      value !== undefined &&
      value !== null &&
      !(['data', 'binaryData'].includes(field) && Object.keys(value).length === 0),
  );
  return Object.fromEntries(kept);
}

const contentOf = ({ metadata: _, status: __, ...content }: Stored) => content;

const lastSeen = (object: Stored, version: number): Stored => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(version) },
});

/** Each object is told to several watches: its text is made once. */
const texts = new WeakMap<Stored, string>();
function line(type: string, object: Stored): string {
  let text = texts.get(object);
  if (text === undefined) {
    text = JSON.stringify(object);
    texts.set(object, text);
  }
  return `{"type":"${type}","object":${text}}`;
}

/** `key=value`, `key==value`, `key!=value`, `key`, `!key`, with commas between them. */
function selectorOf(text: string | null): (object: Stored) => boolean {
  const terms = (text ?? '')
    .split(',')
    .map((term) => term.trim())
    .filter(Boolean);
  const tests = terms.map((term): ((labels: Readonly<Record<string, string>>) => boolean) => {
    const [, key = '', operator = '', value = ''] = /^(!?[^=!]+?)(==|=|!=|$)(.*)$/.exec(term) ?? [];
    if (operator === '' && key.startsWith('!')) return (labels) => labels[key.slice(1)] === undefined;
    if (operator === '') return (labels) => labels[key] !== undefined;
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  });
  return ({ metadata }) => tests.every((test) => test(metadata.labels ?? {}));
}

const tokenOf = (version: number, after: string) => Buffer.from(JSON.stringify([version, after])).toString('base64url');

function parseToken(token: string): [number, string] | undefined {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString()) as [number, string];
  } catch {
    return undefined;
  }
}

/** uids in the form that the real server gives them. */
const uidOf = (count: number) => `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`;

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
