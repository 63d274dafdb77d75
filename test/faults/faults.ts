/** Faults of a run: which request, watch or event each one strikes, what it is, and how long the operator may need afterwards. */
import {
  type EventFault,
  eventFaults,
  isStream,
  killFaults,
  listFaults,
  type RequestFault,
  requestFaults,
  retryAfter,
  type Seen,
  type WatchEvent,
  watchFaults,
} from './proxy.ts';

/**
 * What is counted from the start of a run, each from 0: its requests (lists too, watches and leases aside), the openings
 * of watches, and the events of its objects that watches deliver.
 */
export type Target = 'request' | 'watch' | 'event' | 'lease';
export type Fault = { readonly target: Target; readonly index: number; readonly kind: RequestFault | EventFault };

/** As in `request3:reset-after`. */
export const faultText = ({ target, index, kind }: Fault): string => `${target}${index}:${kind}`;

/** @throws Error that says what is allowed */
export function parseFault(text: string): Fault {
  const [, target, index, kind] = /^(request|watch|event|lease)(\d+):([a-z0-9-]+)$/.exec(text) ?? [];
  const known: readonly string[] = [...requestFaults, ...listFaults, ...watchFaults, ...eventFaults, ...killFaults];
  if (!target || !kind || !known.includes(kind)) {
    throw new Error(
      `"${text}" is no fault: allowed is (request|watch|event|lease)NUMBER:KIND, KIND one of ${known.join(', ')}`,
    );
  }
  return { target: target as Target, index: Number(index), kind: kind as Fault['kind'] };
}

/** What was counted in a run. */
export type Counts = {
  /** The verb and resource of each request. */
  readonly request: string[];
  readonly watch: string[];
  readonly event: string[];
  readonly lease: string[];
};

/** Every single fault at every request, opening and event of a run that was counted without any. */
export function everySingleFault({ request, watch, event, lease }: Counts): Fault[] {
  const at = (target: Target, index: number, kinds: readonly Fault['kind'][]): Fault[] =>
    kinds.map((kind) => ({ target, index, kind }));
  return [
    ...request.flatMap((what, index) =>
      at('request', index, what.startsWith('list ') ? [...requestFaults, ...listFaults] : requestFaults),
    ),
    ...watch.flatMap((what, index) =>
      at('watch', index, what.startsWith('list ') ? [...watchFaults, 'stale-list'] : watchFaults),
    ),
    ...event.flatMap((_, index) => at('event', index, eventFaults)),
    ...lease.flatMap((_, index) => at('lease', index, requestFaults)),
  ];
}

/** How long the operator may need once the fault is over, in milliseconds: L1. */
export function allowance(kind: Fault['kind']): number {
  if (kind === 'answer-403' || kind === 'silent') return 65_000;
  if (kind.startsWith('kill-')) return 10_000; // its start included
  return kind === 'answer-429-retry-after' ? 5_000 + 1_000 * retryAfter : 5_000;
}

/** Faults that wait for their requests. */
export type Armed = {
  readonly counts: Counts;
  readonly struck: readonly Fault[];
  readonly decide: (request: Seen) => RequestFault | undefined;
  readonly decideEvent: (watch: Seen, event: WatchEvent) => EventFault | undefined;
  /** Every write of this ConfigMap gets a 403 from now on, for as long as the run lasts. */
  readonly refuse: (name: string) => void;
  /** Told when a request is over: a hanging one is a fault until the operator gives it up. */
  readonly ended: (request: Seen) => void;
  /** On `performance.now()`: when the last fault was over; Infinity while one lasts. */
  readonly excusedFrom: () => number;
  /** Until when the faults so far excuse the operator; Infinity while one lasts. */
  readonly excusedUntil: () => number;
};

/** What a run strikes: objects of its own, and the lists and watches of its namespace. */
export type Aim = { readonly namespace: string; readonly prefix: string };

/** Arms the faults of one run. */
export function arm(faults: readonly Fault[], { namespace, prefix }: Aim): Armed {
  const counts: Counts = { request: [], watch: [], event: [], lease: [] };
  const struck: Fault[] = [];
  const lasting = new Map<Seen, Fault>();
  const refused = new Set<string>();
  let over = 0;
  let excused = 0;
  const excuse = (kind: Fault['kind']) => {
    over = performance.now();
    excused = Math.max(excused, over + allowance(kind));
  };
  const strike = (target: Target, what: string, request: Seen): Fault['kind'] | undefined => {
    const index = counts[target].push(what) - 1;
    const fault = faults.find((one) => one.target === target && one.index === index);
    // Where there is no past, nothing of it can be given.
    if (!fault || (fault.kind === 'stale-list' && !request.hasPast)) return undefined;
    struck.push(fault);
    const { kind } = fault;
    if (kind.startsWith('hang') || kind.endsWith('late') || kind === 'delay' || kind === 'truncate') {
      lasting.set(request, fault);
    }
    excuse(kind);
    return kind;
  };
  return {
    counts,
    struck,
    decide(request) {
      const { verb, resource, name } = request;
      if (request.namespace !== namespace) return undefined;
      if (resource === 'leases') return strike('lease', verb, request) as RequestFault | undefined;
      const watched = isStream(request) ? `list ${resource}` : resource;
      if (verb === 'watch') return strike('watch', watched, request) as RequestFault | undefined;
      if (verb !== 'list' && !name.startsWith(prefix)) return undefined;
      // No fault strikes what is refused: it might let it through.
      if (resource === 'configmaps' && verb !== 'get' && refused.has(name)) return 'answer-403';
      return strike('request', `${verb} ${resource}`, request) as RequestFault | undefined;
    },
    refuse: (name) => void refused.add(name),
    decideEvent(watch, { type, object }) {
      if (watch.namespace !== namespace || !object.metadata?.name?.startsWith(prefix)) return undefined;
      return strike('event', `${type} ${watch.resource}`, watch) as EventFault | undefined;
    },
    ended(request) {
      const fault = lasting.get(request);
      if (!fault) return;
      lasting.delete(request);
      excuse(fault.kind);
    },
    excusedFrom: () => (lasting.size > 0 ? Number.POSITIVE_INFINITY : over),
    excusedUntil: () => (lasting.size > 0 ? Number.POSITIVE_INFINITY : excused),
  };
}
