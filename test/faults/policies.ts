/**
 * Real admission policies that do to the operator's ConfigMaps what those of a cluster do: each is defined once, and put
 * in force for one namespace by a binding.
 */
import type { ControlPlane } from '../controlplane/controlplane.ts';
import { type Desk, until } from '../operator.ts';
import type { PolicyEffect } from '../support/actions.ts';

const group = 'admissionregistration.k8s.io';
const path = `/apis/${group}/v1`;
const managed = { 'app.kubernetes.io/managed-by': 'license-settings-operator' };

/** What each policy makes of an object, in CEL; `refuse` makes nothing of it. */
const changes: Readonly<Record<Exclude<PolicyEffect, 'refuse'>, string>> = {
  'add key': 'Object{data: {"policy": "was here"}}',
  'add label': 'Object{metadata: Object.metadata{labels: {"policy": "was-here"}}}',
  'add annotation': 'Object{metadata: Object.metadata{annotations: {"policy": "was here"}}}',
  'make immutable': 'Object{immutable: true}',
  'change number': 'Object{data: {"OUTBOUND_PORTS_MAXIMUM": "7"}}',
};
const effects = [...Object.keys(changes), 'refuse'] as PolicyEffect[];

const nameOf = (effect: PolicyEffect) => `test-${effect.replaceAll(' ', '-')}`;
const kindOf = (effect: PolicyEffect) =>
  effect === 'refuse' ? 'ValidatingAdmissionPolicy' : 'MutatingAdmissionPolicy';
const resourceOf = (effect: PolicyEffect) =>
  effect === 'refuse' ? 'validatingadmissionpolicy' : 'mutatingadmissionpolicy';

function policyOf(effect: PolicyEffect): object {
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] };
  const does =
    effect === 'refuse'
      ? { validations: [{ expression: 'false', message: 'no ConfigMaps today' }] }
      : {
          reinvocationPolicy: 'Never',
          mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: changes[effect] } }],
        };
  return {
    ...{ apiVersion: `${group}/v1`, kind: kindOf(effect), metadata: { name: nameOf(effect) } },
    spec: { failurePolicy: 'Fail', matchConstraints: { resourceRules: [rule] }, ...does },
  };
}

/** Defines all of them; none is in force anywhere. */
export async function definePolicies(plane: ControlPlane): Promise<void> {
  const items = effects.map(policyOf);
  await plane.kubectl(['apply', '--server-side', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  });
}

/** Puts a policy in force, or out of it, for the operator's ConfigMaps in the namespace of a desk; resolves when it is. */
export async function police(desk: Desk, effect: PolicyEffect, inForce: boolean): Promise<void> {
  const collection = `${path}/${resourceOf(effect)}bindings`;
  const name = `${nameOf(effect)}-${desk.namespace}`;
  const binding = {
    ...{ apiVersion: `${group}/v1`, kind: `${kindOf(effect)}Binding`, metadata: { name } },
    spec: {
      policyName: nameOf(effect),
      matchResources: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': desk.namespace } },
        objectSelector: { matchLabels: managed },
      },
      ...(effect === 'refuse' ? { validationActions: ['Deny'] } : {}),
    },
  };
  const { code, json } = inForce
    ? await desk.request('POST', collection, binding)
    : await desk.request('DELETE', `${collection}/${name}`);
  if (code > 299) throw new Error(`${effect} in ${desk.namespace}: ${code} ${JSON.stringify(json)}`);
  // The API server learns of a binding by a watch of its own, which is slow while many operators start.
  const holds = async () => (await isInForce(desk, effect)) === inForce;
  await until(`the policy to ${effect} is ${inForce ? '' : 'no longer '}in force`, holds, 60_000);
}

/** Asks by a ConfigMap that is not stored. */
async function isInForce(desk: Desk, effect: PolicyEffect): Promise<boolean> {
  const data = { OUTBOUND_PORTS_MAXIMUM: '100' };
  const probe = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'probe', labels: managed }, data };
  const { code, json } = await desk.request(
    'POST',
    `/api/v1/namespaces/${desk.namespace}/configmaps?dryRun=All`,
    probe,
  );
  if (effect === 'refuse') return code === 422 || code === 403;
  if (code > 299) return false;
  const made = json as {
    immutable?: boolean;
    data: Record<string, string>;
    metadata: typeof probe.metadata & { annotations?: object };
  };
  const { policy } = { ...made.data, ...made.metadata.labels, ...made.metadata.annotations } as { policy?: string };
  return policy !== undefined || made.immutable === true || made.data['OUTBOUND_PORTS_MAXIMUM'] === '7';
}
