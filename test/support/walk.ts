/**
 * The planner of src/settings/next.ts without a server: one LicenseSettings, its ConfigMaps in a Map, the time as a number. A
 * walk takes one step after the other, as src/controller/ does it over the network, and tells in words what was done. Every
 * revision that comes of it is judged by the invariants of docs/contract.md.
 *
 * ```ts
 * const walk = createWalk();
 * walk.save(zonesOf({ a: 3, b: 2 }));
 * walk.go(); // ['begin', 'create pom -', 'create pom-a 3', 'create pom-b 2', 'done']
 * ```
 */
import type { Status } from '../../src/api/licensesettings.ts';
import { createMemory, lateness, type Memory, remember, type Sent } from '../../src/controller/memory.ts';
import { projectConfigMap, type StoredConfigMap } from '../../src/controller/objects.ts';
import { type Owner, uidOf, type Want, wantedMetadata } from '../../src/settings/configmap.ts';
import { type Judgement, judge, read, type SettingsView, toldConfigMaps } from '../../src/settings/judgement.ts';
import { isInherited } from '../../src/settings/live.ts';
import { type Done, type Next, next, type Situation, type Step, type Write } from '../../src/settings/next.ts';
import { jsonKey, type Rendered } from '../../src/settings/render.ts';
import { nextStatus, sameStatus } from '../../src/settings/status.ts';
import { readZone } from '../../src/settings/zones.ts';
import type { Revision, Stored } from '../contract/revision.ts';
import { createSafetyJudge } from '../contract/safety.ts';

const name = 'pom';
const uid = 'uid-pom';
const namespace = 'dialer';
/** More steps than any walk takes: one that takes more does not end. */
const mostSteps = 40;
/** What the wall clock shows when a walk begins; no rule goes by it. */
const start = Date.UTC(2026, 0, 1);

export type Walk = ReturnType<typeof createWalk>;

/** What befalls the next write or deletion of a ConfigMap: no answer to it ever comes, or it is refused. */
type Fate = 'no answer' | 'refused';
type Sending = { readonly write: Write; readonly version: string | undefined; readonly until: number };

/** @param committed is told of every revision */
export function createWalk(committed: (revision: Revision) => void = () => {}) {
  const owner: Owner = { name, uid };
  const safety = createSafetyJudge({ quiet: false });
  const maps = new Map<string, Stored>();
  const views = new Map<string, StoredConfigMap>();
  const fates = new Map<string, Fate>();
  const others = new Set<string>();
  let [version, uids, term, now] = [0, 0, 1, 0];
  let memory: Memory = createMemory(uid, '');
  let object: Stored & SettingsView = {
    metadata: { name, namespace, uid, resourceVersion: '0', generation: 0 },
  };
  const underWay: Sending[] = [];

  function tell(revision: Revision): void {
    safety.take(revision);
    committed(revision);
  }

  function put(kind: 'LicenseSettings' | 'ConfigMap', stored: Stored, by: 'operator' | 'other'): void {
    const next = { ...stored, metadata: { ...stored.metadata, resourceVersion: String(++version) } };
    const isNew = kind === 'ConfigMap' ? !maps.has(stored.metadata.name) : stored.metadata.resourceVersion === '0';
    if (kind === 'LicenseSettings') object = next as typeof object;
    else {
      maps.set(stored.metadata.name, next);
      views.set(stored.metadata.name, projectConfigMap(next as never));
    }
    tell({ type: isNew ? 'ADDED' : 'MODIFIED', kind, object: next, by });
  }

  function take(one: string, by: 'operator' | 'other'): void {
    const stored = maps.get(one);
    if (!stored) return;
    maps.delete(one);
    views.delete(one);
    const last = { ...stored, metadata: { ...stored.metadata, resourceVersion: String(++version) } };
    tell({ type: 'DELETED', kind: 'ConfigMap', object: last, by });
  }

  function judgement(): Judgement {
    const reading = read(object);
    return judge(object, reading, owned(), inherited(reading.status));
  }
  const owned = () => [...views.values()].filter((view) => uidOf(view) === uid);
  const isThere = (one: string) => one === uid || others.has(one);
  const inherited = (status: Status | undefined) =>
    status?.applied ? [] : [...views.values()].filter((view) => isInherited(view, owner, isThere));

  /** What is remembered of what a look shows: the beginning of every reconcile. */
  function look(): void {
    const first = memory.takenAway === undefined ? 'taken' : 'nothing to take';
    const sight = owned().length === 0 ? 'nothing to take' : read(object).suspended ? 'being taken' : first;
    remember(memory, { what: 'saw', sight }, now);
    const applying = object.status?.applying;
    if (applying) remember(memory, { what: 'found a plan', applying, isThere: (one) => maps.has(one) }, now);
  }

  function situation(halted: Situation['halted'] = new Map(), background = true): Situation {
    const seen = {
      configMaps: views,
      inherited: new Set(inherited(object.status).map(({ metadata }) => metadata.name)),
    };
    return { judged: judgement(), seen, memory, now, epoch: `term-${term}`, background, halted };
  }

  /** Says in the status what came of it. */
  function conclude(told: Judgement, done?: Done, applying = object.status?.applying): void {
    const live = done?.live ?? told.applied;
    const isOver = done?.configMaps !== undefined && told.planned;
    const { generation, suspended, errors, pending, unusable, applied, newestHash } = told;
    const under = isOver ? undefined : applying;
    const status = nextStatus(object.status, {
      ...{ generation, suspended, errors, pending, unusable, live, before: applied, applying: under },
      problem: undefined,
      configMaps: done?.configMaps ?? toldConfigMaps(told, owned()),
      current: under === undefined && newestHash !== undefined && newestHash === live?.settingsHash,
      now: new Date(start + now).toISOString().replace(/\.\d+Z$/, 'Z'),
    });
    if (status && !sameStatus(object.status, status)) put('LicenseSettings', { ...object, status }, 'operator');
    if (!object.status?.applying) remember(memory, { what: 'has no plan' }, now);
  }

  /** Carries out a write. */
  function carryOut({ how, want, view }: Write): void {
    const { rendered } = want;
    const present = maps.get(rendered.name);
    const metadata = {
      ...{
        name: rendered.name,
        namespace,
        uid: (how !== 'replace' && present?.metadata.uid) || `uid-${++uids}`,
        resourceVersion: '0',
      },
      ...wantedMetadata(owner, how === 'relabel' ? asStored(want, view) : want, present?.metadata as never),
    };
    if (how === 'replace') take(rendered.name, 'operator');
    const contents = how === 'relabel' ? { ...present, metadata } : { metadata, data: rendered.data };
    put('ConfigMap', contents, 'operator');
  }

  /** Sends a write. True where the walk can go on. */
  function send(write: Write, log: string[]): boolean {
    const { rendered } = write.want;
    const fate = fates.get(rendered.name);
    fates.delete(rendered.name);
    log.push(`${inWords(write)}${fate ? `: ${fate}` : ''}`);
    if (fate === 'refused') return false;
    const sent = sentOf(write);
    if (fate === 'no answer') {
      const version = maps.get(rendered.name)?.metadata.resourceVersion;
      underWay.push({ write, version, until: now + lateness });
      remember(memory, { what: 'got no answer', write: sent }, now);
      return false;
    }
    carryOut(write);
    remember(memory, { what: 'was answered', write: sent }, now);
    return true;
  }

  /** Deletes a ConfigMap. True where the walk can go on. */
  function discard({ metadata }: StoredConfigMap, log: string[]): boolean {
    const fate = fates.get(metadata.name);
    log.push(`delete ${metadata.name}${fate ? `: ${fate}` : ''}`);
    if (fate) return false;
    take(metadata.name, 'operator');
    return true;
  }

  /** Does a step; gives whether another may follow. `left`: so many writes and deletions more. */
  function doStep(
    step: Step,
    log: string[],
    { halted, left }: { halted: Map<string, 'refused'>; left: number },
  ): boolean {
    switch (step.do) {
      case 'begin': {
        const applying = { ...step.applying, time: new Date(start + now).toISOString() };
        log.push('begin');
        remember(memory, { what: 'begins a plan', plan: applying }, now);
        conclude(judgement(), undefined, applying);
        return true;
      }
      case 'write':
      case 'delete': {
        const jobs = step.do === 'write' ? step.writes : step.views;
        for (const [at, job] of jobs.entries()) {
          if (at >= left) return false;
          const one = 'how' in job ? job.want.rendered.name : job.metadata.name;
          const isDone = 'how' in job ? send(job, log) : discard(job as StoredConfigMap, log);
          if (isDone) continue;
          if (!step.each) return false;
          halted.set(one, 'refused');
        }
        return true;
      }
      case 'wait':
        log.push(`wait ${step.milliseconds / 1000}`);
        conclude(judgement());
        return false;
      case 'stop':
        log.push(
          step.why.kind === 'halted'
            ? 'halted'
            : `${step.why.kind} ${'name' in step.why ? step.why.name : step.why.view.metadata.name}`,
        );
        return false;
      case 'done':
        log.push(step.result.later ? 'done, later more' : 'done');
        conclude(judgement(), step.result);
        return false;
    }
  }

  return {
    ...{ owner, maps, views, violations: safety.violations },
    get memory() {
      return memory;
    },
    get now() {
      return now;
    },
    status: (): Status | undefined => object.status,
    /** Saves a spec, or the same one with other annotations. */
    save(spec: object, annotations?: Record<string, string>): void {
      const generation = (object.metadata.generation ?? 0) + 1;
      const metadata = { ...object.metadata, generation, ...(annotations ? { annotations } : {}) };
      put('LicenseSettings', { ...object, metadata, spec }, 'other');
    },
    /** Somebody writes another status, as a backup does. */
    restore(status: Status | undefined): void {
      const { status: _, ...rest } = object;
      put('LicenseSettings', { ...rest, ...(status ? { status } : {}) }, 'other');
    },
    /** Goes on until all is done, a plan waits, or something is in the way; or for so many writes and deletions. */
    go(writes = Number.POSITIVE_INFINITY): string[] {
      const log: string[] = [];
      look();
      if (read(object).suspended) {
        conclude(judgement());
        return ['suspended'];
      }
      const halted = new Map<string, 'refused'>();
      for (let steps = 0; steps < mostSteps; steps++) {
        const { step, sight }: Next = next(situation(halted));
        if (sight) remember(memory, { what: 'saw', sight }, now);
        const left = writes - log.length;
        if (left <= 0 && (step.do === 'begin' || step.do === 'write' || step.do === 'delete')) return log;
        if (!doStep(step, log, { halted, left })) return log;
      }
      throw new Error(`it does not come to an end: ${log.join(', ')}`);
    },
    /** The next step, which is not done. */
    next: (halted?: Situation['halted'], background?: boolean): Next => next(situation(halted, background)),
    judgement,
    /** Time passes. */
    pass(seconds: number): void {
      now += 1000 * seconds;
    },
    /** Another process leads: it remembers nothing. */
    nextTerm(): void {
      term++;
      memory = createMemory(uid, '');
    },
    /** The next write of a ConfigMap has no answer, and may land later; or it is refused. */
    befall(one: string, fate: Fate): void {
      fates.set(one, fate);
    },
    forgive: (): void => fates.clear(),
    /** What got no answer is carried out now, unless the API server has given it up. Gives what came of each. */
    land(): string[] {
      return underWay.splice(0).map(({ write, version: from, until }) => {
        const { rendered } = write.want;
        const isCurrent = maps.get(rendered.name)?.metadata.resourceVersion === from;
        const fate = now >= until ? 'too late' : isCurrent ? 'landed' : 'conflict';
        if (fate === 'landed') carryOut(write);
        return `${rendered.name} ${fate}`;
      });
    },
    /** Somebody puts a ConfigMap there, or changes the one that is there. */
    edit(one: string, change: (stored: Stored) => Stored): void {
      const empty = { metadata: { name: one, namespace, uid: `uid-${++uids}`, resourceVersion: '0' } };
      put('ConfigMap', change(maps.get(one) ?? empty), 'other');
    },
    /** Somebody deletes a ConfigMap. */
    remove: (one: string): void => take(one, 'other'),
    /** An object with another uid is there. */
    meet: (one: string): unknown => others.add(one),
    /** What the ConfigMaps give of ports, by their names: `-` where there is no CAPACITY. */
    ports: () =>
      Object.fromEntries([...maps].sort().map(([one, { data }]) => [one, data?.['OUTBOUND_PORTS_CAPACITY'] ?? '-'])),
  };
}

const asStored = (want: Want, view: Write['view']): Want => ({
  ...want,
  rendered: { ...want.rendered, dataHash: view?.dataHash ?? want.rendered.dataHash },
});

function inWords({ how, want: { rendered, epoch } }: Write): string {
  if (how === 'relabel') return `relabel ${rendered.name}`;
  return `${epoch === undefined ? how : 'fence'} ${rendered.name} ${portsIn(rendered)}`;
}

const sentOf = ({ how, want: { rendered } }: Write): Sent => ({
  ...{ name: rendered.name, dataHash: rendered.dataHash, create: how === 'create' || how === 'replace', free: true },
  zone: readZone({ record: rendered.data[jsonKey] }),
});

/** CAPACITY of ports; `-` where there is none. */
export const portsIn = ({ data }: Pick<Rendered, 'data'>): string => data['OUTBOUND_PORTS_CAPACITY'] ?? '-';

type More = { readonly maximum?: number; readonly [field: string]: unknown };

/** A spec whose zones hold so many ports of a maximum of 5, in ConfigMaps `pom` and `pom-<zone>`. */
export const zonesOf = (held: Readonly<Record<string, number>>, { maximum = 5, ...more }: More = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  zones: Object.entries(held).map(([zone, ports]) => ({ name: zone, licenses: { outboundPorts: ports } })),
  configMap: { name: 'pom' },
  settleSeconds: 100,
  ...more,
});

/** A spec without zones. */
export const plainOf = (maximum = 5, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  configMap: { name: 'pom' },
  settleSeconds: 100,
  ...more,
});
