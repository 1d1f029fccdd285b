/** Caddy in the edge namespace, with its admin API where the operator reaches it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { edge } from './addresses.ts'
import type { Lab, LabProcess } from './lab.ts'
import { waitFor } from './wait.ts'

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
  const home = { XDG_DATA_HOME: join(lab.dir, name), XDG_CONFIG_HOME: join(lab.dir, name), HOME: join(lab.dir, name) }
  const caddy = lab.spawn('edge', name, [options.program, 'run', '--config', configFile], home)
  const answers = async (limit: AbortSignal) => {
    const { code } = await lab.inNamespace('edge', ['curl', '-sf', '-m', '2', `${adminUrl}/config/`], limit)
    return code === 0
  }
  await waitFor(`${name} to answer`, answers, { timeoutMs: 15_000, daemons: [caddy] }, signal)
  return { ...caddy, adminUrl }
}
