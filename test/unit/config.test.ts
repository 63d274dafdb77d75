import * as assert from 'uvu/assert';
import { type Config, parseConfig } from '../../src/config.ts';
import { version } from '../../src/version.ts';
import { suite } from '../suite.ts';

type Environment = Record<string, string | undefined>;

function configOf(argv: string[], env: Environment = {}): Config {
  const parsed = parseConfig(argv, env);
  if (parsed.kind !== 'run') throw new Error(`not a configuration to run with: ${JSON.stringify(parsed)}`);
  return parsed.config;
}

function errorsOf(argv: string[], env: Environment = {}): string[] {
  const parsed = parseConfig(argv, env);
  if (parsed.kind !== 'error') throw new Error(`no mistake was found: ${JSON.stringify(parsed)}`);
  return parsed.errors;
}

function textOf(argv: string[], env: Environment = {}): string {
  const parsed = parseConfig(argv, env);
  if (parsed.kind !== 'print') throw new Error(`nothing to print: ${JSON.stringify(parsed)}`);
  return parsed.text;
}

const test = suite('configuration');

test('nothing given: the documented defaults', () => {
  assert.equal(configOf([]), {
    kubeconfig: undefined,
    context: undefined,
    watchNamespaces: [],
    workers: 16,
    resyncSeconds: 600,
    logLevel: 'info',
    logFormat: 'json',
    healthAddress: { host: '0.0.0.0', port: 8081 },
    metricsAddress: { host: '0.0.0.0', port: 8080 },
    lease: undefined,
  });
});

test('leader election: a flag that may stand alone, with true or false, and the lease only with it', () => {
  const lease = { namespace: undefined, name: 'license-settings-operator', seconds: 15 };
  assert.equal(configOf(['--leader-elect']).lease, lease);
  assert.equal(configOf(['--leader-elect=true', '--workers', '2']).lease, lease);
  assert.is(configOf(['--leader-elect=false']).lease, undefined);
  assert.is(configOf(['--lease-seconds=20']).lease, undefined);
  assert.equal(configOf([], { LICENSE_SETTINGS_LEADER_ELECT: 'true' }).lease, lease);
  assert.is(configOf(['--leader-elect=false'], { LICENSE_SETTINGS_LEADER_ELECT: 'true' }).lease, undefined);
  const other = ['--leader-elect', '--lease-namespace=ops', '--lease-name=dialer.one', '--lease-seconds', '30'];
  assert.equal(configOf(other).lease, { namespace: 'ops', name: 'dialer.one', seconds: 30 });
  assert.equal(errorsOf(['--leader-elect=yes', '--lease-namespace=A', '--lease-name=-', '--lease-seconds=4']), [
    '--leader-elect is "yes": allowed: one of true, false',
    '--lease-namespace is "A": allowed: a DNS label',
    '--lease-name is "-": allowed: a DNS name of up to 253 characters',
    '--lease-seconds is "4": allowed: a whole number from 5 to 300',
  ]);
});

test('every flag, in both forms', () => {
  const all: [string, string][] = [
    ['--kubeconfig', '/etc/kube=config'],
    ['--context', 'kind'],
    ['--watch-namespaces', 'a,b'],
    ['--workers', '4'],
    ['--resync-seconds', '60'],
    ['--log-level', 'debug'],
    ['--log-format', 'pretty'],
    ['--health-address', '127.0.0.1:1'],
    ['--metrics-address', 'off'],
  ];
  const expected = {
    kubeconfig: '/etc/kube=config',
    context: 'kind',
    watchNamespaces: ['a', 'b'],
    workers: 4,
    resyncSeconds: 60,
    logLevel: 'debug',
    logFormat: 'pretty',
    healthAddress: { host: '127.0.0.1', port: 1 },
    metricsAddress: undefined,
    lease: undefined,
  };
  assert.equal(configOf(all.flat()), expected);
  assert.equal(configOf(all.map((pair) => pair.join('='))), expected);
});

test('every flag is also an environment variable', () => {
  const config = configOf([], {
    LICENSE_SETTINGS_KUBECONFIG: '/k',
    LICENSE_SETTINGS_CONTEXT: 'c',
    LICENSE_SETTINGS_WATCH_NAMESPACES: 'a',
    LICENSE_SETTINGS_WORKERS: '1',
    LICENSE_SETTINGS_RESYNC_SECONDS: '2',
    LICENSE_SETTINGS_LOG_LEVEL: 'trace',
    LICENSE_SETTINGS_LOG_FORMAT: 'pretty',
    LICENSE_SETTINGS_HEALTH_ADDRESS: ':3',
    LICENSE_SETTINGS_METRICS_ADDRESS: ':4',
  });
  assert.equal(config, {
    kubeconfig: '/k',
    context: 'c',
    watchNamespaces: ['a'],
    workers: 1,
    resyncSeconds: 2,
    logLevel: 'trace',
    logFormat: 'pretty',
    healthAddress: { host: '0.0.0.0', port: 3 },
    metricsAddress: { host: '0.0.0.0', port: 4 },
    lease: undefined,
  });
});

test('a flag goes before its variable, the last of a repeated flag counts', () => {
  assert.is(configOf(['--workers', '3'], { LICENSE_SETTINGS_WORKERS: '5' }).workers, 3);
  assert.is(configOf(['--workers', '3', '--workers=7']).workers, 7);
});

test('namespaces: trimmed, each once, none means all', () => {
  assert.equal(configOf(['--watch-namespaces', 'b, a,b,']).watchNamespaces, ['b', 'a']);
  assert.equal(configOf(['--watch-namespaces=']).watchNamespaces, []);
});

test('a namespace that is not a DNS label is a mistake', () => {
  for (const name of ['A', 'a_b', '-a', 'a-', 'a.b', 'a'.repeat(64)]) {
    const [error = '', ...more] = errorsOf([`--watch-namespaces=ok,${name}`]);
    assert.is(more.length, 0);
    assert.match(error, `--watch-namespaces is "ok,${name}": allowed: `);
  }
  assert.equal(configOf([`--watch-namespaces=${'a'.repeat(63)}`]).watchNamespaces, ['a'.repeat(63)]);
});

test('numbers: both bounds are allowed, nothing beyond, only whole ones', () => {
  assert.is(configOf(['--workers=1']).workers, 1);
  assert.is(configOf(['--workers=256']).workers, 256);
  assert.is(configOf(['--resync-seconds=86400']).resyncSeconds, 86_400);
  for (const text of ['0', '257', '-1', '1.5', '1e2', '0x10', ' 1', 'x', '']) {
    assert.equal(errorsOf([`--workers=${text}`]), [`--workers is "${text}": allowed: a whole number from 1 to 256`]);
  }
  assert.match(errorsOf(['--resync-seconds=86401'])[0] ?? '', 'from 1 to 86400');
});

test('addresses: host and port, all interfaces, IPv6, any free port, off', () => {
  const address = (text: string) => configOf([`--health-address=${text}`]).healthAddress;
  assert.equal(address('localhost:80'), { host: 'localhost', port: 80 });
  assert.equal(address(':8081'), { host: '0.0.0.0', port: 8081 });
  assert.equal(address('[::1]:65535'), { host: '::1', port: 65_535 });
  assert.equal(address('127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  assert.is(address('off'), undefined);
  for (const text of [
    '8081',
    'localhost',
    'localhost:',
    '::1:80',
    ':65536',
    ':x',
    'http://a:80',
    ' :80',
    '[]:80',
    '',
  ]) {
    assert.match(errorsOf([`--health-address=${text}`])[0] ?? '', `--health-address is "${text}": allowed: host:port`);
  }
});

test('every mistake is reported at once, with where it came from', () => {
  const errors = errorsOf(['--workers=0', '--log-format', 'xml', 'extra', '--wat'], {
    LICENSE_SETTINGS_LOG_LEVEL: 'loud',
    LICENSE_SETTINGS_COLOUR: 'red',
  });
  assert.equal(errors.toSorted(), [
    '"extra": only flags are taken',
    '--log-format is "xml": allowed: one of json, pretty',
    '--wat: there is no such flag',
    '--workers is "0": allowed: a whole number from 1 to 256',
    'LICENSE_SETTINGS_COLOUR is "red": there is no such setting',
    'LICENSE_SETTINGS_LOG_LEVEL is "loud": allowed: one of trace, debug, info, warn, error',
  ]);
});

test('an unknown name gets the near one, a far one gets none', () => {
  assert.equal(errorsOf(['--worker=3']), ['--worker: there is no such flag (did you mean --workers?)']);
  assert.equal(errorsOf(['--hlep']), ['--hlep: there is no such flag (did you mean --help?)']);
  assert.equal(errorsOf(['-workers']), ['-workers: there is no such flag (did you mean --workers?)']);
  assert.equal(errorsOf(['--hi']), ['--hi: there is no such flag']);
  const [error = ''] = errorsOf([], { LICENSE_SETTINGS_WATCH_NAMESPACE: 'a' });
  assert.match(error, '(did you mean LICENSE_SETTINGS_WATCH_NAMESPACES?)');
});

test('names that every JavaScript object has are not flags', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    assert.equal(errorsOf([`--${name}=1`]), [`--${name}: there is no such flag`]);
    assert.equal(errorsOf([`--${name}`]), [`--${name}: there is no such flag`]);
  }
});

test('a flag without its value does not swallow the next flag', () => {
  assert.equal(errorsOf(['--kubeconfig', '--log-format=json']), ['--kubeconfig: needs a value: PATH']);
  assert.equal(errorsOf(['--kubeconfig', '--workers', '0']), [
    '--kubeconfig: needs a value: PATH',
    '--workers is "0": allowed: a whole number from 1 to 256',
  ]);
  assert.equal(errorsOf(['--workers']), ['--workers: needs a value: N']);
});

test('other variables, and those that are not set, are nobody’s mistake', () => {
  const env = { PATH: '/bin', LICENSE_SETTINGS_BUILD_VERSION: '9', LICENSE_SETTINGS_GONE: undefined };
  assert.is(configOf([], env).workers, 16);
});

test('variables that Kubernetes sets for a Service of our name are ignored', () => {
  const service = 'LICENSE_SETTINGS_OPERATOR';
  const config = configOf([], {
    [`${service}_SERVICE_HOST`]: '10.0.0.1',
    [`${service}_SERVICE_PORT`]: '8080',
    [`${service}_SERVICE_PORT_METRICS`]: '8080',
    [`${service}_PORT`]: 'tcp://10.0.0.1:8080',
    [`${service}_PORT_8080_TCP`]: 'tcp://10.0.0.1:8080',
    [`${service}_PORT_8080_TCP_PROTO`]: 'tcp',
    [`${service}_PORT_8080_TCP_PORT`]: '8080',
    [`${service}_PORT_8080_TCP_ADDR`]: '10.0.0.1',
  });
  assert.is(config.workers, 16);
  assert.is(errorsOf([], { [`${service}_PORTS`]: '1' }).length, 1);
});

test('help lists every flag with its default, and goes before mistakes', () => {
  const help = textOf(['--help', '--workers=0']);
  for (const flag of ['kubeconfig PATH', 'context NAME', 'watch-namespaces', 'workers N', 'resync-seconds N']) {
    assert.match(help, `  --${flag}`);
  }
  for (const flag of ['log-level', 'log-format', 'health-address', 'metrics-address', 'version', 'help']) {
    assert.match(help, `  --${flag}`);
  }
  assert.match(help, 'default 16');
  assert.match(help, 'LICENSE_SETTINGS_LOG_LEVEL');
});

test('version prints the release of the package and takes no value', () => {
  assert.is(textOf(['--version']), version);
  assert.match(version, /^\d+\.\d+\.\d+/);
  assert.equal(errorsOf(['--version=1']), ['--version is "1": allowed: no value']);
});
