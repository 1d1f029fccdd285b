/** Everything of a run: API server, operators, edge and HAProxy, with what stands between them, in a network of their own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { rename, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import type { EdgeOptions } from '../../src/drivers/edge/options.ts'
import { createEdgeDriver } from '../../src/drivers/edge.ts'
import type { Driver } from '../../src/model/driver.ts'
import { type Backend, startTcpBackend } from '../contract/backends.ts'
import { type EdgeUnit, makeEdge } from '../edge-lab/edge.ts'
import { HAPROXY_ADMIN, type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import { createAuthority, issueCertificate } from '../lab/certificates.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { run } from '../lab/process.ts'
import { toStderr } from '../lab/progress.ts'
import { createWorld } from './cluster.ts'
import { NODES, PUBLIC, reservePorts } from './namespace.ts'
import { type OtherOwner, startOtherOwner } from './other-owner.ts'
import { startPatiently } from './patience.ts'
import { type Relay, startRelay } from './relay.ts'
import { clockEnvironment, type Replica, startReplica } from './replicas.ts'
import { createTargets, type Targets } from './targets.ts'
import type { PoolRange, World } from './world.ts'

export interface Site {
  readonly dir: string
  readonly lab: Lab
  readonly edge: EdgeUnit<HaproxyUnit>
  /** The disk of edge and HAProxy. */
  readonly disk: string
  readonly replicas: readonly Replica[]
  readonly relays: { readonly api: readonly Relay[]; readonly edge: Relay }
  readonly config: string
  readonly targets: Targets
  readonly other: OtherOwner
  /** Reads the table of the operators. */
  readonly driver: Driver
  /** A link by which the edge finds HAProxy's admin socket; `lead` has it lead elsewhere. */
  readonly adminSocket: { readonly path: string; readonly lead: (to: string) => Promise<void> }
  readonly setEdgeClock: (offset: string) => void
  readonly setPool: (pool: PoolRange) => Promise<void>
  readonly close: () => Promise<void>
}

/** In their certificates, so that a relay may stand there for them. */
const HOSTS = { api: '127.0.0.1', edge: '127.2.0.1' } as const
/** The administrator's own frontend, in the file that is not ours. */
export const ADMIN_PORT = 8_443
const FOREIGN = { address: '10.0.200.1', port: 9_000 } as const
const DISK_MB = 16
/** Longer than operators leave between two looks at the file. */
const BROKEN_FOR_MS = 2_500

export async function startSite(world: World, outputDir: string, signal: AbortSignal): Promise<Site> {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-chaos-'))
  const closing: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const one of closing.toReversed()) await one()
    // It goes with the last process that has something open there.
    await run(['umount', '--lazy', join(dir, 'disk')], {}, AbortSignal.timeout(10_000)).catch(() => {})
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const lab = await startLab({ mode: 'api', progress: toStderr }, signal)
    closing.push(() => lab.stop(AbortSignal.timeout(30_000)))
    await createWorld(lab, world, signal)
    const targets = createTargets(await targetContext(dir, signal))
    const foreign: Backend = await startTcpBackend('foreign', FOREIGN)
    closing.push(
      () => targets.close(),
      () => foreign.close(),
    )
    const { edge, ...machine } = await makeMachine(dir, signal)
    closing.push(() => edge.close())
    await startPatiently(
      'the edge',
      () => edge.start(),
      () => edge.end('SIGKILL'),
      signal,
    )
    const relays = await startRelays(lab, edge)
    closing.push(() => relays.edge.close(), ...relays.api.map((relay) => () => relay.close()))
    const { etcdUrl, access } = lab.controlPlane
    const statusUrl = `http://${readEdgeStatus(edge.configFile)}`
    await reservePorts([etcdUrl, access.server, edge.url, statusUrl], signal)
    const uid = await clusterUid(lab, signal)
    const driver = createEdgeDriver(edgeOptions(edge, 'chaos', uid))
    closing.push(() => driver.close())
    const other = await startOtherOwner(createEdgeDriver(edgeOptions(edge, 'other', 'other-uid')), FOREIGN, signal)
    closing.push(() => other.close())
    const config = join(dir, 'fairway.yaml')
    const setPool = poolWriter(config, edge, relays.edge.url)
    await setPool(world.pool)
    const replicas = relays.api.map((relay, at) =>
      startReplica({
        name: `operator-${at + 1}`,
        dir: outputDir,
        config,
        kubeconfig: kubeconfigFor(lab, dir, relay, at),
        healthPort: 8_100 + at,
      }),
    )
    closing.push(...replicas.map((one) => () => one.close()))
    const places = { dir, lab, edge, replicas, relays, config, targets, other, driver }
    return { ...places, ...machine, setPool, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function targetContext(dir: string, signal: AbortSignal) {
  const authority = await createAuthority(dir, 'targets', signal)
  const issued = await issueCertificate(dir, authority, { name: 'target', commonName: 'target' }, signal)
  return createSecureContext({ cert: readFileSync(issued.certFile), key: readFileSync(issued.keyFile) })
}

async function makeMachine(dir: string, signal: AbortSignal) {
  const disk = join(dir, 'disk')
  mkdirSync(disk)
  await run(['mount', '-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'chaos', disk], {}, signal)
  const own = `\nlisten mine\n  bind ${PUBLIC.admin}:${ADMIN_PORT}\n  server mine ${FOREIGN.address}:${FOREIGN.port}\n`
  // What HAProxy and the edge keep is on the small disk; what they say goes elsewhere, as it does with journald.
  const [before, clockFile] = [process.env['TMPDIR'], join(dir, 'edge.clock')]
  process.env['TMPDIR'] = disk
  const haproxy = await makeHaproxy(HAPROXY_ADMIN + own)
  if (before === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = before
  const adminSocket = createLink(join(dir, 'admin.sock'))
  await adminSocket.lead(haproxy.masterSocket)
  const engine = { haproxy: { ...haproxy.engine['haproxy'], masterSocket: adminSocket.path } }
  const clock = Object.entries(clockEnvironment(clockFile)).map(([key, value]) => `${key}=${value}`)
  const edge = await makeEdge({
    address: HOSTS.edge,
    proxy: { ...haproxy, engine },
    under: ['env', ...clock],
    config: { addresses: [`${PUBLIC.pool}.0/24`], targets: { allow: [NODES] }, stateDir: join(disk, 'edge') },
  })
  return { edge, disk, adminSocket, setEdgeClock: (offset: string) => writeFileSync(clockFile, `${offset}\n`) }
}

function certificateOf(dir: string, name: string) {
  return { certFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`) }
}

function createLink(path: string): Site['adminSocket'] {
  return {
    path,
    lead: async (to) => {
      await symlink(to, `${path}.new`)
      await rename(`${path}.new`, path)
    },
  }
}

async function startRelays(lab: Lab, edge: EdgeUnit<HaproxyUnit>): Promise<Site['relays']> {
  const { access } = lab.controlPlane
  const toApi = { address: HOSTS.api, to: access.server, caFile: access.caFile, ...certificateOf(lab.dir, 'apiserver') }
  const toEdge = { address: HOSTS.edge, to: edge.url, caFile: edge.caFile, ...certificateOf(edge.dir, 'edge') }
  return { api: [await startRelay(toApi), await startRelay(toApi)], edge: await startRelay(toEdge) }
}

function readEdgeStatus(configFile: string): string {
  return (JSON.parse(readFileSync(configFile, 'utf8')) as { readonly status: string }).status
}

async function clusterUid(lab: Lab, signal: AbortSignal): Promise<string> {
  const found = await lab.api.request('/api/v1/namespaces/kube-system', {}, signal)
  return (found as { readonly metadata: { readonly uid: string } }).metadata.uid
}

function edgeOptions(edge: EdgeUnit<HaproxyUnit>, cluster: string, uid: string): EdgeOptions {
  const log = { debug: () => {}, info: () => {}, warn: () => {} }
  const access = {
    proxy: 'edge-1',
    url: edge.url,
    tls: { caFile: edge.caFile },
    tokenFile: edge.tokenFile(`${cluster}/*`),
  }
  return { ...access, owner: { cluster, className: 'public', uid }, timeoutMs: 10_000, epoch: 0, log }
}

/** Writes the configuration with a pool. Before each edit but the first comes one that cannot be read, which must change nothing. */
function poolWriter(path: string, edge: EdgeUnit<HaproxyUnit>, url: string): Site['setPool'] {
  const proxies = [{ name: 'edge-1', edge: { url, caFile: edge.caFile, tokenFile: edge.tokenFile('chaos/*') } }]
  let written = false
  const put = async (text: string) => {
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
  }
  return async ({ first, last }) => {
    if (written) {
      await put('classes: [oops')
      await sleep(BROKEN_FOR_MS)
    }
    written = true
    const pools = [{ name: 'main', addresses: [`${PUBLIC.pool}.${first}-${PUBLIC.pool}.${last}`] }]
    await put(JSON.stringify({ cluster: 'chaos', classes: [{ name: 'public', pools, proxies }] }))
  }
}

function kubeconfigFor(lab: Lab, dir: string, relay: Relay, at: number): string {
  const file = join(dir, `kubeconfig-${at}`)
  writeFileSync(file, readFileSync(lab.kubeconfig, 'utf8').replaceAll(lab.controlPlane.access.server, relay.url))
  return file
}
