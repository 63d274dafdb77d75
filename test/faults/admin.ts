/** The admin's requests in a run: each is made until the API server has done it, also while that is away or full. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stored } from '../contract/revision.ts';
import type { Desk } from '../operator.ts';
import { type Action, type ActionDesk, type Actor, carryOut } from '../support/actions.ts';
import { actFor, isActor } from '../support/actors.ts';
import { police } from './policies.ts';
import { limit } from './quotas.ts';

export type Kind = 'LicenseSettings' | 'ConfigMap';
/** What becomes of what an object owns. */
export type DeletePolicy = 'Background' | 'Foreground' | 'Orphan';
export type AdminObject = {
  metadata: { name: string; resourceVersion?: string; [field: string]: unknown };
  [field: string]: unknown;
};

export type Admin = {
  get(kind: Kind, name: string): Promise<AdminObject | undefined>;
  create(kind: Kind, object: AdminObject): Promise<void>;
  /** PUT. False when it was changed by someone meanwhile, or is gone: read again. */
  update(kind: Kind, object: AdminObject): Promise<boolean>;
  /** Reads, changes and writes until nobody came between. False if there is no such object. */
  change(kind: Kind, name: string, edit: (object: AdminObject) => void): Promise<boolean>;
  /** Without a policy in the background. With another one the object stays for a while, with a deletionTimestamp. */
  remove(kind: Kind, name: string, policy?: DeletePolicy): Promise<void>;
  /** Does what somebody does; who acts for a while has begun when it resolves, and ends by himself. */
  act(action: Action): Promise<unknown>;
  /** Resolves when all who act for a while have let go. */
  alone(): Promise<void>;
  /** How many of them are at it. */
  acting(): number;
  /** The same work, as actions are done: in this namespace, and from here in the others. */
  readonly desk: ActionDesk;
  /**
   * What it has written, and a watcher has not seen yet.
   * @param seen the last revision of each KIND/NAME
   * @param ending uids that are gone, or are being deleted
   */
  behind(seen: ReadonlyMap<string, number>, ending: ReadonlySet<string>): string[];
};

const deleteOptions = (propagationPolicy: DeletePolicy) => ({
  ...{ apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy },
});

/** Tells when what somebody acts on was taken hold of: a policy or a quota is in force, a finalizer is there. */
function noting(desk: ActionDesk, onHold: () => void): ActionDesk {
  const noted = <A extends unknown[], T>(take: (...args: A) => Promise<T>) => {
    return async (...args: A) => {
      const answer = await take(...args);
      onHold();
      return answer;
    };
  };
  const { police, limit } = desk;
  return {
    ...{ ...desk, update: noted(desk.update) },
    ...(police ? { police: noted(police) } : {}),
    ...(limit ? { limit: noted(limit) } : {}),
  };
}

export type AdminOptions = {
  readonly desk: Desk;
  /** Of the names of the run. */
  readonly prefix: string;
  /** The desk of another namespace of the run. */
  readonly there: (place: string) => ActionDesk;
};

/** Its methods throw an Error for what the API server refuses, and when it was away for a minute and a half. */
export function createAdmin({ desk, prefix, there }: AdminOptions): Admin {
  const collection = (kind: Kind) =>
    kind === 'ConfigMap'
      ? `/api/v1/namespaces/${desk.namespace}/configmaps`
      : `/apis/licensing.dialer.dev/v1/namespaces/${desk.namespace}/licensesettings`;
  const apiVersion = (kind: Kind) => (kind === 'ConfigMap' ? 'v1' : 'licensing.dialer.dev/v1');
  const send = async (method: string, path: string, body?: unknown) => {
    const end = performance.now() + 90_000;
    for (let tries = 0; ; tries++) {
      const problem = await desk.request(method, path, body).then(
        ({ code, json }) => {
          if (code < 500 && code !== 429 && code !== 401) return { code, json, again: tries > 0 };
          return new Error(`${method} ${path}: ${code} ${JSON.stringify(json)}`);
        },
        (error: unknown) => new Error(`${method} ${path}: ${error}`),
      );
      if (!(problem instanceof Error)) return problem;
      if (performance.now() > end) throw problem;
      await sleep(100);
    }
  };
  const expect = (what: string, { code, json }: { code: number; json: unknown }, allowed: readonly number[]) => {
    if (!allowed.includes(code)) throw new Error(`${what}: ${code} ${JSON.stringify(json)}`);
  };

  const written = new Map<string, number>();
  const removed = new Map<string, string>();
  const note = (kind: Kind, answer: unknown) => {
    const { name, resourceVersion } = (answer as AdminObject).metadata;
    written.set(`${kind}/${name}`, Number(resourceVersion));
  };

  const coded = (what: string, { code, json }: { code: number; json: unknown }) => {
    if (code > 299) throw Object.assign(new Error(`${what}: ${code} ${JSON.stringify(json)}`), { code });
  };
  const removal = (kind: Kind, name: string, answer: { code: number; json: unknown }) => {
    // A Status, or the object that is being deleted.
    const { details, metadata } = answer.json as { details?: { uid?: string }; metadata?: { uid?: string } };
    const uid = details?.uid ?? metadata?.uid;
    if (answer.code < 300 && uid) removed.set(uid, `${kind}/${name}`);
  };
  let edits = 0;
  const actionDesk: ActionDesk = {
    get: async (kind, name) => (await admin.get(kind, name)) as unknown as Stored | undefined,
    async create(kind, object) {
      const answer = await send('POST', collection(kind), object);
      coded(`create ${kind}`, answer);
      note(kind, answer.json);
      return answer.json as Stored;
    },
    async update(kind, object) {
      const path = `${collection(kind)}/${object.metadata.name}`;
      const answer = await send('PUT', path, { apiVersion: apiVersion(kind), kind, ...object });
      coded(`update ${path}`, answer);
      note(kind, answer.json);
      return answer.json as Stored;
    },
    async updateStatus(object) {
      const kind = 'LicenseSettings';
      const path = `${collection(kind)}/${object.metadata.name}/status`;
      const answer = await send('PUT', path, { apiVersion: apiVersion(kind), kind, ...object });
      coded(`update ${path}`, answer);
      note(kind, answer.json);
      return answer.json as Stored;
    },
    async delete(kind, { metadata: { name, uid, resourceVersion } }, policy: DeletePolicy = 'Background') {
      const preconditions = { uid, resourceVersion };
      const answer = await send('DELETE', `${collection(kind)}/${name}`, { ...deleteOptions(policy), preconditions });
      coded(`delete ${kind} ${name}`, answer);
      removal(kind, name, answer);
    },
    in: there,
    police: (effect, inForce) => police(desk, effect, inForce),
    limit: (spare) => limit(desk, prefix, spare),
    fresh: () => `${performance.now()}-${++edits}`,
    backups: new Map(),
  };
  const actors = new Set<Promise<void>>();
  let failure: unknown;
  /** Resolves when somebody has taken hold of what he acts on, or has ended; a failure is told by `alone`. */
  const begin = async (action: Actor & { readonly namespace?: string }) => {
    const { promise: hold, resolve } = Promise.withResolvers<void>();
    const acting = actFor(action, noting(actionDesk, resolve))
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => actors.delete(acting));
    actors.add(acting);
    const isHold = ['hold', 'police', 'limit'].includes(action.do) && action.namespace === undefined;
    if (isHold) await Promise.race([hold, acting]);
  };

  const admin: Admin = {
    async get(kind, name) {
      const answer = await send('GET', `${collection(kind)}/${name}`);
      expect(`get ${kind} ${name}`, answer, [200, 404]);
      return answer.code === 404 ? undefined : (answer.json as AdminObject);
    },
    async create(kind, object) {
      const answer = await send('POST', collection(kind), { apiVersion: apiVersion(kind), kind, ...object });
      // The answer of the first try was lost.
      expect(`create ${kind} ${object.metadata.name}`, answer, answer.again ? [201, 409] : [201]);
      if (answer.code === 201) note(kind, answer.json);
    },
    async update(kind, object) {
      const answer = await send('PUT', `${collection(kind)}/${object.metadata.name}`, {
        ...{ apiVersion: apiVersion(kind), kind },
        ...object,
      });
      expect(`update ${kind} ${object.metadata.name}`, answer, [200, 404, 409]);
      if (answer.code === 200) note(kind, answer.json);
      return answer.code === 200;
    },
    async change(kind, name, edit) {
      for (;;) {
        const object = await admin.get(kind, name);
        if (!object) return false;
        edit(object);
        if (await admin.update(kind, object)) return true;
      }
    },
    async remove(kind, name, policy = 'Background') {
      const answer = await send('DELETE', `${collection(kind)}/${name}`, deleteOptions(policy));
      expect(`remove ${kind} ${name}`, answer, [200, 202, 404]);
      removal(kind, name, answer);
    },
    desk: actionDesk,
    act: async (action) => (isActor(action) ? begin(action) : carryOut(action, actionDesk)),
    async alone() {
      await Promise.all(actors);
      if (failure !== undefined) throw failure;
    },
    acting: () => actors.size,
    behind: (seen, ending) => [
      ...[...written].filter(([key, version]) => (seen.get(key) ?? 0) < version).map(([key]) => key),
      ...[...removed].filter(([uid]) => !ending.has(uid)).map(([, key]) => key),
    ],
  };
  return admin;
}
