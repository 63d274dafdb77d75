/** install.yaml on a real node. */
import { root, testInstallation } from './installation.ts';

testInstallation({
  name: 'install.yaml',
  namespace: 'license-settings-system',
  serves: 'dialer',
  liveness: true,
  install: async (plane) => {
    await plane.kubectl(['apply', '--server-side', '-f', `${root}deploy/install.yaml`]);
  },
});
