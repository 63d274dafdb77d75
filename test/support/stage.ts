/** What most end-to-end tests begin with: the shared control plane, a namespace of their own, and a running operator. */
import { type ControlPlane, startControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { createDesk, type Desk, install, type Operator, startOperator } from '../operator.ts';

export type Stage = { plane: ControlPlane; desk: Desk; operator: Operator };

/** Installs CRD and roles, makes the namespace, and starts the operator under its ServiceAccount. */
export async function openStage(namespace: string, options: { flags?: string[] } = {}): Promise<Stage> {
  const plane = await sharedControlPlane();
  await install(plane);
  const desk = createDesk(plane, namespace);
  await desk.open();
  return { plane, desk, operator: await startOperator(plane, options) };
}

/** Ends what `openStage` began, as far as it got. */
export async function closeStage({ plane, desk, operator }: Partial<Stage>): Promise<void> {
  await operator?.stop();
  await desk?.close();
  await plane?.stop();
}

/** A stage with a control plane of its own, for programs that measure: no audit log, and away at SIGINT. */
export async function openOwnStage(namespace: string): Promise<Omit<Stage, 'operator'>> {
  const plane = await startControlPlane({ audit: false });
  process.once('SIGINT', () => void plane.stop().then(() => process.exit(1)));
  await install(plane);
  const desk = createDesk(plane, namespace);
  await desk.open();
  return { plane, desk };
}
