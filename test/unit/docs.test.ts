/** The docs keep up with the sources: what can be seen of the operator stands in troubleshooting.md, and no link is dead. */
import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/config.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { adviceFor } from '../../src/observe/watch-trouble.ts';
import { rows } from '../../src/settings/status.ts';
import { suite } from '../suite.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const troubleshooting = read('docs/troubleshooting.md');
const status = read('docs/status.md');
const namedIn = (page: string, words: Iterable<string>) => [...new Set(words)].filter((word) => !page.includes(word));
/** What stands in quotes behind `reason: ` in a source. */
const reasonsIn = (path: string) => [...read(path).matchAll(/reason: '(\w+)'/g)].map(([, reason = '']) => reason);

const test = suite('docs');

test('each reason of the condition table has a section, with what to do', () => {
  const reasons = rows.map(({ reason }) => `### ${reason}\n`);
  assert.ok(reasons.length >= 9);
  assert.equal(namedIn(troubleshooting, reasons), []);
  assert.equal(
    namedIn(
      status,
      rows.map(({ reason }) => `| \`${reason}\``),
    ),
    [],
  );
});

test('README shows --help as it is', () => {
  const parsed = parseConfig(['--help'], {});
  assert.ok(parsed.kind === 'print' && read('README.md').includes(`\n${parsed.text.trim()}\n`));
});

test('each reason of status.errors is there, and in status.md', () => {
  const reasons = reasonsIn('src/settings/validate.ts').map((reason) => `| \`${reason}\``);
  assert.is(new Set(reasons).size, 10);
  assert.equal(namedIn(troubleshooting, reasons), []);
  assert.equal(namedIn(status, reasons), []);
});

test('each event is there', () => {
  const reasons = reasonsIn('src/controller/events.ts').map((reason) => `| \`${reason}\``);
  assert.is(reasons.length, 5);
  assert.equal(namedIn(troubleshooting, reasons), []);
});

test('each metric of ours is there', async () => {
  const { body } = await createMetrics().render();
  const names = [...body.matchAll(/^# TYPE (license_settings_\w+)/gm)].map(([, name]) => `| \`${name}\``);
  assert.ok(names.length >= 10);
  assert.equal(namedIn(troubleshooting, names), []);
});

/** The part of a message that does not depend on where it is told. */
const firstClause = (message: string) => (message.split(/[:;(]/)[0] ?? '').replace(/ licensesettings$/, '').trim();

test('each line that the log can have is there', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('cli'))
    .map((name) => read(`src/${name}`));
  // The message is the last argument, or the only one.
  const calls = sources.flatMap((text) => [...text.matchAll(/\blog\.\w+\((?:[^()']|\([^()]*\))*'([^']+)'/g)]);
  const messages = calls.map(([, message = '']) => message);
  assert.ok(messages.length >= 15, String(messages));
  assert.equal(namedIn(troubleshooting, messages.map(firstClause)), []);
});

test('each advice about the connection is there', () => {
  const errors = [
    ...[404, 401, 403, 410, 429].map((code) => new ApiError('', { code })),
    ...(['NoAnswer', 'Credentials', 'BadAnswer'] as const).map((reason) => new ApiError('', { code: 0, reason })),
    new ApiError('self-signed certificate', { code: 0, reason: 'NoAnswer' }),
  ];
  const advice = errors.map((error) =>
    firstClause(adviceFor({ resource: 'licensesettings', namespace: undefined }, error)),
  );
  assert.is(new Set(advice).size, errors.length);
  assert.equal(namedIn(troubleshooting, advice), []);
});

const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`);
const pages = ['README.md', 'CHANGELOG.md', 'ARCHITECTURE.md', ...inDocs].filter((name) => name.endsWith('.md'));
/** Anchors of a page, as GitHub makes them of headings. */
const anchorsOf = (text: string): string[] =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
/** Links of a page that lead nowhere: to no file, or to no heading. */
function deadLinks(page: string, text: string): string[] {
  const links = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, link = '']) => link,
  );
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
    if (!existsSync(file)) return true;
    if (anchor === undefined || statSync(file).isDirectory() || !file.endsWith('.md')) return false;
    return !anchorsOf(path === '' ? text : readFileSync(file, 'utf8')).includes(anchor);
  });
}

test('no link leads nowhere', () => {
  const dead = pages.flatMap((page) => deadLinks(page, read(page)).map((link) => `${page}: ${link}`));
  assert.equal(dead, []);
  const bad =
    '# A `b`: c!\n[x](#a-b-c) [y](#nowhere) [z](docs/none.md) [w](docs/status.md#conditions) [v](docs/status.md#no)';
  assert.equal(deadLinks('README.md', bad), ['#nowhere', 'docs/none.md', 'docs/status.md#no']);
});

/** Files and scripts of npm that a page names between backquotes or in a command, and that are not there. */
function unknownIn(text: string): string[] {
  const files = [...text.matchAll(/`((?:src|test|docs|deploy|scripts|crds)\/[\w./*-]+)`/g)].map(
    ([, file = '']) => file,
  );
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };
  const commands = [...text.matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)].map(([, name = '']) => name);
  return [
    ...files.filter((file) => globSync(file, { cwd: root }).length === 0),
    ...commands.filter((name) => scripts[name] === undefined).map((name) => `npm run ${name}`),
  ];
}

test('each file and each script of npm that a page names is there', () => {
  const current = pages.filter((page) => page !== 'CHANGELOG.md');
  assert.equal(
    current.flatMap((page) => unknownIn(read(page)).map((name) => `${page}: ${name}`)),
    [],
  );
  const bad = '`src/main.ts` `test/unit/docs.test.ts` `test/unit/none.ts` `src/*.none` `npm run demo` `npm run none`';
  assert.equal(unknownIn(bad), ['test/unit/none.ts', 'src/*.none', 'npm run none']);
});

test('README lists each page of the docs but the decisions, which have a list of their own', () => {
  const unlisted = (list: string, folder: string, names: readonly string[]) =>
    names.filter((page) => !read(list).includes(`](${page.slice(folder.length)})`));
  const isDecision = (page: string) => page.startsWith('docs/decisions/0');
  assert.equal(unlisted('docs/decisions/README.md', 'docs/decisions/', pages.filter(isDecision)), []);
  const others = pages.filter((page) => page.startsWith('docs/') && !isDecision(page));
  assert.equal(unlisted('README.md', '', others), []);
});
