/** Reads manifests from files, directories and stdin. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from './failure.ts';
import type { Source } from './manifests.ts';

/**
 * The texts behind `-f`: a file, `-` for stdin, or a directory, with its subdirectories but not those whose names begin
 * with a dot. Sorted within a directory. Throws a Failure for what can't be read.
 */
export async function readSources(paths: readonly string[], stdin: () => Promise<string>): Promise<Source[]> {
  const sources: Source[] = [];
  for (const path of [...new Set(paths)]) {
    if (path === '-') sources.push({ name: '<stdin>', text: await stdin() });
    else {
      try {
        const files = (await stat(path)).isDirectory() ? await manifestsIn(path) : [path];
        for (const name of files) sources.push({ name, text: await readFile(name, 'utf8') });
      } catch (cause) {
        const { code, message, path: where = path } = cause as NodeJS.ErrnoException;
        throw new Failure(`${where}: ${code === 'ENOENT' ? 'there is no such file or directory' : message}`, { cause });
      }
    }
  }
  return sources;
}

async function manifestsIn(directory: string): Promise<string[]> {
  const entries = (await readdir(directory, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await manifestsIn(path)));
    else if (/\.(ya?ml|json)$/i.test(entry.name)) found.push(path);
  }
  return found;
}
