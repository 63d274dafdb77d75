/**
 * Packs the bundled plugin for krew: `node scripts/krew.ts URL [DIRECTORY]`, after `npm run build`. Writes
 * `kubectl-license.tar.gz`, to be published under URL, and `license.yaml`, the manifest with its version and checksum, to
 * DIRECTORY (`dist`). Install them with `kubectl krew install --manifest=dist/license.yaml --archive=dist/kubectl-license.tar.gz`.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { version } from '../src/version.ts';

const [url, directory = 'dist'] = process.argv.slice(2);
if (!url?.startsWith('https://')) {
  console.error('usage: node scripts/krew.ts https://… [DIRECTORY]: the URL is where the archive will be published');
  process.exit(2);
}
const read = (path: string): Buffer => readFileSync(new URL(`../${path}`, import.meta.url));

const archive = gzipSync(
  tar([
    { name: 'kubectl-license', mode: 0o755, content: read('dist/kubectl-license.js') },
    { name: 'LICENSE', mode: 0o644, content: read('LICENSE') },
    { name: 'licences.txt', mode: 0o644, content: read('dist/licences.txt') },
  ]),
  { level: 9 },
);
const manifest = read('deploy/krew/license.yaml')
  .toString('utf8')
  .replace('version: VERSION', `version: v${version}`)
  .replace('uri: URI', `uri: ${url}`)
  .replace('sha256: SHA256', `sha256: ${createHash('sha256').update(archive).digest('hex')}`);
writeFileSync(`${directory}/kubectl-license.tar.gz`, archive);
writeFileSync(`${directory}/license.yaml`, manifest);

/** A tar archive (POSIX ustar) without times and owners: the same files give the same bytes. */
function tar(files: readonly { name: string; mode: number; content: Buffer }[]): Buffer {
  const blocks = files.flatMap(({ name, mode, content }) => {
    const header = Buffer.alloc(512);
    const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
    header.write(name, 0);
    header.write(octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(content.length, 12) + octal(0, 12), 100);
    // The checksum is made with spaces in its own place.
    header.write('        0', 148);
    header.write('ustar\0', 257);
    header.write('00', 263);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
