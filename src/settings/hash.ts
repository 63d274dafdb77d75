import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Declaration } from '../api/licensesettings.ts';

/** RFC 8785 JSON: one text for one value, whatever the order of keys. Takes plain JSON values only. */
export function canonicalJson(value: object): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The settingsHash of a declaration: equal hash, equal bytes in the ConfigMap. 64 lower-case hex digits (D3). */
export const settingsHash = (declaration: Declaration): string => sha256(canonicalJson(declaration));

/** The dataHash of a ConfigMap's `data`. 64 lower-case hex digits (D5). */
export const dataHash = (data: Readonly<Record<string, string>>): string => sha256(canonicalJson(data));
