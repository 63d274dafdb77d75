/** The one control plane that test files of a run share. */
import {
  attachControlPlane,
  type Connection,
  type ControlPlane,
  startControlPlane,
  useCluster,
} from './controlplane.ts';

/** Holds a {@link Connection} as JSON: how the runner hands its control plane to the test files. */
export const sharedVariable = 'TEST_CONTROL_PLANE';

let own: Promise<ControlPlane> | undefined;

/**
 * The runner's control plane; a file that is run alone gets one of its own. Call `stop()` in an `after` hook in either
 * case: it ends only what this file started. Its objects are shared too, so use a namespace of your own.
 */
export function sharedControlPlane(): Promise<ControlPlane> {
  const shared = process.env[sharedVariable];
  if (shared) return Promise.resolve(attachControlPlane(JSON.parse(shared) as Connection));
  own ??= controlPlaneFromEnvironment();
  return own;
}

/** The existing cluster that TEST_KUBECONFIG (and TEST_CONTEXT) names, else a new control plane. */
export function controlPlaneFromEnvironment(): Promise<ControlPlane> {
  const kubeconfig = process.env['TEST_KUBECONFIG'];
  const context = process.env['TEST_CONTEXT'];
  return kubeconfig ? useCluster({ kubeconfig, ...(context ? { context } : {}) }) : startControlPlane();
}
