import { fixedSettings } from '../desired/fixed.ts'
import { hostsOverlap } from '../model/hosts.ts'
import { compareText, makeTable, socketKey, type Table } from '../model/table.ts'
import type { EdgeFrontend } from './edge-schema.ts'
import type { ConfigIssue } from './issue.ts'

/** A frontend of the edge's own configuration, with its targets. */
export function edgeTable(frontend: EdgeFrontend): Table {
  const { address, port, protocol, targetPort = port, targets, sourceRanges, settings } = frontend
  const addresses = [...new Set(targets)].toSorted(compareText)
  const group = { id: 'targets', targets: addresses.map((one) => ({ name: '', address: one })) }
  const served = {
    address,
    port,
    protocol,
    group: group.id,
    targetPort,
    ...fixedSettings(settings, protocol),
    sourceRanges: [...new Set(sourceRanges)].toSorted(compareText),
    service: undefined,
  }
  return makeTable([served], [group])
}

/** Two frontends that want the same clients: on one socket, and not told apart by their hosts. */
export function checkEdgeSockets(frontends: readonly EdgeFrontend[], path: ConfigIssue['path']): ConfigIssue[] {
  return frontends.flatMap((frontend, index) => {
    const holder = frontends.slice(0, index).find((one) => isRival(one, frontend))
    const message = `${socketKey(frontend)} is taken by frontend "${holder?.name}"`
    return holder === undefined ? [] : [{ path: [...path, index, 'port'], message }]
  })
}

function isRival(a: EdgeFrontend, b: EdgeFrontend): boolean {
  return socketKey(a) === socketKey(b) && hostsOverlap(hostsOf(a), hostsOf(b))
}

function hostsOf({ settings, protocol }: EdgeFrontend): readonly string[] {
  return fixedSettings(settings, protocol).hosts
}
