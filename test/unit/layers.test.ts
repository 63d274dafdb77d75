/** The table of ARCHITECTURE.md, "Folders": which folder may import which; and that time and chance come in as arguments. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../suite.ts';

const src = join(import.meta.dirname, '../../src');
/** What a folder may import besides itself. Those that are not named wire everything: main.ts and config.ts. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  api: [],
  settings: ['api'],
  kube: [],
  observe: ['api', 'kube', 'version.ts'],
  controller: ['api', 'settings', 'kube', 'observe'],
  cli: ['api', 'settings', 'kube', 'version.ts'],
};
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join(src, file), 'utf8') }));
const folderOf = (file: string): string => file.split('/')[0] ?? file;
const importsOf = ({ file, text }: (typeof files)[number]): string[] =>
  [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    relative(src, join(src, dirname(file), path)),
  );

const test = suite('layers');
for (const [folder, may] of Object.entries(allowed)) {
  test(`src/${folder} imports ${[...may, 'itself'].join(', ')} and nothing else of ours`, () => {
    const own = files.filter(({ file }) => folderOf(file) === folder);
    assert.ok(own.length > 0);
    const wrong = own.flatMap((one) =>
      importsOf(one)
        .filter((path) => ![folder, ...may].includes(folderOf(path)))
        .map((path) => `${one.file} imports ${path}`),
    );
    assert.equal(wrong, []);
  });
}
test('whoever uses src/kube comes in by its door, index.ts', () => {
  const wrong = files.flatMap((one) =>
    folderOf(one.file) === 'kube'
      ? []
      : importsOf(one)
          .filter((path) => folderOf(path) === 'kube' && path !== 'kube/index.ts')
          .map((path) => `${one.file} imports ${path}`),
  );
  assert.equal(wrong, []);
});
test('src/kube knows nothing of licenses', () => {
  const wrong = files.filter(({ file, text }) => folderOf(file) === 'kube' && /licen[sc]|dialer|zones?\b/i.test(text));
  assert.equal(
    wrong.map(({ file }) => file),
    [],
  );
});
test('the clock and chance of the machine are read in src/kube/clock.ts alone', () => {
  const readers = files.filter(({ text }) =>
    /\b(Date\.now|Math\.random|performance\.now|setTimeout\(|setInterval\(|setImmediate\(|new Date\(\))/.test(text),
  );
  assert.equal(
    readers.map(({ file }) => file),
    ['kube/clock.ts'],
  );
});
