/**
 * An independent judge of DESIGN's S9: watches the ConfigMaps of one object with a request of its own, and sums after
 * every committed revision what the zones hold. It shares no code with the operator but the table of types.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { licenseTypes } from '../../src/api/license-types.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';

type ConfigMap = {
  metadata: { name: string; uid: string; resourceVersion: string };
  data?: Record<string, string>;
};
type Counts = Record<string, number>;
type Organization = { licenses: Record<string, { capacity: number }> };
type Document = {
  scope: 'Default' | 'System' | 'Zone';
  zone?: string;
  licenses: Record<string, { capacity?: number; total?: number }>;
  organizations?: Organization[];
};
/** What one ConfigMap says now. `born` is the order of creation. */
type Seen = {
  readonly name: string;
  readonly uid: string;
  readonly born: number;
  readonly scope: string;
  readonly zone: string | undefined;
  /** CAPACITY keys: what dialers obey. */
  readonly obeyed: Counts;
  readonly total: Counts;
  readonly given: Counts;
};

const keys = licenseTypes.map(({ key }) => key);
const counts = (value: (key: string) => number): Counts => Object.fromEntries(keys.map((key) => [key, value(key)]));

export type ZoneWatcher = {
  /** Revisions judged. */
  readonly judged: () => number;
  /** How many of them had zones whose capacity of some type was exactly the total: where one license more is too many. */
  readonly tight: () => number;
  /** Every broken invariant, each with its revision. */
  readonly violations: readonly string[];
  /** Waits until everything that was committed up to now is judged. */
  readonly caughtUp: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Begins to watch the ConfigMaps of a namespace that has none of ours yet. */
export async function watchZones(plane: ControlPlane, namespace: string): Promise<ZoneWatcher> {
  const dispatcher = new Agent({ connect: { ca: readFileSync(plane.ca) }, bodyTimeout: 0 });
  const headers = { authorization: `Bearer ${plane.adminToken}` };
  const url = `${plane.server}/api/v1/namespaces/${namespace}/configmaps`;
  const list = async () => {
    const { body } = await request(url, { dispatcher, headers });
    return (await body.json()) as { metadata: { resourceVersion: string }; items: ConfigMap[] };
  };

  const seen = new Map<string, Seen>();
  const violations: string[] = [];
  let judged = 0;
  let tight = 0;
  let born = 0;
  let stopped = false;
  const first = await list();
  let revision = first.metadata.resourceVersion;

  const judge = () => {
    judged++;
    const all = [...seen.values()];
    const fail = (what: string) => violations.push(`revision ${revision}: ${what}`);
    const systems = all.filter(({ scope }) => scope === 'System').sort((a, b) => b.born - a.born);
    const obeyed = all.filter((one) => one.scope === 'Default');
    let isTight = false;
    for (const key of keys) {
      const zones = new Map<string, number>();
      for (const one of all) {
        if (one.zone === undefined) continue;
        const held = one.obeyed[key] ?? 0;
        zones.set(one.zone, Math.max(zones.get(one.zone) ?? 0, held));
        const given = one.given[key] ?? 0;
        if (given > held) fail(`organizations of ${one.name} hold ${given} of ${key}, the zone ${held}`);
      }
      const sum = [...zones.values()].reduce((a, b) => a + b, 0);
      const [system] = systems;
      // A system that is obeyed beside zones gives out every license that a zone holds a second time.
      for (const one of obeyed)
        if (sum > 0) fail(`zones hold ${sum} of ${key} while ${one.name} has CAPACITY keys (${one.obeyed[key]})`);
      if (obeyed.length > 0) continue;
      const total = system?.total[key] ?? 0;
      if (sum > total) fail(`zones hold ${sum} of ${key}, the total of ${system?.name ?? 'no system'} is ${total}`);
      if (sum === total && sum > 0) isTight = true;
    }
    if (isTight) tight++;
  };

  const take = (type: string, map: ConfigMap) => {
    revision = map.metadata.resourceVersion;
    const { name, uid } = map.metadata;
    const text = map.data?.['licenses.json'];
    if (text === undefined) return;
    if (type === 'DELETED') seen.delete(name);
    else {
      const document = JSON.parse(text) as Document;
      const read = counts((key) => document.licenses[key]?.capacity ?? 0);
      const obeyed = counts((key) => {
        const env = licenseTypes.find((one) => one.key === key)?.env;
        return Number(map.data?.[`${env}_CAPACITY`] ?? 0);
      });
      const hasKeys = Object.keys(map.data ?? {}).some((key) => key.endsWith('_CAPACITY'));
      if (hasKeys !== (document.scope !== 'System'))
        violations.push(`revision ${revision}: ${name} of scope ${document.scope}, CAPACITY keys: ${hasKeys}`);
      if (JSON.stringify(read) !== JSON.stringify(obeyed))
        violations.push(`revision ${revision}: JSON and CAPACITY keys of ${name} differ`);
      const before = seen.get(name);
      seen.set(name, {
        ...{ name, uid, scope: document.scope, zone: document.zone, obeyed },
        born: before?.uid === uid ? before.born : ++born,
        total: counts((key) => document.licenses[key]?.total ?? 0),
        given: counts((key) =>
          (document.organizations ?? []).reduce((sum, one) => sum + (one.licenses[key]?.capacity ?? 0), 0),
        ),
      });
    }
    judge();
  };

  const abort = new AbortController();
  const watch = async () => {
    while (!stopped) {
      // From the last revision on, so that a new connection misses none.
      const query = `watch=1&timeoutSeconds=3600&resourceVersion=${revision}`;
      const answer = await request(`${url}?${query}`, { dispatcher, headers, signal: abort.signal });
      if (answer.statusCode !== 200) throw new Error(`the watch: ${answer.statusCode} ${await answer.body.text()}`);
      let rest = '';
      for await (const chunk of answer.body.setEncoding('utf8')) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const event = JSON.parse(line) as { type: string; object: ConfigMap };
          if (event.type === 'ERROR') throw new Error(`the watch: ${line}`);
          take(event.type, event.object);
        }
      }
    }
  };
  const watching = watch().catch((error: unknown) => {
    // A judge that went blind must not acquit.
    if (!stopped) violations.push(`the watcher died after revision ${revision}: ${error}`);
  });

  return {
    judged: () => judged,
    tight: () => tight,
    violations,
    async caughtUp() {
      const end = performance.now() + 20_000;
      for (;;) {
        const { items } = await list();
        const ours = items.filter(({ data }) => data?.['licenses.json'] !== undefined);
        const newest = Math.max(0, ...ours.map(({ metadata }) => Number(metadata.resourceVersion)));
        if (Number(revision) >= newest && ours.length === seen.size) return;
        if (performance.now() > end) throw new Error(`the watcher is at ${revision}, the API server at ${newest}`);
        await sleep(50);
      }
    },
    async stop() {
      stopped = true;
      abort.abort();
      await watching;
      await dispatcher.destroy();
    },
  };
}
