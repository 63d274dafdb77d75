/** Whose rights the operators of a slot have: those of `deploy/`, for one namespace each, given and taken one by one. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import type { Desk } from '../operator.ts';
import { type Everywhere, type Place, watchedPlaces } from './places.ts';

type Subject = { readonly namespace: string; readonly name: string };

/** A ServiceAccount of a slot. */
export type Account = {
  readonly subject: Subject;
  readonly kubeconfig: string;
  /** Binds the rights of `deploy/rights/namespace` there, and takes the binding away. */
  readonly permit: (place: Place) => Promise<unknown>;
  readonly forbid: (place: Place) => Promise<unknown>;
};

const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces';
const name = 'license-settings-operator-settings';
const rights = (file: string) =>
  parse(readFileSync(new URL(`../../deploy/rights/namespace/${file}.yaml`, import.meta.url), 'utf8')) as object;

/** @throws Error that says what the API server refused */
async function request(desk: Desk, method: string, path: string, body?: object): Promise<void> {
  const { code, json } = await desk.request(method, path, body);
  if (code > 299) throw new Error(`${method} ${path}: ${code} ${JSON.stringify(json)}`);
}

/** A ServiceAccount in the slot's own namespace, with every right that it needs in those that its operators watch. */
export async function createAccount(plane: ControlPlane, desks: Everywhere<Desk>): Promise<Account> {
  const subject = { namespace: desks.home.namespace, name: 'operator' };
  await plane.kubectl(['create', 'serviceaccount', subject.name, '-n', subject.namespace]);
  const of = (place: Place) => `${roles}/${desks[place].namespace}`;
  const permit = async (place: Place) => {
    const binding = { ...rights('rolebinding'), subjects: [{ kind: 'ServiceAccount', ...subject }] };
    await request(desks[place], 'POST', `${of(place)}/roles`, rights('role'));
    await request(desks[place], 'POST', `${of(place)}/rolebindings`, binding);
  };
  for (const place of watchedPlaces) await permit(place);
  return {
    ...{ subject, permit },
    kubeconfig: await plane.serviceAccountKubeconfig(subject.namespace, subject.name),
    async forbid(place) {
      await request(desks[place], 'DELETE', `${of(place)}/rolebindings/${name}`);
      await request(desks[place], 'DELETE', `${of(place)}/roles/${name}`);
    },
  };
}

/** Lets an account have leases in a namespace. */
export async function allowLease(plane: ControlPlane, namespace: string, subject: Subject): Promise<void> {
  const role = ['create', 'role', 'lease', '--verb=get,create,update', '--resource=leases.coordination.k8s.io'];
  await plane.kubectl([...role, '-n', namespace]);
  const account = `--serviceaccount=${subject.namespace}:${subject.name}`;
  await plane.kubectl(['create', 'rolebinding', 'lease', '--role=lease', account, '-n', namespace]);
}
