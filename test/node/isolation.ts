/**
 * A node leaves its marks on a machine: bridges, mounts, processes that outlive their parents, files below /run and /var. So a
 * test file with a node runs in namespaces of its own: with its last process, or when it is killed, all of that is gone.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';

/** Where Debian, and where most others, put the plugins of the Container Network Interface. */
const pluginFolders = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];
const plugins = ['bridge', 'host-local', 'loopback'];

/** The folder with the plugins that {@link plugins} names; undefined: none has all of them. */
export const cniPlugins = (): string | undefined =>
  pluginFolders.find((folder) => plugins.every((plugin) => existsSync(`${folder}/${plugin}`)));

/** What the machine lacks for a node, each with how to get it. Everything else is built. Empty: nothing. */
export function missingParts(): string[] {
  const program = (name: string, aptPackage: string) =>
    onPath(name) ? [] : [`needs ${name}: apt-get install --no-install-recommends ${aptPackage}`];
  const root = process.platform === 'linux' && process.getuid?.() === 0;
  return [
    ...(process.platform === 'linux' ? [] : ['needs Linux']),
    ...(root ? [] : ['needs root: sudo -E env "PATH=$PATH" npm run test:node']),
    ...program('runc', 'runc'),
    ...program('buildah', 'buildah'),
    ...program('ip', 'iproute2'),
    ...program('unshare', 'util-linux mount'),
    ...(cniPlugins() ? [] : ['needs CNI plugins: apt-get install --no-install-recommends containernetworking-plugins']),
    ...(root && onPath('unshare') && !canIsolate()
      ? ['needs namespaces: this machine, or the container that we are in, forbids `unshare`']
      : []),
  ];
}

/**
 * A command that runs another one in its own namespaces of network, mounts and processes. There it has a loopback interface,
 * and nothing that it finds in or writes to /run, /var/lib and /var/log is the machine's. Killing the command kills all
 * that runs inside.
 */
export const isolated = (command: string, args: readonly string[]): [string, string[]] => [
  'unshare',
  [
    ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
    // The shell stays, as the first process of its namespace: it collects those that lose their parents.
    ...['sh', '-c', `${prepare} && "$@"; exit $?`, 'sh', command, ...args],
  ],
];
const prepare =
  'for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs $folder || exit; done; ip link set lo up';

function canIsolate(): boolean {
  const [command, args] = isolated('true', []);
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function onPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
