/** Commands and flags as data: parsing, help and completion come from these tables. Pure. */
import { parseArgs } from 'node:util';

type Flag = {
  readonly short?: string;
  /** What its value is called in the help; without: a switch. */
  readonly value?: string;
  /** Allowed values. */
  readonly words?: readonly string[];
  readonly many?: boolean;
  readonly help: string;
};

/** Every flag that there is; a command takes some of them. */
export const flags = {
  namespace: { short: 'n', value: 'NAME', help: "namespace; default: that of the kubeconfig's context" },
  'all-namespaces': { short: 'A', help: 'all namespaces' },
  filename: {
    short: 'f',
    value: 'PATH',
    many: true,
    help: "file, directory (*.yaml, *.yml, *.json, subdirectories too) or '-' for stdin; may be repeated",
  },
  output: { short: 'o', value: 'FORMAT', help: 'form of the result' },
  yes: { short: 'y', help: 'approve without asking' },
  wait: { help: 'wait until the approved settings are live' },
  timeout: { value: 'TIME', help: 'how long --wait waits, such as 90s or 5m; default 5m' },
  kubeconfig: { value: 'PATH', help: 'kubeconfig file; default: $KUBECONFIG, ~/.kube/config' },
  context: { value: 'NAME', help: 'context of the kubeconfig; default: its current one' },
  help: { short: 'h', help: 'print this' },
} as const satisfies Record<string, Flag>;

export type FlagName = keyof typeof flags;

const flag = (name: FlagName): Flag => flags[name];

/** A command: what it takes and what it says of itself. */
export type Command = {
  readonly summary: string;
  /** What stands behind the command's name, such as `NAME`; in brackets where it may be left out. */
  readonly argument?: string;
  readonly words?: readonly string[];
  readonly flags: readonly FlagName[];
  /** Formats of --output, the default first. */
  readonly outputs?: readonly string[];
  /** Flags that must be given. */
  readonly required?: readonly FlagName[];
  readonly more: readonly string[];
  readonly examples: readonly string[];
};

const online = ['namespace', 'kubeconfig', 'context'] as const;

export const commands = {
  status: {
    summary: 'capacity, zones, errors and what is pending, as a picture',
    argument: '[NAME]',
    flags: ['output', 'all-namespaces', ...online],
    outputs: ['text', 'json', 'yaml'],
    more: [
      'Without NAME every object of the namespace is shown. A bar is the capacity: what is allocated, then what is unused.',
    ],
    examples: ['kubectl license status pom -n dialer', 'kubectl license status -A -o json'],
  },
  diff: {
    summary: 'what was saved against what is live',
    argument: 'NAME',
    flags: ['output', ...online],
    outputs: ['text', 'json', 'yaml'],
    more: ['Exit code: 0 no difference, 1 a difference, 2 an error.'],
    examples: ['kubectl license diff pom -n dialer'],
  },
  apply: {
    summary: 'approve the pending settings, so that they go live',
    argument: 'NAME',
    flags: ['yes', 'wait', 'timeout', ...online],
    more: [
      'Sets the annotation licensing.dialer.dev/apply to the whole hash of the settings that were shown. If the object changes',
      'meanwhile, nothing is approved. Without a terminal to ask on, --yes is needed.',
    ],
    examples: ['kubectl license apply pom -n dialer', 'kubectl license apply pom -n dialer --yes --wait --timeout 10m'],
  },
  validate: {
    summary: 'check manifests against every rule, without a cluster',
    flags: ['filename', 'output'],
    required: ['filename'],
    outputs: ['text', 'json', 'sarif'],
    more: [
      'Objects of other kinds are passed over. Exit code: 0 all are valid, 1 there are mistakes, 2 an error, such as nothing',
      'to check.',
    ],
    examples: [
      'kubectl license validate -f pom.yaml',
      'kustomize build . | kubectl license validate -f -',
      'kubectl license validate -f deploy/ -o sarif > licenses.sarif',
    ],
  },
  render: {
    summary: 'the ConfigMaps that a manifest gives, and its settings hash, without a cluster',
    flags: ['filename', 'output'],
    required: ['filename'],
    outputs: ['yaml', 'json', 'hash'],
    more: ['With -o hash: one settings hash a line, in the order of the manifests.'],
    examples: ['kubectl license render -f pom.yaml', 'kubectl license render -f pom.yaml -o hash'],
  },
  completion: {
    summary: 'completion for a shell',
    argument: 'SHELL',
    words: ['bash', 'zsh', 'fish', 'kubectl'],
    flags: [],
    more: [
      "bash, zsh and fish complete the command 'kubectl-license'. For 'kubectl license' put the script of 'completion kubectl'",
      'on the PATH as an executable file kubectl_complete-license: kubectl asks it.',
    ],
    examples: [
      'source <(kubectl license completion bash)',
      'kubectl license completion kubectl > ~/bin/kubectl_complete-license; chmod +x ~/bin/kubectl_complete-license',
    ],
  },
  version: { summary: 'the version of this plugin', flags: [], more: [], examples: ['kubectl license version'] },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;
export const commandNames = Object.keys(commands) as CommandName[];
/** A command of the table. */
export const commandOf = (name: CommandName): Command => commands[name];

/** What was asked for. `files`, `output` and so on are there only where the command takes them. */
export type Invocation = {
  readonly command: CommandName;
  readonly argument?: string;
  readonly output: string;
  readonly namespace?: string;
  readonly allNamespaces: boolean;
  readonly files: readonly string[];
  readonly yes: boolean;
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly kubeconfig?: string;
  readonly context?: string;
};

export type Parsed =
  | { readonly kind: 'run'; readonly invocation: Invocation }
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'error'; readonly error: string; readonly command?: CommandName };

/** Reads the arguments after `kubectl license`. Never throws. */
export function parse(argv: readonly string[]): Parsed {
  const [first, ...rest] = argv;
  if (first === undefined || first === '--help' || first === '-h') return { kind: 'print', text: help() };
  if (first === 'help')
    return rest[0] && isCommand(rest[0]) ? { kind: 'print', text: helpOf(rest[0]) } : { kind: 'print', text: help() };
  const name = first === '--version' ? 'version' : first;
  if (!isCommand(name)) {
    return { kind: 'error', error: `there is no command "${first}": there are ${commandNames.join(', ')}` };
  }
  const error = (text: string): Parsed => ({ kind: 'error', error: text, command: name });
  let given: Given;
  try {
    given = read(rest, [...commandOf(name).flags, 'help']);
  } catch (cause) {
    return error((cause as Error).message.split(/[.\n]/)[0] ?? '');
  }
  if (given.values['help']) return { kind: 'print', text: helpOf(name) };
  const mistake = mistakeIn(name, given);
  return mistake === undefined ? { kind: 'run', invocation: invocationOf(name, given) } : error(mistake);
}

/** What was given after the command. */
type Given = {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
};

/** Throws an Error for a flag that is not among those allowed, or that lacks its value. */
function read(args: string[], allowed: readonly FlagName[]): Given {
  const options = Object.fromEntries(
    allowed.map((one) => {
      const { short, value, many } = flag(one);
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return [one, { type, ...(short ? { short } : {}), ...(many ? { multiple: true } : {}) }];
    }),
  );
  return parseArgs({ args, options, allowPositionals: true });
}

const textOf = ({ values }: Given, name: FlagName): string | undefined => values[name] as string | undefined;
const outputOf = (name: CommandName, given: Given): string =>
  textOf(given, 'output') ?? commandOf(name).outputs?.[0] ?? 'text';
const timeoutOf = (given: Given): number | undefined => milliseconds(textOf(given, 'timeout') ?? '5m');

/** The first mistake in what was given to a command, in words; undefined: there is none. */
function mistakeIn(name: CommandName, given: Given): string | undefined {
  return mistakeInArguments(name, given) ?? mistakeInFlags(name, given);
}

function mistakeInArguments(name: CommandName, { positionals }: Given): string | undefined {
  const command = commandOf(name);
  const [argument, ...tooMany] = positionals;
  if (argument !== undefined && command.argument === undefined) return `"${argument}": ${name} takes flags only`;
  if (tooMany.length > 0) return `"${tooMany[0]}": ${name} takes one ${command.argument} only`;
  if (argument === undefined && command.argument !== undefined && !command.argument.startsWith('['))
    return `${command.argument} is missing`;
  if (command.words && !command.words.includes(argument ?? ''))
    return `"${argument}": allowed: ${command.words.join(', ')}`;
  return undefined;
}

function mistakeInFlags(name: CommandName, given: Given): string | undefined {
  const command = commandOf(name);
  const { values, positionals } = given;
  const missing = command.required?.find((one) => values[one] === undefined);
  if (missing) return `--${missing} is missing${flag(missing).short ? ` (-${flag(missing).short})` : ''}`;
  const empty = command.flags.find((one) => [values[one]].flat().includes(''));
  if (empty) return `--${empty} is empty`;
  const output = outputOf(name, given);
  if (command.outputs && !command.outputs.includes(output))
    return `--output is "${output}": allowed: ${command.outputs.join(', ')}`;
  if (timeoutOf(given) === undefined)
    return `--timeout is "${textOf(given, 'timeout')}": allowed: a time such as 90s, 5m or 1h`;
  if (values['all-namespaces'] && (positionals.length > 0 || textOf(given, 'namespace') !== undefined))
    return '--all-namespaces goes neither with NAME nor with --namespace';
  return undefined;
}

/** What was given, where there is no mistake in it. */
function invocationOf(name: CommandName, given: Given): Invocation {
  const { values, positionals } = given;
  const [argument] = positionals;
  const strings = Object.fromEntries(
    (['namespace', 'kubeconfig', 'context'] as const).flatMap((one) => {
      const text = textOf(given, one);
      return text === undefined ? [] : [[one, text]];
    }),
  );
  return {
    command: name,
    ...(argument === undefined ? {} : { argument }),
    output: outputOf(name, given),
    allNamespaces: values['all-namespaces'] === true,
    files: (values['filename'] as string[] | undefined) ?? [],
    yes: values['yes'] === true,
    wait: values['wait'] === true,
    timeout: timeoutOf(given) ?? 0,
    ...strings,
  };
}

/** True for the name of a command. */
export const isCommand = (word: string): word is CommandName => Object.hasOwn(commands, word);

function milliseconds(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,6})(s|m|h)$/.exec(text) ?? [];
  return digits === undefined
    ? undefined
    : Number(digits) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
}

const columns = (rows: readonly (readonly [string, string])[]): string[] => {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`);
};

/** Help for all. */
export function help(): string {
  return [
    'kubectl license: see, check and approve the license settings of outbound dialers',
    '',
    'Usage: kubectl license COMMAND [FLAGS]',
    '',
    ...columns(
      commandNames.map((name) => [`${name} ${commandOf(name).argument ?? ''}`.trim(), commandOf(name).summary]),
    ),
    '',
    "'kubectl license COMMAND --help' tells more, with examples.",
  ].join('\n');
}

/** Help for one command. */
export function helpOf(name: CommandName): string {
  const command = commandOf(name);
  const rows = ([...command.flags, 'help'] as FlagName[]).map((one): [string, string] => {
    const { short, value, help: words } = flag(one);
    const left = `${short ? `-${short}, ` : '    '}--${one}${value ? ` ${value}` : ''}`;
    return [left, one === 'output' ? `${command.outputs?.join(', ')}; default ${command.outputs?.[0]}` : words];
  });
  return [
    `kubectl license ${name}: ${command.summary}`,
    '',
    `Usage: kubectl license ${[name, command.argument ?? []].flat().join(' ')}${(command.required ?? []).map((one) => ` -${flag(one).short} ${flag(one).value}`).join('')} [FLAGS]`,
    ...(command.more.length > 0 ? ['', ...command.more] : []),
    '',
    'Examples:',
    ...command.examples.map((line) => `  ${line}`),
    '',
    'Flags:',
    ...columns(rows),
  ].join('\n');
}
