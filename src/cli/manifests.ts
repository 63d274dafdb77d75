/** Manifests as text, YAML or JSON, and where in the text each field stands. Pure. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

/** A place in a text: lines and columns begin at 1, columns count UTF-16 units; `endColumn` is exclusive, on the same line. */
export type Position = { readonly line: number; readonly column: number; readonly endColumn: number };

/** A text, and what it is called in messages: a path, or `<stdin>`. */
export type Source = { readonly name: string; readonly text: string };

/** One object of a source. */
export type Manifest = {
  readonly source: string;
  /** As parsed: any shape. */
  readonly value: unknown;
  /**
   * Where a field stands, by its path as the API server writes it: its value, where that is one word, or its key. Of a
   * field that is missing, where it is missing from.
   */
  readonly position: (field: string, show?: 'value' | 'key') => Position;
};

/** A text that can't be read. */
export type SyntaxProblem = { readonly source: string; readonly position: Position; readonly message: string };

/**
 * YAML as kubectl reads it: 1.1, in which `yes` is true and `010` is 8, but neither times nor `1:30` are anything but
 * strings.
 */
const asKubectl = {
  version: '1.1',
  merge: true,
  customTags: (tags: unknown[]) =>
    (tags as { tag?: string; format?: string }[]).filter(
      ({ tag, format }) => format !== 'TIME' && !/:(timestamp|binary|omap|pairs|set)$/.test(tag ?? ''),
    ) as never,
} as const;

/** Every object of a text, those inside a List one by one; empty documents are none. Never throws. */
export function readManifests({ name, text }: Source): { manifests: Manifest[]; problems: SyntaxProblem[] } {
  const lines = new LineCounter();
  const manifests: Manifest[] = [];
  const problems: SyntaxProblem[] = [];
  for (const document of parseAllDocuments(text, { ...asKubectl, lineCounter: lines })) {
    if (!('contents' in document)) continue;
    const [error] = document.errors;
    if (error) {
      const message = error.message.split(/ at line \d+/)[0] ?? '';
      problems.push({ source: name, position: at(lines, error.pos[0], error.pos[0] + 1), message });
      continue;
    }
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 1000 });
      if (holdsItself(value)) throw new Error('holds itself: an alias stands within its own anchor');
    } catch (cause) {
      problems.push({ source: name, position: at(lines, 0, 1), message: (cause as Error).message });
      continue;
    }
    if (value === null || value === undefined) continue;
    const items = itemsOf(value);
    if (items) {
      for (const [index, item] of items.entries()) {
        const at = `items[${index}]`;
        const position: Manifest['position'] = (field, show) =>
          locate(document, lines, field === '' ? at : `${at}.${field}`, show);
        manifests.push({ source: name, value: item, position });
      }
    } else manifests.push({ source: name, value, position: (field, show) => locate(document, lines, field, show) });
  }
  return { manifests, problems };
}

/** @param open what it stands in */
function holdsItself(value: unknown, open = new Set<unknown>(), done = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || done.has(value)) return false;
  if (open.has(value)) return true;
  open.add(value);
  const found = Object.values(value).some((inner) => holdsItself(inner, open, done));
  open.delete(value);
  done.add(value);
  return found;
}

/** The items of `kind: List`, as `kubectl get -o yaml` prints, or of a typed list. */
function itemsOf(value: unknown): unknown[] | undefined {
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items : undefined;
}

function locate(document: Document, lines: LineCounter, field: string, show: 'value' | 'key' = 'value'): Position {
  let spot: Spot = { node: document.contents as Node | null, shown: document.contents as Node | null, rest: field };
  while (spot.rest !== '') {
    const node = isAlias(spot.node) ? (spot.node.resolve(document) ?? null) : spot.node;
    const inner = isMap(node) ? inMap(node, spot.rest, show) : isSeq(node) ? inList(node, spot.rest) : undefined;
    if (!inner) break;
    spot = inner;
  }
  const [start = 0, end = start + 1] = spot.shown?.range ?? [];
  return at(lines, start, end);
}

/** A node on the way to a field, what is left of the path, and what is shown where the way ends here. */
type Spot = { readonly node: Node | null; readonly shown: Node | null; readonly rest: string };

/** Shown is the value of a scalar, the key of anything else. */
function inMap({ items }: YAMLMap, path: string, show: 'value' | 'key'): Spot | undefined {
  const pair = longestKey(items, path);
  if (!pair) return undefined;
  const rest = path.slice(keyOf(pair).length).replace(/^\./, '');
  const node = isNode(pair.value) ? pair.value : null;
  const isValue = show === 'value' && rest === '' && isScalar(node) && node.range;
  return { node, rest, shown: isValue ? node : (pair.key as Node) };
}

function inList({ items }: YAMLSeq, path: string): Spot | undefined {
  const [whole, index] = /^\[(\d+)\]\.?/.exec(path) ?? [];
  const item = whole === undefined ? undefined : items[Number(index)];
  return whole !== undefined && isNode(item) ? { node: item, shown: item, rest: path.slice(whole.length) } : undefined;
}

const keyOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : key);

/** A key may hold dots: of the keys that the path begins with, the longest. */
function longestKey(pairs: readonly unknown[], path: string): Pair | undefined {
  return pairs
    .filter((pair) => isPair(pair))
    .filter((pair) => {
      const key = keyOf(pair);
      return path.startsWith(key) && ['', '.', '['].includes(path.charAt(key.length));
    })
    .sort((a, b) => keyOf(b).length - keyOf(a).length)[0];
}

function at(lines: LineCounter, start: number, end: number): Position {
  const { line, col } = lines.linePos(start);
  const stop = lines.linePos(Math.max(end, start + 1));
  // What goes over several lines is shown by its beginning.
  const endColumn = stop.line === line ? stop.col : col + 1;
  return { line: Math.max(line, 1), column: Math.max(col, 1), endColumn: Math.max(endColumn, 2) };
}
