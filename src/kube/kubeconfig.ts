import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { KubeConfig, loadYaml, type User } from '@kubernetes/client-node';
import { tokenFileOf } from './credentials.ts';
import { misshapen } from './kubeconfig-shape.ts';

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';
const serviceAccountToken = `${serviceAccount}/token`;

/**
 * The configuration of the API server to talk to: the file given, else $KUBECONFIG (a list; files that are not there are
 * skipped, as kubectl does), else the pod's ServiceAccount, else ~/.kube/config. Throws an Error that says what is
 * missing and how to mend it.
 */
export function loadKubeConfig(
  { file, context }: { file?: string; context?: string },
  env: NodeJS.ProcessEnv,
): KubeConfig {
  const config = read(file, env);
  choose(config, context);
  const user = config.getCurrentUser();
  const cluster = config.getCurrentCluster();
  for (const [what, url, schemes] of [
    ['server', cluster?.server, ['http:', 'https:']],
    ['proxy-url', cluster?.proxyUrl, ['http:', 'https:', 'socks5:']],
  ] as const) {
    if (!url || schemes.some((scheme) => scheme === URL.parse(url)?.protocol)) continue;
    throw new Error(`the kubeconfig's cluster "${cluster?.name}" has the ${what} "${url}", which is no URL`);
  }
  for (const [what, path] of [
    ['certificate-authority', cluster?.caFile],
    ['client-certificate', user?.certFile],
    ['client-key', user?.keyFile],
    ['tokenFile', user ? tokenFileOf(user) : undefined],
  ] as const) {
    if (path && !existsSync(path)) throw new Error(`the kubeconfig names ${what} ${path}: there is no such file`);
  }
  return config;
}

/** From where it is found first. */
function read(file: string | undefined, env: NodeJS.ProcessEnv): KubeConfig {
  const config = new KubeConfig();
  const list = (env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  const home = join(homedir(), '.kube', 'config');
  if (file) {
    load(config, file);
  } else if (list.length > 0) {
    const there = list.filter((path) => existsSync(path));
    // The first is named in the error when there is none.
    for (const path of there.length > 0 ? there : list) load(config, path);
  } else if (env['KUBERNETES_SERVICE_HOST'] && existsSync(serviceAccountToken)) {
    config.loadFromCluster();
  } else if (existsSync(home)) {
    load(config, home);
  } else {
    throw new Error(
      'no kubeconfig: give --kubeconfig, or set KUBECONFIG; in a pod, mount the ServiceAccount token (automountServiceAccountToken)',
    );
  }
  return config;
}

/** Takes the context that is asked for, else the current one; it has to lead to a cluster. */
function choose(config: KubeConfig, context: string | undefined): void {
  if (context !== undefined) {
    if (!config.getContextObject(context)) {
      const known = config.getContexts().map(({ name }) => name);
      throw new Error(`the kubeconfig has no context "${context}": it has ${known.join(', ') || 'none'}`);
    }
    config.setCurrentContext(context);
  }
  if (config.getCurrentCluster()) return;
  const current = config.getCurrentContext();
  throw new Error(
    current
      ? `the kubeconfig's context "${current}", or the cluster it names, is not in it: give --context`
      : 'the kubeconfig has no current context: give --context',
  );
}

function load(config: KubeConfig, path: string): void {
  const one = new KubeConfig();
  let users: User[];
  try {
    const wrong = misshapen(loadYaml(readFileSync(path, 'utf8')));
    if (wrong !== undefined) throw new Error(wrong);
    one.loadFromFile(path);
    users = withWhatClientNodeDrops(one.getUsers(), path);
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
    users: merge(config.getUsers(), users),
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

type RawUser = { name?: string; user?: Record<string, unknown> };

/**
 * What client-node 2.0.1 leaves out of a user: `tokenFile`, the impersonation fields beside `as`, and that the command
 * of a plugin is relative to the kubeconfig when it holds a slash.
 */
function withWhatClientNodeDrops(users: readonly User[], path: string): User[] {
  const raw = loadYaml<{ users?: RawUser[] } | null>(readFileSync(path, 'utf8'))?.users ?? [];
  const directory = dirname(resolve(path));
  return users.map((user) => {
    const more = raw.find(({ name }) => name === user.name)?.user ?? {};
    const tokenFile = more['tokenFile'];
    const impersonates = Object.keys(more).find((key) => key === 'as' || key.startsWith('as-'));
    const command: unknown = user.exec?.command;
    return {
      ...user,
      ...(typeof tokenFile === 'string' && tokenFile
        ? { authProvider: { name: 'tokenFile', config: { tokenFile: resolve(directory, tokenFile) } } }
        : {}),
      ...(impersonates ? { impersonateUser: user.impersonateUser || impersonates } : {}),
      ...(typeof command === 'string' && /[\\/]/.test(command) && !isAbsolute(command)
        ? { exec: { ...user.exec, command: join(directory, command) } }
        : {}),
    };
  });
}
