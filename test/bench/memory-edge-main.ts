/** `fairway edge` with a proxy program that is nothing but memory: what is left is the edge's own work. Logs each state that the program has taken. */
import { createLog } from '../../src/cli/log.ts'
import { loadEdgeConfig } from '../../src/config/edge-config.ts'
import { startEdge } from '../../src/edge/edge.ts'
import type { Engine, EngineState } from '../../src/edge/engines/engine.ts'
import type { Machine } from '../../src/edge/obstacles.ts'
import { ALL_CAPABILITIES } from '../support/builders.ts'

/** Nothing is bound, so nothing is in the way. */
const EMPTY_MACHINE: Machine = {
  testBind: () => Promise.resolve(undefined),
  openSockets: () => Promise.resolve([]),
  programs: () => Promise.resolve(new Map()),
}

const log = createLog('info')
let taken: EngineState = { frontends: [], groups: new Map() }

/** Looks at nothing that it is given, unlike the one of the tests, which would take most of the time. */
const engine: Engine = {
  name: 'memory',
  version: '1',
  capabilities: ALL_CAPABILITIES,
  apply: (state) => {
    taken = state
    log.info({ frontends: state.frontends.length, at: Date.now() }, 'applied')
    return Promise.resolve({ refused: [], how: 'reload' })
  },
  listeners: () => Promise.resolve([]),
  bound: () =>
    Promise.resolve(
      taken.frontends.map(({ frontend: { protocol, port }, bindAddress }) => ({
        protocol,
        port,
        address: bindAddress,
      })),
    ),
  health: () => Promise.resolve([]),
  close: () => Promise.resolve(),
}

const config = await loadEdgeConfig(process.argv.at(-1) ?? '')
const edge = await startEdge({ config, engine, machine: EMPTY_MACHINE, version: 'bench', log })
process.on('SIGTERM', () => void edge.stop().then(() => process.exit()))
