/** The ConfigMaps that the operator would write for a manifest, as manifests. Pure. */
import { annotations, labels, manager } from '../api/names.ts';
import { declare } from '../settings/declaration.ts';
import { settingsHash } from '../settings/hash.ts';
import { render } from '../settings/render.ts';
import type { Good } from './check.ts';

/** What is not in them, because only the cluster knows it (C7). */
export const leftOut = `Without ownerReferences and the annotations owner-uid, generation and epoch: they come from the object in the cluster.`;

/** The settingsHash of a manifest. */
export const hashOf = ({ name, spec }: Good): string => settingsHash(declare(name, spec));

/** That of the system first. Name, namespace, labels and data are what the operator writes, byte for byte. */
export const configMapsOf = ({ name, namespace, spec }: Good): object[] =>
  render(declare(name, spec)).map((rendered) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: rendered.name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        [labels.managedBy]: manager,
        [labels.partOf]: manager,
        [labels.settings]: name,
        ...(rendered.zone === undefined ? {} : { [labels.zone]: rendered.zone }),
      },
      annotations: {
        [annotations.dataHash]: rendered.dataHash,
        ...(rendered.settingsHash === undefined ? {} : { [annotations.settingsHash]: rendered.settingsHash }),
      },
    },
    data: rendered.data,
  }));
