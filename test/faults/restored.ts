/**
 * etcd is restored from a backup while the operators live on, and the cluster is soon past the version that they knew: an
 * API server takes a watch from a version of the future, and drops every event up to it. Each change has to be live as
 * soon as L1 has it.
 */
import { backUp, restore } from '../controlplane/backup.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { createDesk, type Desk, serviceAccount } from '../operator.ts';
import { inParallel } from './campaign.ts';
import type { Result } from './run.ts';
import { ports, zone } from './scenarios.ts';
import { openSlot, type Slot } from './slot.ts';

const label = 'etcd restored';
/** What L1 grants after a watch that is silent, and what a busy machine needs besides, in milliseconds. */
const granted = 65_000 + 5_000;
/** ConfigMaps of nobody: what the cluster writes beside, before the restoration and after it. */
const others = { before: 100, after: 400 };

const kinds = [{}, { pages: true }, { replicas: 2 }] as const;
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
/** Every other one has zones. */
const specOf = (name: string, maximum: number) =>
  names.indexOf(name) % 2 === 0
    ? ports(maximum)
    : ports(maximum, { settleSeconds: 0, zones: [zone('x', maximum - 40), zone('y', 40)] });

/** On a control plane of its own, which ends with it. */
export async function restored(plane: ControlPlane, operator: string | undefined): Promise<Result[]> {
  const kubeconfig = await plane.serviceAccountKubeconfig(serviceAccount.namespace, serviceAccount.name);
  const slots = await Promise.all(
    kinds.map((kind, n) => openSlot({ plane, kubeconfig, operator, namespace: `restored-${n}`, ...kind })),
  );
  const filler = createDesk(plane, 'filler');
  await filler.open();
  const desks = slots.map(({ desks }) => desks.home);
  for (const desk of desks) for (const name of names) await desk.create(name, specOf(name, 100));
  await Promise.all(desks.map((desk) => late(desk)));
  await backUp(plane);
  await changeAll(desks, 200);
  await Promise.all(desks.map((desk) => late(desk)));
  await fill(filler, 'before', others.before);
  await restore(plane);
  const started = performance.now();
  await changeAll(desks, 300);
  const filling = fill(filler, 'after', others.after);
  const first = await Promise.all(desks.map((desk) => late(desk)));
  await filling;
  // The cluster is past every version that was known before.
  await changeAll(desks, 400);
  const second = await Promise.all(desks.map((desk) => late(desk)));
  const results = slots.map((slot, n) => resultOf(slot, started, [...(first[n] ?? []), ...(second[n] ?? [])]));
  await Promise.all(slots.map((slot) => slot.close()));
  return results;
}

async function changeAll(desks: readonly Desk[], maximum: number): Promise<void> {
  for (const desk of desks) for (const name of names) await desk.patch(name, { spec: specOf(name, maximum) });
}

/** What is not live in time. */
async function late(desk: Desk): Promise<string[]> {
  const problems = await Promise.all(
    names.map((name) =>
      desk.waitFor(name, 'Applied', 'True', 'Applied', granted).then(
        () => [],
        (error: Error) => [`L1: ${error.message.split('\n', 1)[0]}`],
      ),
    ),
  );
  return problems.flat();
}

async function fill(desk: Desk, prefix: string, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
  await inParallel(8, names, async (name) => void (await desk.createMap({ metadata: { name } })));
}

function resultOf(slot: Slot, started: number, violations: readonly string[]): Result {
  const logs = slot.replicas.flatMap(({ takeLog }) => takeLog());
  return {
    job: {
      scenario: { name: 'restored', steps: () => [] },
      ...{ faults: [], label, replay: `--only specials --special '${label}'` },
    },
    ...{ started, struck: 1, violations, judged: 2 * names.length },
    counts: { request: [], watch: [], event: [], lease: [] },
    milliseconds: performance.now() - started,
    slowest: 0,
    story: () => logs.map((line) => JSON.stringify(line).slice(0, 600)),
  };
}
