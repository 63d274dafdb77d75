/** The Helm chart on a real node. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findHelm } from '../controlplane/binaries.ts';
import { root, testInstallation } from './installation.ts';

const namespace = 'license-settings-system';
const chart = `${root}deploy/helm/license-settings-operator`;

testInstallation({
  name: 'Helm',
  namespace,
  serves: 'dialer',
  install: async ({ kubeconfig, directory }) => {
    const home = `${directory}/helm`;
    const env = {
      ...{ PATH: process.env['PATH'], KUBECONFIG: kubeconfig, HOME: home },
      ...{ HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home },
    };
    await promisify(execFile)(await findHelm(), ['install', 'settings', chart, '-n', namespace, '--create-namespace'], {
      env,
    });
  },
});
