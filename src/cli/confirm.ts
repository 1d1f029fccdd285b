import { setTimeout as delay } from 'node:timers/promises'
import type { KubeClient } from '../kube/client.ts'
import { isHeard, sayWord, unsayWord } from '../kube/confirm.ts'
import type { LeaseId } from '../kube/read-once.ts'
import { FairwayError } from '../model/problems.ts'
import { line } from '../report/lines.ts'
import { API_VERSION } from '../report/survey.ts'
import { type Report, withProgress } from './output.ts'
import { type ViewFlags, withCluster } from './settings.ts'

export interface ConfirmFlags extends Pick<ViewFlags, 'kubeconfig' | 'context'> {
  readonly leaseNamespace: string
  readonly leaseName: string
}

/** The leader renews the Lease every two seconds. */
const ASK_MS = 500
/** For a word that nobody hears. */
const TAKE_BACK_MS = 5_000

/**
 * `fairway confirm`: tells the operator that leads to let go of what the guard holds back under a word. Resolves once it has heard it. Rejects when there
 * is no Lease, and when nobody hears it before the signal.
 */
export async function confirm(word: string, flags: ConfirmFlags, signal: AbortSignal): Promise<Report> {
  const { leaseNamespace: namespace, leaseName: name } = flags
  const lease = { namespace, name }
  return withCluster({ ...flags, config: '', askProxies: false }, async (client) => {
    if (!(await sayWord(client, lease, word, signal))) throw noLease(`${namespace}/${name}`)
    await withProgress('waiting for the operator to hear it', beHeard(client, lease, word, signal))
    return {
      document: { apiVersion: API_VERSION, kind: 'Confirmation', word, lease: `${namespace}/${name}` },
      lines: [
        line(`The operator has heard ${word}: what it holds back under this word goes with its next pass.`, 'good'),
      ],
      exitCode: 0,
    }
  })
}

async function beHeard(client: KubeClient, lease: LeaseId, word: string, signal: AbortSignal): Promise<void> {
  const name = `${lease.namespace}/${lease.name}`
  try {
    for (;;) {
      const heard = await isHeard(client, lease, word, signal)
      if (heard === undefined) throw noLease(name)
      if (heard) return
      await delay(ASK_MS, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
    await unsayWord(client, lease, word, AbortSignal.timeout(TAKE_BACK_MS))
    throw unheard(name, word, error)
  }
}

function unheard(name: string, word: string, error: unknown): FairwayError {
  return new FairwayError(
    {
      code: 'LeaseLost',
      kind: 'transient',
      message: `No operator has taken ${word} off the Lease ${name}, so it was taken back`,
      remedy: 'See that an operator leads ("kubectl get lease" names the holder), and say it again',
    },
    error,
  )
}

function noLease(name: string): FairwayError {
  return new FairwayError({
    code: 'ConfigInvalid',
    kind: 'terminal',
    message: `There is no Lease ${name}, by which an operator would hear it`,
    remedy: 'Name it by --lease-namespace and --lease-name; an operator without a Lease is told by guard.maxRemoval',
  })
}
