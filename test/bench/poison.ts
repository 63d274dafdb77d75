/**
 * Does one object that can't be settled delay the others? Changes 2,000 healthy objects beside a poisoned one, and beside
 * the same load on a ConfigMap that is nobody's, in turn, and gives the ratio of their throughputs: the geometric mean of
 * the rounds' ratios, with its standard error. A machine that slows down for a while does so to both sides of a round.
 *
 * `npm run bench:poison -- [--objects 2000] [--rounds 12]`
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { startOperator, until } from '../operator.ts';
import { linesOf } from '../support/lines.ts';
import { openOwnStage } from '../support/stage.ts';

const { values } = parseArgs({
  options: { objects: { type: 'string', default: '2000' }, rounds: { type: 'string', default: '12' } },
});
const [objects, rounds] = [Number(values.objects), Number(values.rounds)];
/** How often someone edits the poisoned ConfigMap, or the one that is nobody's, in milliseconds. */
const editEvery = 20;
const concurrency = 16;

const { plane, desk } = await openOwnStage('poison');
const operator = await startOperator(plane, { flags: ['--watch-namespaces', 'poison', '--log-level', 'error'] });

const spec = (maximum: number) => ({ licenses: { outboundPorts: { minimum: 0, maximum } } });
const names = Array.from({ length: objects }, (_, i) => `healthy-${i}`);
const inParallel = async (action: (name: string) => Promise<unknown>) => {
  const rest = [...names];
  const worker = async () => {
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) await action(name);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
};

let over = false;
/** Counts objects whose newest generation is live, by a watch of its own. */
const live = new Map<string, number>();
const dispatcher = new Agent({ connect: { ca: readFileSync(plane.ca) }, bodyTimeout: 0, allowH2: false });
async function follow(): Promise<void> {
  const path = '/apis/licensing.dialer.dev/v1/namespaces/poison/licensesettings?watch=1&timeoutSeconds=36000';
  const open = () =>
    request(`${plane.server}${path}`, { dispatcher, headers: { authorization: `Bearer ${plane.adminToken}` } });
  while (!over) {
    const { statusCode, body } = await open();
    // The definition may have been installed a moment ago; each change of it ends the watches, too.
    if (statusCode !== 200) {
      await body.dump();
      await sleep(200);
      continue;
    }
    for await (const line of linesOf(body.setEncoding('utf8'))) {
      const { metadata, status } = (
        JSON.parse(line) as {
          object: {
            metadata: { name: string; generation: number };
            status?: { observedGeneration?: number; conditions?: { type: string; status: string }[] };
          };
        }
      ).object;
      const applied = status?.conditions?.find(({ type }) => type === 'Applied')?.status === 'True';
      if (applied && status?.observedGeneration === metadata.generation) live.set(metadata.name, metadata.generation);
    }
  }
}
void follow().catch((error: unknown) => {
  if (!over) console.error('the watch of the benchmark broke:', error);
});

/** Objects per second from the first change to the last that is live. */
async function throughput(maximum: number): Promise<number> {
  const begun = performance.now();
  const wanted = new Map<string, number>();
  await inParallel(async (name) => {
    const { metadata } = await desk.patch(name, { spec: spec(maximum) });
    wanted.set(name, metadata.generation);
  });
  const late = () => names.filter((name) => live.get(name) !== wanted.get(name));
  const show = async () => JSON.stringify([late().length, await desk.get(late()[0] ?? ''), operator.log.slice(-5)]);
  await until('all are live', async () => late().length === 0, 300_000, show);
  return objects / ((performance.now() - begun) / 1000);
}

/** Edits the contents of a ConfigMap all the time; a conflict is no matter. */
function vandal(map: string) {
  let [running, edits] = [true, 0];
  const done = (async () => {
    while (running) {
      await desk.patchMap(map, { data: { 'licenses.json': `{"vandal":${++edits}}` } }).catch(() => {});
      await sleep(editEvery);
    }
  })();
  return async () => {
    running = false;
    await done;
    return edits;
  };
}

/** A webhook that can't be reached: each write of the poisoned ConfigMap is answered 500. */
const webhook = (name: string, who: string) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name },
  webhooks: [
    {
      name: 'away.example.com',
      clientConfig: { url: 'https://127.0.0.1:1/' },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }],
      objectSelector: { matchLabels: { 'licensing.dialer.dev/settings': who } },
      failurePolicy: 'Fail',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
    },
  ],
});

const mean = (list: readonly number[]): number => list.reduce((sum, one) => sum + one, 0) / list.length;
/** Geometric mean, and its standard error. */
function ratioOf(ratios: readonly number[]): string {
  const logs = ratios.map(Math.log);
  const center = mean(logs);
  const error = Math.sqrt(mean(logs.map((one) => (one - center) ** 2)) / (logs.length - 1));
  return `${Math.exp(center).toFixed(3)} ± ${(Math.exp(center) * error).toFixed(3)}`;
}

try {
  await inParallel((name) => desk.create(name, spec(5)));
  await until('all are live', async () => live.size >= objects, 300_000);
  await desk.create('poison', spec(5));
  await desk.settled('poison');
  await desk.createMap({ metadata: { name: 'nobodys' }, data: {} });
  let maximum = 5;
  await throughput(++maximum); // warms both sides up

  const kinds: Record<
    string,
    { poisoned: () => Promise<() => Promise<unknown>>; clean: () => Promise<() => Promise<unknown>> }
  > = {
    conflicting: {
      poisoned: async () => vandal('poison-licenses'),
      clean: async () => vandal('nobodys'),
    },
    failing: {
      poisoned: async () => {
        await plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(webhook('away', 'poison')) });
        await sleep(1_500); // until the API server obeys it
        await desk.patch('poison', { spec: spec(1_000 + maximum) });
        return () => plane.kubectl(['delete', 'validatingwebhookconfiguration', 'away']);
      },
      clean: async () => {
        // The API server asks about each ConfigMap here too, and none fits.
        await plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(webhook('away', 'nobody')) });
        await sleep(1_500);
        return () => plane.kubectl(['delete', 'validatingwebhookconfiguration', 'away']);
      },
    },
  };
  console.log(`${objects} healthy objects changed, ${rounds} rounds, without and with the poisoned one in turn`);
  console.log(
    '\n| poisoned object | without, objects/s | with, objects/s | with ÷ without |\n| --- | --- | --- | --- |',
  );
  for (const [kind, { poisoned, clean }] of Object.entries(kinds)) {
    const rates = { without: [] as number[], with: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      for (const which of round % 2 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
        const end = await (which === 'with' ? poisoned : clean)();
        rates[which].push(await throughput(++maximum));
        await end();
      }
    }
    const ratios = rates.with.map((one, round) => one / (rates.without[round] ?? 0));
    const cell = (list: readonly number[]) =>
      `${mean(list).toFixed(0)} (${list.map((one) => one.toFixed(0)).join(', ')})`;
    console.log(`| ${kind} | ${cell(rates.without)} | ${cell(rates.with)} | ${ratioOf(ratios)} |`);
  }
} finally {
  over = true;
  await operator.stop();
  await dispatcher.destroy();
  await plane.stop();
}
process.exit(0);
