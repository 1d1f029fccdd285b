/** A real `fairway edge` with a real proxy program behind it, driven as the operator drives them. */
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEdgeClient } from '../../src/drivers/edge/client.ts'
import type { EdgeOptions } from '../../src/drivers/edge/options.ts'
import { tablePath } from '../../src/drivers/edge/read.ts'
import { createEdgeDriver } from '../../src/drivers/edge.ts'
import { readListeners } from '../../src/haproxy/listeners.ts'
import { hostPort } from '../../src/model/address.ts'
import type { Driver } from '../../src/model/driver.ts'
import { tableAnswerSchema } from '../../src/model/edge-wire.ts'
import { frontendKey } from '../../src/model/table.ts'
import { type EdgeUnit, type EdgeWishes, makeEdge } from '../edge-lab/edge.ts'
import { type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import type { PairUnit, ProxyUnit } from '../edge-lab/unit.ts'
import type { DriverSettings, Endpoint, Harness } from './harness.ts'
import { listeningSockets } from './sockets.ts'
import { PROD } from './tables.ts'

/** An edge with its program, driven as the operator drives them. */
export interface EdgeSite<Unit extends ProxyUnit | PairUnit> {
  readonly edge: EdgeUnit<Unit>
  readonly driver: (settings?: Partial<DriverSettings & EdgeOptions>) => Driver
  /** What a driver is made with, for an owner. */
  readonly options: (settings?: Partial<EdgeOptions>) => EdgeOptions
  readonly close: () => Promise<void>
}

export type EdgeHarness = Omit<Harness, keyof EdgeSite<HaproxyUnit>> & EdgeSite<HaproxyUnit>

/** Starts both in folders of their own and waits until the edge is ready. */
export async function startSite<Unit extends ProxyUnit | PairUnit>(wishes: EdgeWishes<Unit>): Promise<EdgeSite<Unit>> {
  const edge = await makeEdge(wishes)
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

  async function close(): Promise<void> {
    await Promise.all(drivers.map((one) => one.close()))
    await edge.close()
  }

  try {
    await edge.start()
  } catch (error) {
    await close()
    throw error
  }
  return { edge, options, driver, close }
}

/** The same with an HAProxy, and all that the contract of drivers asks of a proxy. */
export async function startEdge(wishes: Omit<EdgeWishes, 'proxy' | 'program'>): Promise<EdgeHarness> {
  const site = await startSite({ ...wishes, proxy: await makeHaproxy() })
  const { edge, options, driver } = site
  return {
    ...site,
    driverBound: async (publish) => {
      await edge.configure({ publish, addresses: ['127.0.0.0/8', '::1', ...Object.keys(publish)] })
      await edge.end('SIGTERM')
      await edge.start()
      return driver()
    },
    ...describeSockets(edge),
    ...createHands(edge, options),
    kill: async () => {
      await Promise.all([edge.end('SIGKILL'), edge.proxy.kill()])
    },
    restart: async () => {
      await edge.proxy.start()
      await edge.start()
    },
  }
}

function describeSockets({ proxy, log }: EdgeUnit<HaproxyUnit>) {
  return {
    openSockets: async () => listeningSockets(...(await proxy.pids())),
    async configuredSockets(): Promise<readonly string[]> {
      const paths = [proxy.adminFile, proxy.configFile]
      const found = await Promise.all(paths.map(async (path) => readListeners(await readFile(path, 'utf8'))))
      return found.flatMap((all) => all.map((one) => `tcp ${hostPort(one.address, one.firstPort)}`)).toSorted()
    },
    async writes(): Promise<number> {
      // A line reaches the file some time after the answer.
      await sleep(50)
      return (await log()).split('\n').filter((line) => /"method":"(PUT|PATCH|DELETE)"/.test(line)).length
    },
  }
}

/** What people do by hand. */
function createHands({ proxy }: EdgeUnit<HaproxyUnit>, options: EdgeHarness['options']) {
  return {
    async addForeign(from: Endpoint, to: Endpoint): Promise<void> {
      const lines = [`bind ${hostPort(from.address, from.port)}`, `server mine ${hostPort(to.address, to.port)}`]
      await appendFile(proxy.adminFile, `\nlisten mine.${from.port}\n  ${lines.join('\n  ')}\n`)
      const { worker } = await proxy.running()
      await proxy.master.reload(AbortSignal.timeout(5_000))
      while ((await proxy.running()).worker === worker) await sleep(20)
    },
    foreignText: () => readFile(proxy.adminFile, 'utf8'),
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
      const before = await readFile(proxy.adminFile, 'utf8')
      await appendFile(proxy.adminFile, '  nonsense\n')
      return () => writeFile(proxy.adminFile, before)
    },
  }
}
