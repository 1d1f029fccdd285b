import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { KubeClient } from '../kube/client.ts'
import { LeaderElection } from '../kube/lease.ts'
import { FairwayError } from '../model/problems.ts'
import type { Log } from '../operator/interfaces.ts'
import type { Writing } from './drivers.ts'
import { VERSION } from './version.ts'

export interface LeadOptions {
  /** Where the Lease is; undefined: this process is the only one, and leads at once. */
  readonly leaseNamespace: string | undefined
  readonly leaseName: string
  /** Is told the words that people have said by `fairway confirm`. */
  readonly onConfirmed?: ((words: readonly string[]) => void) | undefined
}

/** The work of a leader. `lost` aborts when it must end in the middle; `signal` when it shall end in good order. */
export type Work = (writing: Writing, lost: AbortSignal) => Promise<void>

/**
 * Does the work once this process leads, and releases the lead after it. Rejects with LeaseLost when the lead was taken away: the process
 * shall end then, and start again as a follower.
 */
export async function lead(
  options: LeadOptions,
  client: KubeClient,
  log: Log,
  work: Work,
  signal: AbortSignal,
): Promise<void> {
  const identity = `${hostname()}_${randomBytes(4).toString('hex')}`
  const { leaseNamespace: namespace, leaseName: name, onConfirmed } = options
  if (namespace === undefined) {
    const writing = { userAgent: `fairway/${VERSION} (${identity})`, epoch: 0, fence: () => undefined }
    return work(writing, new AbortController().signal)
  }
  const election = new LeaderElection({ client, namespace, name, identity, log, onConfirmed })
  const fence = () => {
    if (!election.held) throw leaseLost(name)
  }
  log.info({ identity, lease: `${namespace}/${name}` }, 'waiting for the lead')
  const tenure = await election.run(
    (epoch, lost) => work({ userAgent: `fairway/${VERSION} (${identity}; epoch ${epoch})`, epoch, fence }, lost),
    signal,
  )
  if (tenure === 'lost') throw leaseLost(name)
}

function leaseLost(name: string): FairwayError {
  return new FairwayError({
    code: 'LeaseLost',
    kind: 'transient',
    message: `The lead (Lease ${name}) was lost: another replica may write now`,
    remedy: 'Nothing: this one starts again and follows',
  })
}
