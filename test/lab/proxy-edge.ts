/** The edge machine: one proxy program or two, and `fairway edge` beside them, set up by the commands that an administrator would use. */
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { edge as edgeAddress } from './addresses.ts'
import type { Lab } from './lab.ts'
import { run } from './process.ts'
import { makeFolder, type ProxyProgram } from './proxy-program.ts'
import { createUnit, type Unit } from './unit.ts'
import { waitFor } from './wait.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

const READY = { timeoutMs: 20_000 } as const

export interface EdgeOptions {
  /** Tells several apart: of folder and log. */
  readonly name?: string
  /** Of the API; the status has the one above it. */
  readonly port?: number
  /** Keys of edge.yaml beside those that say where things are. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** The program for everything, or those for TCP and for UDP. */
export type Programs = readonly [ProxyProgram] | readonly [tcp: ProxyProgram, udp: ProxyProgram]

export interface EdgeMachine {
  /** Of the API, without a slash at the end. */
  readonly url: string
  readonly edge: Unit
  readonly programs: Programs
  /** Prepares it for a cluster. */
  init(cluster: string, proxy: string, signal: AbortSignal): Promise<Invitation>
  /** Starts what is not started, the edge first: it makes the files that the programs then load. */
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

/** Writes edge.yaml. */
export function prepareEdge(lab: Lab, programs: Programs, options: EdgeOptions = {}): EdgeMachine {
  const { name = 'edge', port = 7443, config = {} } = options
  const dir = makeFolder(lab, name)
  const configFile = join(dir, 'edge.yaml')
  const [listen, status] = [`${edgeAddress.v4}:${port}`, `127.0.0.1:${port + 1}`]
  const [url, statusUrl] = [`https://${listen}`, `http://${status}`]
  const places = {
    listen,
    tls: { certFile: 'edge.crt', keyFile: 'edge.key' },
    stateDir: 'state',
    status,
    ...enginesOf(programs),
  }
  writeFileSync(configFile, JSON.stringify({ ...places, ...config }, undefined, 2))
  const argv = [process.execPath, MAIN, 'edge', '--config', configFile]
  const edge = createUnit(lab, { name, argv, answers: async (signal) => answersStrangers(lab, url, signal) })
  return {
    url,
    edge,
    programs,
    init: async (cluster, proxy, signal) => invite(dir, cluster, proxy, signal),
    start: async (signal) => {
      await edge.start(signal)
      for (const program of programs) await startProgram(program, signal)
      await waitFor(`${name} to be ready`, async (limit) => isReady(lab, statusUrl, limit), READY, signal)
    },
    metrics: async (signal) => curl(lab, [`${statusUrl}/metrics`], signal),
  }
}

function enginesOf([first, second]: Programs): object {
  return second === undefined ? { engine: first.engine } : { engines: { tcp: first.engine, udp: second.engine } }
}

async function startProgram({ unit, needs }: ProxyProgram, signal: AbortSignal): Promise<void> {
  const isThere = async () => needs.every((path) => existsSync(path))
  await waitFor(needs.join(', '), isThere, { timeoutMs: 10_000, intervalMs: 20 }, signal)
  await unit.start(signal)
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

/** Whether the programs serve what the edge has for them. */
async function isReady(lab: Lab, statusUrl: string, signal: AbortSignal): Promise<boolean> {
  return (await curl(lab, [`${statusUrl}/readyz`], signal)).includes('"ready":true')
}

interface Secret {
  readonly data: Readonly<Record<string, string>>
}

const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fairway' } }

/** Brings the Secret to its cluster, as an administrator of that does; gives what kubectl says. */
export async function acceptInvitation(lab: Lab, { manifest }: Invitation, signal: AbortSignal): Promise<string> {
  await lab.kubectl(['apply', '-f', '-'], signal, { input: JSON.stringify(NAMESPACE) })
  return lab.kubectl(['apply', '-f', '-'], signal, { input: manifest })
}

/** The `edge` of a proxy in fairway.yaml. `dir` is where an operator finds the files of the Secret. */
export function edgeAccess(url: string, dir: string): Readonly<Record<string, string>> {
  return { url, tokenFile: join(dir, 'token'), caFile: join(dir, 'ca.crt') }
}

/** Writes the files of a Secret for an operator outside the cluster; gives their folder. */
export async function mountSecret(lab: Lab, name: string, signal: AbortSignal): Promise<string> {
  const text = await lab.kubectl(['-n', 'fairway', 'get', 'secret', name, '-o', 'json'], signal)
  const dir = makeFolder(lab, name)
  for (const [file, value] of Object.entries((JSON.parse(text) as Secret).data))
    writeFileSync(join(dir, file), Buffer.from(value, 'base64'))
  return dir
}
