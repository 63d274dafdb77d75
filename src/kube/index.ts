/**
 * The door of the runtime: whoever uses it imports this file and no other of the folder. See README.md.
 *
 * A controller watches kinds (`watched`, `Store`) through a client (`loadKubeConfig`, `createClient`), and reconciles the
 * keys that change (`createController`), while an elector (`createElector`) lets one process of many lead.
 */
export { parseAnswer, splitLines } from './answer.ts';
export { type Backoff, equalJitter, fullJitter } from './backoff.ts';
export { Barrier } from './barrier.ts';
export { Budget, type BudgetOptions } from './budget.ts';
export { type Client, type ClientOptions, createClient, type Method, type Observer, type Request } from './client.ts';
export { type Clock, maxDelay, randomId, sleep, systemClock, whenAborted } from './clock.ts';
export {
  type Controller,
  type ControllerOptions,
  createController,
  defaultPriorities,
  type ScopeState,
} from './controller.ts';
export { createCredentials } from './credentials.ts';
export { createElector, type ElectionNews, type Elector, type ElectorOptions, maxLeaseRequests } from './elector.ts';
export {
  ApiError,
  type ApiErrorInit,
  asApiError,
  type ErrorClass,
  fromAnswer,
  fromFailure,
  type LocalReason,
  mayStillLand,
  notOfApi,
  type Reason,
  type ServerReason,
} from './errors.ts';
export {
  createEventRecorder,
  type DropCause,
  dropCauses,
  type EventRecorder,
  type EventRecorderOptions,
  maxEventsUnderWay,
  type Note,
  type Unsent,
} from './event-recorder.ts';
export {
  type Informer,
  type InformerOptions,
  type Kind,
  type KindInit,
  type Watched,
  type WatchObserver,
  type WatchPlace,
  type WatchState,
  watched,
} from './informer.ts';
export { isolate } from './isolate.ts';
export { homeNamespace, loadKubeConfig } from './kubeconfig.ts';
export {
  compareResourceVersions,
  controllerOf,
  type KubeObject,
  keyIn,
  keyOf,
  type NamespacedMeta,
  type NamespacedObject,
  nameOf,
  namespaceOf,
  type ObjectMeta,
  type OwnerReference,
} from './object.ts';
export { type ListOptions, listAll, listPages, type Page } from './pages.ts';
export { collectionPath, objectPath, type Place, type Resource, withQuery } from './paths.ts';
export { type RetryBounds, type Task, WorkQueue } from './queue.ts';
export { defaultTiming, Reflector, type ReflectorOptions, type ReflectorTiming, type Sink } from './reflector.ts';
export type { RestartReason } from './restart.ts';
export { after, type Next, none, now, type Result, retry, type Said } from './result.ts';
export { type Retries, retryOf, type StandardKind, standardRetries } from './retries.ts';
export { createScope, type Scope } from './scope.ts';
export { type NamespacedStore, Store } from './store.ts';
export type { OwnWrites, Priorities, TermClient, TermContext, Work } from './term.ts';
export { parseEvent, type WatchEvent } from './watch-event.ts';
