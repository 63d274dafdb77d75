#!/usr/bin/env node
/** `kubectl license`, a plugin of kubectl: kubectl runs `kubectl-license` from the PATH. Wires streams, terminal and cluster. */
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { systemClock } from '../kube/index.ts';
import { run } from './run.ts';
import { styleOf } from './terminal.ts';

const { stdin, stdout, stderr, env } = process;

// `kubectl license status | head` closes our stdout early: that is no error.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await run(process.argv.slice(2), {
  out: (words) => stdout.write(words),
  err: (words) => stderr.write(words),
  style: styleOf(env, stdout),
  errStyle: styleOf(env, stderr),
  interactive: stdin.isTTY === true && stderr.isTTY === true,
  async ask(question) {
    const lines = createInterface({ input: stdin, output: stderr });
    // Ctrl-D is no answer.
    const end = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    try {
      return await Promise.race([lines.question(question), end]);
    } finally {
      lines.close();
    }
  },
  stdin: () => text(stdin),
  clock: systemClock,
  // Loaded only where it is needed: offline commands start sooner without it.
  connect: async (to) => (await import('./cluster.ts')).connect(to, env, systemClock),
});
