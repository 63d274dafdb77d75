/**
 * Finds the real Kubernetes programs that tests and the demo run against: KUBEBUILDER_ASSETS, else the project's cache,
 * else a build of the Go module in this folder (once, about 9 minutes on two cores). kstatus, client-go's elector, Argo CD's health
 * evaluation and comparison, Helm, Flux's kustomize-controller and containerd come from modules of their own, in the same way.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A Go module of ours. What is built from it has a folder in the cache, which changes with any of these files. */
type Module = {
  readonly directory: string;
  readonly files: readonly string[];
  /** The Go that it is built with, fetched where the installed one is older; without it the installed one. */
  readonly toolchain?: string;
  /** What to build, by the name of its file; without it the module's own program, which has the name of its folder. */
  readonly programs?: Readonly<Record<string, string>>;
};

const controlPlane: Module = { directory: import.meta.dirname, files: ['go.mod', 'go.sum'] };
const kstatus: Module = {
  directory: join(import.meta.dirname, '..', 'kstatus'),
  files: ['go.mod', 'go.sum', 'main.go'],
};
const clientGoElector: Module = {
  directory: join(import.meta.dirname, '..', 'clientgo-elector'),
  files: ['go.mod', 'go.sum', 'main.go'],
};

const argocd: Module = {
  directory: join(import.meta.dirname, '..', 'argocd'),
  files: ['go.mod', 'go.sum', 'main.go'],
  toolchain: 'go1.27.3',
};

const helm: Module = {
  directory: join(import.meta.dirname, '..', 'helm'),
  files: ['go.mod', 'go.sum'],
  programs: { helm: 'helm.sh/helm/v4/cmd/helm' },
};

const containerd: Module = {
  directory: join(import.meta.dirname, '..', 'containerd'),
  files: ['go.mod', 'go.sum'],
  programs: {
    containerd: 'github.com/containerd/containerd/v2/cmd/containerd',
    'containerd-shim-runc-v2': 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
    ctr: 'github.com/containerd/containerd/v2/cmd/ctr',
  },
};

const flux: Module = {
  directory: join(import.meta.dirname, '..', 'flux'),
  files: ['go.mod', 'go.sum'],
  programs: { flux: 'github.com/fluxcd/kustomize-controller' },
};
/** The kinds that the controller watches, and the modules that have their definitions. */
const fluxKinds = [
  ['github.com/fluxcd/kustomize-controller', 'kustomize.toolkit.fluxcd.io_kustomizations.yaml'],
  ['github.com/fluxcd/source-controller', 'source.toolkit.fluxcd.io_gitrepositories.yaml'],
  ['github.com/fluxcd/source-controller', 'source.toolkit.fluxcd.io_ocirepositories.yaml'],
  ['github.com/fluxcd/source-controller', 'source.toolkit.fluxcd.io_buckets.yaml'],
] as const;

const packages = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  kind: 'sigs.k8s.io/kind',
} as const;

/** A program that {@link findBinaries} can provide. */
export type BinaryName = keyof typeof packages;

/** What setup-envtest brings. */
const inEnvtest: readonly BinaryName[] = ['etcd', 'kube-apiserver', 'kubectl'];

/** A lock that its holder has not touched for so long belongs to nobody. */
const lockExpiresMs = 60_000;
const tickMs = 15_000;

/**
 * Paths of the wanted programs; builds what is missing and says so on stderr.
 * @throws Error with a message for people if Go is missing or too old, or a build fails
 */
export async function findBinaries<N extends BinaryName>(names: readonly N[]): Promise<Record<N, string>> {
  const found = new Map<BinaryName, string>(fromAssets(names));
  const cache = cacheDirectory();
  for (const name of names) if (!found.has(name)) found.set(name, join(cache, name));
  const isMissing = (name: BinaryName) => !existsSync(found.get(name) ?? '');
  if (names.some(isMissing)) {
    mkdirSync(cache, { recursive: true });
    await withLock(join(cache, 'build.lock'), async () => {
      const missing = names.filter(isMissing); // asked again: somebody may have built them while we waited
      if (missing.length > 0) await build(missing, cache);
    });
  }
  return Object.fromEntries(found) as Record<N, string>;
}

/**
 * Path of the program of test/kstatus; builds it, and says so on stderr, where the cache doesn't have it.
 * @throws Error with a message for people if Go is missing or too old, or the build fails
 */
export const findKstatus = (): Promise<string> => findProgram(kstatus, 'kstatus', '10 s');

/** Path of the program of test/clientgo-elector: an elector of client-go. Likewise. */
export const findClientGoElector = (): Promise<string> =>
  findProgram(clientGoElector, 'clientgo-elector', '1 minute on two cores');

/** Path of the program of test/argocd: Argo CD's own evaluation of a health check, and its comparison. Likewise. */
export const findArgoCd = (): Promise<string> => findProgram(argocd, 'argocd', '3 minutes on two cores');

/** Path of the CRD of Argo CD's Application. Likewise. */
export async function findApplicationCrd(): Promise<string> {
  const cache = dirname(await findArgoCd());
  return copyFromModule(argocd, cache, 'github.com/argoproj/argo-cd/v3', 'manifests/crds/application-crd.yaml');
}

/** Path of Helm. Likewise. */
export const findHelm = (): Promise<string> => findProgram(helm, 'helm', '2 minutes on two cores');

/** Paths of Flux's kustomize-controller, and of the CRDs that it works with. Likewise. */
export async function findFlux(): Promise<{ controller: string; definitions: string[] }> {
  const controller = await findProgram(flux, 'flux', '6 minutes on two cores');
  const definitions: string[] = [];
  for (const [path, file] of fluxKinds) {
    definitions.push(await copyFromModule(flux, dirname(controller), path, `config/crd/bases/${file}`));
  }
  return { controller, definitions };
}

/** Path of a copy of a file that another module has, in the cache; Go is asked for it where it is not there yet. */
async function copyFromModule(module: Module, cache: string, path: string, file: string): Promise<string> {
  const target = join(cache, basename(file));
  if (existsSync(target)) return target;
  // go.mod may name the module of its Go types alone; both have one version.
  const version = fromGoMod(module, new RegExp(`^\\s*${path}(?:/api)? (v\\S+)`, 'm'));
  const { stdout } = await promisify(execFile)(
    'go',
    ['mod', 'download', '-json', `${path}@${version}`],
    placeOf(module),
  );
  const { Dir } = JSON.parse(stdout) as { Dir: string };
  const unfinished = `${target}.${process.pid}`;
  writeFileSync(unfinished, readFileSync(join(Dir, file)));
  renameSync(unfinished, target);
  return target;
}

/** Path of containerd, with its shim and `ctr` beside it. Likewise. */
export const findContainerd = (): Promise<string> => findProgram(containerd, 'containerd', '2 minutes on two cores');

/** One program of a module; the others of the module are then there too. */
async function findProgram(module: Module, name: string, time: string): Promise<string> {
  const cache = cacheDirectory(module);
  const programs = Object.entries(module.programs ?? { [basename(module.directory)]: undefined });
  const missing = () => programs.filter(([file]) => !existsSync(join(cache, file)));
  if (missing().length > 0) {
    mkdirSync(cache, { recursive: true });
    await withLock(join(cache, 'build.lock'), async () => {
      const wanted = missing(); // asked again: somebody may have built them while we waited
      if (wanted.length === 0) return;
      await checkGo(module);
      say(
        `building ${wanted.map(([file]) => file).join(', ')} into ${cache}: this is done once and takes about ${time}`,
      );
      for (const [file, path] of wanted) await buildInto(join(cache, file), module, path ? [path] : []);
    });
  }
  return join(cache, name);
}

/** The folder of the programs that belong to a module as it is now; a changed go.mod or go.sum means another folder. */
export function cacheDirectory(module: Module = controlPlane): string {
  const hash = createHash('sha256');
  for (const file of module.files) hash.update(readFileSync(join(module.directory, file)));
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'license-settings-operator', basename(module.directory), hash.digest('hex').slice(0, 16));
}

/** The Kubernetes release that go.mod names, such as v1.37.2. */
export function kubernetesVersion(): string {
  return fromGoMod(controlPlane, /^\s*k8s\.io\/kubernetes (v\d+\.\d+\.\d+)/m);
}

function fromGoMod({ directory }: Module, pattern: RegExp): string {
  const match = pattern.exec(readFileSync(join(directory, 'go.mod'), 'utf8'))?.[1];
  if (match === undefined) throw new Error(`test/${basename(directory)}/go.mod has no line like ${pattern}`);
  return match;
}

/** What setup-envtest's folder doesn't have may come from the cache. */
function fromAssets(names: readonly BinaryName[]): [BinaryName, string][] {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (!assets) return [];
  const there = names.filter((name) => existsSync(join(assets, name)));
  const lacking = names.filter((name) => inEnvtest.includes(name) && !there.includes(name));
  if (lacking.length === 0) return there.map((name) => [name, join(assets, name)]);
  say(`KUBEBUILDER_ASSETS=${assets} is not used: it lacks ${lacking.join(', ')}`);
  return [];
}

async function build(names: readonly BinaryName[], cache: string): Promise<void> {
  await checkGo(controlPlane);
  const version = kubernetesVersion();
  const [major, minor] = version.slice(1).split('.');
  // Without a version stamped in, `kubectl version` fails and the API server calls itself v0.0.0.
  const flags = [
    '-s -w',
    `-X k8s.io/component-base/version.gitVersion=${version}`,
    `-X k8s.io/component-base/version.gitMajor=${major}`,
    `-X k8s.io/component-base/version.gitMinor=${minor}`,
    `-X k8s.io/client-go/pkg/version.gitVersion=${version}`,
  ].join(' ');
  say(`building ${names.join(', ')} (Kubernetes ${version}) into ${cache}`);
  say('this is done once and takes about 9 minutes on two cores for all of them');
  for (const name of names) await buildInto(join(cache, name), controlPlane, ['-ldflags', flags, packages[name]]);
}

/** Builds one program; its file appears when it is finished. */
async function buildInto(file: string, module: Module, args: readonly string[]): Promise<void> {
  const unfinished = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    await go(['build', '-trimpath', '-o', unfinished, ...args], module, basename(file));
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Runs go in the module's folder, with a sign of life every 15 seconds. */
async function go(args: readonly string[], module: Module, what: string): Promise<void> {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const child = spawn('go', args, { ...placeOf(module), stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-8000);
  });
  const tick = setInterval(() => say(`  ${what}: ${seconds()} s`), tickMs);
  // A build that outlives an interrupted harness would hold two cores for minutes.
  const killBuild = () => child.kill();
  process.once('exit', killBuild);
  try {
    const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
    if (code !== 0) throw new Error(`go build of ${what} failed:\n${errors}`);
    say(`  ${what}: built in ${seconds()} s`);
  } finally {
    clearInterval(tick);
    process.removeListener('exit', killBuild);
  }
}

/** Where and with what environment go works on a module. */
const placeOf = ({ directory, toolchain }: Module) => ({
  cwd: directory,
  env: { ...process.env, ...(toolchain ? { GOTOOLCHAIN: toolchain } : {}) },
});

async function checkGo(module: Module): Promise<void> {
  const needed = fromGoMod(module, /^go (\d+\.\d+(?:\.\d+)?)/m);
  const instead = module === controlPlane ? ', or set KUBEBUILDER_ASSETS' : '';
  const help = `Go ${needed} or newer builds what the tests need: install it (https://go.dev/dl/)${instead}`;
  let output: string;
  try {
    // In the module's folder, where a Go that may fetch a newer toolchain does so.
    output = (await promisify(execFile)('go', ['version'], placeOf(module))).stdout;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(missing ? `no \`go\` on the PATH. ${help}` : `\`go version\` failed. ${help}`, { cause: error });
  }
  const installed = /\bgo(\d+(?:\.\d+)+)/.exec(output)?.[1];
  // A development build has no such number; it is taken for new enough.
  if (installed !== undefined && installed.localeCompare(needed, 'en', { numeric: true }) < 0) {
    throw new Error(`the installed Go is ${installed}. ${help}`);
  }
}

/** Runs `work` while no other process holds the lock file; a holder that died or fell silent does not count. */
async function withLock(file: string, work: () => Promise<void>): Promise<void> {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    for (let waited = 0; !tryLink(own, file); waited++) {
      if (isAbandoned(file)) rmSync(file, { force: true });
      else {
        if (waited % 15 === 0) say(`another process is building what goes into ${dirname(file)}: waiting for it`);
        await sleep(1000);
      }
    }
    // Both names are the same file, so touching one keeps the lock fresh.
    const refresh = () => utimesSync(own, new Date(), new Date());
    refresh();
    const touch = setInterval(refresh, tickMs);
    try {
      await work();
    } finally {
      clearInterval(touch);
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** A link appears together with its content, unlike a file that is created and then written. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Whether the holder is gone. Two processes that find out at the same time may both go on to build: that costs time
 * and breaks nothing, since each renames finished programs into place.
 */
function isAbandoned(file: string): boolean {
  try {
    if (Date.now() - statSync(file).mtimeMs > lockExpiresMs) return true;
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
