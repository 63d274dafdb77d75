/** Offline: what is found in manifests, and where; SARIF; the ConfigMaps and the hash. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { parse, parseAllDocuments } from 'yaml';
import { annotations } from '../../src/api/names.ts';
import { check, describeFinding } from '../../src/cli/check.ts';
import { sarif } from '../../src/cli/sarif.ts';
import { declare } from '../../src/settings/declaration.ts';
import { render } from '../../src/settings/render.ts';
import { policies } from '../../src/settings/validate.ts';
import { suite } from '../suite.ts';
import { runCli } from '../support/cli.ts';
import { sampleSpec } from '../support/pictured.ts';

const test = suite('cli: manifests');

const head = 'apiVersion: licensing.dialer.dev/v1\nkind: LicenseSettings\nmetadata: {name: pom}\n';
const good = `${head}spec: {licenses: {outboundPorts: {minimum: 1, maximum: 2}}}\n`;
/** `line:column-endColumn field reason` of each finding. */
const found = (text: string): string[] =>
  check([{ name: 'a.yaml', text }]).findings.map(
    ({ position: { line, column, endColumn }, field, reason }) => `${line}:${column}-${endColumn} ${field} ${reason}`,
  );

test('each mistake is shown at the value, and what is missing at what it is missing from', () => {
  const text = `${head}spec:
  zone: emea
  licenses:
    outboundPorts: {minimum: 600, maximum: 500}
    manualAgents:
      minimum: 3
  zones:
    - name: emea
      licenses: {outboundPorts: 400}
      organizations: [{name: a, licenses: {outboundPorts: 401}}]
    - name: emea
      licenses: {outboundPorts: 101}
    - name: Apac
`;
  assert.equal(
    found(text),
    [
      '5:3-7 spec.zone UnknownField',
      '7:30-33 spec.licenses.outboundPorts.minimum MinimumAboveMaximum',
      '7:44-47 spec.licenses.outboundPorts.maximum ZonesExceedMaximum',
      '8:5-17 spec.licenses.manualAgents.maximum Required',
      '12:33-36 spec.zones[0].licenses.outboundPorts OrganizationsExceedZone',
      '14:7-8 spec.zones[1] DuplicateName',
      '16:13-17 spec.zones[2].name InvalidName',
    ].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
  );
});

for (const [what, text, expected] of [
  [
    'an apiVersion that is a map',
    good.replace('licensing.dialer.dev/v1', '{toString: 5}'),
    '1:1-11 apiVersion InvalidValue',
  ],
  ['a kind that is a map', good.replace('LicenseSettings', '{toString: 5}'), '2:1-5 kind InvalidValue'],
  ['a kind that is a number', good.replace('LicenseSettings', '5'), '2:7-8 kind InvalidValue'],
  ['a name that is a map', good.replace('pom', '{toString: 5}'), '3:12-16 metadata.name InvalidName'],
] as const)
  test(`${what} is shown as a mistake`, () => assert.equal(found(text), [expected]));
test('an apiVersion that is a map is passed over beside another kind', () => {
  const text = good.replace('licensing.dialer.dev/v1', '{toString: 5}').replace('LicenseSettings', 'Deployment');
  const { findings, skipped } = check([{ name: 'a.yaml', text }]);
  assert.equal([findings, skipped], [[], [{ source: 'a.yaml', what: 'Deployment pom' }]]);
});
for (const place of ['{name: &a {b: *a}}', '{name: pom, annotations: {x: &a [*a]}}', '{name: pom, labels: &a {x: *a}}'])
  test(`what holds itself is told, and the rest is read: ${place}`, () => {
    const text = `${good.replace('{name: pom}', place)}---\n${good}`;
    const { findings, judged } = check([{ name: 'a.yaml', text }]);
    assert.equal(
      findings.map(({ field, reason, message }) => `${field} ${reason}: ${message}`),
      [' Syntax: holds itself: an alias stands within its own anchor'],
    );
    assert.is(judged, 1);
  });

test('what the API server says of the rest of the object', () => {
  const object = (more: string) => `${more}\nspec: {licenses: {outboundPorts: {minimum: 1, maximum: 2}}}\n`;
  const ours = 'kind: LicenseSettings\napiVersion: licensing.dialer.dev/v1\n';
  assert.equal(found(object('kind: LicenseSettings\napiVersion: licensing.dialer.dev/v2\nmetadata: {name: a}')), [
    '2:13-36 apiVersion InvalidValue',
  ]);
  assert.equal(found(object('kind: licenseSettings\napiVersion: licensing.dialer.dev/v1\nmetadata: {name: a}')), [
    '1:7-22 kind InvalidValue',
  ]);
  assert.equal(found(object('kind: LicenseSettings\nmetadata: {name: a}')), ['1:1-2 apiVersion Required']);
  assert.equal(found(object(ours)), ['1:1-2 metadata.name Required']);
  assert.equal(found(object(`${ours}metadata:`)), ['3:1-9 metadata.name Required']);
  assert.equal(found(object(`${ours}metadata: {generateName: a-}`)), ['3:1-9 metadata.name Required']);
  assert.equal(found(object(`${ours}metadata: {name: Pom}`)), ['3:18-21 metadata.name InvalidName']);
  assert.equal(found(object(`${ours}metadata: {name: ${'p'.repeat(64)}}`)), ['3:18-82 metadata.name InvalidName']);
  assert.equal(found(object(`${ours}metadata: {name: 7}`)), ['3:18-19 metadata.name InvalidName']);
  assert.equal(found(object(`${ours}metadata: {name: a, namespace: a.b}`)), ['3:32-35 metadata.namespace InvalidName']);
  assert.equal(found(object(`${ours}metadata: {name: a, annotations: {a.b/c: yes, a.b: x}}`)), [
    '3:42-45 metadata.annotations.a.b/c InvalidValue',
  ]);
  assert.equal(found(object(`${ours}metadata: {name: a, labels: {a: {b: 1}, a.b: 1}}`)), [
    '3:30-31 metadata.labels.a InvalidValue',
    '3:46-47 metadata.labels.a.b InvalidValue',
  ]);
  assert.equal(found(object(`${ours}metadata: {name: a, labels: [x]}`)), ['3:21-27 metadata.labels InvalidValue']);
  assert.equal(found(object(`${ours}metadata: {name: a, anotations: {}}`)), [
    '3:21-31 metadata.anotations UnknownField',
  ]);
  assert.equal(found(object(`${ours}metadata: {name: a}\nspecs: 1`)), ['4:1-6 specs UnknownField']);
  assert.equal(found(`${ours}metadata: {name: a}\n`), ['1:1-2 spec Required']);
  assert.equal(found(object(`${ours}metadata: {name: a}\nstatus: {observedGeneration: -1}`)), []);
});

test('a text that can not be read is a mistake of its own; the other documents are judged', () => {
  assert.equal(found(`a: [\n---\n${head}spec: {}\n`), ['2:1-2  Syntax', '6:1-5 spec.licenses Required']);
  assert.equal(found(`${good}spec: {}\n`), ['5:1-2  Syntax']);
  assert.match(check([{ name: 'x', text: '{"a": ' }]).findings[0]?.reason ?? '', 'Syntax');
  // A bomb of aliases.
  const bomb = `a: &a [x, x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm'].map((key, index) => `${key}: &${key} [${`*${'abcdefghijklm'[index]}, `.repeat(9)}]`).join('\n')}\n`;
  assert.equal(found(bomb), ['1:1-2  Syntax']);
});

test('YAML as kubectl reads it: 1.1, with anchors and merge keys, and many documents; JSON; lists', () => {
  const {
    findings,
    good: objects,
    skipped,
    judged,
  } = check([
    {
      name: 'all.yaml',
      text: `# nothing
---
${head}spec: {suspend: yes, licenses: {outboundPorts: &range {minimum: 010, maximum: 8}, manualAgents: {<<: *range, maximum: 9}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: dialer}
---
just text
---
`,
    },
    {
      name: 'list.json',
      text: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [parse(good), { kind: 'Secret' }] }),
    },
  ]);
  assert.equal(findings, []);
  assert.is(judged, 2);
  assert.equal(objects[0]?.spec.licenses.manualAgents, { minimum: 8, maximum: 9 });
  assert.is(objects[0]?.spec.suspend, true);
  assert.equal(
    skipped.map(({ what }) => what),
    ['Deployment dialer', 'no object', 'Secret'],
  );
  const bad = JSON.stringify(
    { kind: 'List', items: [{ ...parse(good), spec: { licenses: { manualAgents: { minimum: 2, maximum: 1 } } } }] },
    null,
    1,
  );
  const [finding] = check([{ name: 'b.json', text: bad }]).findings;
  assert.is(bad.split('\n')[(finding?.position.line ?? 0) - 1]?.slice((finding?.position.column ?? 0) - 1), '2,');
});

test('other kinds of our group are other kinds', () => {
  assert.equal(
    check([{ name: 'a', text: 'apiVersion: licensing.dialer.dev/v1\nkind: LicenseEntitlement\n' }]).judged,
    0,
  );
});

test('every rule of the operator is asked, with every error: not cut at 64', () => {
  assert.ok(policies.length >= 9);
  const zones = Array.from({ length: 64 }, (_, index) => `{name: Z${index}, size: 1}`).join(', ');
  assert.is(
    found(`${head}spec: {licenses: {outboundPorts: {minimum: 0, maximum: 1}}, zones: [${zones}]}\n`).length,
    128,
  );
});

test('SARIF: the shape that the standard asks for', () => {
  const { findings } = check([
    { name: './deploy/a b.yaml', text: `${head}spec: {licenses: {outboundPorts: {minimum: 3, maximum: 2}}}\n` },
  ]);
  const log = sarif(findings, '1.2.3') as {
    version: string;
    runs: { tool: { driver: { version: string; rules: { id: string }[] } }; results: Record<string, unknown>[] }[];
  };
  assert.is(log.version, '2.1.0');
  const [run] = log.runs;
  assert.is(run?.tool.driver.version, '1.2.3');
  const ids = run?.tool.driver.rules.map(({ id }) => id) ?? [];
  assert.is(new Set(ids).size, ids.length);
  assert.equal(run?.results, [
    {
      ruleId: 'MinimumAboveMaximum',
      ruleIndex: ids.indexOf('MinimumAboveMaximum'),
      level: 'error',
      message: {
        text: 'spec.licenses.outboundPorts.minimum is 3, above the maximum of 2: lower the minimum or raise the maximum',
      },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'deploy/a%20b.yaml' },
            region: { startLine: 4, startColumn: 44, endColumn: 45 },
          },
          logicalLocations: [{ fullyQualifiedName: 'spec.licenses.outboundPorts.minimum' }],
        },
      ],
    },
  ]);
  assert.equal((sarif([], '1') as typeof log).runs[0]?.results, []);
});

test('validate: exit codes, formats, and what goes to which stream', async () => {
  const valid = await runCli(['validate', '-f', '-'], { stdin: `${good}---\nkind: Secret\nmetadata: {name: s}\n` });
  assert.equal(valid, { code: 0, out: '<stdin>: LicenseSettings pom: valid\n', err: '<stdin>: Secret s: skipped\n' });
  const bad = good.replace('maximum: 2', 'maximum: 0');
  const invalid = await runCli(['validate', '-f', '-'], { stdin: bad });
  assert.is(invalid.code, 1);
  assert.is(
    invalid.out,
    `<stdin>:4:44: error: spec.licenses.outboundPorts.minimum is 1, above the maximum of 0: lower the minimum or raise the maximum (MinimumAboveMaximum)\n`,
  );
  const json = await runCli(['validate', '-f', '-', '-o', 'json'], { stdin: bad });
  assert.is(json.code, 1);
  const report = JSON.parse(json.out) as { valid: boolean; findings: { position: object }[] };
  assert.is(report.valid, false);
  assert.equal(report.findings[0]?.position, { line: 4, column: 44, endColumn: 45 });
  const log = await runCli(['validate', '-f', '-', '--output=sarif'], { stdin: bad });
  assert.is(log.code, 1);
  assert.is((JSON.parse(log.out) as { runs: { results: unknown[] }[] }).runs[0]?.results.length, 1);
  const nothing = await runCli(['validate', '-f', '-'], { stdin: 'kind: Secret\n' });
  assert.is(nothing.code, 2);
  assert.match(nothing.err, 'nothing to check: no LicenseSettings in -');
  const gone = await runCli(['validate', '-f', '/nowhere.yaml']);
  assert.equal(gone, { code: 2, out: '', err: 'kubectl license: /nowhere.yaml: there is no such file or directory\n' });
});

test('validate: a directory, with its subdirectories, sorted, without hidden ones and other files', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'license-'));
  try {
    for (const [file, text] of Object.entries({
      'b.yml': good,
      'a.yaml': good,
      'c/d.json': JSON.stringify(parse(good)),
      '.git/x.yaml': '[',
      'x.txt': '[',
    })) {
      mkdirSync(join(directory, file, '..'), { recursive: true });
      writeFileSync(join(directory, file), text);
    }
    const { code, out } = await runCli(['validate', '-f', directory, '-f', directory]);
    assert.is(code, 0);
    assert.equal(
      out.trim().split('\n'),
      ['a.yaml', 'b.yml', 'c/d.json'].map((file) => `${join(directory, file)}: LicenseSettings pom: valid`),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('D3, D4 render: the ConfigMaps byte for byte, and the hash', async () => {
  const file = 'deploy/samples/zones.yaml';
  const wanted = render(declare('sites', sampleSpec('zones.yaml')));
  type Map = { metadata: { name: string; namespace: string; annotations: Record<string, string> }; data: object };
  const { code, out } = await runCli(['render', '-f', file]);
  assert.is(code, 0);
  const maps = parseAllDocuments(out)
    .map((document) => document.toJS() as Map | null)
    .filter((one) => one !== null);
  assert.equal(
    maps.map(({ metadata, data }) => ({ name: metadata.name, data })),
    wanted.map(({ name, data }) => ({ name, data })),
  );
  assert.equal([...new Set(maps.map(({ metadata }) => metadata.namespace))], ['dialer']);
  assert.match(out, 'Without ownerReferences');
  const json = JSON.parse((await runCli(['render', '-f', file, '-o', 'json'])).out) as { items: Map[] };
  assert.equal(
    json.items.map(({ data }) => data),
    wanted.map(({ data }) => data),
  );
  assert.is(json.items[0]?.metadata.annotations[annotations.settingsHash], wanted[0]?.settingsHash);
  assert.is((await runCli(['render', '-f', file, '-o', 'hash'])).out, `${wanted[0]?.settingsHash}\n`);
  // The example of D3.
  const pom = `${head}spec: {licenses: {outboundPorts: {minimum: 100, maximum: 500}}}\n`;
  const example = await runCli(['render', '-f', '-', '-o', 'hash'], { stdin: pom });
  assert.is(example.out, '81eaf05234b97463655fef6ebc9f1300e260b492124052a867376766d958a6ce\n');
});

test('render: of mistakes nothing is rendered', async () => {
  const { code, out, err } = await runCli(['render', '-f', '-'], {
    stdin: `${good}---\n${good.replace('maximum: 2', 'maximum: 0')}`,
  });
  assert.is(code, 1);
  assert.is(out, '');
  assert.match(err, '<stdin>:9:44: error: spec.licenses.outboundPorts.minimum');
  assert.is((await runCli(['render', '-f', '-'], { stdin: '' })).code, 1);
});

test('the samples are valid', () => {
  for (const file of ['licensesettings', 'manual', 'retain', 'zones']) {
    const text = readFileSync(new URL(`../../deploy/samples/${file}.yaml`, import.meta.url), 'utf8');
    assert.equal(check([{ name: file, text }]).findings.map(describeFinding), []);
  }
});
