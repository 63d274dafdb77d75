/** Words for what keeps a cache from being filled: what is wrong, and what a person can do about it. */
import { plural } from '../api/names.ts';
import type { Clock } from '../kube/clock.ts';
import type { ApiError } from '../kube/errors.ts';
import type { Logger } from '../observe/logger.ts';

/** The same trouble is told again after this time, in milliseconds. */
const repeatAfter = 60_000;

/** What is wrong and how to mend it, for a list or watch that failed. Pure. */
export function adviceFor(resource: string, error: ApiError): string {
  if (error.code === 404 && resource === plural) {
    return 'the CustomResourceDefinition is not installed: run `kubectl apply --server-side -k crds`; waiting for it';
  }
  if (error.code === 401)
    return "the API server does not accept the credentials: check the kubeconfig's user or the ServiceAccount token; trying again";
  if (error.code === 403) {
    return `no permission to list and watch ${resource}: run \`kubectl apply -k deploy/rights/all\`, or bind its role to this user; trying again`;
  }
  if (error.code === 410) return 'the version to resume from has expired: listing again';
  if (error.code === 0 && /certificate|self.signed|SSL|TLS/i.test(error.message)) {
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

/**
 * A function to be told of each failed list or watch, and with undefined that all is well. It logs a trouble once,
 * again after a minute, and when it is over.
 */
export function explainRestart(log: Logger, clock: Clock, where: { resource: string; namespace: string | undefined }) {
  let last: { advice: string; at: number } | undefined;
  return (error: ApiError | undefined): void => {
    if (!error) {
      if (last) log.info(where, 'list and watch work again');
      last = undefined;
      return;
    }
    const advice = adviceFor(where.resource, error);
    const now = clock.monotonic();
    if (last?.advice === advice && now - last.at < repeatAfter) return;
    last = { advice, at: now };
    log[error.code === 410 ? 'info' : 'warn']({ ...where, code: error.code, error: error.message }, advice);
  };
}
