/** A real Envoy on loopback, with a bootstrap of its administrator that discovers what is ours in files, as deploy/edge/envoy.yaml does. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Admin, createAdmin } from '../../src/edge/engines/envoy/admin.ts'
import { readVersions } from '../../src/edge/engines/envoy/progress.ts'
import { createEnvoyEngine } from '../../src/edge/engines/envoy.ts'
import { fetchEnvoy } from '../lab/envoy.ts'
import { toStderr } from '../lab/progress.ts'
import { makeProgram } from './program.ts'
import type { ProxyUnit } from './unit.ts'

const ANSWERS_WITHIN_MS = 10_000
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

interface Endpoint {
  readonly address: string
  readonly port: number
}

/** A listener of the administrator's own, that passes connections on. */
export interface OwnListener {
  readonly from: Endpoint
  readonly to: Endpoint
}

export interface EnvoyUnit extends ProxyUnit {
  readonly binary: string
  readonly configDir: string
  /** Path of the admin socket. */
  readonly adminSocket: string
  readonly admin: Admin
  /** Has Envoy find nonsense where listeners are, until the returned function is called. */
  readonly breakListeners: () => Promise<() => Promise<void>>
}

const limit = () => AbortSignal.timeout(ANSWERS_WITHIN_MS)

/** Makes a folder for an Envoy; `start` starts it, once there are files of ours. */
export async function makeEnvoy(own?: OwnListener, drainS = 86_400): Promise<EnvoyUnit> {
  const binary = await fetchEnvoy(toStderr, AbortSignal.timeout(600_000))
  const dir = await mkdtemp(join(tmpdir(), 'fairway-envoy-'))
  const [configDir, adminSocket] = [join(dir, 'fairway'), join(dir, 'admin.sock')]
  const [bootstrap, logFile, view] = [join(dir, 'envoy.json'), join(dir, 'envoy.log'), join(dir, 'view')]
  const show = async (path: string) => {
    await symlink(path, `${view}.new`)
    await rename(`${view}.new`, view)
  }
  await show(configDir)
  await writeFile(bootstrap, JSON.stringify(bootstrapOf({ adminSocket, configDir, view, own })))
  const admin = createAdmin(adminSocket)
  const argv = ['-c', bootstrap, '--disable-hot-restart', '--drain-time-s', `${drainS}`, '-l', 'warning']
  const program = makeProgram({
    file: binary,
    argv: [...argv, '--component-log-level', 'misc:error', '--concurrency', '2'],
    logFile,
    isUp: () => admin.isLive(limit()),
  })
  const options = { configDir, admin: adminSocket, binary, log: SILENT }
  const { start, kill, log, pid } = program
  return {
    dir,
    binary,
    configDir,
    adminSocket,
    admin,
    engine: { envoy: { configDir, admin: adminSocket, binary } },
    prepare: async () => {
      const engine = await createEnvoyEngine(options, AbortSignal.timeout(ANSWERS_WITHIN_MS))
      await engine.close()
    },
    start,
    kill,
    pids: async () => [pid() ?? []].flat(),
    generation: async () => `${pid()} ${(await readVersions(admin, limit())).listeners}`,
    log,
    breakListeners: async () => {
      const broken = join(dir, 'broken')
      await mkdir(join(broken, 'current'), { recursive: true })
      await writeFile(join(broken, 'current/lds.json'), '{"resources":[{"nonsense":1}]}')
      await show(broken)
      return () => show(configDir)
    },
    close: async () => {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

interface Places {
  readonly adminSocket: string
  readonly configDir: string
  /** A link to `configDir`, through which Envoy finds listeners. */
  readonly view: string
  readonly own: OwnListener | undefined
}

function bootstrapOf({ adminSocket, configDir, view, own }: Places): object {
  const discover = (path: string, watched: string) => ({
    resource_api_version: 'V3',
    path_config_source: { path, watched_directory: { path: join(configDir, watched) } },
  })
  return {
    node: { id: 'edge', cluster: 'edge' },
    admin: { address: { pipe: { path: adminSocket } } },
    dynamic_resources: {
      cds_config: discover(join(configDir, 'current/cds.json'), 'watch-clusters'),
      lds_config: discover(join(view, 'current/lds.json'), 'watch-listeners'),
    },
    ...(own === undefined ? {} : { static_resources: ownResources(own) }),
  }
}

function addressOf({ address, port }: Endpoint): object {
  return { socket_address: { address, port_value: port } }
}

function ownResources({ from, to }: OwnListener): object {
  const type = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'
  const proxy = { name: 'tcp_proxy', typed_config: { '@type': type, stat_prefix: 'admin', cluster: 'admin' } }
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: addressOf(to) } }] }]
  return {
    listeners: [{ name: 'admin', address: addressOf(from), filter_chains: [{ filters: [proxy] }] }],
    clusters: [{ name: 'admin', type: 'STATIC', load_assignment: { cluster_name: 'admin', endpoints } }],
  }
}
