import type { Refusal } from '../model/driver.ts'
import { errorText, FairwayError, type Problem } from '../model/problems.ts'
import { type Arbitration, arbitrate, createBinder, type OwnedTable } from './arbitrate.ts'
import type { ClaimId } from './claims.ts'
import { type Draft, draftTables, type Tables } from './draft.ts'
import { engineFailed, onDisk, problemOf, tellableTo, waitsForLost } from './failures.ts'
import { createGrievance, type Grievance } from './grievance.ts'
import type { Log } from './log.ts'
import { createLoop, type Loop, type LoopTiming } from './loop.ts'
import { type OwnerName, type OwnerParts, ownerName } from './owners.ts'
import { createProposals } from './proposals.ts'
import { type Refused, RequestError, refuse } from './refusal.ts'
import type { Rules } from './rules.ts'
import type { Served, Serving } from './serve.ts'
import type { Kept, Prepared, Store } from './store.ts'
import { tellFixed } from './tell-fixed.ts'
import { tellWrites } from './tell-writes.ts'
import type { StoredTable, Write } from './writes.ts'

export interface RefereeParts {
  /** As its log and its messages call the program. */
  readonly engineName: string
  readonly store: Store
  readonly kept: Kept
  readonly serving: Serving
  /** Frontends of the edge's own configuration. */
  readonly fixed: readonly OwnedTable[]
  /** Asked at every pass: the machine's addresses come and go. */
  readonly rules: () => Rules
  readonly timing: LoopTiming & {
    /** Sockets that something else has are looked at this often. */
    readonly lookMs: number
  }
  readonly now: () => number
  readonly onPass: (how: Served['how'] | 'failed', seconds: number) => void
  readonly log: Log
}

/** What an owner is told. */
export interface View {
  readonly stored: StoredTable
  readonly refused: readonly Refusal[]
  readonly notices: readonly Refusal[]
  /** Why nothing is known to be served as the tables say. */
  readonly trouble: Problem | undefined
}

/** A change that is on the disk, and does not count yet. */
interface Step {
  readonly arbitration: Arbitration
  readonly prepared: Prepared
}

export interface Done {
  /** Undefined: the table is gone. */
  readonly view: View | undefined
}

/** How long the others wait for an owner whose table was lost; operators look every 15 seconds. */
const LOST_MS = 120_000

/**
 * Keeps the tables of all owners, on the disk and on the program. A write is prepared on the disk, then served, then made to count, and only then
 * acknowledged: what is acknowledged is served after any crash, what is not is the old table or the new one, and a table that the program does
 * not take is on the disk for no restart to find.
 */
export class Referee {
  readonly #parts: RefereeParts
  readonly #proposals = createProposals<Done>()
  readonly #bind = createBinder()
  readonly #grievance: Grievance
  readonly #loop: Loop
  #tables: Tables
  #order: readonly ClaimId[]
  #served: Served | undefined
  #trouble: Problem | undefined
  #look: NodeJS.Timeout | undefined

  constructor(parts: RefereeParts) {
    this.#parts = parts
    this.#tables = new Map(parts.kept.tables.map((stored) => [ownerName(stored.owner), stored]))
    this.#order = parts.kept.order
    this.#grievance = createGrievance(parts.log)
    this.#loop = createLoop(() => this.#pass(), parts.timing, parts.log)
  }

  /** Serves the tables that were kept, as far as the program lets it, and goes on trying. */
  async start(): Promise<void> {
    await this.#loop.runOnce()
    this.#look ??= setInterval(() => void this.#lookForFreed(), this.#parts.timing.lookMs)
  }

  async #lookForFreed(): Promise<void> {
    if (await this.#parts.serving.hasFreed()) this.#loop.kick()
  }

  /** Resolves when a write is on the disk and served but for what the view says, or with why not. The signal withdraws it while it waits. */
  submit(
    owner: OwnerParts,
    expected: number,
    write: Write,
    signal: AbortSignal,
  ): Promise<Done | { readonly refused: Refused }> {
    const outcome = this.#proposals.submit({ owner, expected, write }, signal)
    this.#loop.kick()
    return outcome
  }

  look(owner: OwnerName): View | undefined {
    const stored = this.#tables.get(owner)
    if (stored === undefined) return undefined
    const trouble = this.#trouble && tellableTo(owner, this.#trouble, this.#tables.keys())
    const { refused, notices } = this.#served ?? {}
    return { stored, refused: refused?.get(owner) ?? [], notices: notices?.get(owner) ?? [], trouble }
  }

  get tables(): Tables {
    return this.#tables
  }

  get served(): Served | undefined {
    return this.#served
  }

  /** Why nothing, or not all of it, is known to be served. */
  get trouble(): Problem | undefined {
    return this.#trouble ?? this.#served?.trouble
  }

  /** Ends after the pass in hand. What waits is refused. */
  async stop(): Promise<void> {
    clearInterval(this.#look)
    this.#proposals.close()
    await this.#loop.stop()
  }

  async #pass(): Promise<boolean> {
    const batch = this.#proposals.take()
    const draft = draftTables(this.#tables, batch, new Date(this.#parts.now()).toISOString())
    const idle = batch.length > 0 && draft.accepted.length === 0
    const good = idle ? this.trouble === undefined : await this.#change(draft)
    if (this.#proposals.size() > 0) this.#loop.kick()
    return good
  }

  /** Resolves with whether nothing is left to be tried again. */
  async #change(draft: Draft<Done>): Promise<boolean> {
    if (isIncomplete(this.#parts, draft.tables)) {
      this.#trouble = waitsForLost()
      for (const { settle } of draft.accepted) settle({ refused: busy(this.#trouble) })
      return false
    }
    const startedAt = performance.now()
    const seconds = () => (performance.now() - startedAt) / 1000
    let prepared: Step | undefined
    try {
      prepared = await this.#prepare(draft)
      const served = await this.#carryOut(prepared)
      this.#parts.onPass(served.how, seconds())
      this.#accept(draft, prepared.arbitration, served)
      // What a program has that cannot be worked is not known, and it must be able to start with it.
      if (served.trouble !== undefined) return false
    } catch (error) {
      this.#parts.onPass('failed', seconds())
      return this.#giveUp(draft, error, prepared !== undefined)
    }
    await this.#tidy()
    return true
  }

  /** Rejects with a RequestError. */
  async #prepare({ tables, stored, removed }: Draft<Done>): Promise<Step> {
    const { store, fixed, rules } = this.#parts
    const input = { fixed, tables: [...tables.values()], order: this.#order, rules: rules() }
    const arbitration = arbitrate(input, this.#bind)
    const order = isSame(arbitration.order, this.#order) ? undefined : arbitration.order
    return { arbitration, prepared: await onDisk(() => store.prepare({ stored, removed, order })) }
  }

  /** Rejects with a RequestError when the disk fails, and with anything else when the program does. */
  async #carryOut({ arbitration, prepared }: Step): Promise<Served> {
    let served: Served
    try {
      served = await this.#parts.serving.serve(arbitration)
    } catch (error) {
      await prepared.discard()
      throw error
    }
    await onDisk(() => prepared.commit())
    return served
  }

  #accept(draft: Draft<Done>, { order }: Arbitration, served: Served): void {
    const { log } = this.#parts
    tellFixed(this.#served?.refused, served.refused, log)
    this.#tables = draft.tables
    this.#order = order
    this.#served = served
    this.#trouble = undefined
    if (served.trouble === undefined) this.#grievance.end()
    else this.#grievance.tell(new FairwayError(served.trouble))
    tellWrites(draft, served, log)
    for (const { owner, settle } of draft.accepted) settle({ view: this.look(ownerName(owner)) })
  }

  /** Everything stays as it was. Resolves with whether that is served. Writes that failed together are tried alone: one of them may be to blame. */
  async #giveUp({ accepted }: Draft<Done>, error: unknown, wasTried: boolean): Promise<boolean> {
    const [first, ...others] = accepted
    const isDisk = error instanceof RequestError
    const problem = problemOf(error, this.#parts.engineName)
    if (first === undefined) {
      this.#grievance.tell(error)
      if (!isDisk) this.#trouble = problem
      return false
    }
    if (others.length > 0 && !isDisk) {
      this.#grievance.tellOnce(error)
      this.#proposals.retryAlone(accepted)
      return false
    }
    // The program may have got some of it. It must not start with what is refused, so that is undone before anybody is told.
    const isUndone = wasTried && (await this.#change(draftTables(this.#tables, [], '')))
    this.#grievance.tellOnce(error)
    for (const { owner, settle } of accepted) {
      const tellable = () => tellableTo(ownerName(owner), problem, this.#tables.keys())
      settle({ refused: isDisk ? error.refused : engineFailed(tellable()) })
    }
    return isUndone
  }

  async #tidy(): Promise<void> {
    const { serving, log } = this.#parts
    try {
      await serving.tidy(this.#served?.sockets ?? [])
    } catch (error) {
      log.error({ err: error }, `addresses that are not needed any more stay: ${errorText(error)}`)
    }
  }
}

/** Whether a table that was lost is still missing, and may yet come. */
function isIncomplete({ kept, now }: RefereeParts, tables: Tables): boolean {
  return [...kept.lost].some(([owner, sinceMs]) => !tables.has(owner) && now() < sinceMs + LOST_MS)
}

function busy({ message, remedy }: Problem): Refused {
  return refuse('Busy', message, remedy)
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index])
}
