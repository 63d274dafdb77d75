/** Words for what keeps a cache from being filled: what is wrong, and what a person can do about it (R11.5). */
import { plural } from '../api/names.ts';
import { shownText } from '../api/text.ts';
import type { ApiError, Clock, WatchObserver, WatchPlace } from '../kube/index.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { onceAMinute } from './once-a-minute.ts';

/** A list and watch: of which resource, and in which namespace; undefined: in all. */
export type Place = { readonly resource: string; readonly namespace: string | undefined };

/** What is wrong and how to mend it, for a list or watch that failed. Pure. */
export function adviceFor({ resource, namespace }: Place, error: ApiError): string {
  if (error.code === 404 && resource === plural) {
    return 'the CustomResourceDefinition is not installed: run `kubectl apply --server-side -k crds`; waiting for it';
  }
  if (error.code === 401)
    return "the API server does not accept the credentials: check the kubeconfig's user or the ServiceAccount token; trying again";
  if (error.code === 403) {
    return namespace
      ? `no permission to list and watch ${resource} in namespace ${namespace}: run \`kubectl apply -n ${namespace} -k deploy/rights/namespace\`, or take ${namespace} out of --watch-namespaces if it is gone; trying again`
      : `no permission to list and watch ${resource}: run \`kubectl apply -k deploy/rights/all\`, or bind its role to this user; trying again`;
  }
  if (error.reason === 'TimeWentBack')
    return 'the API server has older data than before, as after a restore of etcd from a backup: listing again, and what it has counts';
  if (error.code === 410) return 'the version to resume from has expired: listing again';
  if (error.reason === 'Handler')
    return 'a defect of the operator: it could not take in what the API server sent; report this; trying again';
  if (error.code === 0 && /certificate|self.signed|SSL/i.test(error.message)) {
    return "the API server's certificate is not trusted: check certificate-authority in the kubeconfig, and that the server is the right one; trying again";
  }
  if (error.code === 0 && error.reason === 'Credentials')
    return "the kubeconfig's credentials can not be had: see the error, and check its plugin, token file or certificate; trying again";
  if (error.code === 0 && ['BadAnswer', 'BadEvent'].includes(error.reason))
    return 'the answer is cut off or no Kubernetes answer: check what stands between this process and the API server; trying again';
  if (error.code === 0)
    return 'the API server does not answer: check the address in the kubeconfig, and that the server runs; trying again';
  return 'the API server refuses the request: trying again';
}

/** The trouble of one list and watch, as people get to know it. */
export type Trouble = {
  /** A list or watch failed. */
  failed(error: ApiError): void;
  /** A watch has shown that it works. */
  over(): void;
  /** What is wrong now and how to mend it; undefined while nothing is. */
  words(): string | undefined;
};

/**
 * Tells the log of a trouble once, again after a minute, and when it is over. Trouble that comes and goes is told once
 * a minute too, and its end only after it was told.
 */
export function createTrouble(log: Logger, clock: Clock, where: Place): Trouble {
  let now: { readonly advice: string; readonly error: ApiError } | undefined;
  const mayTell = onceAMinute(clock);
  let isTold = false;
  return {
    failed(error) {
      const advice = adviceFor(where, error);
      now = { advice, error };
      if (!mayTell(advice)) return;
      isTold = true;
      log[error.code === 410 ? 'info' : 'warn']({ ...where, code: error.code, error: error.message }, advice);
    },
    over() {
      if (isTold) log.info(where, 'list and watch work again');
      isTold = false;
      now = undefined;
    },
    words: () => now && `${now.advice} (${shownText(now.error.message)})`,
  };
}

type Told = { readonly log: Logger; readonly metrics: Metrics; readonly clock: Clock };

/** Tells log and metrics how a list and watch fares, and keeps what `/readyz` says of it. */
export function observeWatch({ log, metrics, clock }: Told, { resource, namespace }: WatchPlace): WatchObserver {
  const place = { resource, namespace: namespace || undefined };
  const trouble = createTrouble(log, clock, place);
  const mayTell = onceAMinute(clock);
  return {
    synced: (objects) => log.info({ ...place, objects }, 'cache is complete'),
    restarted(reason, error) {
      metrics.watchRestarted(resource, namespace, reason);
      // From a server that does not stream lists they come in pages from now on: nothing is wrong.
      if (error && reason !== 'Unsupported') trouble.failed(error);
    },
    watching: () => trouble.over(),
    unreadable(key, error) {
      metrics.unreadable(resource);
      if (mayTell(key)) log.error({ key, resource, err: error }, 'an object can not be read: the others go on');
    },
    trouble: () => trouble.words(),
  };
}
