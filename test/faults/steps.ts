/** What people and machines do in a run, carried out at the API server and on the slot. */
import type { Spec } from '../../src/api/licensesettings.ts';
import type { Stored } from '../contract/revision.ts';
import { holder } from '../support/actors.ts';
import type { Admin, AdminObject, Kind } from './admin.ts';
import type { Everywhere, Place } from './places.ts';
import type { Step } from './scenarios.ts';
import type { Scene } from './scene.ts';
import type { Slot } from './slot.ts';

/** Steps that only wait, or look. */
export type Look = Extract<Step, { do: 'settle' | 'survived' | 'endure' | 'history' }>;
export const isLook = (step: Step): step is Look => ['settle', 'survived', 'endure', 'history'].includes(step.do);

/** Does what is not for the judges alone. */
export async function take(slot: Slot, admins: Everywhere<Admin>, step: Exclude<Step, Look>): Promise<unknown> {
  const admin = admins.home;
  switch (step.do) {
    case 'create': {
      const metadata = { name: step.name, ...(step.held ? { finalizers: [holder] } : {}) };
      return admin.create('LicenseSettings', { metadata, spec: step.spec });
    }
    case 'release':
      return release(admin, 'LicenseSettings', step.name);
    case 'change':
      return admin.change('LicenseSettings', step.name, (object) => {
        object['spec'] = step.spec;
      });
    case 'annotate':
      return admin.change('LicenseSettings', step.name, annotate(step.annotations));
    case 'remove':
      return admin.remove('LicenseSettings', step.name, step.policy);
    case 'create-map':
      return admin.create('ConfigMap', { metadata: { name: step.name }, data: step.data });
    case 'edit-map':
      return admin.change('ConfigMap', step.name, (object) => {
        object['data'] = { ...(object['data'] as object), ...step.data };
        if (step.immutable !== undefined) object['immutable'] = step.immutable;
      });
    case 'remove-map':
      return admin.remove('ConfigMap', step.name);
    case 'pause':
      return new Promise((resolve) => setTimeout(resolve, step.milliseconds));
    case 'refuse':
      return slot.armed?.refuse(step.name);
    case 'act':
      return admin.act(step.action);
    default:
      return befall(slot, step);
  }
}

type Fate = Extract<
  Step,
  { do: 'expire' | 'restart' | 'kill' | 'freeze' | 'slow' | 'forbid' | 'permit' | 'close' | 'reopen' }
>;

/** What befalls the operators, and the namespaces that they watch. */
async function befall(slot: Slot, step: Fate): Promise<unknown> {
  switch (step.do) {
    case 'expire':
      for (const { proxy } of slot.replicas) proxy.expireWatches();
      return undefined;
    case 'restart':
      return slot.leader().restart('SIGTERM');
    case 'kill':
      return slot.leader().restart('SIGKILL');
    case 'freeze':
      return slot.leader().freeze(step.milliseconds);
    case 'slow':
      for (const { proxy } of slot.replicas) proxy.slow(step);
      return undefined;
    case 'forbid':
      slot.served.delete('twin');
      return accountOf(slot).forbid('twin');
    case 'permit':
      await accountOf(slot).permit('twin');
      return slot.served.add('twin');
    case 'close':
      slot.served.delete('twin');
      return slot.desks.twin.gone();
    case 'reopen':
      await slot.desks.twin.open();
      await accountOf(slot).permit('twin');
      return slot.served.add('twin');
  }
}

function accountOf({ account }: Slot) {
  if (!account) throw new Error('the operators of this slot have no account of their own');
  return account;
}

const release = (admin: Admin, kind: Kind, name: string) =>
  admin.change(kind, name, ({ metadata }) => {
    metadata['finalizers'] = ((metadata['finalizers'] ?? []) as string[]).filter((one) => one !== holder);
  });

const annotate = (annotations: Readonly<Record<string, string>>) => (object: AdminObject) => {
  object.metadata['annotations'] = { ...(object.metadata['annotations'] as object), ...annotations };
};

/** The object of the same name in the twin namespace, as the first step makes it at home. */
export function neighbour(steps: readonly Step[]): { readonly name: string; readonly spec: unknown } | undefined {
  for (const step of steps) {
    if (step.do === 'create') return { name: step.name, spec: step.spec as Spec };
    if (step.do === 'act' && step.action.do === 'create') return { name: step.action.name, spec: step.action.spec };
  }
  return undefined;
}

/** Copies the ConfigMaps of home, as tools do that mirror: under their names where nobody watches, under others beside the twin. */
export async function mirror(scenes: Everywhere<Scene>): Promise<void> {
  const copy = (place: Place, { data = {}, metadata: { labels = {}, annotations = {} } }: Stored, name: string) =>
    scenes[place].admin.create('ConfigMap', { metadata: { name, labels, annotations }, data });
  for (const map of scenes.home.snapshot().configMaps) {
    if (map.metadata.deletionTimestamp) continue;
    await copy('aside', map, map.metadata.name);
    await copy('twin', map, `${map.metadata.name}-copy`);
  }
}

/** Deletes what the run left; the garbage collector takes the rest. */
export async function cleanUp({ admin, present }: Scene): Promise<void> {
  for (const { kind, object } of present()) {
    const { name, ownerReferences = [], finalizers = [] } = object.metadata;
    if (finalizers.includes(holder)) await release(admin, kind, name);
    if (kind === 'LicenseSettings' || ownerReferences.length === 0) await admin.remove(kind, name);
  }
}
