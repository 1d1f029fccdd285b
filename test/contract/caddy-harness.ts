/** A real Caddy on loopback. Its admin API is the only thing that the harness talks to, besides the process itself. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { rootCertificates } from 'node:tls'
import { request } from 'undici'
import { hostsOf } from '../../src/caddy/routes.ts'
import { createCaddyDriver } from '../../src/drivers/caddy.ts'
import type { TlsFiles } from '../../src/http/endpoint.ts'
import { hostPort } from '../../src/model/address.ts'
import type { Driver } from '../../src/model/driver.ts'
import { fieldOf, isObject } from '../../src/model/json.ts'
import { parseServerKey } from '../../src/model/server-names.ts'
import { frontendKey } from '../../src/model/table.ts'
import { freePort } from '../lab/free-port.ts'
import type { DriverSettings, Harness } from './harness.ts'
import { listeningSockets } from './sockets.ts'
import { PROD } from './tables.ts'

const STARTS_WITHIN_MS = 20_000

/** Ended with this process even where no test gets to do it. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export type CaddyDriverSettings = Partial<
  DriverSettings & {
    readonly listen: Readonly<Record<string, string>>
    readonly url: string
    readonly tls: TlsFiles
    readonly timeoutMs: number
  }
>

export interface CaddyProcess extends Harness {
  readonly dir: string
  readonly adminUrl: string
  readonly adminPort: number
  driver(settings?: CaddyDriverSettings): Driver
  /** One request to the admin API; throws unless it answers 200. */
  admin(method: string, path: string, body?: unknown): Promise<unknown>
  adminText(method: string, path: string, body?: unknown): Promise<string>
  log(): Promise<string>
}

export interface CaddySettings {
  readonly program: string
  /** Starts without any configuration, which is not the same as an empty one. */
  readonly unconfigured?: boolean
  /** Merged into the first configuration, which has the admin endpoint alone. */
  readonly config?: (port: number, dir: string) => Readonly<Record<string, unknown>>
}

/** Starts Caddy in a directory of its own and waits until its admin API answers. */
export async function startCaddy({ program, config, unconfigured = false }: CaddySettings): Promise<CaddyProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-caddy-'))
  const adminPort = await freePort('127.0.0.1')
  const first = { admin: { listen: `127.0.0.1:${adminPort}` }, ...config?.(adminPort, dir) }
  await writeFile(join(dir, 'config.json'), JSON.stringify(first))
  const drivers: Driver[] = []
  // --resume: what Caddy kept beats the first configuration, as under its caddy-api unit.
  const caddy = createProcess(
    unconfigured ? [program, 'run'] : [program, 'run', '--resume', '--config', join(dir, 'config.json')],
    dir,
    adminPort,
  )
  // An address that is nowhere needs no dial.
  const driverBound = async (listen: Readonly<Record<string, string>>) => driver({ listen, probe: false })
  const started = { ...caddy, ...describeSockets(caddy), ...createHands(caddy, dir), driver, driverBound, close }

  function driver(settings: CaddyDriverSettings = {}): Driver {
    const log = { debug: () => {}, info: () => {}, warn: () => {} }
    const defaults = { owner: PROD, listen: {}, declares: () => true, probe: true, tls: {}, timeoutMs: 10_000 }
    const created = createCaddyDriver({ proxy: 'edge-1', url: caddy.adminUrl, log, ...defaults, ...settings })
    drivers.push(created)
    return created
  }

  async function close(): Promise<void> {
    await Promise.all(drivers.map((one) => one.close()))
    await caddy.kill()
    await rm(dir, { recursive: true, force: true })
  }

  try {
    await caddy.restart()
  } catch (error) {
    await close()
    throw error
  }
  return started
}

type Process = ReturnType<typeof createProcess>

/** The process and its admin API. */
function createProcess([program = '', ...args]: readonly string[], dir: string, adminPort: number) {
  const adminUrl = `http://127.0.0.1:${adminPort}`
  const logFile = join(dir, 'caddy.log')
  let child: ChildProcess | undefined

  async function adminText(method: string, path: string, body?: unknown): Promise<string> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = body === undefined ? null : JSON.stringify(body)
    const answer = await request(adminUrl + path, { method, headers, body: sent, reset: true })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
    return text
  }

  async function restart(): Promise<void> {
    const home = { HOME: dir, XDG_CONFIG_HOME: join(dir, 'config'), XDG_DATA_HOME: join(dir, 'data') }
    const env = { ...process.env, ...home, CADDY_ADMIN: `127.0.0.1:${adminPort}` }
    const output = openSync(logFile, 'a')
    child = spawn(program, args, { env, stdio: ['ignore', output, output] })
    closeSync(output)
    running.add(child)
    const deadline = Date.now() + STARTS_WITHIN_MS
    for (;;) {
      if (child.exitCode !== null) throw new Error(`Caddy ended: ${await readFile(logFile, 'utf8')}`)
      const answers = await adminText('GET', '/config/').catch(() => undefined)
      if (answers !== undefined) return
      if (Date.now() > deadline) throw new Error(`Caddy did not start: ${await readFile(logFile, 'utf8')}`)
      await sleep(20)
    }
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    running.delete(child)
  }

  return {
    dir,
    adminUrl,
    adminPort,
    adminText,
    restart,
    kill,
    pid: () => child?.pid ?? 0,
    log: () => readFile(logFile, 'utf8'),
    admin: async (method: string, path: string, body?: unknown): Promise<unknown> => {
      const text = await adminText(method, path, body)
      return text.trim() === '' ? undefined : JSON.parse(text)
    },
  }
}

function describeSockets(caddy: Process) {
  return {
    openSockets: () => listeningSockets(caddy.pid()),
    async configuredSockets(): Promise<readonly string[]> {
      const servers = fieldOf(fieldOf(await caddy.admin('GET', '/config/apps'), 'layer4'), 'servers')
      const listens = Object.values(isObject(servers) ? servers : {}).flatMap((server) => fieldOf(server, 'listen'))
      const sockets = listens.map((text) => String(text).replace(/^(tcp|udp)[46]\//, '$1 '))
      return [...sockets, `tcp 127.0.0.1:${caddy.adminPort}`].toSorted()
    },
    async writes(): Promise<number> {
      // Counted in its log: the metrics need an extra permission and start anew with each configuration.
      const lines = (await caddy.log()).split('\n')
      return lines.filter((line) => /"received request".*"method":"(POST|PUT|PATCH|DELETE)"/.test(line)).length
    },
  }
}

/** What people do by hand. */
function createHands(caddy: Process, dir: string) {
  return {
    async addForeign(from: { address: string; port: number }, to: { address: string; port: number }): Promise<void> {
      const handle = [{ handler: 'proxy', upstreams: [{ dial: [hostPort(to.address, to.port)] }] }]
      const server = { '@id': `mine-${from.port}`, listen: [hostPort(from.address, from.port)], routes: [{ handle }] }
      const apps = await caddy.admin('GET', '/config/apps')
      const method = fieldOf(fieldOf(apps, 'layer4'), 'servers') === undefined ? 'PUT' : 'POST'
      const path = method === 'PUT' ? '/config/apps/layer4/servers' : `/config/apps/layer4/servers/${from.port}`
      // A key like a number, and a number that no double has: both must come back as Caddy gives them.
      const idle = { ...server, idle_timeout: 12_345_678_901_234_568 }
      await caddy.admin(method, path, method === 'PUT' ? { [from.port]: idle } : idle)
    },
    async foreignText(): Promise<string> {
      const servers = fieldOf(fieldOf(await caddy.admin('GET', '/config/apps'), 'layer4'), 'servers')
      const keys = Object.keys(isObject(servers) ? servers : {}).filter((key) => parseServerKey(key) === undefined)
      const texts = await Promise.all(keys.map((key) => caddy.adminText('GET', `/config/apps/layer4/servers/${key}`)))
      return texts.join('')
    },
    async edit(key: string, to: { address: string; port: number }): Promise<void> {
      const servers = fieldOf(fieldOf(await caddy.admin('GET', '/config/apps'), 'layer4'), 'servers')
      const paths = Object.entries(isObject(servers) ? servers : {}).flatMap(([name, server]) => {
        const parsed = parseServerKey(name)
        const routes = fieldOf(server, 'routes')
        const keys = (Array.isArray(routes) && parsed !== undefined ? routes : []).map((route: unknown) =>
          frontendKey({ address: '', port: 0, protocol: 'TCP', ...parsed, hosts: hostsOf(route) }),
        )
        return keys.includes(key) ? [`${name}/routes/${keys.indexOf(key)}`] : []
      })
      if (paths.length === 0) throw new Error(`no server for ${key}`)
      const upstreams = `/config/apps/layer4/servers/${paths[0]}/handle/0/upstreams`
      await caddy.admin('PATCH', upstreams, [{ dial: [hostPort(to.address, to.port)] }])
    },
    /** A file that is read each time a configuration is loaded, and is gone the next time. */
    async rejectAll(): Promise<() => Promise<void>> {
      const file = join(dir, 'fragile.pem')
      await writeFile(file, rootCertificates[0] ?? '')
      const transport = { protocol: 'http', tls: { ca: { provider: 'file', pem_files: [file] } } }
      const handle = [{ handler: 'reverse_proxy', transport, upstreams: [{ dial: '127.0.0.1:9' }] }]
      const server = { listen: [`unix/${join(dir, 'fragile.sock')}`], routes: [{ handle }] }
      await caddy.admin('PUT', '/config/apps/http', { servers: { fragile: server } })
      await rm(file)
      return async () => {
        await writeFile(file, rootCertificates[0] ?? '')
        await caddy.admin('DELETE', '/config/apps/http')
      }
    },
  }
}
