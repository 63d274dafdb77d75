/** What people get to know of the election: a line for each change, a metric, and why a replica is not ready. */
import type { ElectionNews } from '../kube/elector.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export function createElectionLog(log: Logger, metrics: Metrics) {
  let refusal: string | undefined;
  metrics.leading(false);
  return {
    tell(news: ElectionNews): void {
      refusal = undefined;
      // Who fails to renew still leads, until the lease is lost.
      if (news.kind !== 'failing') metrics.leading(news.kind === 'leading');
      switch (news.kind) {
        case 'standby':
          log.info({ holder: news.holder }, 'standby: another replica holds the lease');
          break;
        case 'leading':
          log.info('leading: this replica holds the lease');
          break;
        case 'lost':
          log.warn({ why: news.why }, 'the lease is lost: nothing is written any more');
          break;
        case 'released':
          log.info('the lease is given back');
          break;
        case 'failing':
          if (news.error.class === 'rejected') {
            refusal = `the lease: ${news.error.message}: bind the Role of deploy/account, or give --lease-namespace`;
          }
          log.warn({ err: news.error }, 'the lease can not be read or renewed; it is tried again');
          break;
      }
    },
    /** A standby is ready: it can take over. One that is refused the lease never will. */
    notReady: (): string[] => (refusal === undefined ? [] : [refusal]),
  };
}
