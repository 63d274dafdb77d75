/**
 * Bundles the operator into one file, `dist/operator.js`, and the kubectl plugin into `dist/kubectl-license.js`: each runs
 * alone under Node >= 22.19. The texts of the licences of what is in them go to `dist/licences.txt`.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';
import { bundledPackages, licenceTexts } from './licences.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/**
 * client-node doesn't say that its modules have no side effects, so all of its generated API classes would be bundled, and
 * cost memory. The operator uses its configuration alone.
 */
const shakeClientNode: Plugin = {
  name: 'shake-client-node',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /./ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === 'resolving' || !`${path} ${from.importer}`.includes('@kubernetes/client-node'))
        return undefined;
      const resolved = await resolve(path, { ...from, pluginData: 'resolving' });
      return { ...resolved, sideEffects: false };
    });
  },
};

const { metafile } = await build({
  entryPoints: { operator: 'src/main.ts', 'kubectl-license': 'src/cli/main.ts' },
  outdir: 'dist',
  bundle: true,
  metafile: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.19',
  minifySyntax: true,
  sourcemap: 'linked',
  sourcesContent: false,
  plugins: [shakeClientNode],
  legalComments: 'linked',
  // Comments in the bundle name the modules. Where a linked node_modules really is must not change its bytes.
  preserveSymlinks: true,
  logLevel: 'warning',
  define: { 'process.env.LICENSE_SETTINGS_BUILD_VERSION': JSON.stringify(version) },
  // CommonJS dependencies call `require` for Node's own modules.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});
writeFileSync('dist/licences.txt', licenceTexts(bundledPackages(metafile)));
// kubectl takes only files that may be run for plugins.
chmodSync('dist/kubectl-license.js', 0o755);
