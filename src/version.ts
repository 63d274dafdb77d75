import { readFileSync } from 'node:fs';

/** The release: put in by the bundler, read from package.json when the sources run as they are. */
export const version: string = process.env.LICENSE_SETTINGS_BUILD_VERSION ?? fromPackage();

function fromPackage(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
