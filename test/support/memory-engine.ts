import assert from 'node:assert/strict'
import type { Engine, EngineApplied, EngineRefusal, EngineState, TargetHealth } from '../../src/edge/engines/engine.ts'
import { createHoldings, type Holding, type Socket, socketText } from '../../src/edge/sockets.ts'
import type { Capabilities, Listener } from '../../src/model/driver.ts'
import { FairwayError, type Problem } from '../../src/model/problems.ts'
import { ALL_CAPABILITIES } from './builders.ts'

export const NOTHING: EngineState = { frontends: [], groups: new Map() }

/** A proxy program in memory, with switches for what can go wrong. It insists on what the interface promises an engine. */
export interface MemoryEngine {
  engine: Engine
  /** What it serves. */
  state: EngineState
  applies: number
  /** Thrown by the next calls, as long as it is set. */
  broken: Problem | undefined
  /** Whether a state fails as a whole. */
  chokes: (state: EngineState) => boolean
  /** By id. */
  refuses: ReadonlyMap<string, Problem>
  listeners: readonly Listener[]
  /** Awaited in the middle of each call. */
  during: (signal: AbortSignal) => Promise<void>
}

export function createMemoryEngine(capabilities: Capabilities = ALL_CAPABILITIES): MemoryEngine {
  let busy = false
  const turn = async <T>(signal: AbortSignal, work: () => T): Promise<T> => {
    assert.equal(busy, false, 'two calls overlap')
    busy = true
    try {
      if (memory.broken !== undefined) throw new FairwayError(memory.broken)
      await memory.during(signal)
      signal.throwIfAborted()
      return work()
    } finally {
      busy = false
    }
  }
  const memory: MemoryEngine = {
    state: NOTHING,
    applies: 0,
    broken: undefined,
    chokes: () => false,
    refuses: new Map(),
    listeners: [],
    during: async () => {},
    engine: {
      name: 'memory',
      version: '1.0',
      capabilities,
      apply: (state, signal) => turn(signal, () => applyState(memory, state)),
      listeners: (signal) => turn(signal, () => memory.listeners),
      bound: (signal) => turn(signal, () => boundBy(memory.state)),
      health: (signal) => turn(signal, () => healthOf(memory.state)),
      close: async () => {},
    },
  }
  return memory
}

function applyState(memory: MemoryEngine, state: EngineState): EngineApplied {
  checkState(state)
  memory.applies++
  if (memory.chokes(state)) {
    throw new FairwayError({
      code: 'ProxyRejected',
      kind: 'terminal',
      message: `memory chokes on ${state.frontends.map(({ id }) => id).join(', ')}`,
      remedy: 'Send something else',
    })
  }
  const refused: EngineRefusal[] = state.frontends.flatMap(({ id }) => {
    const problem = memory.refuses.get(id)
    return problem === undefined ? [] : [{ id, problem }]
  })
  const ids = new Set(refused.map(({ id }) => id))
  const next = { ...state, frontends: state.frontends.filter(({ id }) => !ids.has(id)) }
  const how = textOf(next) === textOf(memory.state) ? 'nothing' : 'reload'
  memory.state = next
  return { refused, how }
}

/** A state as text: equal texts are equal states. */
export function textOf({ frontends, groups }: EngineState): string {
  return JSON.stringify([frontends, [...groups]])
}

/** What EngineState promises. */
export function checkState({ frontends, groups }: EngineState): void {
  const ids = frontends.map(({ id }) => id)
  assert.deepEqual(ids, [...new Set(ids)].toSorted(), 'ids are sorted and there once')
  const holdings = createHoldings<Holding>()
  for (const { id, frontend, bindAddress } of frontends) {
    assert.match(id, /^[a-z0-9._-]+$/)
    const targets = groups.get(frontend.group)?.targets
    assert.ok(targets !== undefined, `${id} has a group`)
    const addresses = targets.map(({ address }) => address)
    assert.deepEqual(addresses, addresses.toSorted(), 'targets are sorted')
    const socket: Socket = { protocol: frontend.protocol, port: frontend.port, address: bindAddress }
    const [cluster = '', className = ''] = id.split('.')
    const holder = cluster === '_fixed' ? cluster : `${cluster}/${className}`
    const holding = { holder, socket, hosts: frontend.hosts }
    assert.equal(holdings.findRival(holding), undefined, `nothing is in the way of ${id}`)
    holdings.add(holding)
  }
}

function boundBy({ frontends }: EngineState): readonly Socket[] {
  const sockets = frontends.map(({ frontend: { protocol, port }, bindAddress }) => {
    return { protocol, port, address: bindAddress }
  })
  return [...new Map(sockets.map((one) => [socketText(one), one])).values()]
}

function healthOf({ frontends, groups }: EngineState): readonly TargetHealth[] {
  return frontends.flatMap(({ id, frontend }) =>
    (groups.get(frontend.group)?.targets ?? []).map(({ address, port }) => {
      return { id, address, port: port ?? frontend.targetPort, state: 'up' as const }
    }),
  )
}
