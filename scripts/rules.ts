/**
 * Where each rule of docs/contract.md is decided, tested and guarded: `npm run rules` writes docs/rules.md, and
 * `npm run rules -- R2.4` prints the lines of one rule. With `--check` nothing is written: whatever lacks code, a test or a
 * seeded defect is named, and the exit code is 1.
 *
 * A comment in src/ that names a rule stands at the line that decides it; a title of a test, or of its suite, names the rule
 * that the test protects (where tests are rows of a table, the row begins with it); a seeded defect has it in its field `rule`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { defects } from '../test/mutation/defects.ts';

/** A text file: its path from the root of the project, and what stands in it. */
export type Source = { readonly path: string; readonly text: string };
/** A place that names a rule. `words`: the declaration that it is part of, or the title of a test; may be empty. */
export type Mention = {
  readonly id: string;
  readonly path: string;
  readonly line: number;
  readonly words: string;
};
/** A seeded defect, as far as it matters here. */
export type Guard = { readonly defect: string; readonly file: string; readonly rule?: string };
export type Rule = { readonly id: string; readonly section: string; readonly text: string };

/** What is known of all rules. */
export type Book = {
  readonly rules: readonly Rule[];
  readonly code: readonly Mention[];
  readonly tests: readonly Mention[];
  readonly defects: readonly Guard[];
};

const idPattern = 'R\\d+\\.\\d+|[ACDLSTV]\\d+';
const idsIn = (text: string): string[] => [...new Set(text.match(new RegExp(`\\b(?:${idPattern})\\b`, 'g')))];

/** An item of a list that is a rule, or a row of a table, and what follows the id. */
const ruleLine = new RegExp(`^(?:- |\\| )\\*\\*(${idPattern})\\*\\* (.*)$`);

/** The rules of the contract, in their order, each with the heading that it stands under. */
export function rulesIn(contract: string): Rule[] {
  const rules: Rule[] = [];
  let section = '';
  let text: string[] | undefined;
  const end = () => {
    const last = rules.at(-1);
    if (last && text) rules[rules.length - 1] = { ...last, text: text.join(' ') };
    text = undefined;
  };
  for (const line of contract.split('\n')) {
    const [, id, words = ''] = ruleLine.exec(line) ?? [];
    if (id !== undefined) {
      end();
      rules.push({ id, section, text: '' });
      text = [line.startsWith('|') ? rowInWords(words) : words];
    } else if (text && line.startsWith('  ')) text.push(line.trim());
    else end();
    section = /^#{2,} (.*)$/.exec(line)?.[1] ?? section;
  }
  end();
  return rules;
}

/** The cells of a row of a table, without the empty ones. */
const rowInWords = (row: string): string =>
  row
    .split('|')
    .map((cell) => cell.trim())
    .filter((cell) => cell !== '')
    .join(' | ');

/** Items of a list in the contract that are no rule: each statement has to have an id. */
export const statementsWithoutId = (contract: string): string[] =>
  contract.split('\n').filter((line) => line.startsWith('- ') && !ruleLine.test(line));

/** The rules that comments of a source name. */
export function mentionsInComments({ path, text }: Source): Mention[] {
  const lines = text.split('\n');
  const comments = commentsOf(lines);
  return comments.flatMap((comment, at) =>
    idsIn(comment).map((id) => ({ id, path, line: at + 1, words: declarationAt(lines, comments, at) })),
  );
}

/** What each line has of comments: the whole of it inside of a block, and what follows two slashes. */
function commentsOf(lines: readonly string[]): string[] {
  let inBlock = false;
  return lines.map((line) => {
    const begins = inBlock || /^\s*\/\*/.test(line);
    inBlock = begins && !line.includes('*/');
    return begins ? line : (/(?:^|\s)\/\/(.*)$/.exec(line)?.[1] ?? '');
  });
}

const declaration =
  /^(?:export )?(?:default )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|type|interface|enum) (\w+)/;

/** The declaration that a comment stands above, or else the one that it stands in; empty at the head of a file. */
function declarationAt(lines: readonly string[], comments: readonly string[], at: number): string {
  const next = comments.findIndex((comment, i) => i >= at && comment === '');
  const above = declaration.exec(lines[at] ?? '') ?? declaration.exec(lines[next] ?? '');
  if (above?.[1] !== undefined) return above[1];
  const within = lines.slice(0, at).findLast((line) => declaration.test(line)) ?? '';
  return declaration.exec(within)?.[1] ?? '';
}

const literal = `'((?:\\\\.|[^'\\\\])*)'|"((?:\\\\.|[^"\\\\])*)"|\`((?:\\\\.|[^\`\\\\])*)\``;

/** A row of a table of tests, whose title begins with ids and a space: `['R2.4 zones go first', ...` or `name: 'R2.4 ...'`. */
const row = new RegExp(
  `^\\s*(?:[[{] ?)*(?:\\w+: )?(?=['"\`](?:${idPattern})(?:, (?:${idPattern}))* )(?:${literal})`,
  'gm',
);

/** The rules that titles name: those of the suites of a test file, and of the tests that are registered with them. */
export function mentionsInTitles({ path, text }: Source): Mention[] {
  const suites = [...text.matchAll(/const (\w+) = suite\b/g)].map(([, name]) => name);
  const call = new RegExp(
    `^\\s*(?:const \\w+ = )?(?:${['suite', ...suites].join('|')})(?:\\.(?:only|skip))?(?:<[^(]*>)?\\(\\s*(?:${literal})`,
    'gm',
  );
  const titles = [...text.matchAll(call), ...text.matchAll(row)];
  // A title on a line of its own is found twice.
  const ends = titles.map((match) => match.index + match[0].length);
  const once = titles.filter((_, at) => ends.indexOf(ends[at] ?? 0) === at).sort((a, b) => a.index - b.index);
  return once.flatMap((match) => {
    const words = match.slice(1).find((one) => one !== undefined) ?? '';
    const line = text.slice(0, match.index + match[0].search(/\S/)).split('\n').length;
    return idsIn(words).map((id) => ({ id, path, line, words }));
  });
}

/** What is wrong: rules that lack code, a test or a defect; and ids that the contract doesn't have, or has twice. */
export function problemsOf({ rules, code, tests, defects: guards }: Book): string[] {
  const ids = rules.map(({ id }) => id);
  const known = new Set(ids);
  const lacks = (id: string): string[] => [
    ...(code.some((one) => one.id === id) ? [] : [`${id}: no comment in src/ names it`]),
    ...(tests.some((one) => one.id === id) ? [] : [`${id}: no title of a test names it`]),
    ...(guards.some(({ rule }) => rule === id) ? [] : [`${id}: no seeded defect breaks it`]),
  ];
  const stray = (id: string, where: string) => (known.has(id) ? [] : [`${where}: the contract has no ${id}`]);
  return [
    ...[...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))].map((id) => `${id}: the contract has it twice`),
    ...[...known].flatMap(lacks),
    ...[...code, ...tests].flatMap(({ id, path, line }) => stray(id, `${path}:${line}`)),
    ...guards.flatMap(({ rule, file, defect }) =>
      rule === undefined ? [] : stray(rule, `defect of ${file}: ${defect}`),
    ),
  ];
}

/** The page of docs/rules.md. It has no line numbers: each edit of a source would make it stale. */
export function rulesPage(book: Book): string {
  const lines = [
    '<!-- Generated by `npm run rules`: edit docs/contract.md, or what names the rule, instead. -->',
    '',
    '# Where each rule is decided, tested and guarded',
    '',
    'For each rule of the [contract](contract.md): the code that decides it, the tests that protect it, and the seeded defects',
    'that prove that these tests can fail. `npm run rules -- R2.4` prints the lines of one rule.',
  ];
  let section = '';
  for (const rule of book.rules) {
    if (rule.section !== section) lines.push('', `## ${rule.section}`, '');
    section = rule.section;
    lines.push(`- **${rule.id}** ${rule.text}`, ...placesOf(book, rule.id));
  }
  return `${lines.join('\n')}\n`;
}

function placesOf({ code, tests, defects: guards }: Book, id: string): string[] {
  const link = (path: string) => `[${path}](../${path})`;
  const list = (what: string, places: readonly string[]) =>
    places.length === 0 ? [`  - ${what}: none`] : [...new Set(places)].map((place) => `  - ${what}: ${place}`);
  const of = (mentions: readonly Mention[]) => mentions.filter((one) => one.id === id);
  return [
    ...list(
      'code',
      of(code).map(({ path, words }) => link(path) + (words === '' ? '' : `, \`${words}\``)),
    ),
    ...list(
      'test',
      of(tests).map(({ path, words }) => `${link(path)}: ${words}`),
    ),
    ...list(
      'defect',
      guards.filter(({ rule }) => rule === id).map(({ file, defect }) => `${link(file)}: ${defect}`),
    ),
  ];
}

/** The places of one rule with their lines, for a terminal. */
export function placesInWords({ code, tests, defects: guards }: Book, id: string): string {
  const places = [...code, ...tests].filter((one) => one.id === id);
  return [
    ...places.map(({ path, line, words }) => `${path}:${line} ${words}`.trimEnd()),
    ...guards.filter(({ rule }) => rule === id).map(({ file, defect }) => `${file} defect: ${defect}`),
  ].join('\n');
}

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const sourcesOf = (folder: string, end: string): Source[] =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => ({ path: `${folder}/${name}`, text: read(`${folder}/${name}`) }));

function main([argument]: readonly string[]): number {
  const contract = read('docs/contract.md');
  const book: Book = {
    rules: rulesIn(contract),
    code: sourcesOf('src', '.ts').flatMap(mentionsInComments),
    tests: sourcesOf('test', '.test.ts').flatMap(mentionsInTitles),
    defects,
  };
  const page = rulesPage(book);
  if (argument === undefined) {
    writeFileSync(new URL('docs/rules.md', root), page);
    return 0;
  }
  if (argument !== '--check') {
    const rule = book.rules.find(({ id }) => id === argument);
    console.log(rule ? `${rule.text}\n${placesInWords(book, rule.id)}` : `the contract has no ${argument}`);
    return rule ? 0 : 1;
  }
  const problems = [
    ...statementsWithoutId(contract).map((line) => `docs/contract.md: no id: ${line}`),
    ...problemsOf(book),
    ...(read('docs/rules.md') === page ? [] : ["docs/rules.md is stale: run 'npm run rules' and commit the result"]),
  ];
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
