/** Why a list or watch had to begin again, and what its failure says of the server. */
import { type ApiError, notOfApi } from './errors.ts';

/**
 * Why list or watch began again:
 * - `ended`: the server ended the watch, as agreed after 45 s or earlier.
 * - `Silent`: nothing came until the deadline: the connection was half open.
 * - `TimeWentBack`: what the server has is older than what was known: it was restored from a backup.
 * - `NoAnswer`: the connection failed or broke, or the server did not answer.
 * - `BadEvent`: the server sent what is no event or no list.
 * - `Credentials`: there was nothing to sign in with.
 * - `Handler`: the sink, `project` or `onSynced` threw.
 * - `Unsupported`: the server doesn't stream lists; from now on they come in pages. At most once.
 * - else the code of an answer or of an ERROR event.
 */
export type RestartReason =
  | 'ended'
  | 'Silent'
  | 'TimeWentBack'
  | 'NoAnswer'
  | 'BadEvent'
  | 'Credentials'
  | 'Handler'
  | 'Unsupported'
  | '401'
  | '403'
  | '404'
  | '410'
  | '429'
  | '4xx'
  | '5xx';

/** No word from the server itself: it was away for a while. Something before it may have answered. */
export const wasAway = ({ code, reason, begun }: ApiError): boolean =>
  code === 0 ? reason === 'Credentials' || (reason === 'NoAnswer' && !begun) : code >= 500 && reason === notOfApi;

/** The server does not know the version yet: it is behind another one, or was restored from a backup. */
export const isTooLargeVersion = ({ code, causes, message }: ApiError): boolean =>
  code === 504 && (causes.includes('ResourceVersionTooLarge') || /too large resource version/i.test(message));

const reasonsOfCodes: ReadonlySet<string> = new Set(['401', '403', '404', '410', '429']);

/** The name of a failure, for metrics and people. */
export function reasonOf({ code, reason }: ApiError): RestartReason {
  if (code === 0) {
    if (reason === 'Handler' || reason === 'Credentials' || reason === 'TimeWentBack') return reason;
    return reason === 'BadEvent' || reason === 'BadAnswer' ? 'BadEvent' : 'NoAnswer';
  }
  const name = String(code);
  if (reasonsOfCodes.has(name)) return name as RestartReason;
  return code >= 500 ? '5xx' : '4xx';
}
