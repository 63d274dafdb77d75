/** Counts what each object costs, from the requests that leave the operator: L4. */
import { labels, annotations as ours } from '../../src/api/names.ts';
import { createCostJudge } from '../contract/costs.ts';
import type { Change, Metadata, Server, Stored } from './server.ts';

type Asked = { readonly method: string; readonly path: string; readonly body?: unknown };

export function createCosts(server: Server) {
  const judge = createCostJudge();

  /** The LicenseSettings that a ConfigMap is for: by its label, else by its name, which begins with that of the object. */
  function ownerOf(namespace: string, name: string, metadata: Partial<Metadata> | undefined): string {
    const label = (metadata ?? server.get('configmaps', namespace, name)?.metadata)?.labels?.[labels.settings];
    if (label !== undefined) return `${namespace}/${label}`;
    const owners = server.all('licensesettings', namespace).map((one) => one.metadata.name);
    const fitting = owners.filter((owner) => name === owner || name.startsWith(`${owner}-`));
    return `${namespace}/${fitting.sort((a, b) => b.length - a.length)[0] ?? name}`;
  }

  /** The object that a request is for, with the name that it asks for. Lists, leases and events are for none. */
  function aboutOf({ path, body }: Asked): { owner: string; asked: string } | undefined {
    const [, namespace = '', kind, named] =
      /\/namespaces\/([^/]+)\/(licensesettings|configmaps)\/?([^/?]*)/.exec(path) ?? [];
    const object = body as Partial<Stored> | undefined;
    const name = named || object?.metadata?.name;
    if (kind === undefined || !name) return undefined;
    const owner = kind === 'licensesettings' ? `${namespace}/${name}` : ownerOf(namespace, name, object?.metadata);
    return { owner, asked: `${kind} ${name}` };
  }

  return {
    /** True where a request can be one of an object: of two names of objects with which that of a ConfigMap begins, either's. */
    mayBeOf(request: Asked, object: string): boolean {
      const { owner = '', asked = '' } = aboutOf(request) ?? {};
      const [namespace, name] = object.split('/');
      return owner === object || (owner.startsWith(`${namespace}/`) && asked.startsWith(`configmaps ${name}-`));
    },
    /** A request leaves a process; gives what is wrong with that, if anything. */
    sent(by: string, request: Asked, at: number): string | undefined {
      const about = aboutOf(request);
      if (!about) return undefined;
      const target = `${request.method} ${about.asked}${request.path.endsWith('/status') ? ' status' : ''}`;
      const what = `${target} ${contentOf(request.body as Partial<Stored>)}`;
      return judge.request({ object: about.owner, by, what, target, at });
    },
    /** The server did not answer one, or could not do it. */
    failed(by: string, request: Asked, at: number): void {
      const about = aboutOf(request);
      if (about) judge.failed(about.owner, by, at);
    },
    /** People changed something. */
    changed({ object: { kind, metadata } }: Change): void {
      const { namespace, name } = metadata;
      judge.changed(kind === 'ConfigMap' ? ownerOf(namespace, name, metadata) : `${namespace}/${name}`);
    },
  };
}

/** What a body is about, without versions, times, terms, what is said in words, and what others put there: those differ each time. */
export function contentOf(body: Partial<Stored> | undefined): string {
  if (!body?.metadata) return '';
  const { labels: tags, annotations = {}, ownerReferences } = body.metadata;
  const notes = Object.entries(annotations).filter(
    ([key]) => key.startsWith('licensing.dialer.dev/') && key !== ours.epoch,
  );
  const content = { data: body['data'], status: body['status'], tags, notes, ownerReferences };
  const withoutWords = JSON.stringify(content, (key, value) => (key === 'message' ? undefined : value));
  return withoutWords.replaceAll(/"\d{4}-\d\d-\d\dT[^"]*"/g, '"a time"');
}
