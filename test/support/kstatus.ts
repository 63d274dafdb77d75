/** What kstatus, the library by which Flux and kpt judge objects, and Argo CD say of them. */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { findArgoCd, findKstatus } from '../controlplane/binaries.ts';

const healthCheck = fileURLToPath(new URL('../../deploy/gitops/argocd/health.lua', import.meta.url));

/** `status` of kstatus is InProgress, Failed, Current, Terminating, NotFound or Unknown; of Argo CD Healthy, Progressing, Degraded or Suspended. */
export type Verdict = { readonly status: string; readonly message: string };

/**
 * The verdicts on objects as the API server gives them, in their order.
 * @throws Error with what the program says if one of them is no object of Kubernetes
 */
export const kstatusOf = async (objects: readonly unknown[]): Promise<Verdict[]> =>
  judge(await findKstatus(), [], objects);

/** The verdicts of Argo CD with the health check of deploy/gitops, in the same way. */
export const argoHealthOf = async (objects: readonly unknown[]): Promise<Verdict[]> =>
  judge(await findArgoCd(), ['health', healthCheck], objects);

/** What Argo CD compares: a manifest, the object, and for a server-side comparison what a dry run of applying it gave. */
export type Compared = { readonly config: unknown; readonly live: unknown; readonly predicted?: unknown };

/** Whether Argo CD would call these OutOfSync (`modified`), and the two that it compared. In their order. */
export const argoDiffOf = async (
  compared: readonly Compared[],
): Promise<{ modified: boolean; live: unknown; predicted: unknown }[]> => judge(await findArgoCd(), ['diff'], compared);

async function judge<T>(program: string, args: readonly string[], objects: readonly unknown[]): Promise<T[]> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  child.stdin.on('error', () => {}); // it may end before it has read everything
  child.stdin.end(objects.map((object) => `${JSON.stringify(object)}\n`).join(''));
  const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`${basename(program)}: ${errors.trim() || `exit code ${code}`}`);
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
