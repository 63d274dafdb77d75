import * as assert from 'uvu/assert';
import { createMetrics, type Metrics } from '../../src/observe/metrics.ts';
import { version } from '../../src/version.ts';
import { suite } from '../suite.ts';

/** The samples of ours, by name and labels. */
async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const { body } = await metrics.render();
  const lines = body.split('\n').filter((line) => line.startsWith('license_settings_'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

const test = suite('metrics');

test('a reconcile counts by its outcome and in the histogram', async () => {
  const metrics = createMetrics();
  metrics.reconciled('written', 0.004);
  metrics.reconciled('written', 0.4);
  metrics.reconciled('problem', 99);
  const found = await samples(metrics);
  assert.is(found.get('license_settings_reconciles_total{outcome="written"}'), 2);
  assert.is(found.get('license_settings_reconciles_total{outcome="problem"}'), 1);
  assert.is(found.get('license_settings_reconcile_duration_seconds_count'), 3);
  assert.is(found.get('license_settings_reconcile_duration_seconds_bucket{le="0.005"}'), 1);
  assert.is(found.get('license_settings_reconcile_duration_seconds_bucket{le="+Inf"}'), 3);
});

test('a request counts by verb, resource and code, and its seconds by verb and resource', async () => {
  const metrics = createMetrics();
  metrics.request('update', 'configmaps', 200, 0.25);
  metrics.request('update', 'configmaps', 409, 0.5);
  metrics.request('update', 'configmaps', 0, 0.25);
  const found = await samples(metrics);
  for (const code of [200, 409, 0]) {
    assert.is(found.get(`license_settings_requests_total{verb="update",resource="configmaps",code="${code}"}`), 1);
  }
  const labels = '{verb="update",resource="configmaps"}';
  assert.is(found.get(`license_settings_request_duration_seconds_count${labels}`), 3);
  assert.is(found.get(`license_settings_request_duration_seconds_sum${labels}`), 1);
});

test('a watch counts as a request, but its minutes do not spoil the durations', async () => {
  const metrics = createMetrics();
  metrics.request('watch', 'configmaps', 200, 300);
  const found = await samples(metrics);
  assert.is(found.get('license_settings_requests_total{verb="watch",resource="configmaps",code="200"}'), 1);
  assert.not([...found.keys()].some((name) => name.includes('request_duration') && name.includes('watch')));
});

test('watches: restarts by reason, synced as 1 or 0', async () => {
  const metrics = createMetrics();
  metrics.watchRestarted('configmaps', '', 'Expired');
  metrics.watchSynced('configmaps', 'nsa', true);
  metrics.watchSynced('licensesettings', 'nsa', true);
  metrics.watchSynced('licensesettings', 'nsa', false);
  metrics.watchSynced('licensesettings', 'nsb', true);
  const found = await samples(metrics);
  assert.is(found.get('license_settings_watch_restarts_total{resource="configmaps",namespace="",reason="Expired"}'), 1);
  assert.is(found.get('license_settings_watch_synced{resource="configmaps",namespace="nsa"}'), 1);
  assert.is(found.get('license_settings_watch_synced{resource="licensesettings",namespace="nsa"}'), 0);
  assert.is(found.get('license_settings_watch_synced{resource="licensesettings",namespace="nsb"}'), 1);
});

test('the depth of the queue is the last one told', async () => {
  const metrics = createMetrics();
  metrics.queueDepth('fresh', 7);
  metrics.queueDepth('fresh', 2);
  assert.is((await samples(metrics)).get('license_settings_queue_depth{priority="fresh"}'), 2);
});

test('objects by reason: a reason that nobody has any more is gone', async () => {
  const metrics = createMetrics();
  const tell = (counts: Record<string, Record<string, number>>) =>
    metrics.setObjects(
      new Map(Object.entries(counts).map(([namespace, reasons]) => [namespace, new Map(Object.entries(reasons))])),
    );
  tell({ nsa: { Applied: 3, Invalid: 1 }, nsb: { Applied: 2 } });
  tell({ nsa: { Applied: 4 }, nsb: { Applied: 2 } });
  const found = await samples(metrics);
  assert.is(found.get('license_settings_objects{namespace="nsa",reason="Applied"}'), 4);
  assert.is(found.get('license_settings_objects{namespace="nsb",reason="Applied"}'), 2);
  assert.not(found.has('license_settings_objects{namespace="nsa",reason="Invalid"}'));
});

test('failed events start at 0, so that the first one is an increase', async () => {
  const metrics = createMetrics();
  assert.is((await samples(metrics)).get('license_settings_events_failed_total'), 0);
  metrics.eventFailed();
  assert.is((await samples(metrics)).get('license_settings_events_failed_total'), 1);
});

test('R10.4 events that were left out are counted by cause, each from 0 on', async () => {
  const metrics = createMetrics();
  metrics.eventDropped('burst');
  const found = await samples(metrics);
  for (const [cause, count] of [
    ['replaced', 0],
    ['full', 0],
    ['burst', 1],
    ['term', 0],
  ] as const)
    assert.is(found.get(`license_settings_events_dropped_total{cause="${cause}"}`), count, cause);
});

test('the release and the process are there, in the text format of Prometheus', async () => {
  const metrics = createMetrics();
  const { contentType, body } = await metrics.render();
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
  assert.is((await samples(metrics)).get(`license_settings_build_info{version="${version}"}`), 1);
  assert.match(body, /^process_resident_memory_bytes \d+/m);
});

test('two of them do not share their numbers', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.eventFailed();
  assert.is((await samples(other)).get('license_settings_events_failed_total'), 0);
});
