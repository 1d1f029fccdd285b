import type { ServiceExplanation } from './explain.ts'
import type { NodeVerdict } from './explain-nodes.ts'
import { columns, type Line, line, paragraphs, type Row } from './lines.ts'
import { troubleLines } from './problems.ts'

/** The explanation for people: what is wrong first. */
export function explainLines(explanation: ServiceExplanation): readonly Line[] {
  const { service, class: className, why, problems, notes } = explanation
  const head =
    className === undefined
      ? [line(`Service ${service} is not served by Fairway`, 'title'), line(`  ${why}.`)]
      : [line(`Service ${service}`, 'title'), line(`  class ${className}: ${why}`)]
  return paragraphs(
    head,
    troubleLines(problems),
    addressLines(explanation),
    portLines(explanation),
    nodeLines(explanation.nodes),
    proxyLines(explanation),
    notes.map((note) => line(`Note: ${note}.`, 'faint')),
  )
}

function addressLines({ addresses, class: className }: ServiceExplanation): readonly Line[] {
  if (className === undefined) return []
  if (addresses.length === 0) return [line('Addresses', 'title'), line('  none: see the problems above', 'bad')]
  const rows = addresses.map(
    ({ address, pool, why, sharedWith }): Row => ({
      cells: [address, pool ?? 'no pool', why, sharedWith.slice(0, 3).join(',') || '-'],
    }),
  )
  return [line('Addresses', 'title'), ...columns(['ADDRESS', 'POOL', 'WHY', 'SHARED WITH'], rows, '  ')]
}

function portLines({ ports }: ServiceExplanation): readonly Line[] {
  if (ports.length === 0) return []
  const rows = ports.map(
    ({ port, given, leadsTo, nodePort, pods }): Row => ({
      cells: [port, given ? 'yes' : 'no', leadsTo === 'nodes' ? `node port ${nodePort}` : `${pods.length} pods`],
      tone: given ? 'plain' : 'bad',
    }),
  )
  return [line('Ports', 'title'), ...columns(['PORT', 'GIVEN', 'LEADS TO'], rows, '  ')]
}

function nodeLines(nodes: readonly NodeVerdict[]): readonly Line[] {
  if (nodes.length === 0) return []
  const rows = nodes.map(
    ({ node, takesTraffic, address, why, remedy }): Row => ({
      cells: [node, takesTraffic ? 'in' : 'out', address ?? '-', remedy === undefined ? why : `${why} → ${remedy}`],
      tone: takesTraffic ? 'plain' : 'warn',
    }),
  )
  return [line('Nodes', 'title'), ...columns(['NODE', 'TRAFFIC', 'ADDRESS', 'WHY'], rows, '  ')]
}

function proxyLines({ proxies, since }: ServiceExplanation): readonly Line[] {
  if (proxies.length === 0) return []
  const rows = proxies.map(
    ({ name, serving, frontends, endpoint }): Row => ({
      cells: [name, serving, frontends.join(' '), endpoint],
      tone: serving === 'yes' || serving === 'outdated' ? 'plain' : 'warn',
    }),
  )
  return [
    line('Proxies', 'title'),
    ...columns(['PROXY', 'SERVES', 'FRONTENDS', 'ENDPOINT'], rows, '  '),
    line(
      since === undefined
        ? '  The operator does not say that it is served.'
        : `  The operator says that it is served since ${since}.`,
    ),
  ]
}
