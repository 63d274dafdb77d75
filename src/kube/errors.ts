/** Errors of API requests as values with a class that says what to do about them. */

/**
 * - `retry`: the request may succeed later as it is (no connection, a deadline, 401, 429, 5xx).
 * - `conflict`: what it was decided from is out of date: read again, decide again (409).
 * - `missing`: there is no such object (404).
 * - `rejected`: the server understood and refuses: only a change elsewhere helps (403, 413, 422 and other 4xx).
 */
export type ErrorClass = 'retry' | 'conflict' | 'missing' | 'rejected';

/** The part of a Kubernetes Status that errors carry. */
export type Status = {
  kind?: string;
  code?: number;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[]; retryAfterSeconds?: number };
};

/** A request that failed. `code` is the HTTP status; 0 when no answer came. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly class: ErrorClass;
  /** Reasons in the causes of the answer, such as NamespaceTerminating. */
  readonly causes: readonly string[];
  /** How long the server asks to wait, in milliseconds; 0 when it doesn't. */
  readonly retryAfter: number;

  constructor(
    message: string,
    init: { code: number; reason?: string; causes?: string[]; retryAfter?: number; cause?: unknown },
  ) {
    super(message, { cause: init.cause });
    this.name = 'ApiError';
    this.code = init.code;
    this.reason = init.reason ?? '';
    this.causes = init.causes ?? [];
    this.retryAfter = init.retryAfter ?? 0;
    this.class = classify(init.code);
  }
}

function classify(code: number): ErrorClass {
  if (code === 409) return 'conflict';
  if (code === 404) return 'missing';
  if (code === 0 || code === 401 || code === 408 || code === 410 || code === 429 || code >= 500) return 'retry';
  return 'rejected';
}

/** The error of an answer that is not a success. `retryAfter` is the header's value: seconds. */
export function fromAnswer(what: string, code: number, body: string, retryAfter?: string): ApiError {
  const status = parseStatus(body);
  const seconds = Number(retryAfter ?? status.details?.retryAfterSeconds ?? 0);
  return new ApiError(`${what}: ${code} ${status.message ?? body.slice(0, 200)}`.trim(), {
    code,
    reason: status.reason ?? '',
    causes: (status.details?.causes ?? []).flatMap((cause) => cause.reason ?? []),
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0,
  });
}

function parseStatus(body: string): Status {
  try {
    return (JSON.parse(body) as Status) ?? {};
  } catch {
    return {};
  }
}

/** The error of a request that got no answer: the network, TLS, or our own deadline. */
export function fromFailure(what: string, cause: unknown): ApiError {
  const words = [...new Set(chain(cause))].join(': ');
  return new ApiError(`${what}: ${words}`, { code: 0, reason: 'NoAnswer', cause });
}

/** Messages of an error and of what caused it, inner ones last; an AggregateError has its parts. */
function chain(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const inner = error instanceof AggregateError ? error.errors.flatMap(chain) : [];
  const code = (error as { code?: unknown }).code;
  const own = error.message || (typeof code === 'string' ? code : error.name);
  return [own, ...inner, ...(error.cause === undefined ? [] : chain(error.cause))];
}

/** Any thrown value as an ApiError, so that one shape is handled. A mistake in our own code stays what it is. */
export const asApiError = (error: unknown): ApiError | undefined => (error instanceof ApiError ? error : undefined);
