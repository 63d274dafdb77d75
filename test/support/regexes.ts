/**
 * The regular expressions of a TypeScript text, and inputs that would hurt them. A small scanner instead of a parser: it
 * knows comments, strings, templates, and where a `/` can begin a literal in code that Biome has formatted.
 */

/** A literal: its pattern, its flags, and the line that it stands on. */
export type Found = { readonly source: string; readonly flags: string; readonly line: number };

/** After these a `/` begins a regular expression; after anything else it divides. */
const before = /(?:^|[=(,:[!&|?{};+>]|\breturn|\btypeof|\bcase)\s*$/;

/** Every regular expression literal of a text, in order. */
export function regexesIn(text: string): Found[] {
  const found: Found[] = [];
  /** Depths of braces at which a template goes on. */
  const templates: number[] = [];
  let braces = 0;
  let code = '';
  let at = 0;
  const skipTo = (end: number, stands = ' ') => {
    code = (code + stands).slice(-20);
    at = end;
  };
  const endOf = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) throw new Error(`not understood: ${text.slice(at, at + 40)}`);
    return pattern.lastIndex;
  };
  const template = () => {
    const end = endOf(/(?:[^\\`$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y);
    if (text.charAt(end - 1) === '{') templates.push(braces++);
    skipTo(end, '""');
    if (text.charAt(end - 1) === '{') code = '{';
  };
  while (at < text.length) {
    const here = text.charAt(at);
    if (text.startsWith('//', at) && !code.endsWith('[')) skipTo(endOf(/[^\n]*/y), '');
    else if (text.startsWith('/*', at)) skipTo(endOf(/\/\*[\s\S]*?\*\//y), '');
    else if (here === "'" || here === '"')
      skipTo(endOf(here === "'" ? /'(?:[^\\']|\\[\s\S])*'/y : /"(?:[^\\"]|\\[\s\S])*"/y), '""');
    else if (here === '`') {
      at++;
      template();
    } else if (here === '}' && templates.at(-1) === braces - 1) {
      braces = templates.pop() ?? 0;
      at++;
      template();
    } else if (here === '/' && before.test(code)) {
      const end = endOf(/\/(?:[^\\/[\n]|\\.|\[(?:[^\\\]\n]|\\.)*\])+\/[dgimsuvy]*/y);
      const literal = text.slice(at, end);
      const slash = literal.lastIndexOf('/');
      const line = text.slice(0, at).split('\n').length;
      found.push({ source: literal.slice(1, slash), flags: literal.slice(slash + 1), line });
      skipTo(end, '""');
    } else {
      if (here === '{') braces++;
      if (here === '}') braces--;
      skipTo(at + 1, here);
    }
  }
  return found;
}

/** What single characters of a pattern may stand for. */
const samples: Readonly<Record<string, string>> = {
  w: 'a',
  d: '1',
  s: ' ',
  W: '-',
  D: 'a',
  S: 'a',
  b: '',
  B: '',
  n: '\n',
};

/**
 * Texts that, repeated, make a pattern begin again and again: short runs of what it looks for, its own characters alone and in
 * pairs, each with something in front that is a border for `\b`.
 */
export function attacksOn({ source }: Found): string[] {
  const atoms = [...source.matchAll(/\\(?:[pP]\{\w+\}|u\{?[0-9a-f]+\}?|.)|[^\\()[\]{}*+?|^$]/gi)].map(([atom]) =>
    atom.startsWith('\\') ? (samples[atom.charAt(1)] ?? (atom.length === 2 ? atom.charAt(1) : '\u0001')) : atom,
  );
  const runs = new Set<string>();
  for (const size of [1, 2, 3, 4, 6]) {
    for (let start = 0; start + size <= atoms.length; start++) {
      const run = atoms.slice(start, start + size).join('');
      for (const border of ['', '-', ' ', '.']) runs.add(border + run);
    }
  }
  runs.delete('');
  return [...runs];
}

/** Sizes of the inputs, in characters: exponential ones show at the first two. The last is for patterns that passed. */
const sizes = [20, 28, 4_096, 16_384, 65_536];

/** The input for which a pattern takes more than linear time, and how long it took; undefined when none was found. */
export function worstOf(found: Found): { attack: string; size: number; milliseconds: number } | undefined {
  const pattern = new RegExp(found.source, found.flags);
  const attacks = attacksOn(found);
  for (const attack of attacks) {
    let last = 0;
    for (const [index, size] of sizes.entries()) {
      const spent = timeOf(pattern, attack, size);
      const growth = size / (sizes[index - 1] ?? size);
      // As the size grew, three times over; below 100 ms a collection of garbage weighs more.
      if (spent > 100 && spent > 3 * growth * Math.max(last, 1)) return { attack, size, milliseconds: spent };
      last = spent;
    }
  }
  for (const attack of attacks.slice(0, 3)) {
    const spent = timeOf(pattern, attack, 1_000_000);
    if (spent > 1_000) return { attack, size: 1_000_000, milliseconds: spent };
  }
  return undefined;
}

/** Milliseconds of this process's own work, so that a busy machine does not count. */
function timeOf(pattern: RegExp, attack: string, size: number): number {
  const text = `${attack.repeat(Math.ceil(size / attack.length)).slice(0, size)}\u0000`;
  const started = process.cpuUsage();
  text.replace(pattern, '');
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}
