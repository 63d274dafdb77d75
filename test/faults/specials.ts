/** What befalls all at once: the API server or etcd killed, etcd full, the CRD changed, clocks that step. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane, Part } from '../controlplane/controlplane.ts';
import { createDesk, until } from '../operator.ts';
import { cleanJobs, openStage, runAll, type Stage, startCampaignPlane, steppingClock } from './campaign.ts';
import { restored } from './restored.ts';
import type { Job, Result } from './run.ts';
import { failovers, type Scenario } from './scenarios.ts';
import type { Slot } from './slot.ts';

/** After an outage: backoffs, and a watch that has to be opened anew. */
const afterwards = 10_000;
/** How often the clock steps, in milliseconds: see stepping-clock.ts, which a process loads and nobody imports. */
const clockSteps = 500;
/** Longer than that, and than a run needs: what does not settle now has no excuse. */
const quiet = 20_000;

/**
 * Does runs while something goes on, over and over, that excuses the operators as long as it lasts. What befell each
 * run counts as struck. When it was enough there is peace: a garbage collector that is disturbed without end does no work.
 * @param jobs done again and again until there were enough disturbances: in a quiet time many are done, and none is hit
 * @param pauses between two disturbances, in milliseconds, in turn
 */
async function under(
  slots: readonly Slot[],
  jobs: readonly Job[],
  disturb: () => Promise<unknown>,
  { pauses, enough }: { readonly pauses: readonly number[]; readonly enough: number },
): Promise<Result[]> {
  let excused = 0;
  let over = false;
  const disturbances: { readonly from: number; readonly to: number }[] = [];
  for (const slot of slots) slot.excusedUntil = () => excused;
  const disturbing = (async () => {
    await sleep(1_000);
    while (!over && disturbances.length < enough) {
      excused = Number.POSITIVE_INFINITY;
      const from = performance.now();
      await disturb();
      const to = performance.now();
      excused = to + afterwards;
      const pause = pauses[disturbances.push({ from, to }) % pauses.length] ?? quiet;
      for (const end = to + pause; !over && performance.now() < end; ) await sleep(100);
    }
  })();
  const results: Result[] = [];
  do results.push(...(await runAll(slots, jobs)));
  while (disturbances.length < enough);
  over = true;
  await disturbing;
  for (const slot of slots) slot.excusedUntil = () => 0;
  return results.map((result) => {
    const { started, milliseconds } = result;
    const hits = disturbances.filter(({ from, to }) => to >= started && from <= started + milliseconds);
    return { ...result, struck: hits.length };
  });
}

/** Three times several disturbances, each time with a quiet time after the first. */
const bursts = (more: number, pause: number) => ({
  pauses: [...Array.from({ length: more }, () => pause), quiet],
  enough: 3 * (more + 1),
});

const labelled = (scenarios: readonly Scenario[], label: string, times = 1): Job[] =>
  Array.from({ length: times }, () => cleanJobs(scenarios))
    .flat()
    .map((job) => ({ ...job, label, replay: `--only specials --special '${label}'` }));

/** One that was killed is away for a moment. */
const killed = (plane: ControlPlane, part: Part) => async () => {
  await plane.kill(part, 'SIGKILL');
  await sleep(500);
  await plane.restart(part);
};

/** Every apply of a changed CRD ends all watches of its objects. */
function upgrade(plane: ControlPlane) {
  let version = 0;
  return () => {
    const metadata = { annotations: { 'test/version': String(++version) } };
    const names = { shortNames: ['lics', `lics${version}`] };
    const patch = JSON.stringify({ metadata, spec: { names } });
    return plane.kubectl(['patch', 'crd', 'licensesettings.licensing.dialer.dev', '--type=merge', '-p', patch]);
  };
}

export type Special = (stage: Stage, slots: readonly Slot[], scenarios: readonly Scenario[]) => Promise<Result[]>;

export const specials: Readonly<Record<string, Special>> = {
  'kill -9 of the API server': ({ plane }, slots, scenarios) =>
    under(slots, labelled(scenarios, 'kill -9 of the API server'), killed(plane, 'kube-apiserver'), bursts(3, 4_000)),
  'kill -9 of etcd': ({ plane }, slots, scenarios) =>
    under(slots, labelled(scenarios, 'kill -9 of etcd'), killed(plane, 'etcd'), bursts(3, 3_000)),
  'CRD upgraded': ({ plane }, slots, scenarios) =>
    under(slots, labelled(scenarios, 'CRD upgraded'), upgrade(plane), bursts(7, 700)),
  async 'clocks that step'(stage, _, scenarios) {
    // A lease is what a clock that steps would hurt most.
    const slots = await stage.open(4, { replicas: 2, env: steppingClock });
    const label = 'clocks that step';
    const results = await runAll(slots, [...labelled(failovers, label, 4), ...labelled(scenarios, label)]);
    return results.map((one) => ({ ...one, struck: Math.floor(one.milliseconds / clockSteps) }));
  },
  async 'etcd restored'({ operator }) {
    const plane = await startCampaignPlane();
    try {
      return await restored(plane, operator);
    } finally {
      await plane.stop();
    }
  },
  async 'etcd out of space'({ operator }, __, scenarios) {
    const quota = 24 * 1024 * 1024;
    const plane = await startCampaignPlane({
      etcdArgs: [`--quota-backend-bytes=${quota}`],
      audit: false,
    });
    try {
      const stage = await openStage(plane, operator);
      const slots = await stage.open(4);
      const results = await under(slots, labelled(scenarios, 'etcd out of space'), fill(plane), bursts(1, 3_000));
      await stage.close();
      // This stage is its own, and nobody else asks it.
      return results.map((one, n) => (n > 0 ? one : { ...one, violations: [...one.violations, ...stage.problems] }));
    } finally {
      await plane.stop();
    }
  },
};

/** Fills etcd up to its quota, leaves it so for a moment, and mends it as its operators do: delete, compact, defragment, disarm. */
function fill(plane: ControlPlane) {
  const desk = createDesk(plane, 'filler');
  const post = async (path: string, body: object): Promise<Record<string, unknown>> =>
    (await (await fetch(`${plane.etcd}${path}`, { method: 'POST', body: JSON.stringify(body) })).json()) as never;
  const maps = '/api/v1/namespaces/filler/configmaps';
  const data = { filler: 'x'.repeat(900_000) };
  let opened = false;
  return async () => {
    if (!opened) await desk.open();
    opened = true;
    for (let code = 201, n = 0; code === 201; n++) {
      ({ code } = await desk.request('POST', maps, { metadata: { name: `filler-${n}` }, data }));
    }
    await sleep(2_000);
    await until('the fillers are gone', async () => (await desk.request('DELETE', maps)).code === 200);
    const { header } = (await post('/v3/kv/range', { key: 'AA==' })) as { header: { revision: string } };
    await post('/v3/kv/compaction', { revision: header.revision, physical: true });
    await post('/v3/maintenance/defragment', {});
    const { alarms } = (await post('/v3/maintenance/alarm', { action: 'GET' })) as { alarms?: { memberID: string }[] };
    for (const { memberID } of alarms ?? []) {
      await post('/v3/maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm: 'NOSPACE' });
    }
  };
}
