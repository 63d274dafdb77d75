import { inspect } from 'node:util';
import { pino, stdTimeFunctions } from 'pino';

/** What the operator logs with: one line a decision, the fields first. */
export type Logger = ReturnType<typeof pino>;

type Destination = { write(line: string): unknown };
export type LoggerOptions = {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** Standard output unless told. */
  readonly destination?: Destination;
  /** Colour for `pretty`; unless told, on a terminal without NO_COLOR. */
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
  };
  const out = destination ?? pino.destination({ fd: 1, sync: true });
  if (format === 'json') return pino(options, out);
  const coloured = colour ?? (process.stdout.isTTY === true && !process.env['NO_COLOR']);
  return pino(options, { write: (line: string) => out.write(prettyLine(line, coloured)) });
}

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
  const { time, level, msg, ...fields } = JSON.parse(line) as { time: string; level: string; msg: string };
  const paint = (code: string, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const rest = Object.entries(fields).map(([key, value]) => {
    const shown = typeof value === 'object' ? inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 4 }) : String(value);
    return `${paint('36', key)}=${shown}`;
  });
  const word = paint(colours[level] ?? '0', level.toUpperCase().padEnd(5));
  return `${[time.slice(11, 23), word, msg, ...rest].join(' ')}\n`;
}
