/** The settingsHash that a person computes from a manifest is the one that the operator says is live. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { type Spec, specSchema } from '../../src/api/licensesettings.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { validate } from '../../src/settings/validate.ts';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Desk, type Operator, until } from '../operator.ts';
import { suite } from '../suite.ts';
import { goodSpec, zonedSpec } from '../support/specs.ts';
import { closeStage, openStage } from '../support/stage.ts';

/** The same specs in every run; another seed finds other ones. */
const seed = Number(process.env['TEST_SEED'] ?? 20_261_124);
const count = 2_000;
const concurrency = 16;

const test = suite('offline-hash');
let plane: ControlPlane;
let operator: Operator;
let desk: Desk;
test.before(async () => {
  ({ plane, desk, operator } = await openStage('offline-hash'));
});
test.after(() => closeStage({ plane, desk, operator }));

test('D3 2,000 specs, most with zones: valid for all who judge, and the hash computed offline is the one in the status', async () => {
  const started = performance.now();
  const spec = (name: string) =>
    fc
      .oneof({ arbitrary: zonedSpec(name), weight: 3 }, { arbitrary: goodSpec(name), weight: 1 })
      .map(({ suspend: _, applyPolicy: __, ...rest }): Spec => rest);
  let zoned = 0;
  const one = async (index: number) => {
    const name = `h${String(index).padStart(4, '0')}x`;
    const [sample] = fc.sample(spec(name), { seed: seed + index, numRuns: 1 }) as [Spec];
    const text = `seed ${seed + index}: ${JSON.stringify(sample)}`;
    if (sample.zones?.length) zoned++;
    assert.ok(specSchema.safeParse(sample).success, `zod: ${text}`);
    assert.equal(validate({ name, spec: sample }).errors, [], text);
    await desk.create(name, sample);
    let live: string | undefined;
    await until(
      `${name} is applied`,
      async () => {
        live = (await desk.get(name))?.status?.applied?.settingsHash;
        return live !== undefined;
      },
      20_000,
      () => text,
    );
    assert.is(settingsHash(declare(name, sample)), live, text);
  };
  const left = Array.from({ length: count }, (_, index) => index).values();
  const worker = async () => {
    for (const index of left) await one(index);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - started) / 1000;
  console.log(`${count} specs, ${zoned} with zones, in ${seconds.toFixed(0)} s`);
  assert.ok(zoned > count / 2, `${zoned} with zones`);
});
