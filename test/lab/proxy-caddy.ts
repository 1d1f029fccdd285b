/** Caddy in the edge namespace: with its admin API where an operator reaches it, or beside an edge. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { edge } from './addresses.ts'
import type { Lab, LabProcess } from './lab.ts'
import { deployed, makeFolder, type ProxyProgram } from './proxy-program.ts'
import { createUnit } from './unit.ts'
import { waitFor } from './wait.ts'

/** What comes before each start, and the start. */
const START = 'sh "$0" "$1" "$2"; shift 2; exec "$@"'
const AUTOSAVE = resolve(import.meta.dirname, '../../deploy/edge/caddy-autosave')

export interface CaddyOptions {
  /** The program: buildCaddy gives it. */
  readonly program: string
  /** Tells several apart: of the log and the data directory. */
  readonly name?: string
  readonly port?: number
  /** Merged over a configuration that has the admin endpoint alone. */
  readonly config?: Readonly<Record<string, unknown>>
}

export interface CaddyProcess extends LabProcess {
  /** Of the admin API, without a slash at the end. */
  readonly adminUrl: string
}

/** Starts Caddy and waits until its admin API answers. The admin endpoint has no authentication: a lab's edge is closed. */
export async function startCaddy(lab: Lab, options: CaddyOptions, signal: AbortSignal): Promise<CaddyProcess> {
  const { name = 'caddy', port = 2019 } = options
  const adminUrl = `http://${edge.v4}:${port}`
  const configFile = join(lab.dir, `${name}.json`)
  const config = { admin: { listen: `${edge.v4}:${port}`, config: { persist: false } }, ...options.config }
  writeFileSync(configFile, JSON.stringify(config))
  const argv = [options.program, 'run', '--config', configFile]
  const caddy = lab.spawn('edge', name, argv, homeIn(join(lab.dir, name)))
  const answers = async (limit: AbortSignal) => answersCurl(lab, [`${adminUrl}/config/`], limit)
  await waitFor(`${name} to answer`, answers, { timeoutMs: 15_000, daemons: [caddy] }, signal)
  return { ...caddy, adminUrl }
}

/** As the unit of Caddy's package runs it with the files of deploy/edge. `name` is of the unit and of its folder, `binary` what buildSmallCaddy gives. */
export function prepareCaddy(lab: Lab, name: string, binary: string): ProxyProgram {
  const dir = makeFolder(lab, name)
  const [configFile, socket] = [join(dir, 'fairway.json'), join(dir, 'admin.sock')]
  const [autosave, saved] = [join(dir, 'caddy/autosave.json'), join(dir, 'saved.json')]
  writeFileSync(configFile, deployed('caddy.json', { '/run/caddy/admin.sock': socket }))
  const config = ['--unix-socket', socket, 'http://localhost/config/']
  return {
    engine: { caddy: { admin: `unix/${socket}`, binary, savedFile: saved } },
    unit: createUnit(lab, {
      name,
      argv: ['sh', '-c', START, AUTOSAVE, autosave, saved, binary, 'run', '--resume', '--config', configFile],
      env: homeIn(dir),
      answers: async (signal) => answersCurl(lab, config, signal),
    }),
    needs: [],
    look: `curl ${config.join(' ')}`,
  }
}

function homeIn(dir: string): NodeJS.ProcessEnv {
  return { XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir, HOME: dir }
}

async function answersCurl(lab: Lab, args: readonly string[], signal: AbortSignal): Promise<boolean> {
  return (await lab.inNamespace('edge', ['curl', '-sf', '-m', '2', ...args], signal)).code === 0
}
