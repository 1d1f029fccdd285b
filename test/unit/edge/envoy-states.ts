/** States of an engine for tests of what Envoy is told. */
import * as fc from 'fast-check'
import type { EngineState } from '../../../src/edge/engines/engine.ts'
import { anyState } from './haproxy-states.ts'

/** Frontends and targets as nobody should send them, mostly right, of both protocols. */
export const anyEnvoyState: fc.Arbitrary<EngineState> = fc
  .tuple(anyState, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))
  .map(([{ frontends, groups }, datagrams]) => ({
    frontends: frontends.map((one, index) =>
      datagrams[index] === true
        ? { ...one, frontend: { ...one.frontend, protocol: 'UDP', hosts: [], proxyProtocol: 'off' } }
        : one,
    ),
    groups,
  }))
