/** States of an engine for tests of what nginx is told: those of HAProxy's, with UDP among them. */
import * as fc from 'fast-check'
import type { BoundFrontend, EngineState } from '../../../src/edge/engines/engine.ts'
import { hostsOverlap } from '../../../src/model/hosts.ts'
import { socketKey } from '../../../src/model/table.ts'
import { anyState } from './haproxy-states.ts'

/** Frontends and targets as nobody should send them, mostly right. */
export const anyNginxState: fc.Arbitrary<EngineState> = fc
  .tuple(anyState, fc.array(fc.constantFrom('TCP' as const, 'UDP' as const), { minLength: 4, maxLength: 4 }))
  .map(([state, protocols]) => ({
    ...state,
    frontends: state.frontends.map((one, index) => {
      const protocol = protocols[index] ?? 'TCP'
      const hosts = protocol === 'UDP' ? [] : one.frontend.hosts
      const healthCheck = index < 3 ? undefined : one.frontend.healthCheck
      return { ...one, frontend: { ...one.frontend, protocol, hosts, healthCheck } }
    }),
  }))

/** A state without frontends that are in each other's way: such as the edge never has. */
export function tellApart({ frontends, groups }: EngineState): EngineState {
  const kept: BoundFrontend[] = []
  for (const one of frontends) {
    const isInTheWay = (other: BoundFrontend) =>
      socketKey(other.frontend) === socketKey(one.frontend) && hostsOverlap(other.frontend.hosts, one.frontend.hosts)
    if (!kept.some(isInTheWay)) kept.push(one)
  }
  return { frontends: kept, groups }
}
