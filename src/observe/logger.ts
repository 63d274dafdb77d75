import { inspect } from 'node:util';
import { pino, stdTimeFunctions } from 'pino';

/** What the operator logs with: one line a decision, the fields first. */
export type Logger = ReturnType<typeof pino>;

type Destination = { write(line: string): unknown };
/** How `createLogger` logs. */
export type LoggerOptions = {
  /** The least that is logged: trace, debug, info, warn, error, fatal or silent. pino throws on another word. */
  readonly level: string;
  /** `json`: a line of JSON for machines. `pretty`: a line for people. */
  readonly format: 'json' | 'pretty';
  /** Standard output unless told. */
  readonly destination?: Destination;
  /** Colour for `pretty`; unless told, only for standard output on a terminal without NO_COLOR. */
  readonly colour?: boolean;
};

/**
 * A pino logger. `pretty` is written here, without a pino transport: a transport is a worker with a file of its own,
 * and the operator is one bundled file.
 */
export function createLogger({ level, format, destination, colour }: LoggerOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: serializeError },
    redact: { paths: ['token', '*.token', 'authorization', '*.authorization'], censor: '[hidden]' },
    // Last of all, because a secret may stand in the words of a message too.
    hooks: { streamWrite: hideSecrets },
  };
  const out = destination ?? pino.destination({ fd: 1, sync: true });
  if (format === 'json') return pino(options, out);
  const coloured = colour ?? (!destination && process.stdout.isTTY === true && !process.env['NO_COLOR']);
  return pino(options, { write: (line: string) => out.write(prettyLine(line, coloured)) });
}

/** Bearer tokens and JSON web tokens, wherever they stand. */
const hideSecrets = (line: string): string =>
  line.replace(/\bBearer +[\w.~+/=-]+/gi, 'Bearer [hidden]').replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[hidden]');

/** Of an error only words: an API error may hold the request, and with it a token. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const code = (error as { code?: unknown }).code;
  // The stack of an answer from the API server says nothing; that of a defect says where it is.
  if (name === 'ApiError') return { code, message };
  return { name, message, stack };
}

const colours: Record<string, string> = { trace: '90', debug: '90', info: '32', warn: '33', error: '31', fatal: '41' };

/** `12:34:56.789 INFO message key=value …` from a line of JSON. */
function prettyLine(line: string, colour: boolean): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as { time: string; level: string; msg?: string };
  const paint = (code: string, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const rest = Object.entries(fields).map(([key, value]) => {
    const shown = typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : oneLine(value);
    return `${paint('36', key)}=${shown}`;
  });
  const word = paint(colours[level] ?? '0', level.toUpperCase().padEnd(5));
  // Words of others (an API server, a name) must neither begin a line of their own nor steer the terminal.
  const words = msg === undefined ? [] : [/\p{Cc}/u.test(msg) ? oneLine(msg) : msg];
  return `${[time.slice(11, 23), word, ...words, ...rest].join(' ')}\n`;
}

const oneLine = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: 4 });
