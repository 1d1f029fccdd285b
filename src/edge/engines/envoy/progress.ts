import { setTimeout as sleep } from 'node:timers/promises'
import { FairwayError } from '../../../model/problems.ts'
import type { Admin } from './admin.ts'
import type { Kind } from './folder.ts'

/** The last of each of our files that Envoy took as a whole; empty: none. */
export type Versions = Readonly<Record<Kind, string>>

/** What has become of one of our files, each time that Envoy looked. */
export interface Counts {
  readonly taken: number
  /** It could not be read, or something of it was rejected. */
  readonly failed: number
}

const NAMES: Readonly<Record<Kind, string>> = { clusters: 'cluster_manager.cds', listeners: 'listener_manager.lds' }

/** The cheapest of what Envoy tells of itself: the more clusters it has, the longer it takes to tell anything. */
export async function readVersions(admin: Admin, signal: AbortSignal): Promise<Versions> {
  return parseVersions(await admin.get('/stats?type=TextReadouts', signal))
}

/** Reads an answer of `/stats`, where the version of a file that was taken is a text readout. */
export function parseVersions(text: string): Versions {
  const values = valuesOf(text)
  const version = (kind: Kind) => (values.get(`${NAMES[kind]}.version_text`) ?? '').replaceAll('"', '')
  return { clusters: version('clusters'), listeners: version('listeners') }
}

const COUNTS = encodeURI(String.raw`/stats?type=Counters&filter=^(cluster_manager\.cds|listener_manager\.lds)\.update_`)

/** Asks what has become of one of our files so far. */
export async function readCounts(admin: Admin, kind: Kind, signal: AbortSignal): Promise<Counts> {
  return parseCounts(await admin.get(COUNTS, signal), kind)
}

/** Reads an answer of `/stats`: Envoy counts a file that it cannot read apart from one that it rejects. */
export function parseCounts(text: string, kind: Kind): Counts {
  const values = valuesOf(text)
  const count = (name: string) => Number(values.get(`${NAMES[kind]}.update_${name}`) ?? 0)
  return { taken: count('success'), failed: count('rejected') + count('failure') }
}

const WARMING = encodeURI(String.raw`/stats?type=Gauges&filter=^cluster_manager\.warming_clusters$`)

/** Whether clusters are held back until their targets have been checked once. */
export async function isWarming(admin: Admin, signal: AbortSignal): Promise<boolean> {
  return Number(valuesOf(await admin.get(WARMING, signal)).get('cluster_manager.warming_clusters') ?? 0) > 0
}

function valuesOf(text: string): ReadonlyMap<string, string> {
  return new Map(text.split('\n').map((line) => [line.split(': ')[0] ?? '', line.split(': ')[1] ?? '']))
}

/** First targets are checked, then listeners open. */
const STARTS_WITHIN_MS = 15_000
const LOOK_EVERY_MS = 20

/** What a running Envoy has loaded. One that starts is waited for. Throws ProxyUnreachable. */
export async function readLive(admin: Admin, signal: AbortSignal): Promise<Versions> {
  const deadline = performance.now() + STARTS_WITHIN_MS
  while (!(await admin.isLive(signal))) {
    if (performance.now() > deadline) {
      const message = `Envoy has not finished starting in ${STARTS_WITHIN_MS / 1000} seconds`
      throw new FairwayError({ code: 'ProxyUnreachable', kind: 'transient', message, remedy: 'Look into its log' })
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
  return readVersions(admin, signal)
}
