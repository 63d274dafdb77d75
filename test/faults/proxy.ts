/**
 * A TLS proxy between one operator and the API server. It sees every request whole, and can do to it what a bad
 * network, a dying API server or a full one does. It decides nothing: `decide` and `decideEvent` say what befalls whom.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { linesOf } from '../support/lines.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'delete';

/** One request of the operator. Times are milliseconds of `performance.now()`. */
export type Seen = {
  readonly at: number;
  readonly verb: Verb;
  /** Such as `configmaps` or `licensesettings/status`. */
  readonly resource: string;
  /** Empty for a request about all namespaces. */
  readonly namespace: string;
  /** Of the object; for a list or watch empty. An event has the name of the object that it is about. */
  readonly name: string;
  readonly path: string;
  readonly body: string;
  /** Whether a list of the past could be given in place of what it asks for. */
  hasPast?: boolean;
  /** What befell it. */
  fault?: string;
  /** True once the API server may have got it. */
  forwarded?: boolean;
  /** The code that the API server answered, whatever the operator got to see of it. */
  committed?: number;
  /** The resourceVersion of the object that it answered to a write. */
  version?: number;
  /** The code that the operator got; 0 when none. */
  code?: number;
  /** When it was over, for the operator. */
  ended?: number;
};

/**
 * What can befall a request. `deliver-late`: the connection breaks, the operator tries again, and what it sent first
 * reaches the API server after that. `answer-CODE` is not forwarded; with
 * `commit-CODE` the server has done it, and the operator is told otherwise.
 */
export const requestFaults = [
  'reset-before',
  'reset-after',
  'hang-before',
  'hang-after',
  'truncate',
  'late',
  'deliver-late',
  'answer-401',
  'answer-403',
  'answer-409',
  'answer-429',
  'answer-429-retry-after',
  'answer-500',
  'answer-503',
  'commit-409',
  'commit-500',
  'commit-503',
] as const;
/** What can befall a list besides, also one that comes as a stream. `stale-list`: it is one of the past. */
export const listFaults = ['stale-list', 'answer-410'] as const;
/** What can befall the opening of a watch. */
export const watchFaults = [
  'reset-before',
  'hang-before',
  'late',
  'answer-401',
  'answer-403',
  'answer-410',
  'answer-429',
  'answer-429-retry-after',
  'answer-500',
  'answer-503',
  'answer-504',
] as const;
/** What can befall a watch when one of its events is due. */
export const eventFaults = [
  'reset',
  'end',
  'end-before',
  'duplicate',
  'delay',
  'gone',
  'error-500',
  'bad-json',
  'half-event',
  'silent',
] as const;
export const killFaults = ['kill-before', 'kill-after'] as const;

export type RequestFault =
  | (typeof requestFaults)[number]
  | (typeof listFaults)[number]
  | (typeof watchFaults)[number]
  | (typeof killFaults)[number];
export type EventFault = (typeof eventFaults)[number];

/** An event of a watch, as the API server sent it. */
export type WatchEvent = {
  readonly type: string;
  readonly object: {
    readonly metadata: {
      readonly name: string;
      readonly resourceVersion: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
  };
};

/** How long `late` answers and `delay`ed watches are held, in milliseconds. */
export const heldFor = 700;
/** What `answer-429-retry-after` asks for, in seconds. */
export const retryAfter = 1;

export type ProxyOptions = {
  readonly plane: Pick<ControlPlane, 'server' | 'ca' | 'directory'>;
  /** What befalls this request, if anything. */
  readonly decide?: (request: Seen) => RequestFault | undefined;
  /** What befalls this watch before it delivers this event. */
  readonly decideEvent?: (watch: Seen, event: WatchEvent) => EventFault | undefined;
  /** True to refuse lists as streams, as an API server without WatchList does: then they come in pages. */
  readonly pages?: boolean;
  /** Ends the operator's process, for `kill-before` and `kill-after`. */
  readonly kill?: () => void;
  /** Told when the API server has answered a request, whatever becomes of its answer. */
  readonly onAnswer?: (request: Seen) => void;
  /** Told when a request, or a fault that lasts, is over. */
  readonly onEnd?: (request: Seen) => void;
};

export type FaultProxy = {
  /** URL for the operator's kubeconfig. */
  readonly server: string;
  /** Every request since the start or the last `forget`. */
  readonly requests: readonly Seen[];
  /** Requests under way, watches and leases aside. */
  readonly inFlight: () => number;
  /** When a request, watches and leases aside, last began or ended. */
  readonly lastActivity: () => number;
  /** How many requests, watches aside, the API server has answered, and how long it took for them, in milliseconds. */
  readonly served: () => { readonly answers: number; readonly milliseconds: number };
  /** NAMESPACE/RESOURCE of each watch that is open and delivers: a list that comes as a stream is complete. */
  readonly watching: () => string[];
  /** When a watch was last opened. */
  readonly lastOpened: () => number;
  /** From now on each request waits so long, drawn anew for each, before it is passed on: none is lost. */
  readonly slow: (milliseconds: { readonly from: number; readonly to: number }) => void;
  /** Ends every open watch with a 410: lists follow. */
  readonly expireWatches: () => void;
  /** Notes the lists as they are now, for `stale-list`. Streams are noted as they go by, too. */
  readonly snapshot: () => Promise<void>;
  /** Drops what is over from `requests`. */
  readonly forget: () => void;
  readonly close: () => Promise<void>;
};

/** As an API server does that has forgotten the past, it goes on saying 410 to whoever comes with a version of it. */
const isForgotten = (path: string, floor: number | undefined): boolean => {
  const version = new URL(path, 'https://server').searchParams.get('resourceVersion');
  return floor !== undefined && version !== null && Number(version) <= floor;
};

/** What lists and watches are about. */
const scopeOf = ({ namespace, resource }: Pick<Seen, 'namespace' | 'resource'>): string => `${namespace}/${resource}`;

/** A watch that begins with a list. */
export const isStream = ({ path }: Pick<Seen, 'path'>): boolean => path.includes('sendInitialEvents');
const endsInitial = ({ type, object }: WatchEvent): boolean =>
  type === 'BOOKMARK' && object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';

/** The path of the watch that goes on where a list as a stream ends. */
function following(path: string, list: readonly string[]): string {
  const { object } = JSON.parse(list.at(-1) ?? '') as WatchEvent;
  const url = new URL(path, 'https://server');
  for (const name of ['sendInitialEvents', 'resourceVersionMatch']) url.searchParams.delete(name);
  url.searchParams.set('resourceVersion', object.metadata.resourceVersion);
  return `${url.pathname}${url.search}`;
}

/** Why a request to the API server is given up. Without a reason each abort makes a DOMException, which costs more than the request. */
const over = new Error('nobody waits for it any more');

type OpenWatch = {
  readonly request: Seen;
  silent: boolean;
  /** The initial events of a list as a stream have not all come. */
  listing: boolean;
  expire(): void;
};
type Listed<T> = { readonly path: string; readonly headers: Record<string, string>; old?: T | undefined };
type Answer = { code: number; body: Buffer; type: string };

/** Starts a proxy before the API server, with the API server's own certificate. */
export async function startProxy(options: ProxyOptions): Promise<FaultProxy> {
  const { plane, decide = () => undefined, decideEvent = () => undefined, kill = () => {}, pages = false } = options;
  const { onAnswer = () => {}, onEnd = () => {} } = options;
  const upstream = new Agent({
    connect: { ca: readFileSync(plane.ca) },
    headersTimeout: 0,
    bodyTimeout: 0,
    connections: 64,
  });
  let requests: Seen[] = [];
  let active = performance.now();
  let flying = 0;
  /** By scope: no watch may go on from this version, or from an earlier one. */
  const forgotten = new Map<string, number>();
  const newest = new Map<string, number>();
  const served = { answers: 0, milliseconds: 0 };
  let slowness = { from: 0, to: 0 };
  const watches = new Set<OpenWatch>();
  let opened = Number.NEGATIVE_INFINITY;
  const sockets = new Map<string, Socket>();
  /** Path and query of the last list of each scope, its credentials, and an answer of the past. */
  const lists = new Map<string, Listed<Answer>>();
  /** The same of lists as streams: the initial events, and the bookmark that ends them. */
  const streams = new Map<string, Listed<readonly string[]>>();

  const send = (method: string, path: string, headers: Record<string, string>, body: string, signal?: AbortSignal) =>
    upstream.request({
      origin: plane.server,
      ...{ method: method as Dispatcher.HttpMethod, path, headers, body: body === '' ? null : body },
      ...(signal ? { signal } : {}),
    });
  const ask = async (method: string, path: string, headers: Record<string, string>, body: string): Promise<Answer> => {
    const asked = performance.now();
    const answer = await send(method, path, headers, body);
    served.answers++;
    served.milliseconds += performance.now() - asked;
    return {
      code: answer.statusCode,
      body: Buffer.from(await answer.body.arrayBuffer()),
      type: String(answer.headers['content-type'] ?? 'application/json'),
    };
  };

  /** A list as a stream: its events up to the bookmark. */
  const initialEvents = async (list: Listed<unknown>) => {
    const abort = new AbortController();
    const answer = await send('GET', list.path, list.headers, '', abort.signal);
    const events: string[] = [];
    try {
      for await (const line of linesOf(answer.body.setEncoding('utf8'))) {
        events.push(line);
        if (endsInitial(JSON.parse(line) as WatchEvent)) return events;
      }
    } finally {
      answer.body.on('error', () => {});
      abort.abort(over);
    }
    return undefined;
  };

  const server = createServer({
    key: readFileSync(join(plane.directory, 'certs', 'apiserver.key')),
    cert: readFileSync(join(plane.directory, 'certs', 'apiserver.crt')),
    keepAliveTimeout: 120_000,
  });
  // A TLS socket can't be reset, only the one below it.
  server.on('connection', (raw: Socket) => {
    const key = `${raw.remotePort}`;
    sockets.set(key, raw);
    raw.on('error', () => {}).on('close', () => sockets.delete(key));
  });
  server.on('tlsClientError', () => {});
  const reset = (message: IncomingMessage) => {
    const raw = sockets.get(`${message.socket.remotePort}`);
    if (raw) raw.resetAndDestroy();
    else message.socket.destroy();
  };

  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    message.on('error', () => {});
    response.on('error', () => {});
    void serve(message, response).catch(() => message.socket.destroy());
  });

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const method = message.method ?? 'GET';
    const path = message.url ?? '/';
    const headers: Record<string, string> = {};
    for (const name of ['authorization', 'accept', 'content-type', 'user-agent']) {
      const value = message.headers[name];
      if (typeof value === 'string') headers[name] = value;
    }
    const seen: Seen = { at: performance.now(), path, body, ...describe(method, path, body) };
    requests.push(seen);
    const counted = seen.verb !== 'watch' && seen.resource !== 'leases';
    if (counted) {
      flying++;
      active = performance.now();
    }
    response.on('close', () => {
      seen.ended = performance.now();
      seen.code ??= response.headersSent && response.writableFinished ? response.statusCode : 0;
      if (counted) {
        flying--;
        active = performance.now();
      }
      onEnd(seen);
    });

    if (pages && isStream(seen)) return refuse(response, 'answer-422');
    const known = seen.verb === 'list' ? lists : isStream(seen) ? streams : new Map<string, Listed<never>>();
    if (known.get(scopeOf(seen))?.old) seen.hasPast = true;
    const delay = slowness.from + Math.random() * (slowness.to - slowness.from);
    if (delay > 0) await sleep(delay);
    const fault = decide(seen);
    if (fault) seen.fault = fault;
    known.set(scopeOf(seen), { ...(known.get(scopeOf(seen)) as Listed<never>), path, headers });
    if (fault === 'reset-before') return reset(message);
    if (fault === 'hang-before') return;
    if (fault === 'kill-before') {
      kill();
      return reset(message);
    }
    if (fault?.startsWith('answer-')) return refuse(response, fault);
    if (seen.verb === 'watch') {
      if (fault === 'late') {
        await sleep(heldFor);
        // It is over now, not when the watch closes.
        onEnd(seen);
      }
      return watch(seen, message, response, headers);
    }

    if (fault === 'deliver-late') {
      // In flight as long as it may still be done.
      flying++;
      reset(message);
      await sleep(heldFor);
    }
    seen.forwarded = true;
    const old = fault === 'stale-list' ? lists.get(scopeOf(seen))?.old : undefined;
    const answer =
      old ??
      (await ask(method, path, headers, body).catch(() => {
        reset(message);
        return undefined;
      }));
    if (fault === 'deliver-late') {
      flying--;
      active = performance.now();
    }
    if (!answer) return;
    seen.committed = answer.code;
    // The answer to a deletion is the object where somebody's finalizer holds it, and a Status else.
    if (answer.code < 300 && ['create', 'update', 'delete'].includes(seen.verb)) {
      seen.version = Number(/"resourceVersion":"(\d+)"/.exec(answer.body.toString())?.[1]);
    }
    onAnswer(seen);
    if (fault === 'deliver-late') return onEnd(seen);
    if (fault === 'reset-after') return reset(message);
    if (fault === 'hang-after') return;
    if (fault === 'kill-after') {
      kill();
      return reset(message);
    }
    if (fault?.startsWith('commit-')) return refuse(response, fault);
    if (fault === 'late') await sleep(heldFor);
    response.writeHead(answer.code, { 'content-type': answer.type, 'content-length': answer.body.length });
    if (fault === 'truncate') {
      response.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)));
      await sleep(20);
      return reset(message);
    }
    response.end(answer.body);
  }

  /** Streams a watch line by line, so that something may befall it before any event. */
  async function watch(
    seen: Seen,
    message: IncomingMessage,
    response: ServerResponse,
    headers: Record<string, string>,
  ): Promise<void> {
    const abort = new AbortController();
    const open: OpenWatch = {
      request: seen,
      silent: false,
      listing: false,
      expire() {
        forgotten.set(scopeOf(seen), newest.get(scopeOf(seen)) ?? 0);
        response.end(`${errorEvent(410)}\n`);
        abort.abort(over);
      },
    };
    response.on('close', () => {
      watches.delete(open);
      abort.abort(over);
    });
    if (isForgotten(seen.path, forgotten.get(scopeOf(seen)))) return refuse(response, 'answer-410');
    // A stale list comes whole from here; what came since then is sent by the API server.
    const past = seen.fault === 'stale-list' ? streams.get(scopeOf(seen))?.old : undefined;
    open.listing = isStream(seen) && !past;
    let recorded: string[] | undefined = open.listing ? [] : undefined;
    const path = past ? following(seen.path, past) : seen.path;
    const answer = await send('GET', path, headers, '', abort.signal).catch(() => undefined);
    if (!answer) return reset(message);
    if (answer.statusCode !== 200) {
      const text = await answer.body.text();
      response.writeHead(answer.statusCode, { 'content-type': 'application/json' }).end(text);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (past) response.write(past.map((line) => `${line}\n`).join(''));
    if (!response.closed) {
      watches.add(open);
      opened = performance.now();
    }
    try {
      for await (const line of linesOf(answer.body.setEncoding('utf8'))) {
        if (open.silent) continue;
        const event = JSON.parse(line) as WatchEvent;
        recorded?.push(line);
        if (recorded && endsInitial(event)) {
          streams.set(scopeOf(seen), { path: seen.path, headers, old: recorded });
          recorded = undefined;
          open.listing = false;
        }
        const before = newest.get(scopeOf(seen)) ?? 0;
        const version = Number(event.object.metadata?.resourceVersion) || 0;
        newest.set(scopeOf(seen), Math.max(before, version));
        const fault = event.type === 'BOOKMARK' ? undefined : decideEvent(seen, event);
        if (fault) seen.fault = fault;
        switch (fault) {
          case 'reset':
            return reset(message);
          case 'end-before':
            return void response.end();
          case 'end':
            return void response.end(`${line}\n`);
          case 'gone':
            // All before the event that the operator did not get.
            forgotten.set(scopeOf(seen), version - 1);
            return void response.end(`${errorEvent(410)}\n`);
          case 'error-500':
            return void response.end(`${errorEvent(500)}\n`);
          case 'bad-json':
            response.write(`${line.slice(0, line.length / 2)}\n`);
            break;
          case 'half-event':
            return void response.end(line.slice(0, line.length / 2));
          case 'silent':
            // The server ends the watch in time, but the operator never learns of it.
            open.silent = true;
            break;
          case 'duplicate':
            response.write(`${line}\n${line}\n`);
            break;
          case 'delay':
            await sleep(heldFor);
            onEnd(seen);
            response.write(`${line}\n`);
            break;
          default:
            response.write(`${line}\n`);
        }
      }
    } catch {
      // The upstream broke: so does this.
      if (!open.silent && !response.writableEnded) reset(message);
      return;
    } finally {
      abort.abort(over);
    }
    if (!open.silent) response.end();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests;
    },
    inFlight: () => flying,
    served: () => ({ ...served }),
    lastActivity: () => active,
    watching: () =>
      [...watches].filter(({ silent, listing }) => !silent && !listing).map(({ request }) => scopeOf(request)),
    lastOpened: () => opened,
    slow: (milliseconds) => {
      slowness = milliseconds;
    },
    expireWatches() {
      for (const open of [...watches]) open.expire();
    },
    async snapshot() {
      for (const list of lists.values()) list.old = await ask('GET', list.path, list.headers, '');
      for (const list of streams.values()) list.old = (await initialEvents(list)) ?? list.old;
    },
    forget() {
      requests = requests.filter(({ ended }) => ended === undefined);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const raw of sockets.values()) raw.destroy();
      await closed;
      await upstream.destroy();
    },
  };
}

const reasons: Record<number, string> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};
const statusOf = (code: number) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: `fault injected: ${reasons[code]}`,
  reason: reasons[code],
  code,
});
const errorEvent = (code: number): string => JSON.stringify({ type: 'ERROR', object: statusOf(code) });

/** Answers in the place of the API server, as it would. */
function refuse(response: ServerResponse, fault: string): void {
  const code = Number(fault.split('-')[1]);
  const wait = fault.endsWith('-retry-after') ? { 'retry-after': String(retryAfter) } : {};
  response.writeHead(code, { 'content-type': 'application/json', ...wait }).end(JSON.stringify(statusOf(code)));
}

/** What a request is, from its method, path and body. */
export function describe(
  method: string,
  path: string,
  body: string,
): Pick<Seen, 'verb' | 'resource' | 'namespace' | 'name'> {
  const url = new URL(path, 'https://server');
  const parts = url.pathname.split('/').filter(Boolean);
  // /api/v1/... or /apis/GROUP/VERSION/...
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2;
  const [plural = '', name = '', subresource] = isNamespaced ? rest.slice(2) : rest;
  const verbs: Record<string, Verb> = { POST: 'create', PUT: 'update', PATCH: 'update', DELETE: 'delete' };
  const reading = url.searchParams.has('watch') ? 'watch' : name === '' ? 'list' : 'get';
  return {
    verb: verbs[method] ?? reading,
    resource: subresource ? `${plural}/${subresource}` : plural,
    namespace: isNamespaced ? (rest[1] ?? '') : '',
    name: name || (method === 'POST' ? nameIn(body) : ''),
  };
}

function nameIn(body: string): string {
  const object = JSON.parse(body) as { metadata?: { name?: string }; regarding?: { name?: string } };
  return object.regarding?.name ?? object.metadata?.name ?? '';
}
