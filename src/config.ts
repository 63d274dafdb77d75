/** Flags and environment. Every mistake is reported at once, each with its source, its value and what is allowed. */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { version } from './version.ts';

/** Where a server listens: a host name or IP address without brackets, and a port, 0 for any free one. */
export type Address = { readonly host: string; readonly port: number };

/** What the operator runs with: checked, every default filled in. */
export type Config = {
  /** Path of a kubeconfig; undefined: where kubectl and pods look. */
  readonly kubeconfig: string | undefined;
  /** Name of a context of the kubeconfig; undefined: its current one. */
  readonly context: string | undefined;
  /** DNS labels, each once. Empty: all namespaces. */
  readonly watchNamespaces: readonly string[];
  /** How many objects are worked on at once: 1 to 256. */
  readonly workers: number;
  /** How often every object is looked at again, in seconds: 1 to 86,400. */
  readonly resyncSeconds: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'json' | 'pretty';
  /** Undefined: no such server. */
  readonly healthAddress: Address | undefined;
  readonly metricsAddress: Address | undefined;
  /** Undefined: this process is the only one. */
  readonly lease: Lease | undefined;
};

/** The Lease by which replicas agree on their leader. `seconds`: how long it lasts without a renewal, 5 to 300. */
export type Lease = { readonly namespace: string | undefined; readonly name: string; readonly seconds: number };

/** What to do: run, print a text and end well, or report every mistake and end badly. */
export type Parsed =
  | { readonly kind: 'run'; readonly config: Config }
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'error'; readonly errors: string[] };

const environmentPrefix = 'LICENSE_SETTINGS_';
/** Set by the bundler, not by people. */
const internalVariables = new Set(['LICENSE_SETTINGS_BUILD_VERSION']);
/**
 * Kubernetes tells a pod of every Service in its namespace through variables such as <SERVICE>_SERVICE_HOST. A Service
 * named license-settings-operator begins with our prefix and must not keep the operator from starting.
 */
const serviceVariable = /_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/;

const wholeNumber = (least: number, most: number) => {
  const words = `a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, words)
    .transform(Number)
    .refine((value) => value >= least && value <= most, words);
};

const addressWords = "host:port, ':port' for all interfaces, or 'off'; port 0 takes any free one";
// Its default must be a `prefault`: `default` would also take the place of the undefined that 'off' becomes.
const address = z.string().transform((text, context): Address | undefined => {
  if (text === 'off') return undefined;
  const [, host = '', digits = ''] = /^(?:\[([\da-fA-F:.]+)\]|[^:\s[\]]*):(\d{1,5})$/.exec(text) ?? [];
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
  .transform((text) => [
    ...new Set(
      text
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    ),
  ])
  .refine(
    (names) => names.every((name) => dnsLabel.test(name)),
    'namespaces (DNS labels) with commas between them; empty means all',
  );

const oneOf = <const T extends string>(...values: T[]) => z.enum(values, { error: `one of ${values.join(', ')}` });
const text = z.string().min(1, 'not empty');
const dnsName = z.string().regex(/^(?=.{1,253}$)[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'a DNS name of up to 253 characters');
const toggle = oneOf('true', 'false').transform((word) => word === 'true');

/** The one table of flags: parsing, environment and help come from it. */
const flags = {
  kubeconfig: {
    value: 'PATH',
    schema: text.optional(),
    help: "kubeconfig file; default: $KUBECONFIG, the pod's ServiceAccount, ~/.kube/config",
  },
  context: { value: 'NAME', schema: text.optional(), help: 'context of the kubeconfig; default: its current one' },
  'watch-namespaces': { value: 'A,B', schema: namespaces.default([]), help: 'namespaces to watch; empty means all' },
  workers: {
    value: 'N',
    schema: wholeNumber(1, 256).default(16),
    help: 'how many objects are worked on at once, 1 to 256; default 16',
  },
  'resync-seconds': {
    value: 'N',
    schema: wholeNumber(1, 86_400).default(600),
    help: 'how often every object is looked at again, 1 to 86400; default 600',
  },
  'log-level': {
    value: 'LEVEL',
    schema: oneOf('trace', 'debug', 'info', 'warn', 'error').default('info'),
    help: 'trace, debug, info, warn or error; default info',
  },
  'log-format': {
    value: 'FORMAT',
    schema: oneOf('json', 'pretty').default('json'),
    help: 'json or pretty; default json',
  },
  'health-address': {
    value: 'ADDRESS',
    schema: address.prefault('0.0.0.0:8081'),
    help: `/healthz and /readyz: ${addressWords}; default :8081`,
  },
  'metrics-address': {
    value: 'ADDRESS',
    schema: address.prefault('0.0.0.0:8080'),
    help: '/metrics: likewise; default :8080',
  },
  'leader-elect': {
    value: undefined,
    schema: toggle.default(false),
    help: 'of several replicas only the holder of a Lease writes; default false',
  },
  'lease-namespace': {
    value: 'NAME',
    schema: z.string().regex(dnsLabel, 'a DNS label').optional(),
    help: "namespace of the Lease; default: the pod's own, or that of the kubeconfig's context",
  },
  'lease-name': {
    value: 'NAME',
    schema: dnsName.default('license-settings-operator'),
    help: 'name of the Lease; default license-settings-operator',
  },
  'lease-seconds': {
    value: 'N',
    schema: wholeNumber(5, 300).default(15),
    help: 'how long the Lease lasts without a renewal, 5 to 300; default 15',
  },
} as const;

type Flag = keyof typeof flags;
const names = Object.keys(flags) as Flag[];
const switches = { version: 'print the version and end', help: 'print this and end' } as const;
const known: readonly string[] = [...names, ...Object.keys(switches)];
/** A flag that may stand alone, or with `=true` or `=false`. */
const isToggle = (flag: string): boolean => Object.hasOwn(flags, flag) && flags[flag as Flag].value === undefined;
const variableOf = (flag: string): string => environmentPrefix + flag.toUpperCase().replaceAll('-', '_');

/**
 * Reads flags and environment; a flag goes before its variable, and the last of a repeated flag counts. Pure.
 *
 * @param argv the arguments after the program's name
 * @returns never throws: mistakes come back together, each with its flag or variable, the value and what is allowed
 */
export function parseConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Parsed {
  const reading: Reading = { given: new Map(), wanted: new Set(), errors: [] };
  for (const [name, text] of Object.entries(env)) readVariable(reading, name, text);
  for (const argument of argumentsOf(argv)) readArgument(reading, argument);
  const { given, wanted, errors } = reading;
  if (wanted.has('help')) return { kind: 'print', text: help() };
  if (wanted.has('version')) return { kind: 'print', text: version };

  const read = <F extends Flag>(flag: F): z.output<(typeof flags)[F]['schema']> => {
    const one = given.get(flag);
    const result = flags[flag].schema.safeParse(one?.text);
    if (!result.success)
      errors.push(`${one?.source ?? flag} is "${one?.text ?? ''}": allowed: ${result.error.issues[0]?.message}`);
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
    lease: leaseOf({
      elect: read('leader-elect'),
      namespace: read('lease-namespace'),
      name: read('lease-name'),
      seconds: read('lease-seconds'),
    }),
  };
  return errors.length > 0 ? { kind: 'error', errors } : { kind: 'run', config };
}

/** What was read so far: texts of flags with where they stand, switches, and mistakes. */
type Reading = {
  readonly given: Map<Flag, { readonly text: string; readonly source: string }>;
  readonly wanted: Set<string>;
  readonly errors: string[];
};

function readVariable({ given, errors }: Reading, name: string, text: string | undefined): void {
  if (text === undefined || !name.startsWith(environmentPrefix) || internalVariables.has(name)) return;
  const flag = names.find((one) => variableOf(one) === name);
  if (flag) given.set(flag, { text, source: name });
  else if (!serviceVariable.test(name))
    errors.push(`${name} is "${text}": there is no such setting${near(name, names.map(variableOf))}`);
}

function readArgument({ given, wanted, errors }: Reading, { flag, source, text }: Argument): void {
  if (flag === undefined) errors.push(`"${text}": only flags are taken`);
  else if (Object.hasOwn(switches, flag)) {
    if (text === undefined) wanted.add(flag);
    else errors.push(`${source} is "${text}": allowed: no value`);
  } else if (!Object.hasOwn(flags, flag)) errors.push(`${source}: there is no such flag${near(flag, known, '--')}`);
  else if (text === undefined && isToggle(flag)) given.set(flag as Flag, { text: 'true', source });
  else if (text === undefined) errors.push(`${source}: needs a value: ${flags[flag as Flag].value}`);
  else given.set(flag as Flag, { text, source });
}

const leaseOf = ({ elect, ...lease }: Lease & { elect: boolean }): Lease | undefined => (elect ? lease : undefined);

type Argument = { flag: string | undefined; source: string; text: string | undefined };

const argumentTypes = Object.fromEntries(
  known.map((name) => [
    name,
    { type: Object.hasOwn(switches, name) || isToggle(name) ? 'boolean' : 'string' } as const,
  ]),
);

/** The arguments in their order, whatever is wrong with them; without `flag`: not a flag. */
function argumentsOf(argv: readonly string[]): Argument[] {
  const found: Argument[] = [];
  const { tokens } = parseArgs({ args: [...argv], strict: false, tokens: true, options: argumentTypes });
  let last = -1;
  for (const token of tokens) {
    // `-abc` comes as three flags; one mistake is enough.
    if (token.kind === 'option-terminator' || token.index === last) continue;
    last = token.index;
    if (token.kind === 'positional') {
      found.push({ flag: undefined, source: '', text: token.value });
      continue;
    }
    const { name, rawName, value, inlineValue, index } = token;
    if (!rawName.startsWith('--')) {
      const [group = ''] = (argv[index] ?? '').split('=');
      found.push({ flag: group, source: group, text: undefined });
    } else if (inlineValue === false && value.startsWith('--')) {
      // Without its value a flag would swallow the next flag, and the mistakes in that one would be lost.
      found.push({ flag: name, source: rawName, text: undefined });
      return [...found, ...argumentsOf(argv.slice(index + 1))];
    } else found.push({ flag: name, source: rawName, text: value });
  }
  return found;
}

function help(): string {
  const rows = [
    ...names.map((name) => [`  --${[name, flags[name].value ?? []].flat().join(' ')}`, flags[name].help]),
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
function near(word: string, words: readonly string[], prefix = ''): string {
  const [best] = words
    .map((one) => ({ one, distance: editDistance(word, one) }))
    .sort((a, b) => a.distance - b.distance);
  // A short word is near to everything.
  return best && best.distance <= Math.min(3, best.one.length / 2) ? ` (did you mean ${prefix}${best.one}?)` : '';
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
