/** The annotation that approves saved settings. */
import { annotations } from '../api/names.ts';
import { shownText } from '../api/text.ts';

type Notes = Readonly<Record<string, string>> | undefined;

/** Surrounding spaces and case don't matter. */
const approvalIn = (notes: Notes): string => (notes?.[annotations.apply] ?? '').trim().toLowerCase();

/**
 * True when the object's annotation approves this content: it holds the whole settingsHash, all 64 digits. Fewer would be
 * those of other settings too: half a minute of hashing finds two that share 12.
 */
export const isApproved = (notes: Notes, settingsHash: string): boolean => approvalIn(notes) === settingsHash; // A2

/** Longest value that is shown, in bytes. */
const maxShown = 80;

/** What the annotation holds where that can approve no settings at all, in words; else undefined (A3). */
export function unusableApproval(notes: Notes): string | undefined {
  const approval = approvalIn(notes);
  if (approval === '' || /^[0-9a-f]{64}$/.test(approval)) return undefined;
  const why = /^[0-9a-f]{1,63}$/.test(approval)
    ? `${approval.length} of 64 digits, too short to approve anything`
    : 'no settingsHash, so it approves nothing';
  return `it holds ${JSON.stringify(shownText(approval, maxShown))}: ${why}`;
}
