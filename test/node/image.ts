/**
 * Container images without a registry: buildah runs the project's own Dockerfile, on bases that are made of this machine's
 * programs, since a real base would have to be fetched.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const output = async (command: string, args: readonly string[]) =>
  (await run(command, args, { maxBuffer: 2 ** 26 })).stdout;

/** The name that the manifests of deploy/ give the operator's image. */
export const operatorImage = 'docker.io/library/license-settings-operator:0.1.0';
/** The Dockerfile's default BASE, and the image of the sample dialer: Node, and no shell. Here it is made by {@link makeNodeImage}. */
export const nodeImage = 'gcr.io/distroless/nodejs24-debian13:nonroot';
/** What holds the namespaces of a pod; containerd is told to use it. */
export const pauseImage = 'docker.io/library/pause:test';
/** The Dockerfile's BUILDER: Node, npm and a shell. */
export const builderImage = 'docker.io/library/builder:test';

/** What an image says about itself, of the OCI's image configuration. */
export type ImageConfig = { User: string; Labels: Record<string, string>; Entrypoint: string[] };

/** A place for images in a folder of its own. Nothing of it is left when the folder is removed. */
export type ImageStore = {
  buildah(...args: string[]): Promise<string>;
  /**
   * An image of programs of this machine, with the libraries that they load, and of whole folders: path in the image to path
   * on the machine.
   */
  fromPrograms(name: string, files: Readonly<Record<string, string>>, ...instructions: string[]): Promise<void>;
  /** The manifest's digest, `sha256:…`. */
  digest(name: string): Promise<string>;
  config(name: string): Promise<ImageConfig>;
  /** Lets `look` see the image's files, below a folder. */
  look<T>(name: string, look: (folder: string) => T): Promise<T>;
  /** Writes the images to one file that containerd imports. */
  save(name: string, file: string): Promise<void>;
};

/** @param directory is made if need be; a short path, on a disk with a gigabyte to spare */
export function openImageStore(directory: string): ImageStore {
  mkdirSync(directory, { recursive: true });
  // vfs copies where others mount: slower, and at home on every file system.
  const place = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'run'), '--storage-driver', 'vfs'];
  const buildah = (...args: string[]) => output('buildah', [...place, ...args]);
  const inspect = async (name: string) =>
    JSON.parse(await buildah('inspect', '--type', 'image', name)) as {
      FromImageDigest: string;
      OCIv1: { config: ImageConfig };
    };
  return {
    buildah,
    async fromPrograms(name, files, ...instructions) {
      const context = join(directory, 'context');
      rmSync(context, { recursive: true, force: true });
      const copy = (from: string, to: string) => {
        cpSync(realpathSync(from), join(context, to), { recursive: true });
      };
      for (const [to, from] of Object.entries(files)) {
        copy(from, to);
        if (statSync(from).isFile()) for (const library of await librariesOf(from)) copy(library, library);
      }
      writeFileSync(join(directory, 'Dockerfile'), ['FROM scratch', 'COPY . /', ...instructions, ''].join('\n'));
      await buildah(
        'bud',
        '--isolation',
        'chroot',
        '--timestamp',
        '0',
        '-f',
        join(directory, 'Dockerfile'),
        '-t',
        name,
        context,
      );
      rmSync(context, { recursive: true });
    },
    digest: async (name) => (await inspect(name)).FromImageDigest,
    config: async (name) => (await inspect(name)).OCIv1.config,
    async look(name, look) {
      const container = (await buildah('from', '--pull-never', name)).trim();
      try {
        return look((await buildah('mount', container)).trim());
      } finally {
        await buildah('rm', container);
      }
    },
    save: async (name, file) => {
      await buildah('push', name, `docker-archive:${file}:${name}`);
    },
  };
}

/** Makes {@link nodeImage}: the Node that runs the tests at the path that distroless images have it at, and nothing else. */
export const makeNodeImage = (store: ImageStore) =>
  store.fromPrograms(
    nodeImage,
    { '/nodejs/bin/node': process.execPath },
    'USER 65532',
    'ENTRYPOINT ["/nodejs/bin/node"]',
  );

/** Makes {@link pauseImage}. */
export const makePauseImage = async (store: ImageStore) =>
  store.fromPrograms(pauseImage, { '/sleep': await which('sleep') }, 'ENTRYPOINT ["/sleep", "infinity"]');

/** Makes {@link builderImage}. */
export const makeBuilderImage = async (store: ImageStore) =>
  store.fromPrograms(
    builderImage,
    {
      ...{ '/usr/bin/node': process.execPath, '/bin/sh': await which('sh'), '/usr/bin/env': await which('env') },
      '/npm': dirname(dirname(realpathSync(await which('npm')))),
    },
    `RUN node -e "fs.symlinkSync('/npm/bin/npm-cli.js', '/usr/bin/npm')"`,
    'ENV HOME=/root NODE_USE_SYSTEM_CA=1',
  );

/**
 * Builds the operator's image from the Dockerfile, as of 1970, so that equal files give an equal digest.
 *
 * @param from `prebuilt`: dist/ as it is in this folder. `build`: the sources, in the Dockerfile's first stage, which fetches
 *   the locked packages from the npm registry as this machine's npm is set up to.
 */
export async function buildOperatorImage(
  store: ImageStore,
  from: 'prebuilt' | 'build',
  name = operatorImage,
): Promise<void> {
  const build: Record<string, string> = {
    ...{ BASE: nodeImage, BUNDLE: from, VERSION: '0.1.0', REVISION: 'test' },
    ...(from === 'build' ? { BUILDER: builderImage } : {}),
  };
  await store.buildah(
    ...['bud', '--isolation', 'chroot', '--timestamp', '0', '--no-cache', '--pull-never', '-t', name],
    ...Object.entries(build).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
    ...(from === 'build' ? ['--network', 'host', ...(await npmVolumes())] : []),
    root,
  );
}

/** npm's configuration, and the certificates that it and this machine trust: seen by the build, and never part of an image. */
async function npmVolumes(): Promise<string[]> {
  const get = async (key: string) => (await output('npm', ['config', 'get', key])).trim();
  const [user, global, ca] = await Promise.all(['userconfig', 'globalconfig', 'cafile'].map(get));
  const volumes = { '/etc/ssl': '/etc/ssl', '/root/.npmrc': user, '/usr/etc/npmrc': global, [ca ?? '']: ca };
  return Object.entries(volumes).flatMap(([to, from]) =>
    from && existsSync(from) ? ['--volume', `${realpathSync(from)}:${to}:ro`] : [],
  );
}

/** What a program loads, with the loader: absolute paths. */
async function librariesOf(program: string): Promise<string[]> {
  const listed = await output('ldd', [program]).catch((error: { stderr?: string }) => {
    if (/not a dynamic executable/.test(error.stderr ?? '')) return ''; // a static one loads nothing
    throw error;
  });
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

async function which(name: string): Promise<string> {
  return (await output('sh', ['-c', 'command -v "$0"', name])).trim();
}
