/**
 * Golden files: what a program writes, kept beside the tests byte for byte, so that a change of it is seen by whoever
 * reviews it. `UPDATE_GOLDEN=1` writes them anew at a desk: look at the diff. In CI that is refused.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';

const isSet = (name: string) => !['', '0', 'false'].includes(process.env[name] ?? '');
const updates = isSet('UPDATE_GOLDEN');
if (updates && isSet('CI')) throw new Error('UPDATE_GOLDEN is for a desk: in CI golden files are only compared');

/** Compares a text with a golden file of a directory, whose URL ends with `/`. */
export function isGolden(directory: URL, name: string, text: string): void {
  const file = new URL(name, directory);
  if (updates) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(file, text);
  }
  assert.is(text, readFileSync(file, 'utf8'), name);
}

/** Names of the golden files of a directory, sorted. */
export const goldenIn = (directory: URL): string[] => readdirSync(directory).sort();
