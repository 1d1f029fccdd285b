import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import { HAPROXY_CAPABILITIES } from '../../haproxy/capabilities.ts'
import { readListeners } from '../../haproxy/listeners.ts'
import { revisionConflict } from '../../http/failures.ts'
import type { Listener, Observed } from '../../model/driver.ts'
import { adminListeners } from '../../model/listeners.ts'
import { FairwayError, type Problem } from '../../model/problems.ts'
import { tableOf } from '../common/table-of.ts'
import type { Answer, DataplaneClient } from './client.ts'
import { answerProblem, rejected } from './errors.ts'
import { type Estates, readEstates } from './estates.ts'
import type { DataplaneOptions } from './options.ts'
import { awaitReloads } from './reloads.ts'
import { byName, KINDS, type Kind, type Section, type Sections } from './sections.ts'

/** One reading of a configuration. */
export interface Snapshot {
  readonly observed: Observed
  /** Of the configuration: what a transaction begins with. */
  readonly version: number
  readonly estates: Estates
}

/** Somebody else's commits between the questions: so many are waited out. */
const MOST_READINGS = 5
const PAUSE_MS = 100

/** All sections of the kinds that we write, whoever's they are. */
export interface Configuration {
  readonly version: number
  readonly sections: Sections
  /** The file. */
  readonly raw: string
}

export async function readSnapshot(
  client: DataplaneClient,
  options: DataplaneOptions,
  signal: AbortSignal,
): Promise<Snapshot> {
  return snapshotOf(options, await readConfiguration(client, options, signal))
}

/** Reads the configuration when no reload is due: one that fails takes back what the file has had in the meantime. */
export async function readConfiguration(
  client: DataplaneClient,
  options: DataplaneOptions,
  signal: AbortSignal,
): Promise<Configuration> {
  await awaitReloads(client, options, signal)
  for (let reading = 1; reading <= MOST_READINGS; reading++) {
    const version = await readVersion(client, options, signal)
    const read = await Promise.all(KINDS.map((kind) => readSections(client, options, kind, signal)))
    const raw = await client.get('/configuration/raw', signal)
    if (raw.status !== 200) throw new FairwayError(answerProblem(options, raw.status, raw.body))
    if ((await readVersion(client, options, signal)) === version)
      return { version, sections: sectionsOf(read), raw: raw.body }
    await delay(PAUSE_MS, undefined, { signal })
  }
  throw new FairwayError(revisionConflict(options, 'HAProxy'))
}

async function readVersion(client: DataplaneClient, options: DataplaneOptions, signal: AbortSignal): Promise<number> {
  return parse(options, z.number(), await client.get('/configuration/version', signal))
}

const sectionsShape = z.array(z.looseObject({ name: z.string() }))

async function readSections(
  client: DataplaneClient,
  options: DataplaneOptions,
  kind: Kind,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Section>> {
  return byName(parse(options, sectionsShape, await client.get(`/configuration/${kind}?full_section=true`, signal)))
}

/** The body of a good answer. Throws what a bad one stands for. */
export function parse<T extends z.ZodType>(
  options: DataplaneOptions,
  schema: T,
  { status, body }: Answer,
): z.output<T> {
  const parsed = status >= 200 && status < 300 ? schema.safeParse(jsonOf(body)) : undefined
  if (parsed?.success === true) return parsed.data
  throw new FairwayError(answerProblem(options, status, body))
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // Something else answers at that URL: the schema fails on it.
    return undefined
  }
}

function sectionsOf([defaults, backends, frontends]: readonly ReadonlyMap<string, Section>[]): Sections {
  const none: ReadonlyMap<string, Section> = new Map()
  return { defaults: defaults ?? none, backends: backends ?? none, frontends: frontends ?? none }
}

function snapshotOf(options: DataplaneOptions, { version, sections, raw }: Configuration): Snapshot {
  const estates = readEstates(options, sections)
  const mine = new Set([...estates.ours.sections.frontends.keys()].map((name) => `frontend ${name}`))
  const listeners = readListeners(raw).filter(({ holder }) => !mine.has(holder))
  const observed = observe(version, estates, [...listeners, ...adminListeners(options.url)])
  return { observed: { ...observed, trouble: findTrouble(options, version, raw) }, version, estates }
}

/** After a reload that failed the API has restored the file, and yet goes on with what was committed (3.4): its answers are not what is served. */
function findTrouble(options: DataplaneOptions, version: number, raw: string): Problem | undefined {
  const written = /^# _version=(\d+)$/m.exec(raw)?.[1]
  if (written === undefined || Number(written) === version) return undefined
  const text = 'it holds a configuration that HAProxy did not load, beside a file that it did'
  const remedy = 'Restart the Data Plane API, which reads its file anew; its log tells whose commit it was'
  return { ...rejected(options, text, 'transient'), remedy }
}

function observe(version: number, { ours, siblings }: Estates, listeners: readonly Listener[]): Observed {
  const entries = ours.sockets.flatMap((socket) => socket.entries)
  const served = entries.flatMap(({ route, drifted }) => (route === undefined || drifted ? [] : [route]))
  return {
    revision: String(version),
    table: tableOf(served),
    drifted: new Set(entries.flatMap(({ key, drifted }) => (drifted ? [key] : []))),
    listeners,
    siblings: siblings.flatMap(({ holder, sockets }) =>
      sockets.flatMap((socket) => socket.entries.map(({ key }) => ({ className: holder.className, key }))),
    ),
    refused: [],
    notices: [],
    trouble: undefined,
    capabilities: HAPROXY_CAPABILITIES,
  }
}
