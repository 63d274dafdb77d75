/** What kstatus, the library by which Flux and kpt judge objects, and Argo CD say of them. */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { findArgoHealth, findKstatus } from '../controlplane/binaries.ts';

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
  judge(await findArgoHealth(), [healthCheck], objects);

async function judge(program: string, args: readonly string[], objects: readonly unknown[]): Promise<Verdict[]> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  child.stdin.on('error', () => {}); // it may end before it has read everything
  child.stdin.end(objects.map((object) => `${JSON.stringify(object)}\n`).join(''));
  const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`${basename(program)}: ${errors.trim() || `exit code ${code}`}`);
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Verdict);
}
