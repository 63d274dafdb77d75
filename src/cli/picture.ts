/** Draws what is told of an object, as text for a terminal. Pure: the same view, style and time give the same text. */

import { harmless } from '../api/text.ts';
import type { Change } from './changes.ts';
import { age, type Colour, paint, type Style, wrap } from './terminal.ts';
import type { Usage, View, ZoneView } from './view.ts';

type Glyphs = {
  readonly full: string;
  readonly empty: string;
  readonly none: string;
  readonly dot: string;
  readonly yes: string;
  readonly no: string;
  readonly arrow: string;
  readonly rule: string;
  readonly branch: string;
  readonly last: string;
  readonly stem: string;
};

const unicode: Glyphs = {
  ...{ full: '█', empty: '░', none: '·', dot: '·', yes: '✔', no: '✘', arrow: '→', rule: '─' },
  ...{ branch: '├─ ', last: '└─ ', stem: '│  ' },
};
const ascii: Glyphs = {
  ...{ full: '#', empty: '-', none: '.', dot: '|', yes: '+', no: 'x', arrow: '->', rule: '-' },
  ...{ branch: '|- ', last: '`- ', stem: '|  ' },
};
const glyphsOf = (style: Style): Glyphs => (style.unicode ? unicode : ascii);

/** Columns of a table of numbers: each as wide as its heading, and as the largest count. */
const numberWidth = 9;
const titleWidth = 22;
/** From this width on a type takes one line; below it two. */
const wide = 76;

/** The whole picture of one object, without a newline at its end. `now` is the wall clock in milliseconds. */
export function picture(told: View, style: Style, now: number): string {
  const view = harmlessAll(told);
  return [
    ...header(view, style, now),
    ...licenses(view, style),
    ...zones(view, style),
    ...plan(view, style, now),
    ...pending(view, style),
    ...errors(view, style),
    ...conditions(view, style, now),
  ].join('\n');
}

/** Every text of a value, harmless: whatever stands in a status, nothing of it steers the terminal. */
function harmlessAll<T>(value: T): T {
  if (typeof value === 'string') return harmless(value) as T;
  if (Array.isArray(value)) return value.map(harmlessAll) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, harmlessAll(inner)])) as T;
}

const colourOf = ({ ready, deleting, judged }: View): Colour =>
  deleting || !judged ? 'yellow' : ready.reason === 'Applied' ? 'green' : ready.status === 'True' ? 'yellow' : 'red';

function header(view: View, style: Style, now: number): string[] {
  const glyphs = glyphsOf(style);
  const { applied, generation } = view;
  const mark = view.ready.status === 'True' ? glyphs.yes : glyphs.no;
  const state = view.deleting ? 'being deleted' : view.judged ? view.ready.reason : 'not judged yet';
  const title = `${view.namespace}/${view.name}`;
  const live = applied
    ? [
        `generation ${applied.generation} is live since ${age(now - Date.parse(applied.time))}`,
        `hash ${applied.settingsHash.slice(0, 12)}`,
      ]
    : ['nothing is live'];
  const facts = [
    ...live,
    ...(applied?.generation === generation ? [] : [`generation ${generation} is saved`]),
    ...(view.applyPolicy === 'Manual' ? ['Manual'] : []),
    ...(view.suspended ? ['suspended'] : []),
  ];
  return [
    `${paint(style, 'bold', title)}  ${paint(style, colourOf(view), `${mark} ${state}`)}`,
    ...wrapParts(facts, ` ${glyphs.dot} `, style.width).map((line) => paint(style, 'dim', line)),
  ];
}

/** Parts with a separator between them, over as many lines as they need. */
function wrapParts(parts: readonly string[], separator: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + separator.length + part.length <= width)
      lines[lines.length - 1] = last + separator + part;
    else lines.push(part);
  }
  return lines;
}

const heading = (style: Style, text: string, colour: Colour = 'bold'): string[] => ['', paint(style, colour, text)];

/** A bar of `size` columns: what is allocated, then what is not. What is not nothing has at least one column. */
function bar(style: Style, allocated: number, capacity: number, size: number): string {
  const glyphs = glyphsOf(style);
  if (capacity <= 0) return paint(style, 'dim', glyphs.none.repeat(size));
  const exact = (allocated / capacity) * size;
  const least = allocated > 0 ? 1 : 0;
  const most = allocated < capacity ? size - 1 : size;
  const filled = Math.max(least, Math.min(most, Math.round(exact)));
  return paint(style, 'green', glyphs.full.repeat(filled)) + paint(style, 'dim', glyphs.empty.repeat(size - filled));
}

const cells = (values: readonly (number | string)[]): string =>
  values.map((value) => ` ${String(value).padStart(numberWidth)}`).join('');

function licenses({ licenses: usages }: View, style: Style): string[] {
  if (usages.length === 0) return [];
  const names = ['capacity', 'allocated', 'unused'];
  const more = style.width >= wide + 20 ? ['minimum', 'maximum'] : [];
  const valuesOf = (usage: Usage) => [
    ...[usage.capacity, usage.allocated, usage.unused],
    ...(more.length > 0 ? [usage.minimum, usage.maximum] : []),
  ];
  return table(style, {
    title: 'LICENSES',
    columns: [...names, ...more],
    lines: usages.map((usage) => ({ ...usage, values: valuesOf(usage) })),
    indent: '',
  });
}

type Line = {
  readonly title: string;
  readonly allocated: number;
  readonly capacity: number;
  readonly values: (number | string)[];
};

type Table = {
  readonly title: string;
  readonly columns: readonly string[];
  readonly lines: readonly Line[];
  readonly indent: string;
};

/** A title, a bar and numbers for each line; on a narrow terminal the title has a line of its own. */
function table(style: Style, { title, columns, lines, indent }: Table): string[] {
  const numbers = columns.length * (numberWidth + 1);
  const room = style.width - indent.length - numbers;
  if (style.width >= wide) {
    const size = room - titleWidth - 2;
    const head = indent + title.padEnd(titleWidth + 2 + size) + cells(columns);
    return [
      '',
      paint(style, 'bold', head),
      ...lines.map(
        (line) =>
          `${indent}${line.title.padEnd(titleWidth)}  ${bar(style, line.allocated, line.capacity, size)}${cells(line.values)}`,
      ),
    ];
  }
  return [
    '',
    paint(style, 'bold', indent + title.padEnd(Math.max(room, title.length)) + cells(columns)),
    ...lines.flatMap((line) => [
      indent + line.title,
      `${indent}${bar(style, line.allocated, line.capacity, Math.max(room, 1))}${cells(line.values)}`,
    ]),
  ];
}

function zones({ zones: all }: View, style: Style): string[] {
  if (all.length === 0) return [];
  const glyphs = glyphsOf(style);
  return [
    ...heading(style, 'ZONES'),
    ...all.flatMap((zone, index) => {
      const last = index === all.length - 1;
      const stem = last ? '   ' : glyphs.stem;
      return [(last ? glyphs.last : glyphs.branch) + paint(style, 'bold', zone.name), ...inside(zone, style, stem)];
    }),
  ];
}

/** What a zone holds, and its organizations. */
function inside(zone: ZoneView, style: Style, stem: string): string[] {
  const glyphs = glyphsOf(style);
  const { organizations } = zone;
  const inner = stem + (organizations.length > 0 ? glyphs.stem : '   ');
  const room = Math.max(style.width - inner.length, 20);
  const size = Math.min(20, Math.max(6, room - titleWidth - 40));
  const held = zone.licenses.flatMap(({ title, capacity, allocated, unallocated }) => {
    // Without organizations the whole zone is one.
    const given = organizations.length > 0 ? allocated : capacity;
    const words =
      organizations.length > 0 ? `${capacity}: ${allocated} allocated, ${unallocated} unallocated` : `${capacity}`;
    const drawn = bar(style, given, capacity, size);
    return style.width >= wide
      ? [`${inner}${title.padEnd(titleWidth)}  ${drawn}  ${words}`]
      : [`${inner}${title}`, ...besideBar(`${drawn} `, size + 1, words, room).map((line) => inner + line)];
  });
  return [
    ...(held.length > 0 ? held : [`${inner}${paint(style, 'dim', 'holds nothing')}`]),
    ...organizations.flatMap(({ name, licenses: counts }, index) => {
      const last = index === organizations.length - 1;
      const parts = counts.map(({ title, capacity }) => `${title} ${capacity}`);
      const under = stem + (last ? '   ' : glyphs.stem);
      const text = parts.length > 0 ? wrapParts(parts, ', ', style.width - under.length - 2) : ['holds nothing'];
      const oneLine = `${stem}${glyphs.branch}${name}  ${parts.join(', ')}`.length <= style.width && parts.length > 0;
      const first = stem + (last ? glyphs.last : glyphs.branch) + name;
      return oneLine ? [`${first}  ${parts.join(', ')}`] : [first, ...text.map((line) => `${under}  ${line}`)];
    }),
  ];
}

/** Words beside a bar; lines after the first begin below the bar. */
const besideBar = (drawn: string, size: number, words: string, room: number): string[] =>
  wrap(words, Math.max(room - size, 10)).map((line, index) => (index === 0 ? drawn : ' '.repeat(size)) + line);

function plan({ applying }: View, style: Style, now: number): string[] {
  if (!applying) return [];
  const words = `generation ${applying.generation} is on its way since ${age(now - Date.parse(applying.time))}: licenses move between zones, and dialers get time to see it`;
  return [
    ...heading(style, 'PLAN UNDER WAY', 'cyan'),
    ...wrap(words, style.width),
    ...describeChanges(applying.changes, style),
  ];
}

function pending(view: View, style: Style): string[] {
  if (!view.pending) return [];
  const { generation, settingsHash, changes } = view.pending;
  return [
    ...heading(style, 'PENDING', 'yellow'),
    ...wrap(`generation ${generation} waits for the approval of`, style.width),
    settingsHash,
    ...describeChanges(changes, style),
    ...wrap(`Approve: kubectl license apply ${view.name} -n ${view.namespace}`, style.width),
  ];
}

/** One line a difference: `~` where a value changes, `+` and `-` where something comes or goes. */
export function describeChanges(changes: readonly Change[], style: Style): string[] {
  const { arrow } = glyphsOf(style);
  return harmlessAll(changes).map(({ field, live, saved }) => {
    if (live === undefined) return paint(style, 'green', `+ ${field}${field === 'configMap.name' ? ` ${saved}` : ''}`);
    if (saved === undefined) return paint(style, 'red', `- ${field}`);
    const step =
      typeof live === 'number' && typeof saved === 'number' ? ` (${saved > live ? '+' : ''}${saved - live})` : '';
    return `${paint(style, 'yellow', '~')} ${field}: ${live} ${arrow} ${saved}${step}`;
  });
}

function errors({ errors: all }: View, style: Style): string[] {
  if (all.length === 0) return [];
  const glyphs = glyphsOf(style);
  return [
    ...heading(style, `ERRORS (${all.length})`, 'red'),
    ...all.flatMap(({ field, reason, message }) => [
      `${paint(style, 'red', glyphs.no)} ${field}`,
      ...wrap(`${message} (${reason})`, style.width - 4).map((line) => `    ${line}`),
    ]),
  ];
}

function conditions({ conditions: all }: View, style: Style, now: number): string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ type, status, reason, lastTransitionTime }) => [
    ...[type, status, reason, age(now - Date.parse(lastTransitionTime))],
  ]);
  const head = ['CONDITIONS', 'status', 'reason', 'since'];
  const widths = head.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  // One message often holds for several conditions: it is shown once.
  const messages = [...new Set(all.filter(({ type }) => type !== 'Valid').map(({ message }) => message))];
  return [
    '',
    paint(style, 'bold', line(head)),
    ...rows.map(line),
    ...messages
      .filter(Boolean)
      .flatMap((message) => wrap(message, style.width - 2).map((text) => paint(style, 'dim', `  ${text}`))),
  ];
}
