/** What goes first in the queue. */

/** A fresh change; then the first list and what is looked at again; then what can wait for all other work (R9.8). */
export const priorities = { fresh: 0, resync: -100, background: -200 } as const;

/** What log and metrics call a priority. */
export type PriorityName = keyof typeof priorities;

export const priorityNames = Object.keys(priorities) as readonly PriorityName[];

/** The name of a priority. */
export const nameOfPriority = (priority: number): PriorityName =>
  priorityNames.find((name) => priorities[name] === priority) ?? 'fresh';
