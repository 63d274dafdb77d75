/** What programs read of the plugin: JSON and YAML, in which words of others steer no terminal. Pure. */
import { Document, visit } from 'yaml';
import { escaped, isSteering } from '../api/text.ts';

/** As JSON, with a line feed at its end. */
export const json = (value: unknown): string => escaped(`${JSON.stringify(value, null, 2)}\n`);

/** As YAML. A text of others that has to be escaped stands in double quotes, where YAML has the escapes of JSON. */
export function yaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false, version: '1.1' });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && isSteering(node.value.replaceAll('\n', ''))) node.type = 'QUOTE_DOUBLE';
    },
  });
  return escaped(document.toString({ lineWidth: 0 }));
}

/** What `-o` asks for. */
export const structured = (value: unknown, output: string): string => (output === 'json' ? json(value) : yaml(value));
