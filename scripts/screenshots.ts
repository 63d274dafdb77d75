/**
 * Screenshots of `kubectl license` in the docs: every block that begins with `$ kubectl license` is what the command
 * prints, run over the objects of test/support/pictured.ts. A block looks like this:
 *
 *     ```console
 *     $ kubectl license status pom -n dialer
 *     …
 *     ```
 */
import { runCli } from '../test/support/cli.ts';
import { objects } from '../test/support/pictured.ts';

const block = /```console\n\$ kubectl license ([^\n]*)\n[\s\S]*?```/g;

/** The text with every screenshot made anew. Files are those of the working directory; a question is answered with y. */
export async function withScreenshots(text: string): Promise<string> {
  let result = '';
  let from = 0;
  for (const { 0: whole, 1: line = '', index } of text.matchAll(block)) {
    const { code, out, err } = await runCli(line.split(' '), { objects: Object.values(objects), answer: 'y' });
    const exit = code === 0 ? '' : `$ echo $?\n${code}\n`;
    result += `${text.slice(from, index)}\`\`\`console\n$ kubectl license ${line}\n${err}${out}${exit}\`\`\``;
    from = index + whole.length;
  }
  return result + text.slice(from);
}
