/** A real HAProxy on loopback, started as Debian's unit does: master and workers, the administrator's file first and ours behind it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMaster, type Master } from '../../src/edge/engines/haproxy/master.ts'
import { type Running, readRunning } from '../../src/edge/engines/haproxy/running.ts'
import { createHaproxyEngine } from '../../src/edge/engines/haproxy.ts'
import { makeProgram } from './program.ts'
import type { ProxyUnit } from './unit.ts'

const ANSWERS_WITHIN_MS = 10_000
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Timeouts that would be noticed if they reached our sections. */
export const HAPROXY_ADMIN = `global
  maxconn 4000

defaults
  mode tcp
  timeout client 1m
  timeout server 1m
  timeout connect 5s
`

export interface HaproxyUnit extends ProxyUnit {
  readonly adminFile: string
  readonly configFile: string
  readonly masterSocket: string
  readonly stateDir: string
  readonly master: Master
  readonly running: () => Promise<Running>
}

/** Makes a folder for an HAProxy; `start` starts it, once there is a file of ours. `admin` is the text of the administrator's file. */
export async function makeHaproxy(admin: string = HAPROXY_ADMIN): Promise<HaproxyUnit> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-haproxy-'))
  const [adminFile, configFile] = [join(dir, 'haproxy.cfg'), join(dir, 'fairway.cfg')]
  const [masterSocket, logFile, stateDir] = [join(dir, 'master.sock'), join(dir, 'haproxy.log'), join(dir, 'state')]
  await writeFile(adminFile, admin)
  const master = createMaster(masterSocket)

  async function running(): Promise<Running> {
    const found = await readRunning(master, AbortSignal.timeout(ANSWERS_WITHIN_MS))
    if (found === undefined) throw new Error('HAProxy has no worker')
    return found
  }

  const argv = ['-W', '-S', masterSocket, '-f', adminFile, '-f', configFile]
  const isUp = async () => (await running()) !== undefined
  const { start, kill, log } = makeProgram({ file: 'haproxy', argv, logFile, isUp })
  return {
    dir,
    adminFile,
    configFile,
    masterSocket,
    stateDir,
    master,
    running,
    engine: { haproxy: { configFile, adminFiles: [adminFile], masterSocket, minReloadInterval: '1ms' } },
    prepare: async () => {
      const options = { configFile, adminFiles: [adminFile], masterSocket, stateDir, log: SILENT }
      const engine = await createHaproxyEngine(options, AbortSignal.timeout(ANSWERS_WITHIN_MS))
      await engine.close()
    },
    start,
    kill,
    pids: async () => {
      const text = await master.ask('show proc', AbortSignal.timeout(ANSWERS_WITHIN_MS))
      return [...text.matchAll(/^(\d+)/gm)].map(([pid]) => Number(pid))
    },
    generation: async () => `${(await running()).worker}`,
    log,
    close: async () => {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
