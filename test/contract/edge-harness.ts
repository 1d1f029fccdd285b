/** A real `fairway edge` with a real HAProxy behind it, driven as the operator drives them. */
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEdgeClient } from '../../src/drivers/edge/client.ts'
import type { EdgeOptions } from '../../src/drivers/edge/options.ts'
import { tablePath } from '../../src/drivers/edge/read.ts'
import { createEdgeDriver } from '../../src/drivers/edge.ts'
import { readListeners } from '../../src/edge/engines/haproxy/listeners.ts'
import { hostPort } from '../../src/model/address.ts'
import type { Driver } from '../../src/model/driver.ts'
import { tableAnswerSchema } from '../../src/model/edge-wire.ts'
import { frontendKey } from '../../src/model/table.ts'
import { type EdgeUnit, type EdgeWishes, makeEdge } from '../edge-lab/edge.ts'
import type { DriverSettings, Endpoint, Harness } from './harness.ts'
import { listeningSockets } from './sockets.ts'
import { PROD } from './tables.ts'

/** Timeouts that would be noticed if they reached our sections. */
export const ADMIN = `global
  maxconn 4000

defaults
  mode tcp
  timeout client 1m
  timeout server 1m
  timeout connect 5s
`

export interface EdgeHarness extends Harness {
  readonly edge: EdgeUnit
  driver(settings?: Partial<DriverSettings & EdgeOptions>): Driver
  /** What a driver is made with, for an owner. */
  options(settings?: Partial<EdgeOptions>): EdgeOptions
}

/** Starts both in folders of their own and waits until the edge is ready. */
export async function startEdge({ address, config }: Pick<EdgeWishes, 'address' | 'config'>): Promise<EdgeHarness> {
  const edge = await makeEdge({ address, admin: ADMIN, ...(config === undefined ? {} : { config }) })
  const drivers: Driver[] = []

  function options(settings: Partial<EdgeOptions> = {}): EdgeOptions {
    const { owner = PROD } = settings
    const log = { debug: () => {}, info: () => {}, warn: () => {} }
    const tokenFile = edge.tokenFile(`${owner.cluster}/*`)
    const access = { proxy: 'edge-1', url: edge.url, tls: { caFile: edge.caFile }, tokenFile, timeoutMs: 10_000 }
    return { ...access, owner, epoch: 1, log, ...settings }
  }

  function driver(settings: Partial<DriverSettings & EdgeOptions> = {}): Driver {
    const created = createEdgeDriver(options(settings))
    drivers.push(created)
    return created
  }

  const harness: EdgeHarness = {
    edge,
    options,
    driver,
    driverBound: async (publish) => {
      await edge.configure({ publish, addresses: ['127.0.0.0/8', '::1', ...Object.keys(publish)] })
      await edge.end('SIGTERM')
      await edge.start()
      return driver()
    },
    ...describeSockets(edge),
    ...createHands(edge, options),
    kill: async () => {
      await Promise.all([edge.end('SIGKILL'), edge.haproxy.kill()])
    },
    restart: async () => {
      await edge.haproxy.start()
      await edge.start()
    },
    close: async () => {
      await Promise.all(drivers.map((one) => one.close()))
      await edge.close()
    },
  }
  try {
    await edge.start()
  } catch (error) {
    await harness.close()
    throw error
  }
  return harness
}

function describeSockets({ haproxy, log }: EdgeUnit) {
  return {
    openSockets: async () => listeningSockets(...(await haproxy.pids())),
    async configuredSockets(): Promise<readonly string[]> {
      const paths = [haproxy.adminFile, haproxy.configFile]
      const found = await Promise.all(paths.map(async (path) => readListeners(path, await readFile(path, 'utf8'))))
      return found.flatMap((all) => all.map((one) => `tcp ${hostPort(one.address, one.firstPort)}`)).toSorted()
    },
    writes: async () => (await log()).split('\n').filter((line) => /"method":"(PUT|PATCH|DELETE)"/.test(line)).length,
  }
}

/** What people do by hand. */
function createHands({ haproxy }: EdgeUnit, options: EdgeHarness['options']) {
  return {
    async addForeign(from: Endpoint, to: Endpoint): Promise<void> {
      const lines = [`bind ${hostPort(from.address, from.port)}`, `server mine ${hostPort(to.address, to.port)}`]
      await appendFile(haproxy.adminFile, `\nlisten mine.${from.port}\n  ${lines.join('\n  ')}\n`)
      const { worker } = await haproxy.running()
      await haproxy.master.reload(AbortSignal.timeout(5_000))
      while ((await haproxy.running()).worker === worker) await sleep(20)
    },
    foreignText: () => readFile(haproxy.adminFile, 'utf8'),
    /** Through the API, as somebody would with the same token. */
    async edit(key: string, to: Endpoint): Promise<void> {
      const client = createEdgeClient(options())
      const signal = AbortSignal.timeout(10_000)
      const { generation, table } = tableAnswerSchema.parse(
        JSON.parse((await client.get(tablePath(PROD), signal)).body),
      )
      const one = table?.frontends.find((frontend) => frontendKey(frontend) === key)
      if (one === undefined) throw new Error(`no frontend ${key}`)
      const group = { id: 'by hand', targets: [{ name: '', address: to.address }] }
      const frontends = { set: [{ ...one, group: group.id, targetPort: to.port }] }
      const body = { uid: PROD.uid, epoch: 0, frontends, groups: { set: [group] } }
      const answer = await client.write('PATCH', tablePath(PROD), generation, body, signal)
      await client.close()
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
    },
    async rejectAll(): Promise<() => Promise<void>> {
      const before = await readFile(haproxy.adminFile, 'utf8')
      await appendFile(haproxy.adminFile, '  nonsense\n')
      return () => writeFile(haproxy.adminFile, before)
    },
  }
}
