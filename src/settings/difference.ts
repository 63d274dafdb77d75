/** What the API server made of a ConfigMap that we sent, where it is something else: admission may change it on its way. */
import { annotations, labels } from '../api/names.ts';
import { shownText } from '../api/text.ts';

type Texts = Readonly<Record<string, string>> | undefined;
/** A ConfigMap on the wire, as far as it is compared. */
export type Wire = {
  readonly metadata: {
    readonly labels?: Texts;
    readonly annotations?: Texts;
    readonly ownerReferences?: readonly { readonly uid: string; readonly controller?: boolean | undefined }[];
  };
  readonly data?: Texts;
  readonly binaryData?: Texts;
  readonly immutable?: boolean;
};

/** Longest key that is named, in bytes. */
const maxKey = 128;

/**
 * The first difference in what is ours to set, in words; undefined: it is as it was sent. Labels, annotations and owner
 * references of others are theirs.
 */
export function differenceOf(sent: Wire, answer: Wire): string | undefined {
  const [before, after] = [sent.metadata, answer.metadata];
  return (
    keyDifference(sent.data, answer.data, 'of the data') ??
    keyDifference(sent.binaryData, answer.binaryData, 'of the binaryData') ??
    (sent.immutable === true || answer.immutable !== true ? undefined : 'it was made immutable') ??
    oursDifference(before.labels, after.labels, Object.values(labels), 'label') ??
    oursDifference(before.annotations, after.annotations, Object.values(annotations), 'annotation') ??
    (controllerIn(before) === controllerIn(after) ? undefined : 'the owner reference was changed')
  );
}

function keyDifference(sent: Texts = {}, answer: Texts = {}, where: string): string | undefined {
  const keys = [...new Set([...Object.keys(sent), ...Object.keys(answer)])].sort();
  const key = keys.find((one) => textAt(sent, one) !== textAt(answer, one));
  if (key === undefined) return undefined;
  const [had, has] = [textAt(sent, key) !== undefined, textAt(answer, key) !== undefined];
  return `the key ${shownText(key, maxKey)} ${where} was ${had && has ? 'changed' : has ? 'added' : 'taken away'}`;
}

function oursDifference(sent: Texts = {}, answer: Texts = {}, keys: readonly string[], what: string) {
  const key = keys.find((one) => textAt(sent, one) !== textAt(answer, one));
  return key === undefined ? undefined : `the ${what} ${key} was changed`;
}

const textAt = (texts: NonNullable<Texts>, key: string): string | undefined =>
  Object.hasOwn(texts, key) ? texts[key] : undefined;

const controllerIn = ({ ownerReferences = [] }: Wire['metadata']): string | undefined =>
  ownerReferences.find(({ controller }) => controller === true)?.uid;
