import { inspect } from 'node:util';
import { type LoggerOptions as Options, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';
import { cutText, escaped, isSteering } from '../api/text.ts';

/** What the operator logs with: one line a decision, the fields first. */
export type Logger = PinoLogger;

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
  const options: Options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: Record<string, unknown>) => bounded(fields, maxDepth) as Record<string, unknown>,
    },
    serializers: { err: serializeError },
    redact: { paths: ['token', '*.token', 'authorization', '*.authorization'], censor: '[hidden]' },
    hooks: {
      logMethod(words, method) {
        method.apply(this, words.map((word) => (typeof word === 'string' ? shown(word) : word)) as typeof words);
      },
      // Last of all, because a secret may stand in the words of a message too.
      streamWrite: (line: string) => escaped(hideSecrets(line)),
    },
  };
  const out = destination ?? pino.destination({ fd: 1, sync: true });
  if (format === 'json') return pino(options, out);
  const coloured = colour ?? (!destination && process.stdout.isTTY === true && !process.env['NO_COLOR']);
  return pino(options, { write: (line: string) => out.write(prettyLine(line, coloured)) });
}

/** Fields of fields that are logged; what lies deeper is left out. */
const maxDepth = 6;
/** Longest stack, in bytes: it begins with the message. */
const maxStack = 4096;

/**
 * Bearer tokens and JSON web tokens, wherever they stand. One call looks at each character a bounded number of times: a single
 * pattern for three parts with dots between them would begin anew at each of many beginnings.
 */
const hideSecrets = (line: string): string =>
  line.replace(/\bBearer +[\w.~+/=-]+/gi, 'Bearer [hidden]').replace(/[\w.-]+/g, hideWebToken);

/** In a word of letters, digits, dashes and dots: from where `eyJ` begins to the end of the second part after it. */
function hideWebToken(word: string): string {
  if (!word.includes('eyJ')) return word;
  const parts = word.split('.');
  const shownParts: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? '';
    const start = part.search(/\beyJ[\w-]/);
    const isToken = start >= 0 && parts[i + 1] !== '' && parts[i + 2] !== undefined;
    shownParts.push(isToken ? `${part.slice(0, start)}[hidden]` : part);
    if (isToken) i += 2;
  }
  return shownParts.join('.');
}

/** Words of others as they are logged: a token is hidden before it may be cut in two. */
const shown = (text: string): string => cutText(hideSecrets(text));

/** A value with every text in it cut. Errors are left to their serializer. */
function bounded(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return shown(value);
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.map((inner) => bounded(inner, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [shown(key), bounded(inner, depth - 1)]));
}

/** Of an error only words: an API error may hold the request, and with it a token. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: shown(String(error)) };
  const { name, stack = '' } = error;
  const message = shown(error.message);
  const code = (error as { code?: unknown }).code;
  // The stack of an answer from the API server says nothing; that of a defect says where it is.
  if (name === 'ApiError') return { code, message };
  return { name, message, stack: cutText(hideSecrets(stack), maxStack) };
}

const colours: Record<string, string> = { trace: '90', debug: '90', info: '32', warn: '33', error: '31', fatal: '41' };

/** `12:34:56.789 INFO message key=value …` from a line of JSON. */
function prettyLine(line: string, colour: boolean): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as { time: string; level: string; msg?: string };
  const paint = (code: string, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const rest = Object.entries(fields).map(([key, value]) => {
    const word = typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : oneLine(value);
    return `${paint('36', oneWord(key))}=${word}`;
  });
  const word = paint(colours[level] ?? '0', level.toUpperCase().padEnd(5));
  // Words of others (an API server, a name) must neither begin a line of their own nor steer the terminal.
  const words = msg === undefined ? [] : [isSteering(msg) ? oneLine(msg) : msg];
  return `${[time.slice(11, 23), word, ...words, ...rest].join(' ')}\n`;
}

const oneWord = (text: string): string => (isSteering(text) ? oneLine(text) : text);

const oneLine = (value: unknown): string =>
  escaped(
    typeof value === 'string'
      ? JSON.stringify(value)
      : inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: maxDepth }),
  );
