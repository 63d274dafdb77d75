/** Defects of configuration, logs, metrics and health. */
import type { Defect } from '../defects.ts';

export const edges: readonly Defect[] = [
  {
    defect: 'a token in the words of a message is logged',
    file: 'src/observe/logger.ts',
    find: 'escaped(hideSecrets(line))',
    replace: 'escaped(line)',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > tokens are hidden in words too: of messages, of fields, of errors',
    },
  },
  {
    defect: 'a token in a field is logged',
    file: 'src/observe/logger.ts',
    find: "    redact: { paths: ['token', '*.token', 'authorization', '*.authorization'], censor: '[hidden]' },\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > tokens and authorization are hidden by the name of their field',
    },
  },
  {
    defect: "an API error's request is logged",
    file: 'src/observe/logger.ts',
    find: 'serializers: { err: serializeError },',
    replace: 'serializers: { err: (error: unknown) => ({ ...(error as object) }) },',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > what hangs on an error, such as the request with its headers, is not logged',
    },
  },
  {
    defect: 'words of others may begin a line of their own',
    file: 'src/observe/logger.ts',
    find: '[isSteering(msg) ? oneLine(msg) : msg]',
    replace: '[msg]',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: "logger > R9.23 pretty: others' words neither begin a line nor steer the terminal",
    },
  },
  {
    defect: 'words of a log may be as long as somebody made them',
    file: 'src/observe/logger.ts',
    find: "typeof word === 'string' ? shown(word) : word",
    replace: 'word',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > R9.23 no words of others are long, wherever they stand: a message, a field, its name, an error',
    },
  },
  {
    defect: 'a field of a log may be as long as somebody made it',
    file: 'src/observe/logger.ts',
    find: "if (typeof value === 'string') return shown(value);",
    replace: "if (typeof value === 'string') return value;",
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > R9.23 no words of others are long, wherever they stand: a message, a field, its name, an error',
    },
  },
  {
    defect: 'the name of a field of a log may be as long as somebody made it',
    file: 'src/observe/logger.ts',
    find: '[shown(key), bounded(inner, depth - 1)]',
    replace: '[key, bounded(inner, depth - 1)]',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > R9.23 no words of others are long, wherever they stand: a message, a field, its name, an error',
    },
  },
  {
    defect: "an error's words are logged whole",
    file: 'src/observe/logger.ts',
    find: 'const message = shown(error.message);',
    replace: 'const { message } = error;',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > R9.23 no words of others are long, wherever they stand: a message, a field, its name, an error',
    },
  },
  {
    defect: "an error's stack is logged whole",
    file: 'src/observe/logger.ts',
    find: 'cutText(hideSecrets(stack), maxStack)',
    replace: 'hideSecrets(stack)',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > R9.23 no words of others are long, wherever they stand: a message, a field, its name, an error',
    },
  },
  {
    defect: 'a token is cut in two before it is looked for',
    file: 'src/observe/logger.ts',
    find: 'cutText(hideSecrets(text))',
    replace: 'hideSecrets(cutText(text))',
    caughtBy: { file: 'test/unit/logger.test.ts', test: 'logger > a token that is cut in two is hidden all the same' },
  },
  {
    defect: 'JSON lines steer the terminal',
    file: 'src/observe/logger.ts',
    find: 'escaped(hideSecrets(line))',
    replace: 'hideSecrets(line)',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > R9.23 control and bidirectional characters are escapes, in JSON too',
    },
  },
  {
    defect: 'what only looks like a web token is hidden',
    file: 'src/observe/logger.ts',
    find: "parts[i + 1] !== '' && ",
    replace: '',
    caughtBy: {
      file: 'test/unit/logger.test.ts',
      test: 'logger > a web token is three parts, the last of which may be empty; what only looks like one stays',
    },
  },
  {
    defect: 'a pattern for tokens takes quadratic time',
    file: 'src/observe/logger.ts',
    find: 'replace(/[\\w.-]+/g, hideWebToken)',
    replace: "replace(/\\beyJ[\\w-]+\\.[\\w-]+\\.[\\w-]*/g, '[hidden]').replace(/[\\w.-]+/g, hideWebToken)",
    caughtBy: {
      file: 'test/unit/regexes.test.ts',
      test: 'regular expressions > R9.25 every one of src/ is linear on hostile input',
    },
  },
  {
    defect: 'bidirectional characters are taken for letters',
    file: 'src/api/text.ts',
    find: 'const steering = /[\\p{Cc}\\p{Cf}\\u2028\\u2029]/gu;',
    replace: 'const steering = /[\\p{Cc}\\u2028\\u2029]/gu;',
    caughtBy: {
      file: 'test/unit/text.test.ts',
      test: 'texts of others > R9.23 nothing that steers a terminal, a line or the order of writing is left; other characters stay',
    },
  },
  {
    defect: 'a status says what a webhook said as it stands',
    file: 'src/settings/status.ts',
    find: "shownText(problem?.message ?? '')",
    replace: "problem?.message ?? ''",
    caughtBy: {
      file: 'test/unit/text.test.ts',
      test: 'where texts of others are shown > R9.23 a status that tells what an API server or a webhook said',
    },
  },
  {
    defect: 'an event says what others said as it stands',
    file: 'src/controller/events.ts',
    find: 'note: shownText(found.note, maxNote)',
    replace: 'note: found.note.slice(0, maxNote)',
    caughtBy: { file: 'test/unit/text.test.ts', test: 'where texts of others are shown > R9.23 an event' },
  },
  {
    defect: 'JSON of the plugin steers the terminal',
    file: 'src/cli/structured.ts',
    find: 'const json = (value: unknown): string => escaped(',
    replace: 'const json = (value: unknown): string => String(',
    caughtBy: {
      file: 'test/unit/text.test.ts',
      test: 'where texts of others are shown > R9.23 `-o json` and `-o yaml` of the plugin: as escapes, that read back as what they were',
    },
  },
  {
    defect: 'YAML of the plugin has escapes outside of quotes',
    file: 'src/cli/structured.ts',
    find: "node.type = 'QUOTE_DOUBLE'",
    replace: "node.type = 'PLAIN'",
    caughtBy: {
      file: 'test/unit/text.test.ts',
      test: 'where texts of others are shown > R9.23 `-o json` and `-o yaml` of the plugin: as escapes, that read back as what they were',
    },
  },
  {
    defect: 'any number of connections is kept',
    file: 'src/observe/crowd.ts',
    find: 'if (sockets.size > maxConnections) oldest?.destroy();',
    replace: '',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > R11.3 of 300 connections the newest 64 are kept, and a probe that comes last is answered',
    },
  },
  {
    defect: 'of too many connections the newest is ended, and with it a probe',
    file: 'src/observe/crowd.ts',
    find: 'oldest?.destroy();',
    replace: 'socket.destroy();',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > R11.3 of 300 connections the newest 64 are kept, and a probe that comes last is answered',
    },
  },
  {
    defect: 'a client may take as long as it likes to read an answer',
    file: 'src/observe/crowd.ts',
    find: 'const cancel = clock.after(answerWithin, () => socket.destroy());',
    replace: 'const cancel = () => {};',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > who does not read an answer in time is cut off; nobody else is',
    },
  },
  {
    defect: 'the deadline of an answer stays behind',
    file: 'src/observe/crowd.ts',
    find: '      cancel();\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > who does not read an answer in time is cut off; nobody else is',
    },
  },
  {
    defect: 'answers that nobody reads pile up',
    file: 'src/observe/crowd.ts',
    find: 'if (state.answering) {',
    replace: 'if (false as boolean) {',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > who sends the next request before the answer is read is cut off: answers do not pile up',
    },
  },
  {
    defect: 'a connection may ask without end',
    file: 'src/observe/crowd.ts',
    find: 'if (state.requests >= maxRequests) response.shouldKeepAlive = false;',
    replace: '',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > a connection is closed after 100 requests',
    },
  },
  {
    defect: 'the metrics are rendered for each who asks',
    file: 'src/observe/crowd.ts',
    find: 'if (made && now - made.at < milliseconds) return made.what;',
    replace: '',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > one rendering of the metrics serves all who ask within a second',
    },
  },
  {
    defect: 'the metrics are rendered once for ever',
    file: 'src/observe/crowd.ts',
    find: 'if (made && now - made.at < milliseconds)',
    replace: 'if (made)',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > one rendering of the metrics serves all who ask within a second',
    },
  },
  {
    defect: 'a rendering that failed serves all who ask within a second',
    file: 'src/observe/crowd.ts',
    find: 'if (made === mine) made = undefined;',
    replace: '',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > a rendering that failed serves only those who wait for it',
    },
  },
  {
    defect: 'a flood of connections to the metrics is taken whole',
    file: 'src/observe/crowd.ts',
    find: 'if (left < 1) return false;',
    replace: '',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > R11.3 of a flood of connections to the metrics 64 are taken at once, and 10 a second; probes are never turned away',
    },
  },
  {
    defect: 'probes are turned away in a flood',
    file: 'src/observe/servers.ts',
    find: 'readiness ? () => true : rate',
    replace: 'rate',
    caughtBy: {
      file: 'test/unit/crowd.test.ts',
      test: 'a crowd at the servers > R11.3 of a flood of connections to the metrics 64 are taken at once, and 10 a second; probes are never turned away',
    },
  },
  {
    defect: 'minutes of watches spoil the durations of requests',
    file: 'src/observe/metrics.ts',
    find: "if (verb !== 'watch') requestTime",
    replace: 'requestTime',
    caughtBy: {
      file: 'test/unit/metrics.test.ts',
      test: 'metrics > a watch counts as a request, but its minutes do not spoil the durations',
    },
  },
  {
    defect: 'a reason that nobody has any more stays',
    file: 'src/observe/metrics.ts',
    find: '      objects.reset();\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/metrics.test.ts',
      test: 'metrics > objects by reason: a reason that nobody has any more is gone',
    },
  },
  {
    defect: 'two operators share their numbers',
    file: 'src/observe/metrics.ts',
    find: 'const registers = [registry];',
    replace: 'const registers = [((globalThis as any).shared ??= registry) as Registry];',
    caughtBy: {
      file: 'test/unit/metrics.test.ts',
      test: 'metrics > two of them do not share their numbers',
    },
  },
  {
    defect: 'a replica that is not ready says that it is',
    file: 'src/observe/servers.ts',
    find: 'now.ready ? 200 : 503',
    replace: '200',
    caughtBy: {
      file: 'test/unit/servers.test.ts',
      test: 'health and metrics servers > R11.4 readyz says what is missing, a line each, until nothing is',
    },
  },
  {
    defect: 'readyz?verbose says no more than readyz',
    file: 'src/observe/servers.ts',
    find: "query.has('verbose')",
    replace: 'false',
    caughtBy: {
      file: 'test/unit/servers.test.ts',
      test: 'health and metrics servers > R11.4 readyz?verbose names every check, also those that are well',
    },
  },
  {
    defect: 'one namespace that can not be served makes a replica unready',
    file: 'src/observe/health.ts',
    find: 'checks.some(({ wrong }) => wrong === undefined)',
    replace: 'checks.every(({ wrong }) => wrong === undefined)',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: "scopes > R7.9 a namespace that can't be listed stops no other, after a restart",
    },
  },
  {
    defect: 'a leader that can work nowhere is ready',
    file: 'src/observe/health.ts',
    find: ' && checks.some(({ wrong }) => wrong === undefined)',
    replace: '',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: 'scopes > R11.4 a leader that can not work in any namespace is not ready, and says why',
    },
  },
  {
    defect: 'trouble of a copy that is current is not shown',
    file: 'src/observe/health.ts',
    find: '...(troubled.length > 0 ?',
    replace: '...(troubled.length > 9 ?',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: 'scopes > R11.5 watches that are refused while lists work: served, told once a minute, and over only when a watch works',
    },
  },
  {
    defect: 'liveness depends on readiness',
    file: 'src/observe/servers.ts',
    find: "pages.set('/healthz', (response) => send(response, 200, 'ok\\n'));",
    replace: "pages.set('/healthz', (response) => send(response, notReady().length > 0 ? 503 : 200, 'ok\\n'));",
    caughtBy: {
      file: 'test/unit/servers.test.ts',
      test: 'health and metrics servers > R11.3 healthz is well while the process is alive, ready or not',
    },
  },
  {
    defect: 'a connection that is kept alive holds back the end',
    file: 'src/observe/servers.ts',
    find: '        server.closeAllConnections();\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/servers.test.ts',
      test: 'health and metrics servers > R11.1 close ends connections that are kept alive, and half a request, at once',
    },
  },
  {
    defect: 'a metrics page that fails is an unhandled rejection',
    file: 'src/observe/servers.ts',
    find: '} else await page(response, ',
    replace: '} else void page(response, ',
    caughtBy: {
      file: 'test/unit/servers.test.ts',
      test: 'health and metrics servers > L3 a page that fails is a 500, and the next request is answered',
    },
  },
  {
    defect: 'other methods are answered',
    file: 'src/observe/servers.ts',
    find: "else if (request.method !== 'GET' && request.method !== 'HEAD') {",
    replace: "else if (request.method === 'BREW') {",
    caughtBy: {
      file: 'test/unit/servers.test.ts',
      test: 'health and metrics servers > other methods are refused, with the allowed ones',
    },
  },
  {
    defect: 'a lost lease is still shown as leading',
    file: 'src/observe/election.ts',
    find: "        metrics.leading(news.kind === 'leading');\n",
    replace: "        if (news.kind === 'leading') metrics.leading(true);\n",
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > the metric says who leads: not before the lease is won, not after it is lost or given back',
    },
  },
  {
    defect: 'a leader that fails to renew is shown as a standby',
    file: 'src/observe/election.ts',
    find: "      if (news.kind !== 'failing') {\n        failing = undefined;\n",
    replace: '      {\n        failing = undefined;\n',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > the metric says who leads: not before the lease is won, not after it is lost or given back',
    },
  },
  {
    defect: 'a replica that is refused the lease says that it is ready',
    file: 'src/observe/election.ts',
    find: "error.class === 'rejected' || ",
    replace: '',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > R11.4 a standby is ready; one that is refused the lease is not, until it is not refused any more',
    },
  },
  {
    defect: 'a refusal that is over keeps a replica from being ready',
    file: 'src/observe/election.ts',
    find: '        failing = undefined;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > R11.4 a standby is ready; one that is refused the lease is not, until it is not refused any more',
    },
  },
  {
    defect: 'who can not read the lease for as long as it lasts is ready',
    file: 'src/observe/election.ts',
    find: ' || clock.monotonic() - since >= patience',
    replace: '',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > R11.4 who can not read or renew the lease for as long as it lasts is not ready, and says why: 401',
    },
  },
  {
    defect: 'one request on the lease that fails makes a replica unready',
    file: 'src/observe/election.ts',
    find: 'clock.monotonic() - since >= patience',
    replace: 'since >= 0',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > R11.4 a standby is ready; one that is refused the lease is not, until it is not refused any more',
    },
  },
  {
    defect: 'each failure begins the patience anew',
    file: 'src/observe/election.ts',
    find: 'since: failing?.since ?? clock.monotonic()',
    replace: 'since: clock.monotonic()',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > R11.4 who can not read or renew the lease for as long as it lasts is not ready, and says why: 401',
    },
  },
  {
    defect: 'a replica that has not read the lease is ready',
    file: 'src/observe/election.ts',
    find: "return standing === undefined ? { name, wrong: 'it was not read yet' } : { name, remark: standing };",
    replace: 'return { name, remark: standing };',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > R11.4 a replica that has not read the lease yet is not ready, whatever comes of the request',
    },
  },
  {
    defect: 'a Role is the advice for whatever is wrong with the lease',
    file: 'src/observe/election.ts',
    find: 'if (code === 403) return',
    replace: 'if (code >= 400) return',
    caughtBy: { file: 'test/unit/election.test.ts', test: 'news of the election > a Role is the advice for 403 alone' },
  },
  {
    defect: 'a lease that can not be read is told each second',
    file: 'src/observe/election.ts',
    find: 'if (mayTell(advice)) log.warn',
    replace: 'log.warn',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > R11.5 a lease that can not be read is told once a minute at most',
    },
  },
  {
    defect: 'readyz shows what a server says of the lease, whatever it is',
    file: 'src/observe/election.ts',
    find: 'shownText(error.message)',
    replace: 'error.message',
    caughtBy: {
      file: 'test/unit/election.test.ts',
      test: 'news of the election > R9.23 what a server says is cut and steers nothing where it is asked for',
    },
  },
  {
    defect: 'nothing ends a process that hangs',
    file: 'src/stop.ts',
    find: '      after(askedAt + hardStop - monotonic(), exit);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/stop.test.ts',
      test: 'stop > R11.1 it ends 4.5 s after the signal, whatever is awaited',
    },
  },
  {
    defect: 'a signal counts from when it was seen',
    file: 'src/stop.ts',
    find: 'askedAt = signalledAt(monotonic());',
    replace: 'askedAt = monotonic();',
    caughtBy: {
      file: 'test/unit/stop.test.ts',
      test: 'stop > R11.1 a signal that came while the process was blocked counts from when the block began',
    },
  },
  {
    defect: 'a timer that runs when a block is over hides it',
    file: 'src/stop.ts',
    find: '(lastCameLate ? before : last)',
    replace: 'last',
    caughtBy: {
      file: 'test/unit/stop.test.ts',
      test: 'stop > R11.1 a timer that runs before the handler of the signal, when the block is over, does not hide it',
    },
  },
  {
    defect: 'what is in flight may take all the time that there is',
    file: 'src/stop.ts',
    find: 'askedAt + patience - monotonic()',
    replace: 'askedAt + hardStop - monotonic()',
    caughtBy: { file: 'test/unit/stop.test.ts', test: 'stop > R11.1 what is in flight gets 4 s of them' },
  },
  {
    defect: 'a variable goes before its flag',
    file: 'src/config.ts',
    find: 'else given.set(flag as Flag, { text, source });',
    replace: 'else if (!given.has(flag as Flag)) given.set(flag as Flag, { text, source });',
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > a flag goes before its variable, the last of a repeated flag counts',
    },
  },
  {
    defect: "'off' gives the default address",
    file: 'src/config.ts',
    find: "if (text === 'off') return undefined;",
    replace: "if (text === 'off') return { host: '0.0.0.0', port: 8080 };",
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > addresses: host and port, all interfaces, IPv6, any free port, off',
    },
  },
  {
    defect: 'a Service of our name keeps the operator from starting',
    file: 'src/config.ts',
    find: 'else if (!serviceVariable.test(name))',
    replace: 'else',
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > variables that Kubernetes sets for a Service of our name are ignored',
    },
  },
  {
    defect: 'a variable with a typing error is ignored',
    file: 'src/config.ts',
    find: 'else if (!serviceVariable.test(name))',
    replace: "else if (name === '')",
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > every mistake is reported at once, with where it came from',
    },
  },
  {
    defect: 'only the first mistake is told',
    file: 'src/config.ts',
    find: "return errors.length > 0 ? { kind: 'error', errors }",
    replace: "return errors.length > 0 ? { kind: 'error', errors: errors.slice(0, 1) }",
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > every mistake is reported at once, with where it came from',
    },
  },
  {
    defect: 'replicas elect a leader without being asked',
    file: 'src/config.ts',
    find: 'elect ? lease : undefined',
    replace: 'lease',
    caughtBy: { file: 'test/unit/config.test.ts', test: 'configuration > nothing given: the documented defaults' },
  },
  {
    defect: 'a port above 65535 is taken',
    file: 'src/config.ts',
    find: "digits === '' || port > 65_535",
    replace: "digits === ''",
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > addresses: host and port, all interfaces, IPv6, any free port, off',
    },
  },
  {
    defect: 'a namespace is watched twice',
    file: 'src/config.ts',
    find: '    ...new Set(\n      text',
    replace: '    ...Array.from(\n      text',
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > namespaces: trimmed, each once, none means all',
    },
  },
  {
    defect: 'the lease may last for ever',
    file: 'src/config.ts',
    find: 'wholeNumber(5, 300)',
    replace: 'wholeNumber(0, 999_999_999)',
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > leader election: a flag that may stand alone, with true or false, and the lease only with it',
    },
  },
  {
    defect: 'a flag swallows the next one',
    file: 'src/config.ts',
    find: "} else if (inlineValue === false && value.startsWith('--')) {",
    replace: "} else if (inlineValue === false && value === '') {",
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > a flag without its value does not swallow the next flag',
    },
  },
  {
    defect: 'the version that the bundler sets is a mistake',
    file: 'src/config.ts',
    find: ' || internalVariables.has(name)) continue;',
    replace: ') continue;',
    caughtBy: {
      file: 'test/unit/config.test.ts',
      test: 'configuration > other variables, and those that are not set, are nobody’s mistake',
    },
  },
];
