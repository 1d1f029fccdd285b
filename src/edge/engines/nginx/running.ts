import { setTimeout as sleep } from 'node:timers/promises'
import { FairwayError, type Problem } from '../../../model/problems.ts'
import { askStatus, type Status } from './status.ts'
import { findMaster } from './workers.ts'

/** What runs of nginx, as one of its workers tells. */
export interface Running extends Status {
  /** Process id. */
  readonly master: number
}

/** A worker may end between its answer and the next look at it. */
const TRIES = 3
const TRY_AFTER_MS = 50

/** What runs; undefined: nothing that has loaded our file. */
export async function readRunning(socketDir: string, signal: AbortSignal): Promise<Running | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const status = await askStatus(socketDir, signal)
    if (status === undefined) return undefined
    const master = await findMaster(status.worker)
    if (master !== undefined) return { ...status, master }
    await sleep(TRY_AFTER_MS, undefined, { signal })
  }
  throw new FairwayError(noMaster())
}

function noMaster(): Problem {
  return {
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: 'nginx answers, but its master process cannot be found in /proc',
    remedy: 'Run it on this machine with a master process, and let this user see the processes of others (hidepid)',
  }
}
