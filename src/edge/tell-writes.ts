import type { Draft } from './draft.ts'
import type { Log } from './log.ts'
import { ownerName } from './owners.ts'
import type { Proposal } from './proposals.ts'
import type { Served } from './serve.ts'

interface Told extends Pick<Draft<unknown>, 'stored' | 'removed'> {
  readonly accepted: readonly Pick<Proposal<unknown>, 'owner' | 'write'>[]
}

/** Says in the log what has come of writes that count now. */
export function tellWrites({ accepted, stored, removed }: Told, { refused, how }: Served, log: Log): void {
  for (const { owner, generation, uid, epoch, table } of stored) {
    const name = ownerName(owner)
    const counts = { frontends: table.frontends.length, refused: refused.get(name)?.length ?? 0 }
    log.info({ owner: name, generation, uid, epoch, ...counts, how }, `${name} is at generation ${generation}`)
  }
  for (const { owner, write } of accepted) {
    if (write.kind !== 'adopt') continue
    const { from, uid } = write
    log.info(
      { owner: ownerName(owner), from, uid },
      `${ownerName(owner)} was adopted from the cluster with UID ${from}`,
    )
  }
  for (const owner of removed) log.info({ owner: ownerName(owner) }, `${ownerName(owner)} is removed`)
}
