/**
 * `npm run test:node [-- --filter TEXT]`: the tests that need a real node. Makes ready what they share, runs them, and leaves
 * nothing behind. Where the machine can't have a node it says what is missing, and that is no failure.
 */
import { execFileSync, spawn } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { findBinaries, findContainerd, findHelm } from '../controlplane/binaries.ts';
import { summary } from '../suite.ts';
import {
  buildOperatorImage,
  makeNodeImage,
  makePauseImage,
  nodeImage,
  openImageStore,
  operatorImage,
  pauseImage,
} from './image.ts';
import { missingParts } from './isolation.ts';
import { toEnvironment } from './prepared.ts';

const missing = missingParts();
if (missing.length > 0) {
  for (const part of missing) console.log(`skipped: ${part}`);
  console.log(`\n${summary({ passed: 0, failed: 0, skipped: 1 })}`);
  process.exit(0);
}

const root = join(import.meta.dirname, '..', '..');
// All temporary files of the run are below it.
const directory = mkdtempSync(join(tmpdir(), 'license-settings-node-'));
const cgroup = basename(directory);
/** A signal lets the tests end; then we clean up. */
let interrupted: NodeJS.Signals | undefined;
let tests: ReturnType<typeof spawn> | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = signal;
    tests?.kill(signal);
  });
}
// Either one hierarchy of control groups, or one for each resource. They are the one thing that the namespaces of a killed
// test file don't take with them.
const one = globSync('/sys/fs/cgroup/cgroup.procs');
const hierarchies = (one.length > 0 ? one : globSync('/sys/fs/cgroup/*/cgroup.procs')).map(dirname);
try {
  for (const hierarchy of hierarchies) mkdirSync(join(hierarchy, cgroup));
  process.exitCode = await main();
} finally {
  const groups = hierarchies.flatMap((hierarchy) => globSync(`${hierarchy}/${cgroup}/**/`));
  for (const group of groups.sort().reverse()) rmdirSync(group);
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}

async function main(): Promise<number> {
  // In its namespaces a test file reaches no network to fetch modules from.
  await findBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'kube-scheduler', 'kubelet']);
  await findContainerd();
  await findHelm();

  console.error('building the images');
  for (const script of ['build', 'sbom']) execFileSync(process.execPath, [`scripts/${script}.ts`], { cwd: root });
  const store = openImageStore(join(directory, 'images'));
  await makePauseImage(store);
  await makeNodeImage(store);
  await buildOperatorImage(store, 'prebuilt');
  const images: string[] = [];
  for (const image of [pauseImage, nodeImage, operatorImage]) {
    const file = join(directory, `${images.length}.tar`);
    await store.save(image, file);
    images.push(file);
  }
  if (interrupted) return 1;

  const prepared = toEnvironment({ store: join(directory, 'images'), images, cgroup });
  tests = spawn(process.execPath, [join(root, 'test', 'run.ts'), 'node', ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, ...prepared, TMPDIR: directory },
  });
  return await new Promise((resolve, reject) => tests?.on('error', reject).on('close', (code) => resolve(code ?? 1)));
}
