/**
 * Texts that others wrote (names, fields, messages of servers and webhooks), made fit for a log, an event, a status or a
 * terminal: bounded, and of characters that show what they are.
 */

/** Longest text of others that is shown, in bytes of UTF-8. */
export const maxText = 1024;

/**
 * Characters that steer a terminal, begin a line of their own, or turn the order of what is shown: control characters (ESC
 * and CSI among them), format characters (bidirectional marks, embeddings and isolates among them), line and paragraph
 * separators.
 */
const steering = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** A text in which nothing steers: each such character is shown as `?`. Linear in the length of the text (R9.25). */
export const harmless = (text: string): string => text.replace(steering, '?');

/**
 * The same text with each such character as an escape of JSON, which YAML has too: for JSON, and for YAML whose texts with such
 * characters stand in double quotes. Line feeds and tabs stay: there they are layout. Linear.
 */
export const escaped = (text: string): string =>
  text.replace(steering, (character) => (character === '\n' || character === '\t' ? character : escapeOf(character)));

const escapeOf = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');

/** True when a text holds a character that `harmless` shows as `?`. */
export const isSteering = (text: string): boolean => harmless(text) !== text;

/** A text of at most `max` bytes of UTF-8. What was cut off is shown as `…`, and is not kept in memory. */
export function cutText(text: string, max = maxText): string {
  // As a character takes at least a byte, what lies behind the first `max` of them never fits.
  const bytes = new TextEncoder().encode(text.slice(0, max + 1));
  if (bytes.length <= max) return text;
  // As a stream it leaves out a character that the cut went through.
  return `${new TextDecoder().decode(bytes.subarray(0, max - 3), { stream: true })}…`;
}

/** A text of others as it may be shown: cut, then made harmless (R9.23). */
export const shownText = (text: string, max = maxText): string => harmless(cutText(text, max));
