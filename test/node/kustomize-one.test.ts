/** `kubectl apply -k` of an overlay on a real node. */
import { root, testInstallation } from './installation.ts';

testInstallation({
  name: 'kustomize, overlays/one',
  namespace: 'dialer',
  serves: 'dialer',
  install: async (plane) => {
    await plane.kubectl(['apply', '--server-side', '-k', `${root}crds`]);
    await plane.kubectl(['apply', '--server-side', '-k', `${root}deploy/overlays/one`]);
  },
});
