/** The driver of the fuzz: hostile cases against the operator at a real API server, and what must hold all along. */
import { setTimeout as sleep } from 'node:timers/promises';
import { plural } from '../../src/api/names.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Committed, watchRevisions } from '../faults/revisions.ts';
import { createDesk, type LogLine, memoryLimit, memoryOf, type Operator, operatorUser, until } from '../operator.ts';
import { createRandom } from '../support/random.ts';
import { allKinds, type Case, hostileCase, type Kind, type Step } from './hostile.ts';
import type { Seen } from './neighbour.ts';
import {
  createSender,
  namespaces,
  neighbourNamespace,
  openPlane,
  openWay,
  type Sender,
  startFuzzed,
  startNeighbour,
  type Way,
} from './scene.ts';
import { createView, type View } from './view.ts';
import { createWriteJudge, type WriteJudge } from './writes.ts';

/**
 * How long a neighbour's change may take once the API server tells its watches of it, in milliseconds. A hostile object may hold
 * the API server itself up for seconds: nobody can act on what he is not told.
 */
const neighbourPatience = 3_000;
/** The same of the one change that meets an interruption: everything is listed anew first, which is the API server's work. */
const listPatience = 50_000;
/** How long an object may be without a word of the operator: a refused write is tried again within a minute. */
const silence = 75_000;
/** Cases at work at once. */
const atOnce = 6;
/** What lies in the cluster at a time: so many cases, and bytes of bodies. docs/security.md: a quota bounds them. */
const mostAlive = 400;
const mostBytes = 24 * 1024 * 1024;
/** After so many cases everything is listed anew. */
const listedAfter = 150;
/** After so many violations nothing more is learned. */
const enough = 50;

export type Options = {
  readonly objects: number;
  readonly seed: number;
  readonly tell?: (line: string) => void;
  /** When it is aborted no more objects come, and what came is judged. */
  readonly signal?: AbortSignal;
};

/** What came of the cases of a kind: requests that the API server took, and that it refused. */
export type Tally = { cases: number; taken: number; refused: number };

export type Report = {
  readonly kinds: ReadonlyMap<Kind, Tally>;
  /** In milliseconds: until its slowest change was live since the API server told of it, and until that told of one. */
  readonly neighbour: { readonly changes: number; readonly slowest: number; readonly slowestTold: number };
  /** In MiB: at the start, at the end, and the most, of both processes. */
  readonly memory: { readonly first: number; readonly last: number; readonly most: number };
  readonly unreadable: number;
  readonly writes: number;
  readonly revisions: number;
  readonly seconds: number;
  readonly violations: readonly string[];
  /** What the operator logged, of both processes. */
  readonly log: readonly LogLine[];
};

/** What the parts of a campaign share. */
type Scene = {
  readonly options: Options;
  readonly plane: ControlPlane;
  readonly way: Way;
  readonly sender: Sender;
  readonly view: View;
  readonly judge: WriteJudge;
  readonly violations: string[];
  readonly kinds: Map<Kind, Tally>;
  readonly neighbour: { readonly uid: string; readonly seen: Seen[]; isExcused: boolean };
  readonly memory: { first: number; last: number; most: number };
  /** Cases that have done their steps, the oldest first, and the bytes of their bodies. */
  readonly alone: ReturnType<typeof oneByOne>;
  readonly alive: Case[];
  readonly logs: (readonly LogLine[])[];
  bytes: number;
  operator: Operator;
};

/** Runs the cases of the seeds from `seed` on, and gives what came of it. Throws only where the harness itself fails. */
export async function runCampaign(options: Options): Promise<Report> {
  const plane = await openPlane();
  const closing: (() => unknown)[] = [() => plane.stop()];
  try {
    const started = performance.now();
    const scene = await openScene(options, plane, closing);
    await unharmed(scene, () => attack(scene));
    await restart(scene, closing);
    await judgeAll(scene);
    return reportOf(scene, (performance.now() - started) / 1000);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function openScene(options: Options, plane: ControlPlane, closing: (() => unknown)[]): Promise<Scene> {
  const [view, judge] = [createView(), createWriteJudge()];
  const violations: string[] = [];
  const take = (committed: Committed) => {
    view.take(committed);
    judge.take(committed);
  };
  const revisions = await watchRevisions(plane.etcd ?? '', take, (problem) => violations.push(`harness: ${problem}`));
  const sender = createSender(plane);
  const way = await openWay(plane);
  const operator = await startFuzzed(plane, way);
  closing.push(revisions.stop, sender.close, way.close, () => operator.stop());
  const desk = createDesk(plane, neighbourNamespace);
  const { metadata } = await desk.create('neighbour', { licenses: { outboundPorts: { minimum: 0, maximum: 1 } } });
  await desk.settled('neighbour');
  const kinds = new Map(allKinds.map((kind) => [kind, { cases: 0, taken: 0, refused: 0 }]));
  const first = memoryOf(operator).now;
  return {
    ...{ options, plane, way, sender, view, judge, violations, kinds, operator },
    ...{
      neighbour: { uid: metadata.uid, seen: [], isExcused: false },
      memory: { first, last: first, most: first },
      alive: [],
      bytes: 0,
    },
    alone: oneByOne(),
    logs: [operator.log],
  };
}

/** While something goes on the operator stays alive and within its memory, and a neighbour's change goes live in time. */
async function unharmed(scene: Scene, action: () => Promise<void>): Promise<void> {
  const { plane, operator, violations, memory, neighbour, options } = scene;
  let [ended, wasFull] = [false, false];
  const underWay = () => `after ${[...scene.kinds.values()].reduce((sum, { cases }) => sum + cases, 0)} objects`;
  const thread = startNeighbour(plane, (seen) => {
    const most = neighbour.isExcused ? listPatience : neighbourPatience;
    if (!neighbour.isExcused) neighbour.seen.push(seen);
    neighbour.isExcused = false;
    if (seen.live - seen.told > most)
      violations.push(
        `a neighbour waited ${seen.live.toFixed(0)} ms, ${seen.told.toFixed(0)} ms of them for the API server, until ${new Date().toISOString()}, ${underWay()}: ${replay(options)}`,
      );
  });
  void operator.exit().then((code) => {
    if (!ended)
      violations.push(`the operator ended with ${code} ${underWay()}: ${replay(options)}\n${endOf(operator)}`);
  });
  const timer = setInterval(() => {
    if (!isAlive(operator)) return;
    const { now, most } = memoryOf(operator);
    Object.assign(memory, { last: now, most: Math.max(memory.most, most) });
    if (most > memoryLimit && !wasFull)
      violations.push(`${most.toFixed(0)} MiB of memory ${underWay()}: ${replay(options)}`);
    wasFull ||= most > memoryLimit;
  }, 250);
  try {
    await action();
  } finally {
    ended = true;
    clearInterval(timer);
    await thread.stop();
  }
}

const replay = ({ objects, seed }: Options): string => `npm run fuzz -- --objects ${objects} --seed ${seed}`;
const endOf = ({ log }: Operator): string =>
  log
    .slice(-5)
    .map((line) => JSON.stringify(line).slice(0, 500))
    .join('\n');

/** All cases, some at once; at the end each object that is left has a status that speaks of it. */
async function attack(scene: Scene): Promise<void> {
  const { objects, seed, tell = () => {} } = scene.options;
  let [next, told] = [seed, performance.now()];
  const work = async () => {
    while (next < seed + objects && isGoingOn(scene)) {
      const one = hostileCase(next++);
      await runCase(scene, one);
      await makeRoom(scene);
      if ((one.seed - seed + 1) % listedAfter === 0) await interrupt(scene);
      if (performance.now() - told < 15_000) continue;
      told = performance.now();
      tell(
        `${next - seed} of ${objects} objects, ${scene.memory.last.toFixed(0)} MiB, ${scene.violations.length} violations`,
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await Promise.all(scene.alive.map((one) => speaks(scene, one)));
}

/** Everything is listed anew, whatever lies there; the neighbour's change that meets this may take longer. */
async function interrupt({ neighbour, way }: Scene): Promise<void> {
  neighbour.isExcused = true;
  await way.interrupt();
}

/** Does what it is given, the next when the one before has ended. */
function oneByOne(): <T>(action: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (action) => {
    const next = last.then(action);
    last = next.catch(() => {});
    return next;
  };
}

const isGoingOn = ({ operator, violations, options }: Scene): boolean =>
  violations.length < enough && options.signal?.aborted !== true && isAlive(operator);
const isAlive = ({ process: { exitCode, signalCode } }: Operator): boolean => exitCode === null && signalCode === null;

export const namespaceOf = (seed: number): string => namespaces[seed % namespaces.length] ?? '';
const keyOf = ({ seed, name }: Case): string => `${namespaceOf(seed)}/${name}`;

async function runCase(scene: Scene, one: Case): Promise<void> {
  const random = createRandom(one.seed);
  const tally = scene.kinds.get(one.kind) as Tally;
  tally.cases++;
  let uid = '';
  // Managed fields cost the API server most: several at once would only show how slow it can be.
  const isCostly = one.steps.some(({ body }) => body.includes('"managedFields"'));
  for (const step of one.steps) {
    const send = () => sendStep(scene, one, step, uid);
    const { code, text } = await (isCostly ? scene.alone(send) : send());
    tally[code < 300 ? 'taken' : 'refused']++;
    if (isCreation(step)) {
      if (code >= 300) return;
      uid = (JSON.parse(text) as { metadata: { uid: string } }).metadata.uid;
      // Half of them are changed before the operator has seen them.
      if (one.kind === 'fight' || random.chance(0.5)) await scene.view.spoken(keyOf(one), 2_000);
    }
    await sleep(random.pick([0, 0, 0, 50]));
  }
  scene.alive.push(one);
  scene.bytes += bytesOf(one);
}

const isCreation = (step: Step): boolean => step.do === 'create' && step.what === 'settings';
const bytesOf = ({ steps }: Case): number => steps.reduce((sum, { body }) => sum + body.length, 0);

function sendStep({ sender, neighbour }: Scene, { seed }: Case, step: Step, uid: string) {
  const collection = pathOf(step.what === 'configMap' ? 'configmaps' : plural, namespaceOf(seed));
  const one = `${collection}/${step.name}${step.what === 'status' ? '/status' : ''}`;
  const body = step.body.replaceAll('@uid@', uid).replaceAll('@neighbour@', neighbour.uid);
  return step.do === 'create' ? sender.send('POST', collection, body) : sender.send('PATCH', one, body);
}

const pathOf = (resource: string, namespace: string): string =>
  `${resource === plural ? '/apis/licensing.dialer.dev/v1' : '/api/v1'}/namespaces/${namespace}/${resource}`;

/** The oldest cases go, when the operator has said what it has to say of them. */
async function makeRoom(scene: Scene): Promise<void> {
  while (scene.alive.length > mostAlive || scene.bytes > mostBytes) {
    const one = scene.alive.shift();
    if (!one) return;
    scene.bytes -= bytesOf(one);
    await speaks(scene, one);
    await remove(scene, one);
  }
}

/** Nothing is skipped: an object has a status that speaks of its generation, or the log names it as unreadable. */
async function speaks({ view, operator, violations }: Scene, one: Case): Promise<void> {
  const key = keyOf(one);
  if (!one.steps.some(isCreation)) return;
  if (await view.spoken(key, silence)) return;
  if (operator.log.some((line) => isUnreadable(line) && line['key'] === key)) return;
  const said = JSON.stringify(operator.log.findLast((line) => line['key'] === key))?.slice(0, 1_000);
  const again = replay({ objects: 1, seed: one.seed });
  violations.push(`object ${one.seed} (${one.kind}) was skipped: ${view.words(key)}, ${said}: ${again}`);
}

const isUnreadable = ({ msg }: LogLine): boolean => msg.startsWith('an object can not be read');

/** Deletes what belongs to a case, the object or its ConfigMaps first, and takes away what would hold them back. */
async function remove({ sender, view }: Scene, { seed, name }: Case): Promise<void> {
  const namespace = namespaceOf(seed);
  const paths = [
    `${pathOf(plural, namespace)}/${name}`,
    ...view.configMapsOf(seed).map((map) => `${pathOf('configmaps', namespace)}/${map}`),
  ];
  for (const path of seed % 2 === 0 ? paths : paths.reverse()) {
    const { text } = await sender.send('DELETE', path, null);
    if (text.includes('"finalizers"')) await sender.send('PATCH', path, '{"metadata":{"finalizers":null}}');
  }
}

/** It ends in time, and the next one copes with what lies there from its first list on. */
async function restart(scene: Scene, closing: (() => unknown)[]): Promise<void> {
  if (!isAlive(scene.operator)) return;
  const { operator, violations, plane, way, memory, neighbour } = scene;
  judgeLog(scene);
  const started = performance.now();
  const code = await operator.stop();
  const took = performance.now() - started;
  if (code !== 0 || took > 5_000) violations.push(`SIGTERM: it ended with ${code} after ${took.toFixed(0)} ms`);
  const next = await startFuzzed(plane, way);
  scene.operator = next;
  scene.logs.push(next.log);
  closing.push(() => next.stop());
  await next.logged(({ msg }) => msg === 'served from now on', 'it serves after a restart', 60_000);
  const before = neighbour.seen.length;
  await unharmed(scene, () =>
    until('a neighbour is served after a restart', async () => neighbour.seen.length >= before + 3, 100_000),
  );
  memory.last = memoryOf(next).now;
  judgeLog(scene);
}

/** What the log says of defects. That the API server is away for a moment is no news here. */
function judgeLog({ operator, violations, options }: Scene): void {
  for (const line of operator.log) {
    const isBad = !['info', 'warn'].includes(line.level) || /defect|cut off/.test(line.msg);
    if (isBad && !isUnreadable(line))
      violations.push(`log: ${JSON.stringify(line).slice(0, 1_000)}: ${replay(options)}`);
  }
}

/** Every write of the operator, by the audit log. */
async function judgeAll(scene: Scene): Promise<void> {
  const { plane, judge, violations, view, options } = scene;
  await view.quiet();
  const events = await plane.audit().since(0, ({ stage }) => stage === 'ResponseComplete');
  for (const event of events) {
    const wrong = event.user.username === operatorUser ? judge.judge(event) : undefined;
    if (wrong) violations.push(`${wrong}: ${replay(options)}`);
  }
  view.writes = events.length;
}

function reportOf({ kinds, neighbour, memory, logs, view, violations }: Scene, seconds: number): Report {
  const log = logs.flat();
  const slowest = (times: number[]) => times.reduce((most, one) => Math.max(most, one), 0);
  return {
    ...{ kinds, memory, violations, seconds, writes: view.writes, revisions: view.revisions },
    log,
    unreadable: log.filter(isUnreadable).length,
    neighbour: {
      changes: neighbour.seen.length,
      slowest: slowest(neighbour.seen.map(({ live, told }) => live - told)),
      slowestTold: slowest(neighbour.seen.map(({ told }) => told)),
    },
  };
}
