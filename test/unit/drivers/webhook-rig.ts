// A hook in memory behind real HTTP, and the driver that calls it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WebhookOptions } from '../../../src/drivers/webhook/options.ts'
import { createWebhookDriver } from '../../../src/drivers/webhook.ts'
import type { Driver } from '../../../src/model/driver.ts'
import type { Table } from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'

export const OPTIONS: WebhookOptions = {
  proxy: 'vm-1',
  url: 'http://127.0.0.1:1/hooks/update-haproxy',
  tls: {},
  tokenFile: '',
  header: 'X-Funkypenguin-Token',
  sendProxy: 'v1',
  resendMs: 600_000,
  spacingMs: 0,
  owner: { cluster: 'prod', className: 'public' },
  declares: (address) => address === '203.0.113.10',
  timeoutMs: 2_000,
  log: { debug: () => {}, info: () => {}, warn: () => {} },
}

export interface Rig {
  /** `add 443 -> 10.0.0.1:30443` and `delete 443`, as they came. */
  readonly calls: string[]
  /** The bodies of calls. */
  readonly bodies: Record<string, string>[]
  /** Headers of the last call. */
  readonly headers: Readonly<Record<string, unknown>>
  /** What a call is answered with; by default 200 and nothing. */
  answer: (body: Record<string, string>) => { readonly status: number; readonly text: string; readonly type?: string }
  /** Most calls that were in hand at one moment. */
  readonly most: number
  driver(options?: Partial<WebhookOptions>): Driver
  readonly tokenFile: string
  close(): Promise<void>
}

export async function startRig(): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-hook-'))
  const tokenFile = join(dir, 'token')
  await writeFile(tokenFile, 'a-token\n')
  const drivers: Driver[] = []
  let inHand = 0
  const state = { most: 0, headers: {} as Readonly<Record<string, unknown>> }
  const server = createServer((request, response) => {
    if (request.url === '/') {
      response.end('OK')
      return
    }
    let text = ''
    inHand++
    state.most = Math.max(state.most, inHand)
    request.on('data', (chunk) => (text += String(chunk)))
    request.on('end', () => {
      const body = JSON.parse(text) as Record<string, string>
      state.headers = request.headers
      rig.bodies.push(body)
      rig.calls.push(describe(body))
      const { status, text: said, type = 'text/plain' } = rig.answer(body)
      setTimeout(() => {
        inHand--
        response.writeHead(status, { 'content-type': type }).end(said)
      }, 5)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const rig: Rig = {
    calls: [],
    bodies: [],
    get headers() {
      return state.headers
    },
    get most() {
      return state.most
    },
    answer: () => ({ status: 200, text: '' }),
    tokenFile,
    driver: (options = {}) => {
      const url = `http://127.0.0.1:${port}/hooks/update-haproxy`
      const driver = createWebhookDriver({ ...OPTIONS, url, tokenFile, ...options })
      drivers.push(driver)
      return driver
    },
    close: async () => {
      await Promise.all(drivers.map((driver) => driver.close()))
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(dir, { recursive: true })
    },
  }
  return rig
}

function describe(body: Record<string, string>): string {
  const { action, 'frontend-port': port, 'dst-ip': address, 'backend-port': backend } = body
  return action === 'add' ? `add ${port} -> ${address}:${backend}` : `${action} ${port}`
}

/** One pass, with what Services hold by their records. */
export async function passWith(driver: Driver, table: Table, recorded: readonly string[] = []) {
  const signal = AbortSignal.timeout(10_000)
  driver.recall?.(new Set(recorded))
  const observed = await driver.read(signal)
  const plan = diffTables(observed, table)
  return plan.changes.length === 0 ? { refused: observed.refused, wrote: false } : driver.apply(plan, signal)
}
