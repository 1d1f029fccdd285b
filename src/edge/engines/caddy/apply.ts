import { isDeepStrictEqual } from 'node:util'
import { type Servers, writeServers } from '../../../caddy/apps.ts'
import { type BindError, covers, parseBindError } from '../../../caddy/bind-error.ts'
import type { AdminClient } from '../../../caddy/client.ts'
import { answerProblem, caddyText, notConfirmed } from '../../../caddy/errors.ts'
import { FairwayError, type Problem } from '../../../model/problems.ts'
import type { Log } from '../../log.ts'
import { socketText } from '../../sockets.ts'
import { socketOf } from '../common/by-socket.ts'
import { type DurableFile, writeDurably } from '../common/durable-file.ts'
import type { BoundFrontend, EngineApplied, EngineState } from '../engine.ts'
import { acceptForCaddy, drawServers, keyOf } from './drawing.ts'
import { bindProblem, createObstacles, type ObstacleParts } from './obstacles.ts'
import { type Running, readRunning } from './running.ts'

export interface Tools extends ObstacleParts {
  readonly client: AdminClient
  readonly saved: DurableFile
  readonly reloadPace: (signal: AbortSignal) => Promise<void>
  readonly log: Log
}

export interface Outcome extends EngineApplied {
  /** All but those refused. */
  readonly served: readonly BoundFrontend[]
}

/** Somebody else writes, an answer is lost, a socket cannot be bound: more often than this it is something else. */
const MOST_ROUNDS = 6
/** Each write that fails to bind leaves listeners behind: a few that name something new, never a search for the culprit. */
const MOST_BIND_ERRORS = 3

/**
 * Brings Caddy to a state by one compare-and-swap write of all layer4 servers, others' as they were read, and reads it back. Nothing is remembered: a
 * Caddy that came up without our servers gets them again.
 */
export async function applyState(tools: Tools, state: EngineState, signal: AbortSignal): Promise<Outcome> {
  const { client, endpoint } = tools
  const accepted = acceptForCaddy(state)
  const drawn = drawServers(accepted.frontends, state.groups)
  const obstaclesOn = await createObstacles(tools, accepted.frontends)
  const failed: BindError[] = []
  let wrote = false
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const running = await readRunning(client, endpoint, signal)
    await keep(tools.saved, running.text)
    const findObstacle = obstaclesOn(running, failed)
    const obstacles = accepted.frontends.map((bound) => [bound, findObstacle(bound)] as const)
    const served = obstacles.flatMap(([bound, problem]) => (problem === undefined ? [bound] : []))
    const keys = new Set(served.map(keyOf))
    const servers = mergeServers(running, new Map([...drawn].filter(([key]) => keys.has(key))))
    if (isSame(running.apps.servers, servers)) {
      const refused = obstacles.flatMap(([{ id }, problem]) => (problem === undefined ? [] : [{ id, problem }]))
      return { refused: [...accepted.refused, ...refused], how: wrote ? 'reload' : 'nothing', served }
    }
    await tools.reloadPace(signal)
    const result = await tryWrite(tools, running, servers, signal)
    if (result === 'written') wrote = true
    else if (result !== 'overtaken') failed.push(learn(tools, result, served, failed.length))
  }
  throw new FairwayError(notConfirmed(endpoint, 'it shows another one'))
}

/** Keeps what Caddy runs with: before a write, which may cut off the file of Caddy's own, and before a state counts as applied. */
async function keep(saved: DurableFile, text: string): Promise<void> {
  if ((await saved.read()) !== text) await writeDurably(saved, text)
}

/** Others' servers as they are, and ours. */
function mergeServers({ apps, ours }: Running, drawn: Servers): Servers {
  return new Map([...[...apps.servers].filter(([key]) => !ours.has(key)), ...drawn])
}

function isSame(running: Servers, wanted: Servers): boolean {
  if (running.size !== wanted.size) return false
  return [...wanted].every(([key, json]) => running.has(key) && isDeepStrictEqual(running.get(key), json))
}

interface FailedWrite {
  readonly error: BindError
  readonly problem: Problem
}

/** Throws what Caddy rejects without naming a socket. `written`: perhaps, where the answer was lost; the next reading tells. */
async function tryWrite(
  { client, endpoint, log }: Tools,
  { apps }: Running,
  servers: Servers,
  signal: AbortSignal,
): Promise<'written' | 'overtaken' | FailedWrite> {
  log.debug({ servers: servers.size }, 'writing servers to Caddy')
  const answer = await writeServers(client, apps, servers, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    if (error instanceof FairwayError) return undefined
    throw error
  })
  if (answer === undefined || answer.status < 300) return 'written'
  const problem = answerProblem(endpoint, answer.status, answer.body)
  if (problem.code === 'RevisionConflict') return 'overtaken'
  const error = answer.status === 500 ? parseBindError(caddyText(answer.body)) : undefined
  if (error === undefined) throw new FairwayError(problem)
  return { error, problem }
}

/** Leaves out for a while what an error names of ours; throws where it names nothing, or there are too many of them. */
function learn(
  { failedStarts, log }: Tools,
  { error, problem }: FailedWrite,
  served: readonly BoundFrontend[],
  known: number,
): BindError {
  const named = served.map(socketOf).filter((socket) => covers(error, socket))
  if (named.length === 0 || known >= MOST_BIND_ERRORS) throw new FairwayError(problem)
  for (const socket of named) failedStarts.add(socketText(socket), bindProblem(socket, error))
  log.warn(
    { socket: socketText(error), reason: error.reason },
    'Caddy cannot bind a socket; its frontends are left out',
  )
  return error
}
