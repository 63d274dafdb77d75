/** Defects of the loop and the one flow. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of the sources
import type { Defect } from '../defects.ts';

export const controller: readonly Defect[] = [
  {
    defect: 'a name goes into a path as it is',
    file: 'src/kube/paths.ts',
    find: '/${encodeURIComponent(name)}${',
    replace: '/${name}${',
    caughtBy: {
      file: 'test/unit/forged-status.test.ts',
      test: 'forged status > a name is one part of a path, whatever is in it',
    },
  },
  {
    defect: 'a list that could not be taken in is blamed on the API server',
    file: 'src/observe/watch-trouble.ts',
    find: "error.reason === 'Handler'",
    replace: "error.reason === 'Never'",
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'advice > R11.5 what could not be taken in: what is wrong, and the mend',
    },
  },
  {
    defect: 'a status is written without its resourceVersion',
    file: 'src/controller/api.ts',
    find: 'metadata: { namespace, name, uid, resourceVersion }, status };',
    replace: 'metadata: { namespace, name, uid }, status };',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > every write carries the uid and resourceVersion that it was decided from, or is a create',
    },
  },
  {
    defect: 'a status is written without its uid',
    file: 'src/controller/api.ts',
    find: 'metadata: { namespace, name, uid, resourceVersion }, status };',
    replace: 'metadata: { namespace, name, resourceVersion }, status };',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > every write carries the uid and resourceVersion that it was decided from, or is a create',
    },
  },
  {
    defect: 'a ConfigMap is deleted without its resourceVersion',
    file: 'src/controller/api.ts',
    find: 'preconditions: { uid, resourceVersion }',
    replace: 'preconditions: { uid }',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > every write carries the uid and resourceVersion that it was decided from, or is a create',
    },
  },
  {
    defect: 'a ConfigMap is deleted without its uid',
    file: 'src/controller/api.ts',
    find: 'preconditions: { uid, resourceVersion }',
    replace: 'preconditions: { resourceVersion }',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > every write carries the uid and resourceVersion that it was decided from, or is a create',
    },
  },
  {
    defect: 'a ConfigMap is updated without its uid and resourceVersion',
    file: 'src/controller/api.ts',
    find: 'bodyOf(owner, want, metadata, metadata));',
    replace: 'bodyOf(owner, want, { namespace: metadata.namespace, name: metadata.name }, metadata));',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > every write carries the uid and resourceVersion that it was decided from, or is a create',
    },
  },
  {
    defect: 'what is relabelled is decided from what was read, not from the cache',
    file: 'src/controller/api.ts',
    find: 'const whole = decidedFrom(metadata, stored.metadata);',
    replace: 'const whole = decidedFrom(stored.metadata, stored.metadata);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what an older release wrote keeps its data while its metadata are mended, decided from what the cache holds',
    },
  },
  {
    defect: 'writes are not fenced',
    file: 'src/controller/api.ts',
    find: "        ...(fence && request.method !== 'GET' ? { fence } : {}),\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'requests of the operator > every write is fenced, an event too; what is read is not; and all are broken off with the term',
    },
  },
  {
    defect: 'requests outlive the term',
    file: 'src/controller/api.ts',
    find: '        ...(lost ? { signal: lost } : {}),\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'requests of the operator > every write is fenced, an event too; what is read is not; and all are broken off with the term',
    },
  },
  {
    defect: 'requests are of no term',
    file: 'src/controller/controller.ts',
    find: 'createApi(client, { fence, lost: term.lost })',
    replace: 'createApi(client, { fence })',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > when the lease is lost what is in flight is broken off, and not when the process is asked to end',
    },
  },
  {
    defect: "relabelling writes today's data",
    file: 'src/controller/api.ts',
    find: 'rendered: { ...want.rendered, data, dataHash',
    replace: 'rendered: { ...want.rendered, dataHash',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what an older release wrote keeps its data while its metadata are mended, decided from what the cache holds',
    },
  },
  {
    defect: 'fields that were pruned before we saw the spec are not looked for',
    file: 'src/controller/api.ts',
    find: 'const hidden = hiddenFields(metadata.managedFields, spec);',
    replace: 'const hidden: HiddenField[] = [];',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'requests of the operator > of an object is kept what a reconcile reads: fields that were pruned, whether it holds binary data',
    },
  },
  {
    defect: 'binary data are not seen',
    file: 'src/controller/api.ts',
    find: 'binary: binaryData !== undefined && Object.keys(binaryData).length > 0,',
    replace: 'binary: false,',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'requests of the operator > of an object is kept what a reconcile reads: fields that were pruned, whether it holds binary data',
    },
  },
  {
    defect: 'the record of a ConfigMap is not kept',
    file: 'src/controller/api.ts',
    find: '...(record === undefined ? {} : { record }),',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan is superseded, and a ConfigMap that it had created has lost its label: its zone stays',
    },
  },
  {
    defect: 'AlreadyExists is not looked at',
    file: 'src/controller/apply.ts',
    find: "if (asApiError(error)?.reason !== 'AlreadyExists') throw error;",
    replace: 'throw error;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term, and a zone of it whose name is taken: a conflict',
    },
  },
  {
    defect: 'what stood in the way of a create is overwritten',
    file: 'src/controller/apply.ts',
    find: '      decision = decide(view, input);',
    replace: "      decision = 'update';",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term, and a zone of it whose name is taken: a conflict',
    },
  },
  {
    defect: 'a foreign ConfigMap is overwritten',
    file: 'src/controller/apply.ts',
    find: "    if (decision === 'conflict') return { kind: 'conflict', name };\n",
    replace: "    if (decision === 'conflict') decision = 'update';\n",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term, and a zone of it whose name is taken: a conflict',
    },
  },
  {
    defect: 'what went from the cache is not looked for',
    file: 'src/controller/apply.ts',
    find: 'if (!view && knownDataHash !== undefined) {',
    replace: "if (!view && knownDataHash === '') {",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap that only lost its label is found and mended, not created again',
    },
  },
  {
    defect: 'what is being deleted is not waited for',
    file: 'src/controller/apply.ts',
    find: "    case 'wait':\n      throw hasToGo(view);",
    replace: "    case 'wait':\n      throw new ApiError('', { code: 403 });",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap that is being deleted, and is held back, is waited for: no conflict, nothing told at once',
    },
  },
  {
    defect: 'a rollout does not wait for its turn',
    file: 'src/controller/apply.ts',
    find: 'return background ? {',
    replace: 'return background !== undefined ? {',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a rollout waits for its turn behind all other work, and is no Restored',
    },
  },
  {
    defect: 'a rollout is told as Restored',
    file: 'src/controller/apply.ts',
    find: ' && knownDataHash !== undefined && !older;',
    replace: ' && knownDataHash !== undefined;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a rollout waits for its turn behind all other work, and is no Restored',
    },
  },
  {
    defect: 'mended metadata are told as Restored',
    file: 'src/controller/apply.ts',
    find: 'writes > 0 && drifted && ',
    replace: 'writes > 0 && ',
    caughtBy: { file: 'test/unit/reconcile.test.ts', test: 'reconcile > mended metadata are no news' },
  },
  {
    defect: 'the cache is not told what was written',
    file: 'src/controller/apply.ts',
    find: '  configMaps.put(view);\n  turn.progressed();\n  const { name }',
    replace: '  turn.progressed();\n  const { name }',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > two writes for a change, none when nothing is new',
    },
  },
  {
    defect: 'replacing drops what others wrote on it',
    file: 'src/controller/apply.ts',
    find: 'await create(means, input, former)',
    replace: 'await create(means, input)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an immutable ConfigMap is replaced, and what others wrote on it stays',
    },
  },
  {
    defect: 'the cache is not told what was deleted',
    file: 'src/controller/apply.ts',
    find: '  configMaps.deleted(view);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > until a plan has ended the status shows the last finished apply, also where the ConfigMap is newer already',
    },
  },
  {
    defect: 'a conflict keeps the others from being healed',
    file: 'src/controller/hold.ts',
    find: '        taken ??= name;\n        continue;',
    replace: "        return { kind: 'conflict', name };",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: "reconcile > a zone whose name is someone else's does not keep the others from being healed",
    },
  },
  {
    defect: 'what a rename left behind and can not be deleted fails the whole',
    file: 'src/controller/hold.ts',
    find: '      failure = asApiError(error);\n',
    replace: '      if (error) throw error;\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a rename whose old ConfigMap can not be deleted is live at once, and the status says so once',
    },
  },
  {
    defect: 'what a rename left behind stays',
    file: 'src/controller/hold.ts',
    find: 'for (const old of obsolete(left, owner, new Set(held.map(({ name }) => name)))) {',
    replace: 'for (const old of [] as typeof left) {',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > every write carries the uid and resourceVersion that it was decided from, or is a create',
    },
  },
  {
    defect: 'the old ConfigMap of a rename goes before the new one is there',
    file: 'src/controller/hold.ts',
    find: '  for (const rendered of render(target)) {',
    replace:
      '  for (const old of obsolete(owned, owner, new Set(render(target).map(({ name }) => name)))) await remove(world, old as StoredConfigMap);\n  for (const rendered of render(target)) {',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a rename whose old ConfigMap can not be deleted is live at once, and the status says so once',
    },
  },
  {
    defect: 'an object that is being deleted is written',
    file: 'src/controller/reconcile.ts',
    find: 'if (!cached || cached.metadata.deletionTimestamp) {',
    replace: 'if (!cached) {',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an object that is being deleted: nothing at all is written',
    },
  },
  {
    defect: 'a pruned view is told as it is',
    file: 'src/controller/reconcile.ts',
    find: 'if (!missesFields(object)) return object;',
    replace: 'return object;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what an older watch pruned is read again: nobody is told that it is missing, and it is applied',
    },
  },
  {
    defect: 'what was read whole is not used because its version is known',
    file: 'src/controller/reconcile.ts',
    find: 'return fresh.metadata.resourceVersion === object.metadata.resourceVersion ? fresh : object;',
    replace: 'return object;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what an older watch pruned is read again: nobody is told that it is missing, and it is applied',
    },
  },
  {
    defect: 'an older version is taken for what is shown',
    file: 'src/controller/reconcile.ts',
    find: 'return fresh.metadata.resourceVersion === object.metadata.resourceVersion ? fresh : object;',
    replace: 'return fresh;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what is read instead of a pruned view may be newer, or nothing: then nothing is decided',
    },
  },
  {
    defect: 'a newer version that was read for a pruned view is not used',
    file: 'src/controller/reconcile.ts',
    find: 'if (place.settings.put(fresh)) return undefined;',
    replace: 'place.settings.put(fresh);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what is read instead of a pruned view may be newer, or nothing: then nothing is decided',
    },
  },
  {
    defect: 'fields that this release does not know are looked for again and again',
    file: 'src/controller/reconcile.ts',
    find: 'hidden?.some(({ known }) => known) ?? false;',
    replace: '(hidden?.length ?? 0) > 0;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a field that this release does not know is not looked for again',
    },
  },
  {
    defect: 'a stale view is acted on',
    file: 'src/controller/reconcile.ts',
    find: 'if (writes && !pause && looksStale(object, owned) && (await isStale(place, object))) return stale;',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a stamp above the cached generation: one GET decides between waiting and healing',
    },
  },
  {
    defect: 'a view that is stale again and again is a loop',
    file: 'src/controller/reconcile.ts',
    find: "{ result: 'stale', retry: { kind: 'again', atLeast: 0 } }",
    replace: "{ result: 'stale', again: 0 }",
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a look that comes to nothing again and again waits longer each time',
    },
  },
  {
    defect: 'what looks because the patience has ended sends the write again',
    file: 'src/controller/reconcile.ts',
    find: 'return left > 0 ? failing?.error.again(left) : undefined;',
    replace: 'return left > 1e9 ? failing?.error.again(left) : undefined;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a longer Retry-After is honoured',
    },
  },
  {
    defect: 'what the status does not tell yet is looked at when its Retry-After ends',
    file: 'src/controller/reconcile.ts',
    find: 'isTold || left <= 0 ? retry : { ...retry, atMost: left }',
    replace: 'isTold || left <= 0 ? retry : retry',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a longer Retry-After is honoured',
    },
  },
  {
    defect: 'a program that deletes is not told apart from one that edits',
    file: 'src/controller/apply.ts',
    find: ": 'deleted again after each write';",
    replace: ": 'changed again after each write';",
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a program deletes the ConfigMap again and again: at most 30 requests in 60 s, the status says who, and it is whole 65 s after',
    },
  },
  {
    defect: 'what is ours, and was not in the cache, is overwritten by what was decided without it',
    file: 'src/controller/apply.ts',
    find: '      if (carriesUid(view, owner) && cache.put(view)) throw error;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/behind.test.ts',
      test: 'a view that is behind > a create meets a ConfigMap of ours that a later generation wrote: it is decided anew, and nothing goes back',
    },
  },
  {
    defect: 'every answer to another object ends an outage',
    file: 'src/controller/backoffs.ts',
    find: 'each: 30_000 },',
    replace: 'each: 0 },',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > an object that alone gets no answer is not hurried at each answer that another one gets',
    },
  },
  {
    defect: 'a name that is found taken in the middle of a plan is not remembered',
    file: 'src/controller/reconcile.ts',
    find: '    memory.taken = result.name;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/missing.test.ts',
      test: 'missing > a name that is found taken in the middle of a plan is all that is asked for while it is',
    },
  },
  {
    defect: "what an earlier object left is nobody's",
    file: 'src/controller/reconcile.ts',
    find: '(view) => isInherited(view, owner, place.isThere));',
    replace: '(view) => isInherited(view, owner, () => true));',
    caughtBy: {
      file: 'test/unit/inherited.test.ts',
      test: 'what an earlier object left > a zone that is not wanted any more is lowered, waited for and deleted, and only then others get more',
    },
  },
  {
    defect: 'what an earlier object left is taken at any time',
    file: 'src/controller/reconcile.ts',
    find: 'const inherited = applied ? [] :',
    replace: 'const inherited = applied === null ? [] :',
    caughtBy: {
      file: 'test/unit/inherited.test.ts',
      test: 'what an earlier object left > a copy under a name that its record does not give it is left alone, and so is what comes later',
    },
  },
  {
    defect: 'a copy under another name is taken for what an earlier object left',
    file: 'src/settings/live.ts',
    find: 'readZone(view)?.name === zone && name.endsWith(`-${zone}`)',
    replace: 'readZone(view)?.name === zone',
    caughtBy: {
      file: 'test/unit/inherited.test.ts',
      test: 'what an earlier object left > a copy under a name that its record does not give it is left alone, and so is what comes later',
    },
  },
  {
    defect: 'where the status is that of a backup nobody waits for the garbage collector',
    file: 'src/controller/reconcile.ts',
    find: 'const left = unchanged ?',
    replace: 'const left = live ?',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > with a restored status too a ConfigMap that an earlier object of the name owns is waited for',
    },
  },
  {
    defect: 'a zone that goes, and holds nothing, begins a plan',
    file: 'src/settings/zones.ts',
    find: '      !isLeaving(view) &&\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > zones hold what other settings gave them, or what these did',
    },
  },
  {
    defect: "the plan of a second operator is taken for one's own",
    file: 'src/controller/reconcile.ts',
    find: '  if (!after.applying) memory.plan = undefined;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/scenarios.test.ts',
      test: 'scenarios > two replicas, and nobody is elected: both move the licenses',
    },
  },
  {
    defect: 'an approval that means nothing is asked for',
    file: 'src/controller/api.ts',
    find: 'const approval = isManual ?',
    replace: 'const approval = isManual || true ?',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > an approval that means nothing, as without Manual, ends no pause',
    },
  },
  {
    defect: 'a name that is given up is not looked for where its ConfigMap went out of sight',
    file: 'src/controller/hold.ts',
    find: "  if ((await bringBack(world, owner, givenUp)).found) return { kind: 'found' };\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/scenarios.test.ts',
      test: 'scenarios > a name is given up while its ConfigMap has lost our labels, and then there are zones',
    },
  },
  {
    defect: 'a copy of an object that is there is taken for what an earlier object left',
    file: 'src/controller/reconcile.ts',
    find: 'isThere: (uid: string) => settings.has(uid) }',
    replace: 'isThere: (uid: string) => uid === namespace }',
    caughtBy: {
      file: 'test/unit/scenarios.test.ts',
      test: 'scenarios > a copy lies there before the first apply, of an object that lives elsewhere',
    },
  },
  {
    defect: 'what a write met is not read',
    file: 'src/controller/apply.ts',
    find: '    if (version !== undefined && isOutOfDate(error)) await lookAfterConflict(means, rendered.name);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a conflict is read again, and told when it has lasted',
    },
  },
  {
    defect: 'a status that was refused counts as rewritten',
    file: 'src/controller/reconcile.ts',
    find: '  mayWriteStatus(place.brake, place.clock);\n',
    replace: '  mayWriteStatus(place.brake, place.clock);\n  wroteStatus(place.brake, place.clock);\n',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a status that the API server refuses was rewritten by nobody: it is written as soon as that is over',
    },
  },
  {
    defect: 'after a restore it is decided from copies of different times',
    file: 'src/kube/controller.ts',
    find: '        onWentBack: () => void current?.listAnew(scope),\n',
    replace: '        onWentBack: () => undefined,\n',
    caughtBy: {
      file: 'test/unit/scenarios.test.ts',
      test: 'scenarios > the store goes back to before an approval, and one list comes late',
    },
  },
  {
    defect: 'a list that shows an object as it was is taken for the present',
    file: 'src/kube/store.ts',
    find: 'isOlder(object, known) && !isOlderThan(version, known);',
    replace: "isOlder(object, known) && version === '';",
    caughtBy: {
      file: 'test/unit/store.test.ts',
      test: 'store > R7.10 a list that is no older than what is known, and has an object as it was, is of a time that went back',
    },
  },
  {
    defect: 'a status is rewritten as often as somebody else writes it',
    file: 'src/controller/reconcile.ts',
    find: '  mayWriteStatus(place.brake, place.clock);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > somebody rewrites the status each time: at most 30 requests in 60 s, and it says what is so a minute after',
    },
  },
  {
    defect: 'new settings wait for the end of a pause',
    file: 'src/controller/reconcile.ts',
    find: '(memory.asked === askedBefore && world.brakes.get(key)) || createBrake()',
    replace: 'world.brakes.get(key) ?? createBrake()',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > new settings end the pause: they are tried at once',
    },
  },
  {
    defect: 'a trial need not hold for longer than the last one stood',
    file: 'src/controller/brake.ts',
    find: 'Math.max(shortestHold, 2 * stood)',
    replace: 'shortestHold',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a second program heals each half minute: at most 30 requests in 60 s, the status says who, and it is whole 65 s after',
    },
  },
  {
    defect: 'a pause grows beyond a minute',
    file: 'src/controller/brake.ts',
    find: 'const longestRound = 60_000;',
    replace: 'const longestRound = 600_000;',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a second program heals the same ConfigMap: at most 30 requests in 60 s, the status says who, and it is whole 65 s after',
    },
  },
  {
    defect: 'a pause does not grow',
    file: 'src/controller/brake.ts',
    find: 'firstRound * 2 ** (brake.rounds - 1)',
    replace: 'firstRound * 1 ** brake.rounds',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a policy makes each ConfigMap immutable: at most 30 requests in 60 s, the status says who, and it is whole 65 s after',
    },
  },
  {
    defect: 'what is remembered of a fight is forgotten at once',
    file: 'src/controller/brake.ts',
    find: 'if (contests.size > 0 || now - last <= forgetAfter',
    replace: 'if (now - last <= -1',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > what is remembered of writes is forgotten when all is quiet',
    },
  },
  {
    defect: 'the brakes of objects that are at rest are kept',
    file: 'src/controller/brake.ts',
    find: '    if (!isIdle(oldest, now)) break;\n',
    replace: '    if (isIdle(oldest, now)) break;\n',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > what is remembered of writes is forgotten when all is quiet',
    },
  },
  {
    defect: 'after a pause all ConfigMaps are tried',
    file: 'src/controller/brake.ts',
    find: 'if (now < brake.until || brake.trial?.name !== name) throw',
    replace: 'if (now < brake.until) throw',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a second program heals all ConfigMaps of an object with zones: at most 30 requests in 60 s, the status says who, and it is whole 65 s after',
    },
  },
  {
    defect: 'no write that is undone is healed at once',
    file: 'src/controller/brake.ts',
    find: 'if (brake.undone > allowance)',
    replace: 'if (brake.undone > 0)',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > drift by hand is healed at once, also when it comes a second and a third time',
    },
  },
  {
    defect: 'writes that are undone are healed at once for ever',
    file: 'src/controller/brake.ts',
    find: 'if (brake.undone > allowance)',
    replace: 'if (brake.undone > 1_000_000)',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a second program heals the same ConfigMap: at most 30 requests in 60 s, the status says who, and it is whole 65 s after',
    },
  },
  {
    defect: 'the answer to a write is believed to be what was sent',
    file: 'src/controller/apply.ts',
    find: '  if (changed !== undefined) throw',
    replace: "  if (changed === '') throw",
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a policy adds a key: at most 30 requests in 60 s, the status says who, and it is whole 65 s after',
    },
  },
  {
    defect: 'what a finalizer holds back is taken for gone',
    file: 'src/controller/apply.ts',
    find: '  if (held) {',
    replace: '  if (held === null) {',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a ConfigMap with a finalizer of somebody is made immutable and edited: at most 30 requests in 60 s, the status says who, and it is whole 65 s after',
    },
  },
  {
    defect: 'a stamp above the generation costs a request while nothing may be written',
    file: 'src/controller/reconcile.ts',
    find: 'const writes = !judged.suspended && judged.target !== undefined;',
    replace: 'const writes = true;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a forged stamp is set back; while suspended it costs no request',
    },
  },
  {
    defect: 'what was read because the view was stale is thrown away',
    file: 'src/controller/reconcile.ts',
    find: '  if (newer) place.settings.put(fresh);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a stamp above the cached generation: one GET decides between waiting and healing',
    },
  },
  {
    defect: 'a terminating namespace is told and retried',
    file: 'src/controller/reconcile.ts',
    find: "    if (error.causes.includes('NamespaceTerminating')) return { ended: { result: 'quiet' } };\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a terminating namespace is quiet: nothing told, nothing tried again',
    },
  },
  {
    defect: 'an object that is gone is retried',
    file: 'src/controller/reconcile.ts',
    find: "if (error.class === 'missing' || error.reason === overtaken)",
    replace: 'if (error.reason === overtaken)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an object that is gone when its status is written is quiet: it is looked at again slowly, unless its own event comes',
    },
  },
  {
    defect: 'a plan goes on for an object that is gone, or another',
    file: 'src/controller/renew.ts',
    find: "  if (object?.metadata.uid !== uid) return 'is gone';\n  if (object.metadata",
    replace: '  if (object?.metadata',
    caughtBy: {
      file: 'test/unit/renewed.test.ts',
      test: 'renewed decision > in the middle of a plan the object is gone, and another has its name: the plan stops, and nothing is told',
    },
  },
  {
    defect: 'a plan goes on for an object that is being deleted',
    file: 'src/controller/renew.ts',
    find: "  if (object.metadata.deletionTimestamp) return 'is being deleted';\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/renewed.test.ts',
      test: 'renewed decision > in the middle of a plan the object is being deleted: the plan stops, and nothing is told',
    },
  },
  {
    defect: 'a plan goes on for an object that is suspended',
    file: 'src/controller/renew.ts',
    find: '!mayBeSuspended && isSuspended(object.spec) ?',
    replace: 'mayBeSuspended && isSuspended(object.spec) ?',
    caughtBy: {
      file: 'test/unit/renewed.test.ts',
      test: 'renewed decision > in the middle of a plan the object is suspended: the plan stops, and nothing is told',
    },
  },
  {
    defect: 'the status of an object that is suspended is not written',
    file: 'src/controller/renew.ts',
    find: 'ifWanted(api.putStatus, true)',
    replace: 'ifWanted(api.putStatus)',
    caughtBy: {
      file: 'test/unit/renewed.test.ts',
      test: 'renewed decision > an object that is suspended has its status written',
    },
  },
  {
    defect: 'what was not sent for an object that is gone may land late',
    file: 'src/controller/renew.ts',
    find: '{ code: 409, reason: overtaken }',
    replace: '{ code: 0, reason: overtaken }',
    caughtBy: {
      file: 'test/unit/renewed.test.ts',
      test: 'renewed decision > in the middle of a plan the object is gone: the plan stops, and nothing is told',
    },
  },
  {
    defect: 'a conflict that lasts is never told',
    file: 'src/controller/reconcile.ts',
    find: "if (!error || error.class === 'missing' || [overtaken, turnIsOver].includes(error.reason)) throw thrown;",
    replace: "if (!error || error.class !== 'retry') throw thrown;",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a conflict is read again, and told when it has lasted',
    },
  },
  {
    defect: 'a write that fails is told at once',
    file: 'src/controller/reconcile.ts',
    find: 'return now - since < failurePatience ?',
    replace: 'return now - since < 0 ?',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a write that fails is told after 10 seconds, not before, and again not before another 10 after a success',
    },
  },
  {
    defect: 'a success does not end the patience with a failure',
    file: 'src/controller/reconcile.ts',
    find: '    memory.failing = undefined;\n    return {};',
    replace: '    if (judged.suspended) memory.failing = undefined;\n    return {};',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a write that fails is told after 10 seconds, not before, and again not before another 10 after a success',
    },
  },
  {
    defect: 'a new object of the same name inherits what is remembered of the old one',
    file: 'src/controller/reconcile.ts',
    find: '  if (known?.uid === uid) {',
    replace: '  if (known) {',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a new object of the same name begins with nothing: its failures have their own 10 seconds',
    },
  },
  {
    defect: 'suspending does not end the patience with a failure',
    file: 'src/controller/reconcile.ts',
    find: '    memory.failing = undefined;\n    return {};',
    replace: '    if (!judged.suspended) memory.failing = undefined;\n    return {};',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > suspended meanwhile, the patience begins anew too',
    },
  },
  {
    defect: 'suspend is ignored',
    file: 'src/controller/reconcile.ts',
    find: 'suspended: isSuspended(spec),',
    replace: 'suspended: false,',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > suspended meanwhile, the patience begins anew too',
    },
  },
  {
    defect: 'a refusal is retried as fast as a lost connection',
    file: 'src/controller/reconcile.ts',
    find: "return what === 'rejected' ? 'slow' : 'transport';",
    replace: "return 'transport';",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > refused with 403: told at once, tried again slowly',
    },
  },
  {
    defect: 'Retry-After is ignored by the reconcile',
    file: 'src/controller/reconcile.ts',
    find: 'atLeast: error.retryAfter }',
    replace: 'atLeast: 0 }',
    caughtBy: { file: 'test/unit/reconcile.test.ts', test: 'reconcile > a longer Retry-After is honoured' },
  },
  {
    defect: 'a failure that is told is not tried again',
    file: 'src/controller/reconcile.ts',
    find: '    ...(failure ? nextTry(place, memory, failure, problem !== undefined) : {}),\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > refused with 403: told at once, tried again slowly',
    },
  },
  {
    defect: 'a conflict over a name is not looked at again',
    file: 'src/controller/reconcile.ts',
    find: "...(problem?.kind === 'ConfigMapConflict' ? { retry: { kind: 'slow', atLeast: 0 } as const } : {}),",
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: "reconcile > a zone whose name is someone else's does not keep the others from being healed",
    },
  },
  {
    defect: 'a plan that waits is not looked at again',
    file: 'src/controller/reconcile.ts',
    find: '...(again === undefined ? {} : { again }),',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan waits on the monotonic clock, and a look in between does not make it longer',
    },
  },
  {
    defect: 'the status is written before the ConfigMap',
    file: 'src/controller/reconcile.ts',
    find: '      await act(place,',
    replace:
      '      if (judged.target && judged.hash && !judged.applying) {\n        const live = { generation, settingsHash: judged.hash, declaration: judged.target };\n        const early = nextStatus(status, { ...facts(), live, current: true });\n        if (early && !sameStatus(status, early)) await writeStatus(place, progress, early);\n      }\n      await act(place,',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > two writes for a change, none when nothing is new',
    },
  },
  {
    defect: 'a status that says nothing new is written',
    file: 'src/controller/reconcile.ts',
    find: 'if (!sameStatus(before, after)) await',
    replace: 'await',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > two writes for a change, none when nothing is new',
    },
  },
  {
    defect: 'what is live is not kept alive while the newest spec is invalid',
    file: 'src/controller/reconcile.ts',
    find: ': { target: live?.declaration, hash: live?.settingsHash }),',
    replace: ': { target: undefined, hash: undefined }),',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > invalid is told while the rebuilding of the ConfigMap fails',
    },
  },
  {
    defect: 'nobody is told that an approval is too short',
    file: 'src/controller/reconcile.ts',
    find: 'unusable: pending && unusableApproval(metadata.annotations),',
    replace: 'unusable: undefined,',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > with Manual nothing is written before the content is approved; then it goes live',
    },
  },
  {
    defect: 'a spec goes live without its approval',
    file: 'src/controller/reconcile.ts',
    find: 'const applicable = newest !== undefined && pending === undefined;',
    replace: 'const applicable = newest !== undefined;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > with Manual nothing is written before the content is approved; then it goes live',
    },
  },
  {
    defect: 'a plan is abandoned because a newer spec is invalid',
    file: 'src/controller/reconcile.ts',
    find: 'const live = applying ?? applied;',
    replace: 'const live = applied;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > until a plan has ended the status shows the last finished apply, also where the ConfigMap is newer already',
    },
  },
  {
    defect: 'the record of a ConfigMap is believed in the middle of a plan',
    file: 'src/controller/reconcile.ts',
    find: 'liveSettings(status, applying ? [] : owned, owner, generation)',
    replace: 'liveSettings(status, owned, owner, generation)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > until a plan has ended the status shows the last finished apply, also where the ConfigMap is newer already',
    },
  },
  {
    defect: 'the record of a ConfigMap is not believed',
    file: 'src/controller/reconcile.ts',
    find: 'liveSettings(status, applying ? [] : owned, owner, generation)',
    replace: 'liveSettings(status, [], owner, generation)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > there and back before the status was written: the history has both, and the stamp never goes back',
    },
  },
  {
    defect: 'a new generation of the same settings writes the ConfigMap',
    file: 'src/controller/reconcile.ts',
    find: 'const stamp = unchanged ? Math.max(live.generation, ...stamps) : generation;',
    replace: 'const stamp = generation;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a forged stamp is set back; while suspended it costs no request',
    },
  },
  {
    defect: 'a plan of an earlier term is not stamped with the epoch',
    file: 'src/controller/reconcile.ts',
    find: 'if (applying === undefined || isSamePlan(memory.plan, status?.applying)) return undefined;',
    replace: 'return undefined;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term: its ConfigMaps are stamped with the epoch before anything else is written, and once',
    },
  },
  {
    defect: 'a plan of this term is taken over again and again',
    file: 'src/controller/reconcile.ts',
    find: 'if (applying === undefined || isSamePlan(memory.plan, status?.applying)) return undefined;',
    replace: 'if (applying === undefined) return undefined;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of this term is not taken over because its last status was lost',
    },
  },
  {
    defect: 'the names of a plan are not looked up before its first write',
    file: 'src/controller/reconcile.ts',
    find: 'const taken = await takenName(place, input);',
    replace: 'const taken = undefined;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a foreign ConfigMap in the place of one of ours is not remembered: when it goes the conflict goes',
    },
  },
  {
    defect: 'a plan writes before its status says so',
    file: 'src/controller/reconcile.ts',
    find: '  if (begun) await writeBegin(place, memory, progress, begun);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of this term is not taken over because its last status was lost',
    },
  },
  {
    defect: 'a superseding plan forgets what is left of the wait',
    file: 'src/controller/reconcile.ts',
    find: '  memory.superseded = superseded;\n',
    replace: '  memory.superseded = superseded;\n  memory.takenAway = Number.NEGATIVE_INFINITY;\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan that supersedes another takes over what is left of its wait',
    },
  },
  {
    defect: 'what another term has just taken away is taken for seen',
    file: 'src/controller/reconcile.ts',
    find: "else if (owned.length > 0 && memory.takenAway === undefined) look(memory, 'taken', world.clock);",
    replace: "else if (owned.length > 0 && memory.takenAway === undefined) look(memory, 'no ConfigMap', world.clock);",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a decrease that another term applied less than settleSeconds ago: the next increase waits in full',
    },
  },
  {
    defect: 'what was applied long ago makes an increase wait',
    file: 'src/controller/taken.ts',
    find: 'return known === undefined ? undefined : Math.min(known, now);',
    replace: 'return now;',
    caughtBy: {
      file: 'test/unit/settle.test.ts',
      test: 'settle > what this term took away long ago makes nobody wait',
    },
  },
  {
    defect: 'a plan that was suspended goes on with what was left of its wait',
    file: 'src/controller/reconcile.ts',
    find: "if (owned.length > 0 && suspended) look(memory, 'being taken', world.clock);\n    else if",
    replace: 'if',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > suspended in the middle, a plan goes on with the full wait',
    },
  },
  {
    defect: 'a process that finds a plan at its start does not wait',
    file: 'src/controller/reconcile.ts',
    find: "  // Of the earlier term nobody tells what dialers have seen.\n  look(memory, 'taken', place.clock);",
    replace: '  memory.takenAway = Number.NEGATIVE_INFINITY;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a process that finds a plan at its start waits in full',
    },
  },
  {
    defect: 'a term that has just begun knows what was taken away',
    file: 'src/controller/reconcile.ts',
    find: 'else if (owned.length > 0 && memory.takenAway === undefined)',
    replace: 'else if (suspended)',
    caughtBy: {
      file: 'test/unit/settle.test.ts',
      test: 'settle > a new term does not know what was taken away: a raise waits from when it first saw the object, its wall clock right',
    },
  },
  {
    defect: 'a first apply waits',
    file: 'src/controller/taken.ts',
    find: '      return known ?? Number.NEGATIVE_INFINITY;',
    replace: '      return known ?? now;',
    caughtBy: {
      file: 'test/unit/settle.test.ts',
      test: 'settle > a first apply does not wait, nor does a raise after it, also in a term that has just begun',
    },
  },
  {
    defect: 'a suspension goes on for the wait after its end',
    file: 'src/controller/reconcile.ts',
    find: "    else look(memory, 'nothing to take', world.clock);\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/settle.test.ts',
      test: 'settle > the wait after a suspension ends with settleSeconds, however much later the raise comes',
    },
  },
  {
    defect: 'a plan does not look for a ConfigMap that lost its label',
    file: 'src/controller/reconcile.ts',
    find: '[...new Set([...named, ...leftBy])]',
    replace: '[]',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan is superseded, and a ConfigMap that it had created has lost its label: its zone goes',
    },
  },
  {
    defect: 'what a superseded plan has written is not looked for',
    file: 'src/controller/reconcile.ts',
    find: '[...new Set([...named, ...leftBy])]',
    replace: '[...new Set(named)]',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan is superseded, and a ConfigMap that it had created has lost its label: its zone goes',
    },
  },
  {
    defect: 'the cache is not told of the status that was written',
    file: 'src/controller/reconcile.ts',
    find: '  place.settings.put(progress.about);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > two writes for a change, none when nothing is new',
    },
  },
  {
    defect: 'words that differ in an id alone are told anew',
    file: 'src/controller/reconcile.ts',
    find: 'const told = known && withoutIds(known.told) === withoutIds(error.message) ? known.told : error.message;',
    replace: 'const told = error.message;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a refusal whose words differ in an id alone is told once',
    },
  },
  {
    defect: 'the patience counts from the end of the first failing try',
    file: 'src/controller/reconcile.ts',
    find: 'const since = known?.since ?? started;',
    replace: 'const since = known?.since ?? world.clock.monotonic();',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > the 10 s of patience count from when the first failing try began',
    },
  },
  {
    defect: 'invalid settings are not told while a write fails',
    file: 'src/controller/reconcile.ts',
    find: 'if (!progress.problem && judged.errors.length === 0 && !judged.pending)',
    replace: 'if (!progress.problem)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > invalid is told while the rebuilding of the ConfigMap fails',
    },
  },
  {
    defect: 'a move between zones is done without a plan',
    file: 'src/controller/reconcile.ts',
    find: '    (hash !== applied?.settingsHash && involvesZones([target, ...before], [...owned, ...inherited])) ||\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone whose ConfigMap loses its label while a plan begins is still a zone: it gives before the system shrinks',
    },
  },
  {
    defect: 'what failed to go after a rename is not told',
    file: 'src/controller/reconcile.ts',
    find: '    if (result.failure) throw result.failure;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a rename whose old ConfigMap can not be deleted is live at once, and the status says so once',
    },
  },
  {
    defect: "a plan of this term is taken for another's because the answer to its beginning was lost",
    file: 'src/controller/reconcile.ts',
    find: 'if (!error || !mayStillLand(error)) memory.plan = before;',
    replace: 'memory.plan = before;',
    caughtBy: {
      file: 'test/unit/quota.test.ts',
      test: 'quota > the answer to the beginning of a plan is lost: it goes on as its own',
    },
  },
  {
    defect: "a plan of a second operator that leads to the same is taken for one's own",
    file: 'src/controller/move.ts',
    find: ' &&\n  one.time === other.time;',
    replace: ';',
    caughtBy: {
      file: 'test/unit/quota.test.ts',
      test: 'quota > the beginning of a plan got no answer, and a second operator begins the same a second later: that is taken over',
    },
  },
  {
    defect: 'what is live waits for its approval again when that has vanished',
    file: 'src/controller/reconcile.ts',
    find: "valid?.applyPolicy === 'Manual' && newestHash !== live?.settingsHash;",
    replace: "valid?.applyPolicy === 'Manual';",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > with Manual nothing is written before the content is approved; then it goes live',
    },
  },
  {
    defect: 'the beginning of a plan that is sent again makes another plan of it',
    file: 'src/controller/reconcile.ts',
    find: 'time: sent?.time ?? facts().now',
    replace: 'time: facts().now',
    caughtBy: {
      file: 'test/unit/quota.test.ts',
      test: 'quota > the answer to the beginning of a plan is lost: it goes on as its own',
    },
  },
  {
    defect: "a plan whose beginning was refused is taken for one's own",
    file: 'src/controller/reconcile.ts',
    find: 'if (!error || !mayStillLand(error)) memory.plan = before;',
    replace: '',
    caughtBy: {
      file: 'test/unit/quota.test.ts',
      test: 'quota > the beginning of a plan is refused, as a second operator has begun it in the same second: that is taken over',
    },
  },
  {
    defect: 'a failed takeover is forgotten',
    file: 'src/controller/reconcile.ts',
    find: '  const { writes, taken } = await takeOver(place, memory, input, plans);',
    replace:
      '  memory.plan = status?.applying;\n  const { writes, taken } = await takeOver(place, memory, input, plans);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a takeover that fails half-way goes on with the rest, and nothing of the plan is done before',
    },
  },
  {
    defect: 'the settle time of the spec is ignored',
    file: 'src/controller/reconcile.ts',
    find: 'isSettleSeconds(settleSeconds) ? settleSeconds : defaultSettleSeconds',
    replace: 'defaultSettleSeconds',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan waits on the monotonic clock, and a look in between does not make it longer',
    },
  },
  {
    defect: 'Retain is ignored',
    file: 'src/controller/reconcile.ts',
    find: "retained: deletionPolicy === 'Retain' || (!isDelete(deletionPolicy) && retainedBefore),",
    replace: 'retained: false,',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > Retain that was switched during a plan is in all ConfigMaps before the status calls them retained',
    },
  },
  {
    defect: 'a plan that ended stays in the status',
    file: 'src/controller/reconcile.ts',
    find: '    progress.applying = undefined;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan waits on the monotonic clock, and a look in between does not make it longer',
    },
  },
  {
    defect: 'the way back to what is applied is an apply',
    file: 'src/controller/reconcile.ts',
    find: '    if (input.hash !== judged.applied?.settingsHash)\n      progress.live',
    replace: '    progress.live',
    caughtBy: {
      file: 'test/unit/taken-back.test.ts',
      test: 'taken back > in the middle of a plan: the settings that were live are live again, and nothing was applied',
    },
  },
  {
    defect: 'increases go before decreases',
    file: 'src/controller/move.ts',
    find: 'return lowerAll(way, plan.decreases);',
    replace: 'return writeAll(way, [...plan.increases, ...plan.decreases]);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan waits on the monotonic clock, and a look in between does not make it longer',
    },
  },
  {
    defect: 'the system is written before the decreases',
    file: 'src/controller/move.ts',
    find: '  if (plan.decreases.length > 0) return lowerAll(way, plan.decreases);\n',
    replace: '  if (plan.decreases.length > 0 && !plan.system) return lowerAll(way, plan.decreases);\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone whose ConfigMap loses its label while a plan begins is still a zone: it gives before the system shrinks',
    },
  },
  {
    defect: 'increases do not wait for what was taken away',
    file: 'src/controller/move.ts',
    find: 'if (remaining > 0) return',
    replace: 'if (remaining > 1e9) return',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan waits on the monotonic clock, and a look in between does not make it longer',
    },
  },
  {
    defect: 'a look in between makes the wait longer',
    file: 'src/controller/taken.ts',
    find: 'Math.min(known, now);',
    replace: 'Math.max(known, now);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan waits on the monotonic clock, and a look in between does not make it longer',
    },
  },
  {
    defect: 'what was taken away is not noted',
    file: 'src/controller/move.ts',
    find: "  if (plan.decreases.length > 0 || (plan.system && plan.systemTakesAway)) look(memory, 'being taken', world.clock);\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan waits on the monotonic clock, and a look in between does not make it longer',
    },
  },
  {
    defect: 'CAPACITY keys that were taken from the system are not waited for',
    file: 'src/controller/move.ts',
    find: 'if (plan.decreases.length > 0 || (plan.system && plan.systemTakesAway)) look',
    replace: 'if (plan.decreases.length > 0) look',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > dialers get time to see that the system has lost its CAPACITY keys',
    },
  },
  {
    defect: 'a new decrease does not begin the wait anew',
    file: 'src/controller/taken.ts',
    find: '      return Number.POSITIVE_INFINITY;',
    replace: '      return Number.isFinite(known) ? known : Number.POSITIVE_INFINITY;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > the new decrease of a plan that supersedes another is waited for in full',
    },
  },
  {
    defect: 'what was found missing is read again at each try',
    file: 'src/controller/missing.ts',
    find: '  if (found) return found;\n  missing.set(name, clock.monotonic());\n',
    replace: '  if (found) return found;\n',
    caughtBy: {
      file: 'test/unit/missing.test.ts',
      test: 'missing > a plan that is refused again and again reads the name that it found free once in 30 s',
    },
  },
  {
    defect: 'what was found missing is believed though one was seen since',
    file: 'src/controller/missing.ts',
    find: 'if (configMaps.get(name)) missing.delete(name);',
    replace: "if (configMaps.get(name) && name === '') missing.delete(name);",
    caughtBy: {
      file: 'test/unit/missing.test.ts',
      test: 'missing > one that was seen since is looked for when it goes out of sight: it may only have lost its label, and hold what it held',
    },
  },
  {
    defect: 'what was found missing is believed for ever',
    file: 'src/controller/missing.ts',
    find: 'clock.monotonic() - since < believed',
    replace: 'clock.monotonic() - since < Number.POSITIVE_INFINITY',
    caughtBy: {
      file: 'test/unit/missing.test.ts',
      test: 'missing > a plan that is refused again and again reads the name that it found free once in 30 s',
    },
  },
  {
    defect: 'a long hold leaves no pause',
    file: 'src/controller/brake.ts',
    find: 'const longestHold = 45_000;',
    replace: 'const longestHold = 60_000;',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a write that once stood for half a minute, and is undone at once since: no trial a second',
    },
  },
  {
    defect: 'what was spent is paid for longer than a failure of its kind waits',
    file: 'src/kube/queue.ts',
    find: 'const paid = Math.min(pace, this.#backoffs[kind].cap);',
    replace: 'const paid = pace;',
    caughtBy: {
      file: 'test/unit/queue.test.ts',
      test: 'backoff of a key > R9.3 what a try has cost is waited for no longer than its kind of failure waits',
    },
  },
  {
    defect: 'the stamp of a plan from a backup is still to come',
    file: 'src/settings/live.ts',
    find: 'generation: Math.min(stored.generation, generation)',
    replace: 'generation: stored.generation',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > a plan from a backup has no generation that is still to come',
    },
  },
  {
    defect: 'a plan leaves behind what lost our labels',
    file: 'src/controller/move.ts',
    find: '.filter((view) => !view.metadata.deletionTimestamp),',
    replace:
      ".filter((view) => view.metadata.labels?.['licensing.dialer.dev/settings'] && !view.metadata.deletionTimestamp),",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what a rename leaves behind, and has lost our labels, is claimed before it goes',
    },
  },
  {
    defect: 'obsolete ConfigMaps stay',
    file: 'src/controller/move.ts',
    find: 'if (plan.increases.length + plan.creations.length + leftovers.length === 0) return',
    replace: 'if (plan.increases.length + plan.creations.length === 0) return',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > until a plan has ended the status shows the last finished apply, also where the ConfigMap is newer already',
    },
  },
  {
    defect: 'a new zone is created before there is room for it',
    file: 'src/controller/move.ts',
    find: 'return (await makeRoom(way, emptied)) ? undefined : writeAll(way, plan.creations);',
    replace: 'return writeAll(way, plan.creations);',
    caughtBy: {
      file: 'test/unit/quota.test.ts',
      test: 'quota > a zone is renamed: the old one goes when dialers have seen that it holds nothing, then the new one is created',
    },
  },
  {
    defect: 'a zone that may not be deleted keeps others from getting licenses',
    file: 'src/controller/move.ts',
    find: "      if (asApiError(error)?.class !== 'rejected') throw error;",
    replace: '      throw error;',
    caughtBy: {
      file: 'test/unit/quota.test.ts',
      test: 'quota > a zone that may not be deleted keeps a new one from nothing that the quota has room for',
    },
  },
  {
    defect: 'room is made of what keeps out a late create',
    file: 'src/controller/move.ts',
    find: 'emptied.filter((one) => until(one) === undefined)',
    replace: 'emptied.filter((one) => until(one) !== 0)',
    caughtBy: {
      file: 'test/unit/quota.test.ts',
      test: 'quota > what keeps out a late create has its place until that can not land any more',
    },
  },
  {
    defect: 'a takeover without room for a zone at zero waits for ever',
    file: 'src/controller/move.ts',
    find: '  if (clock.monotonic() >= memory.firstSeen + lateness) return { writes: 0, taken: undefined };\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/quota.test.ts',
      test: 'quota > a takeover has no room for a zone at zero: the plan goes on as soon as no write of the earlier term can land',
    },
  },
  {
    defect: 'a takeover believes at once that nothing can land',
    file: 'src/controller/move.ts',
    find: 'memory.firstSeen + lateness)',
    replace: 'memory.firstSeen)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term: a zone that is not there yet is created at zero, so that a late create conflicts',
    },
  },
  {
    defect: 'obsolete ConfigMaps go before the increases',
    file: 'src/controller/move.ts',
    find: '  if (plan.increases.length > 0) return writeAll(way, plan.increases);\n',
    replace:
      '  if (leftovers.length > 0) return removeAll(way, leftovers);\n  if (plan.increases.length > 0) return writeAll(way, plan.increases);\n',
    caughtBy: { file: 'test/unit/quota.test.ts', test: 'quota > from zones to none and back' },
  },
  {
    defect: 'zones that are not there yet are not created at zero on a takeover',
    file: 'src/controller/move.ts',
    find: 'for (const rendered of create) {',
    replace: 'for (const rendered of create.slice(99)) {',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term: a zone that is not there yet is created at zero, so that a late create conflicts',
    },
  },
  {
    defect: 'a takeover stamps what it has stamped already',
    file: 'src/controller/move.ts',
    find: '  if (view.metadata.annotations?.[annotations.epoch] === epoch) return false;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a takeover that fails half-way goes on with the rest, and nothing of the plan is done before',
    },
  },
  {
    defect: 'a takeover moves the generation stamp',
    file: 'src/controller/move.ts',
    find: 'generation: stampOf(view, owner) ?? generation, retained, epoch',
    replace: 'generation, retained, epoch',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term: the data stay as they are, and so does the generation stamp',
    },
  },
  {
    defect: 'a takeover writes no epoch',
    file: 'src/controller/move.ts',
    find: 'const want = { rendered, generation: stampOf(view, owner) ?? generation, retained, epoch };',
    replace: 'const want = { rendered, generation: stampOf(view, owner) ?? generation, retained };',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term: its ConfigMaps are stamped with the epoch before anything else is written, and once',
    },
  },
  {
    defect: 'a name that the newest settings do not want stops a takeover',
    file: 'src/controller/move.ts',
    find: "if (result.kind === 'conflict' && wanted.has(result.name)) return",
    replace: "if (result.kind === 'conflict') return",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term, and a zone of it whose name is taken: none, once it is not wanted',
    },
  },
  {
    defect: 'a name that is taken does not stop a plan',
    file: 'src/controller/move.ts',
    find: 'if (view && !isOurs(view, owner) && !isLeftBehind(view, owner)) return name;',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a foreign ConfigMap in the place of one of ours is not remembered: when it goes the conflict goes',
    },
  },
  {
    defect: 'a superseding plan waits for one that took nothing away',
    file: 'src/controller/reconcile.ts',
    find: 'look(memory, sightOf(place, memory, input), place.clock);',
    replace: "look(memory, 'taken', place.clock);",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > nobody waits for a superseded plan that took nothing away',
    },
  },
  {
    defect: 'a superseding plan waits in full once more',
    file: 'src/controller/move.ts',
    find: "  return isNew || isAdopted || holdsLess({ ...input, present }) ? 'taken' : 'nothing to take';",
    replace:
      "  return isNew || isAdopted || holdsLess({ ...input, present }) || memory.plan ? 'taken' : 'nothing to take';",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan that supersedes another takes over what is left of its wait',
    },
  },
  {
    defect: 'metadata are not mended before a plan ends',
    file: 'src/controller/move.ts',
    find: 'return right ? [] : [{ rendered, stamp }];',
    replace: 'return [];',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > Retain that was switched during a plan is in all ConfigMaps before the status calls them retained',
    },
  },
  {
    defect: 'a cut connection is taken for a certificate that is not trusted',
    file: 'src/observe/watch-trouble.ts',
    find: '/certificate|self.signed|SSL/i',
    replace: '/certificate|self.signed|SSL|TLS/i',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'advice > R11.5 a connection that is cut before there is a certificate: what is wrong, and the mend',
    },
  },
  {
    defect: 'a plan adopts what somebody else owns',
    file: 'src/controller/apply.ts',
    find: 'if (!view || !carriesUid(view, owner)) continue;',
    replace: 'if (!view) continue;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a foreign ConfigMap in the place of one of ours is not remembered: when it goes the conflict goes',
    },
  },
  {
    defect: 'what goes out of sight in a plan is taken for gone',
    file: 'src/controller/move.ts',
    find: '  await lookForLost(world, input.owner, lost);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone whose ConfigMap loses its label while a plan begins is still a zone: it gives before the system shrinks',
    },
  },
  {
    defect: 'a conflict is an event at each look',
    file: 'src/controller/events.ts',
    find: " && conditionOf(before, 'Applied')?.reason !== 'ConfigMapConflict'",
    replace: '',
    caughtBy: { file: 'test/unit/events.test.ts', test: 'event of a change > still in conflict: none' },
  },
  {
    defect: 'invalid settings are an event at each look',
    file: 'src/controller/events.ts',
    find: " && conditionOf(before, 'Valid')?.status !== 'False'",
    replace: '',
    caughtBy: { file: 'test/unit/events.test.ts', test: 'event of a change > still invalid: none' },
  },
  {
    defect: 'a settled object is an event at each look',
    file: 'src/controller/events.ts',
    find: 'after.applied.settingsHash !== before?.applied?.settingsHash',
    replace: 'after.applied.settingsHash',
    caughtBy: { file: 'test/unit/events.test.ts', test: 'event of a change > still applied: none' },
  },
  {
    defect: 'a waiting approval is an event at each look',
    file: 'src/controller/events.ts',
    find: 'after.pending.settingsHash !== before?.pending?.settingsHash',
    replace: 'after.pending.settingsHash',
    caughtBy: { file: 'test/unit/events.test.ts', test: 'event of a change > still not approved: none' },
  },
  {
    defect: 'a note may be longer than the API server takes',
    file: 'src/api/text.ts',
    find: 'if (bytes.length <= max) return text;',
    replace: 'if (text.length <= max) return text;',
    caughtBy: {
      file: 'test/unit/events.test.ts',
      test: 'event > a note of 1000 bytes stays, a longer one is cut to 1000',
    },
  },
  {
    defect: 'a note that is cut ends with half a character',
    file: 'src/api/text.ts',
    find: '{ stream: true }',
    replace: '{}',
    caughtBy: {
      file: 'test/unit/events.test.ts',
      test: 'event > a note of 1000 bytes stays, a longer one is cut to 1000',
    },
  },
  {
    defect: 'the time of an event has no microseconds',
    file: 'src/controller/events.ts',
    find: "eventTime: new Date(now).toISOString().replace('Z', '000Z'),",
    replace: 'eventTime: new Date(now).toISOString(),',
    caughtBy: { file: 'test/unit/events.test.ts', test: 'event > its time has microseconds' },
  },
  {
    defect: 'trouble is told each time',
    file: 'src/observe/once-a-minute.ts',
    find: '    if (now - (toldAt.get(what) ?? Number.NEGATIVE_INFINITY) < minute) return false;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'restarts of a watch > R11.5 trouble is told once, again after a minute, and when it is over',
    },
  },
  {
    defect: 'trouble is told once and never again',
    file: 'src/observe/once-a-minute.ts',
    find: '< minute) return false;',
    replace: '< 1_000 * minute) return false;',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'restarts of a watch > R11.5 trouble is told once, again after a minute, and when it is over',
    },
  },
  {
    defect: 'the end of trouble is not told',
    file: 'src/observe/watch-trouble.ts',
    find: "      if (isTold) log.info(where, 'list and watch work again');\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'restarts of a watch > R11.5 trouble is told once, again after a minute, and when it is over',
    },
  },
  {
    defect: 'the end of trouble that was not told is told',
    file: 'src/observe/watch-trouble.ts',
    find: '      if (isTold) log.info',
    replace: '      if (now) log.info',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'restarts of a watch > R11.5 trouble that comes and goes is told once a minute, and its end only after it was told',
    },
  },
  {
    defect: 'readyz shows what a server says, whatever it is',
    file: 'src/observe/watch-trouble.ts',
    find: 'shownText(now.error.message)',
    replace: 'now.error.message',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'restarts of a watch > R9.23 what a server says is cut and steers nothing where it is asked for',
    },
  },
  {
    defect: 'trouble that is over is still told to who asks',
    file: 'src/observe/watch-trouble.ts',
    find: '      now = undefined;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'restarts of a watch > what is wrong now can be asked, also when it was not told again',
    },
  },
  {
    defect: 'what was not told again can not be asked',
    file: 'src/observe/watch-trouble.ts',
    find: '      now = { advice, error };\n      if (!mayTell(advice)) return;\n',
    replace: '      if (!mayTell(advice)) return;\n      now = { advice, error };\n',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'restarts of a watch > what is wrong now can be asked, also when it was not told again',
    },
  },
  {
    defect: 'the advice for one namespace is that for all',
    file: 'src/observe/watch-trouble.ts',
    find: '    return namespace\n',
    replace: '    return namespace === resource\n',
    caughtBy: {
      file: 'test/unit/restarts.test.ts',
      test: 'restarts of a watch > no permission in one namespace: the advice is about that namespace, also when it is gone',
    },
  },
  {
    defect: 'an expired version is a warning',
    file: 'src/observe/watch-trouble.ts',
    find: "error.code === 410 ? 'info' : 'warn'",
    replace: "'warn'",
    caughtBy: { file: 'test/unit/restarts.test.ts', test: 'restarts of a watch > an expired version is no warning' },
  },
  {
    defect: 'a new leader works from old caches',
    file: 'src/kube/term.ts',
    find: 'scope.listed(signal, listsAnew)',
    replace: 'scope.listed(signal, false)',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'term > a new leader lists anew before it writes, and looks at every object',
    },
  },
  {
    defect: 'the queue of a term stays open',
    file: 'src/kube/term.ts',
    find: '    this.#queue.close();\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'term > when it has ended nothing of it goes on: no timer, no write',
    },
  },
  {
    defect: 'objects are looked at once and never again',
    file: 'src/kube/term.ts',
    find: '      this.#lookAtAll(scope);\n    });\n',
    replace: '    });\n',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > every object is looked at again after about the resync, and not all replicas at the same moment',
    },
  },
  {
    defect: 'resyncs of replicas fall into step',
    file: 'src/kube/term.ts',
    find: 'resync * (0.9 + 0.2 * clock.random())',
    replace: 'resync',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > every object is looked at again after about the resync, and not all replicas at the same moment',
    },
  },
  {
    defect: 'it decides before its caches are complete',
    file: 'src/kube/term.ts',
    find: '    await scope.listed(signal, listsAnew);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/controller.test.ts',
      test: 'controller > nothing is decided before all caches are complete',
    },
  },
  {
    defect: 'a scope that can not be listed stops the others',
    file: 'src/kube/term.ts',
    find: '    const serving = scopes.map((scope) => this.#serve(scope));\n',
    replace:
      '    await Promise.all(scopes.map((scope) => scope.listed(signal, this.#options.listsAnew)));\n    const serving = scopes.map((scope) => this.#serve(scope));\n',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: "scopes > R7.9 a namespace that can't be listed stops no other, after a failover",
    },
  },
  {
    defect: 'the names of a plan are all asked for while one is known to be taken',
    file: 'src/controller/reconcile.ts',
    find: 'memory.taken === undefined ? undefined : await takenName(place, input, [memory.taken])',
    replace: 'undefined',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: "brake > a name that is someone else's is asked for alone, however many zones there are",
    },
  },
  {
    defect: 'tries that fail cost what they like',
    file: 'src/kube/term.ts',
    find: '{ ...next.bounds, pace }',
    replace: 'next.bounds',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > a server that answers one object with 429 all the time is asked within the budget',
    },
  },
  {
    defect: 'keys of a scope that is not served yet do not wait',
    file: 'src/kube/term.ts',
    find: '    if (!changed) this.#queue.add(key, isFirst ? resync : change, wakes);\n    else if (!isFirst) changed.add(key);\n',
    replace: '    this.#queue.add(key, isFirst ? resync : change, wakes);\n    if (!isFirst) changed?.add(key);\n',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: 'scopes > R7.8 R9.8 a change in a namespace that is not served yet waits, and goes first when it is',
    },
  },
  {
    defect: 'a change in a scope that is not served yet is no more urgent than the rest',
    file: 'src/kube/term.ts',
    find: '    for (const key of changed) this.#queue.add(key, this.#options.priorities.change);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: 'scopes > R7.8 R9.8 a change in a namespace that is not served yet waits, and goes first when it is',
    },
  },
  {
    defect: 'a scope looks at the objects of others too',
    file: 'src/kube/term.ts',
    find: 'if (scope.has(key)) this.#queue.add(key, priorities.resync);',
    replace: 'this.#queue.add(key, priorities.resync);',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: 'scopes > R7.8 each namespace is looked at again at a time of its own, as long as the term lasts',
    },
  },
  {
    defect: 'retries are forgotten',
    file: 'src/kube/term.ts',
    find: '        this.#queue.retry(key, next.kind, priority, { ...next.bounds, pace });\n',
    replace: '        if (pace < 0) break;\n',
    caughtBy: { file: 'test/unit/loop.test.ts', test: 'loop > a Retry-After is waited for' },
  },
  {
    defect: 'Retry-After is not handed to the queue',
    file: 'src/kube/term.ts',
    find: '{ ...next.bounds, pace }',
    replace: '{ pace }',
    caughtBy: { file: 'test/unit/loop.test.ts', test: 'loop > a Retry-After is waited for' },
  },
  {
    defect: 'a success does not forget the failures of a key',
    file: 'src/kube/term.ts',
    find: '      this.#queue.forget(task.key);\n',
    replace: '',
    caughtBy: { file: 'test/unit/loop.test.ts', test: 'loop > a success makes the next backoff small again' },
  },
  {
    defect: 'a waiting plan is not looked at when its wait is over',
    file: 'src/kube/term.ts',
    find: '        this.#queue.addAfter(key, next.milliseconds, change);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > a plan that waits for its dialers is looked at when the wait is over',
    },
  },
  {
    defect: 'a rollout that waits for its turn never gets it',
    file: 'src/controller/controller.ts',
    find: "  if (result === 'later') return now(priorities.background);\n",
    replace: '',
    caughtBy: { file: 'test/unit/loop.test.ts', test: 'loop > a rollout gets its turn, behind all other work' },
  },
  {
    defect: 'events are not sent',
    file: 'src/controller/controller.ts',
    find: '      if (outcome.event) events.add(outcome.event.about, outcome.event.note);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > each transition is an event; one that can not be sent fails nothing',
    },
  },
  {
    defect: 'an event that can not be sent is an unhandled rejection',
    file: 'src/controller/event-sender.ts',
    find: '      metrics.eventFailed();\n',
    replace: '      metrics.eventFailed();\n      throw error;\n',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > one that fails is counted, told once a minute, and the next ones go',
    },
  },
  {
    defect: 'the first list goes before fresh changes',
    file: 'src/kube/informer.ts',
    find: 'onChange(key, { isFirst, wakes });',
    replace: 'onChange(key, { isFirst: false, wakes });',
    caughtBy: { file: 'test/unit/loop.test.ts', test: 'loop > what the first list has is less urgent than a change' },
  },
  {
    defect: 'a reconcile that sent nothing says that the server is back',
    file: 'src/kube/term.ts',
    find: "this.#noticeOutage(said === 'written' || isVerdict(error), error);",
    replace: 'this.#noticeOutage(true, error);',
    caughtBy: {
      file: 'test/unit/controller.test.ts',
      test: 'controller > reconciles that send no request do not hurry those who wait for a server that is away',
    },
  },
  {
    defect: 'an answer of a gateway says that the server is back',
    file: 'src/kube/term.ts',
    find: "error !== undefined && error.code > 0 && error.class !== 'retry';",
    replace: 'error !== undefined && error.code > 0;',
    caughtBy: {
      file: 'test/unit/controller.test.ts',
      test: 'controller > an answer 503 does not: a gateway gives it for a server that is away',
    },
  },
  {
    defect: 'a leader calls a copy synced before the list that it waits for',
    file: 'src/kube/informer.ts',
    find: '      isAwaited = true;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: 'scopes > R7.4 R7.9 a namespace that was there under the last leader, and is gone, does not stop the next',
    },
  },
  {
    defect: 'a copy stays synced, however long ago something confirmed it',
    file: 'src/kube/informer.ts',
    find: ') <= currentFor,',
    replace: ') <= 1_000 * currentFor,',
    caughtBy: {
      file: 'test/unit/scopes.test.ts',
      test: 'scopes > R7.10 R11.4 a copy that nothing has confirmed for more than a minute is not synced; back, it is',
    },
  },
  {
    defect: 'an outage is not noticed',
    file: 'src/kube/term.ts',
    find: "if (error?.reason === 'NoAnswer') this.#isAway = true;",
    replace: "if (error?.reason === '') this.#isAway = true;",
    caughtBy: {
      file: 'test/unit/controller.test.ts',
      test: 'controller > a request that was answered does: the server is back',
    },
  },
  {
    defect: 'a worker keeps its key for ever',
    file: 'src/kube/term.ts',
    find: '        this.#queue.done(key);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > each transition is an event; one that can not be sent fails nothing',
    },
  },
  {
    defect: 'a ConfigMap without its owner finds nobody',
    file: 'src/controller/kinds.ts',
    find: ', view.metadata.labels?.[labels.settings]];',
    replace: '];',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > a ConfigMap finds its settings by its owner where its label is gone, and by its label where its owner is',
    },
  },
  {
    defect: 'a ConfigMap without its label finds nobody',
    file: 'src/controller/kinds.ts',
    find: 'const names = [owner?.kind === kind ? owner.name : undefined, ',
    replace: 'const names = [',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > a ConfigMap finds its settings by its owner where its label is gone, and by its label where its owner is',
    },
  },
  {
    defect: 'a term ends while its work goes on',
    file: 'src/kube/term.ts',
    find: '    await Promise.all([...working, ...serving]);\n',
    replace: '',
    caughtBy: { file: 'test/unit/loop.test.ts', test: 'term > it does not end before what was in flight is finished' },
  },
  {
    defect: 'the resync of an old term goes on',
    file: 'src/kube/term.ts',
    find: "    signal.addEventListener('abort', cancel, { once: true });\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'term > when it has ended nothing of it goes on: no timer, no write',
    },
  },
  {
    defect: 'an object that met a defect is never tried again',
    file: 'src/controller/controller.ts',
    find: "return retry('slow', { pace: 0 });",
    replace: 'return none;',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > an object that meets a defect of ours is tried again, slowly, and delays no other',
    },
  },
  {
    defect: 'what is gone from a list is not looked at',
    file: 'src/kube/informer.ts',
    find: '[...changed, ...gone]',
    replace: 'changed',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > a ConfigMap that is deleted is created again, whether its event says so or the next list',
    },
  },
  {
    defect: 'what an earlier term remembered is believed',
    file: 'src/controller/controller.ts',
    find: 'memories: new Map(), brakes',
    replace: 'memories: ((stores as any).memories ??= new Map()), brakes',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'term > it takes over the plan of the one before with an epoch of its own: nothing is remembered',
    },
  },
  {
    defect: 'each term has the same epoch',
    file: 'src/controller/controller.ts',
    find: 'epoch: randomId(clock), ...memory',
    replace: "epoch: '0', ...memory",
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'term > it takes over the plan of the one before with an epoch of its own: nothing is remembered',
    },
  },
  {
    defect: 'a new term does not look at what is there',
    file: 'src/kube/term.ts',
    find: '    onServed(scope.namespace);\n    this.#lookAtAll(scope);\n',
    replace: '    onServed(scope.namespace);\n',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'term > a new leader lists anew before it writes, and looks at every object',
    },
  },
  {
    defect: 'an object that is removed is not looked at',
    file: 'src/kube/informer.ts',
    find: '      kind.gone?.(object);\n      tell(object);',
    replace: '      kind.gone?.(object);',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > a ConfigMap that is deleted is created again, whether its event says so or the next list',
    },
  },
  {
    defect: 'an object that can not be read ends the list of all',
    file: 'src/kube/isolate.ts',
    find: '    } catch (error) {\n',
    replace: '    } catch (error) {\n      if (error) throw error;\n',
    caughtBy: {
      file: 'test/unit/isolate.test.ts',
      test: 'isolation > R9.20 no object of a list or an event can end a list or a watch',
    },
  },
  {
    defect: 'what is asked of an object when it is stored may end the list of all',
    file: 'src/kube/informer.ts',
    find: '    kind.keysOf(kept);\n    kind.asks?.(kept);\n    kind.store.index(kept);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/isolate.test.ts',
      test: 'isolation > R9.20 no object of a list or an event can end a list or a watch',
    },
  },
  {
    defect: 'an object that can not be read is told each time',
    file: 'src/observe/watch-trouble.ts',
    find: 'if (mayTell(key)) log.error',
    replace: 'log.error',
    caughtBy: {
      file: 'test/unit/isolate.test.ts',
      test: 'isolation > R9.21 a ConfigMap that can not be read is told, once a minute, counted, and nobody has it',
    },
  },
  {
    defect: 'what anybody wrote on an unreadable object is kept',
    file: 'src/controller/api.ts',
    find: '  metadata: identityOf((object as NamespacedObject).metadata),',
    replace: '  metadata: (object as NamespacedObject).metadata,',
    caughtBy: {
      file: 'test/unit/isolate.test.ts',
      test: 'isolation > R9.24 what is kept of an unreadable object says which it is, and holds nothing that anybody wrote on it',
    },
  },
  {
    defect: 'an unreadable object is applied',
    file: 'src/controller/reconcile.ts',
    find: 'validate({ name, spec, hidden, unreadable });',
    replace: 'validate({ name, spec, hidden });',
    caughtBy: {
      file: 'test/unit/isolate.test.ts',
      test: 'isolation > R9.21 what is live of a LicenseSettings that can not be read any more stays, and nothing else is written',
    },
  },
  {
    defect: 'a copy that was never complete is called synced',
    file: 'src/kube/informer.ts',
    find: 'reflector.age ?? Number.POSITIVE_INFINITY',
    replace: 'reflector.age ?? 0',
    caughtBy: {
      file: 'test/unit/controller.test.ts',
      test: 'controller > nothing is decided before all caches are complete',
    },
  },
  {
    defect: 'a conflict is logged as a warning',
    file: 'src/controller/controller.ts',
    find: "(result === 'retry' && error?.class !== 'conflict')",
    replace: "result === 'retry'",
    caughtBy: { file: 'test/unit/loop.test.ts', test: 'loop > a conflict is part of the work: no warning' },
  },
  {
    defect: 'ConfigMaps of all others are watched too',
    file: 'src/controller/kinds.ts',
    find: '    labelSelector: `${labels.managedBy}=${manager}`,\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > only ConfigMaps that say that they are ours are listed and watched',
    },
  },
  {
    defect: 'what is immutable is deleted without being claimed',
    file: 'src/settings/plan.ts',
    find: "return mayDelete(view, owner) ? 'replace' : 'claim';",
    replace: "return 'replace';",
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: "decision about a ConfigMap > immutable, without our labels or another object's: claimed first, nothing else may be deleted",
    },
  },
  {
    defect: 'a claim is forgotten',
    file: 'src/controller/apply.ts',
    find: "decision === 'claim' ? keep(",
    replace: "decision !== 'claim' ? keep(",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an immutable ConfigMap that lost its labels is claimed before it is deleted, its data as they were',
    },
  },
  {
    defect: 'a claim drops immutable',
    file: 'src/controller/api.ts',
    find: '      ...(immutable ? { immutable } : {}),\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an immutable ConfigMap that lost its labels is claimed before it is deleted, its data as they were',
    },
  },
  {
    defect: 'a claim drops binaryData',
    file: 'src/controller/api.ts',
    find: '      ...(binaryData ? { binaryData } : {}),\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an immutable ConfigMap that lost its labels is claimed before it is deleted, its data as they were',
    },
  },
  {
    defect: 'a claim makes a record of whatever it finds',
    file: 'src/controller/api.ts',
    find: 'putMetadata(view, owner, want, () => want.rendered.dataHash)',
    replace: 'putMetadata(view, owner, want, ({ dataHash }) => dataHash)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an immutable ConfigMap of an earlier object is claimed before it is deleted, its data as they were',
    },
  },
  {
    defect: 'a ConfigMap is created again for an object that is gone',
    file: 'src/controller/apply.ts',
    find: '  if (uid === owner.uid && deletionTimestamp === undefined) return;\n',
    replace: '  if (owner) return;\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap has gone, and a look tells that its LicenseSettings is gone: nothing is created',
    },
  },
  {
    defect: 'a ConfigMap is created again for an object that is being deleted',
    file: 'src/controller/apply.ts',
    find: 'uid === owner.uid && deletionTimestamp === undefined',
    replace: 'uid === owner.uid || deletionTimestamp',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap has gone, and a look tells that its LicenseSettings is being deleted: nothing is created',
    },
  },
  {
    defect: 'a ConfigMap is created again for the uid of an earlier object',
    file: 'src/controller/apply.ts',
    find: 'uid === owner.uid && deletionTimestamp === undefined',
    replace: 'uid && deletionTimestamp === undefined',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap has gone, and a look tells that its LicenseSettings was deleted and created again: nothing is created',
    },
  },
  {
    defect: 'a plan creates for an object that is gone',
    file: 'src/controller/move.ts',
    find: '  if (gone) await confirmOwner(world, owner);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap has gone, and a look tells that its LicenseSettings is gone: nothing is created, in a plan neither',
    },
  },
  {
    defect: 'that an object is gone is tried again',
    file: 'src/controller/reconcile.ts',
    find: '    if (error.reason === ownerGone) return { ended: quietly(error) };\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap has gone, and a look tells that its LicenseSettings is gone: nothing is created',
    },
  },
  {
    defect: 'a create without an answer is forgotten',
    file: 'src/controller/apply.ts',
    find: 'zone && error && mayStillLand(error)',
    replace: 'zone && error && mayStillLand(error) && clock.wall() < 0',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a create without an answer may land late: until then a ConfigMap at zero keeps it out, before others get its licenses',
    },
  },
  {
    defect: 'what keeps a late create out goes too soon',
    file: 'src/controller/move.ts',
    find: 'const ready = leftovers.filter((view) => until(view) === undefined);',
    replace: 'const ready = leftovers.filter((view) => until(view) !== 0);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a create without an answer may land late: until then a ConfigMap at zero keeps it out, before others get its licenses',
    },
  },
  {
    defect: 'what keeps a late create out never goes',
    file: 'src/controller/late.ts',
    find: 'filter(({ until }) => until > clock.monotonic());',
    replace: 'filter(() => clock.monotonic() >= 0);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a create without an answer may land late: until then a ConfigMap at zero keeps it out, before others get its licenses',
    },
  },
  {
    defect: 'a create of another object makes this one wait',
    file: 'src/controller/late.ts',
    find: '  const expected = (late.get(uid) ?? []).filter(',
    replace: '  const expected = [...(late.get(uid) ?? []), ...[...late.values()].flat()].filter(',
    caughtBy: {
      file: 'test/unit/late.test.ts',
      test: 'late > each object has its own, for 65 s from when they were sent',
    },
  },
  {
    defect: 'creates that may land late pile up',
    file: 'src/controller/late.ts',
    find: '.filter((one) => !isCoveredBy(one, write));',
    replace: ';',
    caughtBy: {
      file: 'test/unit/late.test.ts',
      test: 'late > a write that was sent again is remembered once, and for longer; one that gives more stays',
    },
  },
  {
    defect: 'an update takes the place of a create of the same zone',
    file: 'src/controller/late.ts',
    find: 'one.name === later.name && one.version === later.version && within',
    replace: 'one.name === later.name && within',
    caughtBy: {
      file: 'test/unit/late-writes.test.ts',
      test: 'late writes > an update without an answer does not make forget a create without an answer of the same zone',
    },
  },
  {
    defect: 'a later write takes the place of one that gives more',
    file: 'src/controller/late.ts',
    find: ' && within(one.zone, [later.zone]);',
    replace: ';',
    caughtBy: {
      file: 'test/unit/late.test.ts',
      test: 'late > a write that was sent again is remembered once, and for longer; one that gives more stays',
    },
  },
  {
    defect: 'a request that the API server goes on with is forgotten',
    file: 'src/controller/late.ts',
    find: 'export const lateness = 65_000;',
    replace: 'export const lateness = 25_000;',
    caughtBy: {
      file: 'test/unit/late.test.ts',
      test: 'late > the API server may carry a request out for 60 s, and it needs a moment to get there',
    },
  },
  {
    defect: 'a late update lands after the total of the system has shrunk',
    file: 'src/controller/move.ts',
    find: '  if (await fenceUpdates(way)) return undefined;\n  if (plan.system) return writeAll(way, [plan.system]);\n',
    replace:
      '  if (plan.system) return writeAll(way, [plan.system]);\n  if (await fenceUpdates(way)) return undefined;\n',
    caughtBy: {
      file: 'test/unit/late-writes.test.ts',
      test: 'late writes > an update without an answer is kept out before the total of the system shrinks',
    },
  },
  {
    defect: 'only what a plan creates may land late',
    file: 'src/controller/apply.ts',
    find: 'zone && error && mayStillLand(error)',
    replace: 'zone && error && mayStillLand(error) && input.knownDataHash === undefined',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone that was put back without an answer may land late too',
    },
  },
  {
    defect: 'a takeover forgets the creates that may still land',
    file: 'src/controller/move.ts',
    find: 'noteLate(world.late, clock, owner.uid, { name, zone: { name: zone }, sent: clock.monotonic() });',
    replace: 'noteLate(world.late, clock, owner.uid, { name, zone: { name: zone }, sent: Number.NEGATIVE_INFINITY });',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term, and a zone of it that is no longer wanted: kept at zero until no create of it can land',
    },
  },
  {
    defect: 'every create that failed may land late',
    file: 'src/kube/errors.ts',
    find: 'code === 408 || code >= 500;',
    replace: 'code >= 400;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a create that ended with 403 Forbidden may not land late',
    },
  },
  {
    defect: 'a create that was never sent may land late',
    file: 'src/kube/errors.ts',
    find: "code === 0 ? reason !== 'NotLeader' && reason !== 'Credentials'",
    replace: "code === 0 ? reason !== 'Credentials'",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a create that ended with 0 NotLeader may not land late',
    },
  },
  {
    defect: 'a 504 has not been carried out',
    file: 'src/kube/errors.ts',
    find: 'code === 408 || code >= 500;',
    replace: 'code === 408;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a create that ended with 504 Timeout may land late',
    },
  },
  {
    defect: 'what an object that is gone leaves without our label is asked for by others',
    file: 'src/controller/reconcile.ts',
    find: '    if (known) forget(here, known.uid);\n    world',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what an object that is gone leaves without our label is forgotten: others in the namespace would ask for it',
    },
  },
  {
    defect: 'what no watch sees is not read again',
    file: 'src/controller/reconcile.ts',
    find: 'await failureOf(lookAgain(place, object.metadata, memory.looked))',
    replace: 'undefined',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what lies in the cache without our label, which no watch sees, is read again each time (ours)',
    },
  },
  {
    defect: 'what no watch sees stays as it was in the cache',
    file: 'src/controller/apply.ts',
    find: 'uidOf(found) === uidOf(view)) configMaps.put(found);',
    replace: 'uidOf(found) === uidOf(view)) continue;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what lies in the cache without our label, which no watch sees, is read again each time (ours)',
    },
  },
  {
    defect: "what is somebody else's by now is kept in the cache",
    file: 'src/controller/apply.ts',
    find: 'if (counts && uidOf(found) === uidOf(view)) configMaps.put(found);',
    replace: 'if (found) configMaps.put(found);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what lies in the cache without our label, which no watch sees, is read again each time (theirs)',
    },
  },
  {
    defect: 'what has gone without our label stays in the cache',
    file: 'src/controller/apply.ts',
    find: '    else configMaps.remove(view);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what lies in the cache without our label, which no watch sees, is read again each time (gone)',
    },
  },
  {
    defect: 'every ConfigMap is read again each time',
    file: 'src/controller/api.ts',
    find: 'view.metadata.labels?.[labels.managedBy] === manager ? [] :',
    replace: "view.metadata.labels?.[labels.managedBy] === '' ? [] :",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > two writes for a change, none when nothing is new',
    },
  },
  {
    defect: 'what was taken away by hand is given to others at once',
    file: 'src/controller/move.ts',
    find: " || holdsLess({ ...input, present }) ? 'taken'",
    replace: " ? 'taken'",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone holds less, by hand, when a plan begins: dialers get time to see it',
    },
  },
  {
    defect: 'what can not be read has been seen',
    file: 'src/settings/zones.ts',
    find: '    const held = lower(least, view && readZone(view));\n',
    replace: '    const held = view && readZone(view) ? lower(least, readZone(view)) : lower(least, least);\n',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone holds less than what was live and what is on its way both give it, or it does not',
    },
  },
  {
    defect: 'what was given by hand counts as taken away',
    file: 'src/settings/zones.ts',
    find: '    const held = lower(least, view && readZone(view));\n',
    replace: '    const held = view && readZone(view);\n',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone holds less than what was live and what is on its way both give it, or it does not',
    },
  },
  {
    defect: 'a plan leaves what was made immutable',
    file: 'src/controller/move.ts',
    find: 'view && !view.immutable && metadataRight(',
    replace: 'view && metadataRight(',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap that was made immutable during a plan is replaced before the plan is done',
    },
  },
  {
    defect: 'the stamp of what a restored status rebuilds goes back',
    file: 'src/controller/reconcile.ts',
    find: 'unchanged ? Math.max(live.generation, ...stamps) : generation',
    replace: 'unchanged ? live.generation : generation',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a status of a backup: what it rebuilds keeps the later stamp that is there',
    },
  },
  {
    defect: 'a status of a backup gives licenses out twice',
    file: 'src/controller/reconcile.ts',
    find: '    holdOthers(owned, target, known);',
    replace: '    false;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a status of a backup, from before the zones: they give back before the system gets its CAPACITY keys',
    },
  },
  {
    defect: 'zones of an older release are taken for those of other settings',
    file: 'src/settings/zones.ts',
    find: '      !known.some((one) => one.name === view.metadata.name && one.dataHash === view.dataHash),\n',
    replace: '      known,\n',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > zones hold what other settings gave them, or what these did',
    },
  },
  {
    defect: 'an edited zone makes a plan',
    file: 'src/settings/zones.ts',
    find: '      view.metadata.annotations?.[annotations.dataHash] === view.dataHash &&\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > zones hold what other settings gave them, or what these did',
    },
  },
  {
    defect: 'a zone that nobody wants is not seen beside the settings of a backup',
    file: 'src/settings/zones.ts',
    find: 'wanted.get(metadata.name) !== dataHash',
    replace: 'wanted.has(metadata.name)',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > zones hold what other settings gave them, or what these did',
    },
  },
  {
    defect: 'what is owned again is called retained meanwhile',
    file: 'src/controller/reconcile.ts',
    find: 'retained && !theirs.has(one.name) ?',
    replace: '!theirs.has(one.name) ?',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > Retain that was switched off during a plan is no longer claimed when the ConfigMaps are owned again',
    },
  },
  {
    defect: 'what is still owned is called retained when a plan begins',
    file: 'src/controller/reconcile.ts',
    find: 'retained && !theirs.has(one.name) ?',
    replace: 'retained ?',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what was owned again before the status could say so is not called retained when a plan begins',
    },
  },
  {
    defect: 'what has gone is made again to be lowered',
    file: 'src/controller/move.ts',
    find: '    if (!way.world.configMaps.get(rendered.name)) continue;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone that is deleted while others are lowered is not made again before they have settled',
    },
  },
  {
    defect: 'a rename waits for creates under the old name',
    file: 'src/controller/move.ts',
    find: 'return !(wanted && within(zone, [wanted]));',
    replace: "return !wanted || zone.name !== '';",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a create without an answer under a name that is given up makes nobody wait: its zone holds the same under the new one',
    },
  },
  {
    defect: 'while suspended it goes on asking',
    file: 'src/controller/reconcile.ts',
    find: 'const unseen = suspended\n',
    replace: 'const unseen = !suspended && suspended\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > while suspended what lies in the cache without our label is not asked for',
    },
  },
  {
    defect: 'a zone that drifts during the first apply is given its licenses before the system is there',
    file: 'src/controller/reconcile.ts',
    find: '[applied?.declaration ?? none,',
    replace: '[applied?.declaration,',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone that drifts during the first apply holds nothing: it is raised only behind the system',
    },
  },
  {
    defect: 'an update without an answer is not kept out',
    file: 'src/controller/move.ts',
    find: '  if (await fenceUpdates(way)) return undefined;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an update without an answer may land late: it is made to conflict before others get its licenses',
    },
  },
  {
    defect: 'what keeps an update out moves no version',
    file: 'src/controller/move.ts',
    find: '`${world.epoch}.${version}`',
    replace: 'world.epoch',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an update without an answer may land late: it is made to conflict before others get its licenses',
    },
  },
  {
    defect: 'a zone that stays makes nobody wait for its late create, however little it keeps',
    file: 'src/controller/move.ts',
    find: '!(wanted && within(zone, [wanted]))',
    replace: '!wanted',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a create without an answer, of a zone that stays with fewer licenses under pom, is kept out before others get them',
    },
  },
  {
    defect: 'the ConfigMap of no zones that becomes that of a zone keeps its CAPACITY',
    file: 'src/settings/zones.ts',
    find: 'return target.zones && hasCapacity(view) ?',
    replace: 'return target.zones && !wantedNames.has(name) && hasCapacity(view) ?',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > the ConfigMap of no zones becomes that of a zone: it gives back before others get its licenses',
    },
  },
  {
    defect: 'what an earlier object gave out is given out again',
    file: 'src/controller/reconcile.ts',
    find: '  if (behind) throw hasToGo(behind);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > zones: what an earlier object of the name gave out has to go before anybody else gets it',
    },
  },
  {
    defect: 'the word of a proxy that an object is gone is believed',
    file: 'src/kube/errors.ts',
    find: "this.reason === notOfApi ? 'retry' : classify(init.code)",
    replace: 'classify(init.code)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a 404 that no API server wrote is tried again',
    },
  },
  {
    defect: 'the label of a zone stays on the ConfigMap of the system',
    file: 'src/settings/configmap.ts',
    find: '      ...theirs,\n',
    replace: '      ...present?.labels,\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone label does not stay on the ConfigMap of the system',
    },
  },
  {
    defect: 'a plan that a webhook undoes is a defect of ours',
    file: 'src/controller/move.ts',
    find: '  throw new ApiError(\n    `something changes',
    replace: "  throw new Error('') ?? new ApiError(\n    `something changes",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a webhook that sets a label of ours to its own value: the status of a plan tells of it',
    },
  },
  {
    defect: 'what is immutable is replaced for an object that may be gone',
    file: 'src/controller/apply.ts',
    find: '      await confirmOwner(means, owner);\n      const ours',
    replace: '      const ours',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an immutable ConfigMap is not replaced for an object that is gone',
    },
  },
  {
    defect: 'a label that was taken off wakes nobody',
    file: 'src/kube/informer.ts',
    find: 'tell(object, before);',
    replace: 'tell(object);',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > under Retain the label that names the settings is removed: the owner is looked at',
    },
  },
  {
    defect: 'events are sent without a bound',
    file: 'src/controller/event-sender.ts',
    find: 'waiting.size > 0 && underWay < maxEventsUnderWay) sendFirst();',
    replace: 'waiting.size > 0) sendFirst();',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > events that get no answer take no connections from writes and the lease, and what waits is bounded',
    },
  },
  {
    defect: 'events that wait pile up',
    file: 'src/controller/event-sender.ts',
    find: 'waiting.size >= maxWaiting',
    replace: 'waiting.size >= 1_000_000',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > events that get no answer take no connections from writes and the lease, and what waits is bounded',
    },
  },
  {
    defect: 'an event that is over gives its place to nobody',
    file: 'src/controller/event-sender.ts',
    find: '    underWay--;\n    pump();\n',
    replace: '    pump();\n',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > events that get no answer take no connections from writes and the lease, and what waits is bounded',
    },
  },
  {
    defect: 'events go in the middle of a backlog',
    file: 'src/kube/term.ts',
    find: 'this.#workersFrom(lowest) + this.#queue.depthFrom(lowest) > 0',
    replace: 'lowest > 1',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > no event is sent before the last status of a backlog, with 4 at work',
    },
  },
  {
    defect: 'events go while the last writes of a backlog are under way',
    file: 'src/kube/term.ts',
    find: 'this.#workersFrom(lowest) + this.#queue',
    replace: 'this.#queue',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > no event is sent before the last status of a backlog, with 4 at work',
    },
  },
  {
    defect: 'events go while keys wait',
    file: 'src/kube/term.ts',
    find: 'this.#workersFrom(lowest) + this.#queue.depthFrom(lowest) > 0',
    replace: 'this.#workersFrom(lowest) > 0',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > no event is sent before the last status of a backlog, with 1 at work',
    },
  },
  {
    defect: 'events wait for a rollout',
    file: 'src/kube/term.ts',
    find: '(priority >= lowest ? sum + workers : sum)',
    replace: '(priority >= lowest - 1_000 ? sum + workers : sum)',
    caughtBy: { file: 'test/unit/loop.test.ts', test: 'loop > a rollout does not hold events up' },
  },
  {
    defect: 'nobody tells that work is done: events wait for the next',
    file: 'src/controller/controller.ts',
    find: '      events.pump();\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > each transition is an event; one that can not be sent fails nothing',
    },
  },
  {
    defect: 'where work never ends events wait for ever',
    file: 'src/controller/event-sender.ts',
    find: '      if (waiting.size > 0) endHold ??= clock.after(patience, letOneThrough);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > where work never ends events are not held for ever: one a second after half a minute',
    },
  },
  {
    defect: 'after half a minute all events go at once',
    file: 'src/controller/event-sender.ts',
    find: '    if (underWay < maxEventsUnderWay) sendFirst();\n',
    replace: '    while (waiting.size > 0) sendFirst();\n',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > where work never ends events are not held for ever: one a second after half a minute',
    },
  },
  {
    defect: 'each event of an object and a reason waits',
    file: 'src/controller/event-sender.ts',
    find: 'const place = `${uid}/${note.reason}`;',
    replace: 'const place = `${uid}/${note.reason}/${clock.random()}`;',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > of an object and a reason only the last one waits, with what it was about',
    },
  },
  {
    defect: 'of an object only one event waits',
    file: 'src/controller/event-sender.ts',
    find: 'const place = `${uid}/${note.reason}`;',
    replace: 'const place = uid;',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > of an object and a reason only the last one waits, with what it was about',
    },
  },
  {
    defect: 'an object has as many events as it likes',
    file: 'src/controller/event-sender.ts',
    find: '    const isAllowed = tokens >= 1;\n',
    replace: '    const isAllowed = true;\n',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > an object has 25 events at once, then one each 5 minutes; others have theirs',
    },
  },
  {
    defect: 'an object that had 25 events never has another',
    file: 'src/controller/event-sender.ts',
    find: 'known.tokens + (now - known.at) / refillEvery',
    replace: 'known.tokens',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > an object has 25 events at once, then one each 5 minutes; others have theirs',
    },
  },
  {
    defect: 'the budgets of all objects that ever were are kept',
    file: 'src/controller/event-sender.ts',
    find: 'objects.size > rememberedObjects',
    replace: 'objects.size > 1_000_000',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > of many objects it is remembered for the last ones how many events they had',
    },
  },
  {
    defect: 'what is dropped at the end of a term is not counted',
    file: 'src/controller/event-sender.ts',
    find: "      for (const _ of waiting) metrics.eventDropped('term');\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > at the end of a term what waits is dropped, and no timer is left',
    },
  },
  {
    defect: 'events of an old term are sent',
    file: 'src/controller/event-sender.ts',
    find: '      waiting.clear();\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/event-sender.test.ts',
      test: 'event sender > at the end of a term what waits is dropped, and no timer is left',
    },
  },
  {
    defect: 'a label of a zone that is no zone any more is right',
    file: 'src/settings/configmap.ts',
    find: '    metadata.labels?.[labels.zone] === want.rendered.zone &&\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > the label of a zone that it no longer is: written',
    },
  },
  {
    defect: 'what was healed before a failure is forgotten',
    file: 'src/controller/reconcile.ts',
    find: '  memory.restored = undefined;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > contents that were healed before a conflict kept another from being healed are an event Restored',
    },
  },
  {
    defect: 'what was healed is no event where the rest has to be tried again',
    file: 'src/controller/reconcile.ts',
    find: '        memory.restored ??= restored;\n',
    replace: '        place.late.delete(restored.name);\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > contents that were healed before an outage kept another from being healed are an event Restored',
    },
  },
  {
    defect: 'what was healed is no event where the status could not be written',
    file: 'src/controller/reconcile.ts',
    find: '  if (!sameStatus(before, after)) await writeStatus(place, progress, after);\n',
    replace:
      '  memory.restored = undefined;\n  if (!sameStatus(before, after)) await writeStatus(place, progress, after);\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > contents that were healed before an outage kept the status from being written are an event Restored',
    },
  },
  {
    defect: 'new settings are told as Restored',
    file: 'src/controller/apply.ts',
    find: 'const drifted = unchanged && (',
    replace: 'const drifted = (',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > new settings are no Restored, also where they go there and back before the status says so',
    },
  },
  {
    defect: 'what a superseded plan gave is forgotten',
    file: 'src/controller/reconcile.ts',
    find: '  memory.superseded = superseded;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone that is edited after its plan was superseded counts as the least of all plans: others may still use the rest',
    },
  },
  {
    defect: 'what is adopted is taken for seen',
    file: 'src/controller/move.ts',
    find: 'return isNew || isAdopted ||',
    replace: 'return isNew ||',
    caughtBy: {
      file: 'test/unit/settle.test.ts',
      test: 'settle > a rename to ConfigMaps that an earlier object retained does not know what was taken from them: it waits in full',
    },
  },
  {
    defect: 'settleSeconds of the beginning of a wait hold to its end',
    file: 'src/controller/move.ts',
    find: 'waitLeft(memory.takenAway, input.settle, world',
    replace: 'waitLeft(memory.takenAway, 100_000, world',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > settleSeconds act at once, also on a wait that has begun: shorter',
    },
  },
  {
    defect: 'the time of an apply is that of its beginning',
    file: 'src/controller/reconcile.ts',
    find: '  const facts = (): Facts => ({\n    ...{ generation, suspended, errors, pending, unusable, now: rfc3339(place.clock.wall()) },',
    replace:
      '  const now = rfc3339(place.clock.wall());\n  const facts = (): Facts => ({\n    ...{ generation, suspended, errors, pending, unusable, now },',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a decrease that took its time: the next term counts its wait from when it had ended',
    },
  },
  {
    defect: 'what others have in the cache without our label is read too',
    file: 'src/controller/apply.ts',
    find: ' || (uidOf(view) !== uid && !mayWant(name, view.metadata.name))) continue;',
    replace: ') continue;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: "reconcile > another object's ConfigMap that lost our label, and can't be read, holds nobody up",
    },
  },
  {
    defect: 'a view that may be old is only logged',
    file: 'src/controller/reconcile.ts',
    find: '      if (unseen) throw unseen;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: "reconcile > a ConfigMap that lost our label under a name that may be wanted, and can't be read: the status tells of it",
    },
  },
  {
    defect: 'what an earlier object retained without our label is read for ever',
    file: 'src/controller/apply.ts',
    find: '(uidOf(found) === uid || controllerOf(found) !== undefined)',
    replace: 'true',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what an earlier object retained without our label is read once, and forgotten',
    },
  },
  {
    defect: 'a deletionPolicy that can not be read takes the protection away',
    file: 'src/controller/reconcile.ts',
    find: '|| (!isDelete(deletionPolicy) && retainedBefore),',
    replace: ',',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a deletionPolicy that can not be read takes no protection away',
    },
  },
  {
    defect: 'a write that is refused keeps the others from being healed',
    file: 'src/controller/hold.ts',
    find: 'if (!failed || !stopsOneOnly(failed)) throw error;',
    replace: 'if (failed || error) throw error;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap whose write is refused does not keep the others from being healed',
    },
  },
  {
    defect: 'the status of a generation waits for a rollout',
    file: 'src/controller/reconcile.ts',
    find: '      if (progress.stale) return { ended: stale };\n',
    replace:
      "      if (progress.stale) return { ended: stale };\n      if (progress.later) return { ended: { result: 'later' } };\n",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > Retain does not wait for the turn of a rollout, and the status of the generation is written',
    },
  },
  {
    defect: 'Applied hides Invalid',
    file: 'src/controller/events.ts',
    find: "if (valid?.status === 'False' && conditionOf(before, 'Valid')?.status !== 'False') {",
    replace: "if (!after.applied && valid?.status === 'False' && conditionOf(before, 'Valid')?.status !== 'False') {",
    caughtBy: {
      file: 'test/unit/events.test.ts',
      test: 'event of a change > one at most, the most important: Invalid, then Applied, then ConfigMapConflict, then Restored',
    },
  },
  {
    defect: 'what an orphaning delete released is given back to the object',
    file: 'src/controller/apply.ts',
    find: 'if (!input.want.retained && !isOwnedBy(input.owner, view)) await confirmOwner(caches, input.owner);',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap without its owner may have been released by an orphaning delete: it is not given back to an object that is gone',
    },
  },
  {
    defect: 'a server that is behind and knows no such object is believed for good',
    file: 'src/controller/reconcile.ts',
    find: "result: 'quiet', error, retry: { kind: 'slow', atLeast: 0 } });",
    replace: "result: 'quiet', error });",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > an object that is gone when its status is written is quiet: it is looked at again slowly, unless its own event comes',
    },
  },
  {
    defect: 'a record of what is live that was out of sight is overwritten',
    file: 'src/controller/apply.ts',
    find: "      cache.put(view);\n      return { kind: 'found' };\n",
    replace: '      cache.put(view);\n',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > the record of what is live that had lost our label is believed when it is found, also where the newest is invalid',
    },
  },
  {
    defect: 'what lies in the cache without our label is asked for though nothing is to be written',
    file: 'src/controller/reconcile.ts',
    find: '    if (!writes) forgetUnwatched(place, object.metadata.uid);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what lies in the cache without our label is not asked for while there is nothing to write',
    },
  },
  {
    defect: 'a name that was live is not looked at by a plan',
    file: 'src/controller/move.ts',
    find: '...(retained ? before : [])',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > under Retain a zone that lost the uid of its owner is still the one that was live: it goes down before the system comes back',
    },
  },
  {
    defect: 'what an object leaves without our label is asked for where one of the same name follows',
    file: 'src/controller/reconcile.ts',
    find: '  if (known) forget(here, known.uid);\n  return',
    replace: '  return',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what an object leaves without our label is forgotten too where one of the same name follows before it was seen',
    },
  },
  {
    defect: 'of a LicenseSettings all metadata are kept',
    file: 'src/controller/kept.ts',
    find: 'return { ...identityOf(metadata), ...kept };',
    replace: 'return { ...metadata, ...kept };',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 of a LicenseSettings the metadata that decide, and nothing else that anybody wrote on it',
    },
  },
  {
    defect: 'an approval of any length is kept',
    file: 'src/controller/kept.ts',
    find: '? cutText(text, maxApproval) :',
    replace: '? text :',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 an approval approves however many spaces are around it, and a long one approves nothing and is cut',
    },
  },
  {
    defect: 'an approval is cut before its spaces are',
    file: 'src/controller/kept.ts',
    find: 'copyOf(cutText(bare, maxApproval))',
    replace: 'copyOf(cutText(text, maxApproval))',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 an approval approves however many spaces are around it, and a long one approves nothing and is cut',
    },
  },
  {
    defect: 'of a ConfigMap all that others wrote is kept',
    file: 'src/controller/kept.ts',
    find: 'JSON.stringify(metadata).length <= maxMetadata',
    replace: 'true',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 of a ConfigMap the metadata whole while they are small; else what decides, and that there is more',
    },
  },
  {
    defect: 'what tools wrote on a ConfigMap is never kept, so that each write reads it first',
    file: 'src/controller/kept.ts',
    find: 'export const maxMetadata = 4 * 1024;',
    replace: 'export const maxMetadata = 0;',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 of a ConfigMap the metadata whole while they are small; else what decides, and that there is more',
    },
  },
  {
    defect: 'long texts in our own places are kept whole',
    file: 'src/controller/kept.ts',
    find: "cutText(all[key] ?? '', maxDecisive)",
    replace: "all[key] ?? ''",
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 what our own metadata decide is the same, whatever others wrote beside them',
    },
  },
  {
    defect: 'of large metadata the references to the object are not kept',
    file: 'src/controller/kept.ts',
    find: 'ownerReferences.filter((one) => one.uid === uid).slice(0, maxReferences)',
    replace: 'ownerReferences.slice(0, maxReferences)',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 what our own metadata decide is the same, whatever others wrote beside them',
    },
  },
  {
    defect: 'a second reference to the object is not seen',
    file: 'src/controller/kept.ts',
    find: 'const maxReferences = 2;',
    replace: 'const maxReferences = 1;',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 what our own metadata decide is the same, whatever others wrote beside them',
    },
  },
  {
    defect: 'a ConfigMap is written from the part of it that is kept',
    file: 'src/controller/api.ts',
    find: 'partial ? decidedFrom(metadata, (await read(metadata.name)).metadata) : metadata;',
    replace: 'partial ? decidedFrom(metadata, metadata) : metadata;',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 what others wrote on a ConfigMap stays, however much it is: it is read before it is written, and only then',
    },
  },
  {
    defect: 'a ConfigMap that is read to be written is decided from what was read',
    file: 'src/controller/api.ts',
    find: 'partial ? decidedFrom(metadata, (await read(metadata.name)).metadata) : metadata;',
    replace: 'partial ? (await read(metadata.name)).metadata : metadata;',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R6.1 a ConfigMap that was read to be written is refused where it has changed since it was looked at',
    },
  },
  {
    defect: 'a ConfigMap that is created anew takes over only what was kept of the one before',
    file: 'src/controller/apply.ts',
    find: 'const former = await api.wholeMetadata(ours);',
    replace: 'const former = ours.metadata;',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R3.3 what others wrote on a ConfigMap that was made immutable goes over to the new one',
    },
  },
  {
    defect: 'a record that was left out is not read before it is judged',
    file: 'src/controller/reconcile.ts',
    find: '  await readLeftOut(place, owner, views);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 a backup brings a ConfigMap before its object: its record is read before it is judged, once',
    },
  },
  {
    defect: 'what is adopted is judged without its contents',
    file: 'src/controller/reconcile.ts',
    find: '  await readLeftOut(\n    place,\n    owner,\n    named.map((name) => place.configMaps.get(name)),\n  );\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R2.2 R4.3 a zone that a new object adopts holds what its record says, although it came before the object',
    },
  },
  {
    defect: 'what is kept of a ConfigMap does not depend on whether it has an object',
    file: 'src/controller/kinds.ts',
    find: 'project: (object) => projectConfigMap(object, hasObject),',
    replace: 'project: (object) => projectConfigMap(object),',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 which objects there are is known before the first ConfigMap is read, so no record has to be read again',
    },
  },
  {
    defect: 'ConfigMaps are listed before it is known which objects there are',
    file: 'src/kube/scope.ts',
    find: '        await first?.listed(signal, false);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 which objects there are is known before the first ConfigMap is read, so no record has to be read again',
    },
  },
  {
    defect: 'the record of a ConfigMap whose object has gone is kept',
    file: 'src/controller/kinds.ts',
    find: '    gone: (object) => leaveOutOf(configMaps, object),\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 of a ConfigMap whose object has gone no more is kept than of one that never had any',
    },
  },
  {
    defect: 'a ConfigMap that can be adopted is taken for one of nobody',
    file: 'src/controller/kinds.ts',
    find: 'return object !== undefined && isOurs(view, object.metadata);',
    replace: 'return object !== undefined && controllerOf(view)?.uid === object.metadata.uid;',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > a ConfigMap can be that of a LicenseSettings of its namespace that has its uid, or its name where nobody controls it',
    },
  },
  {
    defect: 'a turn has no end but by time',
    file: 'src/controller/turn.ts',
    find: 'sent() < mostRequests)',
    replace: 'true)',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > a turn is over after a second, or 40 requests, once it has come to something',
    },
  },
  {
    defect: 'a turn has no end but by requests',
    file: 'src/controller/turn.ts',
    find: 'clock.monotonic() - began < longest && ',
    replace: '',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > a turn is over after a second, or 40 requests, once it has come to something',
    },
  },
  {
    defect: 'a turn that got nowhere is said to have more to do',
    file: 'src/controller/turn.ts',
    find: 'if (!hasProgressed || (',
    replace: 'if (false || (',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > a turn that gets nowhere ends with what is in its way, not with more to do',
    },
  },
  {
    defect: 'healing holds a worker for as long as it takes',
    file: 'src/controller/apply.ts',
    find: '  means.turn.goOn();\n  let view',
    replace: '  let view',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > 64 zones that drifted are healed in turns, and it is told once, at the end',
    },
  },
  {
    defect: 'deleting holds a worker for as long as it takes',
    file: 'src/controller/apply.ts',
    find: '  means.turn.goOn();\n  if (mayDelete',
    replace: '  if (mayDelete',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > what else carries the uid of an object goes in turns',
    },
  },
  {
    defect: 'a turn that is over is taken for a deletion that failed',
    file: 'src/controller/hold.ts',
    find: "if (!failure || failure.class === 'conflict') throw error;",
    replace: 'if (!failure) throw error;',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > what else carries the uid of an object goes in turns',
    },
  },
  {
    defect: 'looking up names holds a worker for as long as it takes',
    file: 'src/controller/missing.ts',
    find: '  turn.goOn();\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > where the API server is slow a turn ends after a second, and what it read is not read again in the next',
    },
  },
  {
    defect: 'what was found missing in the turn before is asked for again',
    file: 'src/controller/reconcile.ts',
    find: 'if (memory.goesOn) believeAgain(missing, here.clock);\n  else memory',
    replace: 'if (!memory.goesOn) memory',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > where the API server is slow a turn ends after a second, and what it read is not read again in the next',
    },
  },
  {
    defect: 'the end of a turn is taken for a failure',
    file: 'src/controller/reconcile.ts',
    find: "    if (memory.goesOn) return { result: 'more' };\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > a plan of 64 zones is done in turns of at most 50 requests, with the same writes and no status between',
    },
  },
  {
    defect: 'an object goes on as before when people ask for something else between two turns',
    file: 'src/controller/reconcile.ts',
    find: '    known.missing.clear();\n    known.goesOn = false;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/turn.test.ts',
      test: 'turns > where people ask for something else in between, what was found in the turn before is looked at anew',
    },
  },
  {
    defect: 'after a turn an object goes before those that wait',
    file: 'src/controller/controller.ts',
    find: "if (result === 'more') return now(priority);",
    replace: "if (result === 'more') return now(priorities.fresh);",
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > an object with much to do goes behind the others of its lane after each turn, at its own priority',
    },
  },
  {
    defect: 'after a turn nobody goes on with an object',
    file: 'src/controller/controller.ts',
    find: "if (result === 'more') return now(priority);",
    replace: "if (result === 'more') return none;",
    caughtBy: {
      file: 'test/unit/loop.test.ts',
      test: 'loop > an object with much to do goes behind the others of its lane after each turn, at its own priority',
    },
  },
  {
    defect: 'a defect stands in the log alone',
    file: 'src/controller/reconcile.ts',
    find: '    await tellDefect(here, name, thrown);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/defect.test.ts',
      test: 'a defect of ours > the status says that the operator fails, once, keeps what is live, and heals with it',
    },
  },
  {
    defect: 'a defect is told again and again',
    file: 'src/controller/reconcile.ts',
    find: 'if (!sameStatus(object.status, after)) here.settings.put(',
    replace: 'here.settings.put(',
    caughtBy: {
      file: 'test/unit/defect.test.ts',
      test: 'a defect of ours > the status says that the operator fails, once, keeps what is live, and heals with it',
    },
  },
  {
    defect: "a status that can't be written hides what was thrown",
    file: 'src/controller/reconcile.ts',
    find: '  } catch {\n    // Then the log and the metric alone tell it.\n  }',
    replace: '  } finally {\n  }',
    caughtBy: {
      file: 'test/unit/defect.test.ts',
      test: 'a defect of ours > where the status can not be written, what was thrown is thrown',
    },
  },
  {
    defect: 'a defect is told of what is being deleted',
    file: 'src/controller/reconcile.ts',
    find: 'if (!object || object.metadata.deletionTimestamp) return;',
    replace: 'if (!object) return;',
    caughtBy: {
      file: 'test/unit/defect.test.ts',
      test: 'a defect of ours > of an object that is being deleted nothing is told',
    },
  },
  {
    defect: 'all of a ConfigMap of nobody is kept',
    file: 'src/controller/api.ts',
    find: '  if (!hasObject(found)) return leaveOut(found);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 a ConfigMap that has no object costs a few hundred bytes, and says that its record was left out',
    },
  },
  {
    defect: 'a view does not say that its contents were left out',
    file: 'src/controller/kept.ts',
    find: ', immutable, unread: true },',
    replace: ', immutable },',
    caughtBy: {
      file: 'test/unit/kept.test.ts',
      test: 'what is kept > R9.24 a backup brings a ConfigMap before its object: its record is read before it is judged, once',
    },
  },
];
