/** The names that this operator puts on objects. They are part of the API: none of them may change within v1. */

export const group = 'licensing.dialer.dev';
export const version = 'v1';
export const apiVersion = `${group}/${version}`;
export const kind = 'LicenseSettings';
export const plural = 'licensesettings';

/** Value of `app.kubernetes.io/managed-by`; the operator's ConfigMap cache selects by it. */
export const manager = 'license-settings-operator';

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  partOf: 'app.kubernetes.io/part-of',
  /** Name of the LicenseSettings that a ConfigMap belongs to. */
  settings: `${group}/settings`,
  /** Zone whose numbers a ConfigMap holds. */
  zone: `${group}/zone`,
} as const;

export const annotations = {
  /** On a LicenseSettings: approves the content with this settingsHash: all 64 digits. */
  apply: `${group}/apply`,
  /** uid of the LicenseSettings that wrote the ConfigMap. */
  ownerUid: `${group}/owner-uid`,
  /** Generation of the LicenseSettings that last changed the data. */
  generation: `${group}/generation`,
  /** sha256 over the data, for pod templates. */
  dataHash: `${group}/data-hash`,
  /** settingsHash of the declaration that the data render. */
  settingsHash: `${group}/settings-hash`,
  /** Random id of the term whose leader took over an unfinished plan. */
  epoch: `${group}/epoch`,
} as const;
