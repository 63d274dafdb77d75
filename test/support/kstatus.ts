/** What kstatus, the library by which Flux and kpt judge objects, says of them. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { findKstatus } from '../controlplane/binaries.ts';

/** `status` is InProgress, Failed, Current, Terminating, NotFound or Unknown. */
export type Verdict = { readonly status: string; readonly message: string };

/**
 * The verdicts on objects as the API server gives them, in their order.
 * @throws Error with what the program says if one of them is no object of Kubernetes
 */
export async function kstatusOf(objects: readonly unknown[]): Promise<Verdict[]> {
  const child = spawn(await findKstatus(), { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  child.stdin.on('error', () => {}); // it may end before it has read everything
  child.stdin.end(objects.map((object) => `${JSON.stringify(object)}\n`).join(''));
  const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`kstatus: ${errors.trim() || `exit code ${code}`}`);
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Verdict);
}
