/** A real nginx on loopback, started as its unit does: in the foreground, with an empty folder for its sockets, and a file of ours in its `stream` block. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Running, readRunning } from '../../src/edge/engines/nginx/running.ts'
import { findWorkers, type Workers } from '../../src/edge/engines/nginx/workers.ts'
import { createNginxEngine } from '../../src/edge/engines/nginx.ts'
import { type Command, makeProgram } from './program.ts'
import type { ProxyUnit } from './unit.ts'

/** A newer one than Debian's may be named; one that has the stream module built in needs no module to load. */
export const NGINX = process.env['FAIRWAY_NGINX'] ?? '/usr/sbin/nginx'
const MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'

const ANSWERS_WITHIN_MS = 10_000
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export interface NginxUnit extends ProxyUnit {
  readonly mainFile: string
  readonly configFile: string
  readonly socketDir: string
  readonly errorLog: string
  readonly stateDir: string
  readonly running: () => Promise<Running>
  readonly workers: () => Promise<Workers>
}

export interface NginxAdmin {
  /** In the administrator's `stream` block, before ours: settings that would be noticed if they reached our servers. */
  readonly stream?: string
  /** On the main level. */
  readonly main?: string
}

/** Makes a folder for an nginx; `start` starts it, once there is a file of ours. */
export async function makeNginx(admin: NginxAdmin = {}): Promise<NginxUnit> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-nginx-'))
  const [mainFile, configFile] = [join(dir, 'admin.conf'), join(dir, 'ours', 'fairway.conf')]
  const [socketDir, errorLog, stateDir] = [join(dir, 'run'), join(dir, 'error.log'), join(dir, 'state')]
  await writeFile(mainFile, mainText(dir, configFile, admin))

  async function running(): Promise<Running> {
    const found = await readRunning(socketDir, AbortSignal.timeout(ANSWERS_WITHIN_MS))
    if (found === undefined) throw new Error('nginx does not run')
    return found
  }

  const command: Command = {
    file: NGINX,
    argv: ['-e', 'stderr', '-c', mainFile, '-g', 'daemon off;'],
    logFile: join(dir, 'output.log'),
    isUp: async () => (await running()) !== undefined,
  }
  const program = makeProgram(command)
  const workers = async () => findWorkers((await running()).master)
  const files = { mainFile, configFile, socketDir, errorLog }
  return {
    dir,
    ...files,
    stateDir,
    engine: { nginx: { ...files, binary: NGINX, minReloadInterval: '1ms' } },
    prepare: async () => {
      const options = { ...files, binary: NGINX, stateDir, log: SILENT }
      const engine = await createNginxEngine(options, AbortSignal.timeout(ANSWERS_WITHIN_MS))
      await engine.close()
    },
    start: async () => {
      // As the unit does: sockets of one that was killed are in the way of its next start.
      for (const name of await readdir(socketDir)) await rm(join(socketDir, name))
      await program.start()
    },
    kill: program.kill,
    pids: async () => {
      const { master } = await running()
      const { active, leaving } = await findWorkers(master)
      return [master, ...active, ...leaving]
    },
    running,
    workers,
    generation: async () => (await workers()).active.toSorted((a, b) => a - b).join(' '),
    log: async () => `${await program.log()}${await readFile(errorLog, 'utf8').catch(() => '')}`,
    close: async () => {
      await program.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function mainText(dir: string, configFile: string, { stream = '', main = '' }: NginxAdmin): string {
  return `${NGINX === '/usr/sbin/nginx' ? `load_module ${MODULE};\n` : ''}user root;
worker_processes 2;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log notice;
${main}
events {
  worker_connections 16384;
}

stream {
${stream}
  include ${configFile};
}
`
}
