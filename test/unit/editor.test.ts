/** Who changed a ConfigMap, by its managedFields, and what admission made of one that was sent. */
import * as assert from 'uvu/assert';
import { differenceOf } from '../../src/settings/difference.ts';
import { editorInWords, lastEditor } from '../../src/settings/editor.ts';
import { suite } from '../suite.ts';

const ours = 'license-settings-operator';
const entry = (manager: unknown, time: unknown, fieldsV1: unknown) => ({ manager, time, fieldsV1 });
const wroteKey = (key: string) => ({ 'f:data': { [`f:${key}`]: {} } });

const editor = suite('last editor');
editor('R10.1 is who wrote the contents last, other than this operator, with the keys', () => {
  const fields = [
    entry(ours, '2026-01-03T00:00:00Z', wroteKey('A')),
    entry('kubectl-edit', '2026-01-02T00:00:00Z', { 'f:data': { 'f:B': {}, 'f:C': {} } }),
    entry('older', '2026-01-01T00:00:00Z', wroteKey('D')),
    entry('labeller', '2026-01-04T00:00:00Z', { 'f:metadata': { 'f:labels': {} } }),
  ];
  assert.equal(lastEditor(fields), { manager: 'kubectl-edit', keys: ['B', 'C'] });
  assert.equal(lastEditor([entry('freezer', '2026-01-04T00:00:00Z', { 'f:immutable': {} }), ...fields]), {
    manager: 'freezer',
    keys: [],
  });
  assert.is(lastEditor([fields[0], fields[3]]), undefined, 'labels of others are no contents');
});
editor('R9.23 what anybody may write there ends nothing, and is cut', () => {
  for (const odd of [undefined, null, 'x', 7, {}, [null], [[]], [{ fieldsV1: 7 }], [entry(7, 7, wroteKey('A'))]])
    assert.is(lastEditor(odd), undefined);
  assert.equal(lastEditor([entry('x', undefined, { 'f:data': 7 })]), { manager: 'x', keys: [] });
  const long = 'm'.repeat(5_000);
  const keys = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`f:${long}${n}`, {}]));
  const found = lastEditor([entry(`\u001b[31m${long}`, '', { 'f:data': keys })]);
  assert.ok(found && found.manager.length <= 128 && found.keys.length === 3);
  assert.ok(!found.manager.includes('\u001b'));
  const many = Array.from({ length: 5_000 }, (_, n) => entry('x', String(n).padStart(5, '0'), wroteKey(`K${n}`)));
  assert.equal(lastEditor(many)?.keys, ['K99'], 'so many entries are looked at');
});
editor('R10.1 in words', () => {
  assert.is(editorInWords(undefined), 'someone else');
  assert.is(editorInWords({ manager: 'x', keys: [] }), 'x');
  assert.is(editorInWords({ manager: 'x', keys: ['A'] }), 'x (key A)');
  assert.is(editorInWords({ manager: 'x', keys: ['A', 'B', 'C'] }), 'x (keys A, B, C, …)');
});

const difference = suite('R9.10: difference between a write and its answer');
const owner = { uid: 'u', controller: true };
const sent = {
  metadata: {
    labels: { 'app.kubernetes.io/part-of': ours, team: 'blue' },
    annotations: { 'licensing.dialer.dev/generation': '1' },
    ownerReferences: [owner],
  },
  data: { A: '1', B: '2' },
};
for (const [what, answer, words] of [
  ['none', { immutable: false, binaryData: {} }, undefined],
  ['an added key', { data: { ...sent.data, EXTRA: '' } }, 'the key EXTRA of the data was added'],
  ['a changed key', { data: { A: '1', B: '3' } }, 'the key B of the data was changed'],
  ['a key taken away', { data: { A: '1' } }, 'the key B of the data was taken away'],
  ['binary data', { binaryData: { blob: 'AA==' } }, 'the key blob of the binaryData was added'],
  ['immutable', { immutable: true }, 'it was made immutable'],
  [
    'a label of ours',
    { metadata: { ...sent.metadata, labels: { team: 'blue' } } },
    'the label app.kubernetes.io/part-of was changed',
  ],
  [
    'an annotation of ours',
    { metadata: { ...sent.metadata, annotations: {} } },
    'the annotation licensing.dialer.dev/generation was changed',
  ],
  ['the owner', { metadata: { ...sent.metadata, ownerReferences: [] } }, 'the owner reference was changed'],
  [
    'what others may set',
    {
      metadata: {
        labels: { ...sent.metadata.labels, team: 'red' },
        annotations: { ...sent.metadata.annotations, note: 'theirs' },
        ownerReferences: [owner, { uid: 'other' }],
      },
    },
    undefined,
  ],
] as const)
  difference(`${what}: ${words ?? 'none'}`, () => assert.is(differenceOf(sent, { ...sent, ...answer }), words));
