/** The one flow: read, judge, decide, apply, and one status at the end. */
import { defaultSettleSeconds, type FieldError, maxSettleSeconds, type Status } from '../api/licensesettings.ts';
import type { Clock } from '../kube/clock.ts';
import { type ApiError, asApiError } from '../kube/errors.ts';
import type { RetryKind, Task } from '../kube/queue.ts';
import type { Store } from '../kube/store.ts';
import { isApproved } from '../settings/approval.ts';
import { type Owner, stampOf } from '../settings/configmap.ts';
import { declare } from '../settings/declaration.ts';
import { settingsHash } from '../settings/hash.ts';
import { fromStatus, type Live, liveSettings } from '../settings/live.ts';
import { type Rendered, render } from '../settings/render.ts';
import { nextStatus, type Problem, sameStatus } from '../settings/status.ts';
import { validate } from '../settings/validate.ts';
import { involvesZones } from '../settings/zones.ts';
import type { Api, LicenseSettings, StoredConfigMap } from './api.ts';
import { bring, missingAsUndefined, removeObsolete } from './apply.ts';
import { type Note, transition } from './events.ts';
import { move, type PlanMemory, takenName } from './move.ts';

/** Until a write failure has lasted this long, in milliseconds, the conditions stay as they were. */
export const failurePatience = 10_000;

/** What a reconcile reads and writes. */
export type World = {
  readonly api: Api;
  readonly clock: Clock;
  readonly settings: Store<LicenseSettings>;
  readonly configMaps: Store<StoredConfigMap>;
  /** Plans that are under way, as far as this process knows them. */
  readonly plans: Map<string, PlanMemory>;
  /** Since when, on the monotonic clock, the writes of an object fail. */
  readonly failingSince: Map<string, number>;
};

/** What a reconcile came to. `retry` says how to try again; `error` why. */
export type Outcome = {
  readonly result: 'unchanged' | 'written' | 'gone' | 'quiet' | 'later' | 'stale' | 'retry' | 'problem';
  readonly retry?: { readonly kind: RetryKind; readonly atLeast: number };
  readonly error?: ApiError;
  /** When to look again, in milliseconds: a plan waits. */
  readonly again?: number;
  /** The event to send, about this version of the object. */
  readonly event?: { readonly about: LicenseSettings; readonly note: Note };
  /** What the log says besides. */
  readonly detail?: Record<string, unknown>;
};

/** Reconciles one object. It throws only for a mistake in our own code. */
export async function reconcile(world: World, { key, priority }: Task): Promise<Outcome> {
  const object = world.settings.get(key);
  // While an object is being deleted nothing at all is written: healing during an orphaning delete loses the ConfigMap.
  if (!object || object.metadata.deletionTimestamp) {
    world.failingSince.delete(key);
    world.plans.delete(key);
    return { result: 'gone' };
  }
  try {
    return await judgeAndApply(world, key, object, priority === 'background');
  } catch (thrown) {
    const error = asApiError(thrown);
    if (!error) throw thrown;
    // The object itself is gone, or its namespace: its own event follows.
    if (error.class === 'missing') return { result: 'quiet', error };
    const kind = error.class === 'rejected' ? 'slow' : 'transport';
    return { result: 'retry', error, retry: { kind, atLeast: error.retryAfter } };
  }
}

async function judgeAndApply(
  world: World,
  key: string,
  object: LicenseSettings,
  background: boolean,
): Promise<Outcome> {
  const { metadata, spec, status, hidden = [] } = object;
  const { namespace, name, uid, generation = 0 } = metadata;
  const owner: Owner = { name, uid };
  const owned = world.configMaps.by(uid);

  if (owned.some((view) => (stampOf(view, owner) ?? 0) > generation) && (await isStale(world, object)))
    return { result: 'stale' };

  const { errors, spec: valid } = validate({ name, spec, hidden });
  // These act at once, also while the rest of the spec is invalid or waits for its approval.
  const { suspend, deletionPolicy } = (spec ?? {}) as { suspend?: unknown; deletionPolicy?: unknown };
  const suspended = suspend === true;
  const retained = deletionPolicy === 'Retain';
  const newest = valid && declare(name, valid);
  const newestHash = newest && settingsHash(newest);
  // While a plan is under way it is what is live: it is finished, or superseded, never abandoned.
  const applying = status?.applying && fromStatus(status.applying);
  let applied = liveSettings(status, applying ? [] : owned, owner, generation);
  const live = applying ?? applied;
  const waits = valid?.applyPolicy === 'Manual' && newestHash !== live?.settingsHash;
  const pending = waits && newestHash && !isApproved(metadata.annotations, newestHash) ? newestHash : undefined;
  // An applicable spec is always rendered from the spec; else what is live is kept alive.
  const applicable = newest !== undefined && pending === undefined;
  const target = applicable ? newest : live?.declaration;
  const facts = { generation, suspended, errors, pending, now: rfc3339(world.clock.wall()) };
  let configMaps = recorded(status, applied, owned);
  let settling = status?.applying;
  let wait: number | undefined;
  let problem: Problem | undefined;
  let failure: ApiError | undefined;
  let writes = 0;
  let restored: string | undefined;
  let about = object;

  if (suspended) world.plans.delete(key);
  else if (target) {
    const hash = settingsHash(target);
    const unchanged = hash === live?.settingsHash;
    const stamp = unchanged && live ? live.generation : generation;
    const knownDataHash = (one: string) => status?.configMaps?.find((map) => map.name === one)?.dataHash;
    const entry = (one: Rendered | { name: string; dataHash: string }) => ({
      name: one.name,
      dataHash: one.dataHash,
      ...(retained ? { retained } : {}),
    });
    const declared = [applied?.declaration, applying?.declaration].filter((one) => one !== undefined);
    const zoned = applying !== undefined || involvesZones([target, ...declared], owned);
    try {
      if (zoned && (applying || hash !== applied?.settingsHash)) {
        const ours = { owner, namespace, target, retained };
        await lookForLost(world, namespace, status);
        let taken: string | undefined;
        if (applying?.settingsHash !== hash) {
          taken = await takenName(world.api, world.configMaps, ours);
          if (!taken) {
            world.plans.set(key, superseding(world.plans.get(key), hash, applying !== undefined));
            settling = { generation, settingsHash: hash, time: facts.now, settings: target };
            const begun = nextStatus(status, {
              ...facts,
              live: applied,
              applying: settling,
              current: false,
              problem: undefined,
              configMaps,
            });
            if (begun) {
              about = await world.api.putStatus(object, begun);
              world.settings.put(about);
            }
          }
        }
        if (!taken) {
          // A process that finds a plan at its start waits in full: it can't know what dialers have seen.
          const memory = world.plans.get(key) ?? { settingsHash: hash, takenAway: true, until: undefined };
          world.plans.set(key, memory);
          const settle = settleSeconds(spec) * 1000;
          const result = await move(world.api, world.configMaps, world.clock, memory, {
            ...ours,
            before: declared,
            generation: stamp,
            settle,
          });
          if (result.kind === 'conflict') taken = result.name;
          else writes += result.writes;
          if (result.kind === 'settling') wait = result.remaining;
          if (result.kind === 'done') {
            world.plans.delete(key);
            applied = { generation: stamp, settingsHash: hash, declaration: target };
            configMaps = render(target).map(entry);
            settling = undefined;
          }
        }
        if (taken) problem = conflictOf(taken);
      } else {
        const held: NonNullable<Status['configMaps']> = [];
        let later = false;
        for (const rendered of render(target)) {
          const present = world.configMaps.get(`${namespace}/${rendered.name}`);
          // A zone's stamp is that of the change that touched it last.
          const own = rendered.zone !== undefined && present ? stampOf(present, owner) : undefined;
          const generationOf = own !== undefined && own <= stamp ? own : stamp;
          const want = { rendered, generation: generationOf, retained };
          const result = await bring(world.api, world.configMaps, {
            ...{ owner, want, unchanged, applicable, namespace, background },
            knownDataHash: knownDataHash(rendered.name),
          });
          if (result.kind === 'later') {
            later = true;
            held.push(entry({ name: rendered.name, dataHash: knownDataHash(rendered.name) ?? rendered.dataHash }));
          } else if (result.kind === 'conflict') problem ??= conflictOf(rendered.name);
          else {
            writes += result.writes;
            if (result.restored) restored ??= rendered.name;
            held.push(entry({ name: rendered.name, dataHash: result.dataHash }));
          }
        }
        if (later && !problem) return { result: 'later' };
        if (!problem) {
          writes += await removeObsolete(world.api, world.configMaps, owned, owner, held);
          configMaps = held;
          if (!unchanged) applied = { generation: stamp, settingsHash: hash, declaration: target };
        }
      }
      world.failingSince.delete(key);
    } catch (thrown) {
      const error = asApiError(thrown);
      if (!error || error.class === 'conflict') throw thrown;
      // A terminating namespace is quiet.
      if (error.causes.includes('NamespaceTerminating')) return { result: 'quiet' };
      failure = error;
      problem = problemOf(world, key, error);
      // A failure may pass; only what doesn't depend on it is said meanwhile.
      if (!problem && errors.length === 0 && !pending) return retryOf(error);
    }
  }

  const current = settling === undefined && newestHash !== undefined && newestHash === applied?.settingsHash;
  const before = about.status;
  const after = nextStatus(before, { ...facts, live: applied, applying: settling, current, problem, configMaps });
  const detail = detailOf(errors, applied, writes, restored, problem);
  if (!after) return failure ? retryOf(failure) : { result: 'unchanged', detail };
  const note = transition(status, after, restored);
  const changed = !sameStatus(before, after);
  if (changed) {
    about = await world.api.putStatus(about, after);
    world.settings.put(about);
  }
  return {
    result: problem ? 'problem' : changed || about !== object || writes ? 'written' : 'unchanged',
    ...(failure ? { error: failure } : {}),
    ...(problem?.kind === 'ConfigMapConflict' ? { retry: { kind: 'slow', atLeast: 0 } as const } : {}),
    ...(failure ? { retry: retryOf(failure).retry } : {}),
    ...(wait === undefined ? {} : { again: wait }),
    ...(note ? { event: { about, note } } : {}),
    detail,
  };
}

/** How long dialers get to see what was taken away, in seconds. It acts at once, also in an invalid spec if it is legal itself. */
function settleSeconds(spec: unknown): number {
  const seconds = (spec as { settleSeconds?: unknown } | undefined)?.settleSeconds;
  const legal = typeof seconds === 'number' && seconds >= 0 && seconds <= maxSettleSeconds;
  return legal ? seconds : defaultSettleSeconds;
}

/** A plan that supersedes another takes over what is left of its wait. */
function superseding(memory: PlanMemory | undefined, hash: string, underWay: boolean): PlanMemory {
  if (!underWay) return { settingsHash: hash, takenAway: false, until: undefined };
  return { settingsHash: hash, takenAway: memory?.takenAway ?? true, until: memory?.until };
}

/** A ConfigMap of ours that is not in the cache may only have lost its label: a plan must know what it holds. */
async function lookForLost(world: World, namespace: string, status: Status | undefined): Promise<void> {
  for (const { name } of status?.configMaps ?? []) {
    if (world.configMaps.get(`${namespace}/${name}`)) continue;
    const found = await missingAsUndefined(world.api.getConfigMap(namespace, name));
    if (found) world.configMaps.put(found);
  }
}

/** What the status says of ConfigMaps before anything is applied: where a ConfigMap is the record, the record. */
function recorded(
  status: Status | undefined,
  live: Live | undefined,
  owned: readonly StoredConfigMap[],
): Status['configMaps'] {
  if (!live || live.settingsHash === status?.applied?.settingsHash) return status?.configMaps;
  const view = owned.find((one) => one.metadata.name === live.declaration?.configMap.name);
  return view ? [{ name: view.metadata.name, dataHash: view.dataHash }] : status?.configMaps;
}

/** A stamp above the cached generation means that our view is old, or that someone wrote it: one GET tells. */
async function isStale(world: World, object: LicenseSettings): Promise<boolean> {
  const fresh = await world.api.getSettings(object);
  const newer =
    fresh.metadata.uid !== object.metadata.uid || (fresh.metadata.generation ?? 0) > (object.metadata.generation ?? 0);
  // The watch may be behind for long: what was read is as good.
  if (newer) world.settings.put(fresh);
  return newer;
}

const conflictOf = (name: string): Problem => ({
  kind: 'ConfigMapConflict',
  message: `ConfigMap ${name} belongs to someone else: delete or rename it, or give another spec.configMap.name; it is looked at again within a minute`,
});

function problemOf(world: World, key: string, error: ApiError): Problem | undefined {
  if (error.class === 'rejected') {
    return { kind: 'WriteRejected', message: `the API server refuses the write: ${error.message}` };
  }
  const now = world.clock.monotonic();
  const since = world.failingSince.get(key) ?? now;
  world.failingSince.set(key, since);
  return now - since < failurePatience
    ? undefined
    : { kind: 'WriteFailed', message: `the write fails: ${error.message}` };
}

const retryOf = (error: ApiError): Outcome & { retry: NonNullable<Outcome['retry']> } => ({
  result: 'retry',
  error,
  retry: { kind: error.class === 'rejected' ? 'slow' : 'transport', atLeast: error.retryAfter },
});

const rfc3339 = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');

function detailOf(
  errors: readonly FieldError[],
  live: Live | undefined,
  writes: number,
  restored: string | undefined,
  problem: Problem | undefined,
) {
  return {
    ...(live ? { live: { generation: live.generation, settingsHash: live.settingsHash } } : {}),
    ...(writes ? { configMapWrites: writes } : {}),
    ...(restored ? { restored } : {}),
    ...(errors.length ? { errors: errors.length, firstError: errors[0] } : {}),
    ...(problem ? { problem: problem.kind } : {}),
  };
}
