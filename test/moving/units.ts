/** As much of systemd as the documents use: it reads the real units and drop-ins, and runs what they say. Users, capabilities and sandboxes it leaves out. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

const OWN = '/etc/systemd/system'
const DISTRIBUTION = '/lib/systemd/system'
/** Where the shim of systemctl asks. */
const SOCKET = '/run/systemctl.sock'
const LOGS = '/run/units'

interface Unit {
  readonly keys: ReadonlyMap<string, readonly string[]>
  child: ChildProcess | undefined
  stopping: boolean
}

export interface Units {
  /** As `systemctl` with these words. Rejects where it would fail. */
  readonly systemctl: (...words: readonly string[]) => Promise<void>
  readonly pid: (name: string) => number | undefined
  readonly log: (name: string) => string
}

/** Takes the place of systemd, for whoever runs `systemctl` on this machine. */
export async function startUnits(): Promise<Units> {
  mkdirSync(LOGS)
  const units = new Map<string, Unit>()
  const systemctl = (...words: readonly string[]) => runCommand(units, words)
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => systemctl(...body.split(' ')))
      .then(
        () => response.end(),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  }).listen(SOCKET)
  await once(server, 'listening')
  return { systemctl, pid: (name) => units.get(name)?.child?.pid, log }
}

function log(name: string): string {
  const path = join(LOGS, `${name}.log`)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

async function runCommand(units: Map<string, Unit>, words: readonly string[]): Promise<void> {
  const [verb = '', ...rest] = words.filter((word) => word !== '--now')
  const names = rest.map((word) => word.replace(/\.service$/, ''))
  const now = words.includes('--now')
  if (verb === 'daemon-reload') {
    for (const [name, unit] of units) units.set(name, Object.assign(unit, { keys: readKeys(name) }))
    return
  }
  for (const name of names) {
    const unit = units.get(name) ?? { keys: readKeys(name), child: undefined, stopping: false }
    units.set(name, unit)
    if (verb === 'start' || (verb === 'enable' && now)) await start(name, unit)
    else if (verb === 'stop' || (verb === 'disable' && now)) await stop(unit)
    else if (verb === 'reload') for (const line of unit.keys.get('ExecReload') ?? []) await execute(name, unit, line)
    else if (verb === 'restart') {
      await stop(unit)
      await start(name, unit)
    } else if (verb !== 'enable' && verb !== 'disable') throw new Error(`systemctl ${words.join(' ')}: not known here`)
  }
}

/** The keys of [Service], each with its values in order: an empty one forgets those before it (systemd.syntax(7)). */
function readKeys(name: string): Unit['keys'] {
  const main = [OWN, DISTRIBUTION].map((dir) => join(dir, `${name}.service`)).find(existsSync)
  if (main === undefined) throw new Error(`Unit ${name}.service not found.`)
  const dropIns = join(OWN, `${name}.service.d`)
  const more = existsSync(dropIns) ? readdirSync(dropIns).toSorted() : []
  const keys = new Map<string, readonly string[]>()
  for (const file of [main, ...more.map((one) => join(dropIns, one))]) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [, key = '', value = ''] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? []
      if (key !== '') keys.set(key, value === '' ? [] : [...(keys.get(key) ?? []), value])
    }
  }
  return keys
}

/** Quotes and variables of a command mean to a shell what they mean to systemd, as far as units here go. */
function spawnLine(name: string, { keys, child }: Unit, line: string, before = ''): ChildProcess {
  const output = openSync(join(LOGS, `${name}.log`), 'a')
  const exported = (keys.get('Environment') ?? []).map((words) => `export ${words}\n`).join('')
  const files = (keys.get('EnvironmentFile') ?? []).map((path) => path.replace(/^-/, '')).filter(existsSync)
  const read = files.map((path) => `set -a; . ${path}; set +a\n`).join('')
  const script = `${exported}${read}${before}${line.replace(/^[-@:+!]+/, '')}`
  const started = spawn('sh', ['-c', script], {
    stdio: ['ignore', output, output],
    cwd: keys.get('WorkingDirectory')?.at(-1) ?? '/',
    env: { ...process.env, MAINPID: String(child?.pid ?? '') },
    detached: true,
  })
  closeSync(output)
  return started
}

async function start(name: string, unit: Unit): Promise<void> {
  if (unit.child !== undefined) return
  for (const state of unit.keys.get('StateDirectory') ?? []) mkdirSync(join('/var/lib', state), { recursive: true })
  for (const line of unit.keys.get('ExecStartPre') ?? []) await execute(name, unit, line)
  const line = unit.keys.get('ExecStart')?.at(-1) ?? ''
  const child = spawnLine(name, unit, line, 'exec ')
  unit.child = child
  unit.stopping = false
  child.once('exit', () => {
    unit.child = undefined
    if (unit.stopping || unit.keys.get('Restart') === undefined) return
    const again = setTimeout(() => void start(name, unit).catch(() => {}), 2_000)
    again.unref()
  })
  for (const post of unit.keys.get('ExecStartPost') ?? []) await execute(name, unit, post)
  // Units of type notify and exec fail here where the program ends at once.
  await sleep(300)
  if (unit.child === undefined) throw new Error(`Job for ${name}.service failed:\n${log(name)}`)
}

async function stop(unit: Unit): Promise<void> {
  const { child } = unit
  unit.stopping = true
  if (child?.pid === undefined) return
  const gone = once(child, 'exit')
  process.kill(child.pid, 'SIGTERM')
  await gone
}

async function execute(name: string, unit: Unit, line: string): Promise<void> {
  const [code] = (await once(spawnLine(name, unit, line), 'exit')) as [number | null]
  if (code !== 0 && !line.startsWith('-')) throw new Error(`${name}.service: ${line}: ${code}\n${log(name)}`)
}
