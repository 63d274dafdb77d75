/** The requests that the plugin makes, and what their failures mean to somebody at a terminal. */
import type { KubeConfig } from '@kubernetes/client-node';
import { annotations, group, plural, version } from '../api/names.ts';
import {
  type ApiError,
  asApiError,
  type Client,
  type Clock,
  collectionPath,
  createClient,
  listAll,
  loadKubeConfig,
  objectPath,
  type Resource,
  withQuery,
} from '../kube/index.ts';
import { version as release } from '../version.ts';
import { Failure } from './failure.ts';
import type { LicenseSettings } from './view.ts';

/** Not beginning with `kubectl`: Flux takes back what such managers set, and with it the approval (A4). */
export const fieldManager = 'license-plugin';

/** LicenseSettings in a cluster. Every call throws a Failure in words for people. */
export interface Cluster {
  /** Namespace of the kubeconfig's context, or `default`. */
  readonly namespace: string;
  get(namespace: string, name: string): Promise<LicenseSettings>;
  /** Of one namespace, or of all: sorted by namespace and name. */
  list(namespace: string | undefined): Promise<LicenseSettings[]>;
  /** Sets the approval on the object as it was read: a change since then is a Failure. */
  approve(seen: LicenseSettings, settingsHash: string): Promise<LicenseSettings>;
  close(): Promise<void>;
}

/** Where to connect. */
export type Connection = { readonly kubeconfig?: string; readonly context?: string };

const pageSize = 500;
const settingsResource: Resource = { group, version, plural };

/** Connects as kubectl does. Nothing is sent yet. */
export async function connect(
  { kubeconfig, context }: Connection,
  env: NodeJS.ProcessEnv,
  clock: Clock,
): Promise<Cluster> {
  let config: KubeConfig;
  let client: Client;
  try {
    const from = {
      ...(kubeconfig === undefined ? {} : { file: kubeconfig }),
      ...(context === undefined ? {} : { context }),
    };
    config = loadKubeConfig(from, env);
    client = await createClient(config, { clock, connections: 2, userAgent: `${fieldManager}/${release}` });
  } catch (cause) {
    throw new Failure((cause as Error).message, { cause });
  }
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  return createCluster(client, namespace);
}

/** The requests over a client. */
export function createCluster(client: Client, home: string): Cluster {
  const told = async <T>(what: What, request: Promise<T>): Promise<T> => {
    try {
      return await request;
    } catch (error) {
      const failed = asApiError(error);
      throw failed
        ? new Failure(explain(failed, what), { cause: error, passing: failed.class === 'retry' && failed.code !== 404 })
        : error;
    }
  };
  return {
    namespace: home,
    get(namespace, name) {
      const path = objectPath(settingsResource, { namespace, name });
      return told(
        { verb: 'get', namespace, name },
        client.request<LicenseSettings>({ method: 'GET', path, resource: plural }),
      );
    },
    async list(namespace) {
      const path = collectionPath(settingsResource, namespace);
      const what: What = { verb: 'list', ...(namespace === undefined ? {} : { namespace }) };
      return told(what, listAll<LicenseSettings>(client, { path, resource: plural, pageSize }));
    },
    approve(seen, settingsHash) {
      const { namespace, name } = seen.metadata;
      // The whole object as it was read, with its resourceVersion: what nobody looked at is not approved.
      const { status: _, ...object } = seen;
      const body = {
        ...object,
        metadata: {
          ...seen.metadata,
          annotations: { ...seen.metadata.annotations, [annotations.apply]: settingsHash },
        },
      };
      const query = { fieldManager, fieldValidation: 'Strict' };
      const path = withQuery(objectPath(settingsResource, { namespace, name }), query);
      return told(
        { verb: 'update', namespace, name },
        client.request<LicenseSettings>({ method: 'PUT', path, resource: plural, body }),
      );
    },
    close: () => client.close(),
  };
}

type What = { readonly verb: 'get' | 'list' | 'update'; readonly namespace?: string; readonly name?: string };

/** An answer of the API server in words, and what to do about it. */
export function explain(error: ApiError, { verb, namespace, name }: What): string {
  const said = error.message.replace(/^[A-Z]+ \S+: (\d+ )?/, '');
  const where = namespace === undefined ? '' : ` -n ${namespace}`;
  const object = `LicenseSettings ${namespace}/${name}`;
  switch (true) {
    case error.code === 404 && name !== undefined && said.includes(`"${name}" not found`):
      return `${object}: there is none; 'kubectl get lics${where}' lists what there is, -n names another namespace`;
    case error.code === 404:
      return `this cluster does not know the kind LicenseSettings (${group}/${version}): install the operator (kubectl apply --server-side -k crds), or choose another cluster with --context`;
    case error.code === 401:
      return `the cluster does not accept your credentials (${said}): sign in again, or choose another user with --context`;
    case error.code === 403 && verb === 'update':
      return `you may not approve here: ${said}\nApproving needs the verb "update" on licensesettings, and "apply" where deploy/policies is installed (role license-applier); 'kubectl auth can-i update licensesettings${where}' tells what you have`;
    case error.code === 403:
      return `you may not ${verb} LicenseSettings here: ${said}\nAsk for a role with the verb "${verb}" on licensesettings.${group}; 'kubectl auth can-i ${verb} licensesettings${where || ' -A'}' tells what you have`;
    case error.code === 409:
      return `${object} was changed since it was shown, and nothing was approved: look at it again, then approve again`;
    case error.code === 0:
      return `the cluster does not answer: ${said}: check the network, --kubeconfig and --context`;
    default:
      return `the cluster refuses: ${said} (${error.code})`;
  }
}
