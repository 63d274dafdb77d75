/** What every judge is shown: objects as they are stored, and one committed change after the other. */
import type { Status } from '../../src/api/licensesettings.ts';
import { group, manager, labels as ours } from '../../src/api/names.ts';

export type Metadata = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly name?: string;
    readonly uid: string;
    readonly controller?: boolean;
    readonly blockOwnerDeletion?: boolean;
  }[];
};

/** A LicenseSettings or a ConfigMap, as stored. */
export type Stored = {
  readonly metadata: Metadata;
  readonly spec?: unknown;
  readonly status?: Status;
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
};

/** One committed change. `DELETED` carries the last state. The garbage collector, and everybody else, is `other`. */
export type Revision = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: 'LicenseSettings' | 'ConfigMap';
  readonly object: Stored;
  readonly by: 'operator' | 'other';
  /** Its sender had given up on this request before it landed, and may have decided otherwise since. */
  readonly late?: boolean;
  /** When it was committed, and sent, in milliseconds on one clock; not known to every harness. */
  readonly at?: number;
  readonly sent?: number | undefined;
  /** Since when nothing keeps the operator from seeing what happens, on the same clock; may lie in the future. */
  readonly calmSince?: number;
  /** Its sender may not have seen what came before it: its watches are away, or silent. */
  readonly deaf?: boolean;
};

/** Everything in a namespace at one moment. */
export type Snapshot = { readonly settings: readonly Stored[]; readonly configMaps: readonly Stored[] };

type Spec = { readonly suspend?: unknown; readonly deletionPolicy?: unknown };
const specOf = ({ spec }: Pick<Stored, 'spec'>): Spec => (spec ?? {}) as Spec;

/** True when the spec of a LicenseSettings has `suspend: true`: then the operator writes nothing but the status. */
export const isSuspended = (object: Pick<Stored, 'spec'>): boolean => specOf(object).suspend === true;

/** True when the ConfigMaps of a LicenseSettings outlive it. */
export const isRetained = (object: Pick<Stored, 'spec'>): boolean => specOf(object).deletionPolicy === 'Retain';

/** Who writes our ConfigMaps. */
export { manager };
/** The whole key of one of our labels and annotations. */
export const note = (name: string): string => `${group}/${name}`;

/** True when a ConfigMap carries the labels by which it belongs to a LicenseSettings of this name. */
export const isLabelled = ({ metadata: { labels } }: Pick<Stored, 'metadata'>, name: string): boolean =>
  labels?.[ours.managedBy] === manager && labels[ours.settings] === name;

/** The controller among the owners of a ConfigMap. */
export const controllerOf = ({ metadata: { ownerReferences = [] } }: Pick<Stored, 'metadata'>) =>
  ownerReferences.find(({ controller }) => controller === true);

/** The uid of the object that a ConfigMap belongs to: that of its controller, else what its annotation says (R4.1). */
export const uidIn = (object: Pick<Stored, 'metadata'>): string | undefined =>
  controllerOf(object)?.uid ?? object.metadata.annotations?.[note('owner-uid')];

/** A committed change, for the judges that have to know what was there before, and who sent it. */
export type Change = {
  readonly type: Revision['type'];
  readonly object: Changed;
  readonly previous: Changed | undefined;
  /** The name of the sender: that of a process of the operator begins with `operator`, `gc` is the garbage collector. */
  readonly by: string;
};

/** A LicenseSettings or a ConfigMap, as far as those judges look at it. */
export type Changed = {
  readonly kind: string;
  readonly metadata: Pick<Metadata, 'name' | 'uid' | 'labels' | 'annotations' | 'ownerReferences'>;
  readonly [field: string]: unknown;
};
