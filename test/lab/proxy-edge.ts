/** The edge machine: HAProxy, and `fairway edge` beside it, set up by the commands that an administrator would use. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { edge as edgeAddress } from './addresses.ts'
import type { Lab } from './lab.ts'
import { run } from './process.ts'
import { type HaproxyFiles, haproxyFiles, prepareHaproxy } from './proxy-haproxy.ts'
import { createUnit, type Unit } from './unit.ts'
import { waitFor } from './wait.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const STATUS = '127.0.0.1:7444'
const STATUS_URL = `http://${STATUS}`

export interface EdgeOptions {
  /** Keys of edge.yaml beside those that say where things are. */
  readonly config?: Readonly<Record<string, unknown>>
  /** What the administrator of HAProxy has in haproxy.cfg, behind `global` and `defaults`. */
  readonly sections?: string
}

export interface EdgeMachine {
  /** Of the API, without a slash at the end. */
  readonly url: string
  readonly edge: Unit
  readonly haproxy: Unit
  readonly files: HaproxyFiles
  /** Prepares it for a cluster. */
  init(cluster: string, proxy: string, signal: AbortSignal): Promise<Invitation>
  /** Starts what is not started, the edge first: it makes the file that HAProxy then loads. */
  start(signal: AbortSignal): Promise<void>
  metrics(signal: AbortSignal): Promise<string>
}

/** What `fairway edge init` gives. */
export interface Invitation {
  /** A Secret for the cluster. */
  readonly manifest: string
  /** The command that made it, as one would type it. */
  readonly command: string
}

/** Writes edge.yaml and the administrator's part of HAProxy's configuration. */
export function prepareEdge(lab: Lab, { config = {}, sections = '' }: EdgeOptions = {}): EdgeMachine {
  const dir = join(lab.dir, 'edge')
  const configFile = join(dir, 'edge.yaml')
  const files = haproxyFiles(lab)
  const url = `https://${edgeAddress.v4}:7443`
  const { adminFile, ...own } = files
  mkdirSync(dir)
  const places = {
    listen: `${edgeAddress.v4}:7443`,
    tls: { certFile: 'edge.crt', keyFile: 'edge.key' },
    stateDir: join(lab.dir, 'edge-state'),
    status: STATUS,
    engine: { haproxy: { ...own, adminFiles: [adminFile] } },
  }
  writeFileSync(configFile, JSON.stringify({ ...places, ...config }, undefined, 2))
  const haproxy = prepareHaproxy(lab, sections)
  const argv = [process.execPath, MAIN, 'edge', '--config', configFile]
  const edge = createUnit(lab, 'edge', 'edge', argv, async (signal) => answersStrangers(lab, url, signal))
  return {
    url,
    edge,
    haproxy,
    files,
    init: async (cluster, proxy, signal) => invite(dir, cluster, proxy, signal),
    start: async (signal) => {
      await edge.start(signal)
      await waitFor('the file for HAProxy', async () => existsSync(files.configFile), { timeoutMs: 10_000 }, signal)
      await haproxy.start(signal)
      await waitFor('HAProxy to serve', async (limit) => isReady(lab, limit), { timeoutMs: 20_000 }, signal)
    },
    metrics: async (signal) => curl(lab, [`${STATUS_URL}/metrics`], signal),
  }
}

async function invite(dir: string, cluster: string, proxy: string, signal: AbortSignal): Promise<Invitation> {
  const flags = ['edge', 'init', '--cluster', cluster, '--name', proxy, '--address', edgeAddress.v4]
  const manifest = await run([process.execPath, MAIN, ...flags, '--dir', dir], {}, signal)
  return { manifest, command: `fairway ${flags.join(' ')}` }
}

async function curl(lab: Lab, args: readonly string[], signal: AbortSignal): Promise<string> {
  return (await lab.inNamespace('edge', ['curl', '-s', '-m', '2', ...args], signal)).stdout
}

/** It says 401 to whoever has no token, once it is ready to hear those that have one. */
async function answersStrangers(lab: Lab, url: string, signal: AbortSignal): Promise<boolean> {
  return (await curl(lab, ['-k', '-o', '/dev/null', '-w', '%{http_code}', `${url}/v1/info`], signal)) === '401'
}

/** Whether HAProxy serves what the edge has for it. */
async function isReady(lab: Lab, signal: AbortSignal): Promise<boolean> {
  const status = await curl(lab, [`${STATUS_URL}/readyz`], signal)
  return status.includes('"ready":true')
}

interface Secret {
  readonly data: Readonly<Record<string, string>>
}

/** Brings the Secret to its cluster, as an administrator of that does; gives what kubectl says. The cluster is a new one. */
export async function acceptInvitation(lab: Lab, { manifest }: Invitation, signal: AbortSignal): Promise<string> {
  await lab.kubectl(['create', 'namespace', 'fairway'], signal)
  return lab.kubectl(['apply', '-f', '-'], signal, { input: manifest })
}

/** The `edge` of a proxy in fairway.yaml. `dir` is where an operator finds the files of the Secret. */
export function edgeAccess(url: string, dir: string): Readonly<Record<string, string>> {
  return { url, tokenFile: join(dir, 'token'), caFile: join(dir, 'ca.crt') }
}

/** Writes the files of a Secret for an operator outside the cluster; gives their folder. */
export async function mountSecret(lab: Lab, name: string, signal: AbortSignal): Promise<string> {
  const text = await lab.kubectl(['-n', 'fairway', 'get', 'secret', name, '-o', 'json'], signal)
  const dir = join(lab.dir, name)
  mkdirSync(dir)
  for (const [file, value] of Object.entries((JSON.parse(text) as Secret).data))
    writeFileSync(join(dir, file), Buffer.from(value, 'base64'))
  return dir
}
