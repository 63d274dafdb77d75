/**
 * Who we are to the API server, kept fresh: tokens and certificates rotate while the process lives. Files and credential
 * plugins are read here and not by client-node: its file cache holds a token for up to 60 s, its plugin runs have no
 * deadline, run side by side and lack KUBERNETES_EXEC_INFO, and it reads certificate files only once.
 */
import { spawn } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { KubeConfig, User } from '@kubernetes/client-node';
import type { Clock } from './clock.ts';
import { ApiError } from './errors.ts';

/** What a connection to the API server is made with: PEM texts, and what to check the server's certificate for. */
export type Tls = {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
  rejectUnauthorized?: false;
};

/** One state of the credentials. Equal states are the same object, so that `!==` means that they changed. */
export type Identity = {
  readonly authorization: string | undefined;
  readonly tls: Tls;
  /** Equal for equal `tls`. */
  readonly tlsKey: string;
};

export interface Credentials {
  /** What to use now, at most 10 s old. Rejects with an ApiError of reason `Credentials` when there is nothing to use. */
  get(): Promise<Identity>;
  /**
   * After a 401 for `used`: asks again at once, unless somebody did meanwhile. A plugin runs every 10 s at most; every
   * 1 s at most if its token has expired; after it failed once its pause is over.
   */
  renew(used: Identity): Promise<Identity>;
}

/** How long credentials are used before they are read again: in-cluster tokens rotate about hourly. */
const maxAge = 10_000;
/** How long what worked is used on before files that could not be used are read again: they are being replaced. */
const rereadAfter = 1_000;
/** Pause after a run of a credential plugin, if nothing that it gave can be used; it doubles with each failure. */
const pluginPause = { base: 1_000, cap: 10_000 };
/** A credential plugin that has not answered by then is killed. */
const pluginDeadline = 15_000;
const pluginMaxOutput = 1024 * 1024;

/** The credentials of the current context. */
export function createCredentials(config: KubeConfig, clock: Clock): Credentials {
  let known: { identity: Identity; until: number } | undefined;
  let loading: Promise<Identity> | undefined;
  const plugin = createPlugin(clock, config);

  async function load(force: boolean): Promise<Identity> {
    const user: Partial<User> = config.getCurrentUser() ?? {};
    let identity: Identity;
    let until = clock.monotonic() + maxAge;
    try {
      const tls = await tlsOf(config, user);
      checkPair(tls, known?.identity.tls);
      const granted = execOf(user) ? await plugin(execOf(user) as Exec, force) : undefined;
      if (granted?.status.clientCertificateData) tls.cert = granted.status.clientCertificateData;
      if (granted?.status.clientKeyData) tls.key = granted.status.clientKeyData;
      if (granted) until = Math.min(until, clock.monotonic() + usableFor(granted, clock));
      const authorization = granted ? bearer(granted.status.token) : await authorizationOf(config, user, clock);
      identity = { authorization, tls, tlsKey: JSON.stringify(tls) };
    } catch (cause) {
      // Files are replaced while we read them: what worked so far may go on working. A 401 would tell.
      if (known && !execOf(user)) {
        known.until = clock.monotonic() + rereadAfter;
        return known.identity;
      }
      const message = `no credentials for the API server: ${(cause as Error).message}`;
      throw new ApiError(message, { code: 0, reason: 'Credentials', cause });
    }
    const same = known?.identity;
    if (same?.authorization === identity.authorization && same?.tlsKey === identity.tlsKey) identity = same;
    known = { identity, until };
    return identity;
  }
  const loadOnce = (force: boolean) => {
    loading ??= load(force).finally(() => {
      loading = undefined;
    });
    return loading;
  };

  return {
    async get() {
      return known && clock.monotonic() < known.until ? known.identity : await loadOnce(false);
    },
    async renew(used) {
      if (loading) await loading.catch(() => {});
      return known && known.identity !== used ? known.identity : await loadOnce(true);
    },
  };
}

const bearer = (token: string | undefined): string | undefined => (token ? `Bearer ${token.trim()}` : undefined);

/** A file's text; `what` names it in the error. */
async function read(what: string, path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.trim() === '') throw new Error('it is empty');
    return text;
  } catch (cause) {
    throw new Error(`${what} ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** A file goes before data in the kubeconfig, as in client-node. */
const pem = async (what: string, file?: string | null, data?: string | null): Promise<string | undefined> =>
  file ? await read(what, file) : data ? Buffer.from(data, 'base64').toString() : undefined;

type Pair = { readonly cert?: string | undefined; readonly key?: string | undefined };

/**
 * Throws when a client certificate and key don't belong together, as when they are read in the middle of a rotation.
 * What is as it was `before` is not checked again. Not `createSecureContext`: it takes an EC key for an RSA certificate.
 */
function checkPair({ cert, key }: Pair, before?: Pair, whose = ''): void {
  if (!cert || !key || (cert === before?.cert && key === before.key)) return;
  let belong: boolean;
  try {
    belong = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new Error(`${whose}client certificate and client key: ${(cause as Error).message}`, { cause });
  }
  if (!belong) throw new Error(`${whose}client certificate and client key do not belong together`);
}

async function tlsOf(config: KubeConfig, user: Partial<User>): Promise<Tls> {
  const cluster = config.getCurrentCluster();
  const ca = await pem('certificate-authority', cluster?.caFile, cluster?.caData);
  const cert = await pem('client-certificate', user.certFile, user.certData);
  const key = await pem('client-key', user.keyFile, user.keyData);
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(cluster?.tlsServerName ? { servername: cluster.tlsServerName } : {}),
    ...(cluster?.skipTLSVerify ? { rejectUnauthorized: false } : {}),
  };
}

/** The file that holds a user's token: of a pod's ServiceAccount, or `tokenFile` of a kubeconfig. */
export const tokenFileOf = (user: Partial<User>): string | undefined => user.authProvider?.config?.tokenFile;

async function authorizationOf(config: KubeConfig, user: Partial<User>, clock: Clock): Promise<string | undefined> {
  const file = tokenFileOf(user);
  if (file) return bearer(await read('token file', file));
  if (user.token) return bearer(user.token);
  if (user.username) {
    return `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
  }
  if (!user.authProvider) return undefined;
  // OIDC and the cloud providers of old: client-node knows them.
  const options: RequestOptions = {};
  const late = `auth-provider ${user.authProvider.name} has not answered within ${pluginDeadline} ms`;
  await within(clock, pluginDeadline, late, config.applyToHTTPSOptions(options));
  const found = Object.entries(options.headers ?? {}).find(([name]) => name.toLowerCase() === 'authorization');
  return found && String(found[1]).trim();
}

function within<T>(clock: Clock, milliseconds: number, late: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(milliseconds, () => reject(new Error(late)));
    promise.then(resolve, reject).finally(cancel);
  });
}

/** `exec` of a kubeconfig user (client.authentication.k8s.io). */
type Exec = {
  apiVersion?: string;
  command?: string;
  args?: string[] | null;
  env?: { name: string; value: string }[] | null;
  installHint?: string;
  interactiveMode?: string;
  provideClusterInfo?: boolean;
};
type ExecStatus = {
  token?: string;
  clientCertificateData?: string;
  clientKeyData?: string;
  expirationTimestamp?: string;
};
type Granted = { status: ExecStatus; expires: number };

const execOf = (user: Partial<User>): Exec | undefined => user.exec ?? user.authProvider?.config?.exec ?? undefined;

/** For how many milliseconds a grant is used. One that came past its time, by our clock, is worth a try too. */
const usableFor = ({ expires }: Granted, clock: Clock): number => {
  const left = expires - clock.wall();
  return left > 0 ? left : pluginPause.base;
};

/**
 * Runs a credential plugin when what it gave has expired, or when forced, but not back to back: until its pause is over
 * the last outcome stands. One at a time is up to the caller.
 */
function createPlugin(clock: Clock, config: KubeConfig) {
  let granted: Granted | undefined;
  let failure: { error: unknown; pause: number } | undefined;
  let ranAt = Number.NEGATIVE_INFINITY;
  return async (exec: Exec, force: boolean): Promise<Granted> => {
    const since = clock.monotonic() - ranAt;
    const fresh = granted && clock.wall() < granted.expires;
    if (granted && fresh && !(force && since >= maxAge)) return granted;
    if (failure && since < failure.pause) throw failure.error;
    if (granted && !failure && since < pluginPause.base) return granted;
    try {
      granted = await grantOf(exec, config, clock);
      failure = undefined;
      return granted;
    } catch (error) {
      const pause = failure ? Math.min(pluginPause.cap, failure.pause * 2) : pluginPause.base;
      failure = { error, pause };
      throw error;
    } finally {
      ranAt = clock.monotonic();
    }
  };
}

/** What one run of the plugin gives. */
async function grantOf(exec: Exec, config: KubeConfig, clock: Clock): Promise<Granted> {
  const name = `the credential plugin "${exec.command}"`;
  const status = parseGrant(name, await run(exec, name, config, clock));
  const expires = status.expirationTimestamp ? Date.parse(status.expirationTimestamp) : Number.POSITIVE_INFINITY;
  if (Number.isNaN(expires)) throw new Error(`${name} gave an expirationTimestamp that is no time`);
  checkPair({ cert: status.clientCertificateData, key: status.clientKeyData }, undefined, `${name}: `);
  return { status, expires };
}

/** Never quotes the output: it holds the credentials. */
function parseGrant(name: string, output: string): ExecStatus {
  let status: ExecStatus | undefined;
  try {
    status = (JSON.parse(output) as { status?: ExecStatus } | null)?.status;
  } catch {
    throw new Error(`${name} gave an answer that is not JSON`);
  }
  if (!status?.token && !(status?.clientCertificateData && status.clientKeyData)) {
    throw new Error(`${name} gave neither a token nor a certificate with its key`);
  }
  return status;
}

/** What the command writes to stdout. It has no terminal, and is killed with all its children at the deadline. */
function run(exec: Exec, name: string, config: KubeConfig, clock: Clock): Promise<string> {
  if (!exec.command) return Promise.reject(new Error('the kubeconfig has a credential plugin without a command'));
  if (exec.interactiveMode === 'Always') {
    return Promise.reject(new Error(`${name} wants a terminal (interactiveMode Always), and there is none`));
  }
  return new Promise((resolve, reject) => {
    const child = spawn(exec.command as string, exec.args ?? [], {
      env: envFor(exec, config),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    let output = '';
    let complaint = '';
    const kill = () => {
      if (child.pid === undefined) return;
      try {
        if (process.platform === 'win32') child.kill('SIGKILL');
        else process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const fail = (why: string) => {
      cancel();
      kill();
      reject(new Error(`${name} ${why}${exec.installHint ? ` (${exec.installHint.trim().slice(0, 300)})` : ''}`));
    };
    const cancel = clock.after(pluginDeadline, () => fail(`has not answered within ${pluginDeadline / 1000} s`));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > pluginMaxOutput) fail('gave more than 1 MiB');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-300);
    });
    child.on('error', (error) => fail(`cannot be run: ${error.message}`));
    child.on('close', (code, signal) => {
      if (code !== 0) return fail(`ended with ${signal ?? `exit code ${code}`}: ${complaint.trim()}`);
      cancel();
      resolve(output);
    });
  });
}

/** The environment of a plugin: ours, what the kubeconfig adds, and KUBERNETES_EXEC_INFO. */
function envFor(exec: Exec, config: KubeConfig): NodeJS.ProcessEnv {
  const cluster = config.getCurrentCluster();
  const info = {
    apiVersion: exec.apiVersion ?? 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: {
      interactive: false,
      ...(exec.provideClusterInfo && cluster
        ? {
            cluster: {
              server: cluster.server,
              'tls-server-name': cluster.tlsServerName,
              'insecure-skip-tls-verify': cluster.skipTLSVerify || undefined,
              'certificate-authority-data': cluster.caData,
              'proxy-url': cluster.proxyUrl,
            },
          }
        : {}),
    },
  };
  return {
    ...process.env,
    ...Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
  };
}
