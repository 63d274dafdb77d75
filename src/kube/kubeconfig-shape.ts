/** Which type each part of a kubeconfig has that is read here: anything may stand in a file. */

/** A list has one shape for all its items, a map one for each of its fields that is read. */
type Shape = 'text' | 'flag' | readonly [Shape] | { readonly [field: string]: Shape };

const plugin: Shape = {
  ...{ apiVersion: 'text', command: 'text', args: ['text'], env: [{ name: 'text', value: 'text' }] },
  ...{ installHint: 'text', interactiveMode: 'text', provideClusterInfo: 'flag' },
};
const cluster: Shape = {
  ...{ server: 'text', 'certificate-authority': 'text', 'certificate-authority-data': 'text' },
  ...{ 'insecure-skip-tls-verify': 'flag', 'tls-server-name': 'text', 'proxy-url': 'text' },
};
const user: Shape = {
  ...{ token: 'text', tokenFile: 'text', 'token-file': 'text', username: 'text', password: 'text', as: 'text' },
  ...{
    'client-certificate': 'text',
    'client-certificate-data': 'text',
    'client-key': 'text',
    'client-key-data': 'text',
  },
  exec: plugin,
  'auth-provider': { name: 'text', config: { tokenFile: 'text', exec: plugin } },
};
const kubeconfig: Shape = {
  'current-context': 'text',
  clusters: [{ name: 'text', cluster }],
  users: [{ name: 'text', user }],
  contexts: [{ name: 'text', context: { cluster: 'text', user: 'text', namespace: 'text' } }],
};

/** The first part of a kubeconfig that has another type, in words that quote no secret; undefined where there is none. */
export function misshapen(value: unknown): string | undefined {
  const { apiVersion = 'v1', kind = 'Config' } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  // client-node reads an object of another kind as what that is.
  return apiVersion === 'v1' && kind === 'Config' ? wrongItem(value, kubeconfig, '') : 'is no Config of v1';
}

/** Here nothing may be left out. */
const wrongItem = (value: unknown, shape: Shape, place: string): string | undefined =>
  value === undefined || value === null ? `${place} is empty`.trim() : wrongIn(value, shape, place);

/** What is missing, or null, is not set. */
function wrongIn(value: unknown, shape: Shape, place: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (shape === 'text') return typeof value === 'string' ? undefined : `${place} is no text`;
  if (shape === 'flag') return typeof value === 'boolean' ? undefined : `${place} is not true or false`;
  if (isList(shape)) {
    if (!Array.isArray(value)) return `${place} is no list`;
    return first(value.map((item, i) => wrongItem(item, shape[0], `${place}[${i}]`)));
  }
  if (typeof value !== 'object' || Array.isArray(value)) return `${place} is no map`.trim();
  const fields = value as Readonly<Record<string, unknown>>;
  return first(
    Object.entries(shape).map(([field, inner]) => wrongIn(fields[field], inner, place ? `${place}.${field}` : field)),
  );
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape);

const first = (wrong: readonly (string | undefined)[]): string | undefined => wrong.find((one) => one !== undefined);
