/**
 * Shows a judge every revision of a namespace of a real API server: two watches of its own as the admin, resumed where
 * they broke off, and merged by resourceVersion, which LicenseSettings and ConfigMaps share (etcd's revision). A revision
 * is shown once both watches are known to have passed it: where one is silent, a list tells.
 *
 * Who wrote a revision stands nowhere in it, so it is told by what is in it:
 * - a ConfigMap whose annotation `test/edit` has a value never seen before was written by others, else by the operator;
 *   so everybody else in the namespace must set it (`openActionDesk` does). What the root CA's publisher writes is left out.
 * - a LicenseSettings was written by the operator when nothing but its status changed, unless the desk announced it.
 * - what the desk announced, or what belongs to an owner that is gone or going, was deleted by others, else by the operator.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { canonical } from '../contract/document.ts';
import type { Revision, Stored } from '../contract/revision.ts';
import type { SafetyJudge } from '../contract/safety.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type ActionDesk, editAnnotation, type Kind } from './actions.ts';
import { linesOf } from './lines.ts';

export type Watcher = {
  /** Waits until everything that was committed up to now is judged. Throws after 20 s. */
  readonly caughtUp: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** A desk for actions whose changes the watcher can tell from the operator's. */
  readonly desk: ActionDesk;
};

/** An API server's answer that is not a success. */
export class AnswerError extends Error {
  readonly code: number;
  constructor(what: string, code: number, body: string) {
    super(`${what}: ${code} ${body.slice(0, 500)}`);
    this.code = code;
  }
}

/** Between two looks at what waits, in milliseconds. */
const tick = 25;

const collections: Record<Kind, (namespace: string) => string> = {
  LicenseSettings: (namespace) => `/apis/licensing.dialer.dev/v1/namespaces/${namespace}/licensesettings`,
  ConfigMap: (namespace) => `/api/v1/namespaces/${namespace}/configmaps`,
};
const kinds = Object.keys(collections) as Kind[];
const isIgnored = ({ metadata }: Stored) => metadata.name === 'kube-root-ca.crt';

type Event = { type: Revision['type'] | 'BOOKMARK' | 'ERROR'; object: Stored };
type Waiting = { kind: Kind; event: Event; revision: number };
type List = { metadata: { resourceVersion: string }; items: Stored[] | null };
/** Lists without contents: names and versions are enough. */
const metadataOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/**
 * Begins to watch a namespace that has none of our objects yet.
 * @param take shown every revision, in order
 */
export async function watchNamespace(
  plane: ControlPlane,
  namespace: string,
  judge: SafetyJudge,
  take: (revision: Revision) => void = judge.take,
): Promise<Watcher> {
  const dispatcher = new Agent({ connect: { ca: readFileSync(plane.ca) }, bodyTimeout: 0 });
  const headers = { authorization: `Bearer ${plane.adminToken}` };
  const abort = new AbortController();
  const current: Record<Kind, Map<string, Stored>> = { LicenseSettings: new Map(), ConfigMap: new Map() };
  /** What came in, whether judged or not: the resourceVersion by kind and name. */
  const received: Record<Kind, Map<string, string>> = { LicenseSettings: new Map(), ConfigMap: new Map() };
  /** Every revision up to here came in. */
  const progress: Record<Kind, number> = { LicenseSettings: 0, ConfigMap: 0 };
  const waiting: Waiting[] = [];
  const edits = new Set<string>();
  const ending = new Set<string>();
  /** Announced: uids to be deleted, and statuses to be written. */
  const deletions = new Set<string>();
  const statuses = new Map<string, number>();
  let last = 0;
  let stopped = false;

  const send = async (method: string, path: string, body?: unknown, more: Record<string, string> = {}) => {
    const answer = await request(`${plane.server}${path}`, {
      ...{ method: method as 'GET', dispatcher, body: body === undefined ? null : JSON.stringify(body) },
      headers: { ...headers, ...more, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    });
    const text = await answer.body.text();
    if (answer.statusCode > 299) throw new AnswerError(`${method} ${path}`, answer.statusCode, text);
    return JSON.parse(text) as unknown;
  };
  const list = async (kind: Kind) => {
    for (;;) {
      try {
        const { metadata, items } = (await send('GET', collections[kind](namespace), undefined, {
          accept: metadataOnly,
        })) as List;
        // An empty list of metadata has null for its items.
        return { metadata, items: (items ?? []).filter((one) => !isIgnored(one)) };
      } catch (error) {
        // Right after the CRD was created: the storage is initializing.
        if (!(error instanceof AnswerError) || error.code !== 429) throw error;
        await sleep(200);
      }
    }
  };

  /** True when others wrote it. */
  const isByOthers = (kind: Kind, type: Revision['type'], object: Stored): boolean => {
    const { name, uid, annotations = {}, ownerReferences = [] } = object.metadata;
    const before = current[kind].get(name);
    if (kind === 'LicenseSettings') {
      if (object.metadata.deletionTimestamp || type === 'DELETED') ending.add(uid);
      if (type !== 'MODIFIED' || !before) return true;
      const told = ({ metadata: { labels, annotations: notes, finalizers, generation, deletionTimestamp } }: Stored) =>
        canonical({ labels, notes, finalizers, generation, deletionTimestamp });
      if (told(before) !== told(object) || canonical(before.spec) !== canonical(object.spec)) return true;
      const status = `${uid} ${canonical(object.status)}`;
      const announced = statuses.get(status) ?? 0;
      if (announced > 0) statuses.set(status, announced - 1);
      return announced > 0;
    }
    const owned = (one: Stored | undefined) => one?.metadata.ownerReferences?.find((owner) => ending.has(owner.uid));
    if (type === 'DELETED') return deletions.delete(uid) || owned(before ?? object) !== undefined;
    const edit = annotations[editAnnotation];
    const fresh = edit !== undefined && !edits.has(edit);
    if (edit !== undefined) edits.add(edit);
    // The garbage collector leaves an orphan behind.
    const owner = owned(before);
    const orphaned = owner !== undefined && !ownerReferences.some(({ uid: other }) => other === owner.uid);
    return fresh || (orphaned && canonical(before?.data) === canonical(object.data));
  };

  const judgeNext = ({ kind, event, revision }: Waiting) => {
    const { type, object } = event as { type: Revision['type']; object: Stored };
    if (revision < last)
      judge.violations.push(`revision ${revision}: watcher: it came after ${last}: what follows may be wrong`);
    last = Math.max(last, revision);
    const by = isByOthers(kind, type, object) ? 'other' : 'operator';
    if (type === 'DELETED') current[kind].delete(object.metadata.name);
    else current[kind].set(object.metadata.name, object);
    take({ type, kind, object, by });
  };

  /** Looks how far the watch of a kind has come: as far as a list, if it has brought everything that the list has. */
  const lookAt = async (kind: Kind) => {
    const { metadata, items } = await list(kind);
    const upTo = Number(metadata.resourceVersion);
    const listed = new Set(items.map((one) => one.metadata.name));
    const known = received[kind];
    const all = items.every((one) => Number(known.get(one.metadata.name) ?? 0) >= Number(one.metadata.resourceVersion));
    const none = [...known].every(([name, version]) => listed.has(name) || Number(version) > upTo);
    if (all && none) progress[kind] = Math.max(progress[kind], upTo);
  };

  /** Judges what no older revision can follow any more, the oldest first. */
  const merge = async () => {
    while (!stopped) {
      waiting.sort((a, b) => a.revision - b.revision);
      while (waiting[0] && kinds.every((kind) => progress[kind] >= (waiting[0]?.revision ?? 0)))
        judgeNext(waiting.shift() as Waiting);
      const first = waiting[0]?.revision;
      if (first !== undefined) await Promise.all(kinds.filter((kind) => progress[kind] < first).map(lookAt));
      else await sleep(tick);
    }
  };

  const watch = async (kind: Kind, from: string) => {
    let version = from;
    while (!stopped) {
      // From the last revision on, so that a new connection misses none; bookmarks keep it young enough to be known.
      const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=3600&resourceVersion=${version}`;
      const url = `${plane.server}${collections[kind](namespace)}?${query}`;
      const answer = await request(url, { dispatcher, headers, signal: abort.signal });
      if (answer.statusCode !== 200)
        throw new AnswerError(`watch of ${kind}`, answer.statusCode, await answer.body.text());
      try {
        for await (const line of linesOf(answer.body.setEncoding('utf8'))) {
          const event = JSON.parse(line) as Event;
          if (event.type === 'ERROR') throw new AnswerError(`watch of ${kind}`, 410, line);
          const { resourceVersion, name } = event.object.metadata;
          version = resourceVersion;
          progress[kind] = Number(resourceVersion);
          if (event.type === 'BOOKMARK' || isIgnored(event.object)) continue;
          if (event.type === 'DELETED') received[kind].delete(name);
          else received[kind].set(name, resourceVersion);
          waiting.push({ kind, event, revision: Number(resourceVersion) });
        }
      } catch (error) {
        if (error instanceof AnswerError || error instanceof SyntaxError || stopped) throw error;
        // The connection broke: on from the last revision.
      }
    }
  };

  const lists = await Promise.all(kinds.map(list));
  const running = kinds.map((kind, i) => {
    const { metadata, items } = lists[i] as Awaited<ReturnType<typeof list>>;
    if (items.length > 0) throw new Error(`the namespace ${namespace} has ${kind} already`);
    return watch(kind, metadata.resourceVersion).catch((error: unknown) => {
      // A judge that went blind must not acquit.
      if (!stopped) judge.violations.push(`revision ${last}: watcher: the watch of ${kind} died: ${error}`);
    });
  });
  const merging = merge().catch((error: unknown) => {
    if (!stopped) judge.violations.push(`revision ${last}: watcher: ${error}`);
  });

  const path = (kind: Kind, name: string) => `${collections[kind](namespace)}/${name}`;
  let serial = 0;
  const desk: ActionDesk = {
    async get(kind, name) {
      try {
        return (await send('GET', path(kind, name))) as Stored;
      } catch (error) {
        if (error instanceof AnswerError && error.code === 404) return undefined;
        throw error;
      }
    },
    create: async (kind, object) => (await send('POST', collections[kind](namespace), object)) as Stored,
    update: async (kind, object) => (await send('PUT', path(kind, object.metadata.name), object)) as Stored,
    async updateStatus(object) {
      const key = `${object.metadata.uid} ${canonical(object.status)}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
      try {
        const answer = await send('PUT', `${path('LicenseSettings', object.metadata.name)}/status`, object);
        const { resourceVersion } = (answer as Stored).metadata;
        // Nothing new: no revision comes.
        if (resourceVersion === object.metadata.resourceVersion) statuses.set(key, (statuses.get(key) ?? 1) - 1);
        return answer as Stored;
      } catch (error) {
        statuses.set(key, (statuses.get(key) ?? 1) - 1);
        throw error;
      }
    },
    async delete(kind, { metadata: { name, uid, resourceVersion } }, propagationPolicy = 'Background') {
      if (kind === 'ConfigMap') deletions.add(uid);
      const preconditions = { uid, resourceVersion };
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions };
      try {
        await send('DELETE', path(kind, name), body);
      } catch (error) {
        deletions.delete(uid);
        throw error;
      }
    },
    fresh: () => `${process.pid}-${++serial}`,
    backups: new Map(),
  };

  return {
    desk,
    async caughtUp() {
      const end = performance.now() + 20_000;
      const lists = await Promise.all(kinds.map(list));
      const upTo = Math.max(...lists.map(({ metadata }) => Number(metadata.resourceVersion)));
      for (;;) {
        await Promise.all(kinds.filter((kind) => progress[kind] < upTo).map(lookAt));
        if (kinds.every((kind) => progress[kind] >= upTo) && !waiting.some(({ revision }) => revision <= upTo)) return;
        if (performance.now() > end) throw new Error(`the watcher is at ${JSON.stringify(progress)}, not at ${upTo}`);
        await sleep(tick);
      }
    },
    async stop() {
      stopped = true;
      abort.abort();
      await Promise.all([...running, merging]);
      await dispatcher.destroy();
    },
  };
}
