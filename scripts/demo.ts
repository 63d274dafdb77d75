/**
 * `npm run demo [-- --once] [--kubeconfig FILE [--context NAME]]`: the operator at work on a real Kubernetes API, told with
 * real kubectl commands. Every step checks what it shows. With `--once` it ends by itself: exit code 0 only if each step
 * showed what it should. Without it everything stays up until Ctrl-C.
 */
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { type ControlPlane, startControlPlane, useCluster } from '../test/controlplane/controlplane.ts';
import { install, type Operator, operatorUser, type Stored, startOperator, until } from '../test/operator.ts';

type Data = Record<string, string>;
type ConfigMap = { metadata: { uid: string; resourceVersion: string }; data: Data };
type Schema = { properties?: Record<string, Schema>; items?: Schema; [keyword: string]: unknown };

const namespace = 'dialer';
const inDialer = ['-n', namespace];
const crdFile = 'crds/licensesettings.yaml';
const sampleFile = 'deploy/samples/licensesettings.yaml';
const crdName = 'licensesettings.licensing.dialer.dev';
const patience = 20_000;

const isSet = (name: string) => !['', '0', 'false'].includes(process.env[name] ?? '');
const colours = process.stdout.isTTY === true && !process.env['NO_COLOR'] && !isSet('CI');
const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
const bold = (text: string) => paint(1, text);
const green = (text: string) => paint(32, text);
const red = (text: string) => paint(31, text);
const dim = (text: string) => paint(2, text);
const say = (text = '') => process.stdout.write(`${text}\n`);

const started = performance.now();
const elapsed = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;

/** What did not show what it should, step by step. */
const failures: string[] = [];
let plane: ControlPlane | undefined;
let operator: Operator | undefined;
let number = 0;
/** What the demo put into an existing cluster, and has to take away again. */
let borrowed = false;
/** Set by a signal: the story ends, and what fails because of that is no news. */
let stopping = false;
let cleaning = false;

/** Runs one numbered step; what goes wrong in it is noted, and the story goes on. */
async function step(title: string, run: (expect: (what: string, holds: boolean) => void) => Promise<void>) {
  if (stopping) return;
  number++;
  say(`\n${bold(`${number}. ${title}`)} ${dim(`(${elapsed()})`)}`);
  const where = `step ${number}, ${title}`;
  try {
    await run((what, holds) => {
      say(`  ${holds ? green('ok') : red('NOT SO')}: ${what}`);
      if (!holds) failures.push(`${where}: not so: ${what}`);
    });
  } catch (error) {
    if (stopping) return;
    const text = error instanceof Error ? error.message : String(error);
    say(`  ${red('failed')}: ${text}`);
    failures.push(`${where}: ${text}`);
  }
}

const cluster = (): ControlPlane => {
  if (!plane) throw new Error('there is no Kubernetes API');
  return plane;
};

/** A word as a shell takes it. */
const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function indented(text: string): string {
  // A narrow terminal would break lines without the indent; a file or a pipe gets them whole.
  const width = process.stdout.isTTY ? Math.max(60, process.stdout.columns - 4) : 100_000;
  const lines = text
    .trimEnd()
    .split('\n')
    .flatMap((line) => line.match(new RegExp(`.{1,${width}}`, 'gu')) ?? ['']);
  return lines.map((line) => `    ${line}`).join('\n');
}

/** Runs kubectl as a person would: the command and its output are shown. Throws unless it ends as `refused` says. */
async function kubectl(args: string[], { input, refused = false }: { input?: string; refused?: boolean } = {}) {
  if (stopping && !cleaning) throw new Error('interrupted');
  const heredoc = input === undefined ? '' : ` <<'EOF'\n${indented(input)}\n    EOF`;
  say(`  ${bold(`$ kubectl ${args.map(quoted).join(' ')}`)}${heredoc}`);
  const result = await cluster().kubectl(args, { allowFailure: true, ...(input === undefined ? {} : { input }) });
  const output = `${result.stdout}${result.stderr}`;
  if (output.trim() !== '') say(indented(output));
  if ((result.code !== 0) !== refused)
    throw new Error(`kubectl ${args[0]} ended with exit code ${result.code}, which should not be`);
  return output;
}

/** Reads an object quietly, for checks. */
async function read<T>(...args: string[]): Promise<T | undefined> {
  const { stdout } = await cluster().kubectl([...args, ...inDialer, '-o', 'json', '--ignore-not-found']);
  return stdout.trim() === '' ? undefined : (JSON.parse(stdout) as T);
}
const settings = (name: string) => read<Stored>('get', 'lics', name);
const configMap = (name: string) => read<ConfigMap>('get', 'configmap', name);
const dataOf = async (name: string) => (await configMap(name))?.data ?? {};
const same = (a: Data, b: Data) => lines(a).join('\n') === lines(b).join('\n');

/** The data of a ConfigMap as lines, so that a difference is short. */
function lines(data: Data): string[] {
  return Object.keys(data)
    .sort()
    .flatMap((key) => {
      const value = data[key] ?? '';
      if (key === 'licenses.properties') return value.trimEnd().split('\n');
      if (key !== 'licenses.json') return [`${key}=${value}`];
      const { licenses = {} } = JSON.parse(value) as { licenses?: object };
      return Object.entries(licenses).map(([type, one]) => `${key}: ${type} ${JSON.stringify(one)}`);
    });
}

function showDifference(before: Data, after: Data): void {
  const [old, now] = [lines(before), lines(after)];
  for (const line of old.filter((one) => !now.includes(one))) say(indented(red(`- ${line}`)));
  for (const line of now.filter((one) => !old.includes(one))) say(indented(green(`+ ${line}`)));
}

const condition = (stored: Stored | undefined, type: string) =>
  stored?.status?.conditions?.find((one) => one.type === type);

/** A manifest, as short as people write it. */
const manifest = (name: string, licenses: Record<string, [number, number]>, more: string[] = []) =>
  [
    'apiVersion: licensing.dialer.dev/v1',
    'kind: LicenseSettings',
    `metadata: {name: ${name}, namespace: ${namespace}}`,
    'spec:',
    '  licenses:',
    ...Object.entries(licenses).map(([type, [low, high]]) => `    ${type}: {minimum: ${low}, maximum: ${high}}`),
    ...more.map((line) => `  ${line}`),
    '',
  ].join('\n');

/** The numbers of the sample, so that a change of one type keeps the others. */
function sampleRanges(): Record<string, [number, number]> {
  type Sample = { spec: { licenses: Record<string, { minimum: number; maximum: number }> } };
  const { spec } = parse(readFileSync(sampleFile, 'utf8')) as Sample;
  const ranges = Object.entries(spec.licenses).map(([type, { minimum, maximum }]) => [type, [minimum, maximum]]);
  return Object.fromEntries(ranges) as Record<string, [number, number]>;
}

/** The keywords that make a schema refuse a value. */
const bounds = ['minimum', 'maximum', 'minProperties', 'maxLength', 'pattern', 'x-kubernetes-validations'];

/** Takes rules and bounds out of a schema and all below it. A field may have the name of a keyword: only nodes are touched. */
function loosen(schema: Schema): void {
  for (const keyword of bounds) delete schema[keyword];
  for (const child of Object.values(schema.properties ?? {})) loosen(child);
  if (schema.items) loosen(schema.items);
}

/** Writes a copy of the CRD that refuses nothing, as if it were one of a time before the rules, and gives its path. */
function crdWithoutRules(): string {
  const crd = parse(readFileSync(crdFile, 'utf8')) as {
    spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
  };
  for (const { schema } of crd.spec.versions) loosen(schema.openAPIV3Schema);
  const file = join(cluster().directory, 'crd-without-rules.json');
  writeFileSync(file, JSON.stringify(crd));
  return file;
}

/** A new schema counts a moment after its CRD was accepted. */
async function schemaCounts(text: string, accepts: boolean): Promise<void> {
  const args = ['apply', '--dry-run=server', '-f', '-'];
  await until(
    `the API server ${accepts ? 'accepts' : 'refuses'} it`,
    async () => ((await cluster().kubectl(args, { input: text, allowFailure: true })).code === 0) === accepts,
    patience,
  );
}

async function tell(options: { kubeconfig?: string; context?: string }): Promise<void> {
  await step('A Kubernetes API', async (expect) => {
    if (options.kubeconfig === undefined) {
      say('  Starting etcd, kube-apiserver and kube-controller-manager as plain processes: no cluster, no container.');
      plane = await startControlPlane({ audit: false });
    } else {
      plane = await useCluster({
        kubeconfig: options.kubeconfig,
        ...(options.context && { context: options.context }),
      });
      await mustBeFree();
      borrowed = true;
    }
    const { serverVersion } = JSON.parse((await plane.kubectl(['version', '-o', 'json'])).stdout) as {
      serverVersion: { gitVersion: string };
    };
    expect(`Kubernetes ${serverVersion.gitVersion} answers at ${plane.server}`, /^v1\./.test(serverVersion.gitVersion));
  });
  if (failures.length > 0) return;

  await step('Install the operator', async (expect) => {
    say(
      `  Applying ${crdFile} and deploy/overlays/outside: the kind LicenseSettings, a ServiceAccount and its few rights.`,
    );
    await install(cluster());
    const found = await kubectl(['get', 'crd', crdName]);
    expect('the API server knows LicenseSettings', found.includes(crdName));
    operator = await startOperator(cluster(), { flags: ['--log-level', 'info'] });
    const log = join(cluster().directory, 'operator.log');
    const file = createWriteStream(log);
    for (const stream of [operator.process.stdout, operator.process.stderr])
      stream?.on('data', (text) => file.write(text));
    say(`  The operator runs as ${operatorUser}; its log: ${log}`);
    const health = await operator.health();
    await until('the operator is ready', async () => (await fetch(`${health}/readyz`)).ok, patience);
    expect('the operator is ready: its caches are complete', true);
  });
  if (failures.length > 0) return;

  await step('Save settings: the first LicenseSettings', async (expect) => {
    await kubectl(['apply', '-f', 'deploy/samples/00-namespace.yaml', '-f', sampleFile]);
    await kubectl(['wait', '--for=condition=Ready', 'lics/pom', ...inDialer, '--timeout=20s']);
    const brief = await kubectl(['get', 'lics', ...inDialer]);
    expect('Ready, Applied, with the capacity of each type', /^pom +True +Applied +500 +200 +80 +100 /m.test(brief));
    const wide = await kubectl(['get', 'lics', ...inDialer, '-o', 'wide']);
    const stored = await settings('pom');
    const hash = stored?.status?.applied?.settingsHash ?? '-';
    expect('the wide columns show the hash of what is live', /^[0-9a-f]{64}$/.test(hash) && wide.includes(hash));
  });

  await step('What the dialer pods read: a ConfigMap', async (expect) => {
    const everyEnv = '{{range $key, $value := .data}}{{if lt $key "a"}}{{$key}}={{$value}}{{"\\n"}}{{end}}{{end}}';
    const map = ['get', 'configmap', 'pom-licenses', ...inDialer];
    const env = await kubectl([...map, '-o', `go-template=${everyEnv}`]);
    const json = await kubectl([...map, '-o', 'jsonpath={.data.licenses\\.json}']);
    const { licenses } = JSON.parse(json) as { licenses: Record<string, { capacity: number }> };
    expect('18 keys for environment variables: three for each type', env.trim().split('\n').length === 18);
    expect('OUTBOUND_PORTS_CAPACITY is 500, the number to obey', env.includes('OUTBOUND_PORTS_CAPACITY=500\n'));
    expect('licenses.json says the same', licenses['outboundPorts']?.capacity === 500);
  });

  await step('A change goes live', async (expect) => {
    const before = await dataOf('pom-licenses');
    const changed = manifest('pom', { ...sampleRanges(), outboundPorts: [150, 600] });
    await kubectl(['apply', '-f', '-'], { input: changed });
    await kubectl(['wait', '--for=condition=Applied', 'lics/pom', ...inDialer, '--timeout=20s']);
    const after = await dataOf('pom-licenses');
    say('  What is different in ConfigMap pom-licenses:');
    showDifference(before, after);
    expect('the ports are 150 to 600 now', after['OUTBOUND_PORTS_CAPACITY'] === '600');
    const others = (data: Data) =>
      lines(data)
        .filter((line) => !/outbound_?ports/i.test(line))
        .join('\n');
    expect('nothing else is different', others(before) === others(after) && !same(before, after));
  });

  await step('A mistake is refused at once, every one of them named', async (expect) => {
    const before = await settings('pom');
    const bad = manifest('pom', { outboundPorts: [700, 600], manualAgents: [0, 2_000_000] }, [
      'configMap: {name: dialer}',
    ]);
    const output = await kubectl(['apply', '-f', '-'], { input: bad, refused: true });
    for (const field of ['outboundPorts.minimum', 'manualAgents.maximum'])
      expect(`the answer names spec.licenses.${field}`, output.includes(`spec.licenses.${field}: Invalid value`));
    expect('the answer names spec.configMap.name', output.includes('spec.configMap.name: Invalid value'));
    const after = await settings('pom');
    expect('nothing was saved', after !== undefined && after.metadata.generation === before?.metadata.generation);
  });

  await step('A mistake that is stored already: an older CRD had no rules', async (expect) => {
    const good = manifest('legacy', { outboundPorts: [10, 60], manualAgents: [0, 5] });
    const bad = manifest('legacy', { outboundPorts: [90, 60], manualAgents: [0, 5_000_000] }, [
      'configMap: {name: elsewhere}',
    ]);
    await kubectl(['apply', '--server-side', '--force-conflicts', '-f', crdWithoutRules()]);
    await schemaCounts(bad, true);
    await kubectl(['apply', '-f', '-'], { input: good });
    await kubectl(['wait', '--for=condition=Ready', 'lics/legacy', ...inDialer, '--timeout=20s']);
    const lastGood = await configMap('legacy-licenses');
    await kubectl(['apply', '-f', '-'], { input: bad });
    await kubectl(['apply', '--server-side', '--force-conflicts', '-f', crdFile]);
    await schemaCounts(bad.replace('name: legacy,', 'name: never-stored,'), false);
    await kubectl(['wait', '--for=condition=Stalled', 'lics/legacy', ...inDialer, '--timeout=20s']);
    await kubectl(['get', 'lics', ...inDialer]);
    const each = (list: string, item: string) => `jsonpath={range .status.${list}[*]}${item}{"\\n"}{end}`;
    const status = ['get', 'lics', 'legacy', ...inDialer, '-o'];
    await kubectl([...status, each('errors', '{.reason}: {.field} {.message}')]);
    await kubectl([...status, each('conditions', '{.type}={.status} {.reason}')]);
    const stored = await settings('legacy');
    const reasons = stored?.status?.errors?.map(({ reason }) => reason).sort();
    expect('all three errors are in the status', reasons?.join() === 'InvalidName,MinimumAboveMaximum,OutOfRange');
    const verdict = ['Ready', 'Valid', 'Stalled'].map((type) => condition(stored, type)?.status);
    expect('Ready and Valid are False, Stalled is True', verdict.join() === 'False,False,True');
    const now = await configMap('legacy-licenses');
    const untouched =
      now?.metadata.uid === lastGood?.metadata.uid &&
      now?.metadata.resourceVersion === lastGood?.metadata.resourceVersion;
    expect('the ConfigMap with the last good settings is untouched', lastGood !== undefined && untouched);
    expect('the ConfigMap of the bad name was not written', (await configMap('elsewhere')) === undefined);
  });

  await step('Drift is healed', async (expect) => {
    const before = await configMap('pom-licenses');
    const healed = (changed: (now: ConfigMap) => boolean) =>
      until(
        'the ConfigMap holds the live settings again',
        async () => {
          const now = await configMap('pom-licenses');
          return now !== undefined && changed(now) && same(now.data, before?.data ?? {});
        },
        patience,
      );
    const capacity = [
      'get',
      'configmap',
      'pom-licenses',
      ...inDialer,
      '-o',
      'jsonpath={.data.OUTBOUND_PORTS_CAPACITY}',
    ];
    const edit = '{"data":{"OUTBOUND_PORTS_CAPACITY":"9999"}}';
    await kubectl(['patch', 'configmap', 'pom-licenses', ...inDialer, '--type=merge', '-p', edit]);
    await healed(({ metadata }) => metadata.resourceVersion !== before?.metadata.resourceVersion);
    expect('an edited key is back', (await kubectl(capacity)) === '600');
    await kubectl(['delete', 'configmap', 'pom-licenses', ...inDialer]);
    await healed(({ metadata }) => metadata.uid !== before?.metadata.uid);
    expect('a deleted ConfigMap is back', (await kubectl(capacity)) === '600');
  });

  await step('What happened: events', async (expect) => {
    const wanted = ['Applied', 'Invalid', 'Restored'];
    type Events = { items: { reason: string }[] };
    const missing = async () => {
      const reasons = ((await read<Events>('get', 'events'))?.items ?? []).map(({ reason }) => reason);
      return wanted.filter((reason) => !reasons.includes(reason));
    };
    // They are sent after the status, and nothing waits for them.
    await until('all events are there', async () => (await missing()).length === 0, patience, missing);
    const shown = await kubectl(['get', 'events', ...inDialer, '--sort-by=.eventTime']);
    for (const reason of wanted) expect(`there is an event ${reason}`, new RegExp(`\\b${reason}\\b`).test(shown));
  });
}

/** The story changes the CRD and ends with removing everything: nobody else's may be in the way. */
async function mustBeFree(): Promise<void> {
  for (const [kind, name] of [
    ['crd', crdName],
    ['namespace', namespace],
    ['namespace', 'license-settings-system'],
  ] as const) {
    const { stdout } = await cluster().kubectl(['get', kind, name, '--ignore-not-found', '-o', 'name']);
    if (stdout.trim() !== '')
      throw new Error(`this cluster already has ${stdout.trim()}: delete it, or give the demo another cluster`);
  }
}

async function cleanUp(): Promise<void> {
  cleaning = true;
  await operator?.stop();
  if (borrowed) {
    say('\nTaking away what the demo put into the cluster.');
    const gone = [
      ['delete', '-f', crdFile],
      ['delete', '-k', 'deploy/overlays/outside'],
      ['delete', 'namespace', namespace],
    ];
    for (const args of gone)
      await kubectl([...args, '--ignore-not-found']).catch((error) => failures.push(`cleaning up: ${error}`));
  }
  await plane?.stop();
}

async function main(): Promise<number> {
  process.chdir(resolve(import.meta.dirname, '..'));
  const { values } = parseArgs({
    options: { once: { type: 'boolean' }, kubeconfig: { type: 'string' }, context: { type: 'string' } },
  });
  const { once = false, kubeconfig, context } = values;
  if (context !== undefined && kubeconfig === undefined) throw new Error('--context needs --kubeconfig');
  if (!existsSync('dist/operator.js')) throw new Error('there is no dist/operator.js: run `npm run build` first');
  const interrupted = new Promise<'interrupted'>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done('interrupted'));
  });
  const story = tell({ ...(kubeconfig && { kubeconfig }), ...(context && { context }) });
  const early = (await Promise.race([story, interrupted])) === 'interrupted';
  if (early) {
    stopping = true;
    say('\nInterrupted: stopping everything.');
    // What is under way must not create anything after the clean-up.
    await Promise.race([story, sleep(5000)]);
    await cleanUp();
    return 130;
  }
  if (failures.length > 0) {
    say(`\n${red('The demo did not show what it should:')}`);
    for (const failure of failures) say(`  ${failure}`);
    if (operator) say("The end of the operator's log:");
    for (const line of operator?.log.slice(-10) ?? []) say(`  ${JSON.stringify(line)}`);
  } else say(`\n${green(`All ${number} steps showed what they should, in ${elapsed()}.`)}`);
  if (!once && operator) {
    say('\nEverything stays up. In another terminal:');
    say(`  export KUBECONFIG=${cluster().kubeconfig}`);
    say(`  alias kubectl=${cluster().kubectlPath}`);
    say('  kubectl get lics -A');
    say('Ctrl-C stops it and leaves nothing behind.');
    // An existing cluster has no process of ours that would keep this one alive.
    const alive = setInterval(() => {}, 60_000);
    await interrupted;
    clearInterval(alive);
    say('\nStopping.');
  }
  await cleanUp();
  return failures.length > 0 ? 1 : 0;
}

try {
  process.exit(await main());
} catch (error) {
  say(red(error instanceof Error ? error.message : String(error)));
  await cleanUp().catch(() => {});
  process.exit(1);
}
