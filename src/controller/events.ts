/** Which event a change of the status is worth (R10.1). */
import type { Status } from '../api/licensesettings.ts';
import { shownText } from '../api/text.ts';
import type { Note } from '../kube/index.ts';
import { editorInWords } from '../settings/editor.ts';
import type { Restored } from './memory.ts';

/** Longest note of an event, in bytes: the API server refuses more than 1,024. */
const maxNote = 1000;

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
  const found = moment(before, after, restored);
  return found && { ...found, note: shownText(found.note, maxNote) };
}

function moment(before: Status | undefined, after: Status, restored: Restored | undefined): Note | undefined {
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
