/** All that strikes, by name. */
import type { Fault } from './fault.ts'
import { API_FAULTS } from './faults-api.ts'
import { EDGE_FAULTS } from './faults-edge.ts'
import { NETWORK_FAULTS } from './faults-network.ts'
import { OPERATOR_FAULTS } from './faults-operator.ts'
import { PROXY_FAULTS } from './faults-proxy.ts'

export const FAULTS: readonly Fault[] = [
  ...API_FAULTS,
  ...OPERATOR_FAULTS,
  ...EDGE_FAULTS,
  ...PROXY_FAULTS,
  ...NETWORK_FAULTS,
]

/** The faults with these names; none: all. */
export function chooseFaults(names: readonly string[]): readonly Fault[] {
  const unknown = names.find((name) => !FAULTS.some((fault) => fault.name === name))
  if (unknown !== undefined)
    throw new Error(`no fault "${unknown}"; there are: ${FAULTS.map(({ name }) => name).join(', ')}`)
  return FAULTS.filter(({ name }) => names.length === 0 || names.includes(name))
}
