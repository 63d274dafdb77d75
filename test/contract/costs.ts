/**
 * Judges L4 of docs/contract.md: in any 60 s without a change by people an object costs at most 30 requests, whatever
 * state it is in. Policies, second operators and faults are not people: a state that they make must not be a hot loop.
 *
 * What counts is repetition. The first of its kind is free: each write of a plan whose step came due, one write for each
 * ConfigMap that drifted, and a look at each name, as rule 8 has them, differ from one another; a loop repeats itself. What
 * differs each time is bounded too: by 30, and one for each verb and name that is asked for.
 */

/** How many requests in how many milliseconds. */
const most = 30;
const window = 60_000;
/** The same while the server gives no answers: who asks again every 5 s, as L1 wants it, does no more than this. */
const mostInVain = 90;

export type Request = {
  /** Names the object, with its namespace. */
  readonly object: string;
  /** Names the process: one that has just begun remembers nothing, and may ask once more. */
  readonly by: string;
  /** What is asked for: the same words for the same request, whatever version or time it carries. */
  readonly what: string;
  /** The verb, the resource and the name; the first three words of `what`, where nothing is said. */
  readonly target?: string;
  /** When it was sent, on one monotonic clock, in milliseconds. */
  readonly at: number;
};

export type CostJudge = {
  /** Takes in a request, in the order of time; says what is wrong with it, if anything. */
  request(request: Request): string | undefined;
  /**
   * The server gave a process no answer about the object, or one that says that it could not: it is asked again within 5 s
   * all the time (R9.1), else nothing would be whole within 5 s when it is back (L1). `at` as that of a request.
   */
  failed(object: string, by: string, at: number): void;
  /** People have changed the object, or one of its ConfigMaps: what follows from that is free once more. */
  changed(object: string): void;
};

type Account = {
  readonly first: Set<string>;
  /** When something was repeated, the oldest first, and what it was. */
  repeated: { at: number; what: string }[];
  /** The same of everything. */
  all: { at: number; what: string; target: string }[];
  /** When the server last failed. */
  failedAt: number;
  told: boolean;
};

const newAccount = (): Account => ({
  first: new Set(),
  repeated: [],
  all: [],
  failedAt: Number.NEGATIVE_INFINITY,
  told: false,
});

export function createCostJudge(): CostJudge {
  /** By object, and by process. */
  const accounts = new Map<string, Map<string, Account>>();
  return {
    changed: (object) => void accounts.delete(object),
    failed(object, by, at) {
      const account = accounts.get(object)?.get(by);
      if (account) account.failedAt = at;
    },
    request({ object, by, what, target = what.split(' ', 3).join(' '), at }) {
      const own = accounts.get(object) ?? new Map<string, Account>();
      const account = own.get(by) ?? newAccount();
      accounts.set(object, own.set(by, account));
      const isRecent = (one: { at: number }) => at - one.at < window;
      account.all = [...account.all.filter(isRecent), { at, what, target }];
      if (account.first.has(what)) account.repeated = [...account.repeated.filter(isRecent), { at, what }];
      account.first.add(what);
      const bound = at - account.failedAt < window ? mostInVain : most;
      if (account.told) return undefined;
      const { all } = account;
      const repeated = account.repeated.filter(isRecent);
      const targets = new Set(all.map((one) => one.target)).size;
      if (repeated.length > bound) {
        account.told = true;
        return `${object}: L4: ${repeated.length} requests that repeat others within 60 s, without a change by people: ${wordsOf(repeated)}`;
      }
      if (all.length > bound + targets) {
        account.told = true;
        return `${object}: L4: ${all.length} requests for ${targets} things within 60 s, without a change by people: ${wordsOf(all)}`;
      }
      return undefined;
    },
  };
}

/** What was asked for most. */
function wordsOf(asked: readonly { readonly what: string }[]): string {
  const counts = new Map<string, number>();
  for (const { what } of asked) {
    const short = what.replace(/ \{.*/, '');
    counts.set(short, (counts.get(short) ?? 0) + 1);
  }
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 4);
  return most.map(([what, count]) => `${count} × ${what}`).join(', ');
}
