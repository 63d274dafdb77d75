/** What people get to know of the election: a line for each change, a metric, and why a replica is not ready. */
import { shownText } from '../api/text.ts';
import type { ApiError, Clock, ElectionNews } from '../kube/index.ts';
import type { Check } from './health.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { onceAMinute } from './once-a-minute.ts';

/**
 * @param patience for how many milliseconds requests on the lease may fail before the replica is not ready: as long as the
 *   lease lasts, since by then another one should have it. One that is refused is not ready at once.
 */
export function createElectionLog(log: Logger, metrics: Metrics, clock: Clock, patience: number) {
  /** The requests on the lease that fail now. */
  let failing: { readonly since: number; readonly error: ApiError } | undefined;
  /** How this replica stands; undefined until the lease was read. */
  let standing: string | undefined;
  const mayTell = onceAMinute(clock);
  metrics.leading(false);

  function failed(error: ApiError): void {
    failing = { since: failing?.since ?? clock.monotonic(), error };
    const advice = leaseAdvice(error);
    if (mayTell(advice)) log.warn({ err: error }, `the lease can not be read or renewed: ${advice}`);
  }

  return {
    tell(news: ElectionNews): void {
      // Who fails to renew still leads, until the lease is lost.
      if (news.kind !== 'failing') {
        failing = undefined;
        metrics.leading(news.kind === 'leading');
      }
      switch (news.kind) {
        case 'standby':
          standing = `standby: ${news.holder} holds it`;
          log.info({ holder: news.holder }, 'standby: another replica holds the lease');
          break;
        case 'leading':
          standing = 'this replica leads';
          log.info('leading: this replica holds the lease');
          break;
        case 'lost':
          standing = `lost: ${news.why}`;
          log.warn({ why: news.why }, 'the lease is lost: nothing is written any more');
          break;
        case 'released':
          standing = 'given back';
          log.info('the lease is given back');
          break;
        case 'failing':
          failed(news.error);
          break;
      }
    },
    /** A standby is ready: it can take over. One that can't read the lease, or is refused it, never will. */
    check(): Check {
      const name = 'lease';
      if (!failing) return standing === undefined ? { name, wrong: 'it was not read yet' } : { name, remark: standing };
      const { since, error } = failing;
      const words = `it can not be read or renewed: ${leaseAdvice(error)} (${shownText(error.message)})`;
      const isLasting = standing === undefined || error.class === 'rejected' || clock.monotonic() - since >= patience;
      return isLasting ? { name, wrong: words } : { name, remark: words };
    },
  };
}

/** How to mend what keeps the lease from being read or renewed. Pure. */
export function leaseAdvice({ code, reason }: ApiError): string {
  if (code === 403) return 'bind the Role of deploy/account to this user, or give --lease-namespace; trying again';
  if (code === 404) return 'its namespace is not there: create it, or give --lease-namespace; trying again';
  if (code === 401)
    return "the API server does not accept the credentials: check the kubeconfig's user or the ServiceAccount token; trying again";
  if (code === 422 || code === 400)
    return 'the API server does not take it as it is: see the error, and delete the Lease if somebody else wrote it; trying again';
  if (code === 0 && reason === 'Credentials')
    return "the kubeconfig's credentials can not be had: see the error, and check its plugin, token file or certificate; trying again";
  if (code === 0) return 'the API server does not answer in time: trying again';
  return 'the API server refuses the request: trying again';
}
