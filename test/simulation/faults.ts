/** What can go wrong between replicas and the API server, as data: drawn before a run, so that each can be left out of it. */

import type { Random } from '../support/random.ts';

/** What a request is for: faults are counted out for each by itself. */
export const requestClasses = ['list', 'get', 'configmap', 'status', 'lease', 'event'] as const;
export type RequestClass = (typeof requestClasses)[number];
export type Verb = 'create' | 'update' | 'delete' | 'get' | 'status';
export type WatchedResource = 'licensesettings' | 'configmaps';

/** What happens to one request. All times are milliseconds. */
export type RequestFault =
  /** The connection breaks before the server has seen it. */
  | { kind: 'lost'; after: number }
  /** The server does it, and the connection breaks before the answer. */
  | { kind: 'answerLost'; after: number }
  /** Nobody answers; `arrives`: the server does it all the same. */
  | { kind: 'hang'; arrives: boolean }
  /** So much longer on the way: it may arrive after the sender has given it up. */
  | { kind: 'slow'; there: number; back: number }
  /** Refused; `retryAfter` is in seconds. */
  | { kind: 'status'; code: number; retryAfter?: number }
  /** The server does it, and the answer is cut in the middle. */
  | { kind: 'truncated' }
  /** The sender is killed when it has sent this, and started again later; `arrives`: the server does it. */
  | { kind: 'crash'; arrives: boolean; restart: number };

/** What happens to one watch, so long after it was opened. */
export type WatchFault =
  | { kind: 'status'; code: number; retryAfter?: number }
  | { kind: 'drop'; after: number }
  | { kind: 'end'; after: number }
  /** Half open: nothing comes any more, and nobody says so. */
  | { kind: 'silent'; after: number }
  | { kind: 'lag'; by: number }
  | { kind: 'twice' }
  /** An ERROR event: 410 when the version is too old, or another. */
  | { kind: 'error'; after: number; code: number }
  | { kind: 'garbage'; after: number };

/** What happens at a time. */
export type TimeFault =
  /** The server is away: every connection breaks, and new ones are refused. */
  | { kind: 'outage'; for: number }
  /** One replica and the server don't hear each other; what is sent is lost without a word. */
  | { kind: 'partition'; replica: number; for: number }
  /** Requests of a class are refused. */
  | { kind: 'refuse'; class: RequestClass; code: number; for: number; retryAfter?: number }
  /** History is forgotten: watches that are opened from before expire. */
  | { kind: 'compact' }
  /** Watch events of a resource come late. */
  | { kind: 'lag'; resource: WatchedResource; by: number; for: number }
  | { kind: 'crash'; replica: number; restart: number }
  | { kind: 'pause'; replica: number; for: number }
  | { kind: 'wall'; replica: number; by: number }
  /**
   * One replica reads the state of so many revisions ago, whether by GET, list or watch; what came since reaches its watches
   * when it is over. Its writes meet the state of now.
   */
  | { kind: 'past'; replica: number; revisions: number; for: number }
  /** Every write of an object's ConfigMaps is refused, or hangs (code 0), until the end of the faults. */
  | { kind: 'poison'; object: string; code: number; for: number }
  /** Every request takes so long, and none is lost. */
  | { kind: 'slow'; least: number; greatest: number; for: number }
  /** One namespace: its requests are refused (403), as without a Role; the same, and all in it is gone; or slow. */
  | { kind: 'scope'; namespace: string; how: 'forbidden' | 'gone' | 'slow'; for: number }
  /** A quota of ConfigMaps in one namespace: those that are there when it begins, and so many more. */
  | { kind: 'quota'; namespace: string; spare: number; for: number }
  /** The store goes back to what it held so long ago, and its version does; every connection breaks. At most once in a run. */
  | { kind: 'restore'; age: number }
  /** One verb alone is refused: of ConfigMaps, or the update of a status. */
  | { kind: 'verb'; verb: Verb; code: number; for: number }
  /** Lists and watches of ConfigMaps alone: refused, or frozen: watches stay open and silent, and lists answer what was then. */
  | { kind: 'reads'; how: 'refused' | 'frozen'; for: number };

export type Fault =
  | { on: 'request'; class: RequestClass; nth: number; fault: RequestFault }
  | { on: 'watch'; resource: WatchedResource; nth: number; fault: WatchFault }
  | { on: 'time'; at: number; fault: TimeFault };

/** What `met` counts a fault under. */
export const nameOf = (one: Fault): string => {
  if (one.on === 'time') return timeName(one.fault);
  return `${one.on === 'watch' ? 'watch' : one.class} ${one.fault.kind}`;
};

export const timeName = (fault: TimeFault): string => {
  if (fault.kind === 'refuse') return `refuse ${fault.class}`;
  if (fault.kind === 'verb') return `verb ${fault.verb}`;
  return fault.kind === 'scope' || fault.kind === 'reads' ? `${fault.kind} ${fault.how}` : fault.kind;
};

const refusals = [401, 403, 409, 413, 422, 429, 500, 503, 504];
/** Refusals after which an object is tried again slowly: R9.2. */
export const slowCodes: readonly number[] = [403, 413, 422];

export type DrawFaults = {
  readonly replicas: number;
  /** Faults begin before this time, in milliseconds. */
  readonly horizon: number;
  readonly objects: readonly string[];
  /** How many, at most. */
  readonly most: number;
};

/** Draws faults. `random` gives numbers in [0, 1). */
export function drawFaults(random: () => number, { replicas, horizon, objects, most }: DrawFaults): Fault[] {
  const whole = (least: number, greatest: number) => least + Math.floor(random() * (greatest - least + 1));
  const one = <T>(values: readonly T[]): T => values[whole(0, values.length - 1)] as T;
  const chance = (probability: number) => random() < probability;
  const retryAfter = () => (chance(0.3) ? { retryAfter: whole(1, 10) } : {});

  const request = (): RequestFault => {
    switch (whole(0, 7)) {
      case 0:
        return { kind: 'lost', after: whole(0, 500) };
      case 1:
        return { kind: 'answerLost', after: whole(0, 500) };
      case 2:
        return { kind: 'hang', arrives: chance(0.5) };
      case 3:
        return { kind: 'slow', there: one([0, 200, 2_000, 14_990, 20_000]), back: one([0, 200, 2_000, 14_990]) };
      case 4:
      case 5:
        return { kind: 'status', code: one(refusals), ...retryAfter() };
      case 6:
        return { kind: 'truncated' };
      default:
        return { kind: 'crash', arrives: chance(0.5), restart: whole(10, 5_000) };
    }
  };
  const watch = (): WatchFault => {
    const after = chance(0.3) ? whole(0, 50) : whole(0, 20_000);
    switch (whole(0, 7)) {
      case 0:
        return { kind: 'status', code: one([401, 403, 410, 429, 500, 503, 504]), ...retryAfter() };
      case 1:
        return { kind: 'drop', after };
      case 2:
        return { kind: 'end', after };
      case 3:
        return { kind: 'silent', after };
      case 4:
        return { kind: 'lag', by: one([50, 500, 5_000, 30_000]) };
      case 5:
        return { kind: 'twice' };
      case 6:
        return { kind: 'error', after, code: one([410, 410, 500, 504]) };
      default:
        return { kind: 'garbage', after };
    }
  };
  const timed = (): TimeFault => {
    const replica = whole(0, replicas - 1);
    const short = one([50, 1_000, 5_000, 12_000, 20_000]);
    switch (whole(0, 10)) {
      case 0:
        return { kind: 'outage', for: short };
      case 1:
        return { kind: 'partition', replica, for: short };
      case 2:
        return { kind: 'refuse', class: one(requestClasses), code: one(refusals), for: short, ...retryAfter() };
      case 3:
        return { kind: 'compact' };
      case 4:
      case 5:
        return {
          kind: 'lag',
          resource: one(['licensesettings', 'configmaps']),
          by: one([100, 1_000, 10_000]),
          for: short,
        };
      case 6:
        return { kind: 'crash', replica, restart: whole(10, 20_000) };
      case 7:
        return { kind: 'pause', replica, for: short };
      case 8:
        return { kind: 'wall', replica, by: one([-86_400_000, -1_500, 1_500, 86_400_000]) };
      case 9:
        return { kind: 'past', replica, revisions: one([1, 2, 5, 10, 30]), for: short };
      default:
        return { kind: 'poison', object: one(objects), code: one([0, 403, 422, 429, 500, 503]), for: short };
    }
  };
  /** Most requests of a short run have a low number. */
  const early = (spread: number) => Math.floor(random() * random() * spread);

  return Array.from({ length: whole(0, most) }, (): Fault => {
    const kind = random();
    if (kind < 0.5) {
      const type = one<RequestClass>([
        'list',
        'get',
        'configmap',
        'configmap',
        'configmap',
        'status',
        'status',
        'lease',
        'event',
      ]);
      return { on: 'request', class: type, nth: early(type === 'list' ? 6 : 40), fault: request() };
    }
    if (kind < 0.65)
      return { on: 'watch', resource: one(['licensesettings', 'configmaps']), nth: early(6), fault: watch() };
    return { on: 'time', at: whole(0, horizon), fault: timed() };
  });
}

/** Draws what befalls a wider world: namespaces by themselves, a store that goes back, and minutes in which all is slow. */
export function drawWideFaults(
  random: Random,
  { horizon, scopes }: { readonly horizon: number; readonly scopes: readonly string[] },
): Fault[] {
  const { below, chance, pick } = random;
  const faults: TimeFault[] = [];
  if (scopes.length > 1 && chance(0.4)) {
    const how = pick(['forbidden', 'forbidden', 'gone', 'slow'] as const);
    faults.push({ kind: 'scope', namespace: pick(scopes), how, for: pick([1_000, 12_000, 60_000]) });
  }
  if (chance(0.15)) faults.push({ kind: 'restore', age: pick([500, 3_000, 10_000, 30_000]) });
  if (chance(0.15)) faults.push({ kind: 'slow', ...pick(speeds), for: pick([20_000, 60_000, 180_000]) });
  if (chance(0.15)) {
    const verb = pick(['create', 'update', 'delete', 'get', 'status'] as const);
    faults.push({ kind: 'verb', verb, code: pick([403, 403, 500]), for: pick([20_000, 60_000, 180_000]) });
  }
  if (chance(0.1)) {
    const how = pick(['refused', 'frozen'] as const);
    faults.push({ kind: 'reads', how, for: pick([20_000, 60_000, 180_000]) });
  }
  return faults.map((fault): Fault => ({ on: 'time', at: below(horizon), fault }));
}

/** How long each request takes, in milliseconds. */
export const speeds = [
  { least: 0, greatest: 9_000 },
  { least: 3_500, greatest: 5_000 },
  { least: 1_000, greatest: 3_000 },
] as const;
