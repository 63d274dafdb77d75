/** The commands with a cluster in memory: what they print, where, and how they end. */
import * as assert from 'uvu/assert';
import { parse as parseYaml } from 'yaml';
import { annotations } from '../../src/api/names.ts';
import { changes } from '../../src/cli/changes.ts';
import { createCluster, explain, fieldManager } from '../../src/cli/cluster.ts';
import { candidates } from '../../src/cli/completion.ts';
import { commandNames, commandOf, parse } from '../../src/cli/flags.ts';
import { viewOf } from '../../src/cli/view.ts';
import type { Client, Request } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { suite } from '../suite.ts';
import { runCli } from '../support/cli.ts';
import { applied, objects, sampleSpec, saved } from '../support/pictured.ts';

const test = suite('cli: commands');
const all = Object.values(objects);
const hash = objects.reviewed.status?.pending?.settingsHash ?? '';
const errorOf = (...argv: string[]): string => {
  const parsed = parse(argv);
  if (parsed.kind !== 'error') throw new Error(`no error: ${JSON.stringify(parsed)}`);
  return parsed.error;
};

test('arguments: every mistake has its own words, on stderr, with exit code 2', async () => {
  assert.match(errorOf('statu'), 'there is no command "statu": there are status, diff, apply');
  assert.match(errorOf('status', '--foo'), "Unknown option '--foo'");
  assert.is(errorOf('status', 'a', 'b'), '"b": status takes one [NAME] only');
  assert.is(errorOf('diff'), 'NAME is missing');
  assert.is(errorOf('validate'), '--filename is missing (-f)');
  assert.is(errorOf('validate', '-f', 'x', 'y'), '"y": validate takes flags only');
  assert.is(errorOf('validate', '-f', ''), '--filename is empty');
  assert.is(errorOf('status', '-o', 'xml'), '--output is "xml": allowed: text, json, yaml');
  assert.is(errorOf('status', '-A', 'pom'), '--all-namespaces goes neither with NAME nor with --namespace');
  assert.is(errorOf('apply', 'a', '--timeout', '5'), '--timeout is "5": allowed: a time such as 90s, 5m or 1h');
  assert.is(errorOf('completion', 'csh'), '"csh": allowed: bash, zsh, fish, kubectl');
  assert.match(errorOf('apply', 'pom', '-n'), 'argument missing');
  assert.equal(await runCli(['diff']), {
    code: 2,
    out: '',
    err: "kubectl license: NAME is missing\nkubectl license: 'kubectl license diff --help' tells how\n",
  });
});

test('arguments: what is given arrives', () => {
  const parsed = parse(['apply', '-n', 'x', 'pom', '-y', '--wait', '--timeout=2m', '--context', 'c', '--kubeconfig=k']);
  assert.equal(parsed.kind === 'run' && parsed.invocation, {
    ...{ command: 'apply', argument: 'pom', output: 'text', allNamespaces: false, files: [], yes: true, wait: true },
    ...{ timeout: 120_000, namespace: 'x', kubeconfig: 'k', context: 'c' },
  });
});

test('help for all and for each, with examples that can be parsed', async () => {
  const general = await runCli(['--help']);
  assert.is(general.code, 0);
  assert.is((await runCli([])).out, general.out);
  for (const name of commandNames) {
    assert.match(general.out, `  ${name}`);
    const { code, out } = await runCli([name, '-h']);
    assert.is(code, 0);
    assert.is((await runCli(['help', name])).out, out);
    for (const example of commandOf(name).examples) {
      assert.match(out, example);
      const [, words = ''] = /kubectl license ([^>;)]*)/.exec(example) ?? [];
      assert.is(parse(words.trim().split(' ')).kind, 'run', example);
    }
  }
});

test('status: a picture, JSON and YAML say the same', async () => {
  const { out, err, code } = await runCli(['status', 'sites'], { objects: all });
  assert.equal([code, err], [0, '']);
  assert.match(out, '└─ emea');
  const view = JSON.parse(JSON.stringify(viewOf(objects.sites)));
  assert.equal(JSON.parse((await runCli(['status', 'sites', '-o', 'json'], { objects: all })).out), view);
  assert.equal(parseYaml((await runCli(['status', 'sites', '-o', 'yaml'], { objects: all })).out), view);
  const emea = viewOf(objects.sites).zones.find(({ name }) => name === 'emea');
  assert.equal(emea?.licenses[0], {
    ...{ type: 'outboundPorts', title: 'Maximum Outbound Ports', capacity: 300, allocated: 250, unallocated: 50 },
  });
});

test('status of all: every object, or a word that there is none', async () => {
  const many = await runCli(['status'], { objects: all });
  for (const name of Object.keys(objects)) assert.match(many.out, `dialer/${name}`);
  assert.is(many.out.match(/^═{80}$/gm)?.length, all.length - 1);
  const json = JSON.parse((await runCli(['status', '-A', '-o', 'json'], { objects: all })).out) as { items: unknown[] };
  assert.is(json.items.length, all.length);
  const none = await runCli(['status', '-n', 'empty'], { objects: all });
  assert.equal(none, { code: 0, out: '', err: 'no LicenseSettings in namespace empty\n' });
  assert.match((await runCli(['status', '-A'], { objects: [] })).err, 'no LicenseSettings in any namespace');
});

test('status: no cluster, no such object', async () => {
  assert.equal(await runCli(['status', 'pom']), { code: 1, out: '', err: 'kubectl license: no kubeconfig\n' });
  assert.is((await runCli(['status', 'gone'], { objects: all })).code, 1);
});

test('diff: exit code 0, 1 and 2, as diff does', async () => {
  assert.equal(await runCli(['diff', 'pom'], { objects: all }), { code: 0, out: '', err: '' });
  const changed = await runCli(['diff', 'reviewed'], { objects: all });
  assert.is(changed.code, 1);
  assert.is(
    changed.out,
    'dialer/reviewed: generation 1 is live, generation 2 is saved\n~ licenses.outboundPorts.maximum: 500 → 700 (+200)\n',
  );
  const json = JSON.parse((await runCli(['diff', 'reviewed', '-o', 'json'], { objects: all })).out) as object;
  assert.equal(json, {
    ...{ namespace: 'dialer', name: 'reviewed' },
    live: { generation: 1, settingsHash: objects.reviewed.status?.applied?.settingsHash },
    saved: { generation: 2, settingsHash: hash },
    changes: [{ field: 'licenses.outboundPorts.maximum', live: 500, saved: 700 }],
  });
  const broken = await runCli(['diff', 'broken'], { objects: all });
  assert.equal([broken.code, broken.out], [2, '']);
  assert.match(broken.err, 'spec.licenses.outboundPorts.minimum is 600');
  assert.is((await runCli(['diff', 'gone'], { objects: all })).code, 2);
  const fresh = await runCli(['diff', 'fresh'], { objects: all });
  assert.is(fresh.code, 1);
  assert.match(fresh.out, 'nothing is live, generation 1 is saved');
  const moving = await runCli(['diff', 'moving'], { objects: all });
  assert.equal([moving.code, moving.out], [0, '']);
  assert.match(moving.err, 'a plan is under way');
});

test('differences: numbers, zones, organizations and the name of the ConfigMap', () => {
  const base = { configMap: { name: 'a' } };
  const live = {
    ...base,
    licenses: { outboundPorts: { minimum: 1, maximum: 9 } },
    zones: [
      { name: 'x', licenses: { outboundPorts: 3 }, organizations: [{ name: 'o', licenses: { outboundPorts: 2 } }] },
      { name: 'y', licenses: { outboundPorts: 1 } },
    ],
  };
  const next = {
    configMap: { name: 'b' },
    licenses: { outboundPorts: { minimum: 1, maximum: 8 }, manualAgents: { minimum: 0, maximum: 4 } },
    zones: [{ name: 'x', licenses: { outboundPorts: 3 }, organizations: [{ name: 'p' }] }, { name: 'z' }],
  };
  assert.equal(changes(live, live), []);
  assert.equal(changes(live, next), [
    { field: 'licenses.manualAgents.maximum', live: 0, saved: 4 },
    { field: 'licenses.outboundPorts.maximum', live: 9, saved: 8 },
    { field: 'zones.x.organizations.o', live: 'o' },
    { field: 'zones.x.organizations.o.licenses.outboundPorts', live: 2, saved: 0 },
    { field: 'zones.x.organizations.p', saved: 'p' },
    { field: 'zones.y', live: 'y' },
    { field: 'zones.y.licenses.outboundPorts', live: 1, saved: 0 },
    { field: 'zones.z', saved: 'z' },
    { field: 'configMap.name', live: 'a', saved: 'b' },
  ]);
  assert.equal(changes(undefined, { ...base, zones: [{ name: 'z' }] }), [
    { field: 'zones.z', saved: 'z' },
    { field: 'configMap.name', saved: 'a' },
  ]);
});

test('A2 apply: shows, asks, and approves the whole hash', async () => {
  let seen: unknown;
  const meanwhile = (request: string, stored: { metadata: { annotations?: Record<string, string> } }[]) => {
    if (request === 'approve') queueMicrotask(() => (seen = stored[2]?.metadata.annotations));
  };
  const { code, out, err } = await runCli(['apply', 'reviewed'], { objects: all, answer: 'y', meanwhile });
  assert.is(code, 0);
  assert.is(out, `licensesettings/reviewed approved: ${hash}\n`);
  assert.is(
    err,
    `dialer/reviewed: generation 1 is live, generation 2 is pending\n~ licenses.outboundPorts.maximum: 500 → 700 (+200)\nhash ${hash}\nApprove these settings? [y/N] y\n`,
  );
  assert.equal(seen, { [annotations.apply]: hash });
});

test('apply: no, no answer and nobody to ask approve nothing', async () => {
  const never = (request: string) => assert.is.not(request, 'approve');
  for (const answer of ['n', '', 'yess']) {
    const { code, out, err } = await runCli(['apply', 'reviewed'], { objects: all, answer, meanwhile: never });
    assert.equal([code, out], [1, ''], answer);
    assert.match(err, 'nothing was approved');
  }
  const alone = await runCli(['apply', 'reviewed'], { objects: all, meanwhile: never });
  assert.equal([alone.code, alone.out], [1, '']);
  assert.match(alone.err, 'give --yes');
});

test('apply: what was changed since it was shown is not approved', async () => {
  const { code, out, err } = await runCli(['apply', 'reviewed', '--yes'], {
    objects: all,
    meanwhile: (request, stored) => {
      const reviewed = stored.find(({ metadata }) => metadata.name === 'reviewed');
      if (request === 'approve' && reviewed) reviewed.metadata.resourceVersion = '813';
    },
  });
  assert.equal([code, out], [1, '']);
  assert.match(err, 'was changed since it was shown');
});

test('apply: a pending hash that is not that of the saved spec is not approved', async () => {
  const status = { ...objects.reviewed.status, pending: { generation: 2, settingsHash: 'f'.repeat(64) } };
  const { code, err } = await runCli(['apply', 'reviewed', '--yes'], { objects: [{ ...objects.reviewed, status }] });
  assert.is(code, 1);
  assert.match(err, 'they are of different releases');
});

test('apply: where nothing can be approved it says why', async () => {
  const live = await runCli(['apply', 'pom', '--yes'], { objects: all });
  assert.equal([live.code, live.out], [0, 'licensesettings/pom is live: nothing is pending (generation 1)\n']);
  const broken = await runCli(['apply', 'broken', '--yes'], { objects: all });
  assert.is(broken.code, 1);
  assert.match(broken.err, "generation 2 has mistakes and can't go live");
  const fresh = await runCli(['apply', 'fresh', '--yes'], { objects: all });
  assert.is(fresh.code, 1);
  assert.match(fresh.err, 'the operator has not looked at generation 1 of dialer/fresh within 10 s');
  const moving = await runCli(['apply', 'moving', '--yes'], { objects: all });
  assert.match(moving.out, 'licensesettings/moving was approved already');
  const { pending: _, ...status } = objects.reviewed.status ?? {};
  const stuck = await runCli(['apply', 'reviewed', '--yes'], { objects: [{ ...objects.reviewed, status }] });
  assert.is(stuck.code, 1);
  assert.match(stuck.err, 'nothing is pending, and the settings are not live: ApplyPending');
  const deleted = { ...objects.reviewed, metadata: { ...objects.reviewed.metadata, deletionTimestamp: 'x' } };
  assert.match((await runCli(['apply', 'reviewed', '--yes'], { objects: [deleted] })).err, 'is being deleted');
});

test('apply --wait: until it is live; a save meanwhile and a timeout are told', async () => {
  const after = applied('reviewed', {
    ...sampleSpec('manual.yaml'),
    licenses: { ...sampleSpec('manual.yaml').licenses, outboundPorts: { minimum: 100, maximum: 700 } },
  });
  const then = (change: (stored: (typeof all)[number]) => void) => {
    let gets = 0;
    return (request: string, stored: (typeof all)[number][]) => {
      const reviewed = stored.find(({ metadata }) => metadata.name === 'reviewed');
      if (request === 'get' && ++gets === 4 && reviewed) change(reviewed);
    };
  };
  const wait = ['apply', 'reviewed', '--yes', '--wait'];
  const done = await runCli(wait, {
    objects: all,
    meanwhile: then((stored) => Object.assign(stored, { status: after.status })),
  });
  assert.equal(done.out.split('\n').slice(1), ['licensesettings/reviewed applied', '']);
  assert.is(done.code, 0);
  // Back to what was applied before a plan that is under way: live only when that is over.
  const back = { ...after.status, applying: objects.moving.status?.applying };
  const between = await runCli([...wait, '--timeout', '30s'], {
    objects: all,
    meanwhile: then((stored) => Object.assign(stored, { status: back })),
  });
  assert.is(between.code, 1);
  const other = saved(applied('reviewed', sampleSpec('manual.yaml')), sampleSpec('licensesettings.yaml'), 'pending');
  const changed = await runCli(wait, { objects: all, meanwhile: then((stored) => Object.assign(stored, other)) });
  assert.is(changed.code, 1);
  assert.match(changed.err, 'other settings were saved meanwhile');
  const late = await runCli([...wait, '--timeout', '30s'], { objects: all });
  assert.is(late.code, 1);
  assert.match(late.err, 'approved, but not live within 30 s: ApplyPending');
});

test('A4 requests: the approval is a PUT of what was seen, under a manager that Flux leaves alone', async () => {
  const sent: Request[] = [];
  const client = {
    request: async (request: Request) => {
      sent.push(request);
      return request.path.includes('continue=')
        ? { items: [objects.sites], metadata: { resourceVersion: '7' } }
        : { items: [objects.pom], metadata: { resourceVersion: '7', continue: 'a&b' } };
    },
  } as unknown as Client;
  const cluster = createCluster(client, 'home');
  await cluster.approve(objects.reviewed, hash);
  const { method, path, body } = sent[0] ?? { method: '', path: '' };
  assert.is(method, 'PUT');
  assert.is(
    path,
    `/apis/licensing.dialer.dev/v1/namespaces/dialer/licensesettings/reviewed?fieldManager=${fieldManager}&fieldValidation=Strict`,
  );
  assert.not.match(fieldManager, /^kubectl/);
  const { status: _, ...rest } = objects.reviewed;
  assert.equal(body, { ...rest, metadata: { ...rest.metadata, annotations: { [annotations.apply]: hash } } });
  const names = (await cluster.list(undefined)).map(({ metadata }) => metadata.name);
  assert.equal(names, ['pom', 'sites']);
  assert.is(sent.at(-1)?.path, '/apis/licensing.dialer.dev/v1/licensesettings?limit=500&continue=a%26b');
});

test('errors of the API server: what they mean, and what to do', () => {
  const told = (code: number, message: string, what: Parameters<typeof explain>[1]) =>
    explain(new ApiError(`GET /apis/x: ${code} ${message}`, { code }), what);
  const get = { verb: 'get', namespace: 'dialer', name: 'pom' } as const;
  assert.match(
    told(404, 'licensesettings.licensing.dialer.dev "pom" not found', get),
    "LicenseSettings dialer/pom: there is none; 'kubectl get lics -n dialer'",
  );
  assert.match(told(404, '404 page not found', get), 'this cluster does not know the kind LicenseSettings');
  assert.match(told(404, 'the server could not find the requested resource', { verb: 'list' }), 'install the operator');
  assert.match(told(401, 'Unauthorized', get), 'does not accept your credentials (Unauthorized)');
  assert.match(told(403, 'no', get), /you may not get LicenseSettings here: no\n.*can-i get licensesettings -n dialer/);
  assert.match(told(403, 'no', { verb: 'list' }), 'can-i list licensesettings -A');
  assert.match(told(403, 'no', { ...get, verb: 'update' }), 'you may not approve here: no');
  assert.match(told(409, 'changed', { ...get, verb: 'update' }), 'was changed since it was shown');
  assert.match(told(0, 'connect ECONNREFUSED', get), 'the cluster does not answer: ');
  assert.match(told(422, 'bad', { ...get, verb: 'update' }), 'the cluster refuses: bad (422)');
});

test('completion: commands, flags, values, names and files', async () => {
  const words = (...typed: string[]) => candidates(typed).words;
  assert.equal(words('st'), ['status']);
  assert.equal(words(''), commandNames);
  assert.equal(words('apply', '--w'), ['--wait']);
  assert.equal(words('validate', '-o', 's'), ['sarif']);
  assert.equal(words('completion', ''), ['bash', 'zsh', 'fish', 'kubectl']);
  assert.equal(words('nonsense', ''), []);
  assert.is(candidates(['validate', '-f', '']).files, true);
  assert.equal(candidates(['status', '-n', '']), { words: [], names: false, files: false });
  assert.is(candidates(['status', '-n', 'x', '']).names, true);
  assert.is(candidates(['status', 'pom', '']).names, false);
  assert.is((await runCli(['__complete', 'diff', 'p'], { objects: all })).out, 'pom\n:4\n');
  assert.is((await runCli(['__complete', 'diff', '-n', 'other', ''], { objects: all })).out, ':4\n');
  assert.equal(await runCli(['__complete', 'diff', '']), { code: 0, out: ':4\n', err: '' });
  for (const shell of ['bash', 'zsh', 'fish', 'kubectl'])
    assert.match((await runCli(['completion', shell])).out, 'kubectl-license __complete');
});
