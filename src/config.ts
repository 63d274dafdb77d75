/** Flags and environment. Every mistake is reported at once, each with its source, its value and what is allowed. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { version } from './version.ts';

/** Where a server listens. */
export type Address = { readonly host: string; readonly port: number };

export type Config = {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Empty: all namespaces. */
  readonly watchNamespaces: readonly string[];
  readonly workers: number;
  readonly resyncSeconds: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'json' | 'pretty';
  /** Undefined: no such server. */
  readonly healthAddress: Address | undefined;
  readonly metricsAddress: Address | undefined;
};

export type Parsed =
  | { readonly kind: 'run'; readonly config: Config }
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'error'; readonly errors: string[] };

const environmentPrefix = 'LICENSE_SETTINGS_';
/** Set by the bundler, not by people. */
const internalVariables = new Set(['LICENSE_SETTINGS_BUILD_VERSION']);

const wholeNumber = (least: number, most: number) => {
  const words = `a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, words)
    .transform(Number)
    .refine((value) => value >= least && value <= most, words);
};

const addressWords = "host:port, ':port' for all interfaces, or 'off'; port 0 takes any free one";
const address = z.string().transform((text, context): Address | undefined => {
  if (text === 'off') return undefined;
  const [, host = '', digits = ''] = /^(?:\[([^\]]+)\]|[^:]*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    context.addIssue({ code: 'custom', message: addressWords });
    return z.NEVER;
  }
  return { host: host || text.slice(0, text.lastIndexOf(':')) || '0.0.0.0', port };
});

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const namespaces = z
  .string()
  .transform((text) => [...new Set(text.split(',').map((name) => name.trim()).filter(Boolean))])
  .refine((names) => names.every((name) => dnsLabel.test(name)), 'names of namespaces with commas between them; empty means all');

const oneOf = <const T extends string>(...values: T[]) => z.enum(values, { error: `one of ${values.join(', ')}` });
const text = z.string().min(1, 'not empty');

/** The one table of flags: parsing, environment and help come from it. */
const flags = {
  kubeconfig: { value: 'PATH', schema: text.optional(), help: "kubeconfig file; default: $KUBECONFIG, the pod's ServiceAccount, ~/.kube/config" },
  context: { value: 'NAME', schema: text.optional(), help: 'context of the kubeconfig; default: its current one' },
  'watch-namespaces': { value: 'A,B', schema: namespaces.default([]), help: 'namespaces to watch; empty means all' },
  workers: { value: 'N', schema: wholeNumber(1, 256).default(16), help: 'how many objects are worked on at once, 1 to 256; default 16' },
  'resync-seconds': { value: 'N', schema: wholeNumber(1, 86_400).default(600), help: 'how often every object is looked at again, 1 to 86400; default 600' },
  'log-level': { value: 'LEVEL', schema: oneOf('trace', 'debug', 'info', 'warn', 'error').default('info'), help: 'trace, debug, info, warn or error; default info' },
  'log-format': { value: 'FORMAT', schema: oneOf('json', 'pretty').default('json'), help: 'json or pretty; default json' },
  'health-address': { value: 'ADDRESS', schema: address.default({ host: '0.0.0.0', port: 8081 }), help: `/healthz and /readyz: ${addressWords}; default :8081` },
  'metrics-address': { value: 'ADDRESS', schema: address.default({ host: '0.0.0.0', port: 8080 }), help: '/metrics: likewise; default :8080' },
} as const;

type Flag = keyof typeof flags;
const names = Object.keys(flags) as Flag[];
const switches = { version: 'print the version and end', help: 'print this and end' } as const;
const variableOf = (flag: string): string => environmentPrefix + flag.toUpperCase().replaceAll('-', '_');

/** Reads flags and environment; a flag goes before its variable. Pure. */
export function parseConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Parsed {
  const errors: string[] = [];
  const given = new Map<Flag, { text: string; source: string }>();
  for (const name of Object.keys(env)) {
    if (!name.startsWith(environmentPrefix) || internalVariables.has(name)) continue;
    const flag = names.find((one) => variableOf(one) === name);
    if (!flag) errors.push(`${name}: there is no such setting${near(name, names.map(variableOf))}`);
    else given.set(flag, { text: env[name] ?? '', source: name });
  }
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: Object.fromEntries([
      ...names.map((name) => [name, { type: 'string' }]),
      ...Object.keys(switches).map((name) => [name, { type: 'boolean' }]),
    ]) as Record<string, { type: 'string' | 'boolean' }>,
  });
  const wanted = new Set<string>();
  for (const token of tokens) {
    if (token.kind === 'positional') errors.push(`"${token.value}": only flags are taken`);
    if (token.kind !== 'option') continue;
    if (token.name in switches) wanted.add(token.name);
    else if (!(token.name in flags)) errors.push(`${token.rawName}: there is no such flag${near(token.name, names, '--')}`);
    else if (token.value === undefined) errors.push(`${token.rawName}: needs a value: ${flags[token.name as Flag].value}`);
    else given.set(token.name as Flag, { text: token.value, source: token.rawName });
  }
  if (wanted.has('help')) return { kind: 'print', text: help() };
  if (wanted.has('version')) return { kind: 'print', text: version };

  const read = <F extends Flag>(flag: F): z.output<(typeof flags)[F]['schema']> => {
    const one = given.get(flag);
    const result = flags[flag].schema.safeParse(one?.text);
    if (!result.success) errors.push(`${one?.source ?? flag} is "${one?.text ?? ''}": allowed: ${result.error.issues[0]?.message}`);
    return result.data as z.output<(typeof flags)[F]['schema']>;
  };
  const config: Config = {
    kubeconfig: read('kubeconfig'),
    context: read('context'),
    watchNamespaces: read('watch-namespaces'),
    workers: read('workers'),
    resyncSeconds: read('resync-seconds'),
    logLevel: read('log-level'),
    logFormat: read('log-format'),
    healthAddress: read('health-address'),
    metricsAddress: read('metrics-address'),
  };
  return errors.length > 0 ? { kind: 'error', errors } : { kind: 'run', config };
}

function help(): string {
  const rows = [
    ...names.map((name) => [`  --${name} ${flags[name].value}`, flags[name].help]),
    ...Object.entries(switches).map(([name, words]) => [`  --${name}`, words]),
  ] as [string, string][];
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    'license-settings-operator: keeps the license settings of outbound dialers',
    '',
    ...rows.map(([left, right]) => left.padEnd(width) + right),
    '',
    `Each flag is also an environment variable: --log-level is ${variableOf('log-level')}. A flag goes first.`,
  ].join('\n');
}

/** " (did you mean X?)" where one of the known words is close. */
function near(word: string, known: readonly string[], prefix = ''): string {
  const [best] = known.map((one) => ({ one, distance: editDistance(word, one) })).sort((a, b) => a.distance - b.distance);
  return best && best.distance <= 3 ? ` (did you mean ${prefix}${best.one}?)` : '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
