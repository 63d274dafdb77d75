/** Where people work, and those beside them: at the server itself, without a network between. */

import type { Stored } from '../contract/revision.ts';
import type { ActionDesk } from '../support/actions.ts';
import type { Server } from './server.ts';

export type DeskOptions = {
  readonly server: Server;
  /** Who the server takes them for: `desk` are people, `actor` are machines. */
  readonly sender: 'desk' | 'actor';
  readonly fresh: () => string;
  readonly pause: () => Promise<void>;
  /** Those that there are, by namespace. */
  readonly desks: Map<string, ActionDesk>;
};

/** The desk of one namespace. */
export function createDesk(options: DeskOptions, namespace: string): ActionDesk {
  const { server, sender, fresh, pause, desks } = options;
  const known = desks.get(namespace);
  if (known) return known;

  const pathOf = (kind: 'LicenseSettings' | 'ConfigMap', name = '') => {
    const collection =
      kind === 'ConfigMap'
        ? `/api/v1/namespaces/${namespace}/configmaps`
        : `/apis/licensing.dialer.dev/v1/namespaces/${namespace}/licensesettings`;
    return name ? `${collection}/${name}` : collection;
  };
  const send = (method: string, path: string, given?: object): Stored => {
    const sent = given === undefined ? undefined : (JSON.parse(JSON.stringify(given)) as unknown);
    const { code, body } = server.handle({ method, path, body: sent }, sender);
    if (code > 299) throw Object.assign(new Error(JSON.stringify(body)), { code });
    return body as Stored;
  };
  const desk: ActionDesk = {
    async get(kind, name) {
      const { code, body } = server.handle({ method: 'GET', path: pathOf(kind, name) }, sender);
      return code === 200 ? (body as Stored) : undefined;
    },
    create: async (kind, object) => send('POST', pathOf(kind), object),
    update: async (kind, object) => send('PUT', pathOf(kind, object.metadata.name), object),
    updateStatus: async (object) => send('PUT', `${pathOf('LicenseSettings', object.metadata.name)}/status`, object),
    async delete(kind, { metadata: { name, uid, resourceVersion } }, propagationPolicy = 'Background') {
      send('DELETE', pathOf(kind, name), { preconditions: { uid, resourceVersion }, propagationPolicy });
    },
    in: (other) => createDesk(options, other),
    police: async (effect, isInForce) => server.admission.police(effect, isInForce),
    async limit(spare) {
      const there = server.all('configmaps', namespace).length;
      server.admission.limit(namespace, spare === undefined ? undefined : there + spare);
    },
    pause,
    fresh,
    backups: new Map(),
  };
  desks.set(namespace, desk);
  return desk;
}
