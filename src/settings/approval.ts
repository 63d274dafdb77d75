import { annotations } from '../api/names.ts';

/** Fewest leading hex digits of a settingsHash that approve it. */
export const minApprovalDigits = 12;

/**
 * True when the object's annotation approves this content: 12 or more leading hex digits of its settingsHash; surrounding
 * spaces and case don't matter. Any other value does nothing.
 */
export function isApproved(notes: Readonly<Record<string, string>> | undefined, settingsHash: string): boolean {
  const approval = (notes?.[annotations.apply] ?? '').trim().toLowerCase();
  return approval.length >= minApprovalDigits && settingsHash.startsWith(approval);
}
