/** Errors of API requests as values with a class that says what to do about them. */

/**
 * - `retry`: the request may succeed later as it is. It may also have been carried out already: no answer, a deadline,
 *   or an answer that can't be read says nothing about what the server did. 0, 401 (credentials rotate), 408, 410 (a
 *   version or a continue token has expired), 425, 429, and all 5xx.
 * - `conflict`: what it was decided from is out of date: read again, decide again (409: a conflict, or AlreadyExists).
 * - `missing`: an API server says that there is no such object (404, and a Status whose reason is NotFound).
 * - `rejected`: the server understood and refuses: only a change elsewhere helps (403, 413, 422, every other 4xx, and
 *   redirects, which an API server does not send).
 */
export type ErrorClass = 'retry' | 'conflict' | 'missing' | 'rejected';

/** What an API server says of a request that it refuses: `metav1.StatusReason`. Empty: it gives no reason. */
export type ServerReason =
  | ''
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'StoreReadError'
  | 'Timeout'
  | 'TooManyRequests'
  | 'BadRequest'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable';

/**
 * What this runtime says where no API server did:
 * - `NoAnswer`: the network, TLS, our own deadline, or an answer that broke off.
 * - `BadAnswer`: a success whose body is no JSON object.
 * - `BadEvent`: a watch sent what is no event, or a list what is no list.
 * - `TimeWentBack`: a list or watch is of an older time than what was known.
 * - `Credentials`: there was nothing to sign in with; nothing was sent.
 * - `NotLeader`: the sender's lease did not allow a write when it was its turn; nothing was sent.
 * - `Handler`: the program that uses the runtime threw while it took in what a list or watch brought.
 * - `NotFromApiServer`: a 404 or 5xx that no API server wrote about an object. Something in between answered, or nobody
 *   serves the kind yet (404 page not found): it does not say that an object is gone, and the request is tried again.
 */
export type LocalReason =
  | 'NoAnswer'
  | 'BadAnswer'
  | 'BadEvent'
  | 'TimeWentBack'
  | 'Credentials'
  | 'NotLeader'
  | 'Handler'
  | 'NotFromApiServer';

/** Why a request failed. */
export type Reason = ServerReason | LocalReason;

/** The reason of a 404 or 5xx that says nothing about an object. */
export const notOfApi: LocalReason = 'NotFromApiServer';

/** What an ApiError is made of. */
export type ApiErrorInit = {
  readonly code: number;
  readonly reason?: Reason;
  readonly causes?: readonly string[];
  readonly retryAfter?: number;
  readonly cause?: unknown;
  readonly begun?: boolean;
};

/**
 * A request that failed. `code` is the HTTP status; 0 where there was no answer to go by, and then `reason` is one of this
 * runtime's own.
 */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: Reason;
  readonly class: ErrorClass;
  /** Reasons in the causes of the answer, such as NamespaceTerminating. */
  readonly causes: readonly string[];
  /** How long the server asks to wait, in milliseconds, at most 60,000; 0 when it doesn't. */
  readonly retryAfter: number;
  /** With code 0: true when an answer had begun, and broke off. The server was there. */
  readonly begun: boolean;

  constructor(message: string, init: ApiErrorInit) {
    super(message, { cause: init.cause });
    this.name = 'ApiError';
    this.code = init.code;
    this.reason = init.reason ?? '';
    this.causes = init.causes ?? [];
    this.retryAfter = init.retryAfter ?? 0;
    this.begun = init.begun ?? false;
    this.class = this.reason === notOfApi ? 'retry' : classify(init.code);
  }

  /** The same error, told once more: with how long to wait from now, in milliseconds. */
  again(retryAfter: number, message = this.message): ApiError {
    const { code, reason, causes } = this;
    return new ApiError(message, { code, reason, causes, retryAfter, cause: this.cause });
  }
}

function classify(code: number): ErrorClass {
  if (code === 409) return 'conflict';
  if (code === 404) return 'missing';
  if (code === 0 || code === 401 || code === 408 || code === 410 || code === 425 || code === 429 || code >= 500)
    return 'retry';
  return 'rejected';
}

/** True when a request that failed so may have been carried out, or may still be. False: it was refused, or never sent. */
export const mayStillLand = ({ code, reason }: ApiError): boolean =>
  code === 0 ? reason !== 'NotLeader' && reason !== 'Credentials' : code === 408 || code >= 500;

/** No server may silence us for longer, in milliseconds: the API server's own limit is 32 s. */
const maxRetryAfter = 60_000;

/** An answer that is not a success. */
export type FailedAnswer = {
  readonly code: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  /** The wall clock, for an answer without a Date header. */
  readonly now: number;
};

/** The error of an answer that is not a success; `what` names the request. */
export function fromAnswer(what: string, { code, body, headers = {}, now }: FailedAnswer): ApiError {
  const status = statusIn(body);
  const header = (name: string) => [headers[name]].flat()[0];
  const asked = retryAfterOf(header('retry-after'), header('date'), now) ?? (status?.retryAfterSeconds ?? 0) * 1000;
  return new ApiError(`${what}: ${code} ${status?.message ?? body.slice(0, 200)}`.trim(), {
    code,
    reason: reasonIn(status, code),
    causes: status?.causes ?? [],
    retryAfter: asked > 0 ? Math.min(asked, maxRetryAfter) : 0,
  });
}

/** A gateway may answer with any JSON: whether an object is gone, and whether the server is there, only a Status tells. */
function reasonIn(status: Status | undefined, code: number): Reason {
  const isOfApi = code === 404 ? status?.reason === 'NotFound' : code < 500 || status !== undefined;
  if (!isOfApi) return notOfApi;
  // A server of a later release may say a word that ServerReason lacks: it is told to people, and decides nothing.
  return (status?.reason ?? '') as ServerReason;
}

/**
 * Milliseconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date); undefined when it says nothing
 * that can be understood. A date is compared with the answer's own Date: our clock may be wrong.
 */
function retryAfterOf(value: string | undefined, date: string | undefined, now: number): number | undefined {
  if (value === undefined || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (!Number.isNaN(seconds)) return seconds * 1000;
  const until = Date.parse(value);
  if (Number.isNaN(until)) return undefined;
  const sent = Date.parse(date ?? '');
  return until - (Number.isNaN(sent) ? now : sent);
}

/** What is read of a Kubernetes Status. */
type Status = {
  readonly reason: string | undefined;
  readonly message: string | undefined;
  /** Reasons of its causes. */
  readonly causes: readonly string[];
  readonly retryAfterSeconds: number | undefined;
};

/** The Status that a body holds; undefined where it holds none. A part that is of another type is left out. */
function statusIn(body: string): Status | undefined {
  const { kind, apiVersion, reason, message, details } = partsOf(parsed(body));
  if (kind !== 'Status' || apiVersion !== 'v1') return undefined;
  const { causes, retryAfterSeconds } = partsOf(details);
  return {
    reason: textOf(reason),
    message: textOf(message),
    causes: (Array.isArray(causes) ? causes : []).flatMap((cause) => textOf(partsOf(cause)['reason']) ?? []),
    retryAfterSeconds: typeof retryAfterSeconds === 'number' ? retryAfterSeconds : undefined,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The fields of a value, of which nothing is known; none where it has none. */
const partsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** What Node's and OpenSSL's codes mean, in words for somebody who runs an operator. */
const explanations: [RegExp, string][] = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|INVALID_CA)$/,
    "the server's certificate is not signed by the trusted CA",
  ],
  [/^CERT_HAS_EXPIRED$/, "the server's certificate, or that of its CA, has expired"],
  [/^CERT_NOT_YET_VALID$/, "the server's certificate is not valid yet: is the clock right?"],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "the server's certificate is for another name"],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, 'the server does not speak TLS'],
  [/^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA)/, 'the server does not accept our client certificate'],
];

/** The error of a request that got no answer, or one that had begun and broke off: the network, TLS, or our own deadline. */
export function fromFailure(what: string, cause: unknown, begun = false): ApiError {
  const codes = codesOf(cause);
  const explained = explanations.find(([code]) => codes.some((one) => code.test(one)))?.[1];
  const words = [...new Set([...(explained ? [explained] : []), ...chain(cause)])].join(': ');
  return new ApiError(`${what}: ${words}`, { code: 0, reason: 'NoAnswer', cause, begun });
}

function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const code = (error as { code?: unknown }).code;
  return [...(typeof code === 'string' ? [code] : []), ...codesOf(error.cause)];
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
