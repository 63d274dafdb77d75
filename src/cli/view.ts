/** What `kubectl license status` tells of an object: the same for people and for programs. Pure. */
import { type LicenseType, licenseTypes } from '../api/license-types.ts';
import type { Applied, Condition, Declaration, FieldError, Spec, Status } from '../api/licensesettings.ts';
import type { NamespacedObject } from '../kube/index.ts';
import { declare } from '../settings/declaration.ts';
import { settingsHash } from '../settings/hash.ts';
import { validate } from '../settings/validate.ts';
import { type Change, changes } from './changes.ts';

/** A LicenseSettings as the API server gives it. */
export type LicenseSettings = NamespacedObject & {
  apiVersion?: string;
  kind?: string;
  metadata: NamespacedObject['metadata'] & { creationTimestamp?: string };
  spec?: unknown;
  status?: Status;
};

/** Live numbers of one type: `capacity` = `allocated` + `unused`. */
export type Usage = {
  readonly type: LicenseType;
  readonly title: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly capacity: number;
  readonly allocated: number;
  readonly unused: number;
};

/** Live numbers of a zone, of the types that it holds: `capacity` = `allocated` (to organizations) + `unallocated`. */
export type ZoneView = {
  readonly name: string;
  readonly licenses: {
    readonly type: LicenseType;
    readonly title: string;
    readonly capacity: number;
    readonly allocated: number;
    readonly unallocated: number;
  }[];
  readonly organizations: {
    readonly name: string;
    readonly licenses: { readonly type: LicenseType; readonly title: string; readonly capacity: number }[];
  }[];
};

type Apply = { readonly generation: number; readonly settingsHash: string; readonly time: string };

export type View = {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** False: the operator has not looked at the newest generation yet, and the rest is about an older one. */
  readonly judged: boolean;
  readonly deleting: boolean;
  readonly suspended: boolean;
  readonly applyPolicy: 'Automatic' | 'Manual';
  readonly ready: { readonly status: string; readonly reason: string };
  /** The last finished apply; missing while nothing is live. */
  readonly applied?: Apply;
  /** A plan under way, and what it changes. */
  readonly applying?: Apply & { readonly changes: Change[] };
  /** Saved settings that wait for an approval of this hash, and what they would change. */
  readonly pending?: { readonly generation: number; readonly settingsHash: string; readonly changes: Change[] };
  /** All six types once something is live, else none. */
  readonly licenses: Usage[];
  readonly zones: ZoneView[];
  readonly configMaps: string[];
  readonly errors: FieldError[];
  readonly conditions: Condition[];
};

/** The declaration that is live: that of a plan under way, else the applied one. */
export const liveDeclaration = (status: Status | undefined): Declaration | undefined =>
  (status?.applying ?? status?.applied)?.settings;

/** What was saved: its declaration and hash, or the mistakes that keep it from being one. */
export function savedSettings({
  metadata,
  spec,
}: LicenseSettings):
  | { readonly declaration: Declaration; readonly hash: string; readonly spec: Spec }
  | { readonly errors: FieldError[] } {
  const judged = validate({ name: metadata.name, spec });
  if (!judged.spec) return { errors: judged.errors };
  const declaration = declare(metadata.name, judged.spec);
  return { declaration, hash: settingsHash(declaration), spec: judged.spec };
}

/** True when the status speaks of the newest generation. */
export const isJudged = ({ metadata, status }: LicenseSettings): boolean =>
  status?.observedGeneration === metadata.generation;

/** What is told of an object. A status of any release is borne: what is missing is left out. */
export function viewOf(object: LicenseSettings): View {
  const { metadata, status = {} } = object;
  const spec = (object.spec ?? {}) as Partial<Spec>;
  const { applied, applying, pending, licenses } = status;
  const saved = savedSettings(object);
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    generation: metadata.generation ?? 0,
    judged: isJudged(object),
    deleting: metadata.deletionTimestamp !== undefined,
    suspended: spec.suspend === true,
    applyPolicy: spec.applyPolicy === 'Manual' ? 'Manual' : 'Automatic',
    ready: { status: ready?.status ?? 'Unknown', reason: ready?.reason ?? 'NotJudged' },
    ...(applied ? { applied: applyOf(applied) } : {}),
    ...(applying ? { applying: { ...applyOf(applying), changes: changes(applied?.settings, applying.settings) } } : {}),
    ...(pending
      ? {
          pending: {
            ...pending,
            changes:
              'hash' in saved && saved.hash === pending.settingsHash
                ? changes(liveDeclaration(status), saved.declaration)
                : [],
          },
        }
      : {}),
    licenses: licenses
      ? licenseTypes.flatMap(({ key, title }) => (licenses[key] ? [{ type: key, title, ...licenses[key] }] : []))
      : [],
    zones: (status.zones ?? []).map((zone) => zoneOf(zone, applied?.settings)),
    configMaps: (status.configMaps ?? []).map(({ name }) => name),
    errors: status.errors ?? [],
    conditions: status.conditions ?? [],
  };
}

const applyOf = ({ generation, settingsHash: hash, time }: Applied): Apply => ({
  generation,
  settingsHash: hash,
  time,
});

function zoneOf({ name, licenses }: NonNullable<Status['zones']>[number], settings: Declaration | undefined): ZoneView {
  const declared = settings?.zones?.find((zone) => zone.name === name);
  return {
    name,
    licenses: licenseTypes.flatMap(({ key, title }) => {
      const held = licenses[key];
      if (!held) return [];
      const { capacity, unallocated } = held;
      return [{ type: key, title, capacity, allocated: capacity - unallocated, unallocated }];
    }),
    organizations: (declared?.organizations ?? []).map((one) => ({
      name: one.name,
      licenses: licenseTypes.flatMap(({ key, title }) => {
        const capacity = one.licenses?.[key];
        return capacity ? [{ type: key, title, capacity }] : [];
      }),
    })),
  };
}
