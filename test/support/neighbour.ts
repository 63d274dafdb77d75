/**
 * What somebody in one namespace costs the others: memory of the operator, and how long a change of a neighbour takes until it is
 * live. Both are measured, so files that use this run by themselves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { createDesk, type Desk, memoryOf } from '../operator.ts';
import type { Stage } from './stage.ts';

/** Most memory that a tenant, or a crowd, may cost, in MiB. */
const allowed = 60;
/** How long a neighbour's change may take meanwhile, in milliseconds. */
const patience = 3_000;

/** Resident memory in MiB, the most and the last that was seen; and the slowest of so many changes, in milliseconds. */
export type Seen = { highest: number; last: number; slowest: number; changes: number };

export const spec = (maximum: number, more: object = {}) => ({
  licenses: { outboundPorts: { minimum: 0, maximum } },
  ...more,
});

/** A LicenseSettings in a namespace of its own, of which nobody else knows. */
export class Neighbour {
  readonly #stage: Pick<Stage, 'operator'>;
  readonly #desk: Desk;
  #changes = 0;

  private constructor(stage: Stage, desk: Desk) {
    this.#stage = stage;
    this.#desk = desk;
  }

  /** @param stage its operator is the one that is measured, also when it is another one later */
  static async moveIn(stage: Stage, namespace: string): Promise<Neighbour> {
    const desk = createDesk(stage.plane, namespace);
    await desk.open();
    await desk.create('neighbour', spec(100));
    await desk.settled('neighbour');
    return new Neighbour(stage, desk);
  }

  async moveOut(): Promise<void> {
    await this.#desk.close();
  }

  /** Makes one change after another until `ends` resolves, and for some seconds more. */
  async watch(ends: Promise<unknown>, seconds: number): Promise<Seen> {
    const memory = () => memoryOf(this.#stage.operator).now;
    const seen: Seen = { highest: memory(), last: 0, slowest: 0, changes: 0 };
    let until = Number.POSITIVE_INFINITY;
    const over = (more: number) => {
      until = performance.now() + more * 1_000;
    };
    ends.then(
      () => over(seconds),
      () => over(0),
    );
    do {
      seen.slowest = Math.max(seen.slowest, await this.#change());
      seen.last = memory();
      seen.highest = Math.max(seen.highest, seen.last);
      seen.changes++;
      await sleep(100);
    } while (performance.now() < until);
    await ends;
    return seen;
  }

  async #change(): Promise<number> {
    const started = performance.now();
    await this.#desk.patch('neighbour', { spec: spec(100 + (++this.#changes % 100)) });
    await this.#desk.settled('neighbour');
    return performance.now() - started;
  }
}

/** Prints what was seen, and fails where it was more than one may cost the others. */
export function bounded(what: string, { last: before }: Seen, ...during: readonly Seen[]): void {
  const each = during.map(
    ({ highest, slowest, changes }) =>
      `${highest.toFixed(0)} MiB, the slowest of ${changes} changes of a neighbour ${slowest.toFixed(0)} ms`,
  );
  const words = `${what}: memory ${before.toFixed(0)} -> ${each.join('; after a restart ')}`;
  console.log(words);
  for (const { highest, slowest } of during)
    assert.ok(highest - before < allowed && slowest < patience, `${words} (at most ${allowed} MiB more)`);
}
