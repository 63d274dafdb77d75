/** The operator of src/kube/README.md, taken from that page as it stands there, on a real API server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { until } from '../operator.ts';
import { suite } from '../suite.ts';

const runtime = new URL('../../src/kube/', import.meta.url);
const page = readFileSync(new URL('README.md', runtime), 'utf8');
const namespace = 'kube-runtime';

/** The text of the one block of the page that is in this language. */
function blockOf(language: string): string {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language);
  assert.is(blocks.length, 1, `README.md has one block of ${language}`);
  return blocks[0]?.[2] ?? '';
}

let plane: ControlPlane;
let directory: string;
let operator: ChildProcess;
let said = '';

const kubectl = async (...args: string[]): Promise<string> =>
  (await plane.kubectl(['-n', namespace, ...args])).stdout.trim();
/** The text in the ConfigMap of a Greeting; empty where there is none. */
const textOf = (name: string) =>
  kubectl('get', 'configmap', `${name}-greeting`, '--ignore-not-found', '-o', 'jsonpath={.data.text}');
const greet = (name: string, text: string) => {
  const file = join(directory, `${name}.json`);
  writeFileSync(
    file,
    JSON.stringify({ apiVersion: 'example.dev/v1', kind: 'Greeting', metadata: { name }, spec: { text } }),
  );
  return kubectl('apply', '-f', file);
};
const show = () => `the operator said: ${said}`;
const becomes = (name: string, text: string) =>
  until(`the ConfigMap of ${name} says "${text}"`, async () => (await textOf(name)) === text, 20_000, show);

const test = suite('kube runtime');

test.before(async () => {
  plane = await sharedControlPlane();
  directory = mkdtempSync(join(tmpdir(), 'kube-runtime-'));
  await plane.kubectl(['create', 'namespace', namespace]);
  const definition = join(directory, 'crd.yaml');
  writeFileSync(definition, blockOf('yaml'));
  await plane.kubectl(['apply', '-f', definition]);
  await plane.kubectl(['wait', '--for=condition=Established', 'crd/greetings.example.dev', '--timeout=30s']);
  const program = join(directory, 'greeter.ts');
  const text = blockOf('ts');
  assert.match(text, "from './index.ts'");
  writeFileSync(program, text.replace("'./index.ts'", `'${new URL('index.ts', runtime)}'`));
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

test('is no longer than a screen', () => {
  const lines = blockOf('ts')
    .split('\n')
    .filter((line) => line.trim() !== '');
  assert.ok(lines.length <= 40, `${lines.length} lines`);
});

test('a Greeting gets its ConfigMap, and a change of its text follows', async () => {
  await greet('hello', 'good morning');
  await becomes('hello', 'good morning');
  await greet('hello', 'good evening');
  await becomes('hello', 'good evening');
});

test('a ConfigMap that was edited or deleted comes back', async () => {
  await greet('back', 'again');
  await becomes('back', 'again');
  await kubectl('patch', 'configmap', 'back-greeting', '--type=merge', '-p', '{"data":{"text":"mine"}}');
  await becomes('back', 'again');
  await kubectl('delete', 'configmap', 'back-greeting');
  await becomes('back', 'again');
});

test('the ConfigMap belongs to its Greeting', async () => {
  await greet('owned', 'mine');
  await becomes('owned', 'mine');
  const uid = await kubectl('get', 'greeting', 'owned', '-o', 'jsonpath={.metadata.uid}');
  const path = 'jsonpath={.metadata.ownerReferences[?(@.controller==true)].uid}';
  assert.is(await kubectl('get', 'configmap', 'owned-greeting', '-o', path), uid);
});

test('it ends when it is asked to', async () => {
  operator.kill('SIGTERM');
  const [code] = operator.exitCode === null ? await once(operator, 'exit') : [operator.exitCode];
  assert.is(code, 0, show());
});
