/**
 * A backup of etcd, and its restoration under clients that live on, as administrators do it: the API server and etcd are
 * stopped meanwhile. Afterwards revisions go on from that of the backup: versions that clients know are in the future.
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ControlPlane } from './controlplane.ts';

const data = (plane: ControlPlane) => join(plane.directory, 'etcd');
const backup = (plane: ControlPlane) => join(plane.directory, 'etcd.backup');

/** The API server first: without etcd it would hold its port for minutes. */
async function away(plane: ControlPlane, action: () => Promise<void>): Promise<void> {
  await plane.kill('kube-apiserver');
  await plane.kill('etcd');
  await action();
  await plane.restart('etcd');
  await plane.restart('kube-apiserver');
  // Its caches know the future too.
  await plane.restart('kube-controller-manager');
}

/** Keeps what is stored now, in place of an earlier backup. */
export const backUp = (plane: ControlPlane): Promise<void> =>
  away(plane, async () => {
    await rm(backup(plane), { recursive: true, force: true });
    await cp(data(plane), backup(plane), { recursive: true });
  });

/** Brings back what the backup holds; all that was written since is gone. */
export const restore = (plane: ControlPlane): Promise<void> =>
  away(plane, async () => {
    await rm(data(plane), { recursive: true, force: true });
    await cp(backup(plane), data(plane), { recursive: true });
  });
