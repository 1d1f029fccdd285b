import { setTimeout as delay } from 'node:timers/promises'
import { isHeard, sayWord } from '../kube/confirm.ts'
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

/**
 * `fairway confirm`: tells the operator that leads to let go of what the guard holds back under a word. Resolves once it has heard it. Rejects when there
 * is no Lease, and when nobody hears it before the signal.
 */
export async function confirm(word: string, flags: ConfirmFlags, signal: AbortSignal): Promise<Report> {
  const { leaseNamespace: namespace, leaseName: name } = flags
  const lease = { namespace, name }
  return withCluster({ ...flags, config: '', askProxies: false }, async (client) => {
    if (!(await sayWord(client, lease, word, signal))) throw noLease(`${namespace}/${name}`)
    const heard = async () => {
      while (!(await isHeard(client, lease, word, signal))) await delay(ASK_MS, undefined, { signal })
    }
    await withProgress('waiting for the operator to hear it', heard())
    return {
      document: { apiVersion: API_VERSION, kind: 'Confirmation', word, lease: `${namespace}/${name}` },
      lines: [
        line(`The operator has heard ${word}: what it holds back under this word goes with its next pass.`, 'good'),
      ],
      exitCode: 0,
    }
  })
}

function noLease(name: string): FairwayError {
  return new FairwayError({
    code: 'ConfigInvalid',
    kind: 'terminal',
    message: `There is no Lease ${name}, by which an operator would hear it`,
    remedy: 'Name it by --lease-namespace and --lease-name; an operator without a Lease is told by guard.maxRemoval',
  })
}
