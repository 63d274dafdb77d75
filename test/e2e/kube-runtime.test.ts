/** The operator of src/kube/README.md, taken from that page as it stands there, on a real API server. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { until } from '../operator.ts';
import { suite } from '../suite.ts';

const runtime = new URL('../../src/kube/', import.meta.url);
const page = readFileSync(new URL('README.md', runtime), 'utf8');
const namespace = 'kube-runtime';
/** For the operator to start in, too, in milliseconds. */
const patience = 60_000;

/** The text of the one block of the page that is in this language. */
function blockOf(language: string): string {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language);
  assert.is(blocks.length, 1, `README.md has one block of ${language}`);
  return blocks[0]?.[2] ?? '';
}

let plane: ControlPlane;
let directory: string;
let program: string;
let operator: ChildProcess;
let said = '';

type Stored = {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
  readonly data?: Readonly<Record<string, string>>;
};

const kubectl = async (...args: string[]): Promise<string> =>
  (await plane.kubectl(['-n', namespace, ...args])).stdout.trim();
/** An object as the API server has it; undefined where there is none. */
async function get(kind: string, name: string): Promise<Stored | undefined> {
  const text = await kubectl('get', kind, name, '--ignore-not-found', '-o', 'json');
  return text === '' ? undefined : (JSON.parse(text) as Stored);
}
const mapOf = (name: string) => get('configmap', `${name}-greeting`);
const greet = (name: string, text: string) => {
  const file = join(directory, `${name}.json`);
  writeFileSync(
    file,
    JSON.stringify({ apiVersion: 'example.dev/v1', kind: 'Greeting', metadata: { name }, spec: { text } }),
  );
  return kubectl('apply', '-f', file);
};
const show = () => `the operator said: ${said}`;
const run = (command: string, args: readonly string[]): Promise<{ stdout: string; code: number }> =>
  new Promise((resolve) => {
    const child = execFile(command, args, (_, stdout) => resolve({ stdout, code: child.exitCode ?? -1 }));
  });
/** The ConfigMap of a Greeting, as soon as it says this. */
async function becomes(name: string, text: string): Promise<Stored> {
  let map: Stored | undefined;
  const holds = async () => {
    map = await mapOf(name);
    return map?.data?.['text'] === text;
  };
  await until(`the ConfigMap of ${name} says "${text}"`, holds, patience, show);
  return map as Stored;
}

const test = suite('kube runtime');

test.before(async () => {
  plane = await sharedControlPlane();
  directory = mkdtempSync(join(tmpdir(), 'kube-runtime-'));
  await plane.kubectl(['create', 'namespace', namespace]);
  const definition = join(directory, 'crd.yaml');
  writeFileSync(definition, blockOf('yaml'));
  await plane.kubectl(['apply', '-f', definition]);
  await plane.kubectl(['wait', '--for=condition=Established', 'crd/greetings.example.dev', '--timeout=30s']);
  program = join(directory, 'greeter.mts');
  // As it stands on the page, but for the place of the runtime.
  writeFileSync(program, blockOf('ts').replace("'./index.ts'", `'${fileURLToPath(new URL('index.ts', runtime))}'`));
  operator = spawn(process.execPath, [program], {
    env: { ...process.env, KUBECONFIG: plane.kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [operator.stdout, operator.stderr]) stream?.on('data', (chunk) => (said += chunk));
});

test.after(async () => {
  operator?.kill('SIGKILL');
  await plane?.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
  await plane?.kubectl(['delete', 'crd', 'greetings.example.dev', '--ignore-not-found', '--wait=false']);
  if (directory) rmSync(directory, { recursive: true, force: true });
  await plane?.stop();
});

test('is no longer than a screen, and comes in by the door', () => {
  const lines = blockOf('ts')
    .split('\n')
    .filter((line) => line.trim() !== '');
  assert.ok(lines.length <= 40, `${lines.length} lines`);
  const imports = lines.filter((line) => /\bimport\b|\bfrom\b/.test(line));
  assert.equal(imports, ["import * as kube from './index.ts';"]);
});

test('its types hold, as strictly as those of the project', async () => {
  const config = {
    extends: fileURLToPath(new URL('../../tsconfig.json', runtime)),
    compilerOptions: { typeRoots: [fileURLToPath(new URL('../../node_modules/@types', runtime))] },
    files: [program],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ ...config, include: [] }));
  const compiler = fileURLToPath(new URL('../../node_modules/.bin/tsc', runtime));
  const { stdout, code } = await run(compiler, ['-p', directory]);
  assert.equal([code, stdout], [0, '']);
});

test('a Greeting gets its ConfigMap, and a change of its text follows in the same one', async () => {
  await greet('hello', 'good morning');
  const first = await becomes('hello', 'good morning');
  assert.equal(first.metadata.labels, { 'app.kubernetes.io/managed-by': 'greeter' });
  await greet('hello', 'good evening');
  const second = await becomes('hello', 'good evening');
  assert.is(second.metadata.uid, first.metadata.uid);
});

test('a ConfigMap that was edited or deleted comes back, and those of others are not touched by that', async () => {
  await greet('still', 'here');
  const still = await becomes('still', 'here');
  await greet('back', 'again');
  const { metadata } = await becomes('back', 'again');
  await kubectl('patch', 'configmap', 'back-greeting', '--type=merge', '-p', '{"data":{"text":"mine"}}');
  const mended = await becomes('back', 'again');
  assert.is(mended.metadata.uid, metadata.uid);
  assert.is.not(mended.metadata.resourceVersion, metadata.resourceVersion);
  await kubectl('delete', 'configmap', 'back-greeting');
  const created = await becomes('back', 'again');
  assert.is.not(created.metadata.uid, metadata.uid);
  await greet('later', 'on');
  await becomes('later', 'on');
  assert.equal([await mapOf('still'), await mapOf('back')], [still, created], 'what is right is not written again');
});

test('the ConfigMap belongs to its Greeting, and goes with it', async () => {
  await greet('owned', 'mine');
  const map = await becomes('owned', 'mine');
  const greeting = await get('greeting', 'owned');
  assert.equal(map.metadata.ownerReferences, [
    { apiVersion: 'example.dev/v1', kind: 'Greeting', name: 'owned', uid: greeting?.metadata.uid, controller: true },
  ]);
  await kubectl('delete', 'greeting', 'owned');
  await until('the garbage collector has taken it', async () => (await mapOf('owned')) === undefined, patience, show);
  // Whatever was on its way is done when the next one is.
  await greet('after', 'that');
  await becomes('after', 'that');
  assert.is(await mapOf('owned'), undefined);
});

test('it ends when it is asked to, and has complained of nothing', async () => {
  operator.kill('SIGTERM');
  const [code] = operator.exitCode === null ? await once(operator, 'exit') : [operator.exitCode];
  assert.equal([code, said], [0, '']);
});
