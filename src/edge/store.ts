import * as z from 'zod'
import { heardTableSchema } from '../model/edge-heard.ts'
import { errorText, FairwayError } from '../model/problems.ts'
import { compareText, frontendKey, makeTable } from '../model/table.ts'
import type { ClaimId } from './claims.ts'
import { findInconsistency } from './consistency.ts'
import type { Files } from './files.ts'
import type { Log } from './log.ts'
import { type OwnerName, type OwnerParts, ownerName, parseOwner } from './owners.ts'
import { seal, unseal } from './sealed.ts'
import type { StoredTable } from './writes.ts'

const CLAIMS = 'claims.json'
const TABLE = /^([^.]+)\.([^.]+)\.table\.json(?:\.corrupt-(\d+))?$/
/** Ends the names of files that wait to take the place of others. */
const NEXT = '.next'

/** What is not known here and stands under a version that is known may be left unread: see `seal`. */
const claimsSchema = z.object({ order: z.array(z.string()) })
const recordSchema = z.object({
  owner: z.string(),
  generation: z.int().min(1),
  uid: z.string(),
  epoch: z.int().min(0),
  writtenAt: z.string(),
  table: heardTableSchema,
})

/** What a folder holds. */
export interface Kept {
  readonly tables: readonly StoredTable[]
  readonly order: readonly ClaimId[]
  /** Owners whose tables were there and could not be read, with the time at which that was found out. */
  readonly lost: ReadonlyMap<OwnerName, number>
}

/** What changes together. */
export interface Changes {
  readonly stored: readonly StoredTable[]
  readonly removed: readonly OwnerParts[]
  /** Undefined: as it is. */
  readonly order: readonly ClaimId[] | undefined
}

/** Changes that are on the disk, and do not count yet. */
export interface Prepared {
  /** Makes them count: at any instant each file is the old or the new one, and once this has resolved all are the new ones, whatever happens. */
  commit(): Promise<void>
  /** Forgets them. */
  discard(): Promise<void>
}

export interface Store {
  load(): Promise<Kept>
  prepare(changes: Changes): Promise<Prepared>
}

/** Keeps tables in a folder, each in a file of its own, and in what order they claimed their sockets. */
export function createStore(files: Files, log: Log, now: () => number = Date.now): Store {
  return {
    load: () => loadAll({ files, log, now }),
    prepare: async ({ stored, removed, order }) => {
      const written = [
        ...(order === undefined ? [] : [[CLAIMS, { order }] as const]),
        ...stored.map((one) => [fileOf(one.owner), { ...one, owner: ownerName(one.owner) }] as const),
      ]
      const discard = () =>
        dropAll(
          files,
          written.map(([name]) => name + NEXT),
        )
      try {
        for (const [name, value] of written) await files.write(name + NEXT, seal(value))
      } catch (error) {
        await discard()
        throw error
      }
      return {
        commit: async () => {
          for (const [name] of written) await files.rename(name + NEXT, name)
          for (const owner of removed) await files.remove(fileOf(owner))
          await files.sync()
        },
        discard,
      }
    },
  }
}

function fileOf({ cluster, className }: OwnerParts): string {
  return `${cluster}.${className}.table.json`
}

/** What stays all the same is overwritten or dropped later. */
async function dropAll(files: Files, names: readonly string[]): Promise<void> {
  await Promise.allSettled(names.map((name) => files.remove(name)))
}

interface Loading {
  readonly files: Files
  readonly log: Log
  readonly now: () => number
}

async function loadAll(loading: Loading): Promise<Kept> {
  const names = (await loading.files.names()).toSorted(compareText)
  // A crash came between preparing and committing: nobody was told that these count.
  const dropped = names.filter((name) => name.endsWith(NEXT))
  await dropAll(loading.files, dropped)
  const tables: StoredTable[] = []
  const lost = new Map<OwnerName, number>()
  for (const name of names) {
    const [, cluster = '', className = '', lostAt] = TABLE.exec(name) ?? []
    const owner = parseOwner(`${cluster}/${className}`)
    if (owner === undefined) continue
    const table = lostAt === undefined ? await loadFile(loading, name, (value) => readRecord(value, owner)) : undefined
    if (table !== undefined) tables.push(table)
    else lost.set(ownerName(owner), Math.max(Number(lostAt ?? loading.now()), lost.get(ownerName(owner)) ?? 0))
  }
  for (const { owner } of tables) lost.delete(ownerName(owner))
  const order = names.includes(CLAIMS) ? await loadFile(loading, CLAIMS, readOrder) : undefined
  return { tables, order: order ?? [], lost }
}

/** Reads the tables and changes nothing: for people, beside an edge that runs. */
export async function readTables(files: Files): Promise<readonly StoredTable[]> {
  const found: StoredTable[] = []
  for (const name of (await files.names()).toSorted(compareText)) {
    const [, cluster = '', className = '', lostAt] = TABLE.exec(name) ?? []
    const owner = lostAt === undefined ? parseOwner(`${cluster}/${className}`) : undefined
    const unsealed = owner === undefined ? undefined : unseal((await files.read(name)) ?? '')
    if (owner === undefined || unsealed?.kind !== 'value') continue
    const table = readRecord(unsealed.value, owner)
    if (table !== undefined) found.push(table)
  }
  return found
}

function readOrder(value: unknown): readonly ClaimId[] | undefined {
  return claimsSchema.safeParse(value).data?.order
}

function readRecord(value: unknown, owner: OwnerParts): StoredTable | undefined {
  const record = recordSchema.safeParse(value).data
  if (record === undefined || record.owner !== ownerName(owner)) return undefined
  const { frontends, groups, foreign } = record.table
  // Under this version a frontend may say more than is known here, but nothing else in place of what is known.
  if (foreign.size > 0 && !foreign.isSubsetOf(new Set(frontends.map(frontendKey)))) return undefined
  if (findInconsistency(frontends, groups) !== undefined) return undefined
  return { ...record, owner, table: makeTable(frontends, groups) }
}

/** The value of a file; undefined when it is not as it was written: then it is set aside, for people to look at. */
async function loadFile<T>(
  { files, log, now }: Loading,
  name: string,
  read: (value: unknown) => T | undefined,
): Promise<T | undefined> {
  const unsealed = unseal((await files.read(name)) ?? '')
  if (unsealed.kind === 'newer') throw tooNew(name, unsealed.version)
  const value = unsealed.kind === 'value' ? read(unsealed.value) : undefined
  if (value !== undefined) return value
  const aside = `${name}.corrupt-${now()}`
  const why = unsealed.kind === 'corrupt' ? unsealed.why : 'its content makes no sense'
  log.error({ file: name, aside }, `${name} is corrupt: ${why}; it is set aside as ${aside}`)
  try {
    await files.rename(name, aside)
    await files.sync()
  } catch (error) {
    log.error({ file: name }, `${name} cannot be set aside: ${errorText(error)}`)
  }
  return undefined
}

function tooNew(name: string, version: number): FairwayError {
  return new FairwayError({
    code: 'ConfigInvalid',
    kind: 'terminal',
    message: `${name} in the state folder is of format ${version}, which this version of fairway does not know`,
    remedy:
      'Start the version that wrote it, or a newer one; or move the file away: the operator whose table it is writes that again within seconds',
  })
}
