/** What a trace says. */
import type { Logger } from '../../src/observe/logger.ts';
import type { Stored } from '../contract/revision.ts';

/** A logger that tells the trace what the operator says, and `fail` what it must never say. */
export function logger(name: string, fail: (what: string) => void, say: ((line: string) => void) | undefined): Logger {
  const tell = (level: string) => (fields: unknown, message?: string) => {
    if (level === 'error' || level === 'fatal') fail(`L3: ${name} logs ${level}: ${message} ${inWords(fields)}`);
    else say?.(`${name} ${level}: ${message ?? ''} ${inWords(fields)}`);
  };
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
  return Object.fromEntries(levels.map((level) => [level, tell(level)])) as unknown as Logger;
}

const inWords = (fields: unknown): string =>
  typeof fields === 'string'
    ? fields
    : JSON.stringify(fields, (_, value) =>
        value instanceof Error ? (value.name === 'ApiError' ? value.message : value.stack) : value,
      );

/** What of an object matters in a trace. */
export function inShort(object: { metadata: { generation?: number }; [field: string]: unknown }): string {
  const status = object['status'] as Stored['status'];
  const data = object['data'] as Record<string, string> | undefined;
  if (status)
    return ` (generation ${object.metadata.generation}, ${status.conditions?.map(({ type, reason }) => `${type} ${reason}`).join(', ') ?? 'unseen'}, applied ${status.applied?.generation}, applying ${status.applying?.generation})`;
  const counts = Object.entries(data ?? {}).filter(([key, value]) => /_(CAPACITY|MAXIMUM)$/.test(key) && value !== '0');
  const { annotations = {}, labels = {}, ownerReferences = [] } = object.metadata as Stored['metadata'];
  const notes = ['generation', 'settings-hash', 'epoch'].map((name) =>
    annotations[`licensing.dialer.dev/${name}`]?.slice(0, 6),
  );
  return ` (${counts.map(([key, value]) => `${key}=${value}`).join(' ')}; stamps ${notes}; ${Object.keys(labels).length} labels, ${ownerReferences.length} owners${object['immutable'] ? ', immutable' : ''})`;
}
