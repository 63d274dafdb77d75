/** Seeded defects: each breaks one rule of `src/`, and names the test that fails when that rule is broken. */
import { controller } from './defects/controller.ts';
import { edges } from './defects/edges.ts';
import { kube } from './defects/kube.ts';
import { settings } from './defects/settings.ts';

export type Defect = {
  /** What is wrong, in words; unique within its file. */
  readonly defect: string;
  /** Id of the rule of docs/contract.md that it breaks, such as `R2.4`. */
  readonly rule?: string;
  /** Path from the root of the project. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The test that has to fail: its file, and its full name (`suite > test`). The sharpest one that there is. */
  readonly caughtBy: { readonly file: string; readonly test: string };
};

export const defects: readonly Defect[] = [...kube, ...controller, ...settings, ...edges];
