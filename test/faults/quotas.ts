/** A real ResourceQuota of ConfigMaps in one namespace. */
import { type Desk, until } from '../operator.ts';

const hard = 'count/configmaps';
type Quota = { readonly status?: { readonly hard?: Record<string, string>; readonly used?: Record<string, string> } };

/**
 * Allows so many ConfigMaps more than there are; undefined: any number. Resolves when that holds.
 * @param prefix of the run's names: what an earlier run left is waited for until it is collected
 */
export async function limit(desk: Desk, prefix: string, spare: number | undefined): Promise<void> {
  const path = `/api/v1/namespaces/${desk.namespace}/resourcequotas`;
  const expect = ({ code, json }: { code: number; json: unknown }) => {
    if (code > 299) throw new Error(`quota in ${desk.namespace}: ${code} ${JSON.stringify(json)}`);
    return json;
  };
  if (spare === undefined) {
    expect(await desk.request('DELETE', `${path}/test`));
    return;
  }
  let most = 0;
  await until(`nothing but ${prefix}* is left in ${desk.namespace}`, async () => {
    const list = expect(await desk.request('GET', `/api/v1/namespaces/${desk.namespace}/configmaps`));
    const names = (list as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
    most = names.length + spare;
    return names.every((name) => name.startsWith(prefix) || name === 'kube-root-ca.crt');
  });
  const spec = { hard: { [hard]: String(most) } };
  expect(
    await desk.request('POST', path, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'test' }, spec }),
  );
  // Until its controller has counted, the API server refuses every ConfigMap.
  await until(`the quota of ${desk.namespace} is counted`, async () => {
    const { status } = (await desk.request('GET', `${path}/test`)).json as Quota;
    return status?.hard?.[hard] === String(most) && status.used?.[hard] !== undefined;
  });
}
