/** The reader of the audit log meets a log that an API server is writing. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { AuditReader } from '../controlplane/audit.ts';
import { suite } from '../suite.ts';

const test = suite('audit');
const directory = mkdtempSync(join(tmpdir(), 'audit-test-'));
const path = join(directory, 'audit.log');
const event = (auditID: string) => `${JSON.stringify({ auditID })}\n`;
const idsSince = async (mark: number) =>
  (await new AuditReader(path).since(mark, () => true)).map((one) => one.auditID);

test.after(() => rmSync(directory, { recursive: true }));

test('what stands after the mark is read, from the first line or between two', async () => {
  writeFileSync(path, event('one'));
  const mark = new AuditReader(path).mark();
  assert.equal(await idsSince(mark), []);
  appendFileSync(path, event('two') + event('three'));
  assert.equal(await idsSince(mark), ['two', 'three']);
  assert.equal(await idsSince(0), ['one', 'two', 'three']);
});

test('a mark amid a line, which was being written, leaves the line out', async () => {
  writeFileSync(path, event('one').slice(0, 7));
  const mark = new AuditReader(path).mark();
  appendFileSync(path, event('one').slice(7) + event('two'));
  assert.equal(await idsSince(mark), ['two']);
});
