import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';
const serviceAccountToken = `${serviceAccount}/token`;

/**
 * The configuration of the API server to talk to: the file given, else $KUBECONFIG, else the pod's ServiceAccount, else
 * ~/.kube/config. Throws an Error that says what is missing and how to mend it.
 */
export function loadKubeConfig(
  { file, context }: { file?: string; context?: string },
  env: NodeJS.ProcessEnv,
): KubeConfig {
  const config = new KubeConfig();
  const source = file ?? env['KUBECONFIG'];
  const home = join(homedir(), '.kube', 'config');
  if (source) {
    // KUBECONFIG may be a list of files, as kubectl takes it.
    for (const path of source.split(process.platform === 'win32' ? ';' : ':').filter(Boolean)) load(config, path);
  } else if (env['KUBERNETES_SERVICE_HOST'] && existsSync(serviceAccountToken)) {
    config.loadFromCluster();
  } else if (existsSync(home)) {
    load(config, home);
  } else {
    throw new Error(
      'no kubeconfig: give --kubeconfig, or set KUBECONFIG; in a pod, mount the ServiceAccount token (automountServiceAccountToken)',
    );
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) {
      const known = config.getContexts().map(({ name }) => name);
      throw new Error(`the kubeconfig has no context "${context}": it has ${known.join(', ') || 'none'}`);
    }
    config.setCurrentContext(context);
  }
  if (!config.getCurrentCluster()) {
    const current = config.getCurrentContext();
    throw new Error(
      current
        ? `the kubeconfig's context "${current}", or the cluster it names, is not in it: give --context`
        : 'the kubeconfig has no current context: give --context',
    );
  }
  return config;
}

function load(config: KubeConfig, path: string): void {
  const one = new KubeConfig();
  try {
    one.loadFromFile(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new Error(`kubeconfig ${path}: ${why}: check --kubeconfig or KUBECONFIG`, { cause });
  }
  // As kubectl merges: of two with one name the first counts. client-node's mergeConfig throws.
  const merge = <T extends { name: string }>(known: T[], more: T[]): T[] => [
    ...known,
    ...more.filter(({ name }) => !known.some((other) => other.name === name)),
  ];
  config.loadFromOptions({
    clusters: merge(config.getClusters(), one.getClusters()),
    users: merge(config.getUsers(), one.getUsers()),
    contexts: merge(config.getContexts(), one.getContexts()),
    currentContext: config.getCurrentContext() || one.getCurrentContext(),
  });
}

/** The namespace that this process belongs to: its pod's, else that of the kubeconfig's context, else `default`. */
export function homeNamespace(config: KubeConfig): string {
  try {
    return readFileSync(`${serviceAccount}/namespace`, 'utf8').trim();
  } catch {
    return config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  }
}
