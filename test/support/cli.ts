/** `kubectl license` in memory: its world as values, and a cluster that is a list of objects. */
import { annotations } from '../../src/api/names.ts';
import type { Cluster } from '../../src/cli/cluster.ts';
import { Failure } from '../../src/cli/failure.ts';
import { run, type Shell } from '../../src/cli/run.ts';
import type { Style } from '../../src/cli/terminal.ts';
import type { LicenseSettings } from '../../src/cli/view.ts';
import type { Clock } from '../../src/kube/clock.ts';
import { now } from './pictured.ts';

export type Run = { readonly code: number; readonly out: string; readonly err: string };

/** What the world of a run is; the rest is plain: 80 columns, Unicode, no colours, nobody to ask, no cluster. */
export type World = {
  readonly objects?: readonly LicenseSettings[];
  readonly style?: Partial<Style>;
  /** The answer of the person at the terminal; without one there is none. */
  readonly answer?: string;
  readonly stdin?: string;
  /** Called before each request, such as to change an object meanwhile. */
  readonly meanwhile?: (request: string, objects: LicenseSettings[]) => void;
};

/** Runs one command line, without `kubectl license`. Time passes only while the command waits. */
export async function runCli(argv: readonly string[], world: World = {}): Promise<Run> {
  const objects: LicenseSettings[] = structuredClone([...(world.objects ?? [])]);
  let [out, err, elapsed] = ['', '', 0];
  const clock: Clock = {
    wall: () => now + elapsed,
    monotonic: () => elapsed,
    after(delay, action) {
      elapsed += delay;
      const timer = setImmediate(action);
      return () => clearImmediate(timer);
    },
    random: () => 0,
  };
  const style: Style = { width: 80, colour: false, unicode: true, ...world.style };
  const shell: Shell = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    style,
    errStyle: style,
    interactive: world.answer !== undefined,
    ask: async (question) => {
      err += `${question}${world.answer}\n`;
      return world.answer ?? '';
    },
    stdin: async () => world.stdin ?? '',
    clock,
    connect: async () => {
      if (!world.objects) throw new Failure('no kubeconfig');
      return clusterOf(objects, world.meanwhile ?? (() => {}));
    },
  };
  const code = await run(argv, shell);
  return { code, out, err };
}

function clusterOf(
  objects: LicenseSettings[],
  meanwhile: (request: string, objects: LicenseSettings[]) => void,
): Cluster {
  const find = (namespace: string, name: string) => {
    const found = objects.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    if (!found) throw new Failure(`LicenseSettings ${namespace}/${name}: there is none`);
    return found;
  };
  return {
    namespace: 'dialer',
    async get(namespace, name) {
      meanwhile('get', objects);
      return structuredClone(find(namespace, name));
    },
    async list(namespace) {
      return objects.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
    },
    async approve({ metadata }, settingsHash) {
      meanwhile('approve', objects);
      const stored = find(metadata.namespace, metadata.name);
      if (stored.metadata.resourceVersion !== metadata.resourceVersion)
        throw new Failure('was changed since it was shown');
      stored.metadata.annotations = { ...stored.metadata.annotations, [annotations.apply]: settingsHash };
      return stored;
    },
    close: async () => {},
  };
}
