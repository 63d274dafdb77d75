/** Who changed a ConfigMap last, by what the API server noted in its managedFields. */
import { manager as ours } from '../api/names.ts';
import { shownText } from '../api/text.ts';

/** A field manager, and the keys of the data that it wrote. */
export type Editor = { readonly manager: string; readonly keys: readonly string[] };

/** Longest name that is kept, in bytes; how many keys; and how many entries are looked at: anybody may write them. */
const maxName = 128;
const maxKeys = 3;
const maxEntries = 100;
const contents = ['f:data', 'f:binaryData', 'f:immutable'];

/**
 * The manager, other than this operator, that wrote the contents last of those that still own some of them; undefined
 * where nobody else does. Never throws, whatever the managedFields hold.
 */
export function lastEditor(managedFields: unknown): Editor | undefined {
  let [last, lastTime]: [Editor | undefined, string] = [undefined, ''];
  for (const entry of Array.isArray(managedFields) ? managedFields.slice(0, maxEntries) : []) {
    if (!isObject(entry) || !isObject(entry['fieldsV1'])) continue;
    const { manager, time, fieldsV1 } = entry as { manager?: unknown; time?: unknown; fieldsV1: Fields };
    if (typeof manager !== 'string' || manager === '' || manager === ours) continue;
    if (!contents.some((field) => Object.hasOwn(fieldsV1, field))) continue;
    if (last && !(typeof time === 'string' && time > lastTime)) continue;
    last = { manager: shownText(manager, maxName), keys: keysIn(fieldsV1) };
    lastTime = typeof time === 'string' ? time : '';
  }
  return last;
}

type Fields = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function keysIn(fields: Fields): string[] {
  const keys: string[] = [];
  for (const part of ['f:data', 'f:binaryData']) {
    for (const key in isObject(fields[part]) ? fields[part] : {}) {
      if (key.startsWith('f:') && keys.length < maxKeys) keys.push(shownText(key.slice(2), maxName));
    }
  }
  return keys;
}

/** Who changed it, in words: `kubectl-edit (key OUTBOUND_PORTS_CAPACITY)`. */
export function editorInWords(editor: Editor | undefined): string {
  if (!editor) return 'someone else';
  const { manager, keys } = editor;
  if (keys.length === 0) return manager;
  return `${manager} (${keys.length === 1 ? 'key' : 'keys'} ${keys.join(', ')}${keys.length === maxKeys ? ', …' : ''})`;
}
