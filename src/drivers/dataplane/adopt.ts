import type { Holding } from '../../model/adoption.ts'
import type { Adopter } from '../../model/driver.ts'
import { FairwayError } from '../../model/problems.ts'
import { reloadProblem } from './apply.ts'
import type { DataplaneClient } from './client.ts'
import { notConfirmed } from './errors.ts'
import { countFrontends, findNamed, markAnew } from './estates.ts'
import type { Operation } from './operations.ts'
import type { DataplaneOptions } from './options.ts'
import { readConfiguration } from './snapshot.ts'
import { commitOperations } from './transaction.ts'

/** What `fairway adopt` asks of a driver. */
export function createAdopter(client: DataplaneClient, options: DataplaneOptions): Adopter {
  return {
    holdings: (signal) => readHoldings(client, options, signal),
    adopt: (from, signal) => adoptSections(client, options, from, signal),
  }
}

/** Who holds the sections that bear our name. One whose mark is gone is ours by its name. */
async function readHoldings(
  client: DataplaneClient,
  options: DataplaneOptions,
  signal: AbortSignal,
): Promise<readonly Holding[]> {
  const { owner } = options
  const { sections } = await readConfiguration(client, options, signal)
  const byUid = Map.groupBy(findNamed(owner, sections), ({ uid = owner.uid }) => uid)
  return [...byUid].map(([uid, named]) => {
    const counts = named.map(({ kind, section }) =>
      kind === 'frontends' ? countFrontends(section, sections.backends) : 0,
    )
    return { uid, frontends: counts.reduce((sum, count) => sum + count, 0), writtenAt: undefined }
  })
}

/** Puts our UID into the marks of all sections of our name that bear another: one transaction and one reload, of comments alone. */
async function adoptSections(
  client: DataplaneClient,
  options: DataplaneOptions,
  from: string,
  signal: AbortSignal,
): Promise<void> {
  const { owner, proxy, log } = options
  const { version, sections } = await readConfiguration(client, options, signal)
  const named = findNamed(owner, sections).filter(({ uid }) => uid === from)
  if (named.length === 0) return
  const replace = (uid: string) =>
    named.map(({ kind, section }): Operation => {
      return { method: 'PUT', kind, name: section.name, body: markAnew(section, uid) }
    })
  const ended = await commitOperations(client, options, version, replace(owner.uid), signal)
  if (ended.status === 'failed') {
    // The API goes on with what was committed, see `undo` in apply.ts.
    const now = await readConfiguration(client, options, signal)
    const undone = await commitOperations(client, options, now.version, replace(from), signal)
    if (undone.status === 'failed')
      throw new FairwayError(notConfirmed(options, 'could not be brought back to the one before'))
    throw new FairwayError(reloadProblem(options, ended.text))
  }
  log.info({ proxy, from, sections: named.length }, 'adopted sections')
}
