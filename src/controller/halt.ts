/** Why an object's work does not get on: a value, which says what the status tells of it (conclude.ts) and when it is tried again (retries.ts). */
import type { ApiError } from '../kube/index.ts';

export type Halt =
  /** A ConfigMap of a wanted name is somebody else's. */
  | { readonly kind: 'conflict'; readonly name: string }
  /** A ConfigMap has to go before anything is written. */
  | { readonly kind: 'waits'; readonly words: string }
  /** A write does not stay, or is changed on its way. `after`: how long the brake pauses, in milliseconds. */
  | { readonly kind: 'contested'; readonly words: string; readonly after: number }
  /** The API server refuses a write. `after` is above 0 where the brake pauses. */
  | { readonly kind: 'refused'; readonly words: string; readonly after: number; readonly error: ApiError }
  /** No answer, or the server is not able to: it may be back in a moment. `after`: what a Retry-After asks for. */
  | { readonly kind: 'failed'; readonly words: string; readonly after: number; readonly error: ApiError }
  /** What was decided from is out of date. */
  | { readonly kind: 'outdated'; readonly words: string; readonly error?: ApiError }
  /** The LicenseSettings is gone, or being deleted, or suspended since: nothing is written for it any more. */
  | { readonly kind: 'overtaken'; readonly words: string; readonly error?: ApiError }
  /** The namespace is being deleted. */
  | { readonly kind: 'terminating'; readonly error: ApiError }
  /** Others have their turn before the work goes on. */
  | { readonly kind: 'turn is over' };

/** The halt of a request that failed. */
export function haltOf(error: ApiError): Halt {
  const { message: words, retryAfter: after } = error;
  if (error.causes.includes('NamespaceTerminating')) return { kind: 'terminating', error }; // R5.4
  switch (error.class) {
    case 'conflict': // R6.2
    case 'missing':
      return { kind: 'outdated', words, error };
    case 'rejected':
      return { kind: 'refused', words, after, error };
    case 'retry':
      return { kind: 'failed', words, after, error };
  }
}

/** True for a halt that says something of one ConfigMap, and nothing of the others. */
export const stopsOneOnly = ({ kind }: Halt): boolean => ['refused', 'contested', 'waits'].includes(kind);
