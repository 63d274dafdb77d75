/** The commands of `kubectl license`. What they touch is an argument: streams, files, terminal, clock and cluster. */
import { harmless } from '../api/text.ts';
import type { Clock } from '../kube/index.ts';
import { version } from '../version.ts';
import { approve } from './approve.ts';
import { changes } from './changes.ts';
import { check, describeFinding, nameOf } from './check.ts';
import type { Cluster, Connection } from './cluster.ts';
import { candidates, completionScript } from './completion.ts';
import { configMapsOf, hashOf, leftOut } from './configmaps.ts';
import { Failure } from './failure.ts';
import { readSources } from './files.ts';
import { type CommandName, type Invocation, parse } from './flags.ts';
import { describeChanges, picture } from './picture.ts';
import { sarif } from './sarif.ts';
import { json, structured, yaml } from './structured.ts';
import type { Style } from './terminal.ts';
import { liveDeclaration, savedSettings, viewOf } from './view.ts';

/** The world around a command. */
export type Shell = {
  /** stdout: the result alone. */
  readonly out: (text: string) => void;
  /** stderr: what went wrong, questions and notes. */
  readonly err: (text: string) => void;
  /** How to draw on stdout, and on stderr. */
  readonly style: Style;
  readonly errStyle: Style;
  /** True when there is somebody to ask. */
  readonly interactive: boolean;
  readonly ask: (question: string) => Promise<string>;
  readonly stdin: () => Promise<string>;
  readonly clock: Clock;
  /** Throws a Failure. */
  readonly connect: (to: Connection) => Promise<Cluster>;
};

/** Exit code of an error. Where 1 is an answer, as for diff, it is 2; so it is for arguments that make no sense. */
const exitError: Record<CommandName, number> = {
  ...{ status: 1, apply: 1, render: 1, completion: 1, version: 1 },
  ...{ diff: 2, validate: 2 },
};
const exitUsage = 2;

/** Runs one command line, without `kubectl license`, and gives the exit code. A defect of our own is thrown. */
export async function run(argv: readonly string[], shell: Shell): Promise<number> {
  if (argv[0] === '__complete') return complete(argv.slice(1), shell);
  const parsed = parse(argv);
  if (parsed.kind === 'print') {
    shell.out(`${parsed.text}\n`);
    return 0;
  }
  if (parsed.kind === 'error') {
    const more = `kubectl license ${parsed.command ? `${parsed.command} ` : ''}--help`;
    shell.err(`kubectl license: ${parsed.error}\nkubectl license: '${more}' tells how\n`);
    return exitUsage;
  }
  const { invocation } = parsed;
  try {
    return await actions[invocation.command](invocation, shell);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const lines = error.message.split('\n').map(harmless);
    shell.err(`kubectl license: ${lines.join('\n')}\n`);
    return exitError[invocation.command];
  }
}

type Action = (invocation: Invocation, shell: Shell) => Promise<number>;

const actions: Record<CommandName, Action> = {
  status: connected(status),
  diff: connected(diff),
  apply: connected(approve),
  validate,
  render,
  completion: async ({ argument = '' }, { out }) => {
    out(completionScript(argument));
    return 0;
  },
  version: async (_, { out }) => {
    out(`${version}\n`);
    return 0;
  },
};

/** An action with a cluster, which is closed afterwards. */
function connected(action: (invocation: Invocation, cluster: Cluster, shell: Shell) => Promise<number>): Action {
  return async (invocation, shell) => {
    const cluster = await shell.connect(invocation);
    try {
      return await action(invocation, cluster, shell);
    } finally {
      await cluster.close();
    }
  };
}

async function status(invocation: Invocation, cluster: Cluster, { out, err, style, clock }: Shell): Promise<number> {
  const { argument, output, allNamespaces, namespace = cluster.namespace } = invocation;
  if (argument !== undefined) {
    const view = viewOf(await cluster.get(namespace, argument));
    out(output === 'text' ? `${picture(view, style, clock.wall())}\n` : structured(view, output));
    return 0;
  }
  const items = (await cluster.list(allNamespaces ? undefined : namespace)).map(viewOf);
  if (output !== 'text') out(structured({ items }, output));
  else if (items.length === 0)
    err(`no LicenseSettings in ${allNamespaces ? 'any namespace' : `namespace ${namespace}`}\n`);
  else {
    const rule = (style.unicode ? '═' : '=').repeat(style.width);
    out(`${items.map((view) => picture(view, style, clock.wall())).join(`\n\n${rule}\n`)}\n`);
  }
  return 0;
}

async function diff(invocation: Invocation, cluster: Cluster, { out, err, style }: Shell): Promise<number> {
  const { argument: name = '', namespace = cluster.namespace, output } = invocation;
  const object = await cluster.get(namespace, name);
  const saved = savedSettings(object);
  const generation = object.metadata.generation ?? 0;
  if ('errors' in saved) {
    const lines = saved.errors.map(({ field, message }) => `  ${field} ${message}`);
    throw new Failure(`the saved settings (generation ${generation}) have mistakes:\n${lines.join('\n')}`);
  }
  const live = object.status?.applying ?? object.status?.applied;
  const differences = changes(liveDeclaration(object.status), saved.declaration);
  if (object.status?.applying) err(`a plan is under way: the settings that are on their way count as live\n`);
  if (output === 'text') {
    if (differences.length > 0) {
      const words = live ? `generation ${live.generation} is live` : 'nothing is live';
      out(
        `${[`${namespace}/${name}: ${words}, generation ${generation} is saved`, ...describeChanges(differences, style)].join('\n')}\n`,
      );
    }
  } else {
    const side = live && { generation: live.generation, settingsHash: live.settingsHash };
    const result = {
      namespace,
      name,
      live: side ?? null,
      saved: { generation, settingsHash: saved.hash },
      changes: differences,
    };
    out(structured(result, output));
  }
  return differences.length > 0 ? 1 : 0;
}

async function validate({ files, output }: Invocation, { out, err, stdin }: Shell): Promise<number> {
  const { findings, good, judged, skipped } = check(await readSources(files, stdin));
  for (const { source, what } of skipped) err(`${source}: ${harmless(what)}: skipped\n`);
  if (judged === 0 && findings.length === 0)
    throw new Failure(`nothing to check: no LicenseSettings in ${files.join(', ')}`);
  if (output === 'json') {
    out(json({ valid: findings.length === 0, objects: good.map(({ spec: _, ...object }) => object), findings }));
  } else if (output === 'sarif') out(json(sarif(findings, version)));
  else {
    for (const finding of findings) out(`${harmless(describeFinding(finding))}\n`);
    for (const object of good) out(`${object.source}: LicenseSettings ${nameOf(object)}: valid\n`);
  }
  return findings.length > 0 ? 1 : 0;
}

async function render({ files, output }: Invocation, { out, err, stdin }: Shell): Promise<number> {
  const { findings, good, judged, skipped } = check(await readSources(files, stdin));
  for (const { source, what } of skipped) err(`${source}: ${harmless(what)}: skipped\n`);
  if (findings.length > 0) throw new Failure(findings.map(describeFinding).join('\n'));
  if (judged === 0) throw new Failure(`nothing to render: no LicenseSettings in ${files.join(', ')}`);
  if (output === 'hash') for (const object of good) out(`${hashOf(object)}\n`);
  else if (output === 'json') out(json({ apiVersion: 'v1', kind: 'List', items: good.flatMap(configMapsOf) }));
  else {
    for (const object of good) {
      out(`# LicenseSettings ${nameOf(object)}: settings hash ${hashOf(object)}\n# ${leftOut}\n`);
      for (const map of configMapsOf(object)) out(`---\n${yaml(map)}`);
    }
  }
  return 0;
}

/** Answers a shell that completes, in cobra's protocol: 4 forbids file names, 0 allows them. Never fails. */
async function complete(words: readonly string[], shell: Shell): Promise<number> {
  const found = candidates(words);
  const names = found.names ? await objectNames(words, shell).catch(() => []) : [];
  const current = words.at(-1) ?? '';
  const all = [...found.words, ...names.filter((name) => name.startsWith(current))];
  shell.out([...all, found.files ? ':0' : ':4'].map((line) => `${line}\n`).join(''));
  return 0;
}

async function objectNames(words: readonly string[], shell: Shell): Promise<string[]> {
  const parsed = parse([...words.slice(0, -1), 'any']);
  if (parsed.kind !== 'run') return [];
  const cluster = await shell.connect(parsed.invocation);
  try {
    const objects = await cluster.list(parsed.invocation.namespace ?? cluster.namespace);
    return objects.map(({ metadata }) => metadata.name);
  } finally {
    await cluster.close();
  }
}
