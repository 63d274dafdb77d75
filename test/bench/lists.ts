/**
 * `npm run bench:lists`: what a first list of 10,000 ConfigMaps costs in pages and as a stream: a reflector in a process
 * of its own, its time until synced, its CPU, its peak RSS, and what stays on the heap. The finding is in docs/decisions/0004-lists-as-a-stream.md.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { startControlPlane } from '../controlplane/controlplane.ts';

const objects = 10_000;
const [mode, kubeconfig] = process.argv.slice(2);
if (mode && kubeconfig) await reflect(mode, kubeconfig);
else await compare();

async function compare(): Promise<void> {
  const plane = await startControlPlane({ audit: false });
  try {
    await fill(plane.kubeconfig);
    for (let turn = 0; turn < 3; turn++) {
      for (const each of ['pages', 'stream', 'whole objects']) {
        const child = [import.meta.filename, each, plane.kubeconfig];
        process.stdout.write(execFileSync(process.execPath, child, { encoding: 'utf8' }));
      }
    }
  } finally {
    await plane.stop();
  }
}

async function fill(file: string): Promise<void> {
  const client = await createClient(loadKubeConfig({ file }, {}), { clock: systemClock, connections: 16 });
  let next = 0;
  const work = async () => {
    for (let n = next++; n < objects; n = next++) {
      const data = Object.fromEntries(Array.from({ length: 20 }, (_, key) => [`KEY_${key}`, `${n}-`.repeat(25)]));
      const body = { metadata: { name: `bench-${n}`, labels: { bench: 'lists' } }, data };
      const path = '/api/v1/namespaces/default/configmaps';
      await client.request({ method: 'POST', path, resource: 'configmaps', body });
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  await client.close();
}

async function reflect(how: string, file: string): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const client = await createClient(loadKubeConfig({ file }, {}), { clock: systemClock, connections: 4 });
  collect();
  const [started, cpu, heap] = [performance.now(), process.cpuUsage(), process.memoryUsage().heapUsed];
  let kept: unknown[] = [];
  const project = ({ metadata }: KubeObject) => {
    const { namespace, name, uid, resourceVersion } = metadata;
    return { metadata: { namespace, name, uid, resourceVersion } } as KubeObject;
  };
  const abort = new AbortController();
  const reflector = new Reflector<KubeObject>({
    ...{ client, clock: systemClock, path: '/api/v1/configmaps', labelSelector: 'bench=lists', resource: 'configmaps' },
    streaming: how === 'stream',
    project: how === 'whole objects' ? (object) => object : project,
    sink: {
      replace(list) {
        kept = list;
      },
      put() {},
      remove() {},
    },
    onRestart: (reason, error) => process.stdout.write(`restart: ${reason} ${error?.message ?? ''}\n`),
  });
  const running = reflector.run(abort.signal);
  await reflector.firstSync;
  const milliseconds = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  // The peak, in KiB.
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;
  collect();
  const bytes = (process.memoryUsage().heapUsed - heap) / kept.length;
  const figures = [
    `${kept.length} objects in ${milliseconds.toFixed(0)} ms`,
    `${((user + system) / 1000).toFixed(0)} ms CPU`,
    `peak RSS ${peak.toFixed(0)} MiB`,
    `${bytes.toFixed(0)} bytes an object stay`,
  ];
  process.stdout.write(`${how.padEnd(13)} ${figures.join(', ')}\n`);
  abort.abort();
  await running;
  await client.close();
}
