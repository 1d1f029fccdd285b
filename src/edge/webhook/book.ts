import type { WebhookStyle } from '../../config/edge-webhook.ts'
import { errorText } from '../../model/problems.ts'
import { EMPTY_TABLE, type Table } from '../../model/table.ts'
import type { Log } from '../log.ts'
import { type OwnerParts, ownerName } from '../owners.ts'
import type { Referee, View } from '../referee.ts'
import { RequestError, refuse } from '../refusal.ts'
import { type AddCall, type Call, type CallRules, isAllowed, isAllowedTarget } from './call.ts'
import {
  addLead,
  expireLeads,
  filterLeads,
  MOST_LEADS,
  type Openings,
  openingsOf,
  removeLead,
  tableOf,
} from './openings.ts'
import { shared } from './shared.ts'

export interface BookParts {
  readonly owner: OwnerParts
  /** Where the ports are opened. */
  readonly addresses: readonly string[]
  readonly style: WebhookStyle
  readonly rules: CallRules
  /** Undefined: nothing is forgotten. */
  readonly expireMs: number | undefined
  readonly referee: Pick<Referee, 'submit' | 'look'>
  /** How long a change may wait for those of others. */
  readonly requestMs: number
  /** Milliseconds since any moment. */
  readonly now: () => number
  readonly log: Log
}

/** What calls have asked for, as the table of an owner of its own. */
export interface Book {
  /**
   * Resolves once what a call asks for is on the disk and served, but for what the view says. Throws a RequestError where that fails; `look` goes on
   * trying then.
   */
  take(call: Call): Promise<View | undefined>
  /** Forgets what has expired, and tries again what could not be served. To be called every few seconds; never rejects. */
  look(): Promise<void>
}

/** In place of a cluster's: no UID of Kubernetes looks like that. */
const UID = 'calls-of-this-machine'

/**
 * Keeps what calls have asked for. Nothing but the table is kept on the disk: after a restart it tells what was asked for, and each client has the whole
 * time again to call. Whoever removes the table, as by `fairway edge table remove`, makes all of it forgotten.
 */
export function openBook(parts: BookParts): Book {
  const { owner, referee, rules, style, now, log } = parts
  const name = ownerName(owner)
  const kept = openingsOf(referee.look(name)?.stored.table ?? EMPTY_TABLE, now())
  let openings = filterLeads(kept, (port, { address }) => isAllowed(port, rules) && isAllowedTarget(address, rules))
  let complaint = ''
  const desk = createDesk(parts)
  const write = shared(() => desk.write(tableOf(openings, parts.addresses, style)))

  function change(next: (before: Openings) => Openings): void {
    if (desk.wasRemoved()) {
      log.warn({ owner: name }, `the table ${name} was removed: what calls asked for before is forgotten`)
      openings = new Map()
    }
    openings = next(openings)
  }

  function add(before: Openings, call: AddCall): Openings {
    checkRoom(before, call)
    const after = addLead(before, call, style, now())
    for (const text of lostLeads(before, after)) log.warn({ owner: name }, `${text} is taken over by "${call.name}"`)
    return after
  }

  function expire(before: Openings): Openings {
    const after = parts.expireMs === undefined ? before : expireLeads(before, now(), parts.expireMs)
    for (const text of lostLeads(before, after)) log.warn({ owner: name }, `${text} has expired: nobody calls for it`)
    return after
  }

  return {
    take: async (call) => {
      change((before) => (call.kind === 'add' ? add(before, call) : removeLead(before, call)))
      return write()
    },
    look: async () => {
      change(expire)
      const failed = await write().then(() => '', errorText)
      if (failed !== '' && failed !== complaint)
        log.error({ owner: name }, `what calls ask for is not served yet: ${failed}`)
      complaint = failed
    },
  }
}

interface Desk {
  /** Resolves with what the referee says of the table, which it is handed if it has another. */
  write(table: Table): Promise<View | undefined>
  /** Whether somebody else has removed what was written. Says so once. */
  wasRemoved(): boolean
}

/** Hands tables to the referee. */
function createDesk({ owner, referee, requestMs }: Pick<BookParts, 'owner' | 'referee' | 'requestMs'>): Desk {
  /** What the referee has; undefined: nothing, or what other settings made of it. */
  let written: string | undefined
  const look = () => referee.look(ownerName(owner))
  return {
    write: async (table) => {
      const text = JSON.stringify(table)
      const view = look()
      if (text === written || (view === undefined && table.frontends.length === 0)) return view
      const put = { kind: 'put' as const, uid: UID, epoch: 0, table }
      const outcome = await referee.submit(owner, view?.stored.generation ?? 0, put, AbortSignal.timeout(requestMs))
      if ('refused' in outcome) throw new RequestError(outcome.refused)
      written = text
      return outcome.view
    },
    wasRemoved: () => {
      if (written === undefined || look() !== undefined) return false
      written = undefined
      return true
    },
  }
}

/** What was there and is not: `port 8080 of "unifi" at 10.0.0.11:30808`. */
function lostLeads(before: Openings, after: Openings): readonly string[] {
  return [...before].flatMap(([port, { name, leads }]) => {
    const left = after.get(port)
    const gone = [...leads.values()].filter(({ address }) => left?.name !== name || !left.leads.has(address))
    return gone.map((lead) => `port ${port} of "${name}" at ${lead.address}:${lead.port}`)
  })
}

function checkRoom(openings: Openings, { port, name, target }: AddCall): void {
  const opening = openings.get(port)
  if (opening?.name !== name || opening.leads.has(target.address) || opening.leads.size < MOST_LEADS) return
  const message = `port ${port} leads to ${MOST_LEADS} addresses already`
  throw new RequestError(refuse('QuotaExceeded', message, 'Delete some, or wait until they expire'))
}
