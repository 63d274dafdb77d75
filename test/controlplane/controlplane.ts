/**
 * A real Kubernetes control plane on this machine, without a cluster: etcd, kube-apiserver and kube-controller-manager
 * as child processes on free loopback ports. The same interface also stands for an existing cluster.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuditReader } from './audit.ts';
import { findBinaries } from './binaries.ts';

/** A process of the control plane. */
export type Part = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';

/** What a call of kubectl gave. */
export interface KubectlResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code; −1 if a signal ended it. */
  readonly code: number;
}

/** How to call kubectl. */
export interface KubectlOptions {
  /** Sent to its stdin, for `apply -f -`. */
  readonly input?: string;
  /** Path; without it the admin's. */
  readonly kubeconfig?: string;
  /** Return a failure instead of throwing it. */
  readonly allowFailure?: boolean;
  /** 60,000 ms by default; then it is killed, which is an error in any case. */
  readonly timeoutMs?: number;
}

/** A Kubernetes API to test against. */
export interface ControlPlane {
  /** Path of the admin's kubeconfig; its only context is the one to use. */
  readonly kubeconfig: string;
  /** URL of the API server. */
  readonly server: string;
  /** Path of the PEM file that verifies the API server; empty if an existing cluster needs none. */
  readonly ca: string;
  /** Bearer token of the admin; empty for an existing cluster whose admin has none. */
  readonly adminToken: string;
  /** Temporary directory: data, logs, kubeconfigs. Gone after {@link ControlPlane.stop}. */
  readonly directory: string;
  readonly kubectlPath: string;
  /** URL of etcd; undefined for a control plane that this process didn't start. */
  readonly etcd?: string | undefined;
  /** Path of the audit log; undefined if there is none to read. */
  readonly auditLog: string | undefined;
  /**
   * Runs kubectl.
   * @throws Error with kubectl's stderr in the message, unless `allowFailure`
   */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** Path of a new kubeconfig with a token of the ServiceAccount, valid for an hour. */
  serviceAccountKubeconfig(namespace: string, name: string): Promise<string>;
  /** @throws Error if there is no audit log */
  audit(): AuditReader;
  /** The process id of a part, undefined when it is not running or not ours. */
  pid(part: Part): number | undefined;
  /** Ends a part and waits for its exit; after 3 s it is killed. SIGTERM by default. */
  kill(part: Part, signal?: NodeJS.Signals): Promise<void>;
  /** Starts a part again on the same port and data, ending it first if need be, and waits until it is ready. */
  restart(part: Part): Promise<void>;
  /** Stops everything, the API server before etcd, and removes the directory. May be called more than once. */
  stop(): Promise<void>;
}

/** What of a {@link ControlPlane} another process needs to use it too. */
export type Connection = Pick<
  ControlPlane,
  'kubeconfig' | 'server' | 'ca' | 'adminToken' | 'directory' | 'kubectlPath' | 'auditLog'
>;

/** Options of {@link startControlPlane}. */
export interface ControlPlaneOptions {
  /** Whether to write an audit log; true by default. */
  readonly audit?: boolean;
  /** More flags for the API server; the last one of a name wins. */
  readonly apiServerArgs?: readonly string[];
  /** More controllers than garbage collection, namespaces, ServiceAccounts and admission policies. */
  readonly controllers?: readonly string[];
  /** More flags for etcd and for the controller manager; the last one of a name wins. */
  readonly etcdArgs?: readonly string[];
  readonly managerArgs?: readonly string[];
}

const controllers = [
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  'validatingadmissionpolicy-status-controller',
];

/** In the order of stopping: an API server without etcd would hold its port for minutes. */
const stopOrder: readonly Part[] = ['kube-controller-manager', 'kube-apiserver', 'etcd'];
const readyWithinMs = 60_000;
/** The API server would wait a minute for clients to end their watches. */
const exitWithinMs = 3000;

/**
 * Starts a control plane and waits until it is ready, usually 4 s. It goes away with this process, however that ends.
 * @throws Error that holds the end of the log of the part that failed
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await findBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl']);
  for (let attempt = 1; ; attempt++) {
    const plane = new LocalControlPlane(binaries, await freePorts(), options);
    try {
      await plane.start();
      return plane;
    } catch (error) {
      await plane.stop();
      // Somebody took a port between our look and the start.
      if (attempt < 3 && /address already in use/.test(String(error))) continue;
      throw error;
    }
  }
}

/**
 * An existing cluster behind the same interface. `stop` leaves the cluster alone.
 * @param from path of a kubeconfig, and one of its contexts (the current one by default)
 */
export async function useCluster(from: { kubeconfig: string; context?: string }): Promise<ControlPlane> {
  const { kubectl: kubectlPath } = await findBinaries(['kubectl']);
  const directory = await guardedDirectory();
  // A copy with that one context, so that nobody has to pass the context on.
  const view = ['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'];
  const context = from.context === undefined ? [] : ['--context', from.context];
  try {
    const kubeconfig = resolve(from.kubeconfig);
    const { stdout } = await runKubectl({ kubectlPath, kubeconfig, directory: directory.path }, [...view, ...context]);
    const config = JSON.parse(stdout) as Kubeconfig;
    const cluster = config.clusters[0]?.cluster ?? { server: '' };
    const pem = cluster['certificate-authority-data'];
    const ca = pem === undefined ? '' : writeSecret(join(directory.path, 'ca.crt'), Buffer.from(pem, 'base64'));
    return new AttachedControlPlane(
      {
        kubeconfig: writeSecret(join(directory.path, 'admin.kubeconfig'), stdout),
        server: cluster.server,
        ca,
        adminToken: config.users[0]?.user.token ?? '',
        directory: directory.path,
        kubectlPath,
        auditLog: undefined,
      },
      'an existing cluster',
      async () => directory.remove(),
    );
  } catch (error) {
    directory.remove();
    throw error;
  }
}

/** A control plane that another process of ours started and will stop: parts can't be killed, `stop` does nothing. */
export function attachControlPlane(connection: Connection): ControlPlane {
  return new AttachedControlPlane(connection, 'a control plane that another process started', async () => {});
}

/** What {@link attachControlPlane} needs, as plain data. */
export function connectionOf(plane: ControlPlane): Connection {
  const { kubeconfig, server, ca, adminToken, directory, kubectlPath, auditLog } = plane;
  return { kubeconfig, server, ca, adminToken, directory, kubectlPath, auditLog };
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data'?: string } }[];
  users: { user: { token?: string } }[];
}

/** What any control plane can do, ours or not. */
abstract class Base implements ControlPlane {
  abstract readonly kubeconfig: string;
  abstract readonly server: string;
  abstract readonly ca: string;
  abstract readonly adminToken: string;
  abstract readonly directory: string;
  abstract readonly kubectlPath: string;
  abstract readonly auditLog: string | undefined;
  abstract pid(part: Part): number | undefined;
  abstract kill(part: Part, signal?: NodeJS.Signals): Promise<void>;
  abstract restart(part: Part): Promise<void>;
  abstract stop(): Promise<void>;

  kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<KubectlResult> {
    return runKubectl(this, args, options);
  }

  async serviceAccountKubeconfig(namespace: string, name: string): Promise<string> {
    const { stdout } = await this.kubectl(['create', 'token', name, '--namespace', namespace, '--duration=24h']);
    // The cluster's entry is taken over whole: it may say more than a server and a CA (a proxy, a server name).
    const config = JSON.parse(
      (await this.kubectl(['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'])).stdout,
    ) as Kubeconfig;
    const file = join(this.directory, `${namespace}-${name}-${randomBytes(4).toString('hex')}.kubeconfig`);
    return writeSecret(file, kubeconfigText(config.clusters[0]?.cluster, stdout.trim()));
  }

  audit(): AuditReader {
    if (this.auditLog === undefined) throw new Error('this control plane has no audit log to read');
    return new AuditReader(this.auditLog);
  }
}

class AttachedControlPlane extends Base {
  readonly kubeconfig: string;
  readonly server: string;
  readonly ca: string;
  readonly adminToken: string;
  readonly directory: string;
  readonly kubectlPath: string;
  readonly auditLog: string | undefined;
  readonly #what: string;
  readonly #cleanUp: () => Promise<void>;

  constructor(connection: Connection, what: string, cleanUp: () => Promise<void>) {
    super();
    this.kubeconfig = connection.kubeconfig;
    this.server = connection.server;
    this.ca = connection.ca;
    this.adminToken = connection.adminToken;
    this.directory = connection.directory;
    this.kubectlPath = connection.kubectlPath;
    this.auditLog = connection.auditLog;
    this.#what = what;
    this.#cleanUp = cleanUp;
  }

  pid(): undefined {
    return undefined;
  }

  async kill(part: Part): Promise<void> {
    throw new Error(`can't kill the ${part} of ${this.#what}: use startControlPlane()`);
  }

  async restart(part: Part): Promise<void> {
    throw new Error(`can't restart the ${part} of ${this.#what}: use startControlPlane()`);
  }

  async stop(): Promise<void> {
    await this.#cleanUp();
  }
}

interface Ports {
  readonly etcd: number;
  readonly peer: number;
  readonly api: number;
  readonly manager: number;
}

class LocalControlPlane extends Base {
  readonly server: string;
  readonly adminToken = randomBytes(24).toString('hex');
  readonly kubectlPath: string;
  readonly #binaries: Record<Part, string>;
  readonly #ports: Ports;
  readonly #options: ControlPlaneOptions;
  readonly #running = new Map<Part, ChildProcess>();
  /** Parts that we ended, so that their exit is no news. */
  readonly #expected = new WeakSet<ChildProcess>();
  #guard: Guard | undefined;
  #stopping: Promise<void> | undefined;

  constructor(binaries: Record<Part | 'kubectl', string>, ports: Ports, options: ControlPlaneOptions) {
    super();
    this.#binaries = binaries;
    this.#ports = ports;
    this.#options = options;
    this.kubectlPath = binaries.kubectl;
    this.server = `https://127.0.0.1:${ports.api}`;
  }

  get directory(): string {
    if (this.#guard === undefined) throw new Error('the control plane was not started');
    return this.#guard.path;
  }

  get kubeconfig(): string {
    return join(this.directory, 'admin.kubeconfig');
  }

  get ca(): string {
    return join(this.directory, 'certs', 'apiserver.crt');
  }

  get etcd(): string {
    return `http://127.0.0.1:${this.#ports.etcd}`;
  }

  get auditLog(): string | undefined {
    return this.#options.audit === false ? undefined : join(this.directory, 'audit.log');
  }

  async start(): Promise<void> {
    this.#guard = await guardedDirectory();
    const managerToken = randomBytes(24).toString('hex');
    this.#write('tokens.csv', [
      `${this.adminToken},admin,admin,system:masters`,
      `${managerToken},system:kube-controller-manager,kube-controller-manager`,
    ]);
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    this.#write('service-account.key', [privateKey]);
    this.#write('service-account.pub', [publicKey]);
    this.#write('audit-policy.json', [JSON.stringify(auditPolicy)]);
    const cluster = { server: this.server, 'certificate-authority': this.ca };
    this.#write('admin.kubeconfig', [kubeconfigText(cluster, this.adminToken)]);
    this.#write('manager.kubeconfig', [kubeconfigText(cluster, managerToken)]);

    for (const part of stopOrder.toReversed()) await this.#launch(part);
    // Ready as a user means it: the first namespace is usable, and the controllers have begun to work.
    await this.#until('kube-controller-manager', async () => {
      const status = await this.#get('/api/v1/namespaces/default/serviceaccounts/default');
      return status === 200;
    });
  }

  pid(part: Part): number | undefined {
    return this.#running.get(part)?.pid;
  }

  async kill(part: Part, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#running.get(part);
    if (child === undefined) return;
    this.#expected.add(child);
    await endProcess(child, signal);
  }

  async restart(part: Part): Promise<void> {
    if (this.#stopping) throw new Error('the control plane was stopped');
    await this.kill(part);
    await this.#launch(part);
  }

  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      for (const part of stopOrder) await this.kill(part);
      this.#guard?.remove();
    })();
    return this.#stopping;
  }

  #write(name: string, lines: string[]): void {
    writeSecret(join(this.directory, name), `${lines.join('\n')}\n`);
  }

  async #launch(part: Part): Promise<void> {
    const pidFile = join(this.directory, `${part}.pid`);
    const log = openSync(join(this.directory, `${part}.log`), 'a');
    // Own process groups, so that Ctrl-C in a terminal reaches only us, who stop the parts in order. The process notes
    // its own id before it becomes the part: there is no moment in which it runs unknown to the watchdog.
    const child = spawn('sh', ['-c', noteAndExec, pidFile, this.#binaries[part], ...this.#flags(part)], {
      cwd: this.directory,
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#running.set(part, child);
    child.on('error', () => this.#running.delete(part));
    child.on('exit', (code, signal) => {
      if (this.#running.get(part) === child) this.#running.delete(part);
      rmSync(pidFile, { force: true });
      if (this.#expected.has(child)) return;
      process.stderr.write(`${part} ended unexpectedly (${signal ?? `exit code ${code}`})\n`);
    });
    await this.#until(part, () => this.#isReady(part), child);
  }

  async #isReady(part: Part): Promise<boolean> {
    const { etcd, manager } = this.#ports;
    if (part === 'etcd') {
      const response = await fetch(`http://127.0.0.1:${etcd}/health`, { signal: AbortSignal.timeout(2000) });
      return response.ok;
    }
    // The controller manager's certificate is its own; whether it is up is all that we ask.
    if (part === 'kube-controller-manager') {
      return (await httpsStatus(`https://127.0.0.1:${manager}/healthz`, { rejectUnauthorized: false })) === 200;
    }
    return (await this.#get('/readyz')) === 200 && (await this.#get('/api/v1/namespaces/default')) === 200;
  }

  async #get(path: string): Promise<number> {
    const headers = { authorization: `Bearer ${this.adminToken}` };
    return await httpsStatus(`${this.server}${path}`, { ca: readFileSync(this.ca), headers });
  }

  /** Polls until the condition holds. Errors mean not yet; the death of the part ends the wait. */
  async #until(part: Part, condition: () => Promise<boolean>, child = this.#running.get(part)): Promise<void> {
    const deadline = performance.now() + readyWithinMs;
    for (;;) {
      if (await condition().catch(() => false)) return;
      const died = child === undefined || child.exitCode !== null || child.signalCode !== null;
      if (died || performance.now() > deadline) {
        const why = died ? 'ended while it was starting' : `was not ready within ${readyWithinMs / 1000} s`;
        throw new Error(`${part} ${why}. The end of its log:\n${tail(join(this.directory, `${part}.log`))}`);
      }
      await sleep(50);
    }
  }

  #flags(part: Part): string[] {
    const { etcd, peer, api, manager } = this.#ports;
    const client = `http://127.0.0.1:${etcd}`;
    const inDirectory = (name: string) => join(this.directory, name);
    switch (part) {
      case 'etcd':
        return [
          `--data-dir=${inDirectory('etcd')}`,
          `--listen-client-urls=${client}`,
          `--advertise-client-urls=${client}`,
          `--listen-peer-urls=http://127.0.0.1:${peer}`,
          `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
          `--initial-cluster=default=http://127.0.0.1:${peer}`,
          '--unsafe-no-fsync', // nothing here outlives the machine
          '--log-level=warn',
          ...(this.#options.etcdArgs ?? []),
        ];
      case 'kube-apiserver':
        return [
          `--etcd-servers=${client}`,
          '--bind-address=127.0.0.1',
          '--advertise-address=127.0.0.1',
          `--secure-port=${api}`,
          '--endpoint-reconciler-type=none',
          `--cert-dir=${inDirectory('certs')}`,
          `--token-auth-file=${inDirectory('tokens.csv')}`,
          '--authorization-mode=RBAC',
          '--service-account-issuer=https://kubernetes.default.svc',
          `--service-account-key-file=${inDirectory('service-account.pub')}`,
          `--service-account-signing-key-file=${inDirectory('service-account.key')}`,
          '--service-cluster-ip-range=10.0.0.0/24',
          ...(this.auditLog === undefined
            ? []
            : [
                `--audit-log-path=${this.auditLog}`,
                `--audit-policy-file=${inDirectory('audit-policy.json')}`,
                // The log is complete when an answer has arrived, and never starts a second file.
                '--audit-log-mode=blocking',
                '--audit-log-maxsize=1000000',
              ]),
          ...(this.#options.apiServerArgs ?? []),
        ];
      case 'kube-controller-manager':
        return [
          `--kubeconfig=${inDirectory('manager.kubeconfig')}`,
          '--leader-elect=false',
          // Without it the controllers act as the manager itself, which may do next to nothing.
          '--use-service-account-credentials=true',
          `--service-account-private-key-file=${inDirectory('service-account.key')}`,
          `--root-ca-file=${this.ca}`,
          '--bind-address=127.0.0.1',
          `--secure-port=${manager}`,
          `--cert-dir=${inDirectory('manager-certs')}`,
          '--authentication-skip-lookup=true',
          `--controllers=${[...controllers, ...(this.#options.controllers ?? [])].join(',')}`,
          ...(this.#options.managerArgs ?? []),
        ];
    }
  }
}

const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'RequestResponse',
      verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
      resources: [{ group: '', resources: ['configmaps'] }, { group: 'licensing.dialer.dev' }],
    },
    { level: 'Metadata' },
  ],
};

/** Writing the file fails once the watchdog has moved the directory away; then the part must not start. */
const noteAndExec = 'echo $$ >"$0" && exec "$@"';

/**
 * Its stdin ends with the harness, however that ends (SIGKILL too). It first moves the directory, so that no part can
 * note its id unseen, ends the parts in order, and removes the directory. After an orderly stop there is nothing to do.
 */
const watchdog = `
trap '' HUP INT TERM
cat >/dev/null
[ -d "$1" ] || exit 0
mv "$1" "$1.gone" || exit 1
for part in ${stopOrder.join(' ')}; do
  pid=$(cat "$1.gone/$part.pid" 2>/dev/null) || continue
  kill "$pid" 2>/dev/null || continue
  tries=0
  while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -ge 30 ]; then kill -9 "$pid"; break; fi
    sleep 0.1
  done
done
rm -rf "$1.gone" || { sleep 1; rm -rf "$1.gone"; }
`;

interface Guard {
  readonly path: string;
  /** Removes the directory and lets the watchdog go. */
  remove(): void;
}

/** A temporary directory that goes away, with the parts whose ids it holds, when this process does. */
async function guardedDirectory(): Promise<Guard> {
  const path = mkdtempSync(join(tmpdir(), 'license-settings-controlplane-'));
  const child = spawn('sh', ['-c', watchdog, 'watchdog', path], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // It waits for us, not we for it.
  child.unref();
  const stdin = child.stdin as typeof child.stdin & { unref?: () => void };
  stdin.unref?.();
  stdin.on('error', () => {});
  await new Promise((done, failed) => child.on('spawn', done).on('error', failed));
  return {
    path,
    remove() {
      // Renamed first: the watchdog must find either everything or nothing.
      if (existsSync(path)) {
        renameSync(path, `${path}.gone`);
        rmSync(`${path}.gone`, { recursive: true, force: true, maxRetries: 10 });
      }
      stdin.end();
    },
  };
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), exitWithinMs);
  await exited;
  clearTimeout(timer);
}

async function runKubectl(
  with_: { kubectlPath: string; kubeconfig: string; directory: string },
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<KubectlResult> {
  const { input = '', timeoutMs = 60_000 } = options;
  const child = spawn(with_.kubectlPath, args, {
    env: {
      ...process.env,
      KUBECONFIG: options.kubeconfig ?? with_.kubeconfig,
      // Another control plane may have had this port: what a cache says about it would be wrong.
      KUBECACHEDIR: join(with_.directory, 'kubectl-cache'),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (data) => {
    stdout += data;
  });
  child.stderr.setEncoding('utf8').on('data', (data) => {
    stderr += data;
  });
  child.stdin.on('error', () => {}); // it may end without reading its input
  child.stdin.end(input);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  try {
    const code = await new Promise<number>((done, failed) => {
      child.on('error', failed).on('close', (exitCode) => done(exitCode ?? -1));
    });
    const command = `kubectl ${args.join(' ')}`;
    if (late) throw new Error(`${command}: no end within ${timeoutMs} ms\n${stderr}`);
    if (code !== 0 && !options.allowFailure) throw new Error(`${command}: exit code ${code}\n${stderr}`);
    return { stdout, stderr, code };
  } finally {
    clearTimeout(timer);
  }
}

/** JSON is YAML, so this is a kubeconfig. */
function kubeconfigText(cluster: unknown, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
    'current-context': 'context',
  });
}

/** Writes a file that only we may read, and gives its path back. */
function writeSecret(file: string, content: string | Buffer): string {
  writeFileSync(file, content, { mode: 0o600 });
  return file;
}

function httpsStatus(url: string, options: object): Promise<number> {
  return new Promise((done, failed) => {
    const sent = request(url, { ...options, agent: false, timeout: 5000 }, (response) => {
      response.resume().on('error', failed);
      done(response.statusCode ?? 0);
    });
    sent.on('timeout', () => sent.destroy(new Error(`${url}: timeout`)));
    sent.on('error', failed).end();
  });
}

/** Free ports below the range from which the kernel takes ports of outgoing connections, so that a restart finds them free. */
async function freePorts(): Promise<Ports> {
  const found = new Set<number>();
  while (found.size < 4) {
    const port = 16_000 + Math.floor(Math.random() * 16_000);
    if (await isFree(port)) found.add(port);
  }
  const [etcd = 0, peer = 0, api = 0, manager = 0] = found;
  return { etcd, peer, api, manager };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer()
      .once('error', () => done(false))
      .listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-25).join('\n') : '(no log)';
}
