/** The two kinds that are watched: what is kept of their objects, and which LicenseSettings an object speaks of. */
import { kind, labels, manager } from '../api/names.ts';
import { controllerOf, keyIn, keyOf, Store, type Watched, watched } from '../kube/index.ts';
import { isOurs } from '../settings/configmap.ts';
import { leaveOut } from './kept.ts';
import {
  askedFor,
  carrying,
  indexConfigMap,
  type LicenseSettings,
  projectConfigMap,
  projectSettings,
  type StoredConfigMap,
  unreadableConfigMap,
  unreadableSettings,
} from './objects.ts';
import { configMapsResource, settingsResource } from './requests.ts';

/** The copies of both kinds, of all namespaces that are watched. */
export type Stores = { readonly settings: Store<LicenseSettings>; readonly configMaps: Store<StoredConfigMap> };

export const createStores = (): Stores => ({
  settings: new Store<LicenseSettings>(),
  configMaps: new Store<StoredConfigMap>(indexConfigMap),
});

/** Of a ConfigMap that has no object little is kept, so LicenseSettings come first: which there are has to be known. */
export function kindsIn({ settings, configMaps }: Stores): readonly Watched[] {
  const hasObject = canBeOf(settings);
  const ofSettings = watched<LicenseSettings>({
    resource: settingsResource,
    store: settings,
    project: projectSettings,
    unreadable: unreadableSettings,
    keysOf: (object) => [keyOf(object)],
    asks: askedFor,
    gone: (object) => leaveOutOf(configMaps, object),
  });
  const ofConfigMaps = watched<StoredConfigMap>({
    resource: configMapsResource,
    labelSelector: `${labels.managedBy}=${manager}`,
    store: configMaps,
    project: (object) => projectConfigMap(object, hasObject),
    unreadable: unreadableConfigMap,
    keysOf: settingsOf,
  });
  return [ofSettings, ofConfigMaps];
}

/**
 * Whether a ConfigMap can be that of a LicenseSettings that is known. What it holds decides nothing else, and anybody may
 * store any number of others.
 */
export const canBeOf =
  (settings: Store<LicenseSettings>) =>
  (view: StoredConfigMap): boolean =>
    settingsOf(view).some((key) => {
      const object = settings.get(key);
      return object !== undefined && isOurs(view, object.metadata);
    });

/** A LicenseSettings is gone: its ConfigMaps that stay, as under Retain, are kept as those of nobody are. */
function leaveOutOf(configMaps: Store<StoredConfigMap>, { metadata: { namespace, uid } }: LicenseSettings): void {
  for (const view of configMaps.in(namespace).by(carrying(uid))) configMaps.put(leaveOut(view));
}

/** The LicenseSettings that a ConfigMap speaks of: by its controller, and by our label where that was removed. */
function settingsOf(view: StoredConfigMap): string[] {
  const owner = controllerOf(view);
  const names = [owner?.kind === kind ? owner.name : undefined, view.metadata.labels?.[labels.settings]];
  return [...new Set(names)].flatMap((name) => (name ? keyIn(view.metadata.namespace, name) : []));
}
