/** Runs the built operator as its own process, as its own ServiceAccount, and waits for what it does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent, request as send } from 'undici';
import type { Status } from '../src/api/licensesettings.ts';
import type { ControlPlane } from './controlplane/controlplane.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The ServiceAccount of deploy/account. */
export const serviceAccount = { namespace: 'license-settings-system', name: 'license-settings-operator' };
/** The user that the API server sees. */
export const operatorUser = `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`;

/** The memory limit of the Deployment and the chart, in MiB. */
export const memoryLimit = 256;

/** The flags that the image gives Node, as they are in a container with that limit. */
export const nodeFlags = (() => {
  const [, entrypoint = '[]'] = /^ENTRYPOINT (.+)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? [];
  return (JSON.parse(entrypoint) as string[])
    .filter((word) => word.startsWith('--'))
    .map((flag) =>
      flag.replace(
        /(-size)-percentage=(\d+)$/,
        (_, size, percent) => `${size}=${Math.floor((memoryLimit * percent) / 100)}`,
      ),
    );
})();

/** Resident memory of an operator in MiB: now, and the most that it ever had. */
export function memoryOf({ process: { pid } }: Operator): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { now: mebibytes('VmRSS'), most: mebibytes('VmHWM') };
}

/** Installs the CRD, and the ServiceAccount with the RBAC of deploy/overlays/outside. */
export async function install(plane: ControlPlane): Promise<void> {
  await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', `${root}crds/licensesettings.yaml`]);
  // `kubectl wait` fails on a CRD that has no conditions yet.
  const wait = ['wait', '--for=condition=Established', 'crd/licensesettings.licensing.dialer.dev', '--timeout=10s'];
  const established = async () => (await plane.kubectl(wait, { allowFailure: true })).code === 0;
  await until('the CRD is established', established, 60_000);
  await plane.kubectl(['apply', '-k', `${root}deploy/overlays/outside`]);
}

/**
 * Runs `action` while the installed CRD has no rules and no bounds, as an older release of it, and puts the real one
 * back. What `action` stores is then in storage before the rules: the API server's own ratcheting does the rest.
 */
export async function withoutRules(plane: ControlPlane, action: () => Promise<unknown>): Promise<void> {
  await removeRules(plane);
  try {
    // The API server takes a moment to judge by the changed CRD.
    const end = performance.now() + 10_000;
    for (;;) {
      try {
        await action();
        break;
      } catch (error) {
        if (performance.now() > end) throw error;
        await sleep(100);
      }
    }
  } finally {
    await install(plane);
    const judged = async () => {
      const bad = {
        apiVersion: 'licensing.dialer.dev/v1',
        kind: 'LicenseSettings',
        metadata: { name: 'probe', namespace: 'default' },
        spec: { licenses: { outboundPorts: { minimum: 2, maximum: 1 } } },
      };
      const { code } = await plane.kubectl(['create', '--dry-run=server', '-f', '-'], {
        input: JSON.stringify(bad),
        allowFailure: true,
      });
      return code !== 0;
    };
    await until('the API server judges by the real CRD again', judged);
  }
}

/** Takes the rules and bounds out of the installed CRD, so that it stores what an older release of it did. */
export async function removeRules(plane: ControlPlane): Promise<void> {
  const name = 'licensesettings.licensing.dialer.dev';
  const { stdout } = await plane.kubectl(['get', 'crd', name, '-o', 'json']);
  const crd = JSON.parse(stdout) as { spec: { versions: unknown } };
  const isRule = (key: string, value: unknown) =>
    key === 'x-kubernetes-validations' ||
    ['pattern', 'maxLength', 'minProperties'].includes(key) ||
    // Both are also names of fields, whose values are schemas.
    (['minimum', 'maximum'].includes(key) && typeof value === 'number');
  const versions = JSON.parse(JSON.stringify(crd.spec.versions), (key, value) =>
    isRule(key, value) ? undefined : value,
  );
  await plane.kubectl(['patch', 'crd', name, '--type=merge', '-p', JSON.stringify({ spec: { versions } })]);
}

/** One line of the operator's log. */
export type LogLine = { level: string; msg: string; [field: string]: unknown };

export type Operator = {
  readonly process: ChildProcess;
  readonly log: LogLine[];
  /** URL of /healthz and /readyz, without a trailing slash. */
  health(): Promise<string>;
  metrics(): Promise<string>;
  /** Waits for a line of the log; the error shows the log's end. */
  logged(matches: (line: LogLine) => boolean, what: string, timeout?: number): Promise<LogLine>;
  /** Waits for its end. */
  exit(): Promise<number>;
  /** Sends the signal and waits for the end; gives the exit code, -1 for a signal. */
  stop(signal?: NodeJS.Signals): Promise<number>;
};

export type OperatorOptions = {
  readonly flags?: readonly string[];
  /** Path; without it the operator runs under its own ServiceAccount. */
  readonly kubeconfig?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Of a project whose built operator runs: an older release, for one. This project by default. */
  readonly directory?: string | undefined;
};

/** Starts the operator with these flags, on Node with those of the image. */
export async function startOperator(
  plane: ControlPlane | undefined,
  { flags = [], kubeconfig, env = {}, directory = root }: OperatorOptions = {},
): Promise<Operator> {
  const config =
    kubeconfig ?? (await plane?.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name)) ?? '';
  const args = [
    '--health-address',
    '127.0.0.1:0',
    '--metrics-address',
    '127.0.0.1:0',
    '--log-level',
    'debug',
    ...flags,
  ];
  const program = [...nodeFlags, join(directory, 'dist', 'operator.js')];
  const child = spawn(process.execPath, [...program, '--kubeconfig', config, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  });
  const log: LogLine[] = [];
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit').then(([code]) => {
    process.removeListener('exit', kill);
    return (code as number | null) ?? -1;
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) log.push(parseLine(line));
    });
  }
  const logged: Operator['logged'] = async (matches, what, timeout = 20_000) => {
    let found: LogLine | undefined;
    await until(
      what,
      async () => {
        found = log.find(matches);
        return found !== undefined;
      },
      timeout,
      () =>
        log
          .slice(-15)
          .map((line) => JSON.stringify(line))
          .join('\n'),
    );
    return found as LogLine;
  };
  const address = async (server: string) => {
    const line = await logged(({ msg }) => msg.startsWith(`${server} server listens`), `the ${server} server listens`);
    return `http://${line['address']}`;
  };
  return {
    process: child,
    log,
    logged,
    health: () => address('health'),
    metrics: () => address('metrics'),
    exit: () => ended,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'text', msg: line };
  }
}

/** Polls until something holds; else an Error that says what did not happen, and what `show` says of it. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  timeout = 20_000,
  show: () => unknown = () => '',
): Promise<void> {
  const end = performance.now() + timeout;
  for (;;) {
    if (await holds()) return;
    if (performance.now() > end) throw new Error(`within ${timeout} ms this did not happen: ${what}\n${await show()}`);
    await sleep(50);
  }
}

/** A LicenseSettings as the API server gives it. */
export type Stored = {
  metadata: { name: string; uid: string; resourceVersion: string; generation: number };
  spec: unknown;
  status?: Status;
};

/** A ConfigMap as the API server gives it. */
export type StoredMap = {
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { uid: string; controller?: boolean; blockOwnerDeletion?: boolean }[];
  };
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
};

/** Requests as the admin in one namespace, and waits for what the operator makes of them. */
export function createDesk(plane: ControlPlane, namespace: string) {
  const request = async (method: string, path: string, body?: unknown, type = 'application/json') => {
    const { code, stdout } = await rawRequest(plane, method, path, body, type);
    return { code, json: stdout === '' ? undefined : (JSON.parse(stdout) as unknown) };
  };
  const settingsPath = (name: string) =>
    `/apis/licensing.dialer.dev/v1/namespaces/${namespace}/licensesettings/${name}`;
  const mapPath = (name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;
  const found = async <T>(path: string): Promise<T | undefined> => {
    const { code, json } = await request('GET', path);
    if (code === 404) return undefined;
    if (code !== 200) throw new Error(`GET ${path}: ${code} ${JSON.stringify(json)}`);
    return json as T;
  };
  const get = (name: string) => found<Stored>(settingsPath(name));
  const configMap = (name: string) => found<StoredMap>(mapPath(name));
  const ok = async (method: string, path: string, body?: unknown, type?: string) => {
    const { code, json } = await request(method, path, body, type);
    if (code < 200 || code > 299) throw new Error(`${method} ${path}: ${code} ${JSON.stringify(json)}`);
    return json;
  };
  const conditionOf = (stored: Stored | undefined, type: string) =>
    stored?.status?.conditions?.find((one) => one.type === type);

  return {
    namespace,
    get,
    configMap,
    request,
    conditionOf,
    /** Makes the namespace. */
    open: () =>
      ok('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
    /** Deletes the namespace, and waits until it is gone. */
    // Where many namespaces come and go their controller takes its time.
    gone: () => plane.kubectl(['delete', 'namespace', namespace, '--wait=true'], { timeoutMs: 180_000 }),
    /** Deletes the namespace, without waiting. */
    close: () => plane.kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']),
    create: (name: string, spec: unknown) =>
      ok('POST', settingsPath(''), {
        apiVersion: 'licensing.dialer.dev/v1',
        kind: 'LicenseSettings',
        metadata: { name },
        spec,
      }) as Promise<Stored>,
    /** Merge patch of a LicenseSettings. */
    patch: (name: string, body: unknown) =>
      ok('PATCH', settingsPath(name), body, 'application/merge-patch+json') as Promise<Stored>,
    /** Merge patch of its status, as a restored backup or another program would. */
    patchStatus: (name: string, body: unknown) =>
      ok('PATCH', `${settingsPath(name)}/status`, body, 'application/merge-patch+json') as Promise<Stored>,
    remove: (name: string) => ok('DELETE', settingsPath(name)),
    createMap: (body: { metadata: { name: string } & Record<string, unknown> } & Record<string, unknown>) =>
      ok('POST', mapPath(''), body) as Promise<StoredMap>,
    patchMap: (name: string, body: unknown) =>
      ok('PATCH', mapPath(name), body, 'application/merge-patch+json') as Promise<StoredMap>,
    removeMap: (name: string) => ok('DELETE', mapPath(name)),
    /** Waits until a condition of an object has this status and reason, for its newest generation. */
    async waitFor(name: string, type: string, status: string, reason: string, timeout = 20_000): Promise<Stored> {
      let stored: Stored | undefined;
      await until(
        `${namespace}/${name} has ${type}=${status} ${reason}`,
        async () => {
          stored = await get(name);
          const condition = conditionOf(stored, type);
          return (
            condition?.status === status &&
            condition.reason === reason &&
            stored?.status?.observedGeneration === stored?.metadata.generation
          );
        },
        timeout,
        () => JSON.stringify(stored?.status, null, 1),
      );
      return stored as Stored;
    },
    /** Waits until what is live is what the newest generation says. */
    async settled(name: string): Promise<Stored> {
      return this.waitFor(name, 'Applied', 'True', 'Applied');
    },
  };
}

export type Desk = ReturnType<typeof createDesk>;

/** One request as the admin, with the status code. */
async function rawRequest(plane: ControlPlane, method: string, path: string, body: unknown, type: string) {
  dispatchers[plane.server] ??= new Agent({ connect: { ca: readFileSync(plane.ca) } });
  const answer = await send(`${plane.server}${path}`, {
    method: method as 'GET',
    dispatcher: dispatchers[plane.server] as Agent,
    headers: { authorization: `Bearer ${plane.adminToken}`, ...(body === undefined ? {} : { 'content-type': type }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { code: answer.statusCode, stdout: await answer.body.text() };
}

const dispatchers: Record<string, Agent> = {};
