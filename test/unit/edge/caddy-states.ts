/** States of an engine for tests of what Caddy is told. */
import type * as fc from 'fast-check'
import type { BoundFrontend, EngineState } from '../../../src/edge/engines/engine.ts'
import type { HealthCheck } from '../../../src/model/table.ts'
import { anyState } from './haproxy-states.ts'

/** The only check that Caddy has, at the pace that can be set. */
export const TCP_CHECK: HealthCheck = {
  kind: 'tcp',
  port: undefined,
  intervalMs: 10_000,
  timeoutMs: 500,
  rise: 2,
  fall: 3,
  derived: false,
}

/** Frontends and targets as nobody should send them, mostly right, without what Caddy refuses anyway. */
export const anyCaddyState: fc.Arbitrary<EngineState> = anyState.map((state) => ({
  ...state,
  frontends: state.frontends.map(withoutLacks),
}))

function withoutLacks(bound: BoundFrontend): BoundFrontend {
  const { balance, healthCheck, ...rest } = bound.frontend
  const frontend = {
    ...rest,
    balance: balance === 'least-connections' ? 'random' : balance,
    healthCheck: healthCheck?.kind === 'tcp' ? { ...healthCheck, port: undefined, rise: 2, fall: 3 } : undefined,
    affinityMs: undefined,
    maxConnections: undefined,
    idleTimeoutMs: undefined,
  }
  return { ...bound, frontend }
}
