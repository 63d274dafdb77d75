/**
 * Writes dist/sbom.cdx.json, a CycloneDX list of what the bundle is made from: the packages that the operator depends on at run
 * time, with version, licence and the hash that npm verified. From package-lock.json alone, so that two builds of the same
 * sources give the same bytes: no time, no serial number.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

type Locked = { version: string; license?: string; integrity?: string; dev?: boolean; optional?: boolean };
/** The part of a package-lock.json of version 3 that is read. */
export type Lockfile = { name: string; version: string; packages: Record<string, Locked> };

/** The list for a package-lock.json of version 3. Pure. */
export function billOfMaterials({ name, version, packages }: Lockfile): object {
  const main = packages[''];
  const components = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { version, license, integrity }]) => {
      const name = nameOf(path);
      const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
      return {
        ...{ type: 'library', 'bom-ref': `${purl}#${path}`, name, version, purl },
        ...(license
          ? { licenses: [{ [/ (AND|OR|WITH) /.test(license) ? 'expression' : 'license']: wordOf(license) }] }
          : {}),
        ...(integrity ? { hashes: [{ alg: 'SHA-512', content: hex(integrity) }] } : {}),
      };
    });
  return {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 },
    metadata: {
      component: {
        type: 'application',
        'bom-ref': name,
        name,
        version,
        licenses: [{ license: { id: main?.license } }],
      },
    },
    components,
  };
}

/** The name of the package at a path such as `node_modules/a/node_modules/@b/c`. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

const wordOf = (license: string) => (/ (AND|OR|WITH) /.test(license) ? license : { id: license });
const hex = (integrity: string) => Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');

if (import.meta.main) {
  const root = new URL('../', import.meta.url);
  const lockfile = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as Lockfile;
  mkdirSync(new URL('dist/', root), { recursive: true });
  writeFileSync(new URL('dist/sbom.cdx.json', root), `${JSON.stringify(billOfMaterials(lockfile), null, 2)}\n`);
}
