/** Runs one test file for the runner: `node test/bootstrap.ts FILE`, with an IPC channel for the results. */
import { runFile } from './suite.ts';

const file = process.argv[2];
if (file === undefined) throw new Error('usage: node test/bootstrap.ts FILE');
// The runner died: nobody is there to enforce the deadline.
process.on('disconnect', () => process.exit(1));
// That listener must not keep a process alive whose tests can't go on; it ends and is reported.
process.channel?.unref();
await runFile(file);
