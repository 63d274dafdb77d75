/** `kubectl license apply`: what was shown is what is approved, and nothing else. */
import type { Condition } from '../api/licensesettings.ts';
import { annotations } from '../api/names.ts';
import { sleep } from '../kube/index.ts';
import type { Cluster } from './cluster.ts';
import { Failure } from './failure.ts';
import type { Invocation } from './flags.ts';
import { describeChanges } from './picture.ts';
import type { Shell } from './run.ts';
import { isJudged, type LicenseSettings, liveDeclaration, savedSettings, viewOf } from './view.ts';

/** How long the operator gets to look at what was just saved, in milliseconds. */
const patience = 10_000;
const pollEvery = 500;

const call = ({ metadata }: LicenseSettings): string => `licensesettings/${metadata.name}`;
const conditionOf = ({ status }: LicenseSettings, type: string): Condition | undefined =>
  status?.conditions?.find((one) => one.type === type);

/** Approves what is pending, after asking, and waits for it where that is wanted. Gives the exit code. */
export async function approve(invocation: Invocation, cluster: Cluster, shell: Shell): Promise<number> {
  const { argument: name = '', namespace = cluster.namespace, yes, wait, timeout } = invocation;
  if (!yes && !shell.interactive) {
    throw new Failure('there is no terminal to ask on: give --yes to approve without being asked');
  }
  const seen = await judged(cluster, shell, namespace, name);
  const decision = decide(seen);
  if ('done' in decision) {
    shell.out(`${call(seen)} ${decision.done}\n`);
    return 0;
  }
  const { hash, approved } = decision;
  if (!approved) {
    const generation = seen.metadata.generation ?? 0;
    const live = seen.status?.applied ? `generation ${seen.status.applied.generation} is live` : 'nothing is live';
    const changes = viewOf(seen).pending?.changes ?? [];
    const lines = liveDeclaration(seen.status) && changes.length === 0 ? [] : describeChanges(changes, shell.errStyle);
    shell.err(
      `${[`${namespace}/${name}: ${live}, generation ${generation} is pending`, ...lines, `hash ${hash}`].join('\n')}\n`,
    );
    if (!yes && !/^y(es)?$/i.test((await shell.ask('Approve these settings? [y/N] ')).trim())) {
      shell.err('nothing was approved\n');
      return 1;
    }
    await cluster.approve(seen, hash);
  }
  shell.out(`${call(seen)} ${approved ? 'was approved already' : 'approved'}: ${hash}\n`);
  if (!wait) return 0;
  await untilLive(cluster, shell, seen, { hash, timeout });
  shell.out(`${call(seen)} applied\n`);
  return 0;
}

/** The object, as soon as the operator has judged its newest generation. */
async function judged(cluster: Cluster, shell: Shell, namespace: string, name: string): Promise<LicenseSettings> {
  const end = shell.clock.monotonic() + patience;
  for (;;) {
    const object = await cluster.get(namespace, name);
    if (object.metadata.deletionTimestamp) throw new Failure(`${namespace}/${name} is being deleted`);
    if (isJudged(object)) return object;
    if (shell.clock.monotonic() >= end) {
      throw new Failure(
        `the operator has not looked at generation ${object.metadata.generation} of ${namespace}/${name} within ${patience / 1000} s: is it running, and does it watch this namespace?`,
      );
    }
    await sleep(shell.clock, pollEvery);
  }
}

type Decision = { readonly done: string } | { readonly hash: string; readonly approved: boolean };

/** What to do with an object that is judged. Throws a Failure where nothing can be approved. */
export function decide(object: LicenseSettings): Decision {
  const { metadata, status = {} } = object;
  const saved = savedSettings(object);
  const mistakes = status.errors?.length ? status.errors : 'errors' in saved ? saved.errors : [];
  if (mistakes.length > 0) {
    const lines = mistakes.map(({ field, message }) => `  ${field} ${message}`);
    throw new Failure(`generation ${metadata.generation} has mistakes and can't go live:\n${lines.join('\n')}`);
  }
  const hash = 'hash' in saved ? saved.hash : '';
  const { pending, applying, applied } = status;
  if (pending && pending.settingsHash !== hash) {
    throw new Failure(
      `the operator waits for the approval of ${pending.settingsHash}, but this plugin reads the saved settings as ${hash}: they are of different releases; install the plugin of the operator's release`,
    );
  }
  const approved = metadata.annotations?.[annotations.apply]?.trim().toLowerCase() === hash;
  if (pending) return { hash, approved };
  if (applying?.settingsHash === hash) return { hash, approved: true };
  if (applied?.settingsHash === hash)
    return { done: `is live: nothing is pending (generation ${metadata.generation})` };
  const condition = conditionOf(object, 'Applied');
  throw new Failure(`nothing is pending, and the settings are not live: ${condition?.reason}: ${condition?.message}`);
}

/** Whether what was approved is live. A Failure where it can't become so: the object, or its settings, are others by now. */
function isLive(object: LicenseSettings, { uid, hash }: { readonly uid: string | undefined; readonly hash: string }) {
  const { metadata, status } = object;
  if (metadata.uid !== undefined && metadata.uid !== uid)
    throw new Failure(`${call(object)} was deleted and created again meanwhile`);
  if (status?.applied?.settingsHash === hash && status.applying === undefined) return true;
  const saved = savedSettings(object);
  if ('hash' in saved && saved.hash === hash) return false;
  throw new Failure(
    `other settings were saved meanwhile (generation ${metadata.generation}): they need their own approval`,
  );
}

/** Waits until these settings are live; a Failure says why they are not. Single failed requests are borne. */
async function untilLive(
  cluster: Cluster,
  shell: Shell,
  { metadata }: LicenseSettings,
  { hash, timeout }: { readonly hash: string; readonly timeout: number },
): Promise<void> {
  const end = shell.clock.monotonic() + timeout;
  let last: LicenseSettings | undefined;
  for (;;) {
    try {
      last = await cluster.get(metadata.namespace, metadata.name);
    } catch (error) {
      if (!(error instanceof Failure && error.passing) || shell.clock.monotonic() >= end) throw error;
    }
    if (last && isLive(last, { uid: metadata.uid, hash })) return;
    if (shell.clock.monotonic() >= end) {
      const { reason = 'NotJudged', message = '' } = (last && conditionOf(last, 'Applied')) ?? {};
      throw new Failure(`approved, but not live within ${timeout / 1000} s: ${reason}: ${message}`);
    }
    await sleep(shell.clock, pollEvery);
  }
}
