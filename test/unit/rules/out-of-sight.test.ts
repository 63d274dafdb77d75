/** Rules 3, 6 and 9 for ConfigMaps that the watch does not show: somebody has taken the label that it selects by. */
import * as assert from 'uvu/assert';
import { createController } from '../../../src/controller/controller.ts';
import { createLogger } from '../../../src/observe/logger.ts';
import { createMetrics } from '../../../src/observe/metrics.ts';
import { suite } from '../../suite.ts';
import { createServerFront } from '../../support/server-front.ts';
import { createSmallCluster } from '../../support/small-cluster.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const rule = suite('out of sight of the watch');
const minute = 60_000;
const managedBy = 'app.kubernetes.io/managed-by';
const plain = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});
const zoned = { licenses: { outboundPorts: { minimum: 0, maximum: 5 } }, settleSeconds: 0 };

rule('L1, R6.5 a ConfigMap that was deleted out of sight keeps nobody waiting', async () => {
  const clock = createVirtualClock();
  const front = createServerFront({ clock, latency: 5 });
  const operator = async () => {
    const controller = createController({
      ...{ client: front.client, clock, namespaces: [], metrics: createMetrics(), workers: 4, resync: 600_000 },
      ...{ instance: 'test', log: createLogger({ level: 'fatal', format: 'json' }) },
    });
    const stop = new AbortController();
    void controller.run(stop.signal);
    const led = controller.lead(stop.signal);
    await clock.advance(5_000);
    return async () => {
      stop.abort();
      await clock.advance(100);
      await led;
    };
  };
  const desk = front.desk('dialer');
  desk.create('pom', plain(5));
  const end = await operator();
  await end();
  desk.maps.change('pom-licenses', ({ metadata }) => {
    const { [managedBy]: _, ...labels } = metadata.labels ?? {};
    return { metadata: { labels } };
  });
  desk.save('pom', plain(5, { configMap: { name: 'pom-other' } }));
  const last = await operator();
  assert.equal(desk.maps.names(), ['pom-other']);
  desk.save('pom', plain(6, { configMap: { name: 'pom-other' } }));
  await clock.advance(5_000);
  const { data } = desk.maps.get('pom-other') as { data?: Record<string, string> };
  assert.is(data?.['OUTBOUND_PORTS_CAPACITY'], '6');
  await last();
});

rule('L4, R9.11 a zone whose labels somebody takes off after each write is looked for, at little cost', async () => {
  const { clock, desk, start, stop, follow, taken } = createSmallCluster();
  const dialer = desk('dialer');
  const other = desk('dialer', 'other');
  await start();
  dialer.create('pom', { ...zoned, zones: [{ name: 'emea', licenses: { outboundPorts: 4 } }] });
  await clock.advance(minute);
  assert.is(dialer.conditionOf('pom', 'Applied')?.status, 'True');
  const strip = () => other.maps.change('pom-licenses-emea', () => ({ metadata: { labels: {} } }));
  follow(({ object, by }) => {
    if (object.metadata.name === 'pom-licenses-emea' && by === 'operator') clock.after(20, strip);
  });
  taken();
  strip();
  await clock.advance(3 * minute);
  const sent = taken();
  const most = Math.max(...sent.map(({ at }) => sent.filter((one) => one.at >= at && one.at < at + minute).length));
  assert.ok(most > 10 && most <= 30, `${most} requests in 60 s`);
  await stop();
});
