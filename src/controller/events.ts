/** Events on transitions only: DESIGN section 3, rule 10. */
import type { Status } from '../api/licensesettings.ts';
import { apiVersion, kind, manager } from '../api/names.ts';
import { shownText } from '../api/text.ts';
import { editorInWords } from '../settings/editor.ts';
import type { Restored } from './memory.ts';
import type { LicenseSettings } from './objects.ts';

/** What an event says. */
export type Note = {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
};

const conditionOf = (status: Status | undefined, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);

/**
 * The one event of a change, or none: what happened between two statuses, the most important first.
 *
 * @param restored a ConfigMap that was edited or deleted by someone, and is whole again.
 */
export function transition(
  before: Status | undefined,
  after: Status,
  restored: Restored | undefined,
): Note | undefined {
  const applied = conditionOf(after, 'Applied');
  const valid = conditionOf(after, 'Valid');
  // Before Applied: after a crash between two writes one status may tell of both, and only this asks for something.
  if (valid?.status === 'False' && conditionOf(before, 'Valid')?.status !== 'False') {
    return { type: 'Warning', reason: 'Invalid', action: 'Validate', note: valid.message };
  }
  if (after.applied && after.applied.settingsHash !== before?.applied?.settingsHash) {
    const note = `The settings of generation ${after.applied.generation} are live`;
    return { type: 'Normal', reason: 'Applied', action: 'Apply', note };
  }
  if (after.pending && after.pending.settingsHash !== before?.pending?.settingsHash) {
    return { type: 'Normal', reason: 'ApplyPending', action: 'Save', note: applied?.message ?? '' };
  }
  if (applied?.reason === 'ConfigMapConflict' && conditionOf(before, 'Applied')?.reason !== 'ConfigMapConflict') {
    return { type: 'Warning', reason: 'ConfigMapConflict', action: 'Apply', note: applied.message };
  }
  if (restored !== undefined) {
    const { name, editor, deleted } = restored;
    // Of a deletion nothing tells who asked for it.
    const how = deleted ? 'deleted' : `changed by ${editorInWords(editor)}`;
    const note = `ConfigMap ${name} was ${how}, and holds the live settings again`;
    return { type: 'Warning', reason: 'Restored', action: 'Restore', note };
  }
  return undefined;
}

/** Longest note of an event, in bytes: the API server refuses more than 1,024. */
const maxNote = 1000;

/**
 * An event as events.k8s.io/v1 wants it.
 *
 * @param suffix makes the name unique: a few hex digits.
 * @param now milliseconds since 1970; event times have microseconds.
 */
export function eventFor(
  object: LicenseSettings,
  { note, ...rest }: Note,
  { instance, suffix, now }: { instance: string; suffix: string; now: number },
) {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace, name: `${name}.${suffix}` },
    eventTime: new Date(now).toISOString().replace('Z', '000Z'),
    reportingController: manager,
    reportingInstance: instance,
    regarding: { apiVersion, kind, namespace, name, uid, resourceVersion },
    note: shownText(note, maxNote),
    ...rest,
  };
}
