/**
 * Traffic through a Caddy whose configuration changes all the time, in a network namespace of its own: `node caddy-drops-main.ts CHANGES`. Prints what it has
 * seen as JSON. Connections are told apart that are open all along, and those that are made meanwhile.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCaddyEngine } from '../../src/edge/engines/caddy.ts'
import type { EngineState } from '../../src/edge/engines/engine.ts'
import type { Frontend, Target } from '../../src/model/table.ts'
import { makeCaddy } from '../edge-lab/caddy.ts'
import { freePort } from '../lab/free-port.ts'
import { frontend } from '../support/builders.ts'
import { type LongTransfer, startLongTransfer } from './clients.ts'
import { bind, idOf, stateOf } from './engine-suite-world.ts'
import { type Load, startLoad } from './load.ts'
import { local } from './net.ts'

export interface DropsReport {
  readonly changes: number
  /** Of Caddy, for each change. */
  readonly applyMs: number
  /** Connections that were open all along, and how many of them ended early. */
  readonly established: number
  readonly ended: number
  /** Connections that were made meanwhile, and how many of them failed. */
  readonly asked: number
  readonly failed: number
  readonly wrong: number
  /** Datagrams of one flow, those that were not answered, and under how many addresses of Caddy's its target saw it. */
  readonly datagrams: number
  readonly lost: number
  readonly flows: number
  readonly texts: readonly string[]
}

const ESTABLISHED = 50
const PER_SECOND = 200
const UNTOUCHED = 10
const PAUSE_MS = 50
const DATAGRAM_EVERY_MS = 20

const changes = Number(process.argv[2])
const over = new AbortController()
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const unit = await makeCaddy()
let load: Load | undefined
try {
  await unit.start()
  const { binary, savedFile, socketPath } = unit
  const options = { admin: { url: 'http://localhost', socketPath }, binary, savedFile, minReloadIntervalMs: 0, log }
  const engine = await createCaddyEngine(options, over.signal)
  const targets = ['a', 'b', 'c'].map((name, index) => ({ name, address: local(21 + index) }))
  const targetPort = await freePort(...targets.map(({ address }) => address))
  const make = async () =>
    frontend({ address: local(1), port: await freePort(local(1)), targetPort, group: 'steady', healthCheck: undefined })
  const untouched = await Promise.all(Array.from({ length: UNTOUCHED }, make))
  const udp = await startFlow(await make(), { name: 'u', address: local(24) }, targetPort)
  const stateFor = (nodes: readonly Target[], ...others: readonly Frontend[]): EngineState => {
    const groups = { steady: targets.slice(0, 1), nodes, udp: [udp.target] }
    const state = stateOf(groups, ...untouched, ...others, udp.frontend)
    const frontends = state.frontends.filter(({ frontend: { protocol } }) => protocol === 'TCP')
    return { ...state, frontends: [...frontends, { ...bind(udp.frontend), id: `${idOf(udp.frontend)}.udp` }] }
  }
  await engine.apply(stateFor([]), over.signal)
  load = await startLoad({
    targets: targets.map((target) => ({ ...target, port: targetPort })),
    frontends: untouched.map(({ address, port }) => ({ address, port, names: ['a'] })),
    transfers: 0,
    perSecond: PER_SECOND,
  })
  const transfers = await Promise.all(
    Array.from({ length: ESTABLISHED }, (_, index) =>
      startLongTransfer(untouched[index % UNTOUCHED] ?? udp.frontend, over.signal),
    ),
  )
  load.begin()
  udp.begin()
  let spentMs = 0
  for (let change = 0; change < changes; change++) {
    const nodes = targets.slice(0, 1 + (change % 3))
    const others = change % 2 === 0 ? [{ ...(await make()), group: 'nodes' }] : []
    const began = performance.now()
    const { refused } = await engine.apply(stateFor(nodes, ...others), over.signal)
    spentMs += performance.now() - began
    if (refused.length > 0) throw new Error(JSON.stringify(refused))
    await sleep(PAUSE_MS)
  }
  // Before their targets end with the load.
  const ended = await countEnded(transfers)
  const { asked, refused, reset, late, wrong, texts } = await load.end()
  const report: DropsReport = {
    changes,
    applyMs: Math.round(spentMs / changes),
    established: transfers.length,
    ended,
    asked,
    failed: refused + reset + late,
    wrong,
    ...(await udp.end()),
    texts,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  await engine.close()
} finally {
  over.abort()
  load?.kill()
  await unit.close()
}
process.exit(0)

async function countEnded(transfers: readonly LongTransfer[]): Promise<number> {
  const outcomes = await Promise.allSettled(transfers.map((transfer) => transfer.finish()))
  return outcomes.filter(({ status }) => status === 'rejected').length
}

/** One client of a UDP frontend, and its target, which sends each datagram back. */
async function startFlow(one: Frontend, target: Target, targetPort: number) {
  const seen = new Set<string>()
  const [server, client] = [createSocket('udp4'), createSocket('udp4')]
  server.on('message', (message, from) => {
    seen.add(`${from.address}:${from.port}`)
    server.send(message, from.port, from.address)
  })
  server.bind(targetPort, target.address)
  await once(server, 'listening')
  const udpFrontend: Frontend = { ...one, protocol: 'UDP', group: 'udp' }
  let [sent, answered] = [0, 0]
  let timer: NodeJS.Timeout | undefined
  client.on('message', () => answered++).on('error', () => {})
  client.connect(udpFrontend.port, udpFrontend.address)
  await once(client, 'connect')
  return {
    target,
    frontend: udpFrontend,
    begin: () => {
      timer = setInterval(() => client.send(`${sent++}`), DATAGRAM_EVERY_MS)
    },
    end: async () => {
      clearInterval(timer)
      await sleep(500)
      server.close()
      client.close()
      return { datagrams: sent, lost: sent - answered, flows: seen.size }
    },
  }
}
