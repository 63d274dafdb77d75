/** The one flow: read, judge, decide, apply, and one status at the end. */
import type { FieldError, Status } from '../api/licensesettings.ts';
import type { Clock } from '../kube/clock.ts';
import { type ApiError, asApiError } from '../kube/errors.ts';
import type { RetryKind, Task } from '../kube/queue.ts';
import type { Store } from '../kube/store.ts';
import { isApproved } from '../settings/approval.ts';
import { type Owner, stampOf } from '../settings/configmap.ts';
import { declare } from '../settings/declaration.ts';
import { settingsHash } from '../settings/hash.ts';
import { type Live, liveSettings } from '../settings/live.ts';
import { render } from '../settings/render.ts';
import { nextStatus, type Problem, sameStatus } from '../settings/status.ts';
import { validate } from '../settings/validate.ts';
import type { Api, LicenseSettings, StoredConfigMap } from './api.ts';
import { type ApplyResult, apply } from './apply.ts';
import { type Note, transition } from './events.ts';

/** Until a write failure has lasted this long, in milliseconds, the conditions stay as they were. */
export const failurePatience = 10_000;

/** What a reconcile reads and writes. */
export type World = {
  readonly api: Api;
  readonly clock: Clock;
  readonly settings: Store<LicenseSettings>;
  readonly configMaps: Store<StoredConfigMap>;
  /** Since when, on the monotonic clock, the writes of an object fail. */
  readonly failingSince: Map<string, number>;
};

/** What a reconcile came to. `retry` says how to try again; `error` why. */
export type Outcome = {
  readonly result: 'unchanged' | 'written' | 'gone' | 'quiet' | 'later' | 'stale' | 'retry' | 'problem';
  readonly retry?: { readonly kind: RetryKind; readonly atLeast: number };
  readonly error?: ApiError;
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
  let live = liveSettings(status, owned, owner, generation);
  const waits = valid?.applyPolicy === 'Manual' && newestHash !== live?.settingsHash;
  const pending = waits && newestHash && !isApproved(metadata.annotations, newestHash) ? newestHash : undefined;
  // An applicable spec is always rendered from the spec; else what is live is kept alive.
  const applicable = newest !== undefined && pending === undefined;
  const target = applicable ? newest : live?.declaration;
  let configMaps = recorded(status, live, owned);
  let problem: Problem | undefined;
  let failure: ApiError | undefined;
  let applied: (ApplyResult & { kind: 'applied' }) | undefined;

  if (!suspended && target) {
    const rendered = render(target);
    const unchanged = live?.settingsHash === rendered.settingsHash;
    const stamp = unchanged && live ? live.generation : generation;
    const knownDataHash = status?.configMaps?.find((one) => one.name === rendered.name)?.dataHash;
    const want = { rendered, generation: stamp, retained };
    try {
      const result = await apply(world.api, world.configMaps, {
        ...{ owner, want, knownDataHash, unchanged, applicable },
        ...{ namespace, owned, background },
      });
      if (result.kind === 'later') return { result: 'later' };
      if (result.kind === 'conflict') problem = conflictOf(rendered.name);
      else {
        applied = result;
        configMaps = [{ name: rendered.name, dataHash: result.dataHash, ...(retained ? { retained } : {}) }];
        if (!unchanged) live = { generation: stamp, settingsHash: rendered.settingsHash, declaration: target };
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

  const after = nextStatus(status, {
    ...{ generation, suspended, errors, live, pending, problem, configMaps },
    current: newestHash !== undefined && newestHash === live?.settingsHash,
    now: rfc3339(world.clock.wall()),
  });
  const detail = detailOf(errors, live, applied, problem);
  if (!after) return failure ? retryOf(failure) : { result: 'unchanged', detail };
  const restored = applied?.restored ? configMaps?.[0]?.name : undefined;
  const note = transition(status, after, restored);
  let about = object;
  const changed = !sameStatus(status, after);
  if (changed) {
    about = await world.api.putStatus(object, after);
    world.settings.put(about);
  }
  return {
    result: problem ? 'problem' : changed || applied?.writes ? 'written' : 'unchanged',
    ...(failure ? { error: failure } : {}),
    ...(problem?.kind === 'ConfigMapConflict' ? { retry: { kind: 'slow', atLeast: 0 } as const } : {}),
    ...(failure ? { retry: retryOf(failure).retry } : {}),
    ...(note ? { event: { about, note } } : {}),
    detail,
  };
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
  applied: (ApplyResult & { kind: 'applied' }) | undefined,
  problem: Problem | undefined,
) {
  return {
    ...(live ? { live: { generation: live.generation, settingsHash: live.settingsHash } } : {}),
    ...(applied ? { configMapWrites: applied.writes, restored: applied.restored } : {}),
    ...(errors.length ? { errors: errors.length, firstError: errors[0] } : {}),
    ...(problem ? { problem: problem.kind } : {}),
  };
}
