/**
 * The table of the six license types: everything that is literal about a type stands in its row.
 * The order is the order of columns, properties and error messages.
 */
export const licenseTypes = [
  {
    key: 'externalSelection',
    env: 'EXTERNAL_SELECTION',
    title: 'External Selection',
    description: 'Contacts that an external system selects for the dialer.',
  },
  {
    key: 'manualAgents',
    env: 'MANUAL_AGENTS',
    title: 'Manual Agents',
    description:
      'Agents reserved for manual campaigns: a license is taken when an agent attaches to one, and released when the agent logs out or detaches.',
  },
  {
    key: 'outboundPorts',
    env: 'OUTBOUND_PORTS',
    title: 'Maximum Outbound Ports',
    description: 'Ports on which outbound calls may be under way at the same time.',
  },
  {
    key: 'predictiveAgents',
    env: 'PREDICTIVE_AGENTS',
    title: 'Predictive Agents',
    description: 'Agents of predictive campaigns, for whom the dialer calls ahead.',
  },
  {
    key: 'previewAgents',
    env: 'PREVIEW_AGENTS',
    title: 'Preview Agents',
    description: 'Agents of preview campaigns, who see a contact before it is called.',
  },
  {
    key: 'agentWebAPIService',
    env: 'AGENT_WEB_API_SERVICE',
    title: 'Agent Web API Service',
    description: 'Agent sessions through the web API.',
  },
] as const;

/** The field name of a license type, in specs, status and rendered data. */
export type LicenseType = (typeof licenseTypes)[number]['key'];

/** A value for each of the six types, in the order of the table. */
export function perType<T>(value: (type: LicenseType) => T): Record<LicenseType, T> {
  return Object.fromEntries(licenseTypes.map(({ key }) => [key, value(key)])) as Record<LicenseType, T>;
}
