/** Puts one defect into a copy of the sources, and runs the test that has to catch it. The checkout is never touched. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Message } from '../suite.ts';
import type { Defect } from './defects.ts';

const project = resolve(import.meta.dirname, '../..');
/** All that a unit test reads. */
const needed = ['src', 'test', 'crds', 'deploy', 'docs', 'package.json', 'tsconfig.json'];
/** A test that takes longer hangs, in milliseconds. The slowest needs two seconds. */
const deadline = 20_000;
/** These are thrown by sources that make no sense: nothing was tested. */
const senseless = /^(SyntaxError|ReferenceError)\b/;

/** What a test came to. `broken`: it did not get so far as to test anything. */
export type Outcome = {
  readonly kind: 'passed' | 'failed' | 'hung' | 'broken';
  /** The failure in one line. */
  readonly words: string;
};

/** A copy of the project in which defects can be tried, one at a time. */
export type Sandbox = { readonly directory: string };

/** Makes a copy of what unit tests need in a temporary directory, which goes when this process ends. */
export function createSandbox(): Sandbox {
  const directory = mkdtempSync(join(tmpdir(), 'mutation-'));
  for (const path of needed) cpSync(join(project, path), join(directory, path), { recursive: true });
  symlinkSync(join(project, 'node_modules'), join(directory, 'node_modules'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return { directory };
}

/** How often the text to be replaced occurs in the checkout: it must be once. */
export const occurrences = ({ file, find }: Pick<Defect, 'file' | 'find'>): number =>
  readFileSync(join(project, file), 'utf8').split(find).length - 1;

/** Runs the test of a defect with the defect in place. */
export async function tryDefect({ directory }: Sandbox, { file, find, replace, caughtBy }: Defect): Promise<Outcome> {
  const path = join(directory, file);
  const sound = readFileSync(path, 'utf8');
  if (sound.split(find).length !== 2) return { kind: 'broken', words: 'the text to be replaced is not there once' };
  writeFileSync(
    path,
    sound.replace(find, () => replace),
  );
  try {
    return await runTest({ directory }, caughtBy);
  } finally {
    writeFileSync(path, sound);
  }
}

/** Runs one test of the copy in a process of its own. Other tests whose names hold its name may run too; they don't count. */
export function runTest({ directory }: Pick<Sandbox, 'directory'>, caughtBy: Defect['caughtBy']): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [caughtBy.file], {
      cwd: directory,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, TEST_FILTER: caughtBy.test, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    let [started, late, complaint] = [false, false, ''];
    let outcome: Outcome | undefined;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2_000);
    });
    child.on('message', (message: Message) => {
      if (message.type === 'start' && message.name === caughtBy.test) started = true;
      if (message.type !== 'test' || outcome) return;
      const words = (message.error ?? '').split('\n')[0] ?? '';
      // A promise that was rejected meanwhile is reported under a name of its own, with that of the test at its end.
      const ours = message.name === caughtBy.test || message.name.endsWith(` during: ${caughtBy.test}`);
      if (!ours || message.outcome === 'skipped') return;
      if (message.outcome === 'passed') outcome = { kind: 'passed', words };
      else outcome = { kind: started && !senseless.test(words) ? 'failed' : 'broken', words };
    });
    const timer = setTimeout(() => {
      late = true;
      end();
    }, deadline);
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The whole group is gone already.
      }
    };
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ kind: 'broken', words: error.message });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      end();
      if (outcome) return resolve(outcome);
      if (started && late) return resolve({ kind: 'hung', words: `no end within ${deadline / 1000} s` });
      // Node ends a process that waits for nothing.
      if (started) return resolve({ kind: 'hung', words: 'it waits for what never comes' });
      const why = /^\w*Error\b.*$/m.exec(complaint)?.[0] ?? `ended with ${signal ?? `exit code ${code}`}`;
      resolve({ kind: 'broken', words: `the test did not run: ${why}` });
    });
  });
}
