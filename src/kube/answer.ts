/** Reading what a server answers: one JSON object, or a stream of lines. */
import { ApiError } from './errors.ts';

/** Objects have 1.5 MiB at most in etcd: what is longer is no event. */
const maxLine = 16 * 1024 * 1024;

/** The JSON object of a success. Throws an ApiError of the reason `BadAnswer` where it is none. What was asked for may have been done all the same. */
export function parseAnswer(what: string, text: string): object {
  let value: unknown;
  let cause: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    cause = error;
  }
  if (typeof value === 'object' && value !== null) return value;
  const message = `${what}: a success, but the answer is no JSON object: ${text.slice(0, 80)}`;
  throw new ApiError(message, { code: 0, reason: 'BadAnswer', cause });
}

/**
 * The lines of a stream; a character may be split over chunks, and a line over many. Empty lines are left out.
 * Throws an ApiError of the reason `BadEvent` for a line longer than 16 Mi characters.
 */
export async function* splitLines(what: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Joined once a line: joining at each chunk would take quadratic time for a long one.
  let pieces: string[] = [];
  let length = 0;
  const add = (piece: string) => {
    pieces.push(piece);
    length += piece.length;
    if (length <= maxLine) return;
    throw new ApiError(`${what}: a line longer than ${maxLine} characters`, { code: 0, reason: 'BadEvent' });
  };
  const take = () => {
    const line = pieces.join('');
    pieces = [];
    length = 0;
    return line;
  };
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
      add(text.slice(from, to));
      from = to + 1;
      const line = take();
      if (line) yield line;
    }
    if (from < text.length) add(text.slice(from));
  }
  add(decoder.decode());
  const line = take();
  if (line) yield line;
}
