/** What /readyz says: one check for each thing that a replica needs, and whether it is ready. */

/** One thing that a replica needs; `wrong` says why it can't be used now, `remark` what else there is to know. */
export type Check = {
  readonly name: string;
  readonly wrong?: string | undefined;
  readonly remark?: string | undefined;
};

/** How a scope's watches are: as the runtime tells it. */
type ScopeState = {
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly watches: readonly {
    readonly resource: string;
    readonly synced: boolean;
    readonly trouble?: string | undefined;
  }[];
};

export type Readiness = { readonly ready: boolean; readonly checks: readonly Check[] };

/**
 * A replica is ready while it can serve at least one scope, and can get or hold the lease: what is wrong with a single
 * namespace must neither hold a rollout up nor look like an outage (R7.9, R11.4). Pure.
 */
export function readinessOf(scopes: readonly ScopeState[], others: readonly Check[]): Readiness {
  const checks = scopes.map(checkOf);
  const ready = others.every(({ wrong }) => wrong === undefined) && checks.some(({ wrong }) => wrong === undefined);
  return { ready, checks: [...checks, ...others] };
}

function checkOf({ namespace, watches }: ScopeState): Check {
  const wordsOf = ({ resource, synced, trouble }: ScopeState['watches'][number]) =>
    [resource, ...(synced ? [] : ['the copy is not complete and current']), ...(trouble ? [trouble] : [])].join(': ');
  const name = namespace === '' ? 'all namespaces' : `namespace ${namespace}`;
  const missing = watches.filter(({ synced }) => !synced);
  if (missing.length > 0) return { name, wrong: missing.map(wordsOf).join('; ') };
  const troubled = watches.filter(({ trouble }) => trouble !== undefined);
  return { name, ...(troubled.length > 0 ? { remark: troubled.map(wordsOf).join('; ') } : {}) };
}

/** The page of /readyz: 'ok', or what is wrong, a line each; `verbose`: every check, as the API server shows its own. */
export function pageOf({ ready, checks }: Readiness, verbose: boolean): string {
  const lines = checks.flatMap((check) => {
    if (verbose) return lineOf(check);
    return ready || check.wrong === undefined ? [] : `${check.name}: ${check.wrong}`;
  });
  const sum = verbose ? `readyz check ${ready ? 'passed' : 'failed'}` : ready ? 'ok' : [];
  return `${[...lines, sum].flat().join('\n')}\n`;
}

function lineOf({ name, wrong, remark }: Check): string {
  if (wrong !== undefined) return `[-]${name} failed: ${wrong}`;
  return `[+]${name} ok${remark === undefined ? '' : `: ${remark}`}`;
}
