/**
 * The lines of a stream of text, as a watch or a log gives them. What stands behind the last line break is none yet.
 * Whoever stops listening ends the stream.
 */
export async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
