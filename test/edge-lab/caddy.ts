/** A real Caddy with the layer4 app, which keeps what it was given over its admin API, as under the unit of deploy/edge. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { request } from 'undici'
import { createAgents } from '../../src/http/agents.ts'
import { buildCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { makeProgram } from './program.ts'
import type { ProxyUnit } from './unit.ts'

const ANSWERS_WITHIN_MS = 10_000
const BUILT_WITHIN_MS = 1_800_000
/** As the unit of deploy/edge runs it before each start. */
const AUTOSAVE = resolve(import.meta.dirname, '../../deploy/edge/caddy-autosave')
const run = promisify(execFile)

export interface CaddyUnit extends ProxyUnit {
  readonly binary: string
  /** Of the admin API. */
  readonly socketPath: string
  /** Where Caddy keeps what it was given. */
  readonly autosave: string
  /** What the edge saves in case of its being cut off. */
  readonly savedFile: string
  /** One request to the admin API. Rejects unless it answers 200. */
  readonly admin: (method: string, path: string, body?: unknown) => Promise<unknown>
  readonly adminText: (method: string, path: string, body?: unknown) => Promise<string>
}

/** Makes a folder for a Caddy; `start` starts it. `apps` are its administrator's. FAIRWAY_CADDY takes the place of the stand-in, as does `given`. */
export async function makeCaddy(apps: Readonly<Record<string, unknown>> = {}, given?: string): Promise<CaddyUnit> {
  const binary = given ?? (await buildCaddy(toStderr, AbortSignal.timeout(BUILT_WITHIN_MS))).caddy
  const dir = await mkdtemp(join(tmpdir(), 'fairway-caddy-'))
  const [socketPath, config] = [join(dir, 'admin.sock'), join(dir, 'config.json')]
  const [autosave, savedFile] = [join(dir, 'config/caddy/autosave.json'), join(dir, 'fairway/saved.json')]
  await writeFile(config, JSON.stringify({ admin: { listen: `unix/${socketPath}` }, apps }))
  const agents = createAgents({ proxy: 'caddy', tls: {}, timeoutMs: ANSWERS_WITHIN_MS, socketPath })

  async function adminText(method: string, path: string, body?: unknown): Promise<string> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = body === undefined ? null : JSON.stringify(body)
    const dispatcher = await agents.current()
    const answer = await request(`http://localhost${path}`, { method, headers, body: sent, dispatcher, reset: true })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
    return text
  }

  async function admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const text = await adminText(method, path, body)
    return text.trim() === '' ? undefined : JSON.parse(text)
  }

  const program = makeProgram({
    file: binary,
    argv: ['run', '--resume', '--config', config],
    logFile: join(dir, 'caddy.log'),
    env: { HOME: dir, XDG_CONFIG_HOME: join(dir, 'config'), XDG_DATA_HOME: join(dir, 'data') },
    isUp: async () => (await admin('GET', '/config/')) !== undefined,
  })
  const pids = async () => [program.pid() ?? 0]
  return {
    dir,
    binary,
    socketPath,
    autosave,
    savedFile,
    admin,
    adminText,
    engine: { caddy: { admin: `unix/${socketPath}`, binary, savedFile, minReloadInterval: '1ms' } },
    // Caddy has the only file, and writes it itself.
    prepare: async () => {},
    start: async () => {
      await run('sh', [AUTOSAVE, autosave, savedFile])
      await program.start()
    },
    kill: program.kill,
    pids,
    generation: async () => (await listeningInodes(await pids())).join(' '),
    log: program.log,
    close: async () => {
      await agents.close()
      await program.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Of the sockets that Caddy listens on: it opens them anew with each configuration. */
async function listeningInodes([pid]: readonly number[]): Promise<readonly string[]> {
  const files = await readdir(`/proc/${pid}/fd`)
  const links = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')))
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []))
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/${pid}/net/${table}`, 'utf8')))
  const lines = tables.flatMap((text) => text.split('\n').map((line) => line.trim().split(/\s+/)))
  return lines
    .flatMap(([, , , state, , , , , , inode = '']) => (state === '0A' && own.has(inode) ? inode : []))
    .toSorted()
}
