/** The list of seeded defects does not rot, and what runs it tells a catch from everything else. `npm run mutate` runs it whole. */
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { type Defect, defects } from '../mutation/defects.ts';
import { createSandbox, occurrences, type Sandbox, tryDefect } from '../mutation/mutants.ts';
import { suite, titlesIn } from '../suite.ts';

const project = resolve(import.meta.dirname, '../..');
const list = suite('list of defects');

list('has at least 100, each with words of its own, and no two alike', () => {
  assert.ok(defects.length >= 100, `${defects.length} defects`);
  const words = new Set(defects.map(({ file, defect }) => `${file}: ${defect}`));
  assert.is(words.size, defects.length);
  const changes = new Set(defects.map(({ file, find, replace }) => JSON.stringify([file, find, replace])));
  assert.is(changes.size, defects.length);
});

list('each changes something that stands in its file once', () => {
  for (const one of defects) {
    assert.is(occurrences(one), 1, `${one.file}: ${one.defect}`);
    assert.is.not(one.find, one.replace, `${one.file}: ${one.defect}`);
  }
});

list('each is caught by a test that exists', async () => {
  for (const file of new Set(defects.map(({ caughtBy }) => caughtBy.file))) {
    const titles = new Set(await titlesIn(join(project, file)));
    for (const { defect, caughtBy } of defects) {
      if (caughtBy.file === file)
        assert.ok(titles.has(caughtBy.test), `${defect}: no test "${caughtBy.test}" in ${file}`);
    }
  }
});

const running = suite<{ sandbox: Sandbox }>('a defect that is tried');
running.before((context) => {
  context.sandbox = createSandbox();
});

const priorities = defects.find(({ defect }) => defect === 'a resync goes before a fresh change') as Defect;
for (const [what, change, kind, words] of [
  ['is caught by a test that fails', {}, 'failed', /Assertion/],
  ['is missed by a test that passes', { replace: priorities.find }, 'passed', /^$/],
  ['is not caught where the sources can not be loaded', { replace: '[' }, 'broken', /SyntaxError/],
  ['is not caught by what makes no sense', { replace: '[fresh] as const' }, 'broken', /ReferenceError/],
  [
    'is caught where the test waits for ever',
    {
      find: '    for (const resolve of this.#waiters.splice(0)) resolve(undefined);\n',
      replace: '',
      caughtBy: {
        file: 'test/unit/queue.test.ts',
        test: 'closed queue > wakes every waiting worker with nothing, and hands out nothing more',
      },
    },
    'hung',
    /never comes/,
  ],
] as const) {
  running(what, async ({ sandbox }) => {
    const outcome = await tryDefect(sandbox, { ...priorities, ...change });
    assert.is(outcome.kind, kind, outcome.words);
    assert.match(outcome.words, words);
  });
}
