/**
 * Objects as the operator leaves them, for pictures: the samples of deploy/, with statuses made by the operator's own
 * functions. Nothing here is written by hand that the operator computes.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Spec, Status } from '../../src/api/licensesettings.ts';
import { apiVersion, kind } from '../../src/api/names.ts';
import type { LicenseSettings } from '../../src/cli/view.ts';
import { declare } from '../../src/settings/declaration.ts';
import { settingsHash } from '../../src/settings/hash.ts';
import { render } from '../../src/settings/render.ts';
import { type Facts, nextStatus } from '../../src/settings/status.ts';
import { validate } from '../../src/settings/validate.ts';

/** The time at which pictures are drawn: Tuesday, three days after the samples went live. */
export const now = Date.parse('2026-03-10T12:00:00Z');
const then = '2026-03-07T12:00:00Z';

/** The spec of a sample of deploy/samples, by its file name. */
export const sampleSpec = (file: string): Spec =>
  (parse(readFileSync(new URL(`../../deploy/samples/${file}`, import.meta.url), 'utf8')) as { spec: Spec }).spec;

const object = (name: string, spec: unknown, generation: number, status: Status | undefined): LicenseSettings => ({
  apiVersion,
  kind,
  metadata: {
    name,
    namespace: 'dialer',
    uid: `uid-of-${name}`,
    resourceVersion: '812',
    generation,
    creationTimestamp: then,
  },
  spec,
  ...(status ? { status } : {}),
});

const quiet = {
  suspended: false,
  errors: [],
  live: undefined,
  applying: undefined,
  problem: undefined,
  pending: undefined,
};

/** An object whose spec is live. */
export function applied(name: string, spec: Spec): LicenseSettings {
  const declaration = declare(name, spec);
  const live = { generation: 1, settingsHash: settingsHash(declaration), time: then, declaration };
  const configMaps = render(declaration).map(({ name: map, dataHash }) => ({ name: map, dataHash }));
  const facts: Facts = { ...quiet, generation: 1, live, current: true, configMaps, now: then };
  return object(name, spec, 1, nextStatus(undefined, facts));
}

/** The same object after another spec was saved: pending, on its way, or refused. */
export function saved(
  before: LicenseSettings,
  spec: unknown,
  more: 'pending' | 'settling' | 'invalid',
): LicenseSettings {
  const { name } = before.metadata;
  const stored = before.status?.applied;
  if (!stored) throw new Error(`nothing is live of ${name}`);
  const { spec: valid, errors } = validate({ name, spec });
  const declaration = valid && declare(name, valid);
  const hash = declaration && settingsHash(declaration);
  const facts: Facts = {
    ...quiet,
    generation: 2,
    errors,
    live: { ...stored, declaration: stored.settings },
    current: false,
    configMaps: undefined,
    now: '2026-03-10T11:59:15Z',
    pending: more === 'pending' ? hash : undefined,
    applying:
      more === 'settling' && declaration && hash
        ? { generation: 2, settingsHash: hash, time: '2026-03-10T11:59:15Z', settings: declaration }
        : undefined,
  };
  return object(name, spec, 2, nextStatus(before.status, facts));
}

const pom = applied('pom', sampleSpec('licensesettings.yaml'));
const sites = applied('sites', sampleSpec('zones.yaml'));
const sitesSpec = sampleSpec('zones.yaml');
const [emea, apac] = sitesSpec.zones ?? [];
const reviewed = applied('reviewed', sampleSpec('manual.yaml'));
const reviewedSpec = sampleSpec('manual.yaml');

/** One object for each thing that a picture can show. */
export const objects = {
  pom,
  sites,
  reviewed: saved(
    reviewed,
    { ...reviewedSpec, licenses: { ...reviewedSpec.licenses, outboundPorts: { minimum: 100, maximum: 700 } } },
    'pending',
  ),
  moving: saved(
    applied('moving', sitesSpec),
    {
      ...sitesSpec,
      zones: [
        { ...emea, licenses: { outboundPorts: 250, predictiveAgents: 120 } },
        { ...apac, licenses: { outboundPorts: 150, predictiveAgents: 80 } },
      ],
    },
    'settling',
  ),
  broken: saved(
    applied('broken', sampleSpec('licensesettings.yaml')),
    {
      licenses: { outboundPorts: { minimum: 600, maximum: 500 }, previewAgents: { minimum: 0, maximum: 50 } },
      zones: [{ name: 'emea', licenses: { previewAgents: 60 } }],
    },
    'invalid',
  ),
  fresh: object('fresh', sampleSpec('licensesettings.yaml'), 1, { observedGeneration: -1 }),
} satisfies Record<string, LicenseSettings>;
