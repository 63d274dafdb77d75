/**
 * `npm run bench:transport`: HTTP/1.1 against HTTP/2 to a real API server: 16 workers PUT ConfigMaps, each their own.
 * Prints PUTs a second, our CPU for each, and the slowest hundredth. The finding is in docs/decisions/0003-http-1-1.md.
 */
import { readFileSync } from 'node:fs';
import { Agent } from 'undici';
import { startControlPlane } from '../controlplane/controlplane.ts';

const workers = 16;
const putsEach = 100;
const rounds = 5;

const plane = await startControlPlane({ audit: false });
const ca = readFileSync(plane.ca, 'utf8');
const headers = { authorization: `Bearer ${plane.adminToken}`, 'content-type': 'application/json' };
const data = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`KEY_${n}`, 'x'.repeat(100)]));
const base = '/api/v1/namespaces/default/configmaps';

async function call(agent: Agent, method: 'POST' | 'PUT', path: string, body: unknown): Promise<void> {
  const answer = await agent.request({ origin: plane.server, path, method, headers, body: JSON.stringify(body) });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
}

type Kind = { name: string; agent: Agent; rates: number[]; cpu: number[]; p99: number[] };
const kinds: Kind[] = (
  [
    ['HTTP/1.1, 16 sockets', false, workers],
    ['HTTP/2, 1 socket', true, 1],
    ['HTTP/2, 4 sockets', true, 4],
  ] as const
).map(([name, allowH2, connections]) => ({
  name,
  agent: new Agent({ connections, allowH2, pipelining: allowH2 ? workers : 1, connect: { ca } }),
  ...{ rates: [], cpu: [], p99: [] },
}));

async function measure({ name, agent, rates, cpu, p99 }: Kind, round: number): Promise<void> {
  const times: number[] = [];
  const work = async (worker: number) => {
    for (let n = 0; n < putsEach; n++) {
      const started = performance.now();
      const metadata = { name: `bench-${worker}`, annotations: { round: `${name}-${round}-${n}` } };
      await call(agent, 'PUT', `${base}/bench-${worker}`, { metadata, data });
      times.push(performance.now() - started);
    }
  };
  const [started, before] = [performance.now(), process.cpuUsage()];
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  // The first round warms up.
  if (round === 0) return;
  rates.push(times.length / seconds);
  cpu.push((user + system) / times.length);
  p99.push(times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0);
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

try {
  const setUp = new Agent({ connect: { ca } });
  for (let n = 0; n < workers; n++) await call(setUp, 'POST', base, { metadata: { name: `bench-${n}` }, data });
  await setUp.close();
  // In turns, so that what else the machine does meets all alike.
  for (let round = 0; round <= rounds; round++) for (const kind of kinds) await measure(kind, round);
  for (const { name, agent, rates, cpu, p99 } of kinds) {
    const figures = `${median(rates).toFixed(0)} PUT/s, ${median(cpu).toFixed(0)} us of our CPU each`;
    process.stdout.write(
      `${name.padEnd(21)} ${figures}, p99 ${median(p99).toFixed(0)} ms (medians of ${rounds} rounds)\n`,
    );
    await agent.close();
  }
} finally {
  await plane.stop();
}
