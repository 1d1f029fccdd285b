import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { EdgeOptions } from '../../../src/drivers/edge/options.ts'
import { createEdgeDriver } from '../../../src/drivers/edge.ts'
import type { ApiParts } from '../../../src/edge/api.ts'
import type { Applied, Driver, Plan } from '../../../src/model/driver.ts'
import type { Owner, Table } from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { type ApiWorld, startApi } from '../edge/api-world.ts'
import { UID } from '../edge/builders.ts'
import { stopWorlds, type WorldWishes } from '../edge/edge-world.ts'

export const OWNER: Owner = { cluster: 'prod-a', className: 'public', uid: UID }
export const silent = { debug: () => {}, info: () => {}, warn: () => {} }
export const signal = AbortSignal.timeout(60_000)

/** What a driver has sent. */
export interface Seen {
  /** `PATCH /v1/tables/prod-a/public` */
  readonly what: string
  /** As it was sent, gzipped or not. */
  readonly bytes: number
  readonly answerBytes: number
}

/** The edge's own API on a program in memory, behind a socket, and drivers for it, which end with the test. */
export interface EdgeRig {
  readonly world: ApiWorld
  readonly url: string
  readonly seen: Seen[]
  /** Since it was asked before: writes only. */
  writes(): readonly Seen[]
  /** Takes over the next requests, until it is undefined again. `serve` answers as usual. */
  intercept: ((request: IncomingMessage, response: ServerResponse, serve: () => Promise<void>) => unknown) | undefined
  /** With the token `a-all` unless told otherwise, see TOKENS. */
  driver(settings?: Partial<EdgeOptions> & { readonly token?: string }): Driver
}

export async function startRig(
  context: TestContext,
  wishes: WorldWishes & { readonly parts?: Partial<ApiParts> } = {},
): Promise<EdgeRig> {
  const parts = { bodyBytes: 16 * 1_048_576, ...wishes.parts }
  const world = await startApi({ ...wishes, parts })
  const dir = mkdtempSync(join(tmpdir(), 'fairway-edge-rig-'))
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const serve = () => answer(world, seen, request, response)
    void (rig.intercept === undefined ? serve() : rig.intercept(request, response, serve))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  context.after(async () => {
    server.closeAllConnections()
    server.close()
    rmSync(dir, { recursive: true })
    await stopWorlds()
  })
  const rig: EdgeRig = {
    world,
    url,
    seen,
    writes: () => seen.splice(0).filter(({ what }) => !what.startsWith('GET ')),
    intercept: undefined,
    driver: ({ token = 'a-all', ...settings } = {}) => {
      const tokenFile = join(dir, token)
      writeFileSync(tokenFile, `${token}\n`)
      const access = { proxy: 'edge-1', url, tls: {}, tokenFile, timeoutMs: 5_000, log: silent }
      const driver = createEdgeDriver({ ...access, owner: OWNER, epoch: 1, ...settings })
      context.after(() => driver.close())
      return driver
    },
  }
  return rig
}

async function answer(
  world: ApiWorld,
  seen: Seen[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request)
  const { 'accept-encoding': _, ...headers } = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  )
  const raw = body.length === 0 ? {} : { raw: new Uint8Array(body) }
  const answered = await world.send(`${request.method} ${request.url}`, { token: '', headers, ...raw })
  const what = `${request.method} ${request.url}`
  seen.push({ what, bytes: body.length, answerBytes: Buffer.byteLength(answered.text) })
  response.writeHead(answered.status, { 'content-type': 'application/json' }).end(answered.text)
}

/** A plan as the operator makes it. */
export async function planFor(driver: Driver, table: Table, more: Partial<Plan> = {}): Promise<Plan> {
  const plan = diffTables(await driver.read(signal), table, more.keep, more.strays)
  return { ...plan, ...more }
}

export async function pass(driver: Driver, table: Table, more: Partial<Plan> = {}): Promise<Applied> {
  return driver.apply(await planFor(driver, table, more), signal)
}

/** `tcp/203.0.113.10:22 PortDenied` */
export function codes({ refused }: Pick<Applied, 'refused'>): readonly string[] {
  return refused.map(({ key, problem }) => `${key} ${problem.code}`)
}
