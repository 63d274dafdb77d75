/** Lists of objects, page by page. */
import type { Client } from './client.ts';
import { ApiError } from './errors.ts';
import type { KubeObject } from './object.ts';
import { withQuery } from './paths.ts';

/** What to list. */
export type ListOptions = {
  /** Of the collection: see `collectionPath`. */
  readonly path: string;
  /** Plural name, for metrics and messages. */
  readonly resource: string;
  readonly labelSelector?: string | undefined;
  /** Objects in a page; left out: the list comes whole. */
  readonly pageSize?: number | undefined;
  /** Milliseconds until one page is given up. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** One page; all pages of a list are of one `version`. */
export type Page<T> = { readonly items: readonly T[]; readonly version: string };

type Answer<T> = { metadata?: { resourceVersion?: string; continue?: string }; items?: T[] | null };

/**
 * Asks for the pages of a list, one after the other. Throws an ApiError: that of the request that failed, or one of the
 * reason `BadEvent` where an answer is no list, or where the pages never end.
 */
export async function* listPages<T = KubeObject>(
  client: Pick<Client, 'request'>,
  options: ListOptions,
): AsyncGenerator<Page<T>> {
  const { path, resource, labelSelector, pageSize, deadline, signal } = options;
  let next: string | undefined;
  do {
    const limit = pageSize === undefined ? undefined : String(pageSize);
    const answer = await client.request<Answer<T>>({
      method: 'GET',
      path: withQuery(path, { limit, labelSelector, continue: next }),
      resource,
      ...(deadline === undefined ? {} : { deadline }),
      ...(signal === undefined ? {} : { signal }),
    });
    const version = answer?.metadata?.resourceVersion;
    const items = answer.items ?? [];
    if (!version || !Array.isArray(items)) throw notAList(resource, 'not a list');
    yield { items, version };
    const after = answer.metadata?.continue || undefined;
    if (after !== undefined && after === next) throw notAList(resource, 'its pages never end');
    next = after;
  } while (next !== undefined);
}

/** All objects of a list. Throws an ApiError as `listPages` does. */
export async function listAll<T = KubeObject>(client: Pick<Client, 'request'>, options: ListOptions): Promise<T[]> {
  const objects: T[] = [];
  for await (const { items } of listPages<T>(client, options)) objects.push(...items);
  return objects;
}

const notAList = (resource: string, why: string): ApiError =>
  new ApiError(`list of ${resource}: ${why}`, { code: 0, reason: 'BadEvent' });
