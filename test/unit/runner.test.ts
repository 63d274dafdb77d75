/** The runner must fail whenever a test did not run and pass: each fixture here is a way in which uvu alone says 0. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';

const testDirectory = resolve(import.meta.dirname, '..');
const header = `
  import { suite } from '${pathToFileURL(join(testDirectory, 'suite.ts')).href}';
  import * as assert from '${import.meta.resolve('uvu/assert')}';
  const test = suite('fixture');
`;

interface Run {
  readonly code: number | null;
  readonly output: string;
  readonly lastLine: string;
}

/** Runs the runner over a folder with these unit test files. */
async function run(files: Record<string, string>, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const root = mkdtempSync(join(tmpdir(), 'license-settings-runner-'));
  try {
    mkdirSync(join(root, 'unit'));
    for (const [name, body] of Object.entries(files)) {
      const file = join(root, 'unit', `${name}.test.ts`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, body);
    }
    const child = spawn(process.execPath, [join(testDirectory, 'run.ts'), 'unit', '--root', root, ...args], {
      env: { ...process.env, CI: '', TEST_FILTER: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (data) => {
        output += data;
      });
    }
    const code = await new Promise<number | null>((done) => child.on('close', done));
    return { code, output, lastLine: output.trimEnd().split('\n').at(-1) ?? '' };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function expectRun(actual: Run, code: number, lastLine: string, text: RegExp): void {
  assert.is(actual.lastLine, lastLine, actual.output);
  assert.is(actual.code, code, actual.output);
  assert.match(actual.output, text);
}

const test = suite('runner');

test('passes when every test passed, and counts the skipped', async () => {
  const body = `${header}
    test('one', () => assert.is(1, 1));
    test('two', async () => {});
    test.skip('three', () => {});`;
  expectRun(await run({ a: body, b: body }), 0, '4 passed, 0 failed, 2 skipped', /skipped fixture > three/);
});

test('finds the files of folders too', async () => {
  const body = `${header} test('one', () => {});`;
  expectRun(await run({ a: body, 'rules/b': body }), 0, '2 passed, 0 failed', /passed/);
});

test('fails when there is no file', async () => {
  expectRun(await run({}), 1, '0 passed, 1 failed', /no test ran/);
});

test('fails on a file without tests, beside a good one', async () => {
  const files = { empty: header, good: `${header} test('one', () => {});` };
  expectRun(await run(files), 1, '1 passed, 1 failed', /it has no tests/);
});

test('fails on an assertion, shows the difference, and runs the other tests', async () => {
  const body = `${header}
    test('bad', () => assert.equal({ a: 1 }, { a: 2 }));
    test('good', () => {});`;
  expectRun(await run({ a: body }), 1, '1 passed, 1 failed', /FAILED {2}fixture > bad[\s\S]*\+\+··"a":·2/);
});

test('fails on a failing before hook: its tests did not run', async () => {
  const body = `${header}
    test.before(() => { throw new Error('no database'); });
    test('one', () => {});`;
  expectRun(await run({ a: body }), 1, '0 passed, 2 failed', /did not run: before hook: Error: no database/);
});

test('fails on a failing before.each hook', async () => {
  const body = `${header}
    test.before.each(() => { throw new Error('no table'); });
    test('one', () => {});`;
  expectRun(await run({ a: body }), 1, '0 passed, 1 failed', /did not run: before.each hook: Error: no table/);
});

test('fails on failing after hooks, and runs the other tests', async () => {
  const body = `${header}
    test.after.each(() => { throw new Error('left behind'); });
    test.after(() => { throw new Error('still there'); });
    test('one', () => {});
    test('two', () => {});`;
  expectRun(await run({ a: body }), 1, '2 passed, 3 failed', /after hook: Error: still there/);
});

test('kills a file at its deadline and names the hanging test', async () => {
  const body = `${header}
    test('quick', () => {});
    test('stuck', () => { for (;;); });`;
  const text = /killed at its deadline of 2 s before its tests were finished, during: fixture > stuck/;
  expectRun(await run({ a: body }, ['--deadline', '2']), 1, '1 passed, 1 failed', text);
});

test('fails on a test that waits for nothing', async () => {
  const body = `${header} test('never', () => new Promise(() => {}));`;
  expectRun(await run({ a: body }), 1, '0 passed, 1 failed', /before its tests were finished, during: fixture > never/);
});

test('fails on an early exit with code 0', async () => {
  const body = `${header} test('quits', () => process.exit(0));`;
  expectRun(await run({ a: body }), 1, '0 passed, 1 failed', /before its tests were finished/);
});

test('fails on an unhandled rejection', async () => {
  const body = `${header} test('sloppy', () => { void Promise.reject(new Error('nobody looked')); });`;
  expectRun(await run({ a: body }), 1, '1 passed, 1 failed', /unhandled rejection[\s\S]*nobody looked/);
});

test('fails on a file that can not be loaded', async () => {
  expectRun(await run({ a: `throw new Error('broken file');` }), 1, '0 passed, 1 failed', /broken file/);
});

test('takes .only as a failure in CI alone', async () => {
  const body = `${header}
    test('one', () => {});
    test.only('two', () => {});`;
  expectRun(await run({ a: body }, [], { CI: 'true' }), 1, '1 passed, 1 failed, 1 skipped', /\.only left behind/);
  expectRun(await run({ a: body }), 0, '1 passed, 0 failed, 1 skipped', /ok {6}fixture > two/);
});

test('filters by name, and fails when nothing matches', async () => {
  const body = `${header}
    test.before(() => console.log('set up'));
    test('one', () => {});
    test('two', () => {});`;
  expectRun(await run({ a: body }, ['--filter', 'two']), 0, '1 passed, 0 failed', /set up/);
  expectRun(await run({ a: body }, ['--filter', 'three']), 1, '0 passed, 1 failed', /no test ran/);
});
