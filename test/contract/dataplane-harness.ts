/** A real HAProxy on loopback with a real Data Plane API beside it, whose program FAIRWAY_DATAPLANEAPI names. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDataplaneClient } from '../../src/drivers/dataplane/client.ts'
import type { Operation } from '../../src/drivers/dataplane/operations.ts'
import type { DataplaneOptions } from '../../src/drivers/dataplane/options.ts'
import type { Section } from '../../src/drivers/dataplane/sections.ts'
import { commitOperations } from '../../src/drivers/dataplane/transaction.ts'
import { createDataplaneDriver } from '../../src/drivers/dataplane.ts'
import { createMaster } from '../../src/edge/engines/haproxy/master.ts'
import { readListeners } from '../../src/haproxy/listeners.ts'
import { hostPort } from '../../src/model/address.ts'
import type { Driver } from '../../src/model/driver.ts'
import { type FrontendKey, splitKey } from '../../src/model/table.ts'
import { makeProgram } from '../edge-lab/program.ts'
import { freePort } from '../lab/free-port.ts'
import type { DriverSettings, Endpoint, Harness } from './harness.ts'
import { listeningSockets } from './sockets.ts'
import { PROD } from './tables.ts'

/** What the API calls the administrator's defaults, from its first write on. */
const DEFAULTS = 'unnamed_defaults_1'

/** Timeouts that would be noticed if they reached our sections, and a socket: HAProxy does not start when it listens nowhere. */
function adminConfig(dir: string): string {
  return `global
  maxconn 4000
  stats socket ${dir}/stats.sock level admin

defaults
  mode tcp
  timeout client 1m
  timeout server 1m
  timeout connect 5s

frontend idle
  bind unix@${dir}/idle.sock
`
}

function apiConfig(dir: string, port: number): string {
  const reload = `${process.execPath} ${join(import.meta.dirname, 'dataplane-reload.ts')} ${dir}/master.sock ${dir}/haproxy.log`
  const folders = ['maps', 'ssl', 'general', 'storage', 'spoe'].map((name) => `${dir}/${name}`)
  const [maps, ssl, general, storage, spoe] = folders
  return JSON.stringify({
    name: 'contract',
    dataplaneapi: {
      host: '127.0.0.1',
      port,
      userlist: { userlist: 'api', userlist_file: `${dir}/users.cfg` },
      resources: {
        maps_dir: maps,
        ssl_certs_dir: ssl,
        general_storage_dir: general,
        dataplane_storage_dir: storage,
        spoe_dir: spoe,
        spoe_transaction_dir: `${dir}/spoe-transactions`,
      },
      transaction: { transaction_dir: `${dir}/transactions`, backups_dir: `${dir}/backups` },
    },
    haproxy: {
      config_file: `${dir}/haproxy.cfg`,
      haproxy_bin: 'haproxy',
      reload: { reload_delay: 1, reload_cmd: reload, restart_cmd: 'false' },
    },
    log_targets: [{ log_to: 'stdout', log_level: 'info', log_types: ['app', 'access'] }],
  })
}

export interface DataplaneHarness extends Harness {
  driver(settings?: Partial<DriverSettings & DataplaneOptions>): Driver
}

/** Starts both in a folder of their own. */
export async function startDataplane(program: string): Promise<DataplaneHarness> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-dataplane-'))
  const port = await freePort('127.0.0.1')
  const userFile = join(dir, 'user')
  await Promise.all(
    ['maps', 'ssl', 'general', 'storage', 'spoe', 'backups', 'transactions'].map((name) => mkdir(join(dir, name))),
  )
  await writeFile(join(dir, 'haproxy.cfg'), adminConfig(dir))
  await writeFile(join(dir, 'users.cfg'), 'userlist api\n  user fairway insecure-password secret:with:colons\n')
  await writeFile(userFile, 'fairway:secret:with:colons\n')
  await writeFile(join(dir, 'api.yaml'), apiConfig(dir, port))
  const log = { debug: () => {}, info: () => {}, warn: () => {} }
  const options: DataplaneOptions = {
    proxy: 'edge-1',
    url: `http://127.0.0.1:${port}`,
    tls: {},
    userFile,
    owner: PROD,
    listen: {},
    log,
    declares: () => true,
    probe: true,
    timeoutMs: 10_000,
    reloadTimeoutMs: 20_000,
  }
  const drivers: Driver[] = []
  const driver = (settings: Partial<DataplaneOptions> = {}) => {
    const created = createDataplaneDriver({ ...options, ...settings })
    drivers.push(created)
    return created
  }
  const units = makeUnits(program, dir, options)
  const harness: DataplaneHarness = {
    driver,
    kill: units.kill,
    restart: units.start,
    writes: units.writes,
    // An address that is nowhere needs no dial.
    driverBound: async (listen) => driver({ listen, probe: false }),
    openSockets: async () => listeningSockets(...(await units.pids())),
    configuredSockets: async () =>
      readListeners(await units.config())
        .map((one) => `tcp ${hostPort(one.address, one.firstPort)}`)
        .toSorted(),
    ...createHands(dir, options, units.config),
    close: async () => {
      await Promise.all(drivers.map((one) => one.close()))
      await units.kill()
      await units.client.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
  try {
    await units.start()
  } catch (error) {
    await harness.close()
    throw error
  }
  return harness
}

function makeUnits(program: string, dir: string, options: DataplaneOptions) {
  const [masterSocket, configFile] = [join(dir, 'master.sock'), join(dir, 'haproxy.cfg')]
  const master = createMaster(masterSocket)
  const client = createDataplaneClient(options)
  const processes = () => master.ask('show proc', AbortSignal.timeout(5_000))
  const haproxy = makeProgram({
    file: 'haproxy',
    argv: ['-W', '-S', masterSocket, '-f', configFile],
    logFile: join(dir, 'haproxy.log'),
    isUp: async () => /# workers\n\d/.test(await processes()),
  })
  const api = makeProgram({
    file: program,
    argv: ['-f', join(dir, 'api.yaml'), '--scheme', 'http', '--host', '127.0.0.1', '--port', new URL(options.url).port],
    logFile: join(dir, 'api.log'),
    // In milliseconds; by its configuration it is a second at least.
    env: { CI_DATAPLANE_RELOAD_DELAY_OVERRIDE: '50' },
    isUp: async () => (await client.get('/configuration/version', AbortSignal.timeout(5_000))).status === 200,
  })
  return {
    client,
    start: async () => {
      await haproxy.start()
      await api.start()
    },
    kill: async () => void (await Promise.all([haproxy.kill(), api.kill()])),
    pids: async () => [...(await processes()).matchAll(/^(\d+)/gm)].map(([pid]) => Number(pid)),
    writes: async () => [...(await api.log()).matchAll(/(?:POST|PUT|DELETE) \/v3\//g)].length,
    config: () => readFile(configFile, 'utf8'),
  }
}

function backend(name: string, { address, port }: Endpoint): Operation {
  const body = { name, from: DEFAULTS, mode: 'tcp', servers: { s1: { name: 's1', address, port } } }
  return { method: 'POST', kind: 'backends', name: undefined, body }
}

/** What people do by hand, through the API and in the file. */
function createHands(dir: string, options: DataplaneOptions, config: () => Promise<string>) {
  const client = createDataplaneClient(options)
  let count = 0

  async function versionOf(): Promise<number> {
    return Number((await client.get('/configuration/version', AbortSignal.timeout(5_000))).body)
  }

  async function commit(...operations: readonly Operation[]): Promise<void> {
    const signal = AbortSignal.timeout(20_000)
    const ended = await commitOperations(client, options, await versionOf(), operations, signal)
    if (ended.status !== 'succeeded') throw new Error(`the reload failed: ${ended.text}`)
  }

  async function sectionOf(kind: Operation['kind'], name: string): Promise<Section> {
    const answer = await client.get(`/configuration/${kind}/${name}?full_section=true`, AbortSignal.timeout(5_000))
    return JSON.parse(answer.body) as Section
  }

  return {
    async addForeign(from: Endpoint, to: Endpoint): Promise<void> {
      const name = `mine.${from.port}`
      const bind = { name: 'b', address: from.address, port: from.port, metadata: { comment: 'mine' } }
      const body = { name, from: DEFAULTS, mode: 'tcp', default_backend: name, binds: { b: bind } }
      await commit(backend(name, to), { method: 'POST', kind: 'frontends', name: undefined, body })
    },
    foreignText: async () => {
      const sections = (await config()).split(/\n(?=\S)/)
      return sections.filter((text) => !/^(?:#|\w+ fairway\.)/.test(text)).join('\n')
    },
    /** One that has its socket alone is led to another backend; of one among several, the backend is led to other servers. */
    async edit(key: FrontendKey, to: Endpoint): Promise<void> {
      const { socket, hosts } = splitKey(key)
      const [, protocol, host, port] = /^(tcp)\/\[?([^\]]+)\]?:(\d+)$/.exec(socket) ?? []
      const name = `fairway.prod.public.${protocol}.${host?.replaceAll(':', '_')}.${port}`
      const frontend = await sectionOf('frontends', name)
      if (hosts.length === 0) {
        const hand = `hand.${++count}`
        const body = { ...frontend, default_backend: hand }
        return commit(backend(hand, to), { method: 'PUT', kind: 'frontends', name, body })
      }
      const { fairway } = frontend['metadata'] as { fairway: { routes: readonly { hosts: string[]; to: string }[] } }
      const route = fairway.routes.find((one) => one.hosts.join() === hosts.join())
      const body = await sectionOf('backends', route?.to ?? '')
      const servers = body['servers'] as Readonly<Record<string, object>>
      const edited = Object.entries(servers).map(([id, server]) => [
        id,
        { ...server, address: to.address, port: to.port },
      ])
      await commit({
        method: 'PUT',
        kind: 'backends',
        name: body.name,
        body: { ...body, servers: Object.fromEntries(edited) },
      })
    },
    async rejectAll(): Promise<() => Promise<void>> {
      const file = join(dir, 'haproxy.cfg')
      const nonsense = '\nfrontend broken\n  nonsense\n'
      const rewrite = async (text: string) => {
        const before = await versionOf()
        // Whole at any moment: of one without its `stats socket` the API waits for HAProxy to come back, for half a minute.
        await writeFile(`${file}.new`, text)
        await rename(`${file}.new`, file)
        const deadline = Date.now() + 5_000
        while ((await versionOf()) === before) {
          if (Date.now() > deadline) throw new Error('the API does not see the file')
          await sleep(20)
        }
      }
      await rewrite((await config()) + nonsense)
      return async () => rewrite((await config()).replace(/frontend broken.*\n\s*nonsense\n/, ''))
    },
  }
}
