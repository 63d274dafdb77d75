/** Findings as SARIF 2.1.0, which code review tools show beside the line. Pure. */
import { pathToFileURL } from 'node:url';
import type { Finding } from './check.ts';

/** What each reason is about, in one sentence. */
const rules: Readonly<Record<string, string>> = {
  Syntax: 'The text can be read as YAML or JSON.',
  MinimumAboveMaximum: 'The minimum of a license type is not above its maximum.',
  ZonesExceedMaximum: 'The zones together hold no more than the maximum.',
  OrganizationsExceedZone: 'The organizations of a zone together hold no more than the zone.',
  DuplicateName: 'No two zones, and no two organizations of a zone, share a name.',
  OutOfRange: 'Numbers are whole and within their bounds.',
  Required: 'Required fields are there.',
  InvalidName: 'Names have the form that Kubernetes and the operator need.',
  InvalidValue: 'Values are of the type, or one of the words, that the field takes.',
  TooMany: 'Lists are no longer than allowed.',
  UnknownField: 'Every field is one that this release knows.',
};

/**
 * A SARIF log with one run. Rules are all those that there are, so that a tool can show which were kept.
 * Source: SARIF 2.1.0, OASIS Standard, sections 3.13 to 3.30.
 */
export function sarif(findings: readonly Finding[], version: string): object {
  const ids = [...new Set([...Object.keys(rules), ...findings.map(({ reason }) => reason)])];
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'kubectl-license',
            version,
            rules: ids.map((id) => ({
              id,
              shortDescription: { text: rules[id] ?? id },
              defaultConfiguration: { level: 'error' },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map(({ source, position, field, reason, message }) => ({
          ruleId: reason,
          ruleIndex: ids.indexOf(reason),
          level: 'error',
          message: { text: field ? `${field} ${message}` : message },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(source) },
                region: { startLine: position.line, startColumn: position.column, endColumn: position.endColumn },
              },
              ...(field ? { logicalLocations: [{ fullyQualifiedName: field }] } : {}),
            },
          ],
        })),
      },
    ],
  };
}

/** Relative paths stay relative: tools resolve them against the checkout. */
function uriOf(source: string): string {
  if (source.startsWith('/')) return pathToFileURL(source).href;
  return source.replace(/^\.\//, '').split('/').map(encodeURIComponent).join('/');
}
