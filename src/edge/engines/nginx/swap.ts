import { setTimeout as sleep } from 'node:timers/promises'
import { errorText, FairwayError, type Problem } from '../../../model/problems.ts'
import { writeDurably } from '../common/durable-file.ts'
import { findLoaded } from './bound.ts'
import { type LogTail, tailLog } from './error-log.ts'
import { removeLeftovers } from './leftovers.ts'
import type { Rendered } from './render.ts'
import type { Running } from './running.ts'
import { askStatus } from './status.ts'
import type { Tools } from './tools.ts'
import { findWorkers, isMaster, type Workers } from './workers.ts'

/** A reload of 5,000 frontends takes a second or two. One that cannot bind takes 2.5 s: nginx tries five times. */
const RELOAD_TAKES_AT_MOST_MS = 20_000
const LOOK_EVERY_MS = 20
/** More workers from before reloads than this are worth a word. */
const MANY_LEAVING = 50

/**
 * Puts the staged file, which nginx finds valid, in place and has nginx load it. Resolves with what nginx has against it, which is none where it is
 * served by all workers that take connections: otherwise nginx goes on with what it had, and the file before is put back. Once nginx has been told,
 * the caller's signal does not end this: what was begun must not be left half done.
 */
export async function swapIn(
  tools: Tools,
  { shape, text }: Rendered,
  running: Running,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { config, lastGood, options } = tools
  await tools.reloadPace(signal)
  const [before, loaded] = [await config.read(), await findLoaded(tools, running)]
  const [log, old] = [await tailLog(options.errorLog, options.log), await findWorkers(running.master)]
  signal.throwIfAborted()
  const stuck = loaded === undefined ? [] : await removeLeftovers(options.socketDir, loaded)
  for (const why of stuck) options.log.warn({}, `a socket that nginx has left behind stays: ${why}`)
  await config.commit()
  const wanted = { shape, master: running.master, old: new Set(old.active) }
  const done = await reload(tools, wanted, log).catch((error: unknown) => asFailure(error))
  if ('leaving' in done) {
    tellLeaving(tools, old, done)
    await writeDurably(lastGood, text)
    return []
  }
  options.log.warn({ path: config.path }, `nginx goes on with the configuration before: ${done.why}`)
  // A file that an edge put there just before it ended, or that somebody edited, may never have run.
  const good = loaded ?? before
  if (good !== undefined) await writeDurably(config, good)
  if (done.problem !== undefined) throw new FairwayError(done.problem)
  return done.messages
}

interface Failure {
  readonly why: string
  readonly messages: readonly string[]
  /** Nobody's frontend. */
  readonly problem: Problem | undefined
}

interface Wanted {
  readonly shape: string
  readonly master: number
  /** Workers that took connections before. */
  readonly old: ReadonlySet<number>
}

/** Reloads, and waits until workers that serve the shape take all connections, or nginx says why there are none. */
async function reload({ options }: Tools, wanted: Wanted, log: LogTail): Promise<Workers | Failure> {
  const deadline = AbortSignal.timeout(RELOAD_TAKES_AT_MOST_MS)
  tellMaster(wanted.master)
  for (;;) {
    const status = await askStatus(options.socketDir, deadline).catch(() => undefined)
    if (status?.shape === wanted.shape && !wanted.old.has(status.worker)) {
      const workers = await findWorkers(wanted.master)
      // New workers are there for 100 ms before the old ones close their sockets.
      if (!workers.active.some((pid) => wanted.old.has(pid))) return workers
    }
    const messages = await log.emergencies(wanted.master)
    if (isOver(messages)) return { why: messages.join('; '), messages, problem: undefined }
    if (status === undefined && !(await isMaster(wanted.master))) throw new FairwayError(gone())
    if (deadline.aborted) throw new FairwayError(notLoaded(options.errorLog))
    await sleep(LOOK_EVERY_MS)
  }
}

/** nginx tries again and again to bind what is in use, and then says so. Whatever else it says ends the reload. */
function isOver(messages: readonly string[]): boolean {
  return messages.some((message) => !/^bind\(\) to \S+ failed \(98:/.test(message))
}

function asFailure(error: unknown): Failure {
  if (!(error instanceof FairwayError)) throw error
  return { why: error.problem.message, messages: [], problem: error.problem }
}

function tellMaster(master: number): void {
  try {
    process.kill(master, 'SIGHUP')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') throw new FairwayError(gone(), error)
    const message = `nginx cannot be told to reload: ${errorText(error)}`
    const remedy = 'Run nginx as the user of the edge, or give the edge CAP_KILL'
    throw new FairwayError({ code: 'ProxyUnauthorized', kind: 'transient', message, remedy }, error)
  }
}

function tellLeaving({ options }: Tools, before: Workers, { leaving }: Workers): void {
  options.log.info({ leaving: leaving.length }, 'reloaded nginx')
  if (leaving.length <= MANY_LEAVING || before.leaving.length > MANY_LEAVING) return
  const advice = 'set worker_shutdown_timeout in its configuration, or minReloadInterval in edge.yaml'
  options.log.warn({ leaving: leaving.length }, `many workers of nginx serve connections of before reloads; ${advice}`)
}

function gone(): Problem {
  const message = 'the proxy program behind the edge does not run: nginx ended while it was told to reload'
  return { code: 'ProxyUnreachable', kind: 'transient', message, remedy: 'Look at the unit of nginx, and into its log' }
}

function notLoaded(errorLog: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'transient',
    message: `nginx was told to reload, and its workers do not serve the new configuration after ${RELOAD_TAKES_AT_MOST_MS / 1_000} s`,
    remedy: `Look into ${errorLog}; edge.yaml must name the log of its main level, and this user must be able to read it`,
  }
}
