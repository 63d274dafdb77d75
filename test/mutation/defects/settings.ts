/** Defects of the domain. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of the sources
import type { Defect } from '../defects.ts';

export const settings: readonly Defect[] = [
  {
    defect: 'a minimum that equals the maximum is refused',
    file: 'src/settings/validate.ts',
    find: '(minimum as number) <= (maximum as number)',
    replace: '(minimum as number) < (maximum as number)',
    caughtBy: { file: 'test/unit/settings.test.ts', test: 'validation > minimum may equal maximum, and not exceed it' },
  },
  {
    defect: 'zones may not hold all that there is',
    file: 'src/settings/validate.ts',
    find: 'held <= maximum) return [];',
    replace: 'held < maximum) return [];',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > zones may hold all of a type together, and not one more; a type that is left out has none to give',
    },
  },
  {
    defect: 'zones may hold more than the maximum',
    file: 'src/settings/validate.ts',
    find: 'held <= maximum) return [];',
    replace: 'held <= maximum + 1) return [];',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > zones may hold all of a type together, and not one more; a type that is left out has none to give',
    },
  },
  {
    defect: 'zones are held against the minimum',
    file: 'src/settings/validate.ts',
    find: "const maximum = countAt(spec, 'licenses', key, 'maximum');",
    replace: "const maximum = countAt(spec, 'licenses', key, 'minimum');",
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > zones may hold all of a type together, and not one more; a type that is left out has none to give',
    },
  },
  {
    defect: 'organizations may not hold all that their zone has',
    file: 'src/settings/validate.ts',
    find: 'held <= holds) return [];',
    replace: 'held < holds) return [];',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > organizations may hold all of their zone together, and not one more',
    },
  },
  {
    defect: 'organizations may hold more than their zone',
    file: 'src/settings/validate.ts',
    find: 'held <= holds) return [];',
    replace: 'held <= holds + 1) return [];',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > organizations may hold all of their zone together, and not one more',
    },
  },
  {
    defect: 'two zones may share a name',
    file: 'src/settings/validate.ts',
    find: "    ...twice(zones, 'spec.zones'),\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > no two zones, and no two organizations of a zone, share a name; those of different zones may',
    },
  },
  {
    defect: 'two organizations of a zone may share a name',
    file: 'src/settings/validate.ts',
    find: "      twice(items(at(value, 'organizations')), `spec.zones[${index}].organizations`),\n",
    replace: '      [],\n',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > no two zones, and no two organizations of a zone, share a name; those of different zones may',
    },
  },
  {
    defect: 'any number of organizations is taken',
    file: 'src/settings/validate.ts',
    find: '  fewOrganizations,\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > the zones have up to 512 organizations together',
    },
  },
  {
    defect: 'any name of a ConfigMap is taken',
    file: 'src/settings/validate.ts',
    find: '  configMapNameBelongs,\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: "validation > the ConfigMap's name is the object's or begins with it and a dash, up to 120 characters",
    },
  },
  {
    defect: 'a field that was pruned is not an error',
    file: 'src/settings/validate.ts',
    find: '  nothingHidden,\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > one that the spec shows is none: who reads the spec sees it; one that it shows as null is left out',
    },
  },
  {
    defect: 'any name of an object is taken',
    file: 'src/settings/validate.ts',
    find: '  objectName,\n',
    replace: '',
    caughtBy: { file: 'test/unit/settings.test.ts', test: "validation > the object's name has up to 63 characters" },
  },
  {
    defect: 'a field that is null is an error',
    file: 'src/settings/validate.ts',
    find: 'inner === null ? [] : [[key, withoutNulls(inner)]]',
    replace: '[[key, inner === null ? null : withoutNulls(inner)]]',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > a field that is null is left out, as the API server takes it',
    },
  },
  {
    defect: 'only the first mistake is reported',
    file: 'src/settings/validate.ts',
    find: 'policies.flatMap((policy) => policy({ ...settings, spec }));',
    replace: 'policies.flatMap((policy) => policy({ ...settings, spec })).slice(0, 1);',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > every mistake is reported, not only the first',
    },
  },
  {
    defect: 'more than 64 errors go into the status',
    file: 'src/settings/validate.ts',
    find: 'if (errors.length <= maxErrors) return [...errors];',
    replace: 'if (errors.length <= maxErrors * 9) return [...errors];',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > of more than 64 errors the last says how many more there are',
    },
  },
  {
    defect: 'the number of errors that are not shown is one too low',
    file: 'src/settings/validate.ts',
    find: 'errors.length - (maxErrors - 1)',
    replace: 'errors.length - maxErrors',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > of more than 64 errors the last says how many more there are',
    },
  },
  {
    defect: 'a field unknown to this release is ignored',
    file: 'src/settings/validate.ts',
    find: '      return issue.keys.map((key) => unknownField(pathOf([...issue.path, key])));',
    replace: '      return [];',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > every mistake is reported, not only the first',
    },
  },
  {
    defect: 'a type that is left out of licenses may be given to zones',
    file: 'src/settings/validate.ts',
    find: '  if (count === undefined) return 0;\n',
    replace: "  if (count === undefined) return path[0] === 'licenses' && path.length === 3 ? undefined : 0;\n",
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'validation > zones may hold all of a type together, and not one more; a type that is left out has none to give',
    },
  },
  {
    defect: 'zones are hashed in the order in which they were written',
    file: 'src/settings/declaration.ts',
    find: '[...(spec.zones ?? [])].sort(byName).map(normalZone)',
    replace: '[...(spec.zones ?? [])].map(normalZone)',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'settings hash > of zones and organizations does not change with their order or with zeros; each stays though it holds nothing',
    },
  },
  {
    defect: 'organizations are hashed in the order in which they were written',
    file: 'src/settings/declaration.ts',
    find: '[...organizations].sort(byName).map(',
    replace: '[...organizations].map(',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'settings hash > of zones and organizations does not change with their order or with zeros; each stays though it holds nothing',
    },
  },
  {
    defect: 'a type that is 0 to 0 counts in the hash',
    file: 'src/settings/declaration.ts',
    find: 'if (range && (range.minimum !== 0 || range.maximum !== 0)) {',
    replace: 'if (range) {',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'settings hash > is the same for a type left out and for 0 to 0, and whether the default name is written or not',
    },
  },
  {
    defect: 'a type whose minimum is zero is dropped',
    file: 'src/settings/declaration.ts',
    find: 'if (range && (range.minimum !== 0 || range.maximum !== 0)) {',
    replace: 'if (range && range.minimum !== 0 && range.maximum !== 0) {',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'settings hash > of a type that stays keeps both numbers, also a zero',
    },
  },
  {
    defect: 'zero counts of a zone count in the hash',
    file: 'src/settings/declaration.ts',
    find: 'if (counts[key]) licenses[key] = counts[key];',
    replace: 'if (counts[key] !== undefined) licenses[key] = counts[key];',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'settings hash > of zones and organizations does not change with their order or with zeros; each stays though it holds nothing',
    },
  },
  {
    defect: 'a zone that holds nothing is dropped',
    file: 'src/settings/declaration.ts',
    find: '.sort(byName).map(normalZone);',
    replace: '.sort(byName).map(normalZone).filter((zone) => zone.licenses || zone.organizations);',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'settings hash > of zones and organizations does not change with their order or with zeros; each stays though it holds nothing',
    },
  },
  {
    defect: 'the default name of the ConfigMap is not hashed',
    file: 'src/settings/declaration.ts',
    find: 'spec.configMap?.name ?? defaultConfigMapName(objectName)',
    replace: "spec.configMap?.name ?? ''",
    caughtBy: { file: 'test/unit/settings.test.ts', test: "settings hash > is the design's for the design's example" },
  },
  {
    defect: 'names are sorted by the locale of the machine',
    file: 'src/settings/declaration.ts',
    find: '(a.name < b.name ? -1 : a.name > b.name ? 1 : 0)',
    replace: "a.name.localeCompare(b.name, 'da')",
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'settings hash > of zones and organizations does not change with their order or with zeros; each stays though it holds nothing',
    },
  },
  {
    defect: 'a stored declaration is believed whatever its hash',
    file: 'src/settings/declaration.ts',
    find: 'declaration && settingsHash(declaration) === hash ?',
    replace: 'declaration ?',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'settings hash > a stored declaration is read only with its own hash, and without fields of a later release',
    },
  },
  {
    defect: 'a record is believed whatever a spec allows',
    file: 'src/settings/declaration.ts',
    find: '  const declaration = spec && declare(objectName, spec);',
    replace:
      '  const declaration = declare(objectName, (spec ?? { licenses: noLicenses, ...(stored as Declaration) }) as Spec);',
    caughtBy: { file: 'test/unit/record.test.ts', test: 'record > a forged record of 2,000 zones makes no ConfigMaps' },
  },
  {
    defect: 'a declaration for the ConfigMap of another object is believed',
    file: 'src/settings/declaration.ts',
    find: 'validate({ name: objectName, spec: {',
    replace: 'validate({ name: String((stored as Declaration).configMap.name), spec: {',
    caughtBy: {
      file: 'test/unit/record.test.ts',
      test: 'record > a declaration with the name of a ConfigMap of another object is none',
    },
  },
  {
    defect: 'a record of any length is kept',
    file: 'src/settings/record.ts',
    find: 'text !== undefined && text.length <= maxRecordLength ?',
    replace: 'text !== undefined ?',
    caughtBy: {
      file: 'test/unit/record.test.ts',
      test: 'record > a record above 128 KiB is not parsed, and not kept in memory',
    },
  },
  {
    defect: 'organizations of a record hold what their zone does not',
    file: 'src/settings/zones.ts',
    find: '  if (!isDivided(licenses, organizations)) return undefined;\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/record.test.ts',
      test: 'record > the record of a zone with organizations that hold more than the zone is none',
    },
  },
  {
    defect: 'two organizations of a record have one name',
    file: 'src/settings/zones.ts',
    find: '  new Set(organizations.map(({ name }) => name)).size === organizations.length &&\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/record.test.ts',
      test: 'record > the record of a zone with two organizations of one name is none',
    },
  },
  {
    defect: 'the record of a zone has any number of organizations',
    file: 'src/api/licenses-json.ts',
    find: '      .max(maxOrganizationsOfZone)\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/record.test.ts',
      test: 'record > the record of a zone with 129 organizations is none',
    },
  },
  {
    defect: 'a record of the settings that are applied is an apply',
    file: 'src/settings/live.ts',
    find: 'return newer && newer.settingsHash !== applied?.settingsHash ? newer : applied;',
    replace: 'return newer ?? applied;',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > a record of the settings that are applied is no apply of its own, whatever its stamp',
    },
  },
  {
    defect: 'what somebody controls is taken for retained',
    file: 'src/settings/configmap.ts',
    find: 'controllerOf(view) === undefined && view.metadata.annotations',
    replace: 'view.metadata.annotations',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > a ConfigMap with another controller is no record',
    },
  },
  {
    defect: 'labels alone make a ConfigMap ours that another controls',
    file: 'src/settings/configmap.ts',
    find: '(controllerOf(view) === undefined && labelled(view, owner));',
    replace: 'labelled(view, owner);',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > controlled by another: a conflict, whatever its labels say',
    },
  },
  {
    defect: 'the labels of any settings make a ConfigMap ours',
    file: 'src/settings/configmap.ts',
    find: ' && metadata.labels[labels.settings] === owner.name;',
    replace: ';',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > nobody controls it, labels of another object or none: a conflict',
    },
  },
  {
    defect: 'what lost our labels is deleted without being claimed',
    file: 'src/settings/configmap.ts',
    find: 'carriesUid(view, owner) && labelled(view, owner);',
    replace: 'carriesUid(view, owner);',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > what a rename leaves behind, and has lost our labels, is claimed before it goes',
    },
  },
  {
    defect: 'what has our labels is deleted, whatever its uid',
    file: 'src/settings/configmap.ts',
    find: 'carriesUid(view, owner) && labelled(view, owner);',
    replace: 'labelled(view, owner);',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: "decision about a ConfigMap > immutable, without our labels or another object's: claimed first, nothing else may be deleted",
    },
  },
  {
    defect: 'what an earlier object of the name owns is a conflict',
    file: 'src/settings/configmap.ts',
    find: 'return sameName && controller.uid !== owner.uid;',
    replace: "return sameName && controller.uid === '';",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a ConfigMap that an earlier object of the name owns is waited for: no conflict, nothing told at once',
    },
  },
  {
    defect: 'the stamp of another uid is compared',
    file: 'src/settings/configmap.ts',
    find: 'metadata.annotations?.[annotations.ownerUid] === owner.uid && /^',
    replace: '/^',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > a ConfigMap with another uid in its stamp is no record',
    },
  },
  {
    defect: 'a stamp that is no number is compared',
    file: 'src/settings/configmap.ts',
    find: '/^\\d{1,15}$/.test(text)',
    replace: "text !== ''",
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > a stamp that somebody made unreadable is no stamp',
    },
  },
  {
    defect: 'ownerReferences of others are dropped',
    file: 'src/settings/configmap.ts',
    find: 'ownerReferences: [...others, ',
    replace: 'ownerReferences: [',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > metadata: what others put there stays, ours is set, and ownerReferences of others too',
    },
  },
  {
    defect: 'labels of others are dropped',
    file: 'src/settings/configmap.ts',
    find: '      ...theirs,\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > metadata: what others put there stays, ours is set, and ownerReferences of others too',
    },
  },
  {
    defect: 'annotations of others are dropped',
    file: 'src/settings/configmap.ts',
    find: '      ...present?.annotations,\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > metadata: what others put there stays, ours is set, and ownerReferences of others too',
    },
  },
  {
    defect: 'our ownerReference blocks the deletion of the owner',
    file: 'src/settings/configmap.ts',
    find: 'controller: true, blockOwnerDeletion: false };',
    replace: 'controller: true, blockOwnerDeletion: true };',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > metadata: what others put there stays, ours is set, and ownerReferences of others too',
    },
  },
  {
    defect: 'what is retained is owned all the same',
    file: 'src/settings/configmap.ts',
    find: '...(want.retained ? [] : [reference])',
    replace: 'reference',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > under Retain it must not be owned: the garbage collector would take it',
    },
  },
  {
    defect: 'a ConfigMap that is owned counts as retained',
    file: 'src/settings/configmap.ts',
    find: 'if (want.retained) return noted && references.length === 0;',
    replace: 'if (want.retained) return noted;',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > under Retain it must not be owned: the garbage collector would take it',
    },
  },
  {
    defect: 'an ownerReference of ours that is there twice is right',
    file: 'src/settings/configmap.ts',
    find: '    references.length === 1 &&\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > an ownerReference of ours that is there twice, or names another object: written',
    },
  },
  {
    defect: 'blockOwnerDeletion set by hand is right',
    file: 'src/settings/configmap.ts',
    find: '    reference.blockOwnerDeletion !== true &&\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > blockOwnerDeletion set by hand: written',
    },
  },
  {
    defect: 'a removed label is right',
    file: 'src/settings/configmap.ts',
    find: '    holds(metadata.labels, wanted.labels) &&\n',
    replace: '',
    caughtBy: { file: 'test/unit/plan.test.ts', test: 'decision about a ConfigMap > a removed label: written' },
  },
  {
    defect: 'a changed annotation of ours is right',
    file: 'src/settings/configmap.ts',
    find: ' &&\n    holds(metadata.annotations, wanted.annotations);',
    replace: ';',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > a changed annotation of ours: written',
    },
  },
  {
    defect: 'the cache does not find retained ConfigMaps',
    file: 'src/settings/configmap.ts',
    find: 'controllerOf(view)?.uid ?? view.metadata.annotations?.[annotations.ownerUid];',
    replace: 'controllerOf(view)?.uid;',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > what is retained is found by the uid that it carries, as what is controlled',
    },
  },
  {
    defect: 'a stamp above the generation of the object is believed',
    file: 'src/settings/live.ts',
    find: 'record.generation > since && record.generation <= generation',
    replace: 'record.generation > since',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > a ConfigMap with a stamp above the generation of the object is no record',
    },
  },
  {
    defect: 'a ConfigMap of the same generation wins over the status',
    file: 'src/settings/live.ts',
    find: 'record.generation > since && ',
    replace: 'record.generation >= since && ',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > the status wins over a ConfigMap of the same or an older generation',
    },
  },
  {
    defect: 'the oldest of two records counts',
    file: 'src/settings/live.ts',
    find: 'b.generation - a.generation',
    replace: 'a.generation - b.generation',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > of two ConfigMaps that are records, as after a crash in the middle of a rename, the newer one counts',
    },
  },
  {
    defect: 'a restored status of a later generation goes on with its stamp',
    file: 'src/settings/live.ts',
    find: 'restored ? { ...stored, generation } : stored',
    replace: 'stored',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a restored status of a later generation: what is rebuilt from it is not stamped with the future',
    },
  },
  {
    defect: 'a restored status of a later generation hides every record',
    file: 'src/settings/live.ts',
    find: 'const since = restored ? 0 : (stored?.generation ?? 0);',
    replace: 'const since = stored?.generation ?? 0;',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > come from the ConfigMap when a restored status speaks of a generation that is still to come',
    },
  },
  {
    defect: 'edited data are a record',
    file: 'src/settings/live.ts',
    find: '  if (view.metadata.annotations?.[annotations.dataHash] !== view.dataHash) return undefined;\n',
    replace: '',
    caughtBy: { file: 'test/unit/plan.test.ts', test: 'live settings > a ConfigMap with edited data is no record' },
  },
  {
    defect: "another object's ConfigMap is a record",
    file: 'src/settings/live.ts',
    find: ' || !carriesUid(view, owner)',
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > a ConfigMap with another controller is no record',
    },
  },
  {
    defect: 'a ConfigMap with binary data is a record',
    file: 'src/settings/live.ts',
    find: ' || view.binary)',
    replace: ')',
    caughtBy: { file: 'test/unit/plan.test.ts', test: 'live settings > a ConfigMap with binary data is no record' },
  },
  {
    defect: 'a ConfigMap of another name is a record',
    file: 'src/settings/live.ts',
    find: 'declaration?.configMap.name === metadata.name ?',
    replace: 'declaration ?',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'live settings > a ConfigMap with another name than its declaration says is no record',
    },
  },
  {
    defect: 'an immutable ConfigMap is updated',
    file: 'src/settings/plan.ts',
    find: "  if (view.immutable) return mayDelete(view, owner) ? 'replace' : 'claim';\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > immutable: replaced, whatever it holds',
    },
  },
  {
    defect: 'binary data are right',
    file: 'src/settings/plan.ts',
    find: 'const intact = !view.binary;',
    replace: 'const intact = true;',
    caughtBy: { file: 'test/unit/plan.test.ts', test: 'decision about a ConfigMap > binary data: written' },
  },
  {
    defect: 'a change of the settings is a rollout',
    file: 'src/settings/plan.ts',
    find: 'if (intact && unchanged && view.dataHash === knownDataHash) {',
    replace: 'if (intact && view.dataHash === knownDataHash) {',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > data of an older release with new settings: an ordinary change',
    },
  },
  {
    defect: 'a rollout goes on while the newest spec is not applicable',
    file: 'src/settings/plan.ts',
    find: 'if (applicable) return isOwnedBy(',
    replace: 'return isOwnedBy(',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > data of an older release: rolled out only while applicable, else left alone',
    },
  },
  {
    defect: 'wrong metadata are right',
    file: 'src/settings/plan.ts',
    find: "metadataRight(owner, want, view) ? 'right' : 'update'",
    replace: "view ? 'right' : 'update'",
    caughtBy: { file: 'test/unit/plan.test.ts', test: 'decision about a ConfigMap > a removed label: written' },
  },
  {
    defect: 'a foreign ConfigMap is updated',
    file: 'src/settings/plan.ts',
    find: "  if (!isOurs(view, owner)) return 'conflict';\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > controlled by another: a conflict, whatever its labels say',
    },
  },
  {
    defect: 'what is being deleted is updated',
    file: 'src/settings/plan.ts',
    find: "  if (view.metadata.deletionTimestamp) return 'wait';\n",
    replace: '',
    caughtBy: { file: 'test/unit/plan.test.ts', test: 'decision about a ConfigMap > being deleted: wait' },
  },
  {
    defect: 'what the garbage collector is about to take is updated',
    file: 'src/settings/plan.ts',
    find: "  if (isLeftBehind(view, owner)) return 'wait';\n",
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > controlled by an earlier object of the name, as a create may find it: wait',
    },
  },
  {
    defect: 'what is being deleted already is deleted again',
    file: 'src/controller/apply.ts',
    find: '  if (view.metadata.deletionTimestamp) throw hasToGo(view);\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/brake.test.ts',
      test: 'brake > what a rename leaves behind and a finalizer holds is deleted once, and the status names the finalizer',
    },
  },
  {
    defect: 'drift is taken for the work of an older release',
    file: 'src/settings/plan.ts',
    find: 'if (intact && unchanged && view.dataHash === knownDataHash) {',
    replace: 'if (intact && unchanged) {',
    caughtBy: { file: 'test/unit/plan.test.ts', test: 'decision about a ConfigMap > edited data: written' },
  },
  {
    defect: "metadata of an older release's data are not mended",
    file: 'src/settings/plan.ts',
    find: "metadataRight(owner, older, view) ? 'keep' : 'relabel'",
    replace: "older ? 'keep' : 'relabel'",
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'decision about a ConfigMap > data of an older release: rolled out only while applicable, else left alone',
    },
  },
  {
    defect: 'a name in a forged status is asked for that has characters of a path',
    file: 'src/settings/status.ts',
    find: '/^[a-z0-9.-]+$/.test(name) && ',
    replace: '',
    caughtBy: {
      file: 'test/unit/forged-status.test.ts',
      test: 'forged status > a name that no spec of the object could give is not asked for',
    },
  },
  {
    defect: 'a name in a forged status is asked for that is not of the object',
    file: 'src/settings/status.ts',
    find: ' && belongsTo(name, objectName))',
    replace: ')',
    caughtBy: {
      file: 'test/unit/forged-status.test.ts',
      test: 'forged status > a name that no spec of the object could give is not asked for',
    },
  },
  {
    defect: 'a name in a forged status is asked for that is too long',
    file: 'src/settings/status.ts',
    find: 'name.length <= maxMapName && ',
    replace: '',
    caughtBy: {
      file: 'test/unit/forged-status.test.ts',
      test: 'forged status > a name that no spec of the object could give is not asked for',
    },
  },
  {
    defect: 'each of the names in a forged status is asked for',
    file: 'src/settings/status.ts',
    find: '.slice(0, maxZones + 1);',
    replace: ';',
    caughtBy: {
      file: 'test/unit/forged-status.test.ts',
      test: 'forged status > of thousands of names no more are asked for than a spec can give',
    },
  },
  {
    defect: 'a forged generation is handed on in what is applied',
    file: 'src/settings/status.ts',
    find: 'if (!last) return previous && countable(previous);',
    replace: 'if (!last) return previous;',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > what others wrote is handed on with generations that are whole numbers after JSON too',
    },
  },
  {
    defect: 'a forged generation is handed on in a plan that is under way',
    file: 'src/settings/status.ts',
    find: '{ applying: countable(facts.applying) }',
    replace: '{ applying: facts.applying }',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > what others wrote is handed on with generations that are whole numbers after JSON too',
    },
  },
  {
    defect: 'a forged generation is handed on in the history',
    file: 'src/settings/status.ts',
    find: '.slice(0, maxHistory).map(countable);',
    replace: '.slice(0, maxHistory);',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > what others wrote is handed on with generations that are whole numbers after JSON too',
    },
  },
  {
    defect: 'a problem comes before mistakes in the spec',
    file: 'src/settings/status.ts',
    find: 'holds: ({ errors }) => errors.length > 0,',
    replace: 'holds: ({ errors, problem }) => errors.length > 0 && !problem,',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > invalid and conflict: Ready=False Invalid, Valid=False Invalid, Applied=False Invalid, Stalled=True Invalid',
    },
  },
  {
    defect: 'mistakes in the spec come before suspended',
    file: 'src/settings/status.ts',
    find: 'holds: ({ suspended }) => suspended,',
    replace: 'holds: ({ suspended, errors }) => suspended && errors.length === 0,',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > suspended and invalid: Ready=True Suspended, Valid=False Invalid, Applied=False Suspended',
    },
  },
  {
    defect: 'a waiting approval comes before a conflict',
    file: 'src/settings/status.ts',
    find: "  problemRow('ConfigMapConflict', 'Stalled'),\n",
    replace: "  pendingRow('', () => true, no),\n  problemRow('ConfigMapConflict', 'Stalled'),\n",
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > pending and conflict: Ready=False ConfigMapConflict, Valid=True Valid, Applied=False ConfigMapConflict, Stalled=True ConfigMapConflict',
    },
  },
  {
    defect: 'current comes before a conflict',
    file: 'src/settings/status.ts',
    find: "  problemRow('ConfigMapConflict', 'Stalled'),\n",
    replace:
      "  { reason: 'Applied', holds: ({ current }) => current, applied: () => yes, ready: yes, message: () => '' },\n  problemRow('ConfigMapConflict', 'Stalled'),\n",
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > live = newest, but the ConfigMap was taken away: Ready=False ConfigMapConflict, Valid=True Valid, Applied=False ConfigMapConflict, Stalled=True ConfigMapConflict',
    },
  },
  {
    defect: 'a failing write is told as final',
    file: 'src/settings/status.ts',
    find: "problemRow('WriteFailed', 'Reconciling')",
    replace: "problemRow('WriteFailed', 'Stalled')",
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > failed: Ready=False WriteFailed, Valid=True Valid, Applied=False WriteFailed, Reconciling=True WriteFailed',
    },
  },
  {
    defect: 'lastTransitionTime moves with every status',
    file: 'src/settings/status.ts',
    find: 'before?.status === next.status ? before.lastTransitionTime : now',
    replace: 'now',
    caughtBy: { file: 'test/unit/plan.test.ts', test: "status > a condition's time moves only with its status" },
  },
  {
    defect: 'lastTransitionTime moves with the reason',
    file: 'src/settings/status.ts',
    find: 'before?.status === next.status ? before.lastTransitionTime : now',
    replace: 'before?.reason === next.reason ? before.lastTransitionTime : now',
    caughtBy: { file: 'test/unit/plan.test.ts', test: "status > a condition's time moves only with its status" },
  },
  {
    defect: 'the history grows for ever',
    file: 'src/settings/status.ts',
    find: '.slice(0, maxHistory)',
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > applied and history move only with the settings hash; history keeps ten',
    },
  },
  {
    defect: 'the history has the newest apply last',
    file: 'src/settings/status.ts',
    find: '[...added.reverse(), ...previous]',
    replace: '[...previous, ...added.reverse()]',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > applied and history move only with the settings hash; history keeps ten',
    },
  },
  {
    defect: 'two applies of one status stand in the wrong order',
    file: 'src/settings/status.ts',
    find: '[...added.reverse(), ...previous]',
    replace: '[...added, ...previous]',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > there and back before the status was written: the history has both, and the stamp never goes back',
    },
  },
  {
    defect: 'an apply that no status told of is missing from the history',
    file: 'src/settings/status.ts',
    find: 'for (const one of [before, live])',
    replace: 'for (const one of [live].concat(before ? [] : []))',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > there and back before the status was written: the history has both, and the stamp never goes back',
    },
  },
  {
    defect: 'the time of the apply moves with every status',
    file: 'src/settings/status.ts',
    find: 'if (one && one.settingsHash !== (applies.at(-1) ?? previous)?.settingsHash)',
    replace: 'if (one && (one === live || one.settingsHash !== previous?.settingsHash))',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > applied and history move only with the settings hash; history keeps ten',
    },
  },
  {
    defect: 'settings that moved there and back have not moved',
    file: 'src/settings/status.ts',
    find: '(applies.at(-1) ?? previous)?.settingsHash)',
    replace: 'previous?.settingsHash)',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > there and back before the status was written: the history has both, and the stamp never goes back',
    },
  },
  {
    defect: 'what is live goes from the status while the spec is invalid',
    file: 'src/settings/status.ts',
    find: 'const applied = nextApplied(previous?.applied, applies, facts.now);',
    replace: 'const applied = valid ? nextApplied(previous?.applied, applies, facts.now) : undefined;',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > what is live stays in the status while the newest spec is invalid',
    },
  },
  {
    defect: 'what waits for an approval is not in the status',
    file: 'src/settings/status.ts',
    find: '...(facts.pending === undefined ? {} : { pending: { generation, settingsHash: facts.pending } }),',
    replace: '',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > what waits for an approval stands in the status, and how to approve it in the message',
    },
  },
  {
    defect: 'suspended settings that are live are not Applied',
    file: 'src/settings/status.ts',
    find: "applied: ({ current }) => (current ? { ...yes, reason: 'Applied' } : no),",
    replace: 'applied: () => no,',
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > suspended, live = newest: Ready=True Suspended, Valid=True Valid, Applied=True Applied',
    },
  },
  {
    defect: 'older settings that are live are not Ready',
    file: 'src/settings/status.ts',
    find: "pendingRow('older settings live', ({ live }) => live !== undefined, yes),",
    replace: "pendingRow('older settings live', ({ live }) => live !== undefined, no),",
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > pending, older settings live: Ready=True ApplyPending, Valid=True Valid, Applied=False ApplyPending',
    },
  },
  {
    defect: 'only the message of the first row is shown',
    file: 'src/settings/status.ts',
    find: '[...holding.map((row) => row.message(facts)), describeLive(facts)]',
    replace: '[first.message(facts), describeLive(facts)]',
    caughtBy: { file: 'test/unit/plan.test.ts', test: 'status > messages list all that hold' },
  },
  {
    defect: 'a plan that is under way is Ready',
    file: 'src/settings/status.ts',
    find: "    ready: no,\n    also: 'Reconciling',\n    message: ({ applying })",
    replace: "    ready: yes,\n    also: 'Reconciling',\n    message: ({ applying })",
    caughtBy: {
      file: 'test/unit/plan.test.ts',
      test: 'status > a plan is under way: Ready=False Settling, Valid=True Valid, Applied=False Settling, Reconciling=True Settling',
    },
  },
  {
    defect: 'a retained ConfigMap is not told as such',
    file: 'src/settings/status.ts',
    find: '...(retained ? { retained } : {}),',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > Retain that was switched during a plan is in all ConfigMaps before the status calls them retained',
    },
  },
  {
    defect: 'a zone edited by hand counts as what was live',
    file: 'src/settings/zones.ts',
    find: 'return others.reduce((least, one) => lower(least, one), first);',
    replace: 'return first ?? others.at(0);',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone edited in the middle of a plan counts as the smallest of what was live and what is on its way',
    },
  },
  {
    defect: 'a zone edited by hand is believed',
    file: 'src/settings/zones.ts',
    find: 'if (whole && (known.length === 0 || within(read, known))) return read;',
    replace: 'if (whole) return read;',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone that was edited by hand counts as the smaller of what was live and what is on its way',
    },
  },
  {
    defect: 'an organization that goes keeps what it holds',
    file: 'src/settings/zones.ts',
    find: 'return same ? [{ name, licenses: smaller(licenses, same.licenses) }] : [];',
    replace: 'return [{ name, licenses: same ? smaller(licenses, same.licenses) : licenses }];',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > organizations: one that goes, or shrinks, gives back before another gets',
    },
  },
  {
    defect: 'an organization that shrinks keeps what it holds',
    file: 'src/settings/zones.ts',
    find: 'return same ? [{ name, licenses: smaller(licenses, same.licenses) }] : [];',
    replace: 'return same ? [{ name, licenses }] : [];',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > organizations: one that goes, or shrinks, gives back before another gets',
    },
  },
  {
    defect: 'the system gets its CAPACITY keys back before the zones are at zero',
    file: 'src/settings/zones.ts',
    find: 'const systemWaits = target.zones === undefined && others.some(({ zone }) => zone !== undefined);',
    replace: 'const systemWaits = false;',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > no zones to zones: the system loses its CAPACITY keys; zones to none: it gets them back after the zones are at zero',
    },
  },
  {
    defect: 'taking CAPACITY keys away counts as nothing',
    file: 'src/settings/zones.ts',
    find: 'systemTakesAway: target.zones !== undefined && presentSystem !== undefined && hasCapacity(presentSystem),',
    replace: 'systemTakesAway: false,',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > CAPACITY keys are taken away where the system had some, and only there',
    },
  },
  {
    defect: 'the system ConfigMap of the old name is obeyed beside the zones',
    file: 'src/settings/zones.ts',
    find: 'return target.zones && hasCapacity(view) ? { ...wantedSystem, name } : [];',
    replace: 'return [];',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > no zones to zones under a new name: the old system must not be obeyed beside the zones',
    },
  },
  {
    defect: 'what a plan has given already is taken for drift',
    file: 'src/settings/zones.ts',
    find: 'before.length > 0 ? [...before, target] : [];',
    replace: 'before;',
    caughtBy: {
      file: 'test/unit/settle.test.ts',
      test: 'settle > what this term took away long ago makes nobody wait',
    },
  },
  {
    defect: 'an organization may hold more than any that is known',
    file: 'src/settings/zones.ts',
    find: '(zone.organizations ?? []).every(({ name, licenses }) =>',
    replace: "(zone.organizations ?? []).every(({ name, licenses }) => name !== '' ||",
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > an organization edited by hand counts as what was live, although its zone holds no more than it may',
    },
  },
  {
    defect: 'a takeover creates zones with their full numbers',
    file: 'src/settings/zones.ts',
    find: 'renderZone(name, { name: zone })],',
    replace: 'wanted.get(name) as Rendered],',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term: a zone that is not there yet is created at zero, so that a late create conflicts',
    },
  },
  {
    defect: 'a takeover does not stamp a system ConfigMap that is right',
    file: 'src/settings/zones.ts',
    find: '      ...(present.get(system.name)?.dataHash === system.dataHash ? [system] : []),\n',
    replace: '',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term: the data stay as they are, and so does the generation stamp',
    },
  },
  {
    defect: 'a takeover writes new numbers',
    file: 'src/settings/zones.ts',
    find: 'zone === undefined ? [] : renderZone(name, held(view, zone, known)),',
    replace: 'zone === undefined ? [] : (wanted.get(name) ?? renderZone(name, held(view, zone, known))),',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a plan of an earlier term: the data stay as they are, and so does the generation stamp',
    },
  },
  {
    defect: 'obsolete zones stay',
    file: 'src/settings/zones.ts',
    find: '    zone === undefined || targetZones.has(zone) || wantedNames.has(name) ? [] : [name],',
    replace: '    zone === undefined || targetZones.has(zone) || wantedNames.has(name) || name ? [] : [name],',
    caughtBy: { file: 'test/unit/zones.test.ts', test: 'zone plan > a removed zone goes to zero before it is deleted' },
  },
  {
    defect: 'a zone that can not be read is believed to hold what it should',
    file: 'src/settings/zones.ts',
    find: '  return others.reduce((least, one) => lower(least, one), first);',
    replace: '  return known.at(-1) ?? { name: zone };',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone that was edited by hand counts as the smaller of what was live and what is on its way',
    },
  },
  {
    defect: 'a zone without its label is no zone',
    file: 'src/settings/zones.ts',
    find: 'readZone(view)?.name ?? view.metadata.labels?.[labels.zone] ?? zoneByName(view.metadata.name, before);',
    replace: 'view.metadata.labels?.[labels.zone];',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone that lost its label is still a zone: it goes to zero before it is deleted',
    },
  },
  {
    defect: 'a zone without label and data is written as a system',
    file: 'src/settings/zones.ts',
    find: ' ?? zoneByName(view.metadata.name, before);',
    replace: ';',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone that lost its label and its data is still a zone, by its name: it is not written as a system',
    },
  },
  {
    defect: 'what was the system is taken for a zone by its name',
    file: 'src/settings/zones.ts',
    find: 'before.some(({ configMap }) => configMap.name === name)',
    replace: 'false',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone that lost its label and its data is still a zone, by its name: it is not written as a system',
    },
  },
  {
    defect: 'a zone with unreadable data is no zone',
    file: 'src/settings/zones.ts',
    find: 'readZone(view)?.name ?? view.metadata.labels?.[labels.zone] ?? zoneByName(view.metadata.name, before);',
    replace: 'readZone(view)?.name;',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > a zone that was edited by hand counts as the smaller of what was live and what is on its way',
    },
  },
  {
    defect: 'binary data in a zone are no drift',
    file: 'src/settings/zones.ts',
    find: 'return !view || view.binary || view.dataHash !== rendered.dataHash;',
    replace: 'return !view || view.dataHash !== rendered.dataHash;',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > binary data in a zone are drift, although its data are right',
    },
  },
  {
    defect: 'the system has CAPACITY keys beside the zones',
    file: 'src/settings/render.ts',
    find: '      const { minimum, maximum } = document.licenses[key];\n      return [key, { minimum, maximum }];',
    replace:
      '      const { minimum, maximum, total } = document.licenses[key];\n      return [key, { minimum, maximum, capacity: total }];',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > the system is rendered with zones but without CAPACITY keys; its JSON says total',
    },
  },
  {
    defect: 'the zones have no properties in the system',
    file: 'src/settings/render.ts',
    find: 'const more = zones.flatMap(({ name, licenses }) => capacityLines(`license.zone.${name}`, licenses));',
    replace: 'const more: string[] = [];',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > the system is rendered with zones but without CAPACITY keys; its JSON says total',
    },
  },
  {
    defect: 'zones do not count as allocated',
    file: 'src/settings/render.ts',
    find: 'const allocated = held ? held[type] : capacity;',
    replace: 'const allocated = capacity;',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > what zones hold is allocated, what their organizations hold too; the rest is unused and unallocated',
    },
  },
  {
    defect: 'what organizations hold does not count as allocated',
    file: 'src/settings/render.ts',
    find: 'unallocated: capacity - given[key]',
    replace: 'unallocated: capacity',
    caughtBy: {
      file: 'test/unit/zones.test.ts',
      test: 'zone plan > what zones hold is allocated, what their organizations hold too; the rest is unused and unallocated',
    },
  },
  {
    defect: 'a type that is left out is not off',
    file: 'src/settings/render.ts',
    find: 'licenses?.[type] ?? { minimum: 0, maximum: 0 }',
    replace: 'licenses?.[type] ?? { minimum: 0, maximum: 1 }',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'rendering > has the three forms, with all six types, and they agree',
    },
  },
  {
    defect: 'the properties have no line end',
    file: 'src/settings/render.ts',
    find: "`${properties.join('\\n')}\\n`",
    replace: "properties.join('\\n')",
    caughtBy: { file: 'test/unit/settings.test.ts', test: 'rendering > gives the bytes that dialers were promised' },
  },
  {
    defect: 'the names of the environment keys are not in capitals',
    file: 'src/settings/render.ts',
    find: '`${prefix}_${field.toUpperCase()}`',
    replace: '`${prefix}_${field}`',
    caughtBy: {
      file: 'test/unit/settings.test.ts',
      test: 'rendering > has the three forms, with all six types, and they agree',
    },
  },
  {
    defect: 'managedFields of the status are taken for those of the spec',
    file: 'src/settings/hidden.ts',
    find: "if (!isObject(entry) || entry['subresource'] ||",
    replace: 'if (!isObject(entry) ||',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > a field that was pruned before we saw the spec is unknown all the same: its managedFields give it away',
    },
  },
  {
    defect: 'items of lists are not looked into',
    file: 'src/settings/hidden.ts',
    find: "key.startsWith('k:') && known.item",
    replace: "key.startsWith('K:') && known.item",
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > a field that was pruned before we saw the spec is unknown all the same: its managedFields give it away',
    },
  },
  {
    defect: 'the path of a hidden field has no index',
    file: 'src/settings/hidden.ts',
    find: 'path: `${path}[${i}]` };',
    replace: 'path: `${path}[]` };',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > a field that was pruned before we saw the spec is unknown all the same: its managedFields give it away',
    },
  },
  {
    defect: 'a known field that a rolled back CRD hides is not missed',
    file: 'src/settings/hidden.ts',
    find: 'isObject(value) && shown === undefined :',
    replace: 'false :',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > a field that this release knows, and that a CRD which was rolled back hides, is as unknown',
    },
  },
  {
    defect: 'a field that is null is taken for one that is hidden',
    file: 'src/settings/hidden.ts',
    find: 'isObject(value) && shown === undefined :',
    replace: 'isObject(value) && (shown ?? undefined) === undefined :',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > a field that this release knows, and that a CRD which was rolled back hides, is as unknown',
    },
  },
  {
    defect: 'an unknown field of an item that the spec does not show is not told',
    file: 'src/settings/hidden.ts',
    find: 'path: `${path}[name=${shownPath(JSON.stringify(name))}]` }',
    replace: 'path: `${path}[0]` }',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > of an item that the spec does not show no index can be given: it is named, as the API server names owners',
    },
  },
  {
    defect: 'a key of managedFields that is no JSON ends the list',
    file: 'src/settings/hidden.ts',
    find: `  } catch {
    return undefined;`,
    replace: `  } catch (error) {
    throw error;`,
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > of an item that the spec does not show no index can be given: it is named, as the API server names owners',
    },
  },
  {
    defect: 'a field of the prototype is taken for one of the spec',
    file: 'src/settings/hidden.ts',
    find: 'Object.hasOwn(value, name) ? value[name]',
    replace: 'name in value ? value[name]',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > names that every JavaScript object knows are fields like any other',
    },
  },
  {
    defect: 'any number of hidden fields is named',
    file: 'src/settings/hidden.ts',
    find: `    .slice(0, maxHidden)
`,
    replace: '',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > at most 64 are named, those that this release knows first, and each path is cut',
    },
  },
  {
    defect: 'hidden fields that this release knows are named last',
    file: 'src/settings/hidden.ts',
    find: '[...fields(found.known, true), ...fields(found.unknown, false)]',
    replace: '[...fields(found.unknown, false), ...fields(found.known, true)]',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > at most 64 are named, those that this release knows first, and each path is cut',
    },
  },
  {
    defect: 'the path of a hidden field is as long as somebody made it',
    file: 'src/settings/hidden.ts',
    find: 'shownText(path, maxPath)',
    replace: 'path',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > at most 64 are named, those that this release knows first, and each path is cut',
    },
  },
  {
    defect: 'a list of the spec is gone through for each item of managedFields',
    file: 'src/settings/hidden.ts',
    find: `  indexes.set(value, index);
`,
    replace: '',
    caughtBy: {
      file: 'test/unit/hidden.test.ts',
      test: 'hidden fields > the work is in proportion to what was written: twice as many names, twice the looks at the spec',
    },
  },
  {
    defect: 'a spec may nest as deep as it likes',
    file: 'src/settings/validate.ts',
    find: `  if (!isFlatterThan(settings.spec, maxDepth)) return { errors: [tooDeep] };
`,
    replace: '',
    caughtBy: {
      file: 'test/unit/paths.test.ts',
      test: 'errors of a spec > a spec that nests deeper than any settings is one mistake, and costs no stack',
    },
  },
  {
    defect: 'an error shows a value whole',
    file: 'src/settings/validate.ts',
    find: 'shownText(JSON.stringify(value) ?? String(value), maxValue)',
    replace: 'JSON.stringify(value) ?? String(value)',
    caughtBy: {
      file: 'test/unit/paths.test.ts',
      test: 'errors of a spec > what errors show of a spec is bounded, and steers no terminal',
    },
  },
  {
    defect: 'the field of an error is as long as somebody made it',
    file: 'src/settings/validate.ts',
    find: `  shownPath(
    path.reduce`,
    replace: `  String(
    path.reduce`,
    caughtBy: {
      file: 'test/unit/paths.test.ts',
      test: 'errors of a spec > what errors show of a spec is bounded, and steers no terminal',
    },
  },
  {
    defect: 'a part of the hash approves',
    file: 'src/settings/approval.ts',
    find: 'approvalIn(notes) === settingsHash',
    replace: 'approvalIn(notes).length >= 12 && settingsHash.startsWith(approvalIn(notes))',
    caughtBy: { file: 'test/unit/approval.test.ts', test: 'approval > any other value does nothing' },
  },
  {
    defect: 'spaces around an approval matter',
    file: 'src/settings/approval.ts',
    find: '.trim()',
    replace: '',
    caughtBy: {
      file: 'test/unit/approval.test.ts',
      test: 'approval > the whole hash approves; spaces around and case do not matter',
    },
  },
  {
    defect: 'the case of an approval matters',
    file: 'src/settings/approval.ts',
    find: '.toLowerCase()',
    replace: '',
    caughtBy: {
      file: 'test/unit/approval.test.ts',
      test: 'approval > the whole hash approves; spaces around and case do not matter',
    },
  },
  {
    defect: 'an approval of other settings is called unusable',
    file: 'src/settings/approval.ts',
    find: "approval === '' || /^[0-9a-f]{64}$/.test(approval)",
    replace: "approval === ''",
    caughtBy: {
      file: 'test/unit/approval.test.ts',
      test: 'approval > one that can approve nothing is named, cut and harmless, with the reason',
    },
  },
  {
    defect: 'an approval that is too short is called no hash',
    file: 'src/settings/approval.ts',
    find: '/^[0-9a-f]{1,63}$/',
    replace: '/^[0-9a-f]{13,63}$/',
    caughtBy: {
      file: 'test/unit/approval.test.ts',
      test: 'approval > one that can approve nothing is named, cut and harmless, with the reason',
    },
  },
  {
    defect: 'an approval that can approve nothing is shown whole',
    file: 'src/settings/approval.ts',
    find: 'shownText(approval, maxShown)',
    replace: 'approval',
    caughtBy: {
      file: 'test/unit/approval.test.ts',
      test: 'approval > one that can approve nothing is named, cut and harmless, with the reason',
    },
  },
  {
    defect: "a zone's stamp moves although the zone did not change",
    file: 'src/settings/configmap.ts',
    find: 'return Math.min(generation, since ?? generation);',
    replace: 'return generation;',
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > a zone that a plan did not touch keeps its stamp, and is left alone afterwards',
    },
  },
  {
    defect: 'Retain waits for the turn of a rollout',
    file: 'src/settings/plan.ts',
    find: "isOwnedBy(owner, view) === want.retained ? 'relabel' : 'rollout'",
    replace: "'rollout'",
    caughtBy: {
      file: 'test/unit/reconcile.test.ts',
      test: 'reconcile > Retain does not wait for the turn of a rollout, and the status of the generation is written',
    },
  },
  {
    defect: 'where the operator fails what is not judged is called valid',
    file: 'src/settings/status.ts',
    find: "isOfNow ? conditions.filter(({ type }) => type === 'Valid') : []",
    replace: "conditions.filter(({ type }) => type === 'Valid')",
    caughtBy: {
      file: 'test/unit/defect.test.ts',
      test: 'a defect of ours > the status says that the operator fails, once, keeps what is live, and heals with it',
    },
  },
  {
    defect: 'where the operator fails Ready stays as it was',
    file: 'src/settings/status.ts',
    find: "condition('Ready', 'False'),",
    replace: "...conditions.filter(({ type }) => type === 'Ready'),",
    caughtBy: {
      file: 'test/unit/defect.test.ts',
      test: 'a defect of ours > the status says that the operator fails, once, keeps what is live, and heals with it',
    },
  },
  {
    defect: 'where the operator fails what is live is forgotten',
    file: 'src/settings/status.ts',
    find: '...{ ...told, observedGeneration: generation },',
    replace: 'observedGeneration: generation,',
    caughtBy: {
      file: 'test/unit/defect.test.ts',
      test: 'a defect of ours > the status says that the operator fails, once, keeps what is live, and heals with it',
    },
  },
];
