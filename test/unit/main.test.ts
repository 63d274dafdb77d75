/** The process as a whole, while the API server is away: what tests of its parts can't tell. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');
/** Nobody listens there. */
const nowhere = {
  ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'nowhere', users: [{ name: 'nobody', user: {} }] },
  clusters: [{ name: 'nowhere', cluster: { server: 'https://127.0.0.1:1' } }],
  contexts: [{ name: 'nowhere', context: { cluster: 'nowhere', user: 'nobody' } }],
};
/** A mistake that nobody catches, at SIGUSR2. */
const mistake = `process.on('SIGUSR2', () => void Promise.reject(new Error('of nobody')))`;

type Running = { readonly child: ChildProcess; readonly said: (words: string) => Promise<void> };
const test = suite<{ directory: string; operator: Running }>('process');

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'main-test-'));
  const kubeconfig = join(context.directory, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(nowhere));
  const child = spawn(
    process.execPath,
    [
      ...['--import', `data:text/javascript,${encodeURIComponent(mistake)}`, main],
      ...['--kubeconfig', kubeconfig, '--health-address', 'off', '--metrics-address', 'off'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines: string[] = [];
  const input = createInterface({ input: child.stdout });
  input.on('line', (line) => lines.push(line));
  let isClosed = false;
  const closed = once(input, 'close').then(() => {
    isClosed = true;
  });
  context.operator = {
    child,
    async said(words) {
      while (!lines.some((line) => line.includes(words))) {
        await Promise.race([once(input, 'line'), closed]);
        if (isClosed) throw new Error(`it ended without "${words}": ${lines.join('\n')}`);
      }
    },
  };
});
test.after.each(({ directory, operator }) => {
  operator.child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

test('R11.1 SIGTERM ends it with exit code 0', async ({ operator: { child, said } }) => {
  await said('the API server does not answer');
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  assert.equal(await ended, [0, null]);
});

test('R11.2, L3 what nobody catches is told, and the process goes on', async ({ operator: { child, said } }) => {
  await said('the API server does not answer');
  child.kill('SIGUSR2');
  await said('unhandled rejection: a defect of the operator');
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  assert.equal(await ended, [0, null], 'it ended as it was asked to, not by itself');
});
