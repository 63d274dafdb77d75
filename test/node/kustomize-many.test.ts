/** `kubectl apply -k` of an overlay on a real node. */
import { root, testInstallation } from './installation.ts';

testInstallation({
  name: 'kustomize, overlays/many',
  namespace: 'license-settings-system',
  serves: 'dialer-emea',
  install: async (plane) => {
    await plane.kubectl(['create', 'namespace', 'dialer-apac']);
    await plane.kubectl(['apply', '--server-side', '-k', `${root}crds`]);
    await plane.kubectl(['apply', '--server-side', '-k', `${root}deploy/overlays/many`]);
  },
});
