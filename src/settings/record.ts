/** The record that a ConfigMap is: its `licenses.json`, from which is read what was written last. Others may have written it. */
import { jsonKey } from './render.ts';

/**
 * Longest `licenses.json` that is read, in characters. The largest that can be rendered is below 96 KiB, and has no other
 * characters than ASCII (R1.4).
 */
export const maxRecordLength = 128 * 1024;

/** The record in the data of a ConfigMap; undefined where there is none, or none that settings could have been rendered to. */
export function recordOf(data: Readonly<Record<string, string>>): string | undefined {
  const text = Object.hasOwn(data, jsonKey) ? data[jsonKey] : undefined;
  return text !== undefined && text.length <= maxRecordLength ? text : undefined;
}
