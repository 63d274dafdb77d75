/** Separation of duties: who saves need not be who makes it live. Real roles, real tokens, judged by what kubectl prints. */
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { sharedControlPlane } from '../controlplane/shared.ts';
import { createDesk, type Desk, install, type Operator, startOperator, until } from '../operator.ts';
import { suite } from '../suite.ts';

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const policy = 'license-settings-save-and-apply';
const approval = 'licensing.dialer.dev/apply';
const anyHash = 'ab'.repeat(32);

/** What a refused request prints. */
const refusals = {
  annotation: /annotation licensing\.dialer\.dev\/apply approves settings: you need the verb "apply"/,
  hash: /has to hold the whole hash .* all 64 digits/,
  switch: /lets saved settings go live at once: you need the verb "apply".* leave spec\.applyPolicy at Manual/,
  automatic: /a saved spec goes live at once: you need the verb "apply".* set spec\.applyPolicy to Manual/,
  spec: /changing their spec needs the verb "save" on licensesettings \(role license-editor\)/,
  rbac: /cannot (get|create|delete|patch|update) resource "licensesettings/,
};

type User = 'saver' | 'applier' | 'both' | 'labeler';
type Answer = { code: number; stdout: string; stderr: string };

let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
const kubeconfigs = {} as Record<User, string>;
const test = suite('duties');

const spec = (maximum: number, applyPolicy: string | undefined = 'Manual', more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 100, maximum } },
  ...(applyPolicy === 'absent' ? {} : { applyPolicy }),
  ...more,
});
const manifest = (name: string, body: object, annotations?: Record<string, string>) =>
  JSON.stringify({
    apiVersion: 'licensing.dialer.dev/v1',
    kind: 'LicenseSettings',
    metadata: { name, namespace: desk.namespace, ...(annotations ? { annotations } : {}) },
    spec: body,
  });
/** kubectl as this user. */
const as = (user: User, args: string[], input = ''): Promise<Answer> =>
  plane.kubectl(['-n', desk.namespace, ...args], { kubeconfig: kubeconfigs[user], allowFailure: true, input });
const create = (user: User, name: string, body: object, ...flags: string[]) =>
  as(user, ['create', '-f', '-', ...flags], manifest(name, body));
const apply = (user: User, name: string, body: object, ...flags: string[]) =>
  as(user, ['apply', '-f', '-', ...flags], manifest(name, body));
const patch = (user: User, name: string, body: object, ...flags: string[]) =>
  as(user, ['patch', 'lics', name, '--type=merge', '-p', JSON.stringify(body), ...flags]);
const annotate = (user: User, name: string, value: string, ...flags: string[]) =>
  as(user, [
    'annotate',
    '--overwrite',
    '--field-manager=license-approval',
    'lics',
    name,
    `${approval}=${value}`,
    ...flags,
  ]);

async function allowed(answer: Promise<Answer>): Promise<string> {
  const { code, stdout, stderr } = await answer;
  assert.is(code, 0, stderr);
  return stdout;
}
async function refused(answer: Promise<Answer>, why: keyof typeof refusals): Promise<void> {
  const { code, stdout, stderr } = await answer;
  assert.is.not(code, 0, `was not refused: ${stdout}`);
  assert.match(stderr, refusals[why], stderr);
}
const capacity = async (name: string) => (await desk.configMap(`${name}-licenses`))?.data?.['OUTBOUND_PORTS_CAPACITY'];
const pendingHash = async (name: string) =>
  (await desk.waitFor(name, 'Applied', 'False', 'ApplyPending')).status?.pending?.settingsHash ?? '';
/** Live with 500 ports, Manual, and written by the admin, who may do everything. */
async function live(name: string): Promise<void> {
  await desk.create(name, spec(500, 'Automatic'));
  await desk.settled(name);
  await desk.patch(name, { spec: spec(500) });
  await desk.settled(name);
}
/** Waits until the API server judges by the policy, or no longer does. */
async function inForce(wanted: boolean): Promise<void> {
  let answer: Answer | undefined;
  await until(
    `the policy is ${wanted ? '' : 'no longer '}in force`,
    async () => {
      answer = await create('saver', 'probe', spec(500, 'Automatic'), '--dry-run=server');
      return wanted ? refusals.automatic.test(answer.stderr) : answer.code === 0;
    },
    20_000,
    () => `${answer?.stdout}${answer?.stderr}`,
  );
}

test.before(async () => {
  plane = await sharedControlPlane();
  await install(plane);
  desk = createDesk(plane, 'duties');
  await desk.open();
  await plane.kubectl(['apply', '-k', `${deploy}roles`]);
  const roles = {
    saver: ['license-editor'],
    applier: ['license-applier'],
    both: ['license-editor', 'license-applier'],
  };
  // What an older role gives: writing, but neither of the two verbs.
  await plane.kubectl(
    ['-n', desk.namespace, 'create', 'role', 'labeler', '--verb=get,create,update,patch', '--resource=licensesettings'],
    {},
  );
  for (const user of ['saver', 'applier', 'both', 'labeler'] as const) {
    await plane.kubectl(['-n', desk.namespace, 'create', 'serviceaccount', user]);
    const granted = user === 'labeler' ? ['--role=labeler'] : roles[user].map((role) => `--clusterrole=${role}`);
    for (const [index, role] of granted.entries()) {
      const account = `--serviceaccount=${desk.namespace}:${user}`;
      await plane.kubectl(['-n', desk.namespace, 'create', 'rolebinding', `${user}-${index}`, role, account]);
    }
    kubeconfigs[user] = await plane.serviceAccountKubeconfig(desk.namespace, user);
  }
  await plane.kubectl(['apply', '-k', `${deploy}policies`]);
  await inForce(true);
  operator = await startOperator(plane);
});
test.after(async () => {
  await operator?.stop();
  // Both are cluster-scoped, and the control plane is not ours alone.
  await plane?.kubectl(['delete', '--ignore-not-found', '-k', `${deploy}policies`]);
  if (kubeconfigs.saver) await inForce(false);
  await plane?.kubectl(['delete', '--ignore-not-found', '-k', `${deploy}roles`]);
  await desk?.close();
  await plane?.stop();
});

test('the policy compiles without warnings', async () => {
  let status: { typeChecking?: { expressionWarnings?: unknown[] } } | undefined;
  await until('the policy is type-checked', async () => {
    const { stdout } = await plane.kubectl(['get', 'validatingadmissionpolicy', policy, '-o', 'json']);
    status = (JSON.parse(stdout) as { status?: typeof status }).status;
    return status?.typeChecking !== undefined;
  });
  assert.equal(status?.typeChecking, {});
});

test('the saver saves, the applier approves, and it is live', async () => {
  await allowed(create('saver', 'pom', spec(500)));
  const first = await pendingHash('pom');
  await refused(annotate('saver', 'pom', first), 'annotation');
  await allowed(annotate('applier', 'pom', first));
  await desk.settled('pom');
  assert.is(await capacity('pom'), '500');

  // The approval of the first settings is still there: it is none of the second.
  await allowed(patch('saver', 'pom', { spec: spec(700) }));
  const second = await pendingHash('pom');
  await refused(annotate('saver', 'pom', second), 'annotation');
  assert.is(await capacity('pom'), '500');
  await allowed(annotate('applier', 'pom', second));
  await desk.settled('pom');
  assert.is(await capacity('pom'), '700');
});

test('the saver can create nothing that is live or approved', async () => {
  for (const flags of [[], ['--dry-run=server'], ['--server-side'], ['--server-side', '--field-manager=flux']]) {
    const verb = flags[0] === '--server-side' ? 'apply' : 'create';
    const attempt = (body: object, notes?: Record<string, string>) =>
      as('saver', [verb, '-f', '-', ...flags], manifest('new', body, notes));
    await refused(attempt(spec(500), { [approval]: anyHash }), 'annotation');
    await refused(attempt(spec(500, 'Automatic')), 'automatic');
    await refused(attempt(spec(500, 'absent')), 'automatic');
    await refused(attempt(spec(500, 'absent', { suspend: true })), 'automatic');
  }
  assert.is(await desk.get('new'), undefined);
  await allowed(as('saver', ['create', '-f', '-'], manifest('new', spec(500), { note: 'mine', [approval]: '' })));
});

test('a generated name is judged too', async () => {
  const generated = (applyPolicy: string, notes = {}) =>
    manifest('x', spec(500, applyPolicy), notes).replace('"name":"x"', '"generateName":"generated-"');
  await refused(as('saver', ['create', '-f', '-'], generated('Automatic')), 'automatic');
  await refused(as('saver', ['create', '-f', '-'], generated('Manual', { [approval]: anyHash })), 'annotation');
  await refused(as('labeler', ['create', '-f', '-'], generated('Manual')), 'spec');
  await allowed(as('saver', ['create', '-f', '-'], generated('Manual')));
});

test('the saver changes all of the spec while it stays Manual, and nothing that is live', async () => {
  await live('saves');
  await allowed(patch('saver', 'saves', { spec: { configMap: { name: 'saves-other' } } }));
  await pendingHash('saves');
  await allowed(patch('saver', 'saves', { spec: { deletionPolicy: 'Retain', suspend: true } }));
  await allowed(
    patch('saver', 'saves', {
      spec: { deletionPolicy: null, suspend: null, licenses: { manualAgents: { minimum: 0, maximum: 9 } } },
    }),
  );
  await pendingHash('saves');
  assert.is(await capacity('saves'), '500');
  assert.is(await desk.configMap('saves-other'), undefined);
});

test('the saver can not switch to Automatic, by no way of writing', async () => {
  await live('switch');
  await refused(patch('saver', 'switch', { spec: { applyPolicy: 'Automatic' } }), 'switch');
  await refused(patch('saver', 'switch', { spec: { applyPolicy: null } }), 'switch');
  await refused(patch('saver', 'switch', { spec: spec(900, 'Automatic') }), 'switch');
  await refused(patch('saver', 'switch', { spec: { applyPolicy: 'Automatic' } }, '--dry-run=server'), 'switch');
  const remove = JSON.stringify([{ op: 'remove', path: '/spec/applyPolicy' }]);
  await refused(as('saver', ['patch', 'lics', 'switch', '--type=json', '-p', remove]), 'switch');
  await refused(apply('saver', 'switch', spec(900, 'Automatic')), 'switch');
  await refused(apply('saver', 'switch', spec(900, 'Automatic'), '--server-side', '--force-conflicts'), 'switch');
  await refused(as('saver', ['replace', '-f', '-'], manifest('switch', spec(900, 'absent'))), 'switch');
  assert.is(await capacity('switch'), '500');
});

test('what is Automatic the saver can not change, except to make it Manual', async () => {
  await desk.create('automatic', spec(500, 'Automatic'));
  await refused(patch('saver', 'automatic', { spec: { licenses: { outboundPorts: { maximum: 900 } } } }), 'automatic');
  for (const part of [{ deletionPolicy: 'Retain' }, { suspend: true }, { configMap: { name: 'automatic' } }]) {
    await refused(patch('saver', 'automatic', { spec: part }), 'automatic');
    await refused(patch('applier', 'automatic', { spec: part }), 'spec');
  }
  await refused(patch('applier', 'automatic', { spec: { applyPolicy: 'Manual' } }), 'spec');
  await desk.settled('automatic');
  await allowed(patch('saver', 'automatic', { spec: spec(900) }));
  await pendingHash('automatic');
  assert.is(await capacity('automatic'), '500');
});

test('nobody smuggles an approval in with a save, or a save in with an approval', async () => {
  await live('smuggle');
  const both = { spec: spec(900), metadata: { annotations: { [approval]: anyHash } } };
  await refused(patch('saver', 'smuggle', both), 'annotation');
  await refused(patch('applier', 'smuggle', both), 'spec');
  for (const flags of [
    [],
    ['--server-side', '--force-conflicts'],
    ['--server-side', '--field-manager=flux', '--force-conflicts'],
  ]) {
    const attempt = (user: User) =>
      as(user, ['apply', '-f', '-', ...flags], manifest('smuggle', spec(900), { [approval]: anyHash }));
    await refused(attempt('saver'), 'annotation');
    await refused(attempt('applier'), 'spec');
  }
  const stored = await desk.get('smuggle');
  assert.equal(stored?.spec, spec(500));
  await refused(patch('applier', 'smuggle', { spec: spec(900, 'Automatic') }), 'spec');
  assert.is(await capacity('smuggle'), '500');
});

test('the saver can not change an approval that is there; anybody who may write can take it back', async () => {
  await allowed(create('saver', 'back', spec(500)));
  const hash = await pendingHash('back');
  await allowed(annotate('applier', 'back', anyHash));
  await refused(annotate('saver', 'back', hash), 'annotation');
  await refused(annotate('saver', 'back', ` ${anyHash}`), 'annotation');
  // With the annotation in place, what touches it not is free.
  await allowed(patch('saver', 'back', { spec: spec(600) }));
  await allowed(as('saver', ['annotate', 'lics', 'back', `${approval}-`]));
  await refused(annotate('saver', 'back', anyHash), 'annotation');
  assert.is(await capacity('back'), undefined);
});

test('the applier can not create, delete or change; it may switch what is saved to Automatic', async () => {
  await live('applier');
  await refused(create('applier', 'applier-new', spec(500)), 'rbac');
  await refused(apply('applier', 'applier-new', spec(500), '--server-side'), 'rbac');
  await refused(as('applier', ['delete', 'lics', 'applier']), 'rbac');
  for (const part of [
    { suspend: true },
    { deletionPolicy: 'Retain' },
    spec(900),
    { configMap: { name: 'applier' } },
    { settleSeconds: 0 },
    { zones: [{ name: 'emea', licenses: { outboundPorts: 1 } }] },
  ]) {
    await refused(patch('applier', 'applier', { spec: part }), 'spec');
  }
  await allowed(patch('saver', 'applier', { spec: spec(800, 'Manual', { deletionPolicy: 'Delete' }) }));
  await pendingHash('applier');
  // A field that goes away is a change of the rest of the spec as well.
  await refused(patch('applier', 'applier', { spec: { applyPolicy: 'Automatic', deletionPolicy: null } }), 'spec');
  await refused(patch('applier', 'applier', { spec: { applyPolicy: 'Automatic', suspend: false } }), 'spec');
  await allowed(patch('applier', 'applier', { spec: { applyPolicy: 'Automatic' } }));
  await desk.settled('applier');
  assert.is(await capacity('applier'), '800');
});

test('an approval names the whole hash', async () => {
  await allowed(create('saver', 'whole', spec(500)));
  const hash = await pendingHash('whole');
  for (const value of [hash.slice(0, 12), hash.slice(0, 63), `${hash}0`, 'yes', ' ']) {
    await refused(annotate('applier', 'whole', value), 'hash');
  }
  await allowed(annotate('applier', 'whole', ` ${hash.toUpperCase()}\n`));
  await desk.settled('whole');
});

test('A2 two settings whose hashes begin alike: the approval of one is none of the other', async () => {
  // Found in half a minute of hashing: both begin with the same 12 digits.
  const twin = (external: number, ports: number, preview: number) => ({
    applyPolicy: 'Manual',
    licenses: {
      externalSelection: { minimum: 1, maximum: external },
      outboundPorts: { minimum: 100, maximum: ports },
      previewAgents: { minimum: 1, maximum: preview },
    },
  });
  const digits = '1883665c6ab4';
  await allowed(create('saver', 'twin', twin(1907, 500, 11096)));
  const harmless = await pendingHash('twin');
  assert.is(harmless.slice(0, 12), digits);
  await refused(annotate('applier', 'twin', digits), 'hash');
  await allowed(annotate('applier', 'twin', harmless));
  await desk.settled('twin');
  await allowed(patch('saver', 'twin', { spec: twin(1341, 900_000, 5068) }));
  const greedy = await pendingHash('twin');
  assert.is(greedy.slice(0, 12), digits);
  assert.is(await capacity('twin'), '500');
});

test('everyone who may write can label, and no more is needed for it', async () => {
  await live('label');
  await allowed(annotate('applier', 'label', anyHash));
  for (const user of ['saver', 'applier', 'both', 'labeler'] as const) {
    await allowed(as(user, ['label', 'lics', 'label', `by-${user}=yes`]));
    await allowed(as(user, ['annotate', '--overwrite', 'lics', 'label', `note=${user}`]));
  }
  await refused(patch('labeler', 'label', { spec: { suspend: true } }), 'spec');
  await refused(patch('labeler', 'label', { spec: { applyPolicy: 'Automatic' } }), 'switch');
  await refused(annotate('labeler', 'label', 'ef'.repeat(32)), 'annotation');
  await refused(create('labeler', 'labeler', spec(500)), 'spec');
  await allowed(as('saver', ['label', 'lics', 'label', 'by-saver-']));
});

test('kubectl apply of what is there already needs nothing; of a change it needs save', async () => {
  await allowed(apply('saver', 'again', spec(500)));
  await allowed(apply('saver', 'again', spec(600)));
  await allowed(apply('saver', 'again', spec(600), '--server-side', '--force-conflicts'));
  await allowed(apply('applier', 'again', spec(600), '--server-side', '--field-manager=ci'));
  await allowed(apply('applier', 'again', spec(600)));
  await refused(apply('applier', 'again', spec(700)), 'spec');
  await refused(apply('applier', 'again', spec(700), '--server-side', '--force-conflicts'), 'spec');
});

test('who has both roles can do both at once', async () => {
  await allowed(create('both', 'both', spec(500, 'absent')));
  await desk.settled('both');
  await allowed(patch('both', 'both', { spec: spec(600) }));
  await allowed(annotate('both', 'both', await pendingHash('both')));
  await desk.settled('both');
  await allowed(patch('both', 'both', { spec: spec(700, 'Automatic') }));
  await desk.settled('both');
  assert.is(await capacity('both'), '700');
});

test('a verb for one name is a verb for that name only', async () => {
  await live('mine');
  await live('yours');
  await plane.kubectl([
    ...['-n', desk.namespace, 'create', 'role', 'mine', '--verb=save,apply', '--resource=licensesettings'],
    '--resource-name=mine',
  ]);
  const account = `--serviceaccount=${desk.namespace}:labeler`;
  await plane.kubectl(['-n', desk.namespace, 'create', 'rolebinding', 'mine', '--role=mine', account]);
  await until('the role is in force', async () => {
    const { code } = await patch('labeler', 'mine', { spec: { suspend: true } }, '--dry-run=server');
    return code === 0;
  });
  await allowed(patch('labeler', 'mine', { spec: spec(600, 'Automatic') }));
  await refused(patch('labeler', 'yours', { spec: spec(600) }), 'spec');
});

test('the status is not judged, and carries neither spec nor approval', async () => {
  await allowed(create('saver', 'status', spec(500)));
  const hash = await pendingHash('status');
  await refused(patch('saver', 'status', { status: null }, '--subresource=status'), 'rbac');
  await desk.patchStatus('status', {
    metadata: { annotations: { [approval]: hash } },
    spec: { applyPolicy: 'Automatic' },
  });
  const stored = await desk.get('status');
  assert.equal(stored?.spec, spec(500));
  assert.is((stored?.metadata as { annotations?: object } | undefined)?.annotations, undefined);
  await pendingHash('status');
  assert.is(await capacity('status'), undefined);
});
