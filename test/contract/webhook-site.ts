/** A machine as poor-mans-k8s-lb has it: adnanh/webhook (Debian's package), a script that it starts, and the HAProxy that the script writes files for. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority, issueServerCertificate } from '../../src/edge/certificates.ts'
import { makeProgram } from '../edge-lab/program.ts'
import { freePort } from '../lab/free-port.ts'
import { isOpen } from './clients.ts'

const SCRIPTS = resolve(import.meta.dirname, 'webhook-site')
/** Debian's HAProxy wants no more. A bind that fails must not be hidden by another process of tests. */
const HEAD = `global
  maxconn 1000
defaults
  timeout connect 5s
  timeout client 1m
  timeout server 1m
# HAProxy does not start when nothing listens.
listen idle
  bind unix@idle.sock
  tcp-request connection reject
`
export const SITE_TOKEN = 'ilovecheese'

export interface SiteWishes {
  /** Where webhook listens, and where ports are opened. */
  readonly address: string
  readonly bind: string
  readonly secure?: boolean
  /** Whether the hook has the argument of newer clients. */
  readonly sendProxy?: boolean
  /** Whether the answer comes after the script, with what it said. */
  readonly output?: boolean
}

export interface Site {
  /** Of the hook. */
  readonly url: string
  readonly tokenFile: string
  readonly caFile: string | undefined
  readonly dir: string
  /** What the script was started for: `add 8080`, in this order. Waits until all of it is over. */
  readonly runs: () => Promise<readonly string[]>
  /** The piece of a port; undefined: there is none. */
  readonly piece: (port: number) => Promise<string | undefined>
  readonly ports: () => Promise<readonly number[]>
  /** Ends all of it as a power cut would, and starts it again. */
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Why such a machine cannot be had here. */
export const NO_SITE = hasProgram('webhook') ? undefined : 'needs adnanh/webhook: apt-get install webhook'

function hasProgram(name: string): boolean {
  try {
    execFileSync('which', [name], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const folders = new Set<string>()
process.on('exit', () => {
  for (const dir of folders) killAll(dir)
})

/** The HAProxys of a folder, which are nobody's children. */
function killAll(dir: string): void {
  let pids: readonly number[] = []
  try {
    pids = readFileSync(join(dir, 'pids'), 'utf8').split('\n').filter(Boolean).map(Number)
  } catch {
    // None was started.
  }
  for (const pid of new Set(pids)) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('haproxy.cfg')) process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
}

export async function startSite(wishes: SiteWishes): Promise<Site> {
  const { address, bind, secure = false } = wishes
  const dir = await mkdtemp(join(tmpdir(), 'fairway-webhook-'))
  folders.add(dir)
  const port = await freePort(address)
  await cp(SCRIPTS, dir, { recursive: true })
  await mkdir(join(dir, 'pieces'))
  await writeFile(join(dir, 'head.cfg'), HEAD)
  await writeFile(join(dir, 'haproxy.cfg'), HEAD)
  await writeFile(join(dir, 'pieces/0.cfg'), '# so that there is one\n')
  await writeFile(join(dir, 'token'), `${SITE_TOKEN}\n`)
  await writeFile(join(dir, 'hooks.json'), JSON.stringify([hookOf(dir, wishes)]))
  if (secure) await makeCertificate(dir, address)
  const tls = secure ? ['-secure', '-cert', join(dir, 'site.crt'), '-key', join(dir, 'site.key')] : []
  const argv = ['-ip', address, '-port', String(port), '-hooks', join(dir, 'hooks.json'), '-verbose', ...tls]
  const logFile = join(dir, 'webhook.log')
  const isUp = () => isOpen({ address, port })
  const webhook = makeProgram({ file: 'webhook', argv, logFile, env: { BIND: bind }, isUp })
  const start = async () => {
    execFileSync('./reload.sh', { cwd: dir })
    await webhook.start()
  }
  const kill = async () => {
    await webhook.kill()
    killAll(dir)
    await rm(join(dir, 'haproxy.pid'), { force: true })
  }
  const runs = async () => {
    for (;;) {
      const lines = (await readFile(join(dir, 'runs'), 'utf8').catch(() => '')).split('\n').filter(Boolean)
      const [begun, ended] = ['begin', 'end'].map((word) => lines.filter((line) => line.startsWith(word)))
      const asked = (await webhook.log()).split('hook triggered successfully').length - 1
      if (begun !== undefined && begun.length === asked && ended?.length === asked)
        return begun.map((line) => line.split(' ').toSpliced(0, 1).toReversed().join(' '))
      await sleep(20)
    }
  }
  const close = async () => {
    await kill()
    await rm(dir, { recursive: true, force: true })
    folders.delete(dir)
  }
  try {
    await start()
  } catch (error) {
    await close()
    throw error
  }
  return {
    url: `http${secure ? 's' : ''}://${address}:${port}/hooks/update-haproxy`,
    tokenFile: join(dir, 'token'),
    caFile: secure ? join(dir, 'ca.crt') : undefined,
    dir,
    runs,
    piece: (one) => readFile(join(dir, `pieces/${one}.cfg`), 'utf8').catch(() => undefined),
    ports: async () => (await readdir(join(dir, 'pieces'))).flatMap((name) => Number.parseInt(name, 10) || []),
    kill,
    restart: start,
    close,
  }
}

/** In the form of the recipe. */
function hookOf(dir: string, { sendProxy = true, output = false }: SiteWishes): object {
  const names = ['name', 'frontend-port', 'backend-port', 'dst-ip', 'action', ...(sendProxy ? ['send-proxy'] : [])]
  return {
    id: 'update-haproxy',
    'execute-command': join(dir, 'update-haproxy.sh'),
    'command-working-directory': dir,
    'pass-arguments-to-command': names.map((name) => ({ source: 'payload', name })),
    'include-command-output-in-response': output,
    'trigger-rule': {
      match: { type: 'value', value: SITE_TOKEN, parameter: { source: 'header', name: 'X-Funkypenguin-Token' } },
    },
  }
}

async function makeCertificate(dir: string, address: string): Promise<void> {
  const authority = await createAuthority('the site', new Date())
  const { cert, key } = await issueServerCertificate(authority, [address], new Date())
  await writeFile(join(dir, 'ca.crt'), authority.cert)
  await writeFile(join(dir, 'site.crt'), cert)
  await writeFile(join(dir, 'site.key'), key)
}
