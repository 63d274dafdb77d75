/** What main.ts makes ready for the test files of a run: the images, which take longest, are built once. */

const variable = 'TEST_NODE_PREPARED';

/** All of it goes away with the run. */
export type Prepared = {
  /** Of an {@link ImageStore} that has node, pause and operator images. */
  readonly store: string;
  /** Those images as files, for {@link startCluster}. */
  readonly images: readonly string[];
  /** The control group below which all containers run. */
  readonly cgroup: string;
};

/** @throws Error in a test file that main.ts did not start */
export function prepared(): Prepared {
  const json = process.env[variable];
  if (!json) throw new Error('tests of a real node need `npm run test:node`');
  return JSON.parse(json) as Prepared;
}

/** The environment that hands it to the test files. */
export const toEnvironment = (what: Prepared): Record<string, string> => ({ [variable]: JSON.stringify(what) });
