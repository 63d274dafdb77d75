/** What a terminal can show. Pure: environment and stream are arguments. */

/** How to draw. `width` counts columns. */
export type Style = { readonly width: number; readonly colour: boolean; readonly unicode: boolean };

type Environment = Readonly<Record<string, string | undefined>>;

/** Where nothing says how wide it is. */
const defaultWidth = 80;
/** Narrower is drawn as this: then lines are wrapped by the terminal. */
export const minWidth = 40;
/** Wider than this a line is hard to follow. */
export const maxWidth = 140;

/**
 * FORCE_COLOR goes before NO_COLOR (no-color.org), and both before what the stream is; COLUMNS before its width. Bars
 * are Unicode only where the locale says UTF-8.
 */
export function styleOf(env: Environment, stream: { isTTY?: boolean; columns?: number }): Style {
  const columns = /^\d+$/.test(env['COLUMNS'] ?? '') ? Number(env['COLUMNS']) : (stream.columns ?? 0);
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return {
    width: Math.min(Math.max(columns || defaultWidth, minWidth), maxWidth),
    colour: wantsColour(env, stream.isTTY === true),
    unicode: /utf-?8/i.test(locale),
  };
}

function wantsColour(env: Environment, isTTY: boolean): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR']) return false;
  return isTTY && env['TERM'] !== 'dumb';
}

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
} as const;
export type Colour = keyof typeof codes;

/** Puts a colour around a text, where colours are wanted. */
export function paint({ colour }: Pick<Style, 'colour'>, name: Colour, text: string): string {
  const [on, off] = codes[name];
  return colour && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}

/** Lines of up to `width` columns, broken at spaces; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A duration as kubectl shows ages: the largest unit that fits, `0s` for what lies in the future. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
